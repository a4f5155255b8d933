//! Contracts: what each policy does with columns that are added, removed, moved or change their type; late
//! and repeated rows are counted.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Decimal128Array, Int32Array, RecordBatch, StringArray};

use crate::broken_shop::Shop;

const HEADER: &str = "order_id,customer_id,ordered_at,net_amount,channel";

/// The shop with a policy for a source.
fn shop(source: &str, policy: &str) -> Shop {
    let shop = Shop::published();
    shop.pipeline(
        &format!("[sources.{source}]\n"),
        &format!("[sources.{source}]\non_drift = \"{policy}\"\n"),
    );
    shop
}

#[track_caller]
fn runs(shop: &Shop, args: &[&str]) -> String {
    let output = shop.run(args);
    output.is_clean();
    assert_eq!(output.code, Some(0), "{}", output.err);
    output.err
}

#[track_caller]
fn orders(shop: &Shop) -> String {
    runs(shop, &["--select", "raw.orders"])
}

#[test]
fn reordered_columns_are_harmless() {
    let shop = Shop::published();
    shop.write(
        "exports/orders/march.csv",
        "channel,net_amount,ordered_at,customer_id,order_id\nweb,3.00,2026-02-27 10:00,c01,o900\n",
    );
    let output = orders(&shop);
    assert!(!output.contains("warning"), "{output}");
    assert_eq!(
        shop.ask("select customer_id, net_amount, channel from raw.orders where order_id = 'o900'"),
        "c01,3.00,web"
    );
}

#[test]
fn an_ignored_column_is_left_out_and_a_missing_one_is_null() {
    let shop = shop("orders", "ignore");
    shop.write(
        "exports/orders/march.csv",
        "order_id,customer_id,ordered_at,channel,tier\no900,c01,2026-02-27 10:00,web,gold\no901,c01,soon,web,gold\n\
         o902,c01,2026-02-27 10:00,web,gold\n",
    );
    shop.pipeline("tolerance = 0.05", "tolerance = 0.5");
    let output = orders(&shop);
    assert!(
        output.contains("warning   raw.orders: march.csv: no column `net_amount`, read as null\n"),
        "{output}"
    );
    assert_eq!(
        shop.ask(
            "select order_id, net_amount, channel from raw.orders where order_id >= 'o9' order by order_id"
        ),
        "o900,,web\no902,,web"
    );
    assert_eq!(shop.ask("select count(*) from ops.quarantine where file = 'march.csv' and line = 3"), "1");
    assert!(!shop.sillage(&["show", "raw.orders"]).out.contains("tier"));
}

#[test]
fn some_columns_may_be_ignored_by_name() {
    let shop = Shop::published();
    shop.pipeline("[sources.orders]\n", "[sources.orders]\nignore_columns = [\"Tier\", \"never there\"]\n");
    shop.pipeline("[sources.visits]\n", "[sources.visits]\nignore_columns = [\"device\", \"geo.city\"]\n");
    shop.write(
        "exports/orders/march.csv",
        format!("{HEADER},Tier,\no900,c01,2026-02-27 10:00,3.00,web,gold,\n"),
    );
    shop.write(
        "exports/visits/more.jsonl",
        "{\"customer_id\":\"c01\",\"visited_at\":\"2026-02-27T10:00:00Z\",\"page\":\"/\",\"device\":{\"os\":[1]},\"geo\":{\"city\":\"x\"}}\n",
    );
    let output = runs(&shop, &["--select", "kind:ingest"]);
    assert!(!output.contains("warning"), "{output}");
    assert_eq!(shop.ask("select count(*) from raw.visits where _file = 'more.jsonl'"), "1");
}

