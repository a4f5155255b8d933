//! Checks: failing rows are counted, never shown; `warn` lets the run publish, `error` does not.

use crate::broken_shop::Shop;

const EVERY_KIND: [&str; 6] = [
    "{ not_null = \"customer_id\" }",
    "{ unique = [\"customer_id\", \"channel\"] }",
    "{ accepted_values = \"channel\", values = [\"shop\"] }",
    "{ relationships = \"customer_id\", to = \"core.consents.customer_id\" }",
    "{ row_count = { min = 1000 } }",
    "{ expression = \"net_amount > 20\" }",
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
fn every_kind_of_check_may_only_warn() {
    shop(
        &EVERY_KIND
            .map(|check| {
                check
                    .replacen(" }", ", severity = \"warn\" }", 1)
                    .replace("1000, severity = \"warn\" } }", "1000 }, severity = \"warn\" }")
            })
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
}

#[test]
fn one_check_that_cannot_be_asked_does_not_hide_another() {
    shop("{ not_null = \"customer\" }, { not_null = \"customer_id\" }").run_fails("check_beside_broken", 2);
}
