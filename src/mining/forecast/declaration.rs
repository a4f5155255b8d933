//! `[forecasts]`: how often a promise is kept.

use chrono::{Datelike, NaiveDate};
use schemars::JsonSchema;
use serde::Deserialize;

/// Of every value of the pipeline, and of every propensity with a window, what it promises is kept, and judged when its
/// horizon ends.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForecastSection {
    /// In which runs a promise is kept: in each, or in the first of a week or of a month.
    #[serde(default)]
    pub every: Rhythm,
}

/// How often a promise is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rhythm {
    /// In each run.
    Run,
    /// In the first run of a week, which begins on Monday.
    Week,
    /// In the first run of a month.
    #[default]
    Month,
}

impl Rhythm {
    /// Returns whether a promise is due on a day, the last one being of an earlier day.
    pub fn is_due(self, last: Option<NaiveDate>, today: NaiveDate) -> bool {
        let Some(last) = last else { return true };
        match self {
            Rhythm::Run => true,
            Rhythm::Week => last.iso_week() != today.iso_week(),
            Rhythm::Month => (last.year(), last.month()) != (today.year(), today.month()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_due_in_the_first_run_of_its_span() {
        let day = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
        assert!(Rhythm::Month.is_due(None, day(6, 30)));
        assert!(!Rhythm::Month.is_due(Some(day(6, 1)), day(6, 30)));
        assert!(Rhythm::Month.is_due(Some(day(6, 30)), day(7, 1)));
        // Sunday and Monday.
        assert!(!Rhythm::Week.is_due(Some(day(6, 29)), day(7, 5)));
        assert!(Rhythm::Week.is_due(Some(day(7, 5)), day(7, 6)));
        assert!(Rhythm::Run.is_due(Some(day(7, 5)), day(7, 5)));
    }
}
