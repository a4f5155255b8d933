//! A store that fails: refused calls, lost responses, failed conditions, partial uploads, slow reads. A run
//! over it publishes the same tables or fails cleanly, and the next run over a healthy store ends as if
//! nothing had happened.
//!
//! `SILLAGE_FAULTS=1000` tries that many sequences (twelve without it), each derived from its number.

use std::collections::BTreeMap;
use std::fs;

use crate::nights::{Nights, tables};
use crate::shop::{copy_folder, shelf};

#[test]
fn a_failing_store_never_makes_a_wrong_release() {
    let schedules: u64 = std::env::var("SILLAGE_FAULTS").ok().and_then(|n| n.parse().ok()).unwrap_or(12);
    let nights = Nights::unharmed();
    let whole = tables(&nights.shop.warehouse("unharmed"));
    let messages = nights.shop.path().join("told");
    let mut ended: BTreeMap<&str, u64> = BTreeMap::new();
    let mut faults: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..schedules {
        let warehouse = nights.shop.warehouse("failing");
        copy_folder(&nights.base, &warehouse);
        // From a fault or two in the night to one in fifty calls.
        let share = [0.002, 0.005, 0.01, 0.02][(seed % 4) as usize];
        let mut failures = 0;
        let mut met = 0;
        // The recovery meets faults, too, and the recovery after that.
        for attempt in 0..=seed % 3 {
            let mut night = nights.shop.night(&warehouse, &[]);
            night.env("SILLAGE_FAULT_SEED", format!("{}:{share}", seed * 10 + attempt));
            let output = night.env("SILLAGE_FAULT_POINTS", &messages).output().unwrap();
            for fault in
                fs::read_to_string(&messages).unwrap().lines().filter_map(|l| l.strip_prefix("fault: "))
            {
                *faults.entry(fault.to_owned()).or_default() += 1;
                met += 1;
            }
            let printed = String::from_utf8_lossy(&output.stderr);
            assert!(
                !printed.contains("a defect") && !printed.contains("panicked"),
                "schedule {seed}: {printed}"
            );
            let seen = shelf(&warehouse);
            assert!(seen == nights.old || seen == nights.new, "schedule {seed}: neither night: {printed}");
            match output.status.code() {
                Some(0) => {
                    assert_eq!(seen, nights.new, "schedule {seed}: {printed}");
                    break;
                }
                // A lost answer may leave the lock taken by a process that is gone.
                Some(1 | 3) => failures += 1,
                code => panic!("schedule {seed} ended with {code:?}: {printed}"),
            }
        }
        let released = || warehouse.join(format!("_sillage/releases/{:020}.json", 2)).exists();
        let intent = warehouse.join(format!("_sillage/journal/{:020}/intent.json", 2));
        if !released() || intent.exists() || shelf(&warehouse) != nights.new {
            let output = nights.shop.night(&warehouse, &[]).output().unwrap();
            assert!(output.status.success(), "schedule {seed}: {}", String::from_utf8_lossy(&output.stderr));
        }
        assert_eq!(shelf(&warehouse), nights.new, "schedule {seed}");
        let mut found = tables(&warehouse);
        let mut expected = whole.clone();
        // A run that failed is reported of, and a refused row is quarantined by each run that met it.
        for messages in ["ops.runs", "ops.steps", "ops.checks", "ops.models"] {
            found.remove(messages);
            expected.remove(messages);
        }
        assert_eq!(found, expected, "schedule {seed}");
        let end = match (met, failures) {
            (0, _) => "met no fault",
            (_, 0) => "published in spite of faults",
            _ => "failed cleanly first",
        };
        *ended.entry(end).or_default() += 1;
        fs::remove_dir_all(&warehouse).unwrap();
    }
    println!("{schedules} schedules, 0 wrong releases: {ended:?}; faults: {faults:?}");
}