#[test]
fn a_raw_table_grows_with_its_source() {
    let shop = shop("orders", "evolve");
    let before = shop.ask("select count(*) from raw.orders");
    shop.write(
        "exports/orders/march.csv",
        format!("{HEADER},Fidélité\no900,c01,2026-02-27 10:00,3.00,web,gold\n"),
    );
    let output = orders(&shop);
    assert!(
        output.contains("raw.orders: new column `fidelite` (march.csv): null in the rows read before"),
        "{output}"
    );
    // A file without it, one that writes it otherwise and where it stands elsewhere.
    shop.write("exports/orders/march_2.csv", format!("{HEADER}\no901,c01,2026-02-27 10:00,3.00,web\n"));
    shop.write(
        "exports/orders/march_3.csv",
        format!("FIDELITE,{HEADER}\nsilver,o902,c01,2026-02-27 10:00,3.00,web\n"),
    );
    let output = orders(&shop);
    assert!(!output.contains("new column"), "{output}");
    let new = "select order_id, fidelite, channel from raw.orders where order_id >= 'o9' order by order_id";
    assert_eq!(shop.ask(new), "o900,gold,web\no901,,web\no902,silver,web");
    assert_eq!(
        shop.ask("select count(*) from raw.orders where fidelite is null and order_id < 'o9'"),
        before
    );
    // Delta says so too: the column was added at the end, the old ones stand as they stood.
    let log =
        fs::read_to_string(shop.path("warehouse/raw/orders/_delta_log/00000000000000000001.json")).unwrap();
    assert!(log.contains("metaData") && log.contains("fidelite"), "{log}");
    let log =
        fs::read_to_string(shop.path("warehouse/raw/orders/_delta_log/00000000000000000002.json")).unwrap();
    assert!(!log.contains("metaData"), "{log}");
    // Earlier releases are as they were, and a model may read the new column.
    let output = shop.sillage(&["query", "select * from raw.orders limit 1", "--release", "1"]);
    assert!(output.code == Some(0) && !output.out.contains("fidelite"), "{}", output.err);
    shop.edit("sql/shop/core/orders.sql", "from raw.orders", "from raw.orders where fidelite is not null");
    assert_eq!(shop.run(&["--select", "core.orders"]).code, Some(0));
    assert_eq!(shop.ask("select count(*) from core.orders"), "2");
    // Declared after all, as it was taken in.
    shop.pipeline("on_drift = \"evolve\"\n", "");
    shop.pipeline(
        "channel = \"text\"\n",
        "channel = \"text\"\nfidelite = { type = \"text\", from = \"Fidélité\" }\n",
    );
    shop.write(
        "exports/orders/march_4.csv",
        format!("{HEADER},Fidélité\no903,c01,2026-02-27 10:00,3.00,web,iron\n"),
    );
    orders(&shop);
    assert_eq!(shop.ask("select fidelite from raw.orders where order_id = 'o903'"), "iron");
}

#[test]
fn a_column_declared_later_is_null_in_the_rows_read_before() {
    let shop = Shop::published();
    shop.pipeline("channel = \"text\"\n", "channel = \"text\"\npoints = \"integer\"\n");
    // Without a new file the table has the column all the same: models may count on it.
    let output = orders(&shop);
    assert!(output.contains("raw.orders: new column `points`: null"), "{output}");
    assert_eq!(shop.ask("select count(points) from raw.orders"), "0");
    shop.write(
        "exports/orders/march.csv",
        format!("{HEADER},points\no900,c01,2026-02-27 10:00,3.00,web,7\n"),
    );
    assert!(!orders(&shop).contains("new column"));
    assert_eq!(shop.ask("select sum(points) from raw.orders"), "7");
}

#[test]
fn keys_of_json_lines_are_taken_in_by_their_path() {
    let shop = shop("visits", "evolve");
    shop.pipeline("page = \"text\"\n", "page = \"text\"\nos = { type = \"text\", from = \"device.os\" }\n");
    shop.write(
        "exports/visits/more.jsonl",
        "{\"customer_id\":\"c01\",\"visited_at\":\"2026-02-27T10:00:00Z\",\"page\":\"/a\"}\n\
         {\"customer_id\":\"c01\",\"visited_at\":\"2026-02-27T10:00:00Z\",\"page\":\"/b\",\"device\":{\"os\":\"x\",\"screen\":{\"w\":3}},\"ok\":true,\"n\":1.50}\n",
    );
    runs(&shop, &["--select", "raw.visits"]);
    assert_eq!(
        shop.ask(
            "select page, os, device_screen, ok, n from raw.visits where _file = 'more.jsonl' order by page"
        ),
        "/a,,,,\n/b,x,\"{\"\"w\"\":3}\",true,1.50"
    );
}

#[test]
fn columns_of_parquet_are_taken_in_with_their_type() {
    let shop = shop("people", "evolve");
    let column = |n: i32| -> Vec<(&str, ArrayRef)> {
        vec![
            ("customer_id", Arc::new(StringArray::from(vec![format!("p{n}")]))),
            ("name", Arc::new(StringArray::from(vec!["x"]))),
            ("accepts_email", Arc::new(StringArray::from(vec!["yes"]))),
            ("since", Arc::new(Date32Array::from(vec![n]))),
            ("visits", Arc::new(Int32Array::from(vec![n]))),
            (
                "Worth",
                Arc::new(
                    Decimal128Array::from(vec![1250 + i128::from(n)]).with_precision_and_scale(9, 2).unwrap(),
                ),
            ),
        ]
    };
    shop.pipeline("exports/people/people.parquet", "exports/people/*.parquet");
    shop.parquet("exports/people/more.parquet", RecordBatch::try_from_iter(column(1)).unwrap());
    runs(&shop, &["--select", "raw.people"]);
    // Later files are read as the table has it, whatever their own type.
    let mut texts = column(2);
    texts[4].1 = Arc::new(StringArray::from(vec!["12"]));
    shop.parquet("exports/people/texts.parquet", RecordBatch::try_from_iter(texts).unwrap());
    runs(&shop, &["--select", "raw.people"]);
    assert_eq!(
        shop.ask("select customer_id, visits + 1, worth from raw.people where visits is not null order by 1"),
        "p1,2,12.51\np2,13,12.52"
    );
}

