//! Periods of a calendar: which one a day is in, when it begins, which is the one before.

use std::fmt;

use chrono::{Datelike, Days, Months, NaiveDate};
use schemars::JsonSchema;
use serde::Deserialize;

/// Days of a mean month of the Gregorian calendar: 146,097 days in 4,800 months.
pub(super) const MONTH_DAYS: f64 = 146_097.0 / 4_800.0;

/// A kind of period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Day,
    /// From Monday on.
    Week,
    Month,
    Quarter,
    Year,
}

impl Period {
    /// Returns the word for it, which `date_trunc` takes too.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Period::Day => "day",
            Period::Week => "week",
            Period::Month => "month",
            Period::Quarter => "quarter",
            Period::Year => "year",
        }
    }

    /// Returns the kind that a word names.
    pub(super) fn of_word(word: &str) -> Option<Period> {
        Period::ALL.into_iter().find(|period| period.word() == word)
    }

    const ALL: [Period; 5] = [Period::Day, Period::Week, Period::Month, Period::Quarter, Period::Year];

    /// Returns the first day of the period that a day is in.
    pub(super) fn start(self, day: NaiveDate) -> NaiveDate {
        let start = match self {
            Period::Day => Some(day),
            Period::Week => day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday()))),
            Period::Month => day.with_day(1),
            Period::Quarter => NaiveDate::from_ymd_opt(day.year(), day.month0() / 3 * 3 + 1, 1),
            Period::Year => NaiveDate::from_ymd_opt(day.year(), 1, 1),
        };
        start.unwrap_or(day)
    }

    /// Returns the first day of the period so many periods before the one that begins on `start`.
    pub(super) fn before(self, start: NaiveDate, periods: u32) -> NaiveDate {
        let earlier = match self.months() {
            Some(months) => start.checked_sub_months(Months::new(months.saturating_mul(periods))),
            None => start.checked_sub_days(Days::new(self.days() * u64::from(periods))),
        };
        earlier.unwrap_or(NaiveDate::MIN)
    }

    /// Returns the first day of the period after the one that begins on `start`.
    pub(super) fn next(self, start: NaiveDate) -> NaiveDate {
        let later = match self.months() {
            Some(months) => start.checked_add_months(Months::new(months)),
            None => start.checked_add_days(Days::new(self.days())),
        };
        later.unwrap_or(NaiveDate::MAX)
    }

    /// Returns the period that begins on `start` as it is written: 2026-05, 2026-Q2, 2026.
    pub(super) fn show(self, start: NaiveDate) -> String {
        match self {
            Period::Day | Period::Week => start.to_string(),
            Period::Month => start.format("%Y-%m").to_string(),
            Period::Quarter => format!("{}-Q{}", start.year(), start.month0() / 3 + 1),
            Period::Year => start.year().to_string(),
        }
    }

    /// Reads a period as [`Period::show`] writes it, or any of its days.
    pub(super) fn read(self, text: &str) -> Option<NaiveDate> {
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let named = match self {
            Period::Day | Period::Week => None,
            Period::Month => day(&format!("{text}-01")),
            Period::Quarter => text.split_once("-Q").and_then(|(year, quarter)| {
                let quarter = quarter.parse::<u32>().ok().filter(|quarter| (1..=4).contains(quarter))?;
                NaiveDate::from_ymd_opt(year.parse().ok()?, quarter * 3 - 2, 1)
            }),
            Period::Year => day(&format!("{text}-01-01")),
        };
        named.or_else(|| day(text)).map(|day| self.start(day))
    }

    fn months(self) -> Option<u32> {
        match self {
            Period::Day | Period::Week => None,
            Period::Month => Some(1),
            Period::Quarter => Some(3),
            Period::Year => Some(12),
        }
    }

    fn days(self) -> u64 {
        if self == Period::Week { 7 } else { 1 }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Returns how many mean months lie between two days.
pub(super) fn months_between(from: NaiveDate, to: NaiveDate) -> f64 {
    (to - from).num_days() as f64 / MONTH_DAYS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_day_is_in_one_period_of_each_kind() {
        let of = |period: Period| period.start(day("2026-05-20"));
        assert_eq!(of(Period::Day), day("2026-05-20"));
        assert_eq!(of(Period::Week), day("2026-05-18"));
        assert_eq!(of(Period::Month), day("2026-05-01"));
        assert_eq!(of(Period::Quarter), day("2026-04-01"));
        assert_eq!(of(Period::Year), day("2026-01-01"));
    }

    #[test]
    fn periods_follow_one_another() {
        for period in Period::ALL {
            let start = period.start(day("2024-02-29"));
            assert_eq!(period.before(period.next(start), 1), start, "{period}");
            assert_eq!(period.before(start, 0), start);
            assert_eq!(Period::of_word(period.word()), Some(period));
        }
        assert_eq!(Period::Month.before(day("2026-03-01"), 13), day("2025-02-01"));
    }

    #[test]
    fn a_period_is_read_as_it_is_shown_or_by_one_of_its_days() {
        for (period, shown) in [
            (Period::Month, "2026-05"),
            (Period::Quarter, "2026-Q2"),
            (Period::Year, "2026"),
            (Period::Day, "2026-05-20"),
        ] {
            let start = period.read(shown).unwrap();
            assert_eq!(period.show(start), shown);
            assert_eq!(period.read("2026-05-20"), Some(start));
        }
        for wrong in ["2026-13", "may", "2026-Q5", ""] {
            assert_eq!(Period::Month.read(wrong), None, "{wrong}");
            assert_eq!(Period::Quarter.read(wrong), None, "{wrong}");
        }
    }
}
