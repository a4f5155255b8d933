//! The maintenance commands: `retry`, `restore`, `optimize`, `vacuum`, `backup`.

use std::fs;
use std::path::Path;

use crate::nights::{Nights, journal_entries, tables, wait_for};
use crate::shop::{AS_OF, Shop, copy_folder, query, query_of, rows, shelf, sillage};

fn verb(words: &[&str], warehouse: &Path) -> crate::shop::CommandResult {
    let mut all = words.to_vec();
    all.extend(["--warehouse", warehouse.to_str().unwrap()]);
    sillage(all)
}

#[test]
fn a_release_that_is_restored_is_as_it_was_and_the_nights_since_can_come_again() {
    let nights = Nights::unharmed();
    let warehouse = nights.shop.warehouse("unharmed");
    let before = tables(&nights.base);
    let message = verb(&["restore", "1"], &warehouse).published();
    assert_eq!(message.stdout, "release 3 published: the tables of release 1, as of 2025-11-01T00:00:00Z\n");
    assert_eq!(shelf(&warehouse), nights.old);
    let mut after = tables(&warehouse);
    // The history tells of both nights.
    assert_eq!(query(&warehouse, "select count(*) as n from ops.runs"), "n\n2\n");
    for history in ["ops.runs", "ops.steps", "ops.checks"] {
        after.insert(history.to_owned(), before[history].clone());
    }
    assert_eq!(after, before);
    // The sixth delivery is new to the ledger again.
    nights.shop.run(&warehouse, &[]).published();
    assert_eq!(shelf(&warehouse), nights.new);
    let lines = query(&warehouse, "select count(*) as n, sum(net_amount) as s from core.order_lines");
    assert_eq!(lines, nights.new_lines);
    verb(&["restore", "9"], &warehouse).refused(2, &["the warehouse has no release 9"]);
}

#[test]
fn a_table_of_many_files_becomes_one_and_keeps_its_rows() {
    let shop = Shop::new();
    let warehouse = shop.warehouse("grown");
    for (night, as_of) in AS_OF.iter().enumerate() {
        shop.deliver(night..night + 1);
        shop.run(&warehouse, &["--as-of", as_of]).published();
    }
    let (before, shown) = (rows(&warehouse, "raw.tickets"), shelf(&warehouse));
    let message = verb(&["optimize"], &warehouse).published();
    assert!(message.stdout.contains("raw.tickets: 6 files became 1"), "{}", message.stdout);
    assert_eq!(rows(&warehouse, "raw.tickets"), before);
    assert_eq!(shelf(&warehouse), shown);
    let again = verb(&["optimize"], &warehouse).published();
    assert_eq!(again.stdout, "no table has many small files\n");
    // The ledger knows its files: a night without a delivery adds nothing.
    shop.run(&warehouse, &["--as-of", "2026-02-01"]).published();
    assert_eq!(rows(&warehouse, "raw.tickets"), before);
}

#[test]
fn a_vacuum_leaves_what_is_kept_and_nothing_else() {
    let nights = Nights::unharmed();
    let warehouse = nights.shop.warehouse("unharmed");
    // A third night is interrupted with staged files in the tables' folders.
    nights.shop.put("tickets", "07.csv", "ticket;sold_at;card;product_id;quantity;net_amount\n");
    let mut night = nights.shop.night(&warehouse, &["--as-of", "2026-02-01"]).spawn().unwrap();
    wait_for(&mut night, || journal_entries(&warehouse, 3).len() > 8);
    night.kill().unwrap();
    night.wait().unwrap();
    let (whole, old) = (
        tables(&warehouse),
        query_of(&warehouse, "select count(*) as n from core.orders", &["--release", "1"]),
    );
    let files = parquet_files(&warehouse);

    let message =
        verb(&["vacuum", "--keep-releases", "1", "--older-than", "0s", "--dry-run"], &warehouse).published();
    assert!(message.stdout.contains("would be deleted"), "{}", message.stdout);
    assert_eq!(parquet_files(&warehouse), files);
    // Young files stay.
    verb(&["vacuum", "--keep-releases", "30"], &warehouse).published();
    assert_eq!(query_of(&warehouse, "select count(*) as n from core.orders", &["--release", "1"]), old);

    verb(&["vacuum", "--keep-releases", "1", "--older-than", "0s"], &warehouse).published();
    assert_eq!(tables(&warehouse), whole);
    assert_eq!(shelf(&warehouse), nights.new);
    verb(&["query", "select 1 from core.orders", "--release", "1"], &warehouse).refused(2, &["no release 1"]);
    verb(&["restore", "2"], &warehouse).refused(2, &["no release 2"]);
    let left = verb(&["vacuum", "--keep-releases", "1", "--older-than", "0s", "--dry-run"], &warehouse);
    assert!(left.stdout.starts_with("0 files"), "{}", left.stdout);
    // And the night that was interrupted is delivered again.
    nights.shop.run(&warehouse, &["--as-of", "2026-02-01"]).published();
}

