//! Too little training data is not a failure; a wrong column is. The same for audiences.

use crate::broken_shop::Shop;

/// Orders of six customers, of whom all, or none, come in the window before the as-of instant.
fn shop(all_stay: bool) -> Shop {
    let shop = Shop::new();
    shop.remove("exports/orders");
    let mut rows = String::from("order_id,customer_id,ordered_at,net_amount,channel\n");
    for customer in 1..=6 {
        for month in [8, 9, 10, 11] {
            rows.push_str(&format!(
                "o{customer}{month},c{customer:02},2025-{month:02}-05 10:00,9.{customer}0,web\n"
            ));
        }
        if all_stay {
            for (n, day) in
                ["2025-12-02", "2025-12-20", "2026-01-05", "2026-01-20", "2026-02-02", "2026-02-20"]
                    .iter()
                    .enumerate()
            {
                rows.push_str(&format!("o{customer}9{n},c{customer:02},{day} 10:00,9.{customer}0,web\n"));
            }
        }
    }
    shop.write("exports/orders/all.csv", rows);
    shop.pipeline("min_rows = 10\nmin_positives = 2", "min_rows = 2\nmin_positives = 1");
    shop
}

#[test]
fn an_outcome_of_one_class_is_not_fitted() {
    for (name, all_stay) in [("nobody_leaves", true), ("everybody_leaves", false)] {
        let shop = shop(all_stay);
        shop.run_publishes(name);
        assert_eq!(shop.ask("select count(*), count(churn_probability) from mart.churn_scores"), "6,0");
    }
}

#[test]
fn more_segments_than_customers_are_not_fitted() {
    let shop = shop(false);
    shop.pipeline("k = 2", "k = 9");
    shop.run_publishes("k_above_customers");
    assert_eq!(
        shop.ask("select count(*), count(distinct segment_id) from mart.segments").split(',').next(),
        Some("6")
    );
}

#[test]
fn nobody_at_all_is_no_failure() {
    let shop = shop(false);
    shop.write("exports/orders/all.csv", "order_id,customer_id,ordered_at,net_amount,channel\n");
    shop.edit_properties("core.orders", "checks = [{ row_count = { min = 1 } }]\n", "");
    shop.run_publishes("no_customers");
}

#[test]
fn feature_columns_must_be_there_and_be_numbers() {
    let shop = Shop::published();
    shop.pipeline(
        "columns = [\"recency_days\", { column = \"orders_total\", log = true }]",
        "columns = [\"recency\", \"orders_total\"]",
    );
    shop.run_fails("segments_unknown_column", 2);
    let shop = Shop::published();
    shop.pipeline(
        "columns = [\"recency_days\", \"orders_total\"]",
        "columns = [\"recency\", \"orders_total\"]",
    );
    shop.run_fails("churn_unknown_column", 2);
    let shop = Shop::published();
    shop.pipeline("min_rows = 10", "eligible = \"recency < 100\"");
    shop.run_fails("churn_unknown_eligible", 2);
    let shop = Shop::published();
    shop.pipeline("min_rows = 10", "eligible = \"recency_days <\"");
    shop.run_fails("churn_eligible_does_not_parse", 2);
}

#[test]
fn audiences_that_cannot_be_drawn() {
    let message = |name: &str, code: i32, from: &str, to: &str| {
        let shop = Shop::published();
        shop.pipeline(from, to);
        shop.run_fails(name, code);
    };
    message("audience_unknown_column", 2, "where = \"orders > 1\"", "where = \"order_count > 1\"");
    message("audience_unknown_exclusion", 2, "where = \"recency_days < 7\"", "where = \"recency < 7\"");
    message("audience_unknown_rank", 2, "rank_by = \"churn_probability\"", "rank_by = \"churn\"");
    message("audience_not_a_condition", 2, "where = \"orders > 1\"", "where = \"orders + 1\"");
    message("audience_does_not_parse", 2, "where = \"orders > 1\"", "where = \"orders > \"");
    message("audience_casts", 1, "where = \"orders > 1\"", "where = \"cast(segment_name as integer) > 1\"");
    message("audience_two_rules", 2, "where = \"orders > 1\"", "where = \"orders > 1) or (1=1\"");
}

