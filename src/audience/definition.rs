//! A checked audience: who is on it, who is excluded, and in what order.

use std::collections::BTreeSet;

use super::tables::{CONSENTS, table};
use crate::name::TableName;

/// A checked audience.
#[derive(Debug, Clone, PartialEq)]
pub struct Audience {
    pub name: String,
    /// The base and what is joined to it by `customer_id`, the base first.
    pub from: Vec<TableName>,
    /// Who may be on the list: all of these must be true.
    pub rules: Vec<Condition>,
    /// Who is excluded: none of these may be true.
    pub exclusions: Vec<Condition>,
    /// SQL expression; the highest come first, ties by customer id.
    pub rank_by: String,
    /// The tables that subqueries of the conditions and of the ranking read.
    pub asks: BTreeSet<TableName>,
    pub limit: Option<u64>,
    pub channel: String,
    /// Only customers who granted the channel; a missing consent means no.
    pub consent: bool,
    /// What it is for: all of these must be granted on the channel. Empty where consents know no
    /// purpose.
    pub purposes: Vec<String>,
    /// Share kept back at random, removed of the limit; 0 to 1.
    pub control: f64,
    /// Changes the random choice of the control group.
    pub salt: String,
    /// Columns of the tables in `from` that an export carries beside the list's own.
    pub export: Vec<String>,
}

/// A condition on a customer, and the reason that the waterfall gives for customers that it keeps off.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub reason: String,
    pub sql: String,
}

impl Audience {
    /// Returns the tables the audience reads.
    pub fn reads(&self) -> BTreeSet<TableName> {
        let mut tables: BTreeSet<TableName> = self.from.iter().chain(&self.asks).cloned().collect();
        if self.consent {
            tables.insert(table(CONSENTS));
        }
        tables
    }
}