#[test]
fn a_backup_is_a_warehouse_that_goes_on_as_the_first_would_have() {
    let nights = Nights::unharmed();
    // A run that was interrupted while it published: its log entries are beyond the release.
    let warehouse = nights.shop.warehouse("cut_off");
    copy_folder(&nights.base, &warehouse);
    let intent = warehouse.join(format!("_sillage/journal/{:020}/intent.json", 2));
    let mut night = nights.shop.night(&warehouse, &[]).spawn().unwrap();
    wait_for(&mut night, || intent.exists());
    std::thread::sleep(nights.publishing.mul_f64(0.3));
    night.kill().unwrap();
    night.wait().unwrap();
    let copy = nights.shop.warehouse("copy");
    let message = verb(&["backup", copy.to_str().unwrap()], &warehouse).published();
    assert!(message.stdout.contains("is a warehouse of its own"), "{}", message.stdout);
    let (release, answer) = crate::nights::answer(&copy, None);
    assert_eq!(answer, if release == 1 { nights.old_answer.clone() } else { nights.new_answer.clone() });
    assert_eq!(shelf(&copy), if release == 1 { nights.old.clone() } else { nights.new.clone() });
    // The machine burnt down; the night is run over the copy.
    nights.shop.run(&copy, &[]).published();
    if release == 1 {
        assert_eq!(shelf(&copy), nights.new);
    }
    let lines = query(&copy, "select count(*) as n, sum(net_amount) as s from core.order_lines");
    assert_eq!(lines, nights.new_lines);
    verb(&["backup", copy.to_str().unwrap()], &warehouse)
        .refused(2, &["is already a warehouse, with release"]);
}

#[test]
fn a_fixed_run_is_retried_without_what_it_had_done() {
    let nights = Nights::unharmed();
    let warehouse = nights.shop.warehouse("mended");
    copy_folder(&nights.base, &warehouse);
    let good = fs::read_to_string(nights.shop.exports().join("tickets/06.csv")).unwrap();
    nights.shop.put("tickets", "06.csv", &format!("{good}T9;01/12/2025 10:00;;P001;1;-5,00\n"));
    nights.shop.run(&warehouse, &["--as-of", "2026-01-01"]).refused(1, &["net_amount >= 0"]);
    nights.shop.put("tickets", "06.csv", &good);
    let retry = || {
        let night = nights.shop.night(&warehouse, &[]);
        let mut retry = std::process::Command::new(night.get_program());
        retry.arg("retry").args(night.get_args().skip(1)).env("SHOP_EXPORTS", nights.shop.exports());
        retry.output().unwrap()
    };
    let output = retry();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    assert!(message.contains("run 2 failed;"), "{message}");
    assert!(message.contains("raw.cards") && message.contains("(done before)"), "{message}");
    assert_eq!(shelf(&warehouse), nights.new);
    let again = retry();
    let message = String::from_utf8_lossy(&again.stderr);
    assert_eq!(again.status.code(), Some(2), "{message}");
    assert!(message.contains("there is nothing to retry: run 3 was published"), "{message}");
}

fn parquet_files(warehouse: &Path) -> Vec<std::path::PathBuf> {
    let (mut folders, mut files) = (vec![warehouse.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() && !entry.is_symlink() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|e| e == "parquet") {
                files.push(entry);
            }
        }
    }
    files.sort();
    files
}
