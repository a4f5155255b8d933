//! Rows from the elements of an array, with the fields of the record around it.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    Array, ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, StringBuilder, StructArray,
    TimestampMicrosecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Fields};
use proptest::prelude::*;

use super::Fixture;

const LINES: &str = r#"
rows = "line_items"
key = ["a_order", "c_sku"]
[columns]
a_order = { type = "integer", from = "$.id" }
b_customer = { type = "text", from = "$.customer.email" }
c_sku = { type = "text", from = "sku" }
d_quantity = { type = "integer", from = "quantity" }
e_price = { type = "decimal(12,2)", from = "price.amount" }
"#;

fn orders(format: &str) -> Fixture {
    Fixture::new(&format!("orders.{format}"), &format!("format = \"{format}\"\n{LINES}"))
}

#[test]
fn each_element_is_a_row_beside_the_fields_of_its_record() {
    let fixture = orders("jsonl");
    fixture.write(
        "orders.jsonl",
        "{\"id\":5123456789012345678,\"line_items\":[{\"sku\":\"TEA\",\"quantity\":2,\"price\":{\"amount\":\"10.00\"}},\
         {\"sku\":\"CUP\",\"quantity\":1,\"price\":{\"amount\":9.5}}],\"customer\":{\"email\":\"ann@x\"},\"total\":29.5}\n\
         {\"id\":5123456789012345679,\"line_items\":[]}\n\
         {\"id\":7}\n\
         {\"id\":8,\"line_items\":null}\n\
         {\"line_items\":[{\"sku\":\"POT\",\"quantity\":1}],\"id\":9}\n",
    );
    let outcome = fixture.read();
    assert_eq!(outcome.refused(), []);
    assert_eq!(
        outcome.table(),
        ["5123456789012345678|ann@x|TEA|2|10.00", "5123456789012345678|ann@x|CUP|1|9.50", "9|∅|POT|1|∅",]
    );
    assert_eq!((outcome.lines, outcome.elements), (vec![1, 1, 5], vec![1, 2, 1]));
    assert_eq!(
        outcome.remarks,
        ["3 records have no element in `line_items` and give no row, the first in line 2"]
    );
}

#[test]
fn a_record_with_an_element_that_does_not_fit_gives_no_row_at_all() {
    let fixture = orders("jsonl");
    fixture.write(
        "orders.jsonl",
        "{\"id\":1,\"line_items\":[{\"sku\":\"A\",\"quantity\":1},{\"sku\":\"B\",\"quantity\":\"many\"},{\"sku\":\"C\"}]}\n\
         {\"id\":2,\"line_items\":[{\"sku\":\"A\"},7]}\n\
         {\"id\":3,\"line_items\":[{\"sku\":\"A\",\"sku\":\"B\"}]}\n\
         {\"id\":4,\"line_items\":{\"sku\":\"A\"}}\n\
         {\"id\":5,\"line_items\":[{\"sku\":\"A\"},null]}\n\
         {\"id\":\"x\",\"line_items\":[{\"sku\":\"A\"}]}\n\
         {\"id\":6,\"id\":6,\"line_items\":[{\"sku\":\"A\"}]}\n\
         {\"id\":7,\"line_items\":[{\"sku\":\"A\"}],\"line_items\":[]}\n\
         {\"id\":8,\"line_items\":[{\"quantity\":1}]}\n\
         {\"id\":9,\"line_items\":\"[]\"}\n\
         {\"id\":10,\"line_items\":[{\"sku\":\"A\",\"price\":3}]}\n\
         {\"id\":11,\"line_items\":[{\"sku\":\"A\"}]}\n",
    );
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["11|∅|A|∅|∅"]);
    assert_eq!(
        outcome.refused(),
        [
            (1, "d_quantity", "element 2: expected integer, found text of 4 characters"),
            (2, "∅", "element 2: expected an object, found a number"),
            (3, "c_sku", "element 1: the key `sku` is repeated"),
            (4, "∅", "expected an array at `line_items`, found an object"),
            (5, "∅", "element 2: expected an object, found null"),
            (6, "a_order", "element 1: expected integer, found text of 1 character"),
            (7, "a_order", "the key `id` is repeated"),
            (8, "∅", "the key `line_items` is repeated"),
            (9, "c_sku", "element 1: expected text, found no value in a required column"),
            (10, "∅", "expected an array at `line_items`, found text of 2 characters"),
            (11, "e_price", "element 1: expected an object at `price`, found a number"),
        ]
    );
}

