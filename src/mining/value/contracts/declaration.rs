//! `contracts = { … }` of `[value.<name>]`: which contracts, since when, until when, and what a period of them brings.

use schemars::JsonSchema;
use serde::Deserialize;

use super::period::Period;
use crate::config::Problem;
use crate::error::Error;
use crate::mining::condition::{check_condition, check_expression};
use crate::name::{TableName, is_identifier};

/// Contracts or subscriptions that are renewed from period to period.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractsSection {
    /// The table of contracts, one row each.
    #[schemars(example = &"core.contracts")]
    pub table: TableName,
    /// The column that tells contracts apart, the same from night to night.
    #[schemars(example = &"contract_id")]
    pub id: String,
    /// SQL expression over a contract: the day on which it began, or the instant.
    #[schemars(example = &"started_on")]
    pub start: Option<String>,
    /// SQL expression: its last day, null while it runs. A day after the run's instant is not looked at.
    #[schemars(example = &"ended_on")]
    pub end: Option<String>,
    /// SQL expression, where the table has no days: how many periods it has run.
    #[schemars(example = &"months")]
    pub tenure: Option<String>,
    /// SQL condition, where the table has no days: whether it is over.
    #[schemars(example = &"has_left")]
    pub ended: Option<String>,
    /// After how long it is renewed, or ends: `month`, `quarter` or `year`.
    #[schemars(example = &"month")]
    pub period: Period,
    /// SQL expression over a contract: what a period of it brings.
    #[schemars(example = &"monthly_margin")]
    pub margin: String,
    /// How contracts end.
    #[serde(default)]
    pub model: ContractModelKind,
}

/// Which model of contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractModelKind {
    /// At each renewal with a chance of the contract's own.
    #[default]
    ShiftedBetaGeometric,
}

impl ContractModelKind {
    /// Returns its name in the pipeline file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            ContractModelKind::ShiftedBetaGeometric => "shifted_beta_geometric",
        }
    }
}

/// The contracts, checked.
#[derive(Debug, Clone)]
pub struct Contracts {
    pub table: TableName,
    pub id: String,
    pub tenure: TenureColumns,
    pub period: Period,
    pub margin: String,
    pub model: ContractModelKind,
}

/// Where a table says how long a contract has run.
#[derive(Debug, Clone)]
pub enum TenureColumns {
    /// By the first day and the last.
    Days { start: String, end: String },
    /// As a number of periods, and whether it is over.
    Counted { tenure: String, ended: String },
}

/// `[value.<name>]` of contracts, checked.
#[derive(Debug, Clone)]
pub struct ContractParams {
    pub contracts: Contracts,
    pub group: Option<String>,
    pub horizon_days: u32,
    pub discount_rate: f64,
    pub sample: usize,
    pub min_contracts: usize,
}

impl Contracts {
    /// Returns whether the table has the days of a contract.
    pub(in crate::mining::value) fn has_days(&self) -> bool {
        matches!(self.tenure, TenureColumns::Days { .. })
    }
}

impl ContractParams {
    /// Returns whether the table has the days of a contract: only then there is a past to judge at.
    pub fn has_days(&self) -> bool {
        self.contracts.has_days()
    }
}

impl ContractsSection {
    /// Returns the contracts, or adds what is wrong with them.
    pub(in crate::mining::value) fn check(&self, problems: &mut Vec<Problem>) -> Option<Contracts> {
        let before = problems.len();
        if !is_identifier(&self.id) {
            let error = Error::config(format!("`{}` is not the name of a column", self.id))
                .hint("compute it in the SQL of the contracts, and name the column");
            problems.push(Problem::new(["contracts", "id"], error));
        }
        let expressions = [
            ("start", self.start.as_deref()),
            ("end", self.end.as_deref()),
            ("tenure", self.tenure.as_deref()),
            ("margin", Some(self.margin.as_str())),
        ];
        for (key, expression) in expressions {
            check_expression(&["contracts", key], expression, problems);
        }
        check_condition(&["contracts", "ended"], self.ended.as_deref(), problems);
        let tenure = match (&self.start, &self.end, &self.tenure, &self.ended) {
            (Some(start), Some(end), None, None) => {
                Some(TenureColumns::Days { start: start.clone(), end: end.clone() })
            }
            (None, None, Some(tenure), Some(ended)) => {
                Some(TenureColumns::Counted { tenure: tenure.clone(), ended: ended.clone() })
            }
            _ => {
                let error = Error::config(
                    "how long a contract has run is said by `start` and `end`, or else by `tenure` and `ended`",
                )
                .hint("for example start = \"started_on\", end = \"ended_on\"; days can be judged at past cut-offs");
                problems.push(Problem::new(["contracts"], error));
                None
            }
        };
        tenure.filter(|_| problems.len() == before).map(|tenure| Contracts {
            table: self.table.clone(),
            id: self.id.clone(),
            tenure,
            period: self.period,
            margin: self.margin.clone(),
            model: self.model,
        })
    }
}
