//! SQL functions between instants and local days, in the pipeline's time zone: `local_day(instant)`,
//! `day_start(date)`, `day_end(date)`.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, NaiveDate};
use chrono_tz::Tz;
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::clock::Instant;
use crate::day;

/// Returns the functions, for days of this zone.
pub(super) fn functions(zone: Tz) -> impl Iterator<Item = ScalarUDF> {
    [Conversion::LocalDay, Conversion::DayStart, Conversion::DayEnd]
        .into_iter()
        .map(move |conversion| ScalarUDF::from(LocalDays { conversion, zone, signature: signature() }))
}

/// Returns `local_day`, for days of this zone.
pub(super) fn local_day(zone: Tz) -> ScalarUDF {
    ScalarUDF::from(LocalDays { conversion: Conversion::LocalDay, zone, signature: signature() })
}

/// Returns `day_start`, for days of this zone.
pub(super) fn day_start(zone: Tz) -> ScalarUDF {
    ScalarUDF::from(LocalDays { conversion: Conversion::DayStart, zone, signature: signature() })
}

fn signature() -> Signature {
    Signature::user_defined(Volatility::Immutable)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Conversion {
    LocalDay,
    DayStart,
    DayEnd,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct LocalDays {
    conversion: Conversion,
    zone: Tz,
    signature: Signature,
}

fn instant_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
}

impl ScalarUDFImpl for LocalDays {
    fn name(&self) -> &str {
        match self.conversion {
            Conversion::LocalDay => "local_day",
            Conversion::DayStart => "day_start",
            Conversion::DayEnd => "day_end",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(match self.conversion {
            Conversion::LocalDay => DataType::Date32,
            Conversion::DayStart | Conversion::DayEnd => instant_type(),
        })
    }

    /// Checks the type of the argument: neither an instant nor a day is silently converted to the other.
    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let name = self.name();
        let [argument] = arguments else {
            return plan_err!("{name} takes one argument, found {}", arguments.len());
        };
        match (self.conversion, argument) {
            (Conversion::LocalDay, DataType::Timestamp(_, _) | DataType::Null) => Ok(vec![instant_type()]),
            (Conversion::LocalDay, DataType::Date32 | DataType::Date64) => {
                plan_err!("local_day takes a timestamp, found a date, which is already a local day")
            }
            (Conversion::LocalDay, other) => plan_err!("local_day takes a timestamp, found {other}"),
            (
                _,
                DataType::Date32
                | DataType::Date64
                | DataType::Null
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View,
            ) => Ok(vec![DataType::Date32]),
            (_, DataType::Timestamp(_, _)) => {
                plan_err!("{name} takes a date, found a timestamp: write {name}(local_day(…))")
            }
            (_, other) => plan_err!("{name} takes a date, found {other}"),
        }
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = matches!(arguments.args[0], ColumnarValue::Scalar(_));
        let rows = if scalar { 1 } else { arguments.number_rows };
        let column = arguments.args[0].to_array(rows)?;
        let converted: ArrayRef = match self.conversion {
            Conversion::LocalDay => {
                let days = column.as_primitive::<TimestampMicrosecondType>().iter();
                let days = days.map(|micros| micros.map(|m| self.local_day(m)).transpose());
                Arc::new(days.collect::<Result<Date32Array>>()?)
            }
            Conversion::DayStart => self.instants(&column, day::day_start)?,
            Conversion::DayEnd => self.instants(&column, day::day_end)?,
        };
        if scalar {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(
                &converted, 0,
            )?));
        }
        Ok(ColumnarValue::Array(converted))
    }
}

impl LocalDays {
    fn local_day(&self, micros: i64) -> Result<i32> {
        let Some(instant) = DateTime::from_timestamp_micros(micros) else {
            return exec_err!("local_day: a timestamp that does not exist");
        };
        Ok(Date32Type::from_naive_date(day::local_day(instant, self.zone)))
    }

    fn instants(&self, days: &ArrayRef, instant: fn(NaiveDate, Tz) -> Instant) -> Result<ArrayRef> {
        // Neighbouring rows often are of one day.
        let mut last: Option<(i32, i64)> = None;
        let instants = days.as_primitive::<Date32Type>().iter().map(|days| {
            let Some(days) = days else { return Ok(None) };
            if let Some((_, micros)) = last.filter(|(known, _)| *known == days) {
                return Ok(Some(micros));
            }
            let Some(date) = Date32Type::to_naive_date_opt(days) else {
                return exec_err!("{}: a day that does not exist", self.name());
            };
            let micros = instant(date, self.zone).timestamp_micros();
            last = Some((days, micros));
            Ok(Some(micros))
        });
        Ok(Arc::new(instants.collect::<Result<TimestampMicrosecondArray>>()?.with_timezone("UTC")))
    }
}
