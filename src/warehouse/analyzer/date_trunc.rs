//! `date_trunc` of timestamps in microseconds: DataFusion's own computes in nanoseconds, which end in 2262.

use std::sync::Arc;

use arrow::array::timezone::Tz;
use arrow::array::{ArrayRef, AsArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::error::Error;

/// Returns the function: a word for the unit, and an instant in microseconds.
pub fn date_trunc() -> ScalarUDF {
    ScalarUDF::from(DateTrunc { signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    signature: Signature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// So many microseconds, wherever the clock stands.
    Micros(i64),
    /// So many, of the local clock.
    LocalMicros(i64),
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    fn of(word: &str) -> Result<Unit> {
        const SECOND: i64 = 1_000_000;
        Ok(match word.to_lowercase().as_str() {
            "microsecond" => Unit::Micros(1),
            "millisecond" => Unit::Micros(1000),
            "second" => Unit::Micros(SECOND),
            "minute" => Unit::LocalMicros(60 * SECOND),
            "hour" => Unit::LocalMicros(3600 * SECOND),
            "day" => Unit::Day,
            "week" => Unit::Week,
            "month" => Unit::Month,
            "quarter" => Unit::Quarter,
            "year" => Unit::Year,
            _ => {
                return plan_err!(
                    "date_trunc truncates to a year, quarter, month, week, day, hour, minute, second, \
                     millisecond or microsecond"
                );
            }
        })
    }

    /// Returns the local time cut off; `None` before the first day that there is.
    fn cut(self, local: NaiveDateTime) -> Option<NaiveDateTime> {
        let day = local.date();
        let day = match self {
            Unit::Micros(unit) | Unit::LocalMicros(unit) => {
                let micros = local.and_utc().timestamp_micros();
                return DateTime::from_timestamp_micros(micros - micros.rem_euclid(unit))
                    .map(|t| t.naive_utc());
            }
            Unit::Day => day,
            Unit::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday())))?,
            Unit::Month => day.with_day(1)?,
            Unit::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1)?,
            Unit::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1)?,
        };
        Some(day.and_time(NaiveTime::MIN))
    }
}

/// Returns the instant cut off by the clock of the zone, or of UTC.
fn truncated(micros: i64, unit: Unit, zone: Option<Tz>) -> Option<i64> {
    if let Unit::Micros(unit) = unit {
        return micros.checked_sub(micros.rem_euclid(unit));
    }
    let instant = DateTime::from_timestamp_micros(micros)?;
    let Some(zone) = zone else {
        return Some(unit.cut(instant.naive_utc())?.and_utc().timestamp_micros());
    };
    let here = instant.with_timezone(&zone);
    let cut = unit.cut(here.naive_local())?;
    let cut = match zone.from_local_datetime(&cut) {
        LocalResult::Single(cut) => cut.to_utc(),
        // The hour that the clock shows twice: which of both it was is known.
        LocalResult::Ambiguous(first, second) => {
            if second.offset().fix() == here.offset().fix() {
                second.to_utc()
            } else {
                first.to_utc()
            }
        }
        // The clock jumps over it: what it would have been.
        LocalResult::None => {
            let before = cut - TimeDelta::hours(3);
            zone.from_local_datetime(&before).latest()?.to_utc() + TimeDelta::hours(3)
        }
    };
    Some(cut.timestamp_micros())
}

fn beyond() -> DataFusionError {
    DataFusionError::External(Box::new(Error::failed("date_trunc of a timestamp that does not exist")))
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        Ok(args[1].clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [unit, instants] = args.args.as_slice() else {
            return exec_err!("date_trunc takes a unit and a timestamp");
        };
        let unit = match unit {
            ColumnarValue::Scalar(word) => word.try_as_str().flatten(),
            ColumnarValue::Array(_) => None,
        };
        let Some(unit) = unit else {
            return exec_err!("the unit of date_trunc must be a text, the same for all rows");
        };
        let unit = Unit::of(unit)?;
        let DataType::Timestamp(TimeUnit::Microsecond, zone) = instants.data_type() else {
            return exec_err!("date_trunc of {}", instants.data_type());
        };
        let parsed = zone.as_deref().filter(|zone| *zone != "UTC").map(str::parse::<Tz>).transpose()?;
        let rows = if matches!(instants, ColumnarValue::Scalar(_)) { 1 } else { args.number_rows };
        let column = instants.to_array(rows)?;
        let column = column.as_primitive::<TimestampMicrosecondType>();
        let cut: TimestampMicrosecondArray =
            column.try_unary(|micros| truncated(micros, unit, parsed).ok_or_else(beyond))?;
        let cut: ArrayRef = Arc::new(cut.with_timezone_opt(zone));
        Ok(match instants {
            ColumnarValue::Scalar(_) => ColumnarValue::Scalar(ScalarValue::try_from_array(&cut, 0)?),
            ColumnarValue::Array(_) => ColumnarValue::Array(cut),
        })
    }

    fn output_ordering(&self, args: &[ExprProperties]) -> Result<SortProperties> {
        Ok(match args {
            [unit, instants] if unit.sort_properties == SortProperties::Singleton => instants.sort_properties,
            _ => SortProperties::Unordered,
        })
    }
}
