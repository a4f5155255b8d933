//! A run or command that sleeps at any storage operation longer than its lease, while others work on the
//! warehouse, and wakes up, does no harm: every table of every later release is complete, no row is lost, no
//! byte of an erased person is left, and the next run works.
//!
//! `SILLAGE_SLEEPERS=1000` tries that many, spread over the operations of all commands; without it twelve.
//! `SILLAGE_S3_SLEEPERS=100` does so on an S3 server (moto, from PyPI); without it two.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::five_nights::{FiveNights, Words, ends_within};
use crate::forget::{files_below, text_of};
use crate::migration::to_format_1;
use crate::nights::tables;
use crate::object_store::S3;
use crate::shop::{CommandResult, copy_folder, query, shelf};

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
    /// The same warehouse in the first format there was.
    of_format_1: PathBuf,
    others: String,
    /// Where a trial's warehouse is a bucket.
    s3: Option<S3>,
    trials: Cell<u32>,
}

const SLEEPERS: [Words; 7] = [
    &["forget", "shop.toml", "--id", "email=person5@example.org", "--yes"],
    &["run", "shop.toml"],
    &["vacuum", "--keep-releases", "1", "--older-than", "0s"],
    &["optimize"],
    &["restore", "3"],
    &["backup", "copy"],
    &["migrate"],
];

const RUN: Words = &["run", "shop.toml"];
const FORGET: Words = &["forget", "shop.toml", "--id", "email=person7@example.org", "--yes"];
const VACUUM: Words = &["vacuum", "--keep-releases", "1", "--older-than", "0s"];
const MEANWHILE: [&[Words]; 5] =
    [&[RUN], &[FORGET], &[RUN, FORGET], &[&["optimize"], VACUUM], &[&["restore", "2"]]];

impl Base {
    fn new(s3: Option<S3>) -> Base {
        let nights = FiveNights::new();
        let whole = nights.shop.warehouse("whole");
        copy_folder(&nights.warehouse, &whole);
        nights.shop.run(&whole, &[]).published();
        let others = query(&whole, OTHERS);
        let of_format_1 = nights.shop.warehouse("format_1");
        copy_folder(&nights.warehouse, &of_format_1);
        to_format_1(&of_format_1);
        Base { nights, of_format_1, others, s3, trials: Cell::new(0) }
    }

    fn verb(&self, words: Words, warehouse: &Path) -> Command {
        let mut command = self.nights.verb(words, warehouse);
        if words[0] != "backup" {
            command.arg("--wait=30s");
        }
        command.env("SILLAGE_FAULT_LEASE_MS", LEASE.as_millis().to_string());
        if let Some(s3) = &self.s3 {
            s3.known_to(&mut command);
        }
        command
    }

    /// A copy of the warehouse as the verb finds it.
    fn fresh(&self, words: Words) -> PathBuf {
        let base = if words[0] == "migrate" { &self.of_format_1 } else { &self.nights.warehouse };
        let folder = self.nights.fresh(base);
        let Some(s3) = &self.s3 else { return folder };
        self.trials.set(self.trials.get() + 1);
        let bucket = format!("trial{}", self.trials.get());
        s3.bucket_of(&bucket, &folder);
        PathBuf::from(format!("s3://{bucket}"))
    }

    /// The warehouse as it is now, in a folder.
    fn seen(&self, warehouse: &Path) -> PathBuf {
        let Some(s3) = &self.s3 else { return warehouse.to_owned() };
        let bucket = warehouse.file_name().unwrap().to_str().unwrap();
        let folder = self.nights.shop.warehouse("trial");
        let _ = fs::remove_dir_all(&folder);
        s3.copy_bucket(bucket, &folder);
        folder
    }

    /// How many points a verb passes that nobody disturbs.
    fn points(&self, words: Words) -> u64 {
        let (warehouse, listed) = (self.fresh(words), self.nights.shop.path().join("points"));
        let mut verb = self.verb(words, &warehouse);
        CommandResult::of(verb.env("SILLAGE_FAULT_POINTS", &listed).output().unwrap()).published();
        fs::read_to_string(&listed).unwrap().lines().count() as u64
    }

