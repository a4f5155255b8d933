//! Rows that a source no longer keeps are removed by the run itself, and no other rows are.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::broken_shop;
use crate::nights::{tables, wait_for};
use crate::shop::{
    AS_OF, CommandResult, NIGHTS, Shop, copy_folder, query, query_of, rows, rows_without_ids, shelf, sillage,
};

const HEADER: &str = "ticket;sold_at;card;product_id;quantity;net_amount\n";

fn keeping(line: &str) -> Shop {
    let shop = Shop::new();
    keep(&shop, "tickets", line);
    shop
}

fn keep(shop: &Shop, source: &str, line: &str) {
    let section = format!("[sources.{source}]\n");
    shop.edit(&section, &format!("{section}{line}\n"));
}

fn night(shop: &Shop, warehouse: &Path, as_of: &str) -> CommandResult {
    shop.run(warehouse, &["--as-of", as_of, "--future"]).published()
}

fn one(warehouse: &Path, sql: &str) -> String {
    query(warehouse, sql).lines().skip(1).collect::<Vec<_>>().join("\n")
}

fn raw_version(warehouse: &Path) -> usize {
    fs::read_dir(warehouse.join("raw/tickets/_delta_log")).unwrap().count() - 1
}

/// The files that the last commit of the raw table added and removed.
fn last_commit(warehouse: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let path = format!("raw/tickets/_delta_log/{:020}.json", raw_version(warehouse));
    let text = fs::read_to_string(warehouse.join(path)).unwrap();
    let paths = |action: &str| {
        text.lines()
            .filter_map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                line[action]["path"].as_str().map(str::to_owned)
            })
            .collect()
    };
    (paths("add"), paths("remove"))
}

#[test]
fn old_rows_leave_in_the_night_and_what_is_made_of_them_too() {
    let kept = keeping("keep = { for = \"6 months\", by = \"sold_at\" }");
    let all = Shop::new();
    let (by_night, whole) = (kept.warehouse("by_night"), all.warehouse("whole"));
    for (n, as_of) in AS_OF.iter().enumerate() {
        kept.deliver(n..n + 1);
        all.deliver(n..n + 1);
        night(&kept, &by_night, as_of);
        night(&all, &whole, as_of);
    }
    let young = "where sold_at >= timestamp '2025-07-01 00:00:00'";
    let count =
        |warehouse: &Path, which: &str| one(warehouse, &format!("select count(*) from raw.tickets {which}"));
    assert_eq!(count(&by_night, ""), count(&whole, young));
    assert_eq!(count(&by_night, young), count(&whole, young));
    assert_ne!(count(&by_night, ""), count(&whole, ""));
    let sql = "select count(*) from core.order_lines where channel = 'till' and ordered_at < timestamp '2025-07-01 00:00:00'";
    assert_eq!((one(&by_night, sql).as_str(), one(&whole, sql) != "0"), ("0", true));
    // The web shop keeps everything.
    assert_eq!(rows(&by_night, "raw.web_orders"), rows(&whole, "raw.web_orders"));
    // What left is reported, night by night.
    let message = one(&by_night, "select sum(rows_expired) from ops.steps where step = 'raw.tickets'");
    let left: u64 = count(&whole, "").parse::<u64>().unwrap() - count(&by_night, "").parse::<u64>().unwrap();
    assert_eq!(message, left.to_string());
    let note = one(&by_night, "select note from ops.steps where step = 'raw.tickets' and run = 6");
    assert!(
        note.contains("left the table: kept for 6 months by sold_at, from 2025-07-01T00:00:00Z on"),
        "{note}"
    );
    // The figures of the step are those of what was read.
    let read = "select rows from ops.steps where step = 'raw.tickets' order by run";
    assert_eq!(one(&by_night, read), one(&whole, read));
    // Earlier releases have what they had.
    let first = "select count(*) from raw.tickets";
    assert_eq!(query_of(&by_night, first, &["--release", "1"]), query_of(&whole, first, &["--release", "1"]));

    let at_once = kept.warehouse("at_once");
    night(&kept, &at_once, AS_OF[NIGHTS - 1]);
    let tables = ["raw.tickets", "core.orders", "core.customers", "core.customer_ids", "mart.customer_360"];
    for table in tables {
        let (one, other) = (rows_without_ids(&by_night, table), rows_without_ids(&at_once, table));
        assert!(one == other, "{table} differs");
    }
}

