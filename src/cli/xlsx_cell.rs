//! What a value is in a cell of a spreadsheet: a text, a number, a date, a time; or a text because the cell
//! could not hold all of it.
//!
//! A spreadsheet computes with floats: 15 significant digits are certain. Its days count from 1900 with a
//! 29 February that there never was, so dates begin after it; its times are certain to the millisecond. What is finer
//! is cut off and not rounded: the last moment of a day stays in its day.

use std::str::FromStr;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};

use crate::error::{Context, Error, Result};

/// Significant digits that a number keeps.
const DIGITS: usize = 15;
/// The serial number of 1970-01-01.
const EPOCH: i64 = 25_569;
/// Serial numbers of 1900-03-01 and of 9999-12-31.
const DAYS: std::ops::RangeInclusive<i64> = 61..=2_958_465;
const MILLIS_A_DAY: i64 = 86_400_000;

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Blank,
    Text(String),
    /// The text of a value that is none in its column.
    NoText(String),
    Number {
        value: f64,
        width: usize,
    },
    Boolean(bool),
    /// A count of days and a fraction of one; cut where it was finer than a millisecond.
    Moment {
        serial: f64,
        has_millis: bool,
        is_cut: bool,
    },
}

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    Text,
    /// With so many decimals; whatever each has where that is not known.
    Number(Option<i8>),
    Boolean,
    Date,
    Instant,
    Time,
}

impl ColumnKind {
    /// Returns what values of the type are.
    pub fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Dictionary(_, values) => ColumnKind::of(values),
            DataType::Boolean => ColumnKind::Boolean,
            DataType::Date32 | DataType::Date64 => ColumnKind::Date,
            DataType::Timestamp(..) => ColumnKind::Instant,
            DataType::Time32(_) | DataType::Time64(_) => ColumnKind::Time,
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale)
            | DataType::Decimal256(_, scale) => ColumnKind::Number(Some((*scale).max(0))),
            other if other.is_integer() => ColumnKind::Number(Some(0)),
            other if other.is_floating() => ColumnKind::Number(None),
            _ => ColumnKind::Text,
        }
    }
}

/// The values of a column, ready to be asked for one by one.
pub struct Values<'a> {
    kind: ColumnKind,
    column: &'a ArrayRef,
    shown: ArrayFormatter<'a>,
    /// Counts since the epoch or the day's beginning.
    counts: Option<ArrayRef>,
    /// Nanoseconds in one of them.
    nanos: i128,
    zone: Option<Tz>,
}

impl<'a> Values<'a> {
    /// Returns the values of a column.
    ///
    /// # Errors
    /// A type that cannot be shown, or a time zone that is not known.
    pub fn of(column: &'a ArrayRef) -> Result<Self> {
        const DOING: &str = "write the rows";
        let kind = ColumnKind::of(column.data_type());
        let options = FormatOptions::default();
        let shown = ArrayFormatter::try_new(column.as_ref(), &options).doing(DOING)?;
        let (nanos, zone) = match column.data_type() {
            DataType::Timestamp(unit, zone) => (nanos_of(*unit), zone.as_deref()),
            DataType::Time32(unit) | DataType::Time64(unit) => (nanos_of(*unit), None),
            DataType::Date64 => (nanos_of(TimeUnit::Millisecond), None),
            _ => (i128::from(MILLIS_A_DAY) * 1_000_000, None),
        };
        let counts = match kind {
            ColumnKind::Date | ColumnKind::Instant | ColumnKind::Time => {
                let whole = match column.data_type() {
                    DataType::Date32 | DataType::Time32(_) => cast(column, &DataType::Int32).doing(DOING)?,
                    _ => column.clone(),
                };
                Some(cast(&whole, &DataType::Int64).doing(DOING)?)
            }
            _ => None,
        };
        let zone = zone.map(Tz::from_str).transpose().doing(DOING)?;
        Ok(Values { kind, column, shown, counts, nanos, zone })
    }

