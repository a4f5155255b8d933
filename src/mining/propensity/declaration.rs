//! `[propensity.<name>]`: which outcome, whom to learn it from, and at which past instants.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Problem;
use crate::error::Error;
use crate::mining::bounds::{
    alpha, at_least, check_alpha, check_column_name, check_level_floor, check_winsorise, level_floor,
    min_positives, refuse_keys, sample, winsorise,
};
use crate::mining::calibration::Calibration;
use crate::mining::condition::check_condition;
use crate::mining::cutoffs::{CutoffsSection, days, not_days};
use crate::mining::feature_column::{FeatureColumn, check_columns};
use crate::mining::feature_words::{Words, check_words};
use crate::mining::regression::RegressionParams;
use crate::mining::retention_profit::RetentionCampaign;
use crate::name::TableName;

/// A model that predicts an outcome for each customer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PropensitySection {
    /// The table of features, one row per customer, evaluated as of each cut-off.
    #[schemars(example = &"mart.customer_features")]
    pub features: TableName,
    /// The features from which it is learnt.
    pub columns: Vec<FeatureColumn>,
    /// What is predicted.
    pub outcome: OutcomeSection,
    /// SQL condition over the features: from whom it is learnt.
    #[schemars(example = &"recency_days < 180")]
    pub eligible: Option<String>,
    /// SQL condition over the features: who gets a score; without it those that are eligible.
    #[schemars(example = &"orders_total > 0")]
    pub scored: Option<String>,
    /// For an outcome in a window: the past instants to learn from, of which the latest is the hold-out.
    pub cutoffs: Option<CutoffsSection>,
    /// What scores: a logistic regression, boosted trees, or the champion of the two. The regression is the champion
    /// until the trees are better on the same hold-out.
    #[serde(default)]
    pub learner: Learner,
    /// How scores are made chances, by customers who were not learnt from.
    #[serde(default)]
    pub calibration: Calibration,
    /// How many reasons each customer's score comes with, 0 to 5: the columns that move it furthest from the average.
    #[serde(default = "reasons")]
    pub reasons: usize,
    /// What a feature is called in reasons: words for a value below and above what is typical, or one for the feature.
    /// Features with the same name make one reason, which shows the value of the first of them.
    #[serde(default)]
    pub names: BTreeMap<String, Words>,
    /// What a campaign to keep those who would leave costs and brings: the run says how many it should go to.
    pub retention_campaign: Option<RetentionCampaign>,
    /// Strength of the L2 penalty; scikit-learn's `1 / C`.
    #[serde(default = "alpha")]
    pub alpha: f64,
    /// Outliers are cut: values below this quantile, or above one minus it, are set to it.
    #[serde(default = "winsorise")]
    pub winsorise: f64,
    /// Of a column of text, the levels that a smaller share of the customers has, 0 to 0.5, are taken together.
    #[serde(default = "level_floor")]
    pub level_floor: f64,
    /// Where a column carries the label, the model is also judged on every customer, in so many parts: each by a model
    /// of the other parts.
    #[schemars(example = 10)]
    pub folds: Option<usize>,
    /// How many rows are learnt from, over all cut-offs.
    #[serde(default = "sample")]
    pub sample: usize,
    /// With fewer rows the model is not fitted.
    #[serde(default = "min_rows")]
    pub min_rows: usize,
    /// With fewer customers for whom the outcome came, or did not, the model is not fitted.
    #[serde(default = "min_positives")]
    pub min_positives: usize,
}