#[test]
fn only_files_that_hold_old_rows_are_written_again() {
    let shop = keeping("keep = \"6 months\"");
    let warehouse = shop.warehouse("warehouse");
    for (n, as_of) in AS_OF.iter().enumerate().take(3) {
        shop.deliver(n..n + 1);
        night(&shop, &warehouse, as_of);
    }
    // Nothing is older than six months: each night added its file.
    assert_eq!(raw_version(&warehouse), 2);
    let (added, removed) = last_commit(&warehouse);
    assert_eq!((added.len(), removed.len()), (1, 0));
    let (third, before) = (added, rows(&warehouse, "raw.tickets"));
    // The same night again: the table is left alone.
    night(&shop, &warehouse, AS_OF[2]);
    assert_eq!(raw_version(&warehouse), 2);
    // A month later a part of the first file is too old, and no new one came.
    night(&shop, &warehouse, "2025-08-01");
    let (added, removed) = last_commit(&warehouse);
    assert_eq!((added.len(), removed.len()), (1, 1));
    assert!(removed.is_disjoint(&third));
    let after = rows(&warehouse, "raw.tickets");
    assert!(after.len() < before.len() && after.iter().all(|row| before.contains(row)));
    assert_eq!(
        one(&warehouse, "select min(sold_at) >= timestamp '2025-02-01 00:00:00' from raw.tickets"),
        "true"
    );
    // With all of the first two deliveries too old, one file stays and none is written.
    night(&shop, &warehouse, "2025-11-01");
    let (added, removed) = last_commit(&warehouse);
    assert_eq!((added.len(), removed.len()), (0, 2));
    assert_eq!(
        one(&warehouse, "select min(sold_at) >= timestamp '2025-05-01 00:00:00' from raw.tickets"),
        "true"
    );
    // And with all of it too old, none.
    night(&shop, &warehouse, "2026-02-01");
    assert_eq!(one(&warehouse, "select count(*) from raw.tickets"), "0");
}

#[test]
fn what_left_does_not_come_back() {
    let shop = keeping("same_content = \"skip\"\nkeep = { for = \"6 months\", by = \"sold_at\" }");
    shop.deliver(0..NIGHTS);
    let warehouse = shop.warehouse("warehouse");
    night(&shop, &warehouse, "2026-01-01");
    let kept = rows(&warehouse, "raw.tickets");
    // The first file again, under its name and under another; a late file of old rows.
    let first = shop.exports().join("tickets/01.csv");
    let text = fs::read_to_string(&first).unwrap();
    shop.put("tickets", "01.csv", &text);
    shop.put("tickets", "again.csv", &text);
    shop.put(
        "tickets",
        "late.csv",
        &format!("{HEADER}T9;01/06/2025 10:00;;P001;1;5,00\nT8;01/07/2025 00:00;;P001;1;5,00\n"),
    );
    night(&shop, &warehouse, "2026-01-01");
    let late: Vec<String> =
        rows(&warehouse, "raw.tickets").into_iter().filter(|row| !kept.contains(row)).collect();
    assert!(late.len() == 1 && late[0].starts_with("T8,"), "{late:?}");
    let known =
        "select file, rows from ops.sources where source = 'tickets' and file not like '%0%' order by file";
    assert_eq!(one(&warehouse, known), "again.csv,0\nlate.csv,2");
    // Read again, the same rows are kept.
    let before = rows(&warehouse, "raw.tickets");
    shop.run(&warehouse, &["--full-refresh", "--as-of", "2026-01-01"]).published();
    assert!(rows(&warehouse, "raw.tickets") == before);
    // An earlier instant does not bring them back, and says so.
    let message = shop.run(&warehouse, &["--as-of", "2025-12-01", "--backfill"]).published().stderr;
    assert!(
        message.contains("rows from before 2025-07-01T00:00:00Z may have left with an earlier release"),
        "{message}"
    );
    assert!(rows(&warehouse, "raw.tickets") == before);
    let message = shop.run(&warehouse, &["--as-of", "2025-12-01", "--full-refresh"]).published().stderr;
    assert!(!message.contains("may have left with an earlier release"), "{message}");
    assert!(rows(&warehouse, "raw.tickets").len() > before.len());
}

