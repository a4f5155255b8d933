//! Stopped past its lease at any point of its storage, while others work on the warehouse, and woken: a
//! night or a verb does no harm. Every table of every later release is whole, nobody's rows are lost, who
//! was forgotten is in no byte, and the next night runs.
//!
//! `SILLAGE_SLEEPERS=1000` puts that many to sleep, spread over the points of all verbs; without it twelve.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::five_nights::{FiveNights, Words, ends_within};
use crate::forget::{files_below, text_of};
use crate::nights::tables;
use crate::shop::{Ran, copy_folder, query, shelf};

const LEASE: Duration = Duration::from_millis(400);
/// Whom the sleeper forgets, and whom those who work meanwhile do.
const FORGOTTEN: &str = "person5@example.org";
const FORGOTTEN_MEANWHILE: &str = "person7@example.org";
/// The orders of everybody else.
const OTHERS: &str = "select count(*) as n, sum(net_amount) as s from raw.web_orders
                      where email not in ('person5@example.org', 'person7@example.org')";

/// The nights, and everybody else's orders when nobody sleeps.
struct Base {
    nights: FiveNights,
    others: String,
}

const SLEEPERS: [Words; 6] = [
    &["forget", "shop.toml", "--id", "email=person5@example.org", "--yes"],
    &["run", "shop.toml"],
    &["vacuum", "--keep-releases", "1", "--older-than", "0s"],
    &["optimize"],
    &["restore", "3"],
    &["backup", "copy"],
];

const MEANWHILE: [&[Words]; 4] = [
    &[&["run", "shop.toml"]],
    &[&["forget", "shop.toml", "--id", "email=person7@example.org", "--yes"]],
    &[&["run", "shop.toml"], &["forget", "shop.toml", "--id", "email=person7@example.org", "--yes"]],
    &[&["optimize"], &["vacuum", "--keep-releases", "1", "--older-than", "0s"]],
];

impl Base {
    fn new() -> Base {
        let nights = FiveNights::new();
        let whole = nights.shop.warehouse("whole");
        copy_folder(&nights.warehouse, &whole);
        nights.shop.run(&whole, &[]).published();
        let others = query(&whole, OTHERS);
        Base { nights, others }
    }

    fn verb(&self, words: Words, warehouse: &Path) -> Command {
        let mut command = self.nights.verb(words, warehouse);
        if words[0] != "backup" {
            command.arg("--wait=30s");
        }
        command.env("SILLAGE_FAULT_LEASE_MS", LEASE.as_millis().to_string());
        command
    }

    fn fresh(&self) -> PathBuf {
        self.nights.fresh(&self.nights.warehouse)
    }

    /// How many points a verb passes that nobody disturbs.
    fn points(&self, words: Words) -> u64 {
        let (warehouse, listed) = (self.fresh(), self.nights.shop.path().join("points"));
        let mut verb = self.verb(words, &warehouse);
        Ran::of(verb.env("SILLAGE_FAULT_POINTS", &listed).output().unwrap()).published();
        fs::read_to_string(&listed).unwrap().lines().count() as u64
    }

    /// Puts the verb to sleep at the point, does the others meanwhile, and wakes it; false where the verb
    /// was over before it came to the point.
    fn sleeps(&self, words: Words, point: u64, meanwhile: &[Words]) -> bool {
        let told = format!("{words:?} asleep at point {point}, meanwhile {meanwhile:?}");
        let warehouse = self.fresh();
        let mut sleeper = self.verb(words, &warehouse);
        let mut sleeper = sleeper.env("SILLAGE_FAULT_SLEEP", point.to_string()).spawn().unwrap();
        if !falls_asleep(&mut sleeper) {
            return false;
        }
        std::thread::sleep(LEASE);
        for words in meanwhile {
            let ran = Ran::of(self.verb(words, &warehouse).output().unwrap());
            assert_eq!(ran.code, Some(0), "{told}: {words:?}: {}", ran.stderr);
        }
        Command::new("kill").args(["-CONT", &sleeper.id().to_string()]).status().unwrap();
        let woken = ends_within(sleeper, Duration::from_secs(60), &told);
        assert!(matches!(woken.code, Some(0..=5)), "{told}: {:?}: {}", woken.code, woken.stderr);

        let said = format!("{told}; then it said: {}{}", woken.stdout, woken.stderr);
        // Every table of the last release can be read whole, and the shelf is there.
        assert!(!tables(&warehouse).is_empty() && !shelf(&warehouse).is_empty(), "{said}");
        if words[0] == "backup" {
            // It had become a whole copy before the erasure that it slept through.
            if woken.stderr.contains("delete it, and copy again") {
                fs::remove_dir_all(self.nights.shop.warehouse("copy")).unwrap();
            }
            self.copy_is_whole(&warehouse, woken.code == Some(0), &said);
        }
        let night = Ran::of(self.verb(&["run", "shop.toml"], &warehouse).output().unwrap());
        assert_eq!(night.code, Some(0), "{said}; the next night: {}", night.stderr);
        assert_eq!(query(&warehouse, OTHERS), self.others, "{said}");
        assert!(!tables(&warehouse).is_empty(), "{said}");
        let forgot = |words: &Words| words[0] == "forget";
        let mut gone = Vec::new();
        gone.extend(meanwhile.iter().any(forgot).then_some(FORGOTTEN_MEANWHILE));
        gone.extend((forgot(&words) && woken.code == Some(0)).then_some(FORGOTTEN));
        for file in files_below(&warehouse) {
            let text = text_of(&file);
            for person in &gone {
                assert!(!text.contains(person), "{person} is in {}: {said}", file.display());
            }
        }
        true
    }

    /// What says that it is a copy is one; another one is made to the same place.
    fn copy_is_whole(&self, warehouse: &Path, is_done: bool, told: &str) {
        let copy = self.nights.shop.warehouse("copy");
        if !is_done {
            let again = Ran::of(self.verb(&["backup", "copy"], warehouse).output().unwrap());
            assert_eq!(again.code, Some(0), "{told}: again: {}", again.stderr);
        }
        assert!(!tables(&copy).is_empty() && !shelf(&copy).is_empty(), "{told}");
    }
}

/// Waits until the process is stopped; false when it ended first.
fn falls_asleep(child: &mut Child) -> bool {
    let stat = format!("/proc/{}/stat", child.id());
    loop {
        let state = fs::read_to_string(&stat).unwrap_or_default();
        let state = state.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        if state == Some('T') {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn whoever_sleeps_past_the_lease_does_no_harm_when_woken() {
    let asked: Option<u64> = std::env::var("SILLAGE_SLEEPERS").ok().and_then(|n| n.parse().ok());
    let trials = asked.unwrap_or(12);
    let base = Base::new();
    let points = SLEEPERS.map(|words| base.points(words));
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(asked.unwrap_or(0));
    let (mut slept, mut n) = (0, 0);
    while slept < trials {
        let verb = n % SLEEPERS.len();
        let meanwhile = MEANWHILE[chance.gen_range(0..MEANWHILE.len())];
        // The last points are those of what follows a decision: they come twice as often.
        let from = if chance.gen_bool(0.5) { points[verb] / 2 } else { 1 };
        let point = chance.gen_range(from.max(1)..=points[verb]);
        slept += u64::from(base.sleeps(SLEEPERS[verb], point, meanwhile));
        n += 1;
    }
    println!("{slept} slept, 0 differences; points of {SLEEPERS:?}: {points:?}");
}
