//! When a source's rows are expected: the periods in which nothing came, and how many rows may arrive late.
//!
//! This is arithmetic over dates that others read, be it in the names of files or in a column.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate, TimeDelta, Weekday};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::clock::Instant;
use crate::config::{Problem, Severity};
use crate::duration;
use crate::error::Error;

/// `expect = "daily"`, or a table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected \"daily\", \"weekly\", \"monthly\", or a table such as { every = \"daily\", except = [\"sunday\"], severity = \"warn\" } (keys: every, by, from, grace, except, severity)"
)]
pub enum ExpectDeclaration {
    Every(Every),
    Table(ExpectTable),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectTable {
    /// How often something is delivered.
    pub every: Every,
    /// A date or timestamp column: the delivered periods are found from its values, not from file names.
    #[schemars(example = &"sold_at")]
    pub by: Option<String>,
    /// The first day that is expected; the first that came when not given.
    #[schemars(example = &"2026-01-01")]
    pub from: Option<String>,
    /// How long after its end a period may still be missing.
    #[schemars(example = &"6 hours", extend("default" = "0 hours"))]
    pub grace: Option<String>,
    /// Days on which nothing comes: weekdays, dates, and stretches of dates.
    #[serde(default)]
    #[schemars(example = ["sunday", "2026-12-25", "2026-08-01 to 2026-08-15"])]
    pub except: Vec<String>,
    /// What a missing delivery does.
    #[serde(default)]
    #[schemars(extend("default" = "error"))]
    pub severity: Severity,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    Daily,
    Weekly,
    Monthly,
}

/// `late = { max_share = 0.01 }`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { max_share = 0.01, severity = \"error\" }")]
pub struct LateDeclaration {
    /// The share of the rows of a night, 0 to 1, that may be dated before the last release.
    #[schemars(example = 0.01)]
    pub max_share: f64,
    /// What too many late rows do.
    #[serde(default = "warn")]
    pub severity: Severity,
}

fn warn() -> Severity {
    Severity::Warn
}

/// The periods in each of which something is expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    pub every: Every,
    pub severity: Severity,
    from: Option<NaiveDate>,
    grace: TimeDelta,
    weekdays: Vec<Weekday>,
    stretches: Vec<RangeInclusive<NaiveDate>>,
}

/// The periods in each of which rows are expected.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedRows {
    /// The column from whose values the delivered periods are found.
    pub by: String,
    pub expect: Expect,
}

/// How many rows may be dated before the last release.
#[derive(Debug, Clone, PartialEq)]
pub struct Late {
    pub max_share: f64,
    pub severity: Severity,
}

impl ExpectDeclaration {
    /// Returns the declared column from whose values the delivered periods are found.
    pub fn by(&self) -> Option<&String> {
        match self {
            ExpectDeclaration::Every(_) => None,
            ExpectDeclaration::Table(table) => table.by.as_ref(),
        }
    }

    /// Returns the expected periods, and adds what is wrong in them to `problems`.
    pub fn check(&self, problems: &mut Vec<Problem>) -> Expect {
        let mut expect = Expect {
            every: Every::Daily,
            severity: Severity::Error,
            from: None,
            grace: TimeDelta::zero(),
            weekdays: Vec::new(),
            stretches: Vec::new(),
        };
        let table = match self {
            ExpectDeclaration::Every(every) => return Expect { every: *every, ..expect },
            ExpectDeclaration::Table(table) => table,
        };
        expect.every = table.every;
        expect.severity = table.severity;
        if let Some(grace) = &table.grace {
            expect.grace = length(grace, &["expect", "grace"], problems).unwrap_or_default();
        }
        if let Some(text) = &table.from {
            expect.from = text
                .parse()
                .map_err(|_| {
                    problems.push(Problem::new(
                        ["expect", "from"],
                        Error::config(format!("`{text}` is not a day")).hint("write it as 2026-01-31"),
                    ));
                })
                .ok();
        }
        for text in &table.except {
            match (text.parse::<Weekday>(), stretch(text)) {
                (Ok(weekday), _) => expect.weekdays.push(weekday),
                (_, Some(stretch)) => expect.stretches.push(stretch),
                _ => problems.push(Problem::new(
                    ["expect", "except"],
                    Error::config(format!("`{text}` is neither a weekday nor a day nor a stretch of days"))
                        .hint("write for example \"sunday\", \"2026-12-25\" or \"2026-08-01 to 2026-08-15\""),
                )),
            }
        }
        if !table.except.is_empty() && table.every != Every::Daily {
            problems.push(Problem::new(
                ["expect", "except"],
                Error::config("`except` lists days, so it needs `every = \"daily\"`"),
            ));
        }
        expect
    }
}

