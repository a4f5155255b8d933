//! Same inputs, same bytes: neither threads nor memory nor the time of day change a mart's file.

use crate::nights::tables;
use crate::shop::{Shop, query, shelf};

#[test]
fn two_fresh_runs_put_the_same_bytes_on_the_shelf_whatever_threads_and_memory() {
    let shop = Shop::with_all_deliveries();
    let first = shop.warehouse("first");
    shop.run(&first, &[]).published();
    let expected = shelf(&first);
    let tables = expected.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(
        tables,
        [
            "churn_scores",
            "customer_360",
            "customer_features",
            "list_decisions",
            "list_definitions",
            "list_waterfall",
            "monthly_sales",
            "open_complaints",
            "segment_profiles",
            "segments",
            "segments_behaviour",
            "target_lists"
        ]
    );
    for (name, arguments) in [
        ("again", &[][..]),
        ("one_thread", &["--threads", "1"]),
        ("two_threads", &["--threads", "2"]),
        ("eight_threads", &["--threads", "8"]),
        ("little_memory", &["--memory-limit", "256MB"]),
        ("little_of_both", &["--threads", "1", "--memory-limit", "64MB"]),
    ] {
        let warehouse = shop.warehouse(name);
        shop.run(&warehouse, arguments).published();
        assert_eq!(shelf(&warehouse), expected, "{name}");
    }
}

#[test]
fn the_latest_row_of_a_key_is_the_same_one_whatever_the_memory() {
    // Without a limit repeated keys are joined, with one all rows are ordered.
    let shop = Shop::with_all_deliveries();
    shop.edit("[sources.consents]\n", "[sources.consents]\nkey = [\"card\", \"channel\"]\n");
    shop.edit("[sources.web_orders]\n", "[sources.web_orders]\nkey = [\"order_id\"]\n");
    let (plain, limited) = (shop.warehouse("plain"), shop.warehouse("limited"));
    shop.run(&plain, &[]).published();
    shop.run(&limited, &["--memory-limit", "256MB"]).published();
    let count = |sql: &str| query(&plain, sql).lines().nth(1).unwrap().parse::<i64>().unwrap();
    let orders = count("select count(distinct order_id) from raw.web_orders");
    assert!(orders < count("select count(*) from raw.web_orders"));
    assert_eq!(count("select count(*) from core.order_lines where channel = 'web'"), orders);
    assert_eq!(tables(&limited), tables(&plain));
}

#[test]
fn the_small_shop_has_something_to_say() {
    // Equal bytes of empty tables would prove nothing.
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &[]).published();
    let count = |sql: &str| query(&warehouse, sql).lines().nth(1).unwrap().parse::<i64>().unwrap();
    assert_eq!(count("select count(*) from mart.open_complaints"), 0);
    assert_eq!(count("select count(*) from ops.models where part = 'status' and name = 'fitted'"), 2);
    assert_eq!(count("select count(distinct segment_id) from mart.segments"), 4);
    assert!(count("select count(distinct churn_probability) from mart.churn_scores") > 50);
    assert!(count("select count(*) from mart.target_lists where not is_control") > 50);
    assert!(count("select count(*) from mart.target_lists where is_control") > 5);
}

#[test]
fn a_night_in_which_nothing_new_came_changes_no_byte() {
    let shop = Shop::with_all_deliveries();
    let warehouse = shop.warehouse("warehouse");
    shop.run(&warehouse, &[]).published();
    let first = shelf(&warehouse);
    shop.run(&warehouse, &[]).published();
    assert_eq!(shelf(&warehouse), first);
}
