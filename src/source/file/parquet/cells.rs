//! Converts the values of a Parquet column to one of a few forms, and these to the declared type.
//!
//! Files written by data frames have doubles for ids, dictionaries for texts and timestamps without a zone. A
//! `NaN` is a missing value; a timestamp without a zone is local time in the source's zone; fractions finer
//! than a microsecond are cut off, as in texts. Values that cannot be converted to the declared type without
//! loss are refused.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, Decimal128Type, Decimal256Type, DecimalType, Float64Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::temporal_conversions::{time32ms_to_time, time32s_to_time, time64ns_to_time, time64us_to_time};
use chrono::{DateTime, NaiveTime, SecondsFormat};
use uuid::Uuid;

use super::columns::Form;
use super::number::{decimal, float, integer};
use crate::error::{Context, Error, Result};
use crate::source::contract::column::ColumnType;
use crate::source::row::decoder::Decoder;
use crate::source::row::fault_reason::text_of;
use crate::source::value::calendar::Written;
use crate::source::value::fault::Fault;

/// A column of a batch.
pub struct Cells {
    values: Values,
    /// Where the file has no value. A value that no form can hold is none of these: it is refused.
    absent: Option<NullBuffer>,
}

enum Values {
    Nothing,
    /// Of the file: no batch holds it.
    OfFile,
    Text(StringArray),
    Integer(Int64Array),
    /// And whether it was a single-precision number, with seven good digits.
    Float(Float64Array, bool),
    Decimal(Decimal128Array),
    /// A number with more digits than the others hold, written out.
    Digits(StringArray),
    Boolean(BooleanArray),
    Date(Date32Array),
    /// And whether it has a zone; without one it is local time.
    Moment(TimestampMicrosecondArray, bool),
}

/// Returns whether any value of the file's type can be one of the declared type.
pub(super) fn reads_as(found: &DataType, kind: ColumnType) -> bool {
    use ColumnType::{Boolean, Date, Decimal, Float, Integer, Text, Timestamp};
    match found {
        DataType::Dictionary(_, values) => reads_as(values, kind),
        DataType::Boolean => matches!(kind, Boolean | Integer | Text),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            matches!(kind, Date | Timestamp | Text)
        }
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => matches!(kind, Decimal { .. } | Integer | Float | Text),
        DataType::Time32(_) | DataType::Time64(_) => kind == Text,
        DataType::Interval(_) | DataType::Duration(_) => false,
        // Numbers may be days in a declared format, and the words for true and false.
        other => !other.is_nested(),
    }
}

impl Cells {
    /// Returns a column that the records of the file do not hold.
    pub fn of_file() -> Self {
        Cells { values: Values::OfFile, absent: None }
    }