/// What is predicted: an event in a window, the absence of one, less of an amount than before, or a column that says
/// it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutcomeSection {
    /// The outcome comes for who has an event of this table in the window after a cut-off.
    #[schemars(example = &"core.orders")]
    pub event: Option<TableName>,
    /// The outcome comes for who has no event of this table in the window after a cut-off.
    #[schemars(example = &"core.orders")]
    pub absence_of: Option<TableName>,
    /// The outcome comes for who has less of `amount`, over the events of this table in the window after a cut-off, than
    /// `to` times what it was in as long a window before.
    #[schemars(example = &"core.orders")]
    pub fall_of: Option<TableName>,
    /// The column of the events that is summed.
    #[schemars(example = &"net_amount")]
    pub amount: Option<String>,
    /// The share of the amount before, above 0 and up to 1.
    #[schemars(example = 0.5)]
    pub to: Option<f64>,
    /// The column of the features that says for whom it came: true or false, null where it is not known.
    #[schemars(example = &"churned")]
    pub column: Option<String>,
    /// The length of the window, in days.
    #[schemars(example = 90)]
    pub window_days: Option<i64>,
    /// SQL condition over the events: which of them count.
    #[serde(rename = "where")]
    #[schemars(example = &"not is_return")]
    pub condition: Option<String>,
}

/// `[propensity.<name>]`, checked.
#[derive(Debug, Clone)]
pub struct PropensityParams {
    pub features: TableName,
    pub columns: Vec<FeatureColumn>,
    pub outcome: OutcomeParams,
    pub eligible: Option<String>,
    pub scored: Option<String>,
    pub learner: Learner,
    pub calibration: Calibration,
    pub reasons: usize,
    pub names: BTreeMap<String, Words>,
    pub retention_campaign: Option<RetentionCampaign>,
    pub alpha: f64,
    pub winsorise: f64,
    pub level_floor: f64,
    pub folds: Option<usize>,
    pub sample: usize,
    pub min_rows: usize,
    pub min_positives: usize,
}

/// What scores customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Learner {
    /// Whichever of the two is the champion.
    #[default]
    Champion,
    /// A logistic regression.
    Logistic,
    /// Gradient-boosted trees.
    Trees,
}

impl fmt::Display for Learner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Learner::Champion => "champion",
            Learner::Logistic => "logistic",
            Learner::Trees => "trees",
        })
    }
}

/// What is predicted, checked.
#[derive(Debug, Clone, PartialEq)]
pub enum OutcomeParams {
    Event(EventOutcome),
    /// A column of the features that carries the label.
    Column(String),
}

/// What of the events within the window after a cut-off is the outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct EventOutcome {
    pub events: TableName,
    pub comes: Comes,
    pub window_days: u32,
    /// SQL condition over the events: which of them count.
    pub condition: Option<String>,
}

/// For whom the outcome comes.
#[derive(Debug, Clone, PartialEq)]
pub enum Comes {
    /// Who has an event.
    Event,
    /// Who has none.
    NoEvent,
    /// Who has less than this share of the amount before. Who had nothing before has not less.
    Fall { amount: String, to: f64 },
}

impl Comes {
    /// Returns the key of the section that says so.
    pub fn key(&self) -> &'static str {
        match self {
            Comes::Event => "event",
            Comes::NoEvent => "absence_of",
            Comes::Fall { .. } => "fall_of",
        }
    }
}

impl OutcomeParams {
    /// Returns the length of the window; `None` where a column carries the label.
    pub fn window_days(&self) -> Option<u32> {
        match self {
            OutcomeParams::Event(event) => Some(event.window_days),
            OutcomeParams::Column(_) => None,
        }
    }
}

/// The latest is held out to judge the model, the earlier ones are learnt from.
const LEAST_CUTOFFS: usize = 2;
/// The model is fitted once for each.
const MOST_FOLDS: usize = 50;
const MOST_REASONS: usize = 5;

impl PropensityParams {
    /// Returns what is said of its regression.
    pub(super) fn regression(&self) -> RegressionParams<'_> {
        RegressionParams {
            columns: &self.columns,
            winsorise: self.winsorise,
            level_floor: self.level_floor,
            alpha: self.alpha,
        }
    }

    /// Returns who gets a score, as a SQL condition over the features; `None` is everybody.
    pub fn scored_when(&self) -> Option<&str> {
        self.scored.as_deref().or(self.eligible.as_deref())
    }
}

