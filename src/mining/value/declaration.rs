//! `[value.<name>]`: which purchases or contracts, what they are worth, whose value, how far ahead.

use schemars::JsonSchema;
use serde::Deserialize;

use super::contracts::declaration::{ContractParams, ContractsSection};
use super::future::PurchaseModelKind;
use crate::config::Problem;
use crate::error::Error;
use crate::mining::Purchases;
use crate::mining::bounds::at_least;
use crate::mining::condition::{check_condition, check_expression};
use crate::mining::cutoffs::{CutoffsSection, days, not_days};
use crate::name::{TableName, is_identifier};

/// A model of what each customer, or each contract, will bring.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ValueSection {
    /// The purchases that it is learnt from; or else `contracts`.
    pub purchases: Option<PurchasesSection>,
    /// The contracts or subscriptions that it is learnt from, which get a value each; or else `purchases`.
    pub contracts: Option<ContractsSection>,
    /// The table of who gets a value, one row per customer, with what `group` and `cost_to_serve` name: a model, evaluated
    /// as of each cut-off. Without it whoever has bought.
    #[schemars(example = &"mart.customer_features")]
    pub customers: Option<TableName>,
    /// A column of `customers`, or of the contracts: those of one group are learnt from together, thin groups with all.
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
    /// How many customers the amounts are learnt from, and how many customers or contracts are judged on. How often
    /// they buy, and how long they are renewed, is learnt from all.
    #[serde(default = "sample")]
    pub sample: usize,
    /// With fewer customers who bought, or a fifth as many who bought again, the model is not fitted; nor with fewer
    /// contracts that have come to a renewal.
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

/// `[value.<name>]`, checked: of what it is a value.
#[derive(Debug, Clone)]
pub enum DeclaredValue {
    Purchases(ValueParams),
    Contracts(ContractParams),
}

impl ValueSection {
    /// Returns what the model works with. Does no I/O.
    ///
    /// # Errors
    /// All that is wrong with the section: expressions that are no SQL, numbers out of their bounds, a group or a cost of
    /// customers who are not named, keys that are not of contracts.
    pub fn check(&self) -> Result<DeclaredValue, Vec<Problem>> {
        match (&self.purchases, &self.contracts) {
            (Some(purchases), None) => self.of_purchases(purchases).map(DeclaredValue::Purchases),
            (None, Some(contracts)) => self.of_contracts(contracts).map(DeclaredValue::Contracts),
            (given, _) => {
                let found = if given.is_some() { "found both" } else { "found neither" };
                let error = Error::config(format!("a value is of `purchases` or of `contracts`, {found}"))
                    .hint("purchases = { events = \"core.orders\", amount = \"margin\" }");
                Err(vec![Problem::new(Vec::<String>::new(), error)])
            }
        }
    }

    fn of_purchases(&self, purchases: &PurchasesSection) -> Result<ValueParams, Vec<Problem>> {
        let mut problems = Vec::new();
        check_expression(&["purchases", "amount"], Some(&purchases.amount), &mut problems);
        check_condition(&["purchases", "where"], purchases.condition.as_deref(), &mut problems);
        check_expression(&["cost_to_serve"], self.cost_to_serve.as_deref(), &mut problems);
        self.check_group("customers", &mut problems);
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
        let horizon_days = self.check_numbers(&mut problems);
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

    fn of_contracts(&self, section: &ContractsSection) -> Result<ContractParams, Vec<Problem>> {
        let mut problems = Vec::new();
        let contracts = section.check(&mut problems);
        self.check_group("contracts", &mut problems);
        for (key, given) in
            [("customers", self.customers.is_some()), ("cost_to_serve", self.cost_to_serve.is_some())]
        {
            if given {
                let error = Error::config(format!("`{key}` is of purchases; this is a value of contracts"))
                    .hint("every contract of the table gets a value; let its margin be what is left after its costs");
                problems.push(Problem::new([key], error));
            }
        }
        let horizon_days = self.check_numbers(&mut problems);
        if self.cutoffs.is_some() && contracts.as_ref().is_some_and(|of| !of.has_days()) {
            let error = Error::config("contracts without days cannot be judged at past cut-offs")
                .hint("name `start` and `end`, or take `cutoffs` out");
            problems.push(Problem::new(["cutoffs"], error));
        }
        match (contracts, horizon_days) {
            (Some(contracts), Some(horizon_days)) if problems.is_empty() => Ok(ContractParams {
                contracts,
                group: self.group.clone(),
                horizon_days,
                discount_rate: self.discount_rate,
                sample: self.sample,
                min_contracts: self.min_customers,
            }),
            _ => Err(problems),
        }
    }

    fn check_group(&self, table: &str, problems: &mut Vec<Problem>) {
        if let Some(group) = self.group.as_deref().filter(|group| !is_identifier(group)) {
            let error = Error::config(format!("`{group}` is not the name of a column"))
                .hint(format!("compute it in the SQL of `{table}`, and name the column"));
            problems.push(Problem::new(["group"], error));
        }
    }

    /// Returns the horizon, where it is one.
    fn check_numbers(&self, problems: &mut Vec<Problem>) -> Option<u32> {
        if let Some(cutoffs) = &self.cutoffs {
            cutoffs.check(1, problems);
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
        at_least("sample", self.sample, 1000, problems);
        at_least("min_customers", self.min_customers, 1, problems);
        horizon_days
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

    #[test]
    fn contracts_say_how_long_they_have_run_in_one_way() {
        let keys = |text: &str| -> Vec<String> {
            let section: ValueSection = toml::from_str(text).unwrap();
            section.check().unwrap_err().iter().map(|p| p.key.join(".")).collect()
        };
        let of = |columns: &str, more: &str| {
            let text = format!(
                r#"contracts = {{ table = "core.contracts", id = "id", period = "month", margin = "1", {columns} }}
                   {more}"#
            );
            keys(&text)
        };
        assert_eq!(of(r#"start = "a""#, ""), ["contracts"]);
        assert_eq!(of(r#"start = "a", end = "b", tenure = "c", ended = "d""#, ""), ["contracts"]);
        let counted = r#"tenure = "months", ended = "has_left""#;
        assert_eq!(of(counted, "cutoffs = { count = 1, every_days = 30 }"), ["cutoffs"]);
        assert_eq!(
            of(counted, "cost_to_serve = \"1\"\ndiscount_rate = -1"),
            ["cost_to_serve", "discount_rate"]
        );
        assert_eq!(of(r#"start = "a -", end = "b""#, "group = \"x y\""), ["contracts.start", "group"]);
        assert_eq!(keys("horizon_days = 30"), [""]);
    }
}
