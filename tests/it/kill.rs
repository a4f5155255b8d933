//! A run that is killed anywhere and started again ends in the same tables as if nothing had happened, and
//! until it is published everybody reads the release before.
//!
//! `SILLAGE_KILLS=200` kills two hundred times; without it, about twenty-five times.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::nights::{Nights, answer, journal_entries, wait_for};
use crate::shop::{Shop, copy_folder, query, shelf};

/// Where a strike met the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    BeforeTheJournal,
    BeforeAnyStep,
    AfterSteps,
    AfterTheIntent,
    AfterTheRelease,
    AfterTheShelf,
    /// The run was quicker.
    Over,
}

/// When to strike.
#[derive(Debug, Clone, Copy)]
enum Moment {
    FromTheStart(Duration),
    OnceIntended(Duration),
    OnceReleased(Duration),
}

#[test]
fn a_night_killed_anywhere_and_started_again_ends_in_the_same_tables() {
    let strikes: usize = std::env::var("SILLAGE_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(25);
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(9);
    let nights = Nights::unharmed();
    let mut met: BTreeMap<Phase, usize> = BTreeMap::new();
    let (mut killed, mut n) = (0, 0);
    // Nights that were quicker than the strike make the next strikes come sooner.
    let mut pace = 1.0;
    while killed < strikes {
        let first_night = n % 4 == 0;
        let times = if n % 5 == 4 { 2 } else { 1 };
        let warehouse = nights.shop.warehouse(&format!("struck_{n}"));
        if !first_night {
            copy_folder(&nights.base, &warehouse);
        }
        let reader = (!first_night).then(|| Reader::watch(&nights, &warehouse));
        for _ in 0..times {
            let moment = match n % 3 {
                // One of each phase, whatever the machine is busy with.
                2 if n == 2 => Moment::OnceIntended(Duration::ZERO),
                2 if n % 2 == 0 => {
                    Moment::OnceIntended(nights.publishing.mul_f64(pace * chance.gen_range(0.0..0.9)))
                }
                2 => Moment::OnceReleased(Duration::from_micros(chance.gen_range(0..10_000))),
                _ => Moment::FromTheStart(nights.wall.mul_f64(pace * chance.gen_range(0.0..1.0))),
            };
            let release = if first_night { 1 } else { 2 };
            let phase = strike(nights.start(&warehouse, first_night), &warehouse, release, moment);
            *met.entry(phase).or_default() += 1;
            match phase {
                Phase::Over => pace *= 0.95,
                _ => killed += 1,
            }
            if !first_night {
                nights.old_or_new(&warehouse);
            }
        }
        let message = nights.finish(&warehouse, first_night);
        let (expected, name) = if first_night { (&nights.old, "first") } else { (&nights.new, "second") };
        assert_eq!(&shelf(&warehouse), expected, "the {name} night, strike {n}: {message}");
        if let Some(reader) = reader {
            reader.stop();
        }
        // The tables after the shelf are whole, too.
        if n % 8 == 0 {
            let lines = query(&warehouse, "select count(*) as n, sum(net_amount) as s from core.order_lines");
            assert_eq!(lines, if first_night { &nights.old_lines } else { &nights.new_lines }.as_str());
        }
        fs::remove_dir_all(&warehouse).unwrap();
        n += 1;
    }
    println!("{killed} kills in {n} nights, 0 differences: {met:?}");
    assert!(met.contains_key(&Phase::AfterSteps) && met.contains_key(&Phase::AfterTheIntent), "{met:?}");
}

#[test]
fn a_journal_that_outlived_its_release_costs_no_file() {
    // Killed while it swept the journal of what it had just published: the published files stay.
    let nights = Nights::unharmed();
    let warehouse = nights.shop.warehouse("swept");
    copy_folder(&nights.base, &warehouse);
    let journal = warehouse.join(format!("_sillage/journal/{:020}", 2));
    let mut night = nights.start(&warehouse, false);
    wait_for(&mut night, || journal.join("intent.json").exists());
    night.kill().unwrap();
    night.wait().unwrap();
    let kept = nights.shop.warehouse("kept_journal");
    copy_folder(&journal, &kept);
    nights.finish(&warehouse, false);
    for without in [&["intent.json"][..], &[], &["step-"], &["step-", "intent.json"]] {
        let again = nights.shop.warehouse("again");
        copy_folder(&warehouse, &again);
        copy_folder(&kept, &again.join(format!("_sillage/journal/{:020}", 2)));
        for path in journal_entries(&again, 2) {
            let name = path.file_name().unwrap().to_str().unwrap();
            if without.iter().any(|gone| name.starts_with(gone)) {
                fs::remove_file(&path).unwrap();
            }
        }
        nights.finish(&again, false);
        assert_eq!(shelf(&again), nights.new, "without {without:?}");
        let lines = query(&again, "select count(*) as n, sum(net_amount) as s from core.order_lines");
        assert_eq!(lines, nights.new_lines, "without {without:?}");
        fs::remove_dir_all(&again).unwrap();
    }
}

#[test]
fn a_night_that_fails_and_is_killed_fails_again_and_leaves_the_old_one() {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(10);
    let nights = Nights::unharmed();
    let good = fs::read_to_string(nights.shop.exports().join("tickets/06.csv")).unwrap();
    nights.shop.put("tickets", "06.csv", &format!("{good}T9;01/12/2025 10:00;;P001;1;-5,00\n"));
    for n in 0..5 {
        let warehouse = nights.shop.warehouse(&format!("failing_{n}"));
        copy_folder(&nights.base, &warehouse);
        // Mostly when its checks have failed and it writes that down.
        let moment = Moment::FromTheStart(nights.wall.mul_f64(chance.gen_range(0.4..1.0)));
        strike(nights.start(&warehouse, false), &warehouse, 2, moment);
        nights.shop.run(&warehouse, &[]).refused(1, &["net_amount >= 0", "nothing was published"]);
        assert_eq!(shelf(&warehouse), nights.old);
        assert_eq!(answer(&warehouse, None).1, nights.old_answer);
        if n == 4 {
            nights.shop.put("tickets", "06.csv", &good);
            nights.finish(&warehouse, false);
            assert_eq!(shelf(&warehouse), nights.new);
        }
    }
}

#[test]
fn a_killed_night_that_is_not_taken_up_leaves_nothing_behind() {
    let nights = Nights::unharmed();
    let (unharmed, struck) = (nights.shop.warehouse("later"), nights.shop.warehouse("struck"));
    copy_folder(&nights.base, &unharmed);
    copy_folder(&nights.base, &struck);
    let later = ["--as-of", "2026-02-01"];
    nights.shop.run(&unharmed, &later).published();
    let mut night = nights.start(&struck, false);
    wait_for(&mut night, || {
        journal_entries(&struck, 2).iter().any(|entry| entry.ends_with("step-mart.customer_360.json"))
    });
    night.kill().unwrap();
    night.wait().unwrap();
    // Another instant is another night: what was staged for the first must not come into it.
    let message = nights.shop.run(&struck, &later).published();
    assert!(message.stderr.contains("2026-01-01"), "{}", message.stderr);
    assert_eq!(shelf(&struck), shelf(&unharmed));
    assert_eq!(journal_entries(&struck, 2), Vec::<PathBuf>::new());
}

/// Reads the warehouse over and over while others strike.
struct Reader {
    stop: std::sync::Arc<AtomicBool>,
    thread: std::thread::JoinHandle<usize>,
}

impl Reader {
    fn watch(nights: &Nights, warehouse: &Path) -> Reader {
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let (stopped, warehouse) = (stop.clone(), warehouse.to_owned());
        let nights = Nights {
            shop: Shop::new(),
            before: Shop::new(),
            base: nights.base.clone(),
            old: nights.old.clone(),
            new: nights.new.clone(),
            old_answer: nights.old_answer.clone(),
            new_answer: nights.new_answer.clone(),
            old_lines: String::new(),
            new_lines: String::new(),
            ..*nights
        };
        let thread = std::thread::spawn(move || {
            let mut reads = 0;
            while !stopped.load(Ordering::SeqCst) {
                nights.old_or_new(&warehouse);
                reads += 1;
                std::thread::sleep(Duration::from_millis(100));
            }
            reads
        });
        Reader { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::SeqCst);
        assert!(self.thread.join().expect("the reader met half a night") > 0);
    }
}

/// Kills the run at that moment; where it met it.
fn strike(mut night: Child, warehouse: &Path, release: u64, moment: Moment) -> Phase {
    let journal = warehouse.join(format!("_sillage/journal/{release:020}"));
    let published = warehouse.join(format!("_sillage/releases/{release:020}.json"));
    let delay = match moment {
        Moment::FromTheStart(delay) => delay,
        Moment::OnceIntended(delay) => {
            wait_for(&mut night, || journal.join("intent.json").exists() || published.exists());
            delay
        }
        Moment::OnceReleased(delay) => {
            wait_for(&mut night, || published.exists());
            delay
        }
    };
    std::thread::sleep(delay);
    if night.try_wait().unwrap().is_some() {
        return Phase::Over;
    }
    night.kill().unwrap();
    night.wait().unwrap();
    let shelved = fs::read_link(warehouse.join("bi")).is_ok_and(|l| l.ends_with(format!("{release:020}")));
    let entries = journal_entries(warehouse, release);
    let named = |start: &str| {
        entries.iter().any(|entry| entry.file_name().unwrap().to_str().unwrap().starts_with(start))
    };
    if shelved {
        Phase::AfterTheShelf
    } else if published.exists() {
        Phase::AfterTheRelease
    } else if journal.join("intent.json").exists() {
        Phase::AfterTheIntent
    } else if named("step-") {
        Phase::AfterSteps
    } else if named("begun.json") {
        Phase::BeforeAnyStep
    } else {
        Phase::BeforeTheJournal
    }
}