    /// `millis` are the same instants, where they may lie beyond the range of microseconds.
    pub fn of(
        name: &str,
        form: Form,
        array: &ArrayRef,
        absent: Option<NullBuffer>,
        millis: Option<&ArrayRef>,
    ) -> Result<Self> {
        let to = |array: &ArrayRef, to: &DataType| -> Result<ArrayRef> {
            cast(array, to).doing(format!("read the column `{name}`, which is {}", array.data_type()))
        };
        let unpacked = match array.data_type() {
            DataType::Dictionary(_, values) => to(array, values)?,
            _ => array.clone(),
        };
        let array = &unpacked;
        let values = match array.data_type() {
            DataType::Null => Values::Nothing,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => {
                Values::Integer(to(array, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            DataType::UInt64 => {
                let wide = to(array, &DataType::Decimal128(20, 0))?;
                Values::Decimal(wide.as_primitive::<Decimal128Type>().clone())
            }
            DataType::Float16 | DataType::Float32 | DataType::Float64 => {
                let single = *array.data_type() != DataType::Float64;
                Values::Float(to(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone(), single)
            }
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale) => {
                let wide = to(array, &DataType::Decimal128(38, *scale))?;
                Values::Decimal(wide.as_primitive::<Decimal128Type>().clone())
            }
            DataType::Decimal256(precision, scale) => {
                let wide = array.as_primitive::<Decimal256Type>();
                let written = |value| Decimal256Type::format_decimal(value, *precision, *scale);
                Values::Digits(wide.iter().map(|value| value.map(written)).collect())
            }
            DataType::Boolean => Values::Boolean(array.as_boolean().clone()),
            DataType::Date32 => Values::Date(array.as_primitive::<Date32Type>().clone()),
            DataType::Date64 => {
                let day = |millis: i64| i32::try_from(millis.div_euclid(86_400_000)).ok();
                Values::Date(array.as_primitive::<Date64Type>().unary_opt(day))
            }
            DataType::Timestamp(unit, zone) => {
                let moments = micros(array, *unit);
                Values::Moment(both(moments, millis)?, zone.is_some())
            }
            DataType::Time32(_) | DataType::Time64(_) => Values::Text(times_of_day(array)),
            DataType::FixedSizeBinary(16) if form == Form::Uuid => {
                let bytes = array.as_fixed_size_binary();
                let written = |bytes: &[u8]| Uuid::from_slice(bytes).ok().map(|id| id.to_string());
                Values::Text(bytes.iter().map(|bytes| bytes.and_then(written)).collect())
            }
            DataType::FixedSizeBinary(_) | DataType::BinaryView | DataType::LargeBinary => {
                let bytes = to(array, &DataType::Binary)?;
                Values::Text(to(&bytes, &DataType::Utf8)?.as_string::<i32>().clone())
            }
            _ => Values::Text(to(array, &DataType::Utf8)?.as_string::<i32>().clone()),
        };
        Ok(Cells { values, absent })
    }

    fn is_absent(&self, row: usize) -> bool {
        self.absent.as_ref().is_some_and(|absent| absent.is_null(row))
            || matches!(&self.values, Values::Float(a, _) if a.is_valid(row) && a.value(row).is_nan())
    }

    /// Returns whether the value was lost on the way to its form: an instant beyond the range of
    /// microseconds, bytes that are no text.
    fn is_lost(&self, row: usize) -> bool {
        match &self.values {
            Values::Nothing | Values::OfFile => false,
            Values::Text(a) | Values::Digits(a) => a.is_null(row),
            Values::Integer(a) => a.is_null(row),
            Values::Float(a, _) => a.is_null(row),
            Values::Decimal(a) => a.is_null(row),
            Values::Boolean(a) => a.is_null(row),
            Values::Date(a) => a.is_null(row),
            Values::Moment(a, _) => a.is_null(row),
        }
    }

    pub fn push(&self, row: usize, decoder: &mut Decoder) -> Result<(), Fault> {
        if self.is_absent(row) {
            return decoder.push_null();
        }
        if self.is_lost(row) {
            return Err(match self.values {
                Values::Text(_) => Fault::Shape,
                _ => Fault::Range,
            });
        }
        let kind = decoder.column().kind;
        match &self.values {
            Values::Nothing => decoder.push_null(),
            Values::OfFile => decoder.push_absent(),
            Values::Text(a) => decoder.push(a.value(row).as_bytes()),
            Values::Integer(a) => integer(a.value(row), kind, decoder),
            Values::Float(a, single) => float(a.value(row), *single, kind, decoder),
            Values::Decimal(a) => decimal(a.value(row), a.scale(), kind, decoder),
            Values::Digits(a) => match kind {
                ColumnType::Text => decoder.push_text(a.value(row).as_bytes()),
                _ => decoder.push_number(a.value(row).as_bytes()),
            },
            Values::Boolean(a) => match kind {
                ColumnType::Text => decoder.push_text(a.value(row).to_string().as_bytes()),
                ColumnType::Integer => decoder.push_integer(i64::from(a.value(row))),
                _ => decoder.push_boolean(a.value(row)),
            },
            Values::Date(a) => {
                let local = in_years(i64::from(a.value(row)).checked_mul(86_400_000_000))?;
                match kind {
                    ColumnType::Text => {
                        let day = DateTime::from_timestamp_micros(local).ok_or(Fault::Range)?;
                        decoder.push_text(day.date_naive().to_string().as_bytes())
                    }
                    _ => decoder.push_day(local),
                }
            }
            Values::Moment(a, zoned) => {
                let local = in_years(Some(a.value(row)))?;
                match kind {
                    ColumnType::Text => {
                        let moment = DateTime::from_timestamp_micros(local).ok_or(Fault::Range)?;
                        let text = moment.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                        let text = if *zoned { &text } else { text.trim_end_matches('Z') };
                        decoder.push_text(text.as_bytes())
                    }
                    _ => decoder.push_moment(Written { local, offset_seconds: zoned.then_some(0) }),
                }
            }
        }
    }

    pub fn describe(&self, row: usize) -> String {
        match &self.values {
            Values::Nothing | Values::OfFile => "no value".to_owned(),
            Values::Text(a) if a.is_null(row) => "bytes that are not text".to_owned(),
            Values::Text(a) => text_of(a.value(row).as_bytes()),
            Values::Integer(_) | Values::Float(..) | Values::Decimal(_) | Values::Digits(_) => {
                "a number".to_owned()
            }
            Values::Boolean(_) => "true or false".to_owned(),
            Values::Date(_) => "a date".to_owned(),
            Values::Moment(..) => "a timestamp".to_owned(),
        }
    }
}

/// Instants, with no value where one lies beyond the range of microseconds.
fn micros(array: &ArrayRef, unit: TimeUnit) -> TimestampMicrosecondArray {
    match unit {
        TimeUnit::Second => {
            array.as_primitive::<TimestampSecondType>().unary_opt(|at| at.checked_mul(1_000_000))
        }
        TimeUnit::Millisecond => {
            array.as_primitive::<TimestampMillisecondType>().unary_opt(|at| at.checked_mul(1_000))
        }
        TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().clone(),
        TimeUnit::Nanosecond => {
            array.as_primitive::<TimestampNanosecondType>().unary(|at| at.div_euclid(1_000))
        }
    }
}

/// Returns the instants that are the same in microseconds and in milliseconds: the library that reads INT96
/// wraps around where the former do not reach, and the latter always do.
fn both(micros: TimestampMicrosecondArray, millis: Option<&ArrayRef>) -> Result<TimestampMicrosecondArray> {
    let Some(millis) = millis else { return Ok(micros) };
    let millis = millis.as_primitive_opt::<TimestampMillisecondType>();
    let millis = millis
        .filter(|millis| millis.len() == micros.len())
        .ok_or_else(|| Error::failed("the file's INT96 values were read twice with different results"))?;
    Ok(micros
        .iter()
        .zip(millis)
        .map(|(fine, coarse)| fine.filter(|fine| Some(fine.div_euclid(1_000)) == coarse))
        .collect())
}

fn times_of_day(array: &ArrayRef) -> StringArray {
    fn written<T: Into<i64> + Copy>(
        values: impl Iterator<Item = Option<T>>,
        time: impl Fn(T) -> Option<NaiveTime>,
    ) -> StringArray {
        values.map(|value| value.and_then(&time).map(|time| time.to_string())).collect()
    }
    match array.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            written(array.as_primitive::<Time32SecondType>().iter(), time32s_to_time)
        }
        DataType::Time32(_) => {
            written(array.as_primitive::<Time32MillisecondType>().iter(), time32ms_to_time)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            written(array.as_primitive::<Time64MicrosecondType>().iter(), time64us_to_time)
        }
        _ => written(array.as_primitive::<Time64NanosecondType>().iter(), time64ns_to_time),
    }
}

/// Years 1 to 9999, which every reader of a table knows and a text can say.
fn in_years(local: Option<i64>) -> Result<i64, Fault> {
    const FIRST: i64 = -62_135_596_800_000_000;
    const END: i64 = 253_402_300_800_000_000;
    local.filter(|local| (FIRST..END).contains(local)).ok_or(Fault::Range)
}
