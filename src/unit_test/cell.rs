//! A value as a test writes it, and its conversion to a column's type.

use arrow::datatypes::{DataType, TimeUnit};
use chrono::NaiveDate;
use chrono_tz::Tz;
use datafusion::common::ScalarValue;

use crate::clock::parse_instant;
use crate::error::{Error, Result};
use crate::sql_type::sql_type;

/// A value and its place in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    pub written: Written,
    /// `file:line`
    pub place: String,
}

/// A value before its type is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// Said to be null: an empty field of CSV.
    Null,
    /// Left out of a row in which another row names the column.
    Unnamed,
    Text(String),
    /// The digits as written: an amount never passes through binary floating point.
    Number(String),
    Truth(bool),
}

impl Cell {
    /// Returns the value in a column of this type; an instant without a zone is one of `zone`.
    ///
    /// # Errors
    /// A value that does not read as the type without loss.
    pub fn typed(&self, kind: &DataType, zone: Tz) -> Result<ScalarValue> {
        let found = match &self.written {
            Written::Null | Written::Unnamed => {
                return ScalarValue::try_from(kind).map_err(|_| no_value_of(kind));
            }
            Written::Text(text) | Written::Number(text) => text.trim().to_owned(),
            Written::Truth(truth) => truth.to_string(),
        };
        let value = match (kind, &self.written) {
            (DataType::Utf8, Written::Text(text)) => Some(ScalarValue::Utf8(Some(text.clone()))),
            (DataType::Utf8, _) => Some(ScalarValue::Utf8(Some(found.clone()))),
            (_, Written::Truth(truth)) if *kind != DataType::Boolean => {
                return Err(misfit(&truth.to_string(), kind));
            }
            (DataType::Boolean, _) => found.parse().ok().map(|v| ScalarValue::Boolean(Some(v))),
            (DataType::Int8, _) => found.parse().ok().map(|v| ScalarValue::Int8(Some(v))),
            (DataType::Int16, _) => found.parse().ok().map(|v| ScalarValue::Int16(Some(v))),
            (DataType::Int32, _) => found.parse().ok().map(|v| ScalarValue::Int32(Some(v))),
            (DataType::Int64, _) => found.parse().ok().map(|v| ScalarValue::Int64(Some(v))),
            (DataType::Float32, _) => found.parse().ok().map(|v| ScalarValue::Float32(Some(v))),
            (DataType::Float64, _) => found.parse().ok().map(|v| ScalarValue::Float64(Some(v))),
            (DataType::Decimal128(precision, scale), _) => decimal(&found, *precision, *scale)
                .map(|v| ScalarValue::Decimal128(Some(v), *precision, *scale)),
            (DataType::Date32, _) => day(&found).map(|v| ScalarValue::Date32(Some(v))),
            (DataType::Timestamp(TimeUnit::Microsecond, zoned), _) => parse_instant(&found, zone)
                .ok()
                .map(|t| ScalarValue::TimestampMicrosecond(Some(t.timestamp_micros()), zoned.clone())),
            (other, _) => return Err(no_value_of(other)),
        };
        value.ok_or_else(|| misfit(&found, kind))
    }
}

/// Returns the error for a value that does not fit. It shows the value, which comes from the test file and
/// not from a row of the warehouse.
fn misfit(found: &str, kind: &DataType) -> Error {
    Error::config(format!("`{found}` cannot be read as {}", sql_type(kind))).hint(match kind {
        DataType::Timestamp(_, _) => "write it as 2026-01-31, 2026-01-31 03:00 or 2026-01-31T03:00:00Z",
        DataType::Date32 => "write it as 2026-01-31",
        DataType::Decimal128(_, _) => "write it with a point and no more decimals than the type has",
        _ => "the type is that of the model's SQL or of the source's declaration",
    })
}

fn no_value_of(kind: &DataType) -> Error {
    Error::config(format!("a test cannot write a value of type {}", sql_type(kind))).hint("remove the column")
}

fn day(text: &str) -> Option<i32> {
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    i32::try_from(day.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

/// Digits as an unscaled decimal; none when there are more decimals than `scale` (or zeros after it).
fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
        return None;
    }
    let scale = usize::try_from(scale).ok()?;
    let kept = fraction.trim_end_matches('0');
    if kept.len() > scale {
        return None;
    }
    let unscaled: String =
        whole.chars().chain(kept.chars()).chain("0".repeat(scale - kept.len()).chars()).collect();
    let significant = unscaled.trim_start_matches('0');
    if significant.len() > usize::from(precision) {
        return None;
    }
    let value: i128 = if significant.is_empty() { 0 } else { significant.parse().ok()? };
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(written: Written, kind: &DataType) -> Result<ScalarValue> {
        Cell { written, place: String::new() }.typed(kind, chrono_tz::Europe::Paris)
    }

    #[test]
    fn an_amount_keeps_every_cent_and_is_never_rounded() {
        assert_eq!(decimal("12.5", 12, 2), Some(1250));
        assert_eq!(decimal("-0.10", 12, 2), Some(-10));
        assert_eq!(decimal("7.000", 12, 2), Some(700));
        assert_eq!(decimal(".5", 12, 2), Some(50));
        for wrong in ["", ".", "1.005", "12345678901.00", "1e3", "a", "--1"] {
            assert_eq!(decimal(wrong, 12, 2), None, "{wrong}");
        }
    }

    #[test]
    fn an_instant_without_a_zone_is_the_pipelines() {
        let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let at = |text: &str| typed(Written::Text(text.to_owned()), &kind).unwrap();
        assert_eq!(at("2026-07-01"), at("2026-06-30T22:00:00Z"));
        assert_eq!(at("2026-07-01T10:00:00"), at("2026-07-01T08:00:00Z"));
    }

    #[test]
    fn a_value_that_does_not_fit_is_reported_with_its_type() {
        for (written, kind, message) in [
            (Written::Text("soon".into()), DataType::Date32, "`soon` cannot be read as date"),
            (Written::Number("1.5".into()), DataType::Int64, "`1.5` cannot be read as integer"),
            (Written::Truth(true), DataType::Int64, "`true` cannot be read as integer"),
            (Written::Number("1.005".into()), DataType::Decimal128(12, 2), "cannot be read as decimal(12,2)"),
        ] {
            let error = typed(written, &kind).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
        assert_eq!(typed(Written::Number("7".into()), &DataType::Utf8).unwrap(), "7".into());
        assert!(typed(Written::Null, &DataType::Int64).unwrap().is_null());
    }
}
