//! The types of Parquet: each value read as what it is, or refused, never another and never lost.

use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::data_type::{
    ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int96, Int96Type,
};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, DurationSecondArray, Int64Array, IntervalYearMonthArray,
    RecordBatch, StringArray, StructArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use proptest::prelude::*;

use super::Fixture;

fn fixture(columns: &str) -> Fixture {
    Fixture::new(
        "a.parquet",
        &format!("format = \"parquet\"\ntimezone = \"America/New_York\"\n[columns]\n{columns}"),
    )
}

fn of_arrow(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true))).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// A file of one optional column `a`, written as Parquet's own types are.
fn int96(values: &[Option<(i64, i64)>]) -> Vec<u8> {
    const EPOCH: i64 = 2_440_588;
    let schema = Arc::new(parse_message_type("message m { optional int96 a; }").unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::new())).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let written: Vec<Int96> = values
        .iter()
        .flatten()
        .map(|(day, nanos)| {
            let mut value = Int96::new();
            value.set_data(*nanos as u32, (*nanos >> 32) as u32, (*day + EPOCH) as u32);
            value
        })
        .collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    column.typed::<Int96Type>().write_batch(&written, Some(&levels), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    file.into_inner().unwrap()
}

fn bytes(declared: &str, values: &[Option<&[u8]>]) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ optional {declared}; }}")).unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::new(WriterProperties::new())).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let written = values.iter().flatten().map(|value| ByteArray::from(value.to_vec()));
    if declared.starts_with("fixed") {
        let written: Vec<FixedLenByteArray> = written.map(FixedLenByteArray::from).collect();
        column.typed::<FixedLenByteArrayType>().write_batch(&written, Some(&levels), None).unwrap();
    } else {
        let written: Vec<ByteArray> = written.collect();
        column.typed::<ByteArrayType>().write_batch(&written, Some(&levels), None).unwrap();
    }
    column.close().unwrap();
    group.close().unwrap();
    file.into_inner().unwrap()
}

#[test]
fn int96_is_utc_and_reaches_as_far_as_years_do() {
    const DAY: i64 = 86_400_000_000_000;
    let fixture = fixture("a = \"timestamp\"\n");
    fixture.write(
        "a.parquet",
        int96(&[
            Some((0, 0)),
            Some((-1, DAY - 1)),
            None,
            Some((20_484, 43_200_123_456_789)),
            Some((-171_664, 1_000)),    // 1500-01-01
            Some((376_200, 0)),         // 3000-01-01
            Some((2_932_896, DAY - 1)), // 9999-12-31
            Some((-719_162, 0)),        // 0001-01-01
            Some((-719_163, 0)),
            Some((2_932_897, 0)),
            Some((-2_440_588, 0)), // all zeros
            // Microseconds wrap around to January 2026.
            Some((20_484 + 213_503_982, 43_200_000_000_000)),
            Some((i64::from(i32::MAX) - 2_440_588, 0)),
        ]),
    );
    let outcome = fixture.read();
    assert_eq!(
        outcome.table(),
        [
            "1970-01-01T00:00:00Z",
            "1969-12-31T23:59:59.999999Z",
            "∅",
            "2026-01-31T12:00:00.123456Z",
            "1500-01-01T00:00:00.000001Z",
            "3000-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999Z",
            "0001-01-01T00:00:00Z",
        ]
    );
    assert_eq!(outcome.refused.iter().map(|(line, ..)| *line).collect::<Vec<_>>(), [9, 10, 11, 12, 13]);
    assert_eq!(outcome.refused[0].2, "expected timestamp, found a number that is out of range");
}