#[test]
fn a_full_refresh_takes_in_what_was_ignored() {
    let shop = shop("orders", "ignore");
    shop.write(
        "exports/orders/march.csv",
        format!("{HEADER},tier\no900,c01,2026-02-27 10:00,3.00,web,gold\n"),
    );
    orders(&shop);
    shop.pipeline("on_drift = \"ignore\"", "on_drift = \"evolve\"");
    runs(&shop, &["--select", "raw.orders", "--full-refresh"]);
    assert_eq!(shop.ask("select order_id from raw.orders where tier = 'gold'"), "o900");
}

#[test]
fn a_night_interrupted_while_a_table_grows_ends_the_same() {
    let shop = shop("orders", "evolve");
    shop.write(
        "exports/orders/march.csv",
        format!("{HEADER},tier\no900,c01,2026-02-27 10:00,3.00,web,gold\n"),
    );
    // A model that cannot be computed ends the run after the table was staged.
    let broken = "-- Broken for a while.\nselect cast(customer_id as integer) as n from raw.orders";
    shop.model("core.broken", broken);
    assert_eq!(shop.run(&[]).code, Some(1));
    assert!(!shop.sillage(&["show", "raw.orders"]).out.contains("tier"));
    shop.remove("sql/shop/core/broken.sql");
    runs(&shop, &[]);
    assert_eq!(shop.ask("select count(*), count(tier) from raw.orders where _file = 'march.csv'"), "1,1");
}

#[test]
fn late_and_repeated_rows_are_counted() {
    let shop = Shop::published();
    shop.pipeline("[sources.orders]\n", "[sources.orders]\nkey = [\"order_id\"]\ntime = \"ordered_at\"\n");
    // The last release is as of midnight of 1 March in Paris. o001 came in an earlier night.
    shop.write(
        "exports/orders/march.csv",
        format!(
            "{HEADER}\no900,c01,2026-02-27 10:00,3.00,web\no900,c01,2026-03-01 10:00,4.00,web\n\
             o901,c01,2026-02-28 23:59,3.00,web\no902,c01,2026-03-01 00:00,3.00,web\no001,c01,2026-03-05 10:00,5.00,web\n"
        ),
    );
    let output = orders(&shop);
    assert!(output.contains("note      raw.orders: 2 of 5 rows repeat a key that came before"), "{output}");
    assert_eq!(
        shop.ask("select rows_late, rows_repeated from ops.steps where step = 'raw.orders' order by run desc limit 1"),
        "2,2"
    );
    assert_eq!(shop.ask("select rows, rows_late from ops.sources where file = 'march.csv'"), "5,2");
    // Read from the beginning, no row is late.
    runs(&shop, &["--select", "raw.orders", "--full-refresh"]);
    assert_eq!(shop.ask("select rows_late from ops.steps order by run desc, step desc limit 1"), "0");
}

#[test]
fn an_expected_night_may_have_been_delivered_and_cleared_away() {
    let shop = Shop::published();
    shop.pipeline(
        "[sources.orders]\n",
        "[sources.orders]\ndate_in_name = \"%Y%m%d\"\nexpect = { every = \"daily\", from = \"2026-02-26\" }\n",
    );
    for day in [26, 27, 28] {
        let row = format!("x{day},c01,2026-02-{day} 10:00,3.00,web");
        shop.write(&format!("exports/orders/202602{day}.csv"), format!("{HEADER}\n{row}\n"));
    }
    orders(&shop);
    shop.remove("exports/orders/20260227.csv");
    orders(&shop);
    // The day of the run itself is not over.
    let output = shop.run(&["--select", "raw.orders", "--as-of", "2026-03-01T22:59:00Z"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    let output = shop.run(&["--select", "raw.orders", "--as-of", "2026-03-01T23:00:00Z"]);
    assert!(output.err.starts_with("error: no file for 2026-03-01\n"), "{}", output.err);
}
