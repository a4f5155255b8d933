//! `[objectives.<name>]`: what a metric is to come to, and by when.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::read_value;
use crate::config::Problem;
use crate::error::Error;

/// What a metric is to come to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObjectiveSection {
    /// What is to be reached, in a sentence.
    #[schemars(example = &"Never lose customers faster than we win them")]
    pub description: String,
    /// The metric.
    #[schemars(example = &"customer_balance")]
    pub metric: String,
    /// A dimension of the metric, where only one of its values is meant.
    #[schemars(example = &"channel")]
    pub dimension: Option<String>,
    /// The value of the dimension.
    #[schemars(example = &"web")]
    pub value: Option<String>,
    /// The value of the metric that is aimed at, with up to six decimals.
    #[schemars(example = 0.25)]
    pub target: f64,
    /// Whether the metric is to be at least or at most the target.
    pub direction: Direction,
    /// The last day of the last period that counts; without it every period is to keep the target.
    #[schemars(example = &"2026-12-31")]
    pub by: Option<String>,
}

/// On which side of the target a metric is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    AtLeast,
    AtMost,
}

/// What a metric is to come to, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objective {
    pub name: String,
    pub description: String,
    pub metric: String,
    /// A dimension and its value.
    pub of: Option<(String, String)>,
    /// As a whole number of its sixth decimal.
    pub target: i128,
    pub direction: Direction,
    pub by: Option<NaiveDate>,
}

impl Direction {
    /// Returns the word for it in tables.
    pub(super) fn word(self) -> &'static str {
        match self {
            Direction::AtLeast => "at_least",
            Direction::AtMost => "at_most",
        }
    }

    /// Returns by how much a value is better than another; negative where it is worse.
    pub(super) fn better(self, value: i128, than: i128) -> i128 {
        match self {
            Direction::AtLeast => value - than,
            Direction::AtMost => than - value,
        }
    }
}

impl ObjectiveSection {
    /// Returns the objective. Does no I/O.
    ///
    /// # Errors
    /// All that is wrong with the section: a target of more than six decimals, a day that is none, a dimension without
    /// its value.
    pub fn check(&self, name: &str) -> Result<Objective, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |key: &'static str, message: String, hint: &str| {
            problems.push(Problem::new([key], Error::config(message).hint(hint)));
        };
        let of = match (&self.dimension, &self.value) {
            (Some(dimension), Some(value)) => Some((dimension.clone(), value.clone())),
            (None, None) => None,
            (Some(dimension), None) => {
                wrong(
                    "dimension",
                    format!("which value of `{dimension}` is meant is not said"),
                    "add value = \"…\"",
                );
                None
            }
            (None, Some(value)) => {
                wrong("value", format!("\"{value}\" is the value of no dimension"), "add dimension = \"…\"");
                None
            }
        };
        // The shortest text of a float is what was written, up to fifteen digits.
        let target = read_value(&self.target.to_string());
        if target.is_none() {
            let found = format!("the target {} is no number of up to six decimals", self.target);
            wrong("target", found, "write it as 0.25 or 12000");
        }
        let by = self.by.as_deref().and_then(|text| {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
            if day.is_none() {
                wrong("by", format!("`{text}` is not a day"), "write it as 2026-12-31");
            }
            day
        });
        match target {
            Some(target) if problems.is_empty() => Ok(Objective {
                name: name.to_owned(),
                description: self.description.trim().to_owned(),
                metric: self.metric.clone(),
                of,
                target,
                direction: self.direction,
                by,
            }),
            _ => Err(problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(more: &str) -> Result<Objective, String> {
        let text = format!("description = \"d\"\nmetric = \"sales\"\ndirection = \"at_most\"\n{more}");
        let section: ObjectiveSection = toml::from_str(&text).map_err(|e| e.message().to_owned())?;
        section.check("cheap").map_err(|problems| {
            problems
                .iter()
                .map(|p| format!("{}: {}", p.key.join("."), p.error))
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    #[test]
    fn a_target_is_what_was_written() {
        assert_eq!(checked("target = 0.07").unwrap().target, 70_000);
        assert_eq!(checked("target = -3").unwrap().target, -3_000_000);
        let by = checked("target = 1\nby = \"2026-12-31\"").unwrap().by;
        assert_eq!(by, NaiveDate::from_ymd_opt(2026, 12, 31));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (more, said) in [
            ("target = 0.0000001", "target: the target 0.0000001 is no number"),
            ("target = nan", "target: the target NaN"),
            ("target = 1\nby = \"2026-02-30\"", "by: `2026-02-30` is not a day"),
            ("target = 1\ndimension = \"channel\"", "dimension: which value of `channel`"),
            ("target = 1\nvalue = \"web\"", "value: \"web\" is the value of no dimension"),
        ] {
            let error = checked(more).unwrap_err();
            assert!(error.contains(said), "{more}: {error}");
        }
    }

    #[test]
    fn better_is_more_or_less() {
        assert_eq!(Direction::AtLeast.better(5, 3), 2);
        assert_eq!(Direction::AtMost.better(5, 3), -2);
    }
}
