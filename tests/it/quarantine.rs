//! The quarantine: refused rows are shown, read again once the declaration is fixed, and never duplicated.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};

use crate::broken_shop::{CommandOutput, Shop};

const HEADER: &str = "order_id,customer_id,ordered_at,net_amount,channel\n";
const NEW: &str = "exports/orders/march.csv";
const SNAPSHOTS: &str = "tests/errors/snapshots";

/// The shop after a night that refused three rows of its file.
fn shop() -> Shop {
    let shop = Shop::published();
    let mut rows = String::from(HEADER);
    for n in 0..60 {
        rows.push_str(&format!("o9{n:02},c01,2026-02-27 10:00,3.00,web\n"));
    }
    rows.push_str("o960,Sesame,2026-02-27 10:00,n/a,web\n");
    rows.push_str("o961,Sesame,27/02/2026,4.00,web\n");
    rows.push_str("o962,Sesame,2026-02-27 11:00,n/a,web\n");
    shop.write(NEW, rows);
    ends_well(&shop, &["run", "--threads", "1"]);
    shop
}

#[track_caller]
fn ends_well(shop: &Shop, args: &[&str]) -> CommandOutput {
    let output = shop.sillage(args);
    assert_eq!(output.code, Some(0), "{}{}", output.out, output.err);
    output
}

#[track_caller]
fn replay(shop: &Shop) -> CommandOutput {
    let output = ends_well(shop, &["quarantine", "replay", "orders", "--threads", "1"]);
    output.is_clean();
    output
}

/// What waits, as (file:line, reason).
fn open(shop: &Shop) -> Vec<String> {
    let output = ends_well(shop, &["quarantine", "show", "--format", "csv"]);
    let line = |line: &str| line.split(',').skip(1).take(2).collect::<Vec<_>>().join(":");
    output.out.lines().skip(1).map(line).collect()
}

/// Declares that `n/a` is not a value.
fn mend(shop: &Shop) {
    shop.pipeline("[sources.orders]\n", "[sources.orders]\nnull = [\"\", \"n/a\"]\n");
}

