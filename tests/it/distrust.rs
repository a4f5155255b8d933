//! Objects in a warehouse that another process may have written are not trusted: locks of other machines,
//! clocks, shelves, deleted releases, records of failed runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::nights::{Nights, answer, tables};
use crate::shop::{CommandResult, copy_folder, query, shelf, sillage};

const LEASE: Duration = Duration::from_millis(1500);

fn verb(words: &[&str], warehouse: &Path) -> CommandResult {
    sillage(words.iter().copied().chain(["--warehouse", warehouse.to_str().unwrap()]))
}

fn prepared(nights: &Nights, name: &str) -> PathBuf {
    let warehouse = nights.shop.warehouse(name);
    copy_folder(&nights.base, &warehouse);
    warehouse
}

/// Puts a lock there that is held, by a process of this machine's boot but of another namespace.
fn lock_from_elsewhere(warehouse: &Path, number: u64) {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let entry = format!(
        "{{\"owner\":\"somebody\",\"held\":true,\"since\":\"2099-01-01T00:00:00Z\",\"process\":{{\
         \"machine_boot\":\"{}\",\"pid_namespace\":\"1\",\"pid\":4000000,\"started\":\"1\"}}}}",
        boot.trim().replace('-', "")
    );
    let folder = warehouse.join("_sillage/lock");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{number:020}.json")), entry).unwrap();
}

#[test]
fn a_holder_elsewhere_is_watched_for_a_lease_whatever_its_clock_says() {
    let nights = Nights::unharmed();
    let warehouse = prepared(&nights, "held");
    lock_from_elsewhere(&warehouse, 1000);
    let begun = Instant::now();
    let mut night = nights.shop.night(&warehouse, &[]);
    let ran = night.env("SILLAGE_FAULT_LEASE_MS", LEASE.as_millis().to_string()).output().unwrap();
    CommandResult::of(ran).published();
    assert!(begun.elapsed() >= LEASE, "a holder that may be alive was passed over");
    assert_eq!(shelf(&warehouse), nights.new);
    // A number that no lock ever gets.
    lock_from_elsewhere(&warehouse, u64::MAX);
    let mut night = nights.shop.night(&warehouse, &[]);
    let ran = night.env("SILLAGE_FAULT_LEASE_MS", LEASE.as_millis().to_string()).output().unwrap();
    CommandResult::of(ran).refused(1, &["_sillage/lock", "18446744073709551615"]);
}

#[test]
fn a_shelf_that_lies_there_already_is_not_published() {
    let nights = Nights::unharmed();
    let warehouse = prepared(&nights, "planted");
    for planted in ["00000000000000000002", "00000000000000000002-0"] {
        let folder = warehouse.join("_sillage/shelf").join(planted);
        fs::create_dir_all(folder.join("mart")).unwrap();
        fs::write(folder.join("mart/customer_360.parquet"), "nobody's").unwrap();
        fs::copy(warehouse.join("bi/release.json"), folder.join("release.json")).unwrap();
    }
    nights.shop.run(&warehouse, &[]).published();
    assert_eq!(shelf(&warehouse), nights.new);
}

#[test]
fn readers_notice_that_the_newest_release_is_gone() {
    let nights = Nights::unharmed();
    let warehouse = prepared(&nights, "lost");
    nights.shop.run(&warehouse, &[]).published();
    fs::remove_file(warehouse.join("_sillage/releases/00000000000000000002.json")).unwrap();
    for words in [&["query", "select 1 from core.orders"][..], &["ls"], &["releases"]] {
        verb(words, &warehouse)
            .refused(1, &["the shelf has release 2, but the last release that exists is 1"]);
    }
}

#[test]
fn what_follows_a_failed_night_keeps_the_instant_of_the_tables() {
    let nights = Nights::unharmed();
    let warehouse = prepared(&nights, "failed");
    let good = fs::read_to_string(nights.shop.exports().join("tickets/06.csv")).unwrap();
    nights.shop.put("tickets", "06.csv", &format!("{good}T9;01/12/2025 10:00;;P001;1;-5,00\n"));
    nights.shop.run(&warehouse, &["--as-of", "2027-01-01", "--future"]).refused(1, &["net_amount >= 0"]);
    verb(&["restore", "2"], &warehouse).refused(2, &["a failed run", "restore that"]);
    // A copy shows what the warehouse shows, and goes on as it would.
    let copy = nights.shop.warehouse("copy");
    verb(&["backup", copy.to_str().unwrap()], &warehouse).published();
    assert_eq!(shelf(&copy), nights.old);
    assert_eq!(tables(&copy), tables(&warehouse));
    for place in [&warehouse, &copy] {
        verb(&["vacuum"], place).published();
        let shown = fs::read_to_string(place.join("bi/release.json")).unwrap();
        assert!(shown.contains("2025-11-01") || shown.contains("2025-10-31"), "{shown}");
        assert_eq!(answer(place, None).1, nights.old_answer);
    }
    nights.shop.put("tickets", "06.csv", &good);
    for place in [&warehouse, &copy] {
        nights.shop.run(place, &["--as-of", "2026-01-01"]).published();
        assert_eq!(query(place, "select count(*) as n from ops.runs where status = 'failed'"), "n\n1\n");
    }
}

#[test]
fn a_backup_that_was_interrupted_is_made_again_in_the_same_place() {
    let nights = Nights::unharmed();
    let warehouse = prepared(&nights, "whole");
    let listed = nights.shop.path().join("points");
    let copy = nights.shop.warehouse("copied");
    let backup = |variable: &str, value: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.args(["backup", copy.to_str().unwrap(), "--warehouse", warehouse.to_str().unwrap()]);
        command.env(variable, value).output().unwrap()
    };
    assert!(backup("SILLAGE_FAULT_POINTS", listed.to_str().unwrap()).status.success());
    let points = fs::read_to_string(&listed).unwrap().lines().count();
    for point in (1..points).step_by(points / 6).chain(points - 12..points) {
        fs::remove_dir_all(&copy).unwrap();
        let cut_off = backup("SILLAGE_FAULT_STOP", &point.to_string());
        if cut_off.status.success() {
            continue;
        }
        // A whole copy says so; what is none is made again.
        let again = CommandResult::of(backup("SILLAGE_FAULT_POINTS", "/dev/null"));
        if again.code != Some(0) {
            again.refused(2, &["is already a warehouse, with release 1"]);
        }
        assert_eq!(shelf(&copy), nights.old, "cut off at point {point} of {points}");
        assert_eq!(tables(&copy), tables(&warehouse), "cut off at point {point} of {points}");
    }
}
