//! No data from the future: what happens after the as-of instant changes nothing as of it.

use crate::shop::{NIGHTS, Shop, query, shelf};

/// One file a source with what comes at the instant of the shop's night, 2026-01-01, and after it:
/// purchases of known and unknown customers, a card that would unite two persons, a change of mind.
fn deliver_the_future(shop: &Shop) {
    shop.put(
        "cards",
        "99.csv",
        "card,email,first_name,created_on\n\
         K0001,person2@example.org,Renamed,2026-01-01\n\
         K9999,new@example.org,New,2026-02-01\n",
    );
    let consents: String = (0..200)
        .flat_map(|n| ["email", "post"].map(|c| format!("K{n:04},{c},no,2026-01-01 00:00\n")))
        .collect();
    shop.put("consents", "99.csv", &format!("card,channel,granted,valid_from\n{consents}"));
    shop.put("complaints", "99.csv", "card,complained_at\nK0001,2026-01-05 12:00\n");
    deliver_future_purchases(shop, "new@example.org");
}

fn deliver_future_purchases(shop: &Shop, email: &str) {
    let mut tickets = "ticket;sold_at;card;product_id;quantity;net_amount\n".to_owned();
    let mut orders = String::new();
    let known = query_known_accounts(shop);
    for (n, (card, account)) in known.iter().enumerate() {
        tickets.push_str(&format!("F{n};01/01/2026 00:00;{card};P001;9;999,00\n"));
        orders.push_str(&format!(
            "{{\"order_id\":\"FW{n}\",\"ordered_at\":\"2026-01-{:02}T00:00:00Z\",\"customer\":{{\"account\":\
             \"{account}\",\"email\":\"{email}\"}},\"product_id\":\"P001\",\"quantity\":1,\"net_amount\":\"77.00\"}}\n",
            1 + n % 28
        ));
    }
    shop.put("tickets", "99.csv", &tickets);
    shop.put("web_orders", "99.jsonl", &orders);
}

/// Cards and accounts that are in the exports.
fn query_known_accounts(shop: &Shop) -> Vec<(String, String)> {
    let warehouse = shop.warehouse("known");
    shop.run(&warehouse, &["--select", "kind:ingest"]).published();
    let first = |sql: &str| -> Vec<String> {
        query(&warehouse, sql).lines().skip(1).take(80).map(str::to_owned).collect()
    };
    let cards = first("select distinct card from raw.tickets where card is not null order by card");
    let accounts = first("select distinct account from raw.web_orders order by account");
    cards.into_iter().zip(accounts).collect()
}

#[test]
fn what_happens_after_the_instant_changes_no_mart() {
    let shop = Shop::with_all_deliveries();
    let (before, after) = (shop.warehouse("before"), shop.warehouse("after"));
    shop.run(&before, &[]).published();
    deliver_the_future(&shop);
    shop.run(&after, &[]).published();
    assert!(
        query(&after, "select count(*) as n from raw.consents where valid_from >= '2026-01-01'")
            .contains("400")
    );
    assert_eq!(shelf(&after), shelf(&before));
    // A later night does see it.
    shop.run(&after, &["--as-of", "2026-03-01"]).published();
    for mart in ["customer_features", "customer_360", "churn_scores", "target_lists", "open_complaints"] {
        assert_ne!(shelf(&after)[mart], shelf(&before)[mart], "{mart}");
    }
}

#[test]
fn the_engine_hides_the_future_even_where_only_the_events_declare_their_time() {
    // Raw tables that declare nothing let the future into core; core's own time keeps it from what reads
    // core.
    let shop = Shop::with_all_deliveries();
    for column in ["sold_at", "ordered_at"] {
        shop.edit(&format!("time = \"{column}\"\n"), "");
    }
    let (before, after) = (shop.warehouse("before"), shop.warehouse("after"));
    shop.run(&before, &[]).published();
    deliver_future_purchases(&shop, "");
    shop.run(&after, &[]).published();
    assert!(
        query(&after, "select count(*) as n from core.order_lines where ordered_at >= '2026-01-01'")
            .contains("\n1")
    );
    assert_eq!(shelf(&after), shelf(&before));
}

#[test]
fn the_past_asked_again_answers_as_it_did_then() {
    let then = Shop::new();
    then.deliver(0..4);
    let (only_past, all) = (then.warehouse("only_past"), then.warehouse("all"));
    then.run(&only_past, &["--as-of", "2025-09-01"]).published();
    then.deliver(4..NIGHTS);
    then.run(&all, &[]).published();
    let today = shelf(&all);
    then.run(&all, &["--as-of", "2025-09-01", "--backfill"]).published();
    let (asked_again, past) = (shelf(&all), shelf(&only_past));
    // Segments remember the night before, and lists read them.
    for mart in ["customer_360", "customer_features", "churn_scores", "monthly_sales", "open_complaints"] {
        assert_eq!(asked_again[mart], past[mart], "{mart}");
    }
    assert_ne!(asked_again["customer_features"], today["customer_features"]);
}