#[test]
fn bytes_are_read_as_the_text_that_they_are() {
    let id: &[u8] =
        &[0x55, 0x0e, 0x84, 0x00, 0xe2, 0x9b, 0x41, 0xd4, 0xa7, 0x16, 0x44, 0x66, 0x55, 0x44, 0, 0];
    let read = |declared: &str, values: &[Option<&[u8]>]| {
        let fixture = fixture("a = \"text\"\n");
        fixture.write("a.parquet", bytes(declared, values));
        let outcome = fixture.read();
        let refused = outcome.refused.iter().map(|(line, ..)| *line).collect::<Vec<_>>();
        (outcome.table(), refused)
    };
    let uuid = read("fixed_len_byte_array(16) a (UUID)", &[Some(id), None, Some(&[0; 16])]);
    let written = ["550e8400-e29b-41d4-a716-446655440000", "∅", "00000000-0000-0000-0000-000000000000"];
    assert_eq!(uuid, (written.map(str::to_owned).to_vec(), vec![]));
    for declared in ["byte_array a (ENUM)", "byte_array a (JSON)", "byte_array a (UTF8)", "byte_array a"] {
        let found = read(declared, &[Some("{\"é\":1}".as_bytes()), None]);
        assert_eq!(found, (vec!["{\"é\":1}".to_owned(), "∅".to_owned()], vec![]), "{declared}");
    }
    for declared in
        ["fixed_len_byte_array(2) a", "byte_array a", "byte_array a (ENUM)", "byte_array a (BSON)"]
    {
        let found = read(declared, &[Some(b"ab"), Some(b"\xff\x00"), None]);
        assert_eq!(found, (vec!["ab".to_owned(), "∅".to_owned()], vec![2]), "{declared}");
    }
    // Sixteen bytes of which nobody says that they are a UUID are none.
    assert_eq!(read("fixed_len_byte_array(16) a", &[Some(id)]), (vec![], vec![1]));
}

#[test]
fn a_column_within_a_struct_is_read_by_its_path() {
    let inner = StructArray::from((
        vec![
            (
                Arc::new(Field::new("id", DataType::Int64, true)),
                Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
            ),
            (
                Arc::new(Field::new("name", DataType::Utf8, true)),
                Arc::new(StringArray::from(vec!["a", "b", "c"])) as ArrayRef,
            ),
        ],
        arrow::buffer::Buffer::from([0b011u8]),
    ));
    let fields = Fields::from(vec![Field::new("who", inner.data_type().clone(), true)]);
    let outer: ArrayRef = Arc::new(StructArray::new(fields, vec![Arc::new(inner)], None));
    let dotted: ArrayRef = Arc::new(Int64Array::from(vec![7, 8, 9]));
    let file = of_arrow(vec![("order", outer), ("flat.key", dotted)]);
    let read = fixture(
        "a_id = { type = \"integer\", from = \"order.who.id\" }\nb_name = { type = \"text\", from = \"order.who.name\" }\n\
         c_flat = { type = \"integer\", from = \"flat.key\" }\n",
    );
    read.write("a.parquet", &file);
    assert_eq!(read.read().table(), ["1|a|7", "∅|b|8", "∅|∅|9"]);
    let undeclared = fixture(
        "id = { type = \"integer\", from = \"order.who.id\" }\nflat = { type = \"integer\", from = \"flat.key\" }\n",
    );
    undeclared.write("a.parquet", &file);
    let error = undeclared.error();
    assert!(error.contains("a column that is not declared: `order.who.name`"), "{error}");
}

#[test]
fn a_type_that_no_declaration_takes_in_names_a_way_out() {
    let fixture = fixture("a = \"integer\"\nb = \"text\"\n");
    fixture.write(
        "a.parquet",
        of_arrow(vec![
            ("a", Arc::new(DurationSecondArray::from(vec![1]))),
            ("b", Arc::new(IntervalYearMonthArray::from(vec![1]))),
        ]),
    );
    let error = fixture.error();
    assert_eq!(error.matches("export it as a number, for example of seconds").count(), 2, "{error}");
}

#[test]
fn digits_finer_than_a_microsecond_are_cut_before_the_epoch_too() {
    let fixture = fixture(
        "a = { type = \"timestamp\", timezone = \"UTC\" }\nb = { type = \"date\", from = \"a\", timezone = \"UTC\" }\n",
    );
    fixture.write(
        "a.parquet",
        of_arrow(vec![("a", Arc::new(TimestampNanosecondArray::from(vec![-1, 1_999, -1_000])))]),
    );
    assert_eq!(
        fixture.read().table(),
        [
            "1969-12-31T23:59:59.999999Z|1969-12-31",
            "1970-01-01T00:00:00.000001Z|1970-01-01",
            "1969-12-31T23:59:59.999999Z|1969-12-31",
        ]
    );
}

