//! `sillage check`: runs checks against a release without making a new one.

use crate::broken_shop::Shop;

const SNAPSHOTS: &str = "tests/errors/snapshots/checks";

const MORE: &str = r#"checks = [
  { expression = "channel <> 'web'" },
  { expression = "net_amount < 1", severity = "warn" },
  "#;

#[test]
fn checks_of_the_last_release() {
    let shop = Shop::published();
    let before = shop.visible();
    let output = shop.sillage(&["check"]);
    output.is_clean();
    output.shown("hold", SNAPSHOTS);
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert_eq!(shop.visible(), before, "a check changed something");
    assert_eq!(shop.ask("select count(*) from ops.runs"), "1");
}

#[test]
fn a_check_added_later_is_broken_in_the_release_that_stands() {
    let shop = Shop::published();
    shop.edit_properties("core.orders", "checks = [", MORE);
    let output = shop.sillage(&["check"]);
    output.is_clean();
    output.shown("broken", SNAPSHOTS);
    assert_eq!(output.code, Some(1), "{}", output.err);
    let output = shop.sillage(&["check", "--log-format", "json"]);
    output.shown("broken_json", SNAPSHOTS);
    assert_eq!(output.code, Some(1));
    for line in output.out.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].is_string(), "{line}");
    }
    // A warning alone stops nobody.
    let output = shop.sillage(&["check", "--exclude", "core.*"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
}

#[test]
fn an_earlier_release_answers_for_itself() {
    let shop = Shop::published();
    shop.write(
        "exports/orders/2027.csv",
        "order_id,customer_id,ordered_at,net_amount,channel\no9999,c01,2026-02-27 10:00,0.50,web\n",
    );
    let output = shop.run(&[]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let orders = |release: &str| {
        shop.sillage(&["query", "select count(*) from core.orders", "--release", release, "--format", "csv"])
            .out
    };
    assert_ne!(orders("1"), orders("2"));
    let count: u64 = orders("1").lines().nth(1).unwrap().parse().unwrap();
    shop.edit_properties(
        "core.orders",
        "row_count = { min = 1 }",
        &format!("row_count = {{ max = {count} }}"),
    );
    assert_eq!(shop.sillage(&["check", "--release", "1"]).code, Some(0));
    assert_eq!(shop.sillage(&["check", "--release", "2"]).code, Some(1));
    assert_eq!(shop.sillage(&["check"]).code, Some(1));
}

#[test]
fn what_cannot_be_asked_is_said() {
    let shop = Shop::new();
    let output = shop.sillage(&["check"]);
    output.is_clean();
    output.shown("no_warehouse", SNAPSHOTS);
    assert_eq!(output.code, Some(2));
    let shop = Shop::published();
    let output = shop.sillage(&["check", "--release", "99"]);
    assert_eq!(output.code, Some(2), "{}", output.err);
    // A table that the release does not have yet, and a column that it lacks.
    shop.model("core.pages", "select distinct page from raw.visits");
    shop.properties("core.pages", "checks = [{ unique = [\"page\"] }]\n");
    shop.edit_properties("core.orders", "checks = [", "checks = [{ not_null = [\"shop\"] }, ");
    let output = shop.sillage(&["check"]);
    output.is_clean();
    output.shown("absent", SNAPSHOTS);
    assert_eq!(output.code, Some(2), "{}", output.err);
}
