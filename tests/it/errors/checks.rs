//! Checks: failing rows are counted, never shown; `warn` lets the run publish, `error` does not.

use crate::broken_shop::Shop;

const EVERY_KIND: [&str; 7] = [
    "{ not_null = \"customer_id\" }",
    "{ unique = [\"customer_id\", \"channel\"] }",
    "{ accepted_values = \"channel\", values = [\"shop\"] }",
    "{ relationships = \"customer_id\", to = \"core.consents.customer_id\" }",
    "{ row_count = { min = 1000 } }",
    "{ expression = \"net_amount > 20\" }",
    "{ reconciles = \"net_amount\", by = \"channel\", keyed_by = \"order_id\", \
     with = [{ table = \"core.orders\", where = \"customer_id is not null\" }] }",
];

fn shop(checks: &str) -> Shop {
    let shop = Shop::published();
    shop.edit_properties("core.orders", "{ row_count = { min = 1 } }", checks);
    shop.write(
        "exports/orders/march.csv",
        "order_id,customer_id,ordered_at,net_amount,channel\n\
         o900,,2026-02-27 10:00,3.00,web\no901,Sesame,2026-02-27 10:00,3.00,phone\n",
    );
    shop
}

#[test]
fn every_kind_of_check_stops_the_night() {
    shop(&EVERY_KIND.join(", ")).run_fails("checks_error", 1);
}

#[test]
fn what_broke_can_be_looked_at_until_the_next_run_begins() {
    let shop = shop("{ not_null = \"customer_id\" }, { row_count = { min = 1 } }");
    shop.run_fails("broken_rows_run", 1);
    // The release stands and is whole; what failed is another.
    shop.fails("broken_rows_release", 0, &["check", "--select", "core.orders"]);
    shop.fails("broken_rows", 1, &["check", "--run", "2", "--select", "core.orders", "--rows"]);
    let orders = "select order_id, net_amount from core.orders where customer_id is null";
    shop.fails("broken_rows_query", 0, &["query", orders, "--run", "2"]);
    assert_eq!(shop.ask(&orders.replace("order_id, net_amount", "count(*)")), "0");
    shop.fails("query_run_published", 2, &["query", orders, "--run", "1"]);
    shop.fails("query_run_unknown", 2, &["query", orders, "--run", "9"]);
    shop.edit("exports/orders/march.csv", "o900,,", "o900,c01,");
    shop.run(&[]);
    shop.fails("query_run_gone", 2, &["query", orders, "--run", "2"]);
}

#[test]
fn every_kind_of_check_may_only_warn() {
    shop(
        &EVERY_KIND
            .map(|check| format!("{}, severity = \"warn\" }}", check.strip_suffix(" }").unwrap()))
            .join(", "),
    )
    .run_publishes("checks_warn");
}

#[test]
fn a_check_that_cannot_be_asked() {
    shop("{ not_null = \"customer\" }").run_fails("check_unknown_column", 2);
    shop("{ relationships = \"customer_id\", to = \"core.consents.customer\" }")
        .run_fails("check_unknown_target", 2);
    shop("{ expression = \"net_amount >\" }").run_fails("check_does_not_parse", 2);
    shop("{ expression = \"cast(customer_id as integer) > 0\" }").run_fails("check_casts", 1);
    shop("{ not_null = \"customer\", severity = \"warn\" }").run_fails("check_warn_unknown_column", 2);
    shop("{ reconciles = \"net_amount\", with = [{ table = \"core.orders\", sum = \"net\" }] }")
        .run_fails("check_reconciles_unknown_column", 2);
    shop("{ reconciles = \"net_amount\", with = [{ table = \"core.orders\", sum = \"cast(net_amount as double)\" }] }")
        .run_fails("check_reconciles_float", 2);
    shop("{ reconciles = \"net_amount\" }").run_fails("check_reconciles_nothing", 2);
}

#[test]
fn one_check_that_cannot_be_asked_does_not_hide_another() {
    shop("{ not_null = \"customer\" }, { not_null = \"customer_id\" }").run_fails("check_beside_broken", 2);
}
