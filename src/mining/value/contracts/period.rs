//! The period of a contract: at the end of each it is renewed, or it ends.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array};
use arrow::datatypes::{DataType, Date32Type};
use chrono::{Datelike, Days, Months, NaiveDate};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use schemars::JsonSchema;
use serde::Deserialize;

/// How long a contract runs until it is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Month,
    Quarter,
    Year,
}

const DAYS_A_MONTH: f64 = 365.25 / 12.0;

/// The function of SQL that counts the periods from one day to another.
pub(super) const PERIODS_BETWEEN: &str = "periods_between";

impl Period {
    fn months(self) -> u32 {
        match self {
            Period::Month => 1,
            Period::Quarter => 3,
            Period::Year => 12,
        }
    }

    /// Returns its mean length in days.
    pub(super) fn days(self) -> f64 {
        f64::from(self.months()) * DAYS_A_MONTH
    }

    /// Returns its name in the pipeline file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
        }
    }

    /// Returns how many periods that began on one day are over when another begins; below 0 where that is earlier.
    pub(super) fn between(self, start: NaiveDate, day: NaiveDate) -> i64 {
        let months = i64::from(day.year() - start.year()) * 12 + i64::from(day.month())
            - i64::from(start.month())
            - i64::from(day.day() < start.day());
        months.div_euclid(i64::from(self.months()))
    }

    /// Returns the first day on which so many periods are over: what began on the 31st is renewed on the 1st after a
    /// shorter month. `None` beyond the calendar.
    pub(super) fn renewal(self, start: NaiveDate, count: u32) -> Option<NaiveDate> {
        let same_day = start.checked_add_months(Months::new(count.checked_mul(self.months())?))?;
        if same_day.day() < start.day() { same_day.checked_add_days(Days::new(1)) } else { Some(same_day) }
    }

    /// Returns [`Period::between`] as a function of SQL.
    pub(super) fn function(self) -> ScalarUDF {
        create_udf(
            PERIODS_BETWEEN,
            vec![DataType::Date32, DataType::Date32],
            DataType::Int64,
            Volatility::Immutable,
            Arc::new(move |arguments| {
                let arrays = ColumnarValue::values_to_arrays(arguments)?;
                let [starts, days] = [0, 1].map(|n| arrays[n].as_primitive::<Date32Type>());
                let counts = (0..starts.len()).map(|row| {
                    let both = starts.is_valid(row) && days.is_valid(row);
                    let (start, day) = (starts.value_as_date(row), days.value_as_date(row));
                    start.zip(day).filter(|_| both).map(|(start, day)| self.between(start, day))
                });
                Ok(ColumnarValue::Array(Arc::new(counts.collect::<Int64Array>())))
            }),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_period_is_over_on_the_day_on_which_the_next_begins() {
        let start = day("2026-01-15");
        let months = |text| Period::Month.between(start, day(text));
        assert_eq!((months("2026-02-14"), months("2026-02-15"), months("2027-01-15")), (0, 1, 12));
        assert_eq!(months("2026-01-14"), -1);
        assert_eq!(Period::Quarter.between(start, day("2026-07-14")), 1);
        assert_eq!(Period::Year.between(start, day("2029-02-01")), 3);
    }

    #[test]
    fn renewals_and_periods_agree_on_every_day_of_the_calendar() {
        let mut start = day("2023-12-25");
        while start < day("2025-03-05") {
            for period in [Period::Month, Period::Quarter, Period::Year] {
                for count in 0..15 {
                    let renewal = period.renewal(start, count).unwrap();
                    let before = renewal.pred_opt().unwrap();
                    assert_eq!(
                        period.between(start, renewal),
                        i64::from(count),
                        "{start} {period:?} {count}"
                    );
                    assert!(period.between(start, before) < i64::from(count), "{start} {period:?} {count}");
                }
            }
            start = start.succ_opt().unwrap();
        }
    }
}
