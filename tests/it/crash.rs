//! Stopped at each point where a night touches its storage, and run again, a night ends in the same
//! tables: every row of every table, and every byte of the shelf.
//!
//! `SILLAGE_CRASHES=10000` stops that many times, in turn at every point, also twice in a row and in
//! the recovery itself; without it a few dozen times, spread over all points. `SILLAGE_BINARY` names
//! another binary with the feature `faults`, for example a release build.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::nights::{Nights, tables};
use crate::shop::{Shop, copy_folder, query, shelf};

/// A night from a copy of what was there before, and what it must end in.
struct Trial<'a> {
    shop: &'a Shop,
    before: Option<&'a Path>,
    arguments: &'a [&'a str],
    shelf: BTreeMap<String, String>,
    tables: BTreeMap<String, String>,
    /// What is done at each point, in one run without a stop.
    points: Vec<String>,
}

impl<'a> Trial<'a> {
    fn of(shop: &'a Shop, before: Option<&'a Path>, arguments: &'a [&'a str]) -> Trial<'a> {
        let mut trial = Trial {
            shop,
            before,
            arguments,
            shelf: BTreeMap::new(),
            tables: BTreeMap::new(),
            points: Vec::new(),
        };
        let warehouse = shop.warehouse(if before.is_some() { "whole_second" } else { "whole_first" });
        let listed = shop.path().join(if before.is_some() { "points_second" } else { "points_first" });
        trial.prepare(&warehouse);
        let mut night = trial.night(&warehouse);
        assert!(night.env("SILLAGE_FAULT_POINTS", &listed).status().unwrap().success());
        trial.shelf = shelf(&warehouse);
        trial.tables = tables(&warehouse);
        trial.points = fs::read_to_string(&listed).unwrap().lines().map(str::to_owned).collect();
        assert!(trial.points.len() > 200, "only {} points", trial.points.len());
        trial
    }

    fn prepare(&self, warehouse: &Path) {
        if let Some(before) = self.before {
            copy_folder(before, warehouse);
        }
    }

    fn night(&self, warehouse: &Path) -> Command {
        self.shop.night(warehouse, self.arguments)
    }

    /// Runs until the point is reached; whether it was.
    fn stop_at(&self, warehouse: &Path, point: usize) -> bool {
        let ended = self.night(warehouse).env("SILLAGE_FAULT_STOP", point.to_string()).output().unwrap();
        let stopped = ended.status.signal().is_some();
        assert!(stopped || ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        stopped
    }

    /// The release is there and nothing of it is left to do: one more run would be another night.
    fn is_over(&self, warehouse: &Path) -> bool {
        let number = if self.before.is_some() { 2 } else { 1 };
        let state = warehouse.join("_sillage");
        let released = state.join(format!("releases/{number:020}.json")).exists();
        released && !state.join(format!("journal/{number:020}/intent.json")).exists()
    }

    fn ends_as_if_nothing_had_happened(&self, warehouse: &Path, told: &str) {
        let mut said = String::new();
        if !self.is_over(warehouse) {
            let ended = self.night(warehouse).output().unwrap();
            said = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(ended.status.success(), "{told}: {said}");
        }
        assert_eq!(shelf(warehouse), self.shelf, "{told}: {said}");
        assert_eq!(tables(warehouse), self.tables, "{told}: {said}");
    }
}

#[test]
fn a_night_stopped_at_any_point_of_its_storage_ends_in_the_same_tables() {
    let asked = std::env::var("SILLAGE_CRASHES").ok().and_then(|n| n.parse().ok());
    let crashes: usize = asked.unwrap_or(30);
    let nights = Nights::unharmed();
    let first = Trial::of(&nights.before, None, &["--as-of", "2025-11-01"]);
    let second = Trial::of(&nights.shop, Some(&nights.base), &[]);
    let (all, next) = (first.points.len() + second.points.len(), AtomicUsize::new(0));
    let stopped: Mutex<BTreeMap<String, usize>> = Mutex::default();
    let threads = if asked.is_some() { std::thread::available_parallelism().unwrap().get() } else { 1 };
    let done = || stopped.lock().unwrap().values().sum::<usize>();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while done() < crashes {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    let mut chance = Xoshiro256PlusPlus::seed_from_u64(n as u64);
                    // Every point in turn, or as many as were asked for, spread evenly.
                    let place = if crashes >= all { n % all } else { (n * all / crashes + 7 * n) % all };
                    let (trial, point) = match place.checked_sub(first.points.len()) {
                        None => (&first, place + 1),
                        Some(place) => (&second, place + 1),
                    };
                    let warehouse = trial.shop.warehouse(&format!("stopped_{n}"));
                    trial.prepare(&warehouse);
                    let mut told = format!("round {n}, stopped at point {point}");
                    let mut hit = Vec::new();
                    if trial.stop_at(&warehouse, point) {
                        hit.push(trial.points[point - 1].clone());
                    }
                    // The same once more, or early in the recovery.
                    if n % 3 == 1 && !trial.is_over(&warehouse) {
                        let again = if n % 2 == 0 { point } else { chance.gen_range(1..60) };
                        told += &format!(", then at {again}");
                        if trial.stop_at(&warehouse, again) {
                            hit.push("in recovery".to_owned());
                        }
                    }
                    trial.ends_as_if_nothing_had_happened(&warehouse, &told);
                    fs::remove_dir_all(&warehouse).unwrap();
                    let mut stopped = stopped.lock().unwrap();
                    for what in hit {
                        *stopped.entry(what).or_default() += 1;
                    }
                }
            });
        }
    });
    println!("{} stops at {all} points of two nights, 0 differences: {:#?}", done(), stopped.lock().unwrap());
}

#[test]
fn what_was_finished_before_a_stop_is_not_done_again() {
    let nights = Nights::unharmed();
    let trial = Trial::of(&nights.shop, Some(&nights.base), &[]);
    let warehouse = nights.shop.warehouse("counted");
    trial.prepare(&warehouse);
    // By then some steps are done and the release is far from decided.
    let stopped = trial.points.len() / 3;
    assert!(trial.stop_at(&warehouse, stopped));
    // A file that was being put has a name that ends in # and digits: its step is not finished.
    let is_step = |name: &str| name.starts_with("step-") && name.ends_with(".json");
    let finished = crate::nights::journal_entries(&warehouse, 2)
        .iter()
        .filter(|entry| is_step(entry.file_name().unwrap().to_str().unwrap()))
        .count();
    let intended = warehouse.join(format!("_sillage/journal/{:020}/intent.json", 2)).exists();
    assert!(finished > 3 && !intended, "{finished} steps at point {stopped}");
    trial.ends_as_if_nothing_had_happened(&warehouse, "counted");
    let sql = "select count(*) as n from ops.steps where run = 2 and status = 'reused'";
    assert_eq!(query(&warehouse, sql), format!("n\n{finished}\n"));
}