#[test]
fn of_a_key_the_row_that_counts_decides() {
    let shop = Shop::new();
    keep(&shop, "cards", "key = [\"card\"]\nkeep = { for = \"2 years\", by = \"created_on\" }");
    shop.edit("created_on = { type = \"date\", nullable = false }", "created_on = \"date\"");
    shop.edit("valid_from = \"created_on\"\n", "");
    let warehouse = shop.warehouse("warehouse");
    shop.deliver(0..NIGHTS);
    night(&shop, &warehouse, "2026-01-01");
    let header = "card,email,first_name,created_on\n";
    let cards =
        || one(&warehouse, "select card, created_on from raw.cards where card like 'Z%' order by 1, 2");
    shop.put(
        "cards",
        "07.csv",
        &format!("{header}Z1,,Ada,2025-05-01\nZ2,,Bob,2025-05-01\nZ3,,Cleo,2024-06-01\nZ4,,Dan,\n"),
    );
    night(&shop, &warehouse, "2026-01-02");
    // Z1's correction is older than the policy: the row it corrects must not count again. Of Z3 the day
    // on which the policy ends is kept.
    shop.put("cards", "08.csv", &format!("{header}Z1,,Ada,2023-05-01\nZ2,,Bob,2025-06-01\n"));
    night(&shop, &warehouse, "2026-06-01 12:00");
    assert_eq!(cards(), "Z2,2025-05-01\nZ2,2025-06-01\nZ3,2024-06-01\nZ4,");
    assert_eq!(one(&warehouse, "select count(*) from raw.cards where card = 'Z1'"), "0");
    let others = one(&warehouse, "select count(*) from raw.cards where card not like 'Z%'");
    assert_ne!(others, "0");
    night(&shop, &warehouse, "2026-06-02");
    assert_eq!(cards(), "Z2,2025-05-01\nZ2,2025-06-01\nZ4,", "no value is no age");
    assert_eq!(one(&warehouse, "select count(*) from raw.cards where card not like 'Z%'"), others);
    night(&shop, &warehouse, "2030-01-01");
    assert_eq!(one(&warehouse, "select card from raw.cards"), "Z4");
}

#[test]
fn refused_records_leave_the_quarantine_by_the_night_that_refused_them() {
    let shop = keeping("tolerance = 0.5\nkeep = \"6 months\"");
    keep(&shop, "cards", "tolerance = 0.5");
    shop.deliver(0..NIGHTS);
    let refuse = |file: &str, name: &str| {
        shop.put(
            "tickets",
            file,
            &format!("{HEADER}{name};a day;;P001;1;5,00\n{name};31/12/2025 10:00;;P001;1;5,00\n"),
        );
    };
    let warehouse = shop.warehouse("warehouse");
    refuse("a.csv", "Tim");
    shop.put("cards", "a.csv", "card,email,first_name,created_on\nX,,Tom,someday\nY,,Tom,2025-01-01\n");
    night(&shop, &warehouse, "2026-01-01");
    refuse("b.csv", "Tam");
    night(&shop, &warehouse, "2026-03-01");
    let waiting = || {
        let place = warehouse.to_str().unwrap();
        let output =
            sillage(["quarantine", "ls", "--format", "csv", "--warehouse", place]).published().stdout;
        let mut files: Vec<String> =
            output.lines().skip(1).map(|l| l.split(',').take(2).collect::<Vec<_>>().join("/")).collect();
        files.sort();
        files.join(" ")
    };
    let version = || fs::read_dir(warehouse.join("ops/quarantine/_delta_log")).unwrap().count();
    assert_eq!((waiting().as_str(), version()), ("cards/a.csv tickets/a.csv tickets/b.csv", 2));
    night(&shop, &warehouse, "2026-07-01");
    assert_eq!((waiting().as_str(), version()), ("cards/a.csv tickets/a.csv tickets/b.csv", 2), "to the day");
    // The night that forgets refuses another.
    refuse("c.csv", "Tum");
    let message = night(&shop, &warehouse, "2026-07-02").stderr;
    assert!(
        message.contains("raw.tickets: 1 refused record left the quarantine: kept for 6 months"),
        "{message}"
    );
    assert_eq!(waiting(), "cards/a.csv tickets/b.csv tickets/c.csv");
    let note = one(&warehouse, "select note from ops.steps where step = 'raw.tickets' and run = 4");
    assert!(note.contains("1 refused record left the quarantine"), "{note}");
    assert_eq!(one(&warehouse, "select count(*) from ops.quarantine"), "3");
    night(&shop, &warehouse, "2027-01-01");
    assert_eq!(waiting(), "cards/a.csv tickets/c.csv");
    // Their file is known: what waits no longer is not read again.
    let sources = "select count(*) from ops.sources where file in ('a.csv', 'b.csv', 'c.csv')";
    assert_eq!(one(&warehouse, sources), "4");
}

