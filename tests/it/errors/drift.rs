//! Files with other columns than declared, and files that are not delivered as expected.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, ListArray, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;

use crate::broken_shop::Shop;

const NEW: &str = "exports/orders/march.csv";
const ROW: &str = "o900,c01,2026-02-27 10:00,3.00,web";
const ORDERS: [&str; 3] = ["run", "--select", "raw.orders"];
const VISITS: [&str; 3] = ["run", "--select", "raw.visits"];
const PEOPLE: [&str; 3] = ["run", "--select", "raw.people"];

impl Shop {
    /// The source with one more line in its section.
    fn source(&self, name: &str, line: &str) -> &Self {
        let section = format!("[sources.{name}]\n");
        self.pipeline(&section, &format!("{section}{line}\n"));
        self
    }

    fn someone(&self, columns: Vec<(&str, ArrayRef)>) {
        self.parquet("exports/people/people.parquet", RecordBatch::try_from_iter(columns).unwrap());
    }

    #[track_caller]
    fn warns(&self, name: &str, args: &[&str]) {
        let output = self.sillage(args);
        output.is_clean();
        output.shown(name, super::SNAPSHOTS);
        assert_eq!(output.code, Some(0), "{}", output.err);
    }
}

fn one(text: &str) -> ArrayRef {
    Arc::new(StringArray::from(vec![text]))
}

#[test]
fn a_column_that_nobody_declared() {
    let shop = Shop::published();
    shop.write(
        NEW,
        format!(
            "order_id,customer_id,ordered_at,net_amount,channel,tier,,Sesame\n{ROW},gold,,Quillfeather\n"
        ),
    );
    // All files are looked at before the first is read.
    shop.write(
        "exports/orders/april.csv",
        format!("tier,order_id,customer_id,ordered_at,net_amount\ngold,{ROW}\n"),
    );
    // A header is not a row value; this test's is a private word only to show that rows are not told.
    shop.edit(NEW, "Sesame", "points");
    // A plan looks at the columns of new files as the night will.
    shop.fails("drift_added_plan", 1, &["plan", "--select", "raw.orders"]);
    shop.fails("drift_added_csv", 1, &ORDERS);

    let shop = Shop::published();
    shop.write(
        "exports/visits/more.jsonl",
        "{\"customer_id\":\"c01\",\"visited_at\":\"2026-02-27T10:00:00Z\",\"page\":\"/\"}\n\
         {\"customer_id\":\"c01\",\"visited_at\":\"2026-02-27T10:00:00Z\",\"device\":{\"name\":\"Sesame\"},\"page\":\"/\"}\n",
    );
    shop.fails("drift_added_jsonl", 1, &VISITS);

    let shop = Shop::new();
    shop.someone(vec![("customer_id", one("c01")), ("name", one("Sesame")), ("vip", one("Sesame"))]);
    shop.source("people", "on_drift = \"fail\"");
    shop.fails("drift_added_parquet", 1, &PEOPLE);
}

#[test]
fn a_column_that_was_renamed() {
    let shop = Shop::published();
    shop.write(
        NEW,
        "channel,order_id,customer_id,ordered_on,netAmount\nweb,o900,c01,2026-02-27 10:00,3.00\n",
    );
    shop.fails("drift_renamed_csv", 1, &ORDERS);
    shop.write(
        "exports/visits/more.jsonl",
        "{\"customerId\":\"c01\",\"visited_at\":\"2026-02-27T10:00:00Z\"}\n",
    );
    shop.fails("drift_renamed_jsonl", 1, &VISITS);
    shop.edit(NEW, "ordered_on", "ordered_at");
    shop.source("orders", "on_drift = \"ignore\"");
    shop.warns("drift_renamed_ignored", &ORDERS);
}

#[test]
fn a_required_column_is_missed_under_every_policy() {
    for policy in ["ignore", "evolve"] {
        let shop = Shop::published();
        shop.source("orders", &format!("on_drift = \"{policy}\""));
        shop.write(NEW, "order,customer_id\no900,c01\n");
        shop.fails(&format!("drift_required_{policy}"), 1, &ORDERS);
    }
}

#[test]
fn a_column_of_another_type() {
    let shop = Shop::new();
    shop.someone(vec![
        ("customer_id", one("c01")),
        ("name", one("Sesame")),
        ("accepts_email", one("yes")),
        ("since", Arc::new(BooleanArray::from(vec![true]))),
    ]);
    shop.fails("drift_retyped_parquet", 1, &PEOPLE);
}

#[test]
fn what_cannot_be_taken_in() {
    let shop = Shop::new();
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    shop.source("people", "on_drift = \"evolve\"");
    shop.someone(vec![("customer_id", one("c01")), ("Since", one("2020")), ("tags", Arc::new(list))]);
    shop.fails("drift_evolve_nested", 1, &PEOPLE);
    let shop = Shop::published();
    shop.source("orders", "on_drift = \"evolve\"");
    shop.write(
        NEW,
        format!("order_id,customer_id,ordered_at,net_amount,channel,Channel,Tier,tier,№\n{ROW},a,b,c,d\n"),
    );
    shop.fails("drift_evolve_names", 1, &ORDERS);
}

#[test]
fn a_column_taken_in_is_reported_and_so_is_one_left_behind() {
    let shop = Shop::published();
    shop.source("orders", "on_drift = \"evolve\"");
    shop.write(NEW, format!("order_id,customer_id,ordered_at,net_amount,channel,Tier\n{ROW},gold\n"));
    shop.fails("drift_evolved_plan", 0, &["plan", "--select", "raw.orders"]);
    shop.warns("drift_evolved", &ORDERS);
    // Back to a contract that does not know the column.
    shop.pipeline("on_drift = \"evolve\"\n", "");
    shop.write(
        "exports/orders/april.csv",
        format!("order_id,customer_id,ordered_at,net_amount,channel\n{ROW}\n"),
    );
    shop.fails("drift_no_longer_declared", 1, &ORDERS);
}

