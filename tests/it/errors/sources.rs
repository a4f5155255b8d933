//! Files that are missing, damaged, or full of values that do not fit.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};

use crate::broken_shop::Shop;

const NEW: &str = "exports/orders/march.csv";
const HEADER: &str = "order_id,customer_id,ordered_at,net_amount,channel\n";

#[test]
fn a_file_that_is_not_there() {
    let shop = Shop::published();
    shop.remove("exports/people/people.parquet");
    shop.remove("exports/visits/visits.jsonl");
    shop.remove("exports/orders");
    shop.run_fails("missing_files", 1);
}

#[test]
fn an_empty_folder_is_no_failure_where_the_source_is_optional() {
    let shop = Shop::new();
    shop.remove("exports/visits/visits.jsonl");
    shop.run_fails("empty_folder", 1);
    shop.pipeline("path = \"exports/visits\"", "path = \"exports/visits\"\noptional = true");
    shop.run_publishes("empty_folder_optional");
}

#[test]
fn a_column_that_is_not_there() {
    let shop = Shop::published();
    shop.write(NEW, "order_id;customer;ordered_at\no900;c01;2026-02-27 10:00\n");
    shop.run_fails("missing_column_csv_delimiter", 1);
    shop.write(NEW, "order_id,customer,ordered at,net_amount\no900,c01,2026-02-27 10:00,3.00\n");
    shop.run_fails("missing_column_csv", 1);
    shop.remove(NEW);
    shop.write(
        "exports/visits/more.jsonl",
        "{\"customer\":\"c01\",\"visited_at\":\"2026-02-27T10:00:00Z\"}\n",
    );
    shop.run_fails("missing_column_jsonl", 1);
    let shop = Shop::new();
    let ids: ArrayRef = Arc::new(StringArray::from(vec!["c01"]));
    let rows = RecordBatch::try_from_iter([("CustomerID", ids.clone()), ("nom", ids)]).unwrap();
    shop.parquet("exports/people/people.parquet", rows);
    shop.run_fails("missing_column_parquet", 1);
}

#[test]
fn text_in_a_decimal_is_borne_within_the_tolerance() {
    let shop = Shop::published();
    let mut rows = String::from(HEADER);
    for n in 0..40 {
        rows.push_str(&format!("o9{n:02},c01,2026-02-27 10:00,3.00,web\n"));
    }
    shop.write(NEW, rows + "o990,Sesame,2026-02-27 10:00,Sesame street,web\n");
    shop.run_publishes("wrong_type_within_tolerance");
    assert_eq!(shop.ask("select count(*) from core.orders where order_id like 'o9%'"), "40");
    assert_eq!(shop.ask("select count(*) from ops.quarantine where record like '%Sesame%'"), "1");
}

#[test]
fn text_in_a_decimal_above_the_tolerance_stops_the_night() {
    let shop = Shop::published();
    shop.write(
        NEW,
        format!(
            "{HEADER}o900,c01,2026-02-27 10:00,3.00,web\no901,Sesame,2026-02-27 10:00,Sesame street,web\n\
             o902,c01,Sesame,3.00,web\n,c01,2026-02-27 10:00,3.00,web\no903,c01,2026-02-30 10:00,3.999,web\n\
             o904,c01\no905,c01,2026-02-27 10:00,3.00,web,more\n"
        ),
    );
    shop.run_fails("wrong_type_above_tolerance", 1);
    // The refused rows can be looked at, with their place.
    assert_eq!(shop.ask("select count(*) from ops.quarantine where file = 'march.csv'"), "6");
    shop.write(NEW, format!("{HEADER}o900,c01,2026-02-27 10:00,3.00,web\n"));
    shop.works_again();
    assert_eq!(shop.ask("select count(*) from core.orders where order_id like 'o9%'"), "1");
}

#[test]
fn bytes_that_are_not_of_the_encoding() {
    let shop = Shop::published();
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.extend(b"o900,Ren\xe9 Sesame,2026-02-27 10:00,3.00,web\n");
    shop.write(NEW, bytes);
    shop.run_fails("bad_encoding", 1);
}

#[test]
fn damaged_files() {
    let shop = Shop::new();
    let whole = std::fs::read(shop.path("exports/people/people.parquet")).unwrap();
    shop.write("exports/people/people.parquet", &whole[..whole.len() / 2]);
    shop.run_fails("truncated_parquet", 1);
    shop.write("exports/people/people.parquet", "customer_id,name\nc01,Sesame\n");
    shop.run_fails("csv_called_parquet", 1);
    // The footer is whole, the pages are not.
    let mut torn = whole.clone();
    for byte in &mut torn[4..120] {
        *byte = 0xa5;
    }
    shop.write("exports/people/people.parquet", torn);
    shop.run_fails("torn_parquet", 1);
    shop.write("exports/people/people.parquet", "");
    shop.run_fails("empty_parquet", 1);
    shop.people(24);
    shop.write("exports/visits/more.jsonl", "{\"customer_id\":\"Sesame\",\"visited_at\":\n[1]\nSesame\n");
    shop.run_fails("broken_json_lines", 1);
}

#[test]
fn empty_csv_files() {
    let shop = Shop::published();
    shop.write(NEW, "");
    shop.run_fails("empty_csv", 1);
    shop.write(NEW, HEADER);
    shop.run_publishes("header_only_csv");
}

#[test]
fn a_file_that_changed_after_it_was_ingested() {
    let shop = Shop::published();
    shop.edit("exports/orders/2026.csv", "10.70", "11.70");
    shop.run_fails("changed_file", 1);
}

#[test]
fn columns_declared_otherwise_than_the_table_was_made() {
    let shop = Shop::published();
    shop.pipeline("net_amount = \"decimal(12,2)\"", "net_amount = \"decimal(14,3)\"");
    shop.run_fails("columns_changed", 1);
    assert_eq!(shop.run(&["--full-refresh"]).code, Some(0));
}

#[test]
fn an_unterminated_quote() {
    let shop = Shop::published();
    shop.write(
        NEW,
        format!("{HEADER}o900,\"Sesame,2026-02-27 10:00,3.00,web\no901,c01,2026-02-27 10:00,3.00,web\n"),
    );
    shop.run_fails("open_quote", 1);
}