#[test]
fn what_a_failed_run_refused_is_shown_until_its_file_is_read() {
    let shop = Shop::published();
    shop.write(
        NEW,
        format!("{HEADER}o960,Sesame,2026-02-27 10:00,n/a,web\no961,c01,2026-02-27 10:00,4.00,web\n"),
    );
    assert_eq!(shop.sillage(&["run", "--threads", "1"]).code, Some(1));
    let statuses = |shop: &Shop| {
        let output = ends_well(shop, &["quarantine", "ls", "--format", "csv"]);
        output.out.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let waits = statuses(&shop);
    assert_eq!(waits.len(), 1, "{waits:?}");
    assert!(waits[0].contains("march.csv,net_amount") && waits[0].contains("run failed"), "{waits:?}");
    assert_eq!(open(&shop), ["march.csv:2"]);
    mend(&shop);
    ends_well(&shop, &["run", "--threads", "1"]);
    assert!(statuses(&shop).is_empty());
}

#[test]
fn what_waits_is_counted_and_shown() {
    let shop = shop();
    let output = ends_well(&shop, &["quarantine", "ls"]);
    output.is_clean();
    output.shown("quarantine_ls", SNAPSHOTS);
    ends_well(&shop, &["quarantine", "show", "--column", "net_amount", "-n", "1"])
        .shown("quarantine_show", SNAPSHOTS);
    ends_well(&shop, &["quarantine", "show", "--reason", "timestamp"])
        .shown("quarantine_show_reason", SNAPSHOTS);
    ends_well(&shop, &["quarantine", "ls", "--source", "visits"]).shown("quarantine_none", SNAPSHOTS);
    let shop = Shop::published();
    ends_well(&shop, &["quarantine", "ls"]).shown("quarantine_empty", SNAPSHOTS);
}

#[test]
fn rows_that_fit_now_are_kept_once() {
    let shop = shop();
    let before = shop.ask("select count(*) from raw.orders");
    mend(&shop);
    replay(&shop).shown("quarantine_replay", SNAPSHOTS);
    assert_eq!(
        shop.ask("select order_id, net_amount, _file, _line from raw.orders where customer_id = 'Sesame' order by 1"),
        "o960,,march.csv,62\no962,,march.csv,64"
    );
    // The models were computed again in the same release.
    assert_eq!(shop.ask("select count(*) from core.orders where order_id in ('o960', 'o962')"), "2");
    assert_eq!(open(&shop), ["march.csv:63"]);
    ends_well(&shop, &["quarantine", "ls", "--all"]).shown("quarantine_ls_all", SNAPSHOTS);
    // Again: one still waits and still does not fit.
    let output = replay(&shop);
    assert!(
        output
            .err
            .contains("0 refused rows fit now and went to the table; others still do not: march.csv:63")
    );
    assert_eq!(shop.ask("select count(*) from raw.orders"), (before.parse::<u64>().unwrap() + 2).to_string());
    assert_eq!(open(&shop), ["march.csv:63"]);
    // A plain run in between changes nothing.
    ends_well(&shop, &["run"]);
    shop.pipeline("format = \"%Y-%m-%d %H:%M\"", "format = [\"%Y-%m-%d %H:%M\", \"%d/%m/%Y\"]");
    replay(&shop);
    assert_eq!(open(&shop), [""; 0]);
    assert_eq!(shop.ask("select ordered_at from raw.orders where order_id = 'o961'"), "2026-02-26T23:00:00Z");
    let releases = ends_well(&shop, &["releases"]).out.lines().count();
    let output = replay(&shop);
    output.shown("quarantine_replay_nothing", SNAPSHOTS);
    assert_eq!(ends_well(&shop, &["releases"]).out.lines().count(), releases, "nothing was run");
}

#[test]
fn a_row_that_still_does_not_fit_stays_with_its_new_reason() {
    let shop = shop();
    shop.pipeline(
        "net_amount = \"decimal(12,2)\"",
        "net_amount = { type = \"decimal(12,2)\", nullable = false }",
    );
    mend(&shop);
    replay(&shop);
    assert_eq!(
        shop.ask("select count(*) from ops.quarantine where reason like '%no value in a required column' and state = 'refused again'"),
        "2"
    );
    assert_eq!(open(&shop), ["march.csv:62", "march.csv:63", "march.csv:64"]);
}

#[test]
fn a_replay_that_fails_leaves_the_rows_waiting() {
    let shop = shop();
    mend(&shop);
    shop.edit_properties("core.orders", "{ row_count = { min = 1 } }", "{ not_null = \"net_amount\" }");
    let output = shop.sillage(&["quarantine", "replay", "orders"]);
    assert_eq!(output.code, Some(1), "{}", output.err);
    assert_eq!(open(&shop).len(), 3);
    shop.edit_properties("core.orders", "{ not_null = \"net_amount\" }", "{ row_count = { min = 1 } }");
    replay(&shop);
    assert_eq!(open(&shop), ["march.csv:63"]);
    assert_eq!(shop.ask("select count(*) from raw.orders where order_id = 'o960'"), "1");
}

#[test]
fn a_replayed_row_does_not_win_over_a_later_one_of_its_key() {
    let shop = Shop::published();
    shop.pipeline("[sources.orders]\n", "[sources.orders]\nkey = [\"order_id\"]\n");
    shop.pipeline("tolerance = 0.05", "tolerance = 0.5");
    let ok = "o910,c01,2026-02-27 10:00,3.00,web\n";
    shop.write(NEW, format!("{HEADER}{ok}o900,c01,2026-02-27 10:00,n/a,old\n"));
    ends_well(&shop, &["run"]);
    shop.write("exports/orders/march_2.csv", format!("{HEADER}o900,c01,2026-02-27 10:00,9.00,new\n"));
    ends_well(&shop, &["run"]);
    mend(&shop);
    replay(&shop);
    assert_eq!(shop.ask("select count(*) from raw.orders where order_id = 'o900'"), "2");
    assert_eq!(shop.ask("select net_amount, channel from core.orders where order_id = 'o900'"), "9.00,new");
}

#[test]
fn lines_that_a_stray_quote_had_swallowed_come_back_whole() {
    let shop = Shop::published();
    shop.pipeline("tolerance = 0.05", "tolerance = 0.9");
    // Read with quotes these three lines are one record of nine fields.
    shop.write(
        NEW,
        format!(
            "{HEADER}\"o900,c01,2026-02-27 10:00,3.00,web\no901,c01,2026-02-27 10:00,3.00,web\no902,c01,2026-02-27 10:00,3.00,\"\n\
             o903,c01,2026-02-27 10:00,3.00,web\n"
        ),
    );
    ends_well(&shop, &["run"]);
    assert_eq!(shop.ask("select line, last_line from ops.quarantine where file = 'march.csv'"), "2,4");
    shop.pipeline("[sources.orders]\n", "[sources.orders]\nquote = \"\"\n");
    replay(&shop);
    assert_eq!(
        shop.ask("select order_id, _line from raw.orders where _file = 'march.csv' order by _line"),
        "\"\"\"o900\",2\no901,3\no902,4\no903,5"
    );
    assert_eq!(open(&shop), [""; 0]);
}

#[test]
fn a_line_that_is_no_record_any_more_is_dropped() {
    let shop = Shop::published();
    shop.pipeline("tolerance = 0.05", "tolerance = 0.9");
    shop.write(NEW, format!("{HEADER}# end of the first till\no900,c01,2026-02-27 10:00,3.00,web\n"));
    ends_well(&shop, &["run"]);
    assert_eq!(open(&shop), ["march.csv:2"]);
    shop.pipeline("[sources.orders]\n", "[sources.orders]\ncomment = \"#\"\n");
    replay(&shop);
    assert_eq!(open(&shop), [""; 0]);
    assert_eq!(shop.ask("select count(*) from ops.quarantine where state = 'dropped'"), "1");
    assert_eq!(shop.ask("select count(*) from raw.orders where _file = 'march.csv'"), "1");
}

#[test]
fn a_file_is_known_by_its_content_and_missed_when_it_is_gone() {
    let shop = shop();
    mend(&shop);
    std::fs::rename(shop.path(NEW), shop.path("exports/orders/moved.csv")).unwrap();
    replay(&shop);
    assert_eq!(shop.ask("select _file from raw.orders where order_id = 'o960'"), "march.csv");

    let shop = self::shop();
    mend(&shop);
    shop.remove(NEW);
    let output = shop.sillage(&["quarantine", "replay", "orders"]);
    output.shown("quarantine_replay_gone", SNAPSHOTS);
    assert_eq!(output.code, Some(1));
    assert_eq!(open(&shop).len(), 3);
}

#[test]
fn rows_of_a_failed_night_are_read_again_with_their_file() {
    let shop = Shop::published();
    shop.write(NEW, format!("{HEADER}o900,c01,2026-02-27 10:00,n/a,web\n"));
    assert_eq!(shop.run(&[]).code, Some(1));
    assert_eq!(open(&shop), ["march.csv:2"]);
    assert!(ends_well(&shop, &["quarantine", "ls"]).out.contains("run failed"));
    mend(&shop);
    replay(&shop).shown("quarantine_replay_of_a_failed_night", SNAPSHOTS);
    ends_well(&shop, &["run"]);
    assert_eq!(shop.ask("select count(*) from raw.orders where order_id = 'o900'"), "1");
}

#[test]
fn a_full_refresh_begins_the_quarantine_again() {
    let shop = shop();
    assert_eq!(shop.run(&["--full-refresh"]).code, Some(0));
    assert_eq!(open(&shop).len(), 3, "refused once more, and waiting once");
    mend(&shop);
    replay(&shop);
    assert_eq!(shop.ask("select count(*) from raw.orders where order_id = 'o960'"), "1");
    let output = shop.sillage(&["quarantine", "replay", "orders", "--full-refresh"]);
    output.shown("quarantine_replay_full_refresh", SNAPSHOTS);
    let output = shop.sillage(&["quarantine", "replay", "order"]);
    output.shown("quarantine_replay_unknown", SNAPSHOTS);
    let output = shop.sillage(&["quarantine", "replay", "orders", "--select", "raw.visits"]);
    output.shown("quarantine_replay_not_selected", SNAPSHOTS);
}

#[test]
fn rows_of_parquet_are_replayed_by_their_number() {
    let shop = Shop::published();
    shop.pipeline("exports/people/people.parquet", "exports/people/*.parquet");
    shop.pipeline("format = \"parquet\"", "format = \"parquet\"\ntolerance = 0.5");
    let texts = |values: [&str; 3]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
    let rows = RecordBatch::try_from_iter([
        ("customer_id", texts(["p1", "p2", "p3"])),
        ("name", texts(["x\ny\nz", "x\ny\nz", "x"])),
        ("accepts_email", texts(["perhaps", "yes", "no"])),
        ("since", texts(["2020-01-01", "2020-01-01", "2020-01-01"])),
    ]);
    shop.parquet("exports/people/more.parquet", rows.unwrap());
    ends_well(&shop, &["run"]);
    assert_eq!(shop.ask("select line, last_line from ops.quarantine"), "1,1");
    shop.pipeline(
        "accepts_email = \"boolean\"",
        "accepts_email = { type = \"boolean\", true = [\"yes\", \"perhaps\"] }",
    );
    ends_well(&shop, &["quarantine", "replay", "people"]);
    assert_eq!(
        shop.ask("select customer_id, _line from raw.people where _file = 'more.parquet' order by 1"),
        "p1,1\np2,2\np3,3"
    );
}

fn dismiss(shop: &Shop, args: &[&str]) -> CommandOutput {
    let output = shop.sillage(&[&["quarantine", "dismiss", "--by", "Ruth"], args].concat());
    output.is_clean();
    output
}

#[test]
fn a_dismissed_row_waits_no_more() {
    let shop = shop();
    let line = ["--source", "orders", "--file", "march.csv", "--line", "62"];
    let output = dismiss(&shop, &[line.as_slice(), &["--because", "a test order of the shop"]].concat());
    output.shown("quarantine_dismiss", SNAPSHOTS);
    assert_eq!(open(&shop), ["march.csv:63", "march.csv:64"]);
    assert_eq!(
        shop.ask(
            "select state, dismissed_by, dismissed_because from ops.quarantine where line = 62 order by _run"
        ),
        "refused,,\ndismissed,Ruth,a test order of the shop"
    );
    ends_well(&shop, &["quarantine", "ls", "--all", "--line", "62", "--file", "march.csv"])
        .shown("quarantine_dismissed_ls", SNAPSHOTS);
    assert!(ends_well(&shop, &["releases"]).out.contains("quarantine dismiss"));
    // It is not read again, though it would fit by now.
    mend(&shop);
    replay(&shop);
    assert_eq!(shop.ask("select order_id from raw.orders where customer_id = 'Sesame'"), "o962");
    // Nothing waits twice, and what does not wait is not dismissed.
    let again = dismiss(&shop, &[line.as_slice(), &["--because", "again"]].concat());
    assert_eq!(again.code, Some(0));
    assert!(again.out.contains("nothing was dismissed"), "{}", again.out);
}

#[test]
fn it_stays_dismissed_when_all_files_are_read_again_unless_the_line_says_something_else() {
    let shop = shop();
    let done = dismiss(&shop, &["--column", "net_amount", "--because", "void tickets"]);
    assert!(done.out.starts_with("2 refused records dismissed"), "{}{}", done.out, done.err);
    let file = std::fs::read_to_string(shop.path(NEW)).unwrap();
    shop.write(NEW, file.replace("o962,Sesame,2026-02-27 11:00,n/a", "o962,Sesame,2026-02-27 12:00,n/a"));
    ends_well(&shop, &["run", "--full-refresh"]);
    assert_eq!(open(&shop), ["march.csv:63", "march.csv:64"]);
    let all = ends_well(
        &shop,
        &["quarantine", "show", "--all", "--format", "csv", "--line", "62", "--file", "march.csv"],
    );
    assert!(all.out.contains(",dismissed,3,Ruth,void tickets,"), "{}", all.out);
}

#[test]
fn a_dismissal_says_which_records_and_why() {
    let shop = shop();
    let which = dismiss(&shop, &["--because", "no longer needed"]);
    which.shown("quarantine_dismiss_which", SNAPSHOTS);
    assert_eq!(which.code, Some(2));
    for because in [["--source", "orders"].as_slice(), &["--source", "orders", "--because", " "]] {
        assert_eq!(dismiss(&shop, because).code, Some(2));
    }
    assert_eq!(open(&shop).len(), 3);
    let output = shop.sillage(&["quarantine", "dismiss", "--source", "orders", "--because", "x"]);
    assert_eq!(output.code, Some(2), "by whom?");
}

#[test]
fn a_dismissal_waits_for_nobody_and_never_halves_a_run() {
    let shop = shop();
    let before = shop.ask("select count(*) from raw.orders");
    dismiss(&shop, &["--source", "orders", "--because", "all of them"]);
    assert_eq!(open(&shop), [""; 0]);
    assert_eq!(shop.ask("select count(*) from raw.orders"), before);
    // The next night builds on it, and the release before can be had back, the waiting rows with it.
    ends_well(&shop, &["run"]);
    ends_well(&shop, &["restore", "2"]);
    assert_eq!(open(&shop).len(), 3);
}
