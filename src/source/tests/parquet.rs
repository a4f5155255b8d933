//! Parquet files as data frames write them.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, DictionaryArray, Float64Array, Int32Array, Int64Array, ListArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use arrow::datatypes::Int32Type;

use super::Fixture;

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn fixture(columns: &str) -> Fixture {
    Fixture::new(
        "a.parquet",
        &format!(
            "format = \"parquet\"\ntimezone = \"America/New_York\"\nignore_columns = [\"unused\"]\n[columns]\n{columns}"
        ),
    )
}

#[test]
fn data_frame_columns_become_the_declared_types() {
    let fixture = fixture(
        r#"
a_id = "integer"
b_price = { type = "decimal(9,2)", from = "Price" }
c_local = "timestamp"
d_zoned = "timestamp"
e_level = "text"
f_code = { type = "text", from = "a_id" }
g_day = { type = "date", from = "d_zoned" }
h_date = { type = "timestamp", from = "date" }
"#,
    );
    let noon = 1_498_910_400_000_000_i64; // 2017-07-01 12:00
    fixture.write(
        "a.parquet",
        parquet(vec![
            ("a_id", Arc::new(Float64Array::from(vec![Some(17850.0), Some(f64::NAN), None]))),
            ("Price", Arc::new(Float64Array::from(vec![2.55, 0.1 + 0.2, -1e-9]))),
            ("c_local", Arc::new(TimestampNanosecondArray::from(vec![noon * 1000 + 999; 3]))),
            (
                "d_zoned",
                Arc::new(
                    TimestampMicrosecondArray::from(vec![noon - 43_200_000_000; 3]).with_timezone("UTC"),
                ),
            ),
            ("e_level", Arc::new(DictionaryArray::<Int32Type>::from_iter(["A", "B", "A"]))),
            ("date", Arc::new(Date32Array::from(vec![Some(1), Some(0), None]))),
            ("unused", Arc::new(Int64Array::from(vec![1, 2, 3]))),
        ]),
    );
    let outcome = fixture.read();
    assert_eq!(outcome.refused(), []);
    assert_eq!(
        outcome.table(),
        [
            "17850|2.55|2017-07-01T16:00:00Z|2017-07-01T00:00:00Z|A|17850|2017-06-30|1970-01-02T05:00:00Z",
            "∅|0.30|2017-07-01T16:00:00Z|2017-07-01T00:00:00Z|B|∅|2017-06-30|1970-01-01T05:00:00Z",
            "∅|0.00|2017-07-01T16:00:00Z|2017-07-01T00:00:00Z|A|∅|2017-06-30|∅",
        ]
    );
    assert_eq!(outcome.lines, [1, 2, 3]);
}

#[test]
fn a_value_that_would_lose_something_is_refused() {
    let fixture = fixture(
        "a = \"integer\"\nb = \"decimal(4,2)\"\nc = { type = \"date\", format = \"%Y%m%d\" }\nd = { type = \"decimal(9,1)\", from = \"m\" }\n",
    );
    fixture.write(
        "a.parquet",
        parquet(vec![
            ("a", Arc::new(Float64Array::from(vec![1.0, 1.5, 3.0, 4.0, 5.0, 6.0]))),
            ("b", Arc::new(Float64Array::from(vec![1.25, 2.0, 1.257, 100.0, 1.0, 1.0]))),
            (
                "c",
                Arc::new(Int32Array::from(vec![20250101, 20250101, 20250101, 20250101, 20250230, 20250101])),
            ),
            (
                "m",
                Arc::new(
                    Decimal128Array::from(vec![150, 100, 100, 100, 100, 155])
                        .with_precision_and_scale(9, 2)
                        .unwrap(),
                ),
            ),
        ]),
    );
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1|1.25|2025-01-01|1.5"]);
    assert_eq!(
        outcome.refused(),
        [
            (2, "a", "expected integer, found a number with a fraction"),
            (3, "b", "expected decimal(4,2), found a number with more decimal places"),
            (4, "b", "expected decimal(4,2), found a number that is out of range"),
            (5, "c", "expected date as %Y%m%d, found a date or time that does not exist"),
            (6, "d", "expected decimal(9,1), found a number with more decimal places"),
        ]
    );
    assert_eq!(outcome.records[0], "a: 1.5, b: 2.0, c: 20250101, m: 1.00");
}

#[test]
fn texts_in_parquet_are_read_as_in_csv() {
    let fixture = fixture("a = \"decimal(9,2)\"\nb = \"date\"\n");
    fixture.write(
        "a.parquet",
        parquet(vec![
            ("a", Arc::new(StringArray::from(vec!["1.5", "", "x"]))),
            ("b", Arc::new(StringArray::from(vec![Some("2025-01-01"), None, None]))),
        ]),
    );
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1.50|2025-01-01", "∅|∅"]);
    assert_eq!(outcome.refused(), [(3, "a", "expected decimal(9,2), found text of 1 character")]);
}

#[test]
fn a_file_cut_short_is_an_error_that_names_it() {
    let fixture = fixture("a = \"integer\"\n");
    let whole = parquet(vec![("a", Arc::new(Int64Array::from((0..1000).collect::<Vec<i64>>())))]);
    fixture.write("a.parquet", &whole);
    assert_eq!(fixture.read().rows.len(), 1000);
    for length in [whole.len() - 1, whole.len() / 2, 100, 8, 3] {
        fixture.write("a.parquet", &whole[..length]);
        let error = fixture.error();
        assert!(error.contains("in source shop › a.parquet"), "{error}");
        assert!(error.contains("hint: the file is not Parquet, or was truncated"), "{error}");
    }
    fixture.write("a.parquet", "");
    assert!(fixture.error().starts_with("the file is empty"));
}

#[test]
fn a_missing_or_nested_column_is_an_error() {
    let fixture = fixture("a = \"integer\"\nhousehold_id = \"text\"\n");
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1)])]);
    fixture.write(
        "a.parquet",
        parquet(vec![("a", Arc::new(list)), ("householdId", Arc::new(Int64Array::from(vec![1])))]),
    );
    let error = fixture.error();
    assert!(error.contains("no column `household_id`, but an undeclared column `householdId`"), "{error}");
    assert!(error.contains("hint: was it renamed?"), "{error}");
    assert!(error.contains("which cannot be read as integer"), "{error}");
}