#[test]
fn elements_that_are_no_objects_are_read_as_they_are() {
    let fixture = Fixture::new(
        "tags.jsonl",
        "format = \"jsonl\"\nrows = \"customer.tags\"\n[columns]\nid = { type = \"integer\", from = \"$.customer.id\" }\n\
         tag = { type = \"text\", from = \"@\" }\n",
    );
    fixture.write(
        "tags.jsonl",
        "{\"customer\":{\"id\":1,\"tags\":[\"vip\",\"f\\u0072\",null,12,[1],{\"a\":2}]}}\n{\"customer\":null}\n",
    );
    let outcome = fixture.read();
    assert_eq!(outcome.refused(), []);
    assert_eq!(outcome.table(), ["1|vip", "1|fr", "1|∅", "1|12", "1|[1]", "1|{\"a\":2}"]);
}

#[test]
fn only_the_keys_of_elements_are_held_against_the_declaration() {
    let fixture = orders("jsonl");
    fixture.write(
        "orders.jsonl",
        "{\"id\":1,\"anything\":1,\"line_items\":[{\"sku\":\"A\",\"tax\":[],\"Price\":1}]}\n",
    );
    let error = fixture.error();
    assert!(error.contains("no column `price.amount`") || error.contains("`Price`"), "{error}");
    assert!(error.contains("`tax` (first in line 1)"), "{error}");
    assert!(!error.contains("anything"), "{error}");
}

#[test]
fn a_field_around_the_array_that_no_record_has_is_reported() {
    let fixture = orders("jsonl");
    fixture
        .write("orders.jsonl", "{\"id\":1,\"client\":{\"email\":\"a\"},\"line_items\":[{\"sku\":\"A\"}]}\n");
    let outcome = fixture.read();
    assert_eq!(outcome.remarks, ["no record has `$.customer.email`: `b_customer` is null in every row"]);
}

#[test]
fn the_declaration_says_what_makes_no_sense() {
    let message = |toml: &str| -> Vec<String> {
        let problems = super::declare(&format!("path = \"x\"\n{toml}")).check("shop").unwrap_err();
        problems.iter().map(|p| p.error.to_string()).collect()
    };
    let csv = message("format = \"csv\"\nrows = \"a\"\n[columns]\na = \"text\"\n");
    assert!(csv[0].contains("`rows` cannot be used with the format csv"), "{csv:?}");
    let path = message("format = \"jsonl\"\nrows = \"a..b\"\n[columns]\na = \"text\"\n");
    assert!(path[0].contains("`a..b` is not a path"), "{path:?}");
    let below =
        message("format = \"jsonl\"\nrows = \"a\"\n[columns]\nb = { type = \"text\", from = \"$.a.b\" }\n");
    assert!(
        below[0].contains("leads into the array of the rows") && below[0].contains("from = \"b\""),
        "{below:?}"
    );
}

/// The SKU and quantity of an order's lines; some lines, and the list itself, may be absent.
type Lines<'a> = Option<Vec<Option<(&'a str, i64)>>>;