#[test]
fn unsigned_numbers_beyond_the_signed_ones_are_kept_or_refused() {
    let fixture = fixture("a = \"decimal(20,0)\"\nb = { type = \"text\", from = \"a\" }\n");
    let file = of_arrow(vec![("a", Arc::new(UInt64Array::from(vec![Some(u64::MAX), None, Some(1 << 63)])))]);
    fixture.write("a.parquet", &file);
    assert_eq!(
        fixture.read().table(),
        ["18446744073709551615|18446744073709551615", "∅|∅", "9223372036854775808|9223372036854775808"]
    );
    let fixture = self::fixture("a = \"integer\"\n");
    fixture.write("a.parquet", &file);
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["∅"]);
    assert_eq!(
        outcome.refused[0],
        (1, "a".to_owned(), "expected integer, found a number that is out of range".to_owned())
    );
}

/// What a value is, whatever its type.
#[derive(Debug, Clone, PartialEq)]
enum Meaning {
    Nothing,
    /// Units of 10^-scale.
    Number(i128, u32),
    Text(String),
    Truth(bool),
    /// Days since 1970.
    Day(i64),
    /// Microseconds since 1970, and whether in UTC.
    Moment(i128, bool),
    TimeOfDay,
}

/// Arrays of one type from the same small integers, and what each value means.
fn column(kind: usize, seeds: &[Option<i64>]) -> (ArrayRef, Vec<Meaning>) {
    let numbers: ArrayRef = Arc::new(Int64Array::from(seeds.to_vec()));
    let whole = |to: DataType| {
        // Only what the type holds.
        let array = cast(&numbers, &to).unwrap();
        let back = cast(&array, &DataType::Int64).unwrap();
        let meant = back.as_primitive::<arrow::datatypes::Int64Type>().iter();
        (array, meant.map(|v| v.map_or(Meaning::Nothing, |v| Meaning::Number(v.into(), 0))).collect())
    };
    let decimal = |to: DataType, scale: u32| {
        let (array, _): (ArrayRef, Vec<Meaning>) = whole(to);
        let mean = |row: usize| match array.is_valid(row) {
            true => Meaning::Number(i128::from(seeds[row].unwrap()) * 10i128.pow(scale), scale),
            false => Meaning::Nothing,
        };
        let meant = (0..array.len()).map(mean).collect();
        (array, meant)
    };
    let texts = |to: DataType| {
        let array = cast(&cast(&numbers, &DataType::Utf8).unwrap(), &to).unwrap();
        let meant =
            seeds.iter().map(|v| v.map_or(Meaning::Nothing, |v| Meaning::Text(v.to_string()))).collect();
        (array, meant)
    };
    let moments = |unit: TimeUnit, zone: Option<&str>| {
        let to = DataType::Timestamp(unit, zone.map(Into::into));
        let array = cast(&cast(&numbers, &DataType::Timestamp(unit, None)).unwrap(), &to);
        let array = match zone {
            // The seeds are instants, whatever the zone they are shown in.
            Some(_) => {
                cast(&cast(&numbers, &DataType::Timestamp(unit, Some("UTC".into()))).unwrap(), &to).unwrap()
            }
            None => array.unwrap(),
        };
        let micros = |seed: i64| match unit {
            TimeUnit::Second => i128::from(seed) * 1_000_000,
            TimeUnit::Millisecond => i128::from(seed) * 1_000,
            TimeUnit::Microsecond => i128::from(seed),
            TimeUnit::Nanosecond => i128::from(seed).div_euclid(1_000),
        };
        let mean =
            |v: &Option<i64>| v.map_or(Meaning::Nothing, |v| Meaning::Moment(micros(v), zone.is_some()));
        (array, seeds.iter().map(mean).collect())
    };
    match kind {
        0 => whole(DataType::Int8),
        1 => whole(DataType::Int16),
        2 => whole(DataType::Int32),
        3 => whole(DataType::Int64),
        4 => whole(DataType::UInt8),
        5 => whole(DataType::UInt16),
        6 => whole(DataType::UInt32),
        7 => whole(DataType::UInt64),
        8 => whole(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Int64))),
        9 => decimal(DataType::Decimal128(25, 3), 3),
        10 => decimal(DataType::Decimal256(60, 15), 15),
        11 => decimal(DataType::Decimal64(18, 2), 2),
        12 => texts(DataType::Utf8),
        13 => texts(DataType::LargeUtf8),
        14 => texts(DataType::Utf8View),
        15 => texts(DataType::Binary),
        16 => texts(DataType::LargeBinary),
        17 => texts(DataType::BinaryView),
        18 => texts(DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))),
        19 => {
            let array = seeds.iter().map(|v| v.map(|v| v % 2 == 0)).collect::<arrow::array::BooleanArray>();
            let meant = array.iter().map(|v| v.map_or(Meaning::Nothing, Meaning::Truth)).collect();
            (Arc::new(array), meant)
        }
        20 => {
            let (array, meant): (ArrayRef, Vec<Meaning>) = whole(DataType::Int32);
            let days = meant.into_iter().map(|m| match m {
                Meaning::Number(days, _) => Meaning::Day(days as i64),
                other => other,
            });
            (cast(&array, &DataType::Date32).unwrap(), days.collect())
        }
        21 => {
            let array = cast(&numbers, &DataType::Date64).unwrap();
            let days =
                seeds.iter().map(|v| v.map_or(Meaning::Nothing, |v| Meaning::Day(v.div_euclid(86_400_000))));
            (array, days.collect())
        }
        22 => moments(TimeUnit::Second, None),
        23 => moments(TimeUnit::Millisecond, Some("UTC")),
        24 => moments(TimeUnit::Microsecond, None),
        25 => moments(TimeUnit::Nanosecond, Some("Europe/Paris")),
        26 => moments(TimeUnit::Nanosecond, None),
        27 => {
            let within: Int64Array = seeds.iter().map(|v| v.map(|v| v.rem_euclid(86_400_000_000))).collect();
            let array = cast(&within, &DataType::Time64(TimeUnit::Microsecond)).unwrap();
            (array, seeds.iter().map(|v| v.map_or(Meaning::Nothing, |_| Meaning::TimeOfDay)).collect())
        }
        28 | 29 => {
            // Doubles that are whole numbers, and singles.
            let limit = if kind == 28 { 1i64 << 53 } else { 1 << 24 };
            let kept: Vec<Option<i64>> = seeds.iter().map(|v| v.filter(|v| v.abs() < limit)).collect();
            let to = if kind == 28 { DataType::Float64 } else { DataType::Float32 };
            let array = cast(&Int64Array::from(kept.clone()), &to).unwrap();
            (
                array,
                kept.iter().map(|v| v.map_or(Meaning::Nothing, |v| Meaning::Number(v.into(), 0))).collect(),
            )
        }
        30 => {
            let bytes: BinaryArray = seeds.iter().map(|v| v.map(|_| b"\xff\xfe".as_slice())).collect();
            let meant =
                seeds.iter().map(|v| v.map_or(Meaning::Nothing, |_| Meaning::Text("\u{fffd}".to_owned())));
            (Arc::new(bytes), meant.collect())
        }
        _ => {
            (arrow::array::new_null_array(&DataType::Null, seeds.len()), vec![Meaning::Nothing; seeds.len()])
        }
    }
}