impl LateDeclaration {
    /// Returns the declared share, and adds one that is none to `problems`.
    pub fn check(&self, problems: &mut Vec<Problem>) -> Late {
        if !(0.0..=1.0).contains(&self.max_share) {
            problems.push(Problem::new(
                ["late", "max_share"],
                Error::config(format!("max_share is {}, but it must be between 0 and 1", self.max_share))
                    .hint("for example 0.01 for 1%"),
            ));
        }
        Late { max_share: self.max_share, severity: self.severity }
    }
}

impl Expect {
    /// Returns the first days of the periods in which none of `dates` lies, among those that were over (and
    /// their grace too) at the instant.
    pub fn gaps(&self, dates: &BTreeSet<NaiveDate>, as_of: Instant, zone: Tz) -> Vec<NaiveDate> {
        let Some(first) = self.from.or_else(|| dates.first().copied()) else { return Vec::new() };
        let today = (as_of - self.grace).with_timezone(&zone).date_naive();
        let came: BTreeSet<NaiveDate> = dates.iter().map(|date| self.every.start(*date)).collect();
        let mut gaps = Vec::new();
        let mut period = self.every.start(first);
        while let Some(next) = self.every.next(period).filter(|next| *next <= today) {
            let excepted = self.weekdays.contains(&period.weekday())
                || self.stretches.iter().any(|stretch| stretch.contains(&period));
            if !came.contains(&period) && !excepted {
                gaps.push(period);
            }
            period = next;
        }
        gaps
    }

    /// Returns the gaps in words: `2026-01-31, 2026-02-03 to 2026-02-05 (4 days)`.
    pub fn show_gaps(&self, gaps: &[NaiveDate]) -> String {
        const SHOWN: usize = 10;
        let mut stretches: Vec<(NaiveDate, NaiveDate)> = Vec::new();
        for gap in gaps {
            match stretches.last_mut() {
                Some((_, end)) if self.every.next(*end) == Some(*gap) => *end = *gap,
                _ => stretches.push((*gap, *gap)),
            }
        }
        let show = |date: &NaiveDate| match self.every {
            Every::Daily => date.to_string(),
            Every::Weekly => format!("the week of {date}"),
            Every::Monthly => date.format("%Y-%m").to_string(),
        };
        let mut text = stretches
            .iter()
            .take(SHOWN)
            .map(
                |(begin, end)| {
                    if begin == end { show(begin) } else { format!("{} to {}", show(begin), show(end)) }
                },
            )
            .collect::<Vec<_>>()
            .join(", ");
        if stretches.len() > SHOWN {
            text.push_str(" and more");
        }
        if gaps.len() > 1 {
            let unit = match self.every {
                Every::Daily => "days",
                Every::Weekly => "weeks",
                Every::Monthly => "months",
            };
            text.push_str(&format!(" ({} {unit})", gaps.len()));
        }
        text
    }
}

impl Every {
    /// Returns the first day of the period of a day; weeks begin on Monday.
    pub fn start(self, day: NaiveDate) -> NaiveDate {
        match self {
            Every::Daily => day,
            Every::Weekly => day.week(Weekday::Mon).first_day(),
            Every::Monthly => day.with_day(1).unwrap_or(day),
        }
    }

    /// Returns the first day of the next period; none where the calendar ends.
    pub fn next(self, start: NaiveDate) -> Option<NaiveDate> {
        match self {
            Every::Daily => start.succ_opt(),
            Every::Weekly => start.checked_add_days(chrono::Days::new(7)),
            Every::Monthly => start.checked_add_months(chrono::Months::new(1)),
        }
    }
}