#[test]
fn a_night_without_its_file() {
    let shop = Shop::published();
    shop.source(
        "orders",
        "date_in_name = \"%Y-%m-%d\"\nexpect = { every = \"daily\", except = [\"sunday\"] }",
    );
    for day in ["2026-02-18", "2026-02-20", "2026-02-27"] {
        shop.write(
            &format!("exports/orders/orders_{day}.csv"),
            format!("order_id,customer_id,ordered_at,net_amount,channel\nx{day},c01,{day} 10:00,3.00,web\n"),
        );
    }
    shop.fails("expect_daily", 1, &ORDERS);
    shop.pipeline("[\"sunday\"] }", "[\"sunday\"], severity = \"warn\" }");
    shop.warns("expect_daily_warned", &ORDERS);
    shop.fails_plan("expect_daily_plan");
}

impl Shop {
    #[track_caller]
    fn fails_plan(&self, name: &str) {
        let output = self.sillage(&["plan", "--select", "raw.orders"]);
        output.is_clean();
        output.shown(name, super::SNAPSHOTS);
        assert_eq!(output.code, Some(0), "{}", output.err);
    }
}

#[test]
fn days_without_a_row() {
    let shop = Shop::published();
    shop.source(
        "visits",
        "timezone = \"Europe/Paris\"\nexpect = { every = \"weekly\", by = \"visited_at\" }",
    );
    shop.fails("expect_by_column", 1, &VISITS);
}

#[test]
fn files_that_are_too_old() {
    let shop = Shop::published();
    shop.source("orders", "date_in_name = \"%Y-%m-%d\"\nfreshness = { max_age = \"2 days\" }");
    // Files without a date count by when they were written, which is today: a date for the night after.
    for file in ["2025", "2026"] {
        std::fs::rename(
            shop.path(&format!("exports/orders/{file}.csv")),
            shop.path(&format!("exports/orders/{file}-02-25.csv")),
        )
        .unwrap();
    }
    shop.remove("warehouse");
    shop.fails("freshness", 1, &ORDERS);
    shop.pipeline("\"2 days\" }", "\"2 days\", severity = \"warn\" }");
    shop.warns("freshness_warned", &ORDERS);
}

#[test]
fn rows_that_come_late() {
    let shop = Shop::published();
    shop.source("orders", "time = \"ordered_at\"\nlate = { max_share = 0.5, severity = \"error\" }");
    shop.write(
        NEW,
        format!(
            "order_id,customer_id,ordered_at,net_amount,channel\n{ROW}\n\
             o901,c01,2026-02-26 10:00,3.00,web\no902,c01,2026-03-02 10:00,3.00,web\n"
        ),
    );
    shop.fails("late_rows", 1, &ORDERS);
    shop.pipeline(", severity = \"error\"", "");
    shop.warns("late_rows_warned", &ORDERS);
    shop.edit(NEW, "o900", "o910");
    shop.fails("late_changed_file", 1, &ORDERS);
}

#[test]
fn a_contract_that_makes_no_sense() {
    let shop = Shop::new();
    shop.source(
        "orders",
        "ignore_columns = [\"channel\"]\ndate_in_name = \"%Y %H\"\nfreshness = { max_age = \"soon\" }\n\
         late = { max_share = 7.0 }\nexpect = { every = \"daily\", by = \"customer_id\", grace = \"a bit\", except = [\"someday\"], from = \"then\" }",
    );
    shop.source("visits", "expect = \"daily\"\nlate = { max_share = 0.1 }");
    shop.source("people", "date_in_name = \"%Y-%m\"\nexpect = { every = \"weekly\", except = [\"monday\"] }");
    shop.declare("[sources.plain]\npath = \"exports/plain.csv\"\nformat = \"csv\"\nheader = false\non_drift = \"fail\"\nignore_columns = [\"x\"]\ncolumns = { a = { type = \"text\", from = 1 } }\n");
    shop.fails("drift_declaration", 2, &["run"]);
    let shop = Shop::new();
    shop.source("orders", "on_drift = \"sometimes\"\nexpect = \"hourly\"\nfreshness = \"2 days\"");
    shop.fails("drift_declaration_words", 2, &["run"]);
    let shop = Shop::new();
    shop.source("orders", "late = { max_share = 0.1 }");
    shop.fails("late_without_time", 2, &["run"]);
}

#[test]
fn a_policy_that_makes_no_sense() {
    let shop = Shop::new();
    shop.source("orders", "keep = \"three years\"");
    shop.source("visits", "keep = { for = \"2 years\", by = \"page\" }");
    shop.source("people", "keep = { for = \"0 days\", by = \"born\" }");
    shop.fails("keep_declaration", 2, &["run"]);
    let shop = Shop::new();
    shop.source("orders", "keep = 3");
    shop.source("visits", "keep = { years = 2 }");
    shop.fails("keep_declaration_words", 2, &["run"]);
    let shop = Shop::new();
    shop.source("orders", "keep = \"3 years\"");
    shop.source("visits", "time = \"page\"\nkeep = \"3 years\"");
    shop.source("people", "valid_from = \"since\"\nkeep = \"3 years\"");
    shop.fails("keep_without_time", 2, &["run"]);
}
