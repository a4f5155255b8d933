//! `[metrics.<name>]`: what is summed, over which rows, by what.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::definition::{Metric, Periods};
use super::period::Period;
use super::tables::ALL;
use crate::config::Problem;
use crate::error::Error;
use crate::name::{TableName, is_identifier};

/// A figure that is computed every night: a sum over the rows of a table, or the quotient of two.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricSection {
    /// What it says, in a sentence.
    #[schemars(example = &"Sales of the month, returns taken off")]
    pub description: String,
    /// What its value is counted in.
    #[schemars(example = &"€")]
    pub unit: Option<String>,
    /// The table whose rows are counted; it has a key.
    #[schemars(example = &"core.orders")]
    pub table: TableName,
    /// SQL expression over a row: what is summed. Whole numbers, decimals, or a condition, which counts as 1 where it
    /// holds.
    #[schemars(example = &"net_amount")]
    pub numerator: String,
    /// SQL expression over a row: by whose sum the sum of the numerator is divided. Without it the metric is the sum.
    #[schemars(example = &"1")]
    pub denominator: Option<String>,
    /// SQL condition over a row: which rows are counted.
    #[serde(rename = "where")]
    #[schemars(example = &"not is_return")]
    pub condition: Option<String>,
    /// The column, an instant or a day, that says when what a row tells happened.
    #[schemars(example = &"ordered_at")]
    pub time: Option<String>,
    /// The periods of `time` for which the metric is computed; without it the metric is of the state of the table on
    /// each night.
    pub period: Option<Period>,
    /// How many periods are computed each night, the present one among them: 13 when not given.
    #[schemars(example = 25)]
    pub periods: Option<u32>,
    /// Columns by whose values the metric is split, each on its own.
    #[serde(default)]
    #[schemars(example = ["channel"])]
    pub dimensions: Vec<String>,
}

/// Most periods of a night.
const MOST_PERIODS: u32 = 1000;

impl MetricSection {
    /// Returns the metric. Does no I/O; its SQL is read by who knows the tables.
    ///
    /// # Errors
    /// All that is wrong with the section: a period without a time, dimensions that are no columns.
    pub fn check(&self, name: &str) -> Result<Metric, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |key: &'static str, message: String, hint: &str| {
            problems.push(Problem::new([key], Error::config(message).hint(hint)));
        };
        if self.description.trim().is_empty() {
            wrong(
                "description",
                "the metric has no description".to_owned(),
                "say in a sentence what it tells",
            );
        }
        if let Some(time) = self.time.as_deref().filter(|time| !is_identifier(time)) {
            wrong("time", format!("`{time}` is not a column"), "name a column of the table");
        }
        match (self.period, &self.time, self.periods) {
            (Some(period), None, _) => wrong(
                "period",
                format!("the metric is by {period}, but no column says when a row happened"),
                "add time = \"…\", an instant or a day",
            ),
            (None, _, Some(_)) => wrong(
                "periods",
                "the metric has no period".to_owned(),
                "add period = \"month\", or take `periods` out",
            ),
            (Some(_), Some(_), Some(periods)) if !(1..=MOST_PERIODS).contains(&periods) => wrong(
                "periods",
                format!("`periods` is {periods}, 1 to {MOST_PERIODS} were expected"),
                "13 months show a month beside that of a year ago",
            ),
            _ => {}
        }
        let mut seen = BTreeSet::new();
        for dimension in &self.dimensions {
            if !is_identifier(dimension) || dimension == ALL {
                wrong(
                    "dimensions",
                    format!("`{dimension}` is not a dimension"),
                    "name a column of the table, in lower-case letters, digits and underscores",
                );
            } else if !seen.insert(dimension) {
                wrong("dimensions", format!("`{dimension}` is listed twice"), "keep one of them");
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let periods = |period| Periods { period, count: self.periods.unwrap_or(13) };
        Ok(Metric {
            name: name.to_owned(),
            description: self.description.trim().to_owned(),
            unit: self.unit.clone(),
            table: self.table.clone(),
            numerator: self.numerator.clone(),
            denominator: self.denominator.clone(),
            condition: self.condition.clone(),
            time: self.time.clone(),
            periods: self.period.map(periods),
            dimensions: self.dimensions.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(more: &str) -> Result<Metric, String> {
        let section =
            format!("description = \"d\"\ntable = \"core.orders\"\nnumerator = \"net_amount\"\n{more}");
        let section: MetricSection = toml::from_str(&section).map_err(|e| e.message().to_owned())?;
        section.check("sales").map_err(|problems| {
            problems
                .iter()
                .map(|p| format!("{}: {}", p.key.join("."), p.error))
                .collect::<Vec<_>>()
                .join("\n")
        })
    }

    #[test]
    fn a_metric_is_a_sum_over_a_table() {
        let metric = checked("").unwrap();
        assert_eq!((metric.name.as_str(), metric.periods), ("sales", None));
        let monthly = checked("time = \"ordered_at\"\nperiod = \"month\"").unwrap();
        assert_eq!(monthly.periods, Some(Periods { period: Period::Month, count: 13 }));
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (more, said) in [
            ("period = \"month\"", "period: the metric is by month, but no column says when"),
            ("periods = 3", "periods: the metric has no period"),
            ("time = \"ordered_at\"\nperiod = \"month\"\nperiods = 0", "periods: `periods` is 0"),
            ("dimensions = [\"a\", \"a\"]", "dimensions: `a` is listed twice"),
            ("dimensions = [\"lower(x)\"]", "dimensions: `lower(x)` is not a dimension"),
            ("time = \"a b\"", "time: `a b` is not a column"),
            ("period = \"fortnight\"", "unknown variant"),
            ("numerators = \"1\"", "unknown field"),
        ] {
            let error = checked(more).unwrap_err();
            assert!(error.contains(said), "{more}: {error}");
        }
    }
}
