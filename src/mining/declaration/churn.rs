//! `[churn]`: what leaving means, whom to learn it from, and at which past instants.

use chrono::Duration;
use datafusion::sql::parser::DFParser;
use serde::Deserialize;

use super::bounds::{at_least, check_winsorise, winsorise};
use super::feature_column::{FeatureColumn, check_columns};
use crate::config::Problem;
use crate::error::Error;
use crate::name::TableName;

/// `[churn]`, as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChurnSection {
    /// The table of features, one row per customer, evaluated as of each cut-off.
    pub features: TableName,
    pub columns: Vec<FeatureColumn>,
    pub outcome: OutcomeSection,
    /// SQL condition over the features: whose leaving is learnt from.
    pub eligible: Option<String>,
    /// SQL condition over the features: who gets a score; without it those that are eligible.
    pub scored: Option<String>,
    pub cutoffs: CutoffsSection,
    /// Strength of the L2 penalty; scikit-learn's `1 / C`.
    #[serde(default = "alpha")]
    pub alpha: f64,
    #[serde(default = "winsorise")]
    pub winsorise: f64,
    /// How many rows are learnt from, over all cut-offs.
    #[serde(default = "sample")]
    pub sample: usize,
    /// With fewer rows the model is not fitted.
    #[serde(default = "min_rows")]
    pub min_rows: usize,
    /// With fewer churners, or fewer who stayed, the model is not fitted.
    #[serde(default = "min_positives")]
    pub min_positives: usize,
}

/// What it means to leave: no event in the window after the cut-off.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutcomeSection {
    pub events: TableName,
    pub window_days: i64,
    /// SQL condition over the events: which of them count as staying.
    #[serde(rename = "where")]
    pub condition: Option<String>,
}

/// The past instants to learn from, the latest being the hold-out.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected { count = 5, every_days = 30 } or a list of days")]
pub enum CutoffsSection {
    Days(Vec<String>),
    Rhythm(Rhythm),
}

/// `count` cut-offs, each `every_days` before the next, the latest one window before the as-of instant.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rhythm {
    pub count: usize,
    pub every_days: i64,
}

/// `[churn]`, checked.
#[derive(Debug, Clone)]
pub struct ChurnParams {
    pub features: TableName,
    pub columns: Vec<FeatureColumn>,
    pub window: Duration,
    pub eligible: Option<String>,
    pub scored: Option<String>,
    pub alpha: f64,
    pub winsorise: f64,
    pub sample: usize,
    pub min_rows: usize,
    pub min_positives: usize,
}

impl ChurnParams {
    /// Who gets a score, as a SQL condition over the features; `None` is everybody.
    pub fn scored_when(&self) -> Option<&str> {
        self.scored.as_deref().or(self.eligible.as_deref())
    }
}

impl ChurnSection {
    /// All that is wrong with the section, or what the churn model works with. Does no I/O.
    pub fn check(&self) -> Result<ChurnParams, Vec<Problem>> {
        let mut problems = Vec::new();
        check_columns(&self.columns, &mut problems);
        check_winsorise(self.winsorise, &mut problems);
        check_condition(&["eligible"], self.eligible.as_deref(), &mut problems);
        check_condition(&["scored"], self.scored.as_deref(), &mut problems);
        check_condition(&["outcome", "where"], self.outcome.condition.as_deref(), &mut problems);
        let window = days(self.outcome.window_days).unwrap_or_else(|| {
            problems.push(Problem::new(["outcome", "window_days"], not_days(self.outcome.window_days)));
            Duration::zero()
        });
        // The instants themselves are read by the pipeline, which knows the time zone.
        match &self.cutoffs {
            CutoffsSection::Days(texts) if texts.len() < 2 => {
                problems.push(Problem::new(["cutoffs"], too_few_cutoffs(texts.len())));
            }
            CutoffsSection::Days(_) => {}
            CutoffsSection::Rhythm(rhythm) => {
                if rhythm.count < 2 {
                    problems.push(Problem::new(["cutoffs", "count"], too_few_cutoffs(rhythm.count)));
                }
                if days(rhythm.every_days).is_none() {
                    problems.push(Problem::new(["cutoffs", "every_days"], not_days(rhythm.every_days)));
                }
            }
        }
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            problems.push(Problem::new(
                ["alpha"],
                Error::config(format!("`alpha` is {}, a number above 0 was expected", self.alpha))
                    .hint("1 is scikit-learn's default; a tiny one such as 1e-6 hardly penalises"),
            ));
        }
        at_least("sample", self.sample, 100, &mut problems);
        at_least("min_positives", self.min_positives, 1, &mut problems);
        at_least("min_rows", self.min_rows, 2, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(ChurnParams {
            features: self.features.clone(),
            columns: self.columns.clone(),
            window,
            eligible: self.eligible.clone(),
            scored: self.scored.clone(),
            alpha: self.alpha,
            winsorise: self.winsorise,
            sample: self.sample,
            min_rows: self.min_rows,
            min_positives: self.min_positives,
        })
    }
}

fn too_few_cutoffs(count: usize) -> Error {
    Error::config(format!("{count} cut-offs are declared, at least 2 were expected"))
        .hint("the latest is held out to judge the model, the earlier ones are learnt from")
}

fn days(count: i64) -> Option<Duration> {
    if (1..=36_500).contains(&count) { Duration::try_days(count) } else { None }
}

fn not_days(count: i64) -> Error {
    Error::config(format!("{count} days were found, 1 to 36500 were expected"))
}

fn check_condition(key: &[&str], condition: Option<&str>, problems: &mut Vec<Problem>) {
    if let Some(text) = condition
        && let Err(cause) = DFParser::parse_sql_into_expr(text)
    {
        problems.push(Problem::new(
            key.iter().copied(),
            Error::config("the condition is not a SQL expression").caused_by(cause),
        ));
    }
}

fn sample() -> usize {
    200_000
}

fn alpha() -> f64 {
    1.0
}

fn min_rows() -> usize {
    200
}

fn min_positives() -> usize {
    20
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(problems: Vec<Problem>) -> Vec<String> {
        problems.iter().map(|p| p.key.join(".")).collect()
    }

    fn churn(cutoffs: &str) -> ChurnSection {
        toml::from_str(&format!(
            r#"features = "mart.customer_features"
               columns = ["recency_days"]
               outcome = {{ events = "core.orders", window_days = 30 }}
               eligible = "orders_90d > 0"
               cutoffs = {cutoffs}"#
        ))
        .unwrap()
    }

    #[test]
    fn who_is_scored_is_who_is_eligible_unless_said_otherwise() {
        let mut section = churn("{ count = 3, every_days = 10 }");
        assert_eq!(section.check().unwrap().scored_when(), Some("orders_90d > 0"));
        section.scored = Some("orders_total > 0".into());
        assert_eq!(section.check().unwrap().scored_when(), Some("orders_total > 0"));
    }

    #[test]
    fn a_condition_that_does_not_parse_is_a_problem_of_its_key() {
        let mut section = churn("{ count = 1, every_days = 0 }");
        section.eligible = Some("orders_90d >".into());
        section.alpha = 0.0;
        assert_eq!(
            keys(section.check().unwrap_err()),
            ["eligible", "cutoffs.count", "cutoffs.every_days", "alpha"]
        );
    }
}
