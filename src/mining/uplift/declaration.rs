//! `[uplift.<name>]`: whose contacts, which outcome, what it is worth.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::Problem;
use crate::error::Error;
use crate::mining::bounds::{
    alpha, at_least, check_alpha, check_column_name, check_level_floor, check_winsorise, level_floor,
    min_positives, refuse_keys, sample, winsorise,
};
use crate::mining::condition::{check_condition, check_expression};
use crate::mining::cutoffs::{days, not_days};
use crate::mining::feature_column::{FeatureColumn, check_columns};
use crate::mining::regression::RegressionParams;
use crate::name::TableName;

/// A model of what a contact changes for each customer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpliftSection {
    /// The table of features, one row per customer, evaluated as of the first contact of each campaign.
    #[schemars(example = &"mart.customer_features")]
    pub features: TableName,
    /// The features from which it is learnt.
    pub columns: Vec<FeatureColumn>,
    /// Who was contacted, and who was kept back.
    pub contacts: ContactsSection,
    /// What a contact is to bring about.
    pub outcome: UpliftOutcomeSection,
    /// What one outcome is worth, in the currency of `cost`.
    #[schemars(example = &18.5)]
    pub margin: f64,
    /// What contacting one customer costs.
    #[schemars(example = &1.2)]
    pub cost: f64,
    /// SQL condition over the features: who gets a score; without it everybody.
    #[schemars(example = &"orders_total > 0")]
    pub scored: Option<String>,
    /// The effect, as a difference of shares, that an experiment should be able to see: for the size that is proposed where
    /// nothing can be learnt. Without it the effect at which a contact pays, `cost / margin`.
    #[schemars(example = &0.02)]
    pub smallest_effect: Option<f64>,
    /// How many campaigns are learnt from, the latest ones: the features are computed as of each.
    #[serde(default = "campaigns")]
    pub campaigns: usize,
    /// Strength of the L2 penalty; scikit-learn's `1 / C`.
    #[serde(default = "alpha")]
    pub alpha: f64,
    /// Outliers are cut: values below this quantile, or above one minus it, are set to it.
    #[serde(default = "winsorise")]
    pub winsorise: f64,
    /// Of a column of text, the levels that a smaller share of the customers has, 0 to 0.5, are taken together.
    #[serde(default = "level_floor")]
    pub level_floor: f64,
    /// How many customers are learnt from, over all campaigns.
    #[serde(default = "sample")]
    pub sample: usize,
    /// A campaign that kept fewer customers back, or contacted fewer, is not learnt from.
    #[serde(default = "min_controls")]
    pub min_controls: usize,
    /// A campaign in which the outcome came, or did not, for fewer customers of either group is not learnt from.
    #[serde(default = "min_positives")]
    pub min_positives: usize,
}

/// Customers who were contacted, and those who were kept back at random.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactsSection {
    /// The table of contacts, which declares its time and names the customer.
    #[schemars(example = &"core.contacts")]
    pub table: TableName,
    /// The column that names the campaign.
    #[schemars(example = &"campaign_id")]
    pub campaign: String,
    /// SQL condition over the table: true of who was contacted, false of who was kept back.
    #[schemars(example = &"not is_control")]
    pub treated: String,
    /// SQL condition over the table: which of its rows count.
    #[serde(rename = "where")]
    #[schemars(example = &"channel = 'post'")]
    pub condition: Option<String>,
    /// The share that was meant to be contacted, 0 to 1: a campaign that is too far from it is warned of.
    #[schemars(example = &0.9)]
    pub treated_share: Option<f64>,
}

/// What is hoped for: an event in a window after the contact, or a column of the contacts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpliftOutcomeSection {
    /// The outcome comes for who has an event of this table in the window after the contact.
    #[schemars(example = &"core.orders")]
    pub event: Option<TableName>,
    /// The column of the contacts that says for whom it came: true or false, null where it is not known.
    #[schemars(example = &"responded")]
    pub column: Option<String>,
    /// The length of the window, in days.
    #[schemars(example = 30)]
    pub window_days: Option<i64>,
    /// SQL condition over the events: which of them count.
    #[serde(rename = "where")]
    #[schemars(example = &"not is_return")]
    pub condition: Option<String>,
}

/// `[uplift.<name>]`, checked.
#[derive(Debug, Clone)]
pub struct UpliftParams {
    pub features: TableName,
    pub columns: Vec<FeatureColumn>,
    pub contacts: ContactsParams,
    pub outcome: UpliftOutcome,
    pub margin: f64,
    pub cost: f64,
    pub scored: Option<String>,
    pub smallest_effect: f64,
    pub campaigns: usize,
    pub alpha: f64,
    pub winsorise: f64,
    pub level_floor: f64,
    pub sample: usize,
    pub min_controls: usize,
    pub min_positives: usize,
}

