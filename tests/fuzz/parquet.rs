//! Parquet: whole files lose no row, damaged ones are refused and break nothing.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array,
    ListArray, RecordBatch, StringArray, StructArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{Field, Int32Type};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::collection::vec;
use proptest::prelude::*;

use super::mutate::{damage, damaged};
use super::reading::{TYPES, declared, read, windows};
use super::{Share, fuzz};

/// A column of some physical type, its values made of the same few numbers.
fn column(kind: usize, seeds: &[Option<i64>]) -> ArrayRef {
    let numbers = || seeds.iter().copied();
    match kind {
        0 => Arc::new(Int64Array::from_iter(numbers())),
        1 => Arc::new(Int32Array::from_iter(numbers().map(|n| n.map(|n| n as i32)))),
        2 => Arc::new(UInt64Array::from_iter(numbers().map(|n| n.map(|n| n as u64)))),
        3 => Arc::new(Float64Array::from_iter(numbers().map(|n| n.map(|n| f64::from_bits(n as u64))))),
        4 => Arc::new(StringArray::from_iter(numbers().map(|n| n.map(|n| (n % 1000).to_string())))),
        5 => Arc::new(BooleanArray::from_iter(numbers().map(|n| n.map(|n| n % 2 == 0)))),
        6 => Arc::new(Date32Array::from_iter(numbers().map(|n| n.map(|n| n as i32)))),
        7 => Arc::new(TimestampMillisecondArray::from_iter(numbers())),
        8 => Arc::new(
            Decimal128Array::from_iter(numbers().map(|n| n.map(|n| i128::from(n) * 1_000)))
                .with_precision_and_scale(38, 5)
                .unwrap(),
        ),
        _ => {
            let texts: Vec<Option<String>> = numbers().map(|n| n.map(|n| (n % 7).to_string())).collect();
            let texts: arrow::array::DictionaryArray<Int32Type> =
                texts.iter().map(|t| t.as_deref()).collect();
            Arc::new(texts)
        }
    }
}

const KINDS: usize = 10;

/// The same column within a struct, or as elements of a list, some of them absent.
fn wrapped(array: ArrayRef, how: usize) -> (ArrayRef, &'static str) {
    let field = Arc::new(Field::new("x", array.data_type().clone(), true));
    let within = StructArray::new(
        vec![field].into(),
        vec![array.clone()],
        Some(NullBuffer::from_iter((0..array.len()).map(|n| n % 5 != 3))),
    );
    match how {
        0 => (array, ""),
        1 => (Arc::new(within), ".x"),
        _ => {
            let item = Arc::new(Field::new("item", within.data_type().clone(), true));
            let ends = OffsetBuffer::from_lengths((0..within.len()).map(|_| 1));
            (Arc::new(ListArray::new(item, ends, Arc::new(within), None)), "")
        }
    }
}

fn seed() -> impl Strategy<Value = Option<i64>> {
    prop_oneof![
        1 => Just(None),
        3 => (-100_000i64..100_000).prop_map(Some),
        1 => any::<i64>().prop_map(Some),
        1 => proptest::sample::select(&[0, -1, i64::MIN, i64::MAX, 1 << 53, 0x7FF0_0000_0000_0000][..]).prop_map(Some),
    ]
}

#[test]
fn whole_files_lose_no_row_and_damaged_ones_break_nothing() {
    let rows = (1usize..4, 0usize..30).prop_flat_map(|(width, rows)| {
        let column = (0..KINDS, proptest::sample::select(&TYPES[..]), 0usize..2);
        (vec(column, width), vec(vec(seed(), rows), width), any::<bool>())
    });
    let way = (
        proptest::sample::select(&[Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::LZ4_RAW][..]),
        any::<bool>(),
        any::<bool>(),
        1usize..20,
        damage(3, b"\0\x15\x18\xffPAR1", 0.6),
        1usize..40,
    );
    fuzz(
        "parquet",
        "tests/fuzz/regressions/parquet.txt",
        Share(10),
        (rows, way),
        |((columns, values, listed), way)| {
            let (compression, dictionary, second, group, damage, batch_rows) = way;
            // The first column may be a list, whose elements are then the rows.
            let how = |n: usize, how: usize| if listed && n == 0 { 2 } else { how };
            let arrays = columns.iter().zip(&values).enumerate().map(|(n, ((kind, _, nested), seeds))| {
                (format!("c{n}"), wrapped(column(*kind, seeds), how(n, *nested)).0)
            });
            let batch = RecordBatch::try_from_iter(arrays).unwrap();
            let version = if second { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
            let properties = WriterProperties::builder()
                .set_compression(compression)
                .set_dictionary_enabled(dictionary)
                .set_writer_version(version)
                .set_max_row_group_row_count(Some(group))
                .build();
            let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
            writer.write(&batch).unwrap();
            let bytes = damaged(writer.into_inner().unwrap(), &damage);
            let declared_columns: String = columns
                .iter()
                .enumerate()
                .map(|(n, (_, kind, nested))| {
                    let from = match (listed, n) {
                        (true, 0) => "x".to_owned(),
                        (true, _) => format!("$.c{n}{}", wrapped(column(0, &[]), *nested).1),
                        (false, _) => format!("c{n}{}", wrapped(column(0, &[]), *nested).1),
                    };
                    match kind.strip_prefix('{') {
                        Some(rest) => format!("c{n} = {{ from = \"{from}\", {rest}\n"),
                        None => format!("c{n} = {{ from = \"{from}\", type = {kind} }}\n"),
                    }
                })
                .collect();
            let rows = if listed { "rows = \"c0\"\n" } else { "" };
            let source =
                declared(&format!("format = \"parquet\"\n{rows}[columns]\n{declared_columns}")).unwrap();
            let outcome = read(&source, windows(&bytes, &[]), batch_rows);
            // A column of a type that can never be what is declared is refused with its file.
            let retyped = outcome.error.as_ref().is_some_and(|error| error.contains("cannot be read as"));
            if damage.is_empty() && !retyped {
                prop_assert_eq!(&outcome.error, &None);
                let lines: Vec<i64> = (1..=batch.num_rows() as i64).collect();
                prop_assert_eq!(outcome.lines(), lines);
            }
            Ok(())
        },
    );
}

#[test]
fn bytes_that_are_no_parquet_at_all() {
    let source = declared("format = \"parquet\"\n[columns]\na = \"text\"\n").unwrap();
    for bytes in [&b""[..], b"PAR1", b"PAR1PAR1", b"PAR1\0\0\0\0PAR1", b"PAR1\xff\xff\xff\x7fPAR1"] {
        let outcome = read(&source, vec![Bytes::from_static(bytes)], 10);
        assert!(outcome.error.unwrap().contains("export"), "{bytes:?}");
    }
}
