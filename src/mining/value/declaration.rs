//! `[value.<name>]`: which purchases, what they are worth, whose value, how far ahead.

use schemars::JsonSchema;
use serde::Deserialize;

use super::future::PurchaseModelKind;
use crate::config::Problem;
use crate::error::Error;
use crate::mining::Purchases;
use crate::mining::bounds::at_least;
use crate::mining::condition::{check_condition, check_expression};
use crate::mining::cutoffs::{CutoffsSection, days, not_days};
use crate::name::{TableName, is_identifier};

/// A model of what each customer will bring.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueSection {
    /// The purchases that it is learnt from.
    pub purchases: PurchasesSection,
    /// The table of who gets a value, one row per customer, with what `group` and `cost_to_serve` name: a model, evaluated
    /// as of each cut-off. Without it whoever has bought.
    #[schemars(example = &"mart.customer_features")]
    pub customers: Option<TableName>,
    /// A column of `customers`: customers of one group are learnt from together, thin groups with all.
    #[schemars(example = &"acquisition_channel")]
    pub group: Option<String>,
    /// SQL expression over `customers`: what serving the customer costs in a year, beyond what the amounts of purchases
    /// contain.
    #[schemars(example = &"contact_cost_365d")]
    pub cost_to_serve: Option<String>,
    /// How far ahead, in days.
    #[serde(default = "horizon_days")]
    pub horizon_days: i64,
    /// What a year takes off the worth of money to come: 0.1 is 10%.
    #[serde(default = "discount_rate")]
    pub discount_rate: f64,
    /// Past instants at which the model is fitted and judged by what came within the horizon; customers without a purchase
    /// get a value from what came of those like them after the latest.
    pub cutoffs: Option<CutoffsSection>,
    /// How many customers the amounts are learnt from, and judged on. How often they buy is learnt from all.
    #[serde(default = "sample")]
    pub sample: usize,
    /// With fewer customers who bought, or a fifth as many who bought again, the model is not fitted.
    #[serde(default = "min_customers")]
    pub min_customers: usize,
}

/// The events that are purchases. Those of one local day are one purchase.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PurchasesSection {
    /// The table of purchases, which declares its time and names the customer.
    #[schemars(example = &"core.orders")]
    pub events: TableName,
    /// SQL expression over a purchase: what it is worth, best its margin. A decimal or a whole number.
    #[schemars(example = &"margin")]
    pub amount: String,
    /// SQL condition over the events: which of them count.
    #[serde(rename = "where")]
    #[schemars(example = &"not is_return")]
    pub condition: Option<String>,
    /// How customers leave: after a purchase (`bg_nbd`) or at any time (`pareto_nbd`).
    #[serde(default)]
    pub model: PurchaseModelKind,
}

/// `[value.<name>]`, checked.
#[derive(Debug, Clone)]
pub struct ValueParams {
    pub purchases: Purchases,
    pub model: PurchaseModelKind,
    pub customers: Option<TableName>,
    pub group: Option<String>,
    pub cost_to_serve: Option<String>,
    pub horizon_days: u32,
    pub discount_rate: f64,
    pub sample: usize,
    pub min_customers: usize,
}

impl ValueSection {
    /// Returns what the model works with. Does no I/O.
    ///
    /// # Errors
    /// All that is wrong with the section: expressions that are no SQL, numbers out of their bounds, a group or a cost of
    /// customers who are not named.
    pub fn check(&self) -> Result<ValueParams, Vec<Problem>> {
        let mut problems = Vec::new();
        let purchases = &self.purchases;
        check_expression(&["purchases", "amount"], Some(&purchases.amount), &mut problems);
        check_condition(&["purchases", "where"], purchases.condition.as_deref(), &mut problems);
        check_expression(&["cost_to_serve"], self.cost_to_serve.as_deref(), &mut problems);
        if let Some(group) = self.group.as_deref().filter(|group| !is_identifier(group)) {
            let error = Error::config(format!("`{group}` is not the name of a column"))
                .hint("compute it in the SQL of `customers`, and name the column");
            problems.push(Problem::new(["group"], error));
        }
        if self.customers.is_none() {
            for (key, given) in
                [("group", self.group.is_some()), ("cost_to_serve", self.cost_to_serve.is_some())]
            {
                if given {
                    let error =
                        Error::config(format!("`{key}` is of customers, and no table of them is named"))
                            .hint("for example customers = \"mart.customer_features\"");
                    problems.push(Problem::new([key], error));
                }
            }
        }
        if let Some(cutoffs) = &self.cutoffs {
            cutoffs.check(1, &mut problems);
        }
        let horizon_days = days(self.horizon_days);
        if horizon_days.is_none() {
            problems.push(Problem::new(["horizon_days"], not_days(self.horizon_days)));
        }
        if !(0.0..=10.0).contains(&self.discount_rate) {
            let error = Error::config(format!(
                "`discount_rate` is {}, a rate from 0 to 10 a year was expected",
                self.discount_rate
            ));
            problems.push(Problem::new(["discount_rate"], error.hint("0.1 takes 10% off for each year")));
        }
        at_least("sample", self.sample, 1000, &mut problems);
        at_least("min_customers", self.min_customers, 1, &mut problems);
        let Some(horizon_days) = horizon_days.filter(|_| problems.is_empty()) else { return Err(problems) };
        Ok(ValueParams {
            purchases: Purchases {
                events: purchases.events.clone(),
                amount: purchases.amount.clone(),
                condition: purchases.condition.clone(),
            },
            model: purchases.model,
            customers: self.customers.clone(),
            group: self.group.clone(),
            cost_to_serve: self.cost_to_serve.clone(),
            horizon_days,
            discount_rate: self.discount_rate,
            sample: self.sample,
            min_customers: self.min_customers,
        })
    }
}

fn horizon_days() -> i64 {
    365
}

fn discount_rate() -> f64 {
    0.1
}

fn sample() -> usize {
    200_000
}

fn min_customers() -> usize {
    100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let section: ValueSection = toml::from_str(
            r#"purchases = { events = "core.orders", amount = "net -", where = "not is_return" }
               group = "a b"
               horizon_days = 0
               discount_rate = 12
               cutoffs = { count = 0, every_days = 10 }"#,
        )
        .unwrap();
        let keys: Vec<String> = section.check().unwrap_err().iter().map(|p| p.key.join(".")).collect();
        assert_eq!(
            keys,
            ["purchases.amount", "group", "group", "cutoffs.count", "horizon_days", "discount_rate"]
        );
    }
}