/// Who was contacted, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ContactsParams {
    pub table: TableName,
    pub campaign: String,
    pub treated: String,
    pub condition: Option<String>,
    pub treated_share: Option<f64>,
}

/// What is hoped for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpliftOutcome {
    Event {
        events: TableName,
        window_days: u32,
        /// SQL condition over the events: which of them count.
        condition: Option<String>,
    },
    /// A column of the contacts.
    Column(String),
}

impl UpliftOutcome {
    /// Returns the length of the window; 0 where a column says the outcome.
    pub fn window_days(&self) -> u32 {
        match self {
            UpliftOutcome::Event { window_days, .. } => *window_days,
            UpliftOutcome::Column(_) => 0,
        }
    }

    /// Returns the table of the events.
    pub fn events(&self) -> Option<&TableName> {
        match self {
            UpliftOutcome::Event { events, .. } => Some(events),
            UpliftOutcome::Column(_) => None,
        }
    }
}

/// One model of each campaign is a night of then: more would take longer than they teach.
const MOST_CAMPAIGNS: usize = 50;
/// What an experiment should see where contacts cost nothing: two in a hundred.
const USUAL_EFFECT: f64 = 0.02;

impl UpliftParams {
    /// Returns what is said of its regressions.
    pub(super) fn regression(&self) -> RegressionParams<'_> {
        RegressionParams {
            columns: &self.columns,
            winsorise: self.winsorise,
            level_floor: self.level_floor,
            alpha: self.alpha,
        }
    }
}

impl UpliftSection {
    /// Returns what the model works with. Does no I/O.
    ///
    /// # Errors
    /// All that is wrong with the section: its columns, its contacts, its outcome, numbers out of their bounds, conditions
    /// that are no SQL.
    pub fn check(&self) -> Result<UpliftParams, Vec<Problem>> {
        let mut problems = Vec::new();
        check_columns(&self.columns, &mut problems);
        check_winsorise(self.winsorise, &mut problems);
        check_condition(&["scored"], self.scored.as_deref(), &mut problems);
        let contacts = self.contacts.check(&mut problems);
        let outcome = self.outcome.check(&self.columns, &mut problems);
        self.check_numbers(&mut problems);
        let Some(outcome) = outcome.filter(|_| problems.is_empty()) else { return Err(problems) };
        let break_even = if self.cost > 0.0 { self.cost / self.margin } else { USUAL_EFFECT };
        Ok(UpliftParams {
            features: self.features.clone(),
            columns: self.columns.clone(),
            contacts,
            outcome,
            margin: self.margin,
            cost: self.cost,
            scored: self.scored.clone(),
            smallest_effect: self.smallest_effect.unwrap_or(break_even),
            campaigns: self.campaigns,
            alpha: self.alpha,
            winsorise: self.winsorise,
            level_floor: self.level_floor,
            sample: self.sample,
            min_controls: self.min_controls,
            min_positives: self.min_positives,
        })
    }

    fn check_numbers(&self, problems: &mut Vec<Problem>) {
        let mut wrong = |key: &str, found: f64, expected: &str, hint: &str| {
            let error = Error::config(format!("`{key}` is {found}, {expected} was expected")).hint(hint);
            problems.push(Problem::new([key], error));
        };
        if !(self.margin.is_finite() && self.margin > 0.0) {
            let hint = "declare the outcome that is hoped for, and what it brings: an order and its margin";
            wrong("margin", self.margin, "an amount above 0", hint);
        }
        if !(self.cost.is_finite() && self.cost >= 0.0) {
            wrong("cost", self.cost, "an amount from 0 on", "what one contact costs: paper, postage, a call");
        }
        if let Some(effect) = self.smallest_effect.filter(|effect| !(*effect > 0.0 && *effect < 1.0)) {
            let hint = "0.02 is two more in a hundred who are contacted";
            wrong("smallest_effect", effect, "a difference of shares between 0 and 1", hint);
        }
        if !(1..=MOST_CAMPAIGNS).contains(&self.campaigns) {
            let found = self.campaigns as f64;
            let hint = "the latest of them judges the model, the one before it chooses how to learn";
            wrong("campaigns", found, &format!("a number from 1 to {MOST_CAMPAIGNS}"), hint);
        }
        check_alpha(self.alpha, problems);
        check_level_floor(self.level_floor, problems);
        at_least("sample", self.sample, 100, problems);
        at_least("min_controls", self.min_controls, 10, problems);
        at_least("min_positives", self.min_positives, 1, problems);
    }
}