    /// Puts the verb to sleep at the point, does the others meanwhile, and wakes it; false where the verb
    /// was over before it came to the point.
    fn sleeps(&self, words: Words, point: u64, meanwhile: &[Words]) -> bool {
        let trial = format!("{words:?} asleep at point {point}, meanwhile {meanwhile:?}");
        let warehouse = self.fresh(words);
        let mut sleeper = self.verb(words, &warehouse);
        let mut sleeper = sleeper.env("SILLAGE_FAULT_SLEEP", point.to_string()).spawn().unwrap();
        if !falls_asleep(&mut sleeper) {
            return false;
        }
        std::thread::sleep(LEASE);
        let first: &[Words] = if words[0] == "migrate" { &[&["migrate"]] } else { &[] };
        for words in first.iter().chain(meanwhile) {
            let ran = CommandResult::of(self.verb(words, &warehouse).output().unwrap());
            // The erasure that sleeps may have purged it.
            let is_gone = words[0] == "restore" && ran.stderr.contains("has no release 2");
            assert!(ran.code == Some(0) || is_gone, "{trial}: {words:?}: {}", ran.stderr);
        }
        Command::new("kill").args(["-CONT", &sleeper.id().to_string()]).status().unwrap();
        let woken = ends_within(sleeper, Duration::from_secs(60), &trial);
        assert!(matches!(woken.code, Some(0..=5)), "{trial}: {:?}: {}", woken.code, woken.stderr);

        let trial = format!("{trial}; then it said: {}{}", woken.stdout, woken.stderr);
        // Every table of the last release can be read whole, and the shelf is there.
        let seen = self.seen(&warehouse);
        assert!(!tables(&seen).is_empty() && !shelf(&seen).is_empty(), "{trial}");
        if words[0] == "backup" {
            self.copy_is_whole(&warehouse, woken.code == Some(0), &trial);
        }
        let mut gone = Vec::new();
        gone.extend(meanwhile.contains(&FORGET).then_some(FORGOTTEN_MEANWHILE));
        gone.extend((words[0] == "forget" && woken.code == Some(0)).then_some(FORGOTTEN));
        self.are_forgotten(&seen, &gone, &trial);
        let night = CommandResult::of(self.verb(RUN, &warehouse).output().unwrap());
        assert_eq!(night.code, Some(0), "{trial}; the next night: {}", night.stderr);
        let seen = self.seen(&warehouse);
        assert_eq!(query(&seen, OTHERS), self.others, "{trial}");
        assert!(!tables(&seen).is_empty(), "{trial}");
        self.are_forgotten(&seen, &gone, &trial);
        true
    }

    /// They are in no byte of the warehouse.
    fn are_forgotten(&self, warehouse: &Path, gone: &[&str], trial: &str) {
        for file in files_below(warehouse) {
            let text = if gone.is_empty() { String::new() } else { text_of(&file) };
            for person in gone {
                assert!(!text.contains(person), "{person} is in {}: {trial}", file.display());
            }
        }
    }

    /// What says that it is a copy is one; another one is made to the same place.
    fn copy_is_whole(&self, warehouse: &Path, is_done: bool, trial: &str) {
        let copy = self.nights.shop.warehouse("copy");
        if !is_done {
            let again = CommandResult::of(self.verb(&["backup", "copy"], warehouse).output().unwrap());
            assert_eq!(again.code, Some(0), "{trial}: again: {}", again.stderr);
        }
        assert!(!tables(&copy).is_empty() && !shelf(&copy).is_empty(), "{trial}");
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

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

fn put_to_sleep(base: &Base, trials: u64, seed: u64) {
    let mut points = [None; SLEEPERS.len()];
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
    let (mut slept, mut n) = (0, 0);
    while slept < trials {
        let verb = n % SLEEPERS.len();
        let meanwhile = MEANWHILE[chance.gen_range(0..MEANWHILE.len())];
        // The last points are those of what follows a decision: they come twice as often.
        let last = *points[verb].get_or_insert_with(|| base.points(SLEEPERS[verb]));
        let from = if chance.gen_bool(0.5) { last / 2 } else { 1 };
        let point = chance.gen_range(from.max(1)..=last);
        slept += u64::from(base.sleeps(SLEEPERS[verb], point, meanwhile));
        n += 1;
    }
    println!("{slept} slept, 0 differences; points of {SLEEPERS:?}: {points:?}");
}

#[test]
fn whoever_sleeps_past_the_lease_does_no_harm_when_woken() {
    let trials = asked("SILLAGE_SLEEPERS");
    put_to_sleep(&Base::new(None), trials.unwrap_or(10), trials.unwrap_or(0));
}

#[test]
fn whoever_sleeps_past_the_lease_does_no_harm_to_a_bucket() {
    let Some(s3) = S3::start() else {
        eprintln!("moto_server is not installed: nothing was tried");
        return;
    };
    let trials = asked("SILLAGE_S3_SLEEPERS");
    put_to_sleep(&Base::new(Some(s3)), trials.unwrap_or(1), trials.unwrap_or(0));
}