#[test]
fn days_that_have_left_are_not_missed() {
    let shop = keeping(
        "keep = \"6 months\"\nexpect = { every = \"weekly\", by = \"sold_at\", from = \"2025-01-06\" }",
    );
    shop.deliver(0..NIGHTS);
    let warehouse = shop.warehouse("warehouse");
    night(&shop, &warehouse, "2026-01-01");
    shop.put("tickets", "07.csv", &format!("{HEADER}T9;02/01/2026 10:00;;P001;1;5,00\n"));
    night(&shop, &warehouse, "2026-01-04");
    shop.run(&warehouse, &["--as-of", "2026-02-01"])
        .refused(1, &["no row with sold_at for the week of 2026-01-05"]);
}

#[test]
fn a_night_that_is_dropped_takes_no_file_of_the_table_with_it() {
    let shop = keeping("keep = \"6 months\"");
    let warehouse = shop.warehouse("warehouse");
    for (n, as_of) in AS_OF.iter().enumerate().take(3) {
        shop.deliver(n..n + 1);
        night(&shop, &warehouse, as_of);
    }
    let before = tables(&warehouse);
    // Cut off once the raw table without its old rows is staged.
    let mut cut = shop.night(&warehouse, &["--as-of", "2025-08-01"]).spawn().unwrap();
    let staged = || {
        let entries = crate::nights::journal_entries(&warehouse, 4);
        entries.iter().any(|entry| entry.file_name().is_some_and(|name| name == "step-raw.tickets.json"))
    };
    wait_for(&mut cut, staged);
    cut.kill().unwrap();
    cut.wait().unwrap();
    // Another night takes its place, in which nothing is too old.
    let message = night(&shop, &warehouse, AS_OF[2]).stderr;
    assert!(message.contains("run 4 was cut off and is dropped"), "{message}");
    let mut after = tables(&warehouse);
    after.insert("ops.runs".to_owned(), before["ops.runs"].clone());
    assert_eq!(after["raw.tickets"], before["raw.tickets"]);
    assert_eq!(
        one(&warehouse, "select count(*) from raw.tickets"),
        one(&warehouse, "select count(ticket) from raw.tickets")
    );
    // Cut off again, and taken up.
    let mut cut = shop.night(&warehouse, &["--as-of", "2025-08-01"]).spawn().unwrap();
    wait_for(&mut cut, || !crate::nights::journal_entries(&warehouse, 5).is_empty());
    std::thread::sleep(std::time::Duration::from_millis(300));
    cut.kill().unwrap();
    cut.wait().unwrap();
    night(&shop, &warehouse, "2025-08-01");
    let whole = shop.warehouse("whole");
    night(&shop, &whole, "2025-08-01");
    assert!(rows(&warehouse, "raw.tickets") == rows(&whole, "raw.tickets"));
}