impl ContactsSection {
    fn check(&self, problems: &mut Vec<Problem>) -> ContactsParams {
        check_condition(&["contacts", "treated"], Some(&self.treated), problems);
        check_condition(&["contacts", "where"], self.condition.as_deref(), problems);
        check_column_name(&["contacts", "campaign"], &self.campaign, problems);
        if let Some(share) = self.treated_share.filter(|share| !(*share > 0.0 && *share < 1.0)) {
            let error =
                Error::config(format!("`treated_share` is {share}, a share between 0 and 1 was expected"))
                    .hint("0.9 says that one in ten was to be kept back");
            problems.push(Problem::new(["contacts", "treated_share"], error));
        }
        ContactsParams {
            table: self.table.clone(),
            campaign: self.campaign.clone(),
            treated: self.treated.clone(),
            condition: self.condition.clone(),
            treated_share: self.treated_share,
        }
    }
}

impl UpliftOutcomeSection {
    fn check(&self, columns: &[FeatureColumn], problems: &mut Vec<Problem>) -> Option<UpliftOutcome> {
        let events = match (&self.event, &self.column) {
            (Some(events), None) => events,
            (None, Some(column)) => return self.check_column(column, columns, problems),
            (None, None) => {
                let error = Error::config("the outcome names neither `event` nor `column`")
                    .hint("for example outcome = { event = \"core.orders\", window_days = 30 }");
                problems.push(Problem::new(["outcome"], error));
                return None;
            }
            (Some(_), Some(_)) => {
                let error = Error::config("the outcome names one of `event` and `column`, found both");
                problems.push(Problem::new(["outcome"], error));
                return None;
            }
        };
        check_expression(&["outcome", "where"], self.condition.as_deref(), problems);
        let Some(given) = self.window_days else {
            let error = Error::config("missing key `window_days`")
                .hint("how long after a contact the outcome is waited for");
            problems.push(Problem::new(["outcome"], error));
            return None;
        };
        let Some(window_days) = days(given) else {
            problems.push(Problem::new(["outcome", "window_days"], not_days(given)));
            return None;
        };
        let condition = self.condition.clone();
        Some(UpliftOutcome::Event { events: events.clone(), window_days, condition })
    }

    fn check_column(
        &self,
        column: &str,
        columns: &[FeatureColumn],
        problems: &mut Vec<Problem>,
    ) -> Option<UpliftOutcome> {
        check_column_name(&["outcome", "column"], column, problems);
        let keys = [("window_days", self.window_days.is_some()), ("where", self.condition.is_some())];
        let why = format!("of an outcome in a window; the column `{column}` says it itself");
        refuse_keys("outcome", &keys, &why, problems);
        if columns.iter().any(|feature| feature.column == column) {
            let error = Error::config(format!("`{column}` is the outcome: it cannot be learnt from"))
                .hint("take it out of `columns`");
            problems.push(Problem::new(["columns"], error));
        }
        Some(UpliftOutcome::Column(column.to_owned()))
    }
}

fn campaigns() -> usize {
    6
}

fn min_controls() -> usize {
    200
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(outcome: &str, numbers: &str) -> UpliftSection {
        toml::from_str(&format!(
            r#"features = "mart.customer_features"
               columns = ["recency_days"]
               contacts = {{ table = "core.contacts", campaign = "campaign_id", treated = "not is_control" }}
               outcome = {outcome}
               {numbers}"#
        ))
        .unwrap()
    }

    #[test]
    fn an_experiment_is_to_see_the_effect_at_which_a_contact_pays() {
        let of = |numbers| section("{ column = \"responded\" }", numbers).check().unwrap().smallest_effect;
        assert_eq!(of("margin = 20\n cost = 1"), 0.05);
        assert_eq!(of("margin = 20\n cost = 0"), 0.02);
        assert_eq!(of("margin = 20\n cost = 1\n smallest_effect = 0.01"), 0.01);
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let mut wrong = section(
            "{ event = \"core.orders\" }",
            "margin = 0\n cost = -1\n campaigns = 0\n min_controls = 2",
        );
        wrong.contacts.treated = "not (".into();
        wrong.contacts.campaign = "a b".into();
        wrong.contacts.treated_share = Some(1.0);
        let keys: Vec<String> = wrong.check().unwrap_err().iter().map(|p| p.key.join(".")).collect();
        assert_eq!(
            keys,
            [
                "contacts.treated",
                "contacts.campaign",
                "contacts.treated_share",
                "outcome",
                "margin",
                "cost",
                "campaigns",
                "min_controls"
            ]
        );
        let both = section("{ column = \"recency_days\", window_days = 3 }", "margin = 1\n cost = 0");
        let keys: Vec<String> = both.check().unwrap_err().iter().map(|p| p.key.join(".")).collect();
        assert_eq!(keys, ["outcome.window_days", "columns"]);
    }
}
