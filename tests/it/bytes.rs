//! Same inputs, same bytes: neither threads nor memory nor the hour change a mart's file.

use crate::shop::{Shop, shelf};

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
            "list_waterfall",
            "monthly_sales",
            "open_complaints",
            "segment_profiles",
            "segments",
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
