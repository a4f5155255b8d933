//! A run that hangs ends with an error that says so, and the next one resumes.

use std::fs;
use std::time::{Duration, Instant};

use crate::nights::Nights;
use crate::shop::{CommandResult, copy_folder, shelf};

#[test]
fn a_step_that_hangs_is_given_up_and_the_next_run_goes_on() {
    let nights = Nights::unharmed();
    let listed = nights.shop.path().join("points");
    let whole = nights.shop.warehouse("whole");
    copy_folder(&nights.base, &whole);
    assert!(nights.shop.night(&whole, &[]).env("SILLAGE_FAULT_POINTS", &listed).status().unwrap().success());
    let points: Vec<String> = fs::read_to_string(&listed).unwrap().lines().map(str::to_owned).collect();
    // In the midst of the steps, where files of tables are written.
    let among_steps = points.len() / 8..points.len() / 2;
    let hanging =
        among_steps.filter(|n| points[*n].contains("part") || points[*n] == "write").step_by(40).take(2);
    for point in hanging {
        let warehouse = nights.shop.warehouse(&format!("hangs_{point}"));
        copy_folder(&nights.base, &warehouse);
        let begun = Instant::now();
        let mut night = nights.shop.night(&warehouse, &["--stall-limit", "3s"]);
        let ran =
            CommandResult::of(night.env("SILLAGE_FAULT_HANG", (point + 1).to_string()).output().unwrap());
        let ran = ran.refused(1, &["nothing was computed, read or written for", "does the storage answer?"]);
        assert!(begun.elapsed() < Duration::from_secs(100), "{}", ran.stderr);
        assert_eq!(shelf(&warehouse), nights.old);
        nights.shop.run(&warehouse, &[]).published();
        assert_eq!(shelf(&warehouse), nights.new);
    }
}
