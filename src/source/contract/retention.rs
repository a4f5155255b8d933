//! How long a source's rows are kept: `keep = { for = "3 years", by = "sold_at" }`.
//!
//! Lengths are those of the calendar, counted back from the run's instant in the source's time zone:
//! three years before the 29th of February are the 28th.

use chrono::NaiveDate;
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::clock::Instant;
use crate::config::Problem;
use crate::day::local_instant;
use crate::error::Error;
use crate::span::Span;

/// `keep = "3 years"`, or a table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a length of time such as \"3 years\", or a table such as { for = \"3 years\", by = \"sold_at\" } (keys: for, by)"
)]
pub enum KeepDeclaration {
    For(String),
    Table(KeepTable),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeepTable {
    /// How long: years, months, weeks or days.
    #[serde(rename = "for")]
    #[schemars(example = &"3 years")]
    pub span: String,
    /// A date or timestamp column; the `time` of the source when not given.
    #[schemars(example = &"sold_at")]
    pub by: Option<String>,
}

/// The policy, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionRule {
    pub span: Span,
    /// The column with the age of a row; the raw table's `time` when not declared.
    pub by: Option<String>,
    zone: Tz,
}

/// From when on rows are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub struct RetentionCutoff {
    pub instant: Instant,
    /// The local day of the instant, which is kept whole: a date does not say when on it.
    pub day: NaiveDate,
}

impl KeepDeclaration {
    pub fn check(&self, zone: Tz, problems: &mut Vec<Problem>) -> Option<RetentionRule> {
        let (text, key) = match self {
            KeepDeclaration::For(text) => (text, vec!["keep"]),
            KeepDeclaration::Table(table) => (&table.span, vec!["keep", "for"]),
        };
        let Some(span) = Span::parse(text) else {
            problems.push(Problem::new(
                key,
                Error::config(format!("`{text}` is not a length of time"))
                    .hint("write for example \"400 days\", \"25 months\" or \"3 years\""),
            ));
            return None;
        };
        Some(RetentionRule { span, by: self.by().cloned(), zone })
    }

    pub fn by(&self) -> Option<&String> {
        match self {
            KeepDeclaration::For(_) => None,
            KeepDeclaration::Table(table) => table.by.as_ref(),
        }
    }
}

impl RetentionRule {
    /// Returns the instant that is one span before. `None` where the calendar does not reach so far back:
    /// then everything is kept.
    pub fn since(&self, as_of: Instant) -> Option<RetentionCutoff> {
        let local = self.span.before(as_of, self.zone)?;
        Some(RetentionCutoff { instant: local_instant(local, self.zone)?, day: local.date() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{parse_instant, show_instant};

    fn since(span: &str, as_of: &str) -> (String, String) {
        let zone = chrono_tz::Europe::Paris;
        let keep = KeepDeclaration::For(span.to_owned()).check(zone, &mut Vec::new()).unwrap();
        let since = keep.since(parse_instant(as_of, zone).unwrap()).unwrap();
        (show_instant(since.instant), since.day.to_string())
    }

    #[test]
    fn rows_are_kept_from_one_span_before_the_night_by_the_local_calendar() {
        let message = |instant: &str, day: &str| (instant.to_owned(), day.to_owned());
        assert_eq!(since("3 years", "2026-07-01"), message("2023-06-30T22:00:00Z", "2023-07-01"));
        assert_eq!(since("1 year", "2024-02-29"), message("2023-02-27T23:00:00Z", "2023-02-28"));
        assert_eq!(since("1 month", "2026-03-31 03:00"), message("2026-02-28T02:00:00Z", "2026-02-28"));
        // Across the change of the clocks: the same local time.
        assert_eq!(since("2 weeks", "2026-04-07 03:00"), message("2026-03-24T02:00:00Z", "2026-03-24"));
        assert_eq!(since("400 days", "2026-07-01"), message("2025-05-26T22:00:00Z", "2025-05-27"));
    }
}