/// Returns the days of `2026-12-25` or `2026-08-01 to 2026-08-15`, as messages write them.
fn stretch(text: &str) -> Option<RangeInclusive<NaiveDate>> {
    let (first, last) = text.split_once(" to ").unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last).then_some(first..=last)
}

/// Returns a declared length of time, or adds to `problems` that it is none.
pub fn length(text: &str, key: &[&str], problems: &mut Vec<Problem>) -> Option<TimeDelta> {
    let length = duration::parse(text);
    if length.is_none() {
        problems.push(Problem::new(
            key.iter().copied(),
            Error::config(format!("`{text}` is not a length of time"))
                .hint("write for example \"2 days\", \"36 hours\" or \"1 week\""),
        ));
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_instant;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn expect(table: &str) -> Expect {
        #[derive(Deserialize)]
        struct Section {
            expect: ExpectDeclaration,
        }
        let section: Section = toml::from_str(&format!("expect = {table}")).unwrap();
        let mut problems = Vec::new();
        let expect = section.expect.check(&mut problems);
        assert!(problems.is_empty(), "{problems:?}");
        expect
    }

    fn gaps(table: &str, dates: &[&str], as_of: &str) -> String {
        let expect = expect(table);
        let dates = dates.iter().map(|d| day(d)).collect();
        let paris = chrono_tz::Europe::Paris;
        expect.show_gaps(&expect.gaps(&dates, parse_instant(as_of, paris).unwrap(), paris))
    }

    #[test]
    fn a_missing_night_is_named_by_its_date() {
        let came = ["2026-01-01", "2026-01-02", "2026-01-04", "2026-01-08"];
        assert_eq!(
            gaps("\"daily\"", &came, "2026-01-09 03:00"),
            "2026-01-03, 2026-01-05 to 2026-01-07 (4 days)"
        );
        assert_eq!(gaps("\"daily\"", &came[..2], "2026-01-03 03:00"), "");
        assert_eq!(gaps("\"daily\"", &came[..2], "2026-01-04 00:00"), "2026-01-03");
        assert_eq!(gaps("\"daily\"", &came[..2], "2026-01-03 23:59"), "", "the day is not over");
        assert_eq!(gaps("\"daily\"", &[], "2026-01-03"), "", "nothing ever came");
    }

    #[test]
    fn grace_closed_days_and_a_first_day_are_borne_in_mind() {
        let came = ["2026-01-02", "2026-01-03"];
        assert_eq!(gaps("{ every = \"daily\", grace = \"6 hours\" }", &came, "2026-01-05 03:00"), "");
        assert_eq!(
            gaps("{ every = \"daily\", grace = \"6 hours\" }", &came, "2026-01-05 06:00"),
            "2026-01-04"
        );
        // The 4th is a Sunday.
        assert_eq!(gaps("{ every = \"daily\", except = [\"sunday\"] }", &came, "2026-01-05 03:00"), "");
        assert_eq!(gaps("{ every = \"daily\", except = [\"2026-01-04\"] }", &came, "2026-01-05 03:00"), "");
        let holidays = "{ every = \"daily\", except = [\"2026-01-04 to 2026-01-06\"] }";
        assert_eq!(gaps(holidays, &came, "2026-01-08 03:00"), "2026-01-07");
        assert_eq!(
            gaps("{ every = \"daily\", from = \"2025-12-31\" }", &came, "2026-01-04 03:00"),
            "2025-12-31 to 2026-01-01 (2 days)"
        );
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_their_first() {
        let came = ["2026-01-02", "2026-01-20"];
        assert_eq!(
            gaps("\"weekly\"", &came, "2026-01-26 03:00"),
            "the week of 2026-01-05 to the week of 2026-01-12 (2 weeks)"
        );
        assert_eq!(gaps("\"monthly\"", &["2025-11-30", "2026-01-01"], "2026-01-31"), "2025-12");
        assert_eq!(
            gaps("\"monthly\"", &["2025-11-30", "2026-01-01"], "2026-03-01"),
            "2025-12, 2026-02 (2 months)"
        );
    }
}