    /// Returns the cell of a row.
    ///
    /// # Errors
    /// A value that cannot be shown as text.
    pub fn cell(&self, row: usize) -> Result<Cell> {
        if self.column.is_null(row) {
            return Ok(Cell::Blank);
        }
        let cell = match self.kind {
            ColumnKind::Text => None,
            ColumnKind::Boolean => self.column.as_boolean_opt().map(|all| Cell::Boolean(all.value(row))),
            ColumnKind::Number(decimals) => number(&self.text(row)?, decimals.is_none()),
            ColumnKind::Date | ColumnKind::Instant | ColumnKind::Time => self.moment(row),
        };
        match (cell, self.kind) {
            (Some(cell), _) => Ok(cell),
            (None, ColumnKind::Text) => self.text(row).map(Cell::Text),
            (None, _) => self.text(row).map(Cell::NoText),
        }
    }

    fn text(&self, row: usize) -> Result<String> {
        let mut text = String::new();
        match self.shown.value(row).write(&mut text) {
            Ok(()) => Ok(text),
            Err(_) => Err(Error::failed("a value that cannot be written as text")),
        }
    }

    /// A date or a time; none where a cell does not hold all of it.
    fn moment(&self, row: usize) -> Option<Cell> {
        let count = self.counts.as_ref()?.as_primitive::<Int64Type>().value(row);
        let nanos = i128::from(count) * self.nanos;
        let mut millis = i64::try_from(nanos.div_euclid(1_000_000)).ok()?;
        if let Some(zone) = self.zone {
            millis = local(zone, DateTime::from_timestamp_millis(millis)?).and_utc().timestamp_millis();
        }
        let days = millis.div_euclid(MILLIS_A_DAY);
        let of_day = millis.rem_euclid(MILLIS_A_DAY);
        let days = if self.kind == ColumnKind::Time { days } else { days + EPOCH };
        if self.kind != ColumnKind::Time && !DAYS.contains(&days) {
            return None;
        }
        let serial = (days * MILLIS_A_DAY + of_day) as f64 / MILLIS_A_DAY as f64;
        Some(Cell::Moment { serial, has_millis: of_day % 1000 != 0, is_cut: nanos % 1_000_000 != 0 })
    }
}

fn local(zone: Tz, instant: DateTime<Utc>) -> NaiveDateTime {
    zone.from_utc_datetime(&instant.naive_utc()).naive_local()
}