impl PropensitySection {
    /// Returns what the model works with. Does no I/O.
    ///
    /// # Errors
    /// All that is wrong with the section: its columns, its outcome, a missing or needless `cutoffs`, numbers
    /// out of their bounds, conditions that are no SQL.
    pub fn check(&self) -> Result<PropensityParams, Vec<Problem>> {
        let mut problems = Vec::new();
        check_columns(&self.columns, &mut problems);
        check_winsorise(self.winsorise, &mut problems);
        check_condition(&["eligible"], self.eligible.as_deref(), &mut problems);
        check_condition(&["scored"], self.scored.as_deref(), &mut problems);
        let outcome = self.outcome.check(&self.columns, &mut problems);
        match (&self.cutoffs, &self.outcome.column) {
            (Some(cutoffs), None) => cutoffs.check(LEAST_CUTOFFS, &mut problems),
            (None, None) => problems.push(Problem::new(
                Vec::<String>::new(),
                Error::config("missing key `cutoffs`")
                    .hint("an outcome in a window is learnt at past instants: cutoffs = { count = 5, every_days = 30 }"),
            )),
            (Some(_), Some(column)) => problems.push(Problem::new(
                ["cutoffs"],
                Error::config(format!("the column `{column}` says the outcome of today: there is no cut-off to learn at"))
                    .hint("take `cutoffs` out"),
            )),
            (None, Some(_)) => {}
        }
        check_alpha(self.alpha, &mut problems);
        check_level_floor(self.level_floor, &mut problems);
        check_words(&self.names, &self.columns, "propensity", &mut problems);
        if self.reasons > MOST_REASONS {
            let found = self.reasons;
            problems.push(Problem::new(
                ["reasons"],
                Error::config(format!("`reasons` is {found}, 0 to {MOST_REASONS} were expected"))
                    .hint("nobody reads more; 0 gives none"),
            ));
        }
        if let Some(campaign) = &self.retention_campaign {
            campaign.check(&mut problems);
        }
        check_folds(self.folds, self.outcome.column.is_some(), &mut problems);
        at_least("sample", self.sample, 100, &mut problems);
        at_least("min_positives", self.min_positives, 1, &mut problems);
        at_least("min_rows", self.min_rows, 2, &mut problems);
        let Some(outcome) = outcome.filter(|_| problems.is_empty()) else { return Err(problems) };
        Ok(PropensityParams {
            features: self.features.clone(),
            columns: self.columns.clone(),
            outcome,
            eligible: self.eligible.clone(),
            scored: self.scored.clone(),
            learner: self.learner,
            calibration: self.calibration,
            reasons: self.reasons,
            names: self.names.clone(),
            retention_campaign: self.retention_campaign,
            alpha: self.alpha,
            winsorise: self.winsorise,
            level_floor: self.level_floor,
            folds: self.folds,
            sample: self.sample,
            min_rows: self.min_rows,
            min_positives: self.min_positives,
        })
    }
}

impl OutcomeSection {
    fn check(&self, columns: &[FeatureColumn], problems: &mut Vec<Problem>) -> Option<OutcomeParams> {
        let named = [&self.event, &self.absence_of, &self.fall_of].into_iter().flatten().count();
        let (events, comes) = match (&self.event, &self.absence_of, &self.fall_of, &self.column) {
            (Some(events), None, None, None) => (events, Comes::Event),
            (None, Some(events), None, None) => (events, Comes::NoEvent),
            (None, None, Some(events), None) => (events, self.check_fall(problems)?),
            (None, None, None, Some(column)) => return self.check_label(column, columns, problems),
            _ => {
                let found = match named {
                    0 => "none",
                    _ => "several",
                };
                problems.push(Problem::new(
                    ["outcome"],
                    Error::config(format!(
                        "the outcome names one of `event`, `absence_of`, `fall_of` and `column`, found {found}"
                    ))
                    .hint("for example outcome = { absence_of = \"core.orders\", window_days = 90 }"),
                ));
                return None;
            }
        };
        if !matches!(comes, Comes::Fall { .. }) {
            refuse_keys(
                "outcome",
                &[("amount", self.amount.is_some()), ("to", self.to.is_some())],
                "of `fall_of`",
                problems,
            );
        }
        check_condition(&["outcome", "where"], self.condition.as_deref(), problems);
        let Some(given) = self.window_days else {
            problems.push(Problem::new(
                ["outcome"],
                Error::config("missing key `window_days`")
                    .hint("how long after a cut-off the outcome is waited for"),
            ));
            return None;
        };
        let Some(window_days) = days(given) else {
            problems.push(Problem::new(["outcome", "window_days"], not_days(given)));
            return None;
        };
        let condition = self.condition.clone();
        Some(OutcomeParams::Event(EventOutcome { events: events.clone(), comes, window_days, condition }))
    }