const KINDS: usize = 32;

/// How a value of this meaning is in a column of this type; `None` where it cannot.
fn shown(meaning: &Meaning, kind: &str) -> Option<String> {
    let number = |units: i128, scale: u32, to: u32, limit: i128| {
        let (lift, cut) = (10i128.pow(to.saturating_sub(scale)), 10i128.pow(scale.saturating_sub(to)));
        (units % cut == 0).then_some((units / cut).checked_mul(lift)?).filter(|units| units.abs() <= limit)
    };
    let of_type = |array: ArrayRef| {
        let options = FormatOptions::default();
        ArrayFormatter::try_new(array.as_ref(), &options).unwrap().value(0).to_string()
    };
    let micros = |at: i128| {
        let at = i64::try_from(at)
            .ok()
            .filter(|at| (-62_135_596_800_000_000..253_402_300_800_000_000).contains(at))?;
        let array = arrow::array::TimestampMicrosecondArray::from(vec![at]).with_timezone("UTC");
        Some(of_type(Arc::new(array)))
    };
    match (meaning, kind) {
        (Meaning::Number(units, scale), "integer") => {
            number(*units, *scale, 0, i64::MAX.into()).map(|v| v.to_string())
        }
        (Meaning::Number(units, scale), "decimal(20,2)") => {
            let units = number(*units, *scale, 2, 10i128.pow(20) - 1)?;
            Some(format!(
                "{}{}.{:02}",
                if units < 0 { "-" } else { "" },
                units.abs() / 100,
                units.abs() % 100
            ))
        }
        (Meaning::Number(units, scale), "text") => {
            let sign = if *units < 0 { "-" } else { "" };
            let (whole, part) = (units.abs() / 10i128.pow(*scale), units.abs() % 10i128.pow(*scale));
            Some(match scale {
                0 => format!("{sign}{whole}"),
                _ => format!("{sign}{whole}.{part:0width$}", width = *scale as usize),
            })
        }
        (Meaning::Text(text), "text") => Some(text.clone()).filter(|text| text != "\u{fffd}"),
        (Meaning::Text(text), "integer") => text.parse::<i64>().ok().map(|v| v.to_string()),
        (Meaning::Truth(truth), "boolean" | "text") => Some(truth.to_string()),
        (Meaning::Truth(truth), "integer") => Some(i64::from(*truth).to_string()),
        (Meaning::Day(day), "date") => {
            micros(i128::from(*day) * 86_400_000_000).map(|shown| shown[..10].to_owned())
        }
        (Meaning::Moment(at, true), "timestamp") => micros(*at),
        (Meaning::Moment(at, false), "local") => micros(*at),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_value_is_read_as_what_it_is_or_refused(
        kind in 0..KINDS,
        seeds in proptest::collection::vec(
            proptest::option::weighted(0.85, prop_oneof![-200i64..200, any::<i64>(), -100_000_000_000i64..100_000_000_000]),
            1..12,
        ),
        declared in proptest::sample::select(&["text", "integer", "decimal(20,2)", "boolean", "date", "timestamp", "local"][..]),
    ) {
        let (array, meant) = column(kind, &seeds);
        // In UTC local time is the instant.
        let (zone, data_type) = if declared == "local" { ("UTC", "timestamp") } else { ("America/New_York", declared) };
        let fixture = Fixture::new(
            "a.parquet",
            &format!("format = \"parquet\"\ntimezone = \"{zone}\"\n[columns]\na = \"{data_type}\"\n"),
        );
        fixture.write("a.parquet", of_arrow(vec![("a", array.clone())]));
        let read = fixture.try_read();
        let outcome = match read {
            Ok(outcome) => outcome,
            Err(error) => {
                // The whole column cannot be of that type; then no value of it can.
                prop_assert!(error.to_string().contains("cannot be read as"), "{}", error);
                prop_assert!(meant.iter().all(|m| shown(m, declared).is_none()), "{} as {}: {}", array.data_type(), declared, error);
                return Ok(());
            }
        };
        let found: std::collections::BTreeMap<i64, &String> =
            outcome.lines.iter().copied().zip(outcome.rows.iter().map(|row| &row[0])).collect();
        prop_assert_eq!(outcome.rows.len() + outcome.refused.len(), seeds.len());
        for (row, meaning) in meant.iter().enumerate() {
            let cell = found.get(&(row as i64 + 1)).map(|cell| cell.as_str());
            let error_text = || format!("{} as {declared}: {meaning:?} {cell:?}", array.data_type());
            match (meaning, shown(meaning, declared)) {
                (Meaning::Nothing, _) => prop_assert_eq!(cell, Some("∅"), "{}", error_text()),
                (_, Some(expected)) => prop_assert_eq!(cell, Some(expected.as_str()), "{}", error_text()),
                // Neither lost nor made into something else by chance.
                (Meaning::Number(..) | Meaning::Text(_), None) if matches!(declared, "integer" | "decimal(20,2)") && cell.is_some() => {
                    let Meaning::Text(text) = meaning else {
                        return Err(TestCaseError::fail(error_text()));
                    };
                    let value: f64 = cell.unwrap().parse().unwrap();
                    prop_assert_eq!(Some(value), text.parse::<f64>().ok(), "{}", error_text());
                }
                (_, None) => prop_assert!(cell != Some("∅"), "{}", error_text()),
            }
        }
    }
}