/// Orders with their lines as a list of structs.
fn parquet(orders: &[(i64, Lines<'_>)]) -> Vec<u8> {
    let (mut skus, mut quantities, mut there) = (StringBuilder::new(), Vec::new(), Vec::new());
    let (mut ends, mut present) = (vec![0i32], Vec::new());
    for (_, lines) in orders {
        for line in lines.iter().flatten() {
            skus.append_option(line.map(|(sku, _)| sku));
            quantities.push(line.map(|(_, quantity)| quantity));
            there.push(line.is_some());
        }
        ends.push(quantities.len() as i32);
        present.push(lines.is_some());
    }
    let price: ArrayRef = Arc::new(Int64Array::from(vec![Some(3); quantities.len()]));
    let amount =
        StructArray::new(Fields::from(vec![Field::new("amount", DataType::Int64, true)]), vec![price], None);
    let fields = Fields::from(vec![
        Field::new("sku", DataType::Utf8, true),
        Field::new("quantity", DataType::Int64, true),
        Field::new("price", amount.data_type().clone(), true),
    ]);
    let lines = StructArray::new(
        fields.clone(),
        vec![Arc::new(skus.finish()), Arc::new(Int64Array::from(quantities)), Arc::new(amount)],
        Some(NullBuffer::from(there)),
    );
    let list = ListArray::new(
        Arc::new(Field::new("item", DataType::Struct(fields), true)),
        OffsetBuffer::new(ScalarBuffer::from(ends)),
        Arc::new(lines),
        Some(NullBuffer::from(present)),
    );
    let ids = Int64Array::from_iter_values(orders.iter().map(|(id, _)| *id));
    let email = StringArray::from_iter_values(orders.iter().map(|(id, _)| format!("{id}@x")));
    let customer = StructArray::new(
        Fields::from(vec![Field::new("email", DataType::Utf8, true)]),
        vec![Arc::new(email)],
        None,
    );
    let at = TimestampMicrosecondArray::from(vec![0; orders.len()]);
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("id", Arc::new(ids) as ArrayRef, true),
        ("line_items", Arc::new(list) as ArrayRef, true),
        ("customer", Arc::new(customer) as ArrayRef, true),
        ("at", Arc::new(at) as ArrayRef, true),
    ])
    .unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn lists_of_structs_in_parquet_are_unfolded_the_same_way() {
    let fixture = orders("parquet");
    fixture.write(
        "orders.parquet",
        parquet(&[
            (1, Some(vec![Some(("TEA", 2)), Some(("CUP", 1))])),
            (2, Some(vec![])),
            (3, None),
            (4, Some(vec![Some(("POT", 1)), None])),
            (5, Some(vec![Some(("POT", 1))])),
        ]),
    );
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1|1@x|TEA|2|3.00", "1|1@x|CUP|1|3.00", "5|5@x|POT|1|3.00"]);
    assert_eq!((outcome.lines.clone(), outcome.elements.clone()), (vec![1, 1, 5], vec![1, 2, 1]));
    assert_eq!(outcome.refused(), [(4, "∅", "element 2: expected an element, found null")]);
    assert_eq!(
        outcome.remarks,
        ["2 records have no element in `line_items` and give no row, the first in line 2"]
    );
}

#[test]
fn a_list_that_is_not_there_or_is_none_is_an_error() {
    for (rows, message) in [
        ("lines", "the file has no column `lines`, whose elements are the rows"),
        ("customer.email", "`customer.email`, whose elements are the rows, is Utf8, not a list"),
    ] {
        let fixture = Fixture::new(
            "orders.parquet",
            &format!("format = \"parquet\"\nrows = \"{rows}\"\n[columns]\nsku = \"text\"\n"),
        );
        fixture.write("orders.parquet", parquet(&[(1, None)]));
        let error = fixture.error();
        assert!(error.contains(message), "{error}");
    }
    // And a column that is a list names the way to its elements.
    let fixture = Fixture::new(
        "orders.parquet",
        "format = \"parquet\"\non_drift = \"ignore\"\n[columns]\nline_items = \"text\"\ncustomer = \"text\"\n",
    );
    fixture.write("orders.parquet", parquet(&[(1, None)]));
    let error = fixture.error();
    assert!(error.contains("with rows = \"line_items\""), "{error}");
    assert!(error.contains("for example from = \"customer.email\""), "{error}");
}

proptest! {
    /// However many rows a batch may have, JSON and Parquet give the rows of one plain loop.
    #[test]
    fn no_row_is_lost_or_doubled(
        orders in proptest::collection::vec(proptest::collection::vec((0i64..5, proptest::bool::weighted(0.9)), 0..9), 0..6),
        batch_rows in 1usize..5,
    ) {
        let mut json = String::new();
        let mut expected = Vec::new();
        for (order, lines) in orders.iter().enumerate() {
            let items: Vec<String> = lines
                .iter()
                .map(|(quantity, fits)| format!("{{\"sku\":\"S\",\"quantity\":{}}}", if *fits { quantity.to_string() } else { "1.5".to_owned() }))
                .collect();
            json.push_str(&format!("{{\"id\":{order},\"line_items\":[{}]}}\n", items.join(",")));
            if lines.iter().all(|(_, fits)| *fits) {
                expected.extend(lines.iter().enumerate().map(|(n, (quantity, _))| (order as i64, n as i64 + 1, *quantity)));
            }
        }
        let source = super::declare(&format!("path = \"x\"\nformat = \"jsonl\"\n{LINES}")).check("shop").unwrap();
        let mut outcome = super::Outcome::default();
        super::super::read_in_memory(&source, "x", vec![json.into()], batch_rows, &mut |piece| {
            outcome.add(&source, piece);
            true
        })
        .unwrap();
        let found: Vec<(i64, i64, i64)> = outcome
            .rows
            .iter()
            .zip(&outcome.elements)
            .map(|(row, element)| (row[0].parse().unwrap(), *element, row[3].parse().unwrap()))
            .collect();
        prop_assert_eq!(found, expected);
        let bad = orders.iter().filter(|lines| lines.iter().any(|(_, fits)| !fits)).count();
        prop_assert_eq!(outcome.refused.len(), bad);
    }
}