#[test]
fn consent_needs_its_table() {
    let shop = Shop::published();
    shop.remove("sql/shop/core/consents.sql");
    shop.remove("sql/shop/core/consents.toml");
    shop.run_fails("no_consents", 2);
    shop.model("core.consents", "select customer_id, accepts_email from raw.people");
    shop.run_fails("consents_without_columns", 2);
}

#[test]
fn a_consent_to_one_thing_is_none_to_another() {
    const BY_PURPOSE: &str = "select customer_id, 'email' as channel, accepts_email as granted, since as valid_from, \
                              purpose from raw.people cross join (values ('offers'), ('profiling')) as p(purpose)";
    const ASKS: &str = "channel = \"email\"\npurpose = ";
    let shop = Shop::published();
    shop.model("core.consents", BY_PURPOSE);
    shop.run_fails("audience_without_purpose", 2);
    // A purpose that nobody was asked about: a list of nobody, and a warning.
    shop.pipeline("channel = \"email\"", &format!("{ASKS}\"ofers\""));
    shop.run_publishes("audience_unasked_purpose");
    assert_eq!(shop.ask("select count(*) from mart.target_lists"), "0");
    shop.pipeline("\"ofers\"", "[\"offers\", \"profiling\"]");
    assert_eq!(shop.run(&[]).code, Some(0));
    assert_ne!(shop.ask("select count(*) from mart.target_lists"), "0");
    assert_eq!(
        shop.ask("select customers > 0 from mart.list_waterfall where reason = 'no consent for email: offers, profiling'"),
        "true"
    );
    let shop = Shop::published();
    shop.pipeline("channel = \"email\"", &format!("{ASKS}\"offers\""));
    shop.run_fails("audience_purpose_unknown_to_consents", 2);
    shop.pipeline("\"offers\"", "[\"offers\", \"offers\"]\nconsent = false");
    shop.run_fails("audience_purpose_twice", 2);
    shop.pipeline("[\"offers\", \"offers\"]", "\"offers\"");
    shop.run_fails("audience_purpose_without_consent", 2);
    shop.pipeline("\"offers\"", "3");
    shop.run_fails("audience_purpose_is_no_text", 2);
}

#[test]
fn values_that_cannot_be_of_anything() {
    let message = |name: &str, section: &str| {
        let shop = Shop::published();
        shop.declare(section);
        shop.run_fails(name, 2);
    };
    let of = |columns: &str| {
        format!(
            "[value.subscription]\ncontracts = {{ table = \"core.orders\", id = \"order_id\", period = \"month\", {columns} }}\n"
        )
    };
    let days = "start = \"ordered_at\", end = \"ordered_at\", margin = \"net_amount\"";
    message("value_of_nothing", "[value.subscription]\nhorizon_days = 30\n");
    message("contracts_without_a_tenure", &of("start = \"ordered_at\", margin = \"net_amount\""));
    message(
        "contracts_without_days_are_not_judged",
        &(of("tenure = \"1\", ended = \"false\", margin = \"net_amount\"")
            + "cutoffs = { count = 1, every_days = 30 }\n"),
    );
    message("contracts_with_costs_to_serve", &(of(days) + "cost_to_serve = \"1\"\n"));
    message("contracts_start_is_no_day", &of(&days.replace("start = \"ordered_at\"", "start = \"channel\"")));
    message("contracts_unknown_column", &(of(&days.replace("net_amount", "net")) + "group = \"channel\"\n"));
    message("contracts_unknown_group", &(of(days) + "group = \"plan\"\n"));
    message("contracts_undated", &of(days).replace("core.orders", "raw.people"));
}