#[test]
fn a_night_in_which_rows_leave_ends_the_same_wherever_it_is_stopped() {
    let shop = keeping("tolerance = 0.5\nkeep = \"6 months\"");
    let before = shop.warehouse("before");
    for (n, as_of) in AS_OF.iter().enumerate().take(3) {
        shop.deliver(n..n + 1);
        shop.put(
            "tickets",
            &format!("refused{n}.csv"),
            &format!("{HEADER}T{n};a day;;P001;1;5,00\nT{n};01/05/2025 10:00;;P001;1;5,00\n"),
        );
        night(&shop, &before, as_of);
    }
    shop.deliver(3..4);
    let as_of = ["--as-of", "2025-10-01"];
    let (whole, listed) = (shop.warehouse("whole"), shop.path().join("points"));
    copy_folder(&before, &whole);
    assert!(
        shop.night(&whole, &as_of).env("SILLAGE_FAULT_POINTS", &listed).output().unwrap().status.success()
    );
    let points = fs::read_to_string(&listed).unwrap().lines().count();
    let (tables_, shelf_) = (tables(&whole), shelf(&whole));
    assert_eq!(one(&whole, "select count(*) from ops.quarantine"), "2");
    assert_ne!(one(&whole, "select rows_expired from ops.steps where run = 4 and step = 'raw.tickets'"), "0");
    for n in 0..8 {
        let point = 1 + points * n / 8 + 5 * n;
        let warehouse = shop.warehouse(&format!("stopped_{n}"));
        copy_folder(&before, &warehouse);
        for stop in [point, 40 * n].into_iter().take(1 + n % 2) {
            shop.night(&warehouse, &as_of).env("SILLAGE_FAULT_STOP", stop.to_string()).output().unwrap();
        }
        let released = warehouse.join(format!("_sillage/releases/{:020}.json", 4)).exists();
        if !released || !crate::nights::journal_entries(&warehouse, 4).is_empty() {
            shop.run(&warehouse, &as_of).published();
        }
        assert!(tables(&warehouse) == tables_, "stopped at point {point} of {points}");
        assert_eq!(shelf(&warehouse), shelf_, "stopped at point {point} of {points}");
    }
}

#[test]
fn a_vacuum_takes_what_left_from_the_disk() {
    let shop = keeping("keep = \"6 months\"");
    let warehouse = shop.warehouse("warehouse");
    shop.deliver(0..NIGHTS);
    night(&shop, &warehouse, AS_OF[2]);
    night(&shop, &warehouse, AS_OF[NIGHTS - 1]);
    let oldest = || {
        let mut oldest = i64::MAX;
        for file in fs::read_dir(warehouse.join("raw/tickets")).unwrap().map(|entry| entry.unwrap().path()) {
            if file.extension().is_some_and(|e| e == "parquet") {
                oldest = oldest.min(oldest_sale(&file));
            }
        }
        oldest
    };
    let policy = chrono::DateTime::parse_from_rfc3339("2025-07-01T00:00:00Z").unwrap().timestamp_micros();
    assert!(oldest() < policy, "release 1 still has them");
    let place = warehouse.to_str().unwrap();
    sillage(["vacuum", "--keep-releases", "1", "--older-than", "0s", "--warehouse", place]).published();
    assert!(oldest() >= policy);
    assert_ne!(one(&warehouse, "select count(*) from raw.tickets"), "0");
}

/// Of a file of raw.tickets, in microseconds.
fn oldest_sale(file: &Path) -> i64 {
    use arrow::array::AsArray;
    use arrow::datatypes::TimestampMicrosecondType;
    let file = fs::File::open(file).unwrap();
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 8192).unwrap();
    let oldest = |batch: arrow::array::RecordBatch| {
        let times = batch.column_by_name("sold_at").unwrap().as_primitive::<TimestampMicrosecondType>();
        times.iter().flatten().min().unwrap_or(i64::MAX)
    };
    reader.map(|batch| oldest(batch.unwrap())).min().unwrap_or(i64::MAX)
}

#[test]
fn the_plan_says_that_a_source_forgets() {
    let shop = broken_shop::Shop::published();
    shop.pipeline(
        "[sources.orders]\n",
        "[sources.orders]\nkeep = { for = \"8 months\", by = \"ordered_at\" }\n",
    );
    let output = shop.sillage(&["plan", "--select", "raw.*"]);
    output.shown("keep_plan", "tests/errors/snapshots");
    let output = shop.run(&["--select", "raw.*"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    output.shown("keep_run", "tests/errors/snapshots");
}