fn nanos_of(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Returns a number that a cell holds to its last digit. Floats are what a spreadsheet computes with: all of
/// them that are numbers.
fn number(text: &str, is_float: bool) -> Option<Cell> {
    let value: f64 = text.parse().ok().filter(|value: &f64| value.is_finite())?;
    let digits = text.bytes().filter(u8::is_ascii_digit).skip_while(|digit| *digit == b'0').count();
    (is_float || digits <= DIGITS).then_some(Cell::Number { value, width: text.len() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Decimal128Array, DictionaryArray, Float32Array, Float64Array, Int64Array, StringArray,
        Time64MicrosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
    };
    use arrow::datatypes::Int32Type;

    use super::*;

    fn cells(column: impl Array + 'static) -> Vec<Cell> {
        let column: ArrayRef = Arc::new(column);
        let values = Values::of(&column).unwrap();
        (0..column.len()).map(|row| values.cell(row).unwrap()).collect()
    }

    fn numbers(column: impl Array + 'static) -> Vec<Option<f64>> {
        let of = |cell: Cell| match cell {
            Cell::Number { value, .. } => Some(value),
            Cell::Moment { serial, .. } => Some(serial),
            _ => None,
        };
        cells(column).into_iter().map(of).collect()
    }

    #[test]
    fn texts_are_texts_whatever_they_hold() {
        let texts = vec![Some("0612"), Some("+33612345678"), Some("=1+1"), Some("1E5"), None];
        let text = |text: &str| Cell::Text(text.to_owned());
        let expected = [text("0612"), text("+33612345678"), text("=1+1"), text("1E5"), Cell::Blank];
        assert_eq!(cells(StringArray::from(texts.clone())), expected);
        assert_eq!(cells(texts.into_iter().collect::<DictionaryArray<Int32Type>>()), expected);
    }

    #[test]
    fn numbers_of_more_than_fifteen_digits_are_texts() {
        let numbers = vec![999_999_999_999_999, -999_999_999_999_999, 1_000_000_000_000_000];
        let cells_of = cells(Int64Array::from(numbers));
        assert!(matches!(cells_of[0], Cell::Number { value, .. } if value == 999_999_999_999_999.0));
        assert!(matches!(cells_of[1], Cell::Number { value, .. } if value == -999_999_999_999_999.0));
        assert_eq!(cells_of[2], Cell::NoText("1000000000000000".to_owned()));
        assert_eq!(cells(UInt64Array::from(vec![u64::MAX])), [Cell::NoText(u64::MAX.to_string())]);
        let decimals = vec![Some(123_456_789_012_345), Some(12_345_678_901_234_567), Some(-5), None];
        let decimals = Decimal128Array::from(decimals).with_precision_and_scale(38, 2).unwrap();
        let found = cells(decimals);
        assert!(matches!(found[0], Cell::Number { value, .. } if value == 1_234_567_890_123.45));
        assert_eq!(found[1], Cell::NoText("123456789012345.67".to_owned()));
        assert!(matches!(found[2], Cell::Number { value, .. } if value == -0.05));
        assert_eq!(found[3], Cell::Blank);
    }

    #[test]
    fn floats_are_what_they_are() {
        assert_eq!(numbers(Float64Array::from(vec![0.1 + 0.2, -1e-300])), [Some(0.1 + 0.2), Some(-1e-300)]);
        assert_eq!(numbers(Float32Array::from(vec![0.1])), [Some(0.1)]);
        assert_eq!(
            cells(Float64Array::from(vec![f64::NAN, f64::INFINITY])),
            [Cell::NoText("NaN".to_owned()), Cell::NoText("inf".to_owned())]
        );
    }

    #[test]
    fn days_are_serial_numbers_from_march_1900_on() {
        let day = |text: &str| {
            let day = text.parse::<chrono::NaiveDate>().unwrap() - chrono::NaiveDate::default();
            i32::try_from(day.num_days()).unwrap()
        };
        let days = Date32Array::from(vec![day("2026-06-01"), day("1900-03-01"), day("9999-12-31")]);
        assert_eq!(numbers(days), [Some(46_174.0), Some(61.0), Some(2_958_465.0)]);
        let early = cells(Date32Array::from(vec![day("1900-02-28"), day("1789-07-14")]));
        let text = |text: &str| Cell::NoText(text.to_owned());
        assert_eq!(early, [text("1900-02-28"), text("1789-07-14")]);
    }

    #[test]
    fn instants_are_local_times_to_the_millisecond() {
        let noon = 1_780_315_200_000_000; // 2026-06-01T12:00:00Z
        let utc = || TimestampMicrosecondArray::from(vec![noon, noon + 250_000, noon + 1]);
        for times in [utc(), utc().with_timezone("UTC")] {
            let cells = cells(times);
            assert_eq!(cells[0], Cell::Moment { serial: 46_174.5, has_millis: false, is_cut: false });
            assert!(matches!(cells[1], Cell::Moment { has_millis: true, .. }));
            assert_eq!(cells[2], Cell::Moment { serial: 46_174.5, has_millis: false, is_cut: true });
        }
        assert_eq!(numbers(utc().with_timezone("Europe/Paris"))[0], Some(46_174.0 + 14.0 / 24.0));
        assert_eq!(
            numbers(TimestampNanosecondArray::from(vec![0, -1])),
            [Some(25_569.0), Some(25_568.0 + 86_399_999.0 / 86_400_000.0)]
        );
        assert_eq!(numbers(Time64MicrosecondArray::from(vec![43_200_000_000])), [Some(0.5)]);
    }
}
