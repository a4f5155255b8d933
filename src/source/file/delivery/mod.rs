//! When a source's files are expected: the date in a file's name, and how old the newest file may be.
//!
//! This is arithmetic over names, dates and instants that others read.

pub mod edition_pattern;
pub mod file_version;
pub mod name_pattern;
pub mod same_content;

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::clock::Instant;
use crate::config::{Problem, Severity};
use crate::day::day_start;
use crate::error::Error;
use crate::source::contract::expectation::{Every, Expect, ExpectDeclaration, length};
use name_pattern::NamePattern;

/// The keys of a source about when its files are expected.
#[derive(Debug, Clone, Copy)]
pub struct DeliveryDeclaration<'d> {
    pub date_in_name: Option<&'d str>,
    /// Unless it is found from the values of a column.
    pub expect: Option<&'d ExpectDeclaration>,
    pub freshness: Option<&'d FreshnessDeclaration>,
}

/// `freshness = { max_age = "2 days" }`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { max_age = \"2 days\", severity = \"warn\" }")]
pub struct FreshnessDeclaration {
    /// How old the newest file may be.
    #[schemars(example = &"2 days")]
    pub max_age: String,
    /// What too old a file does.
    #[serde(default)]
    #[schemars(extend("default" = "error"))]
    pub severity: Severity,
}

/// What is expected of a source's deliveries, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub date_in_name: Option<NamePattern>,
    /// The periods of which a file is expected, by the dates in their names.
    pub expect: Option<Expect>,
    pub freshness: Option<Freshness>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Freshness {
    pub max_age: TimeDelta,
    pub severity: Severity,
}

impl DeliveryDeclaration<'_> {
    pub fn check(&self, problems: &mut Vec<Problem>) -> Delivery {
        let date_in_name = self.date_in_name.and_then(|pattern| {
            NamePattern::parse(pattern)
                .map_err(|why| {
                    problems.push(Problem::new(
                        ["date_in_name"],
                        Error::config(format!("the pattern `{pattern}` {why}"))
                            .hint("for example %Y-%m-%d, %Y%m%d or %Y/%m/%d; for months %Y-%m"),
                    ));
                })
                .ok()
        });
        let expect = self.expect.map(|declared| declared.check(problems));
        if let Some(expect) = &expect {
            let wrong = match (&date_in_name, self.date_in_name) {
                (None, None) => Some("`expect` needs the date of each file"),
                (Some(pattern), _) if !pattern.has_day() && expect.every != Every::Monthly => {
                    Some("`date_in_name` gives only months, but days or weeks are expected")
                }
                _ => None,
            };
            if let Some(wrong) = wrong {
                problems.push(Problem::new(
                    ["expect"],
                    Error::config(wrong).hint(
                        "add date_in_name = \"%Y-%m-%d\", or use the dates in a column: expect = { every \
                         = \"daily\", by = \"…\" }",
                    ),
                ));
            }
        }
        let freshness = self.freshness.and_then(|declared| {
            let max_age = length(&declared.max_age, &["freshness", "max_age"], problems)?;
            Some(Freshness { max_age, severity: declared.severity })
        });
        Delivery { date_in_name, expect, freshness }
    }
}

impl Delivery {
    /// Returns the date in a file's name.
    pub fn date_of(&self, file: &str) -> Option<NaiveDate> {
        self.date_in_name.as_ref()?.find(file)
    }

    /// Returns the end of the period that a file covers: the end of the day (or month) in its name, else
    /// when it was written. Days are those of the zone.
    pub fn instant_of(&self, file: &str, modified: Instant, zone: Tz) -> Instant {
        let Some(pattern) = &self.date_in_name else { return modified };
        let period = if pattern.has_day() { Every::Daily } else { Every::Monthly };
        pattern
            .find(file)
            .and_then(|date| period.next(period.start(date)))
            .map(|end| day_start(end, zone))
            .unwrap_or(modified)
    }
}