    fn check_fall(&self, problems: &mut Vec<Problem>) -> Option<Comes> {
        let missing = |key: &str, hint: &str| {
            Problem::new(["outcome"], Error::config(format!("missing key `{key}`")).hint(hint))
        };
        match &self.amount {
            None => problems
                .push(missing("amount", "which column of the events is summed: amount = \"net_amount\"")),
            Some(amount) => check_column_name(&["outcome", "amount"], amount, problems),
        }
        match self.to {
            None => problems.push(missing("to", "to = 0.5 is: less than half of what it was")),
            Some(to) if !(to > 0.0 && to <= 1.0) => problems.push(Problem::new(
                ["outcome", "to"],
                Error::config(format!("`to` is {to}, a share above 0 and up to 1 was expected"))
                    .hint("to = 0.5 is: less than half of what it was"),
            )),
            Some(_) => {}
        }
        Some(Comes::Fall { amount: self.amount.clone()?, to: self.to? })
    }

    fn check_label(
        &self,
        label: &str,
        columns: &[FeatureColumn],
        problems: &mut Vec<Problem>,
    ) -> Option<OutcomeParams> {
        let keys = [
            ("window_days", self.window_days.is_some()),
            ("where", self.condition.is_some()),
            ("amount", self.amount.is_some()),
            ("to", self.to.is_some()),
        ];
        let why = format!("of an outcome in a window; the column `{label}` says it itself");
        refuse_keys("outcome", &keys, &why, problems);
        if columns.iter().any(|column| column.column == label) {
            problems.push(Problem::new(
                ["columns"],
                Error::config(format!("`{label}` is the outcome: it cannot be learnt from"))
                    .hint("take it out of `columns`"),
            ));
        }
        Some(OutcomeParams::Column(label.to_owned()))
    }
}

fn check_folds(folds: Option<usize>, has_label: bool, problems: &mut Vec<Problem>) {
    let Some(folds) = folds else { return };
    let error = if !has_label {
        Error::config(
            "`folds` are for an outcome that a column carries; this one is judged at its latest cut-off",
        )
        .hint("take `folds` out")
    } else if !(2..=MOST_FOLDS).contains(&folds) {
        Error::config(format!("`folds` is {folds}, 2 to {MOST_FOLDS} were expected"))
    } else {
        return;
    };
    problems.push(Problem::new(["folds"], error));
}

fn reasons() -> usize {
    3
}

fn min_rows() -> usize {
    200
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(problems: Vec<Problem>) -> Vec<String> {
        problems.iter().map(|p| p.key.join(".")).collect()
    }

    fn propensity(cutoffs: &str) -> PropensitySection {
        toml::from_str(&format!(
            r#"features = "mart.customer_features"
               columns = ["recency_days"]
               outcome = {{ absence_of = "core.orders", window_days = 30 }}
               eligible = "orders_90d > 0"
               cutoffs = {cutoffs}"#
        ))
        .unwrap()
    }

    #[test]
    fn who_is_scored_is_who_is_eligible_unless_said_otherwise() {
        let mut section = propensity("{ count = 3, every_days = 10 }");
        assert_eq!(section.check().unwrap().scored_when(), Some("orders_90d > 0"));
        section.scored = Some("orders_total > 0".into());
        assert_eq!(section.check().unwrap().scored_when(), Some("orders_total > 0"));
    }

    #[test]
    fn a_condition_that_does_not_parse_is_a_problem_of_its_key() {
        let mut section = propensity("{ count = 1, every_days = 0 }");
        section.eligible = Some("orders_90d >".into());
        section.alpha = 0.0;
        assert_eq!(
            keys(section.check().unwrap_err()),
            ["eligible", "cutoffs.count", "cutoffs.every_days", "alpha"]
        );
    }
}
