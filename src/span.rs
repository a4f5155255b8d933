//! Lengths of time by the calendar: three years before the 29th of February are the 28th.

use std::fmt;

use chrono::{Days, Months, NaiveDateTime};
use chrono_tz::Tz;

use crate::clock::Instant;

/// A number of days, weeks, months or years.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    number: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Day,
    Week,
    Month,
    Year,
}

impl Span {
    /// `400 days`, `25 months`, `3 years`; at least one of something.
    pub fn parse(text: &str) -> Option<Span> {
        let (number, unit) = text.trim().split_once(' ')?;
        let number = number.parse().ok().filter(|n| (1..=100_000).contains(n))?;
        let unit = match unit.trim() {
            "day" | "days" => Unit::Day,
            "week" | "weeks" => Unit::Week,
            "month" | "months" => Unit::Month,
            "year" | "years" => Unit::Year,
            _ => return None,
        };
        Some(Span { number, unit })
    }

    /// Returns the local time that is one span before an instant; `None` where the calendar does not reach
    /// so far back.
    pub fn before(self, instant: Instant, zone: Tz) -> Option<NaiveDateTime> {
        let local = instant.with_timezone(&zone).naive_local();
        match self.unit {
            Unit::Day => local.checked_sub_days(Days::new(self.number.into())),
            Unit::Week => local.checked_sub_days(Days::new(u64::from(self.number) * 7)),
            Unit::Month => local.checked_sub_months(Months::new(self.number)),
            Unit::Year => local.checked_sub_months(Months::new(self.number.checked_mul(12)?)),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
            Unit::Year => "year",
        };
        write!(f, "{} {unit}{}", self.number, if self.number == 1 { "" } else { "s" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_a_number_and_a_unit() {
        assert_eq!(Span::parse("25 months").unwrap().to_string(), "25 months");
        assert_eq!(Span::parse(" 1 years").unwrap().to_string(), "1 year");
        for wrong in ["", "3", "three years", "0 days", "-1 days", "3 hours", "1.5 years", "9999999 years"] {
            assert_eq!(Span::parse(wrong), None, "{wrong}");
        }
    }
}
