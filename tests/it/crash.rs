//! A run that is killed at any storage operation and started again ends in the same tables: every row of
//! every table, and every byte of the shelf.
//!
//! One warehouse is killed again and again: at an operation of the run, then at operations of the runs that
//! resume it. After each kill the shelf holds a complete release or none; after the last, everything is
//! compared.
//!
//! `SILLAGE_CRASHES=10000` kills that many times, each operation of both runs being the first in its turn;
//! without it a hundred times, spread over all operations. `SILLAGE_BINARY` names another binary with the
//! feature `faults`, for example a release build. With `TMPDIR` in memory (`/dev/shm`) a kill takes a tenth
//! of the time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::nights::{Nights, Shelf, tables};
use crate::shop::{Shop, copy_folder, query, shelf};

/// As often as one warehouse is stopped at most.
const STOPS_OF_ONE: usize = 8;
/// What `abort` dies of.
const SIGABRT: i32 = 6;

/// A night from a copy of what was there before, and what it must end in.
struct Trial<'a> {
    shop: &'a Shop,
    before: Option<&'a Path>,
    arguments: &'a [&'a str],
    /// What lies on the shelf before the night, if anything, and after it.
    old_shelf: Option<Shelf>,
    shelf: Shelf,
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
            old_shelf: before.map(shelf),
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

    /// Runs until the point is reached; whether it was. What readers see is the whole of a night.
    fn stop_at(&self, warehouse: &Path, point: usize) -> bool {
        let ended = self.night(warehouse).env("SILLAGE_FAULT_STOP", point.to_string()).output().unwrap();
        let output = String::from_utf8_lossy(&ended.stderr);
        let stopped = ended.status.signal() == Some(SIGABRT);
        assert!(stopped || ended.status.success(), "{:?}: {output}", ended.status);
        let seen = warehouse.join("bi").exists().then(|| shelf(warehouse));
        let whole = seen == self.old_shelf || seen.as_ref() == Some(&self.shelf);
        assert!(whole, "stopped at point {point}: the shelf holds neither night: {seen:?}");
        stopped
    }

    /// The release is there and nothing of it is left to do: one more run would be another night.
    fn is_over(&self, warehouse: &Path) -> bool {
        let number = if self.before.is_some() { 2 } else { 1 };
        let state = warehouse.join("_sillage");
        let released = state.join(format!("releases/{number:020}.json")).exists();
        released && !state.join(format!("journal/{number:020}/intent.json")).exists()
    }

    /// The warehouse of round `n`, stopped at the point and up to seven times more on its way on; how
    /// many stops that were.
    fn stopped_again_and_again(&self, n: usize, point: usize) -> usize {
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(n as u64);
        let warehouse = self.shop.warehouse(&format!("stopped_{n}"));
        self.prepare(&warehouse);
        let mut messages = format!("round {n}, stopped at point {point}");
        let mut stops = 0;
        let mut at = point;
        while self.stop_at(&warehouse, at) {
            stops += 1;
            if stops == STOPS_OF_ONE || self.is_over(&warehouse) {
                break;
            }
            // Early points as often as late ones, among twice as many: most of the night is after.
            at = 1 << chance.gen_range(0..9);
            at += chance.gen_range(0..at);
            messages += &format!(", then at {at}");
        }
        self.ends_as_if_nothing_had_happened(&warehouse, &messages);
        fs::remove_dir_all(&warehouse).unwrap();
        stops
    }

    fn ends_as_if_nothing_had_happened(&self, warehouse: &Path, messages: &str) {
        let mut output = String::new();
        if !self.is_over(warehouse) {
            let ended = self.night(warehouse).output().unwrap();
            output = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(ended.status.success(), "{messages}: {output}");
        }
        assert_eq!(shelf(warehouse), self.shelf, "{messages}: {output}");
        assert_eq!(tables(warehouse), self.tables, "{messages}: {output}");
    }
}

/// How many stops there were, and where.
#[derive(Default)]
struct Tally {
    stops: usize,
    nights: usize,
    /// By what was done there; those of a recovery by how many came before.
    met: BTreeMap<String, usize>,
    /// Points that were a warehouse's first stop, those of the second night after the first night's.
    first: BTreeSet<usize>,
    /// Points that their run did not come to: threads do not always share the work alike.
    missed: BTreeSet<usize>,
}

#[test]
fn a_night_stopped_at_any_point_of_its_storage_ends_in_the_same_tables() {
    let asked = std::env::var("SILLAGE_CRASHES").ok().and_then(|n| n.parse().ok());
    let crashes: usize = asked.unwrap_or(100);
    let nights = Nights::unharmed();
    let first = Trial::of(&nights.before, None, &["--as-of", "2025-11-01"]);
    let second = Trial::of(&nights.shop, Some(&nights.base), &[]);
    let (all, next) = (first.points.len() + second.points.len(), AtomicUsize::new(0));
    let tally: Mutex<Tally> = Mutex::default();
    let threads = if asked.is_some() { std::thread::available_parallelism().unwrap().get() } else { 1 };
    // Every point in turn, or as many as were asked for, spread evenly.
    let every_point = crashes >= all;
    let over = |n: usize| tally.lock().unwrap().stops >= crashes && (!every_point || n >= all);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::SeqCst);
                    if over(n) {
                        return;
                    }
                    let spread = n * STOPS_OF_ONE * all / crashes + 7 * n;
                    let place = if every_point { n } else { spread } % all;
                    let (trial, point) = match place.checked_sub(first.points.len()) {
                        None => (&first, place + 1),
                        Some(place) => (&second, place + 1),
                    };
                    let stopped = trial.stopped_again_and_again(n, point);
                    let mut tally = tally.lock().unwrap();
                    let met = if stopped > 0 { &mut tally.first } else { &mut tally.missed };
                    met.insert(place);
                    tally.nights += 1;
                    tally.stops += stopped;
                    for before in 0..stopped {
                        let what = match before {
                            0 => trial.points[point - 1].clone(),
                            n => format!("of a recovery, after {n}"),
                        };
                        *tally.met.entry(what).or_default() += 1;
                    }
                    if asked.is_some() && tally.nights.is_multiple_of(100) {
                        println!("{} stops of {} warehouses, 0 differences", tally.stops, tally.nights);
                    }
                }
            });
        }
    });
    let Tally { stops, nights, met, first, missed } = tally.into_inner().unwrap();
    let never = missed.difference(&first).count();
    println!(
        "{stops} stops of {nights} warehouses, 0 differences; {} of the {all} points of two nights were the \
         first, {never} were not come to: {met:#?}",
        first.len()
    );
    assert!(!every_point || first.len() + never == all);
    assert!(never * 50 <= all, "{never} points were never come to");
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
