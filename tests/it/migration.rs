//! A warehouse of format 1 is migrated to the present format: nothing published is lost, everything decided
//! is published, and an interrupted migration gives the same result.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::nights::{Nights, answer, journal_entries, tables, wait_for};
use crate::shop::{CommandResult, copy_folder, query, query_of, rows, shelf, sillage};

/// Columns that the tables of the history have come to have since format 1.
const NEWER: [(&str, &[&str]); 3] = [
    ("ops/sources", &["rows_late"]),
    ("ops/steps", &["rows_late", "rows_repeated", "rows_replayed", "rows_expired"]),
    ("ops/quarantine", &["last_line", "state"]),
];

/// Rewrites what sillage keeps as JSON to what format 1 had: releases without `attempt` and `origin`,
/// one journal a run without attempts and fingerprints of steps, fewer columns in the history.
pub fn to_format_1(warehouse: &Path) {
    let state = warehouse.join("_sillage");
    fs::write(state.join("format.json"), r#"{"format": 1, "made_by": "sillage 0.1.0"}"#).unwrap();
    for file in files(&state.join("releases")) {
        rewrite(&file, old_release);
    }
    for file in files(&state.join("journal")) {
        let name = file.file_name().unwrap().to_str().unwrap().to_owned();
        rewrite(&file, |value| match name.as_str() {
            "intent.json" => {
                take(value, &["fingerprint"]);
                old_release(&mut value["release"]);
            }
            "begun.json" => {
                take(value, &["attempt", "inherited"]);
                value["fingerprint"] = json!("0123456789abcdef");
            }
            _ => take(value, &["fingerprint"]),
        });
        // journal/<run>/<attempt>/step-….json
        let folder = file.parent().unwrap();
        if folder.parent().unwrap().file_name().unwrap() != "journal" {
            fs::rename(&file, folder.parent().unwrap().join(&name)).unwrap();
        }
    }
    for (table, newer) in NEWER {
        for log in files(&warehouse.join(table).join("_delta_log")) {
            let mut lines = String::new();
            for line in fs::read_to_string(&log).unwrap().lines() {
                let mut line: Value = serde_json::from_str(line).unwrap();
                if let Some(text) = line["metaData"]["schemaString"].as_str() {
                    let mut schema: Value = serde_json::from_str(text).unwrap();
                    let old = |field: &Value| !newer.contains(&field["name"].as_str().unwrap());
                    schema["fields"].as_array_mut().unwrap().retain(old);
                    line["metaData"]["schemaString"] = schema.to_string().into();
                }
                lines.push_str(&format!("{line}\n"));
            }
            fs::write(log, lines).unwrap();
        }
    }
}

fn old_release(release: &mut Value) {
    take(release, &["attempt", "origin"]);
}

fn take(value: &mut Value, keys: &[&str]) {
    for key in keys {
        assert!(value.as_object_mut().unwrap().remove(*key).is_some(), "{key} is not in {value}");
    }
}

fn rewrite(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    change(&mut value);
    fs::write(file, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = crate::broken_shop::files_below(folder);
    files.retain(|file| file.extension().is_some_and(|e| e == "json"));
    files
}

fn migrate(warehouse: &Path, more: &[&str]) -> CommandResult {
    sillage(["migrate", "--warehouse", warehouse.to_str().unwrap()].iter().chain(more))
}

/// What was reported, without the place.
fn message(ran: CommandResult, warehouse: &Path) -> String {
    ran.stdout.replace(warehouse.to_str().unwrap(), "DIR")
}

#[test]
fn a_warehouse_of_format_1_goes_on_as_if_it_had_always_been_of_this_one() {
    let nights = Nights::unharmed();
    let warehouse = nights.shop.warehouse("old");
    copy_folder(&nights.base, &warehouse);
    to_format_1(&warehouse);
    let place = warehouse.to_str().unwrap();

    // Until then nobody touches it.
    let hint = format!("`sillage migrate --warehouse {place}` upgrades it");
    nights.shop.run(&warehouse, &[]).refused(2, &["has format 1, this sillage needs format 2", &hint]);
    sillage(["query", "select 1 from mart.segments", "--warehouse", place])
        .refused(2, &["has format 1", &hint]);
    sillage(["vacuum", "--warehouse", place]).refused(2, &["has format 1"]);

    let before = all_bytes(&warehouse);
    let dry = message(migrate(&warehouse, &["--dry-run"]).published(), &warehouse);
    assert_eq!(
        dry,
        "DIR has format 1; to bring it to format 2:\n  \
         record for 1 release what made it and in which attempt\n  \
         add to ops.quarantine the columns last_line, state, null in earlier rows\n  \
         add to ops.sources the column rows_late, null in earlier rows\n  \
         add to ops.steps the columns rows_late, rows_repeated, rows_replayed, rows_expired, null in earlier rows\n"
    );
    assert!(all_bytes(&warehouse) == before, "a dry run wrote");
    let done = message(migrate(&warehouse, &[]).published(), &warehouse);
    assert_eq!(
        dry.replace(
            "DIR has format 1; to bring it to format 2:",
            "DIR had format 1 and has format 2 now; done:"
        ),
        done
    );
    let again = message(migrate(&warehouse, &[]).published(), &warehouse);
    assert_eq!(again, "DIR has format 2: there is nothing to do\n");

    // Readers, releases, earlier releases.
    assert_eq!(tables(&warehouse), tables(&nights.base));
    assert_eq!(shelf(&warehouse), nights.old);
    assert_eq!(answer(&warehouse, Some(1)).1, nights.old_answer);
    let releases = sillage(["releases", "--format", "csv", "--warehouse", place]).published().stdout;
    assert!(releases.lines().nth(1).unwrap().contains("migrate from format 1"), "{releases}");
    assert!(releases.lines().nth(2).unwrap().ends_with("shop"), "{releases}");
    // The next night, and one back: the ledger goes back with the rows.
    nights.shop.run(&warehouse, &[]).published();
    assert_eq!(shelf(&warehouse), nights.new);
    sillage(["restore", "1", "--warehouse", place]).published();
    assert_eq!(shelf(&warehouse), nights.old);
    nights.shop.put(
        "tickets",
        "07.csv",
        "ticket;sold_at;card;product_id;quantity;net_amount\nT9;a day;;P001;1;5,00\n",
    );
    nights.shop.edit("[sources.tickets]\n", "[sources.tickets]\ntolerance = 0.1\n");
    nights.shop.run(&warehouse, &[]).published();
    assert_eq!(shelf(&warehouse), nights.new);
    let waiting = sillage(["quarantine", "ls", "--format", "csv", "--warehouse", place]).published().stdout;
    assert!(waiting.contains("tickets,07.csv,sold_at"), "{waiting}");
}

#[test]
fn refused_records_of_format_1_still_wait() {
    let shop = crate::broken_shop::Shop::published();
    let rows: String = (0..60).map(|n| format!("o9{n:02},c01,2026-02-27 10:00,3.00,web\n")).collect();
    shop.write(
        "exports/orders/march.csv",
        format!(
            "order_id,customer_id,ordered_at,net_amount,channel\n{rows}o960,c01,2026-02-27 10:00,n/a,web\n"
        ),
    );
    assert_eq!(shop.run(&[]).code, Some(0));
    let before = shop.sillage(&["quarantine", "ls"]).out;
    assert!(before.contains("march.csv"), "{before}");
    to_format_1(&shop.path("warehouse"));
    assert_eq!(shop.sillage(&["migrate"]).code, Some(0));
    assert_eq!(shop.sillage(&["quarantine", "ls"]).out, before);
    shop.pipeline("[sources.orders]\n", "[sources.orders]\nnull = [\"\", \"n/a\"]\n");
    let output = shop.sillage(&["quarantine", "replay", "orders"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert_eq!(shop.ask("select count(*) from raw.orders where order_id = 'o960'"), "1");
    assert!(shop.sillage(&["quarantine", "ls"]).out.contains("no refused record waits"));
}

#[test]
fn a_release_that_was_being_published_is_published() {
    let nights = Nights::unharmed();
    for point in ["release", "intent"] {
        let warehouse = nights.shop.warehouse(point);
        cut_off_at(&nights, &warehouse, point);
        to_format_1(&warehouse);
        let dry = message(migrate(&warehouse, &["--dry-run"]).published(), &warehouse);
        assert!(dry.contains("publish the rest of release 2, whose publication was interrupted"), "{dry}");
        migrate(&warehouse, &[]).published();
        assert_eq!(shelf(&warehouse), nights.new, "{point}");
        assert_eq!(query(&warehouse, LINES), nights.new_lines, "{point}");
        assert_eq!(answer(&warehouse, Some(1)).1, nights.old_answer, "{point}");
        assert!(files(&warehouse.join("_sillage/journal")).is_empty());
        nights.shop.run(&warehouse, &[]).published();
        assert_eq!(query(&warehouse, LINES), nights.new_lines, "{point}");
    }
}

#[test]
fn a_run_that_was_interrupted_is_dropped_with_its_files_and_comes_again() {
    let nights = Nights::unharmed();
    let warehouse = nights.shop.warehouse("cut_off");
    copy_folder(&nights.base, &warehouse);
    let mut night = nights.shop.night(&warehouse, &[]).spawn().unwrap();
    wait_for(&mut night, || journal_entries(&warehouse, 2).len() > 6);
    night.kill().unwrap();
    night.wait().unwrap();
    to_format_1(&warehouse);
    let done = message(migrate(&warehouse, &[]).published(), &warehouse);
    assert!(done.contains("drop the interrupted run 2: the next run does its work again"), "{done}");
    assert_eq!(tables(&warehouse), tables(&nights.base));
    // A file that was being put when the run was killed is nobody's.
    assert!(files(&warehouse.join("_sillage/journal")).is_empty());
    let place = warehouse.to_str().unwrap();
    nights.shop.run(&warehouse, &[]).published();
    assert_eq!(shelf(&warehouse), nights.new);
    assert_eq!(query(&warehouse, LINES), nights.new_lines);
    assert_eq!(rows(&warehouse, "raw.cards"), rows(&nights.shop.warehouse("unharmed"), "raw.cards"));
    let first = "select count(*) as n from core.orders";
    assert_eq!(query_of(&warehouse, first, &["--release", "1"]), query(&nights.base, first));
    sillage(["restore", "1", "--warehouse", place]).published();
    assert_eq!(shelf(&warehouse), nights.old);
}

#[test]
fn what_cannot_be_carried_over_is_refused_and_left_as_it_is() {
    let nights = Nights::unharmed();
    let warehouse = nights.shop.warehouse("stuck");
    cut_off_at(&nights, &warehouse, "intent");
    let whole = nights.shop.warehouse("whole");
    copy_folder(&warehouse, &whole);
    to_format_1(&warehouse);
    // Something deleted a file that was to be published.
    let intent = warehouse.join(format!("_sillage/journal/{:020}/intent.json", 2));
    let decided: Value = serde_json::from_slice(&fs::read(&intent).unwrap()).unwrap();
    let of_orders = |staged: &&Value| staged["table"] == "core.orders";
    let staged = decided["staged"].as_array().unwrap().iter().find(of_orders).unwrap();
    let file = warehouse.join("core/orders").join(staged["adds"][0]["path"].as_str().unwrap());
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    for more in [&["--dry-run"][..], &[]] {
        let ran = migrate(&warehouse, more);
        ran.refused(
            1,
            &[
                "a staged file of core.orders is missing",
                "release 2, whose publication was interrupted",
                "with the version of sillage that made",
            ],
        );
    }
    let format = fs::read_to_string(warehouse.join("_sillage/format.json")).unwrap();
    assert!(format.contains("\"format\": 1"), "{format}");
    // Put back, it goes on.
    fs::write(&file, bytes).unwrap();
    migrate(&warehouse, &[]).published();
    assert_eq!(shelf(&warehouse), nights.new);

    let newer = "{\"format\": 99, \"made_by\": \"sillage 9.0.0\"}";
    fs::write(warehouse.join("_sillage/format.json"), newer).unwrap();
    migrate(&warehouse, &[]).refused(2, &["has format 99", "it was made by sillage 9.0.0"]);
    fs::write(warehouse.join("_sillage/format.json"), newer.replace("99", "0")).unwrap();
    migrate(&warehouse, &[]).refused(2, &["has format 0, which no sillage ever wrote"]);
    migrate(&nights.shop.warehouse("nowhere"), &[]).refused(2, &["is not a sillage warehouse"]);
    let held = hold(&nights, &whole);
    migrate(&whole, &[]).refused(3, &["is locked by process"]);
    held();
}

#[test]
fn a_migration_stopped_at_any_point_and_begun_again_ends_the_same() {
    let nights = Nights::unharmed();
    let mut stops = 0;
    for state in ["intent", "steps"] {
        let old = nights.shop.warehouse(state);
        cut_off_at(&nights, &old, state);
        to_format_1(&old);
        let whole = nights.shop.warehouse(&format!("{state}_whole"));
        copy_folder(&old, &whole);
        migrate(&whole, &[]).published();
        let (tables_, shelf_) = (tables(&whole), shelf(&whole));
        let (mut point, step) = (1, 17);
        loop {
            let warehouse = nights.shop.warehouse("stopped");
            copy_folder(&old, &warehouse);
            let mut ended = stop(&warehouse, point);
            if ended.success() {
                break;
            }
            // A part of them twice in a row.
            if point % 2 == 0 {
                ended = stop(&warehouse, 1 + point / 2);
            }
            let format = fs::read_to_string(warehouse.join("_sillage/format.json")).unwrap();
            assert!(ended.success() || ended.signal().is_some(), "{ended}");
            if format.contains("\"format\": 1") {
                nights.shop.run(&warehouse, &[]).refused(2, &["has format 1"]);
            }
            migrate(&warehouse, &[]).published();
            assert!(tables(&warehouse) == tables_, "{state} stopped at {point}");
            assert_eq!(shelf(&warehouse), shelf_, "{state} stopped at {point}");
            nights.shop.run(&warehouse, &[]).published();
            assert_eq!(shelf(&warehouse), nights.new, "{state} stopped at {point}");
            fs::remove_dir_all(&warehouse).unwrap();
            stops += 1;
            point += step;
        }
        fs::remove_dir_all(nights.shop.warehouse("stopped")).unwrap();
    }
    println!("{stops} stops");
    assert!(stops > 10, "only {stops} points");
}

const LINES: &str = "select count(*) as n, sum(net_amount) as s from core.order_lines";

fn stop(warehouse: &Path, point: usize) -> std::process::ExitStatus {
    Command::new(env!("CARGO_BIN_EXE_sillage"))
        .args(["migrate", "--warehouse", warehouse.to_str().unwrap()])
        .env("SILLAGE_FAULT_STOP", point.to_string())
        .output()
        .unwrap()
        .status
}

/// The second night, killed after some steps, once its release is decided, or once it is written.
fn cut_off_at(nights: &Nights, warehouse: &Path, state: &str) {
    let intent = warehouse.join(format!("_sillage/journal/{:020}/intent.json", 2));
    let release = warehouse.join(format!("_sillage/releases/{:020}.json", 2));
    let reached = || match state {
        "steps" => journal_entries(warehouse, 2).len() > 6,
        "intent" => intent.exists(),
        _ => release.exists(),
    };
    for _ in 0..20 {
        copy_folder(&nights.base, warehouse);
        let mut night = nights.shop.night(warehouse, &[]).spawn().unwrap();
        wait_for(&mut night, reached);
        night.kill().unwrap();
        night.wait().unwrap();
        if reached() && intent.exists() == (state != "steps") && release.exists() == (state == "release") {
            return;
        }
        // The night was quicker than the strike.
        fs::remove_dir_all(warehouse).unwrap();
    }
    panic!("no night was caught at {state}");
}

/// Somebody who holds the warehouse, whose second night was interrupted, until the returned function is
/// called.
fn hold(nights: &Nights, warehouse: &Path) -> impl FnOnce() + use<> {
    let mut night = nights.shop.night(warehouse, &["--as-of", "2026-02-01"]).spawn().unwrap();
    wait_for(&mut night, || !journal_entries(warehouse, 3).is_empty());
    let pid = night.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    move || {
        assert!(Command::new("kill").args(["-CONT", &pid]).status().unwrap().success());
        night.wait().unwrap();
    }
}

/// Every file with its bytes.
fn all_bytes(warehouse: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = crate::broken_shop::files_below(warehouse);
    files.into_iter().map(|file| (file.clone(), fs::read(&file).unwrap_or_default())).collect()
}
