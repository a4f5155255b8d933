//! A checked audience: who is on it, who is excluded, and in what order.

use std::collections::BTreeSet;

use datafusion::prelude::DataFrame;
use schemars::JsonSchema;
use serde::Deserialize;

use super::address::Reach;
use super::tables::{BOUNCES, CONSENTS, table};
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

/// A checked audience.
#[derive(Debug, Clone, Default, PartialEq)]
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
    /// How it is found out whether a customer can be reached on the channel.
    pub reach: Reach,
    /// Whether the pipeline makes `core.bounces`.
    pub has_bounces: bool,
    /// What must be true of a customer to be reached; known once the columns of `from` are.
    pub reached_by: Vec<Condition>,
    /// Share kept back at random, removed of the limit; 0 to 1.
    pub control: f64,
    /// Changes the random choice of the control group.
    pub salt: String,
    /// What happens where one of the `scores` is of a weak model.
    pub weak_model: WeakModel,
    /// The scores of models that the conditions and the ranking read.
    pub scores: BTreeSet<String>,
    /// Columns of the tables in `from` that an export carries beside the list's own.
    pub export: Vec<String>,
}

/// A condition on a customer, and the reason that the waterfall gives for customers that it keeps off.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub reason: String,
    pub sql: String,
}

/// What happens where an audience reads the score of a weak model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WeakModel {
    /// The list is drawn, and the run warns.
    #[default]
    Warn,
    /// The run fails, and no list is published.
    Refuse,
}

impl Audience {
    /// Returns the conditions in the order in which they are asked, each with whether it must be true: the rules,
    /// the exclusions, and what it takes to be reached.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (&Condition, bool)> {
        let rules = self.rules.iter().map(|condition| (condition, true));
        let exclusions = self.exclusions.iter().map(|condition| (condition, false));
        rules.chain(exclusions).chain(self.reached_by.iter().map(|condition| (condition, true)))
    }

    /// Returns the SQL of its conditions, of its ranking and of its addresses, with the key of each.
    pub fn expressions(&self) -> Vec<(&'static str, String)> {
        let of = |key, conditions: &[Condition]| {
            conditions.iter().map(|condition| (key, condition.sql.clone())).collect::<Vec<_>>()
        };
        let mut all = of("where", &self.rules);
        all.extend(of("exclude", &self.exclusions));
        all.push(("rank_by", self.rank_by.clone()));
        all.extend(self.reach.expressions().iter().map(|sql| ("reachable", sql.clone())));
        all
    }

    /// Returns the tables the audience reads.
    pub fn reads(&self) -> BTreeSet<TableName> {
        let mut tables: BTreeSet<TableName> = self.from.iter().chain(&self.asks).cloned().collect();
        if self.consent {
            tables.insert(table(CONSENTS));
        }
        if self.has_bounces && matches!(self.reach, Reach::Address(_)) {
            tables.insert(table(BOUNCES));
        }
        tables
    }
}

/// Returns how the audiences are declared, one row each.
pub async fn definitions(catalog: &Catalog, audiences: &[Audience]) -> Result<DataFrame> {
    let texts = |texts: &[String]| match texts {
        [] => "cast(null as varchar)".to_owned(),
        texts => quoted(&texts.join(", ")),
    };
    let rows: Vec<String> = audiences
        .iter()
        .map(|audience| {
            let from: Vec<String> = audience.from.iter().map(ToString::to_string).collect();
            let also = audience.reads().into_iter().filter(|table| !audience.from.contains(table));
            let also: Vec<String> = also.map(|table| table.to_string()).collect();
            let limit = audience.limit.map_or("null".to_owned(), |limit| limit.to_string());
            format!(
                "({}, {}, {}, {}, {}, {}, cast({limit} as bigint), cast({} as double), {}, {}, {})",
                quoted(&audience.name),
                quoted(&audience.channel),
                texts(&from),
                audience.consent,
                texts(&audience.purposes),
                quoted(&audience.rank_by),
                audience.control,
                quoted(&audience.salt),
                texts(&audience.export),
                texts(&also),
            )
        })
        .collect();
    let sql = format!(
        "select * from (values {}) as d(audience, channel, tables, consent, purposes, rank_by, max_customers,
           control, salt, export, also_reads)",
        rows.join(", ")
    );
    catalog.session([], None).await?.sql(&sql).await.doing("keep how the audiences are declared")
}
