//! Audiences: who is on a list, who is not, and why.
//!
//! Every customer of the base gets one decision, the first reason in a fixed order that keeps them
//! off, or a place on the list. List and waterfall are both read from the decisions, so that the
//! waterfall adds up to the last person by construction.
//!
//! `declaration` mirrors the TOML; `grain` counts that tables have one row a customer; `candidates`
//! joins them to one row a customer, which SQL calls `base`; `names` says what a name in a condition
//! means; `subquery` turns what a condition asks of other tables into sets of customers; `condition`
//! puts both together; `consent` looks up who agreed; `answers` asks every customer all of it; `judgement`
//! says what the answers decide; `decision` goes through an audience; `waterfall` has the lines.

mod answers;
mod candidates;
mod condition;
mod consent;
mod decision;
mod declaration;
mod decorrelation;
mod grain;
mod judgement;
mod names;
mod subquery;
mod unknown;
mod waterfall;

pub use decision::{Decided, Drawing};
pub use declaration::{AudienceDeclaration, ConditionDeclaration};
pub use unknown::unknown_conditions;
pub use waterfall::{disagreements_sql, lists, reasons, waterfall};

use std::collections::BTreeSet;

use crate::clock::Instant;
use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};

/// A checked audience.
#[derive(Debug, Clone, PartialEq)]
pub struct Audience {
    pub name: String,
    /// The base and what is joined to it by `customer_id`, the base first.
    pub from: Vec<TableName>,
    /// Who is meant: all of these must hold.
    pub rules: Vec<Condition>,
    /// Who is left off: none of these may hold.
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
    /// Share kept back at random, taken out of the limit; 0 to 1.
    pub control: f64,
    /// Changes the random choice of the control group.
    pub salt: String,
    /// Columns of the tables in `from` that an export carries beside the list's own.
    pub export: Vec<String>,
}

/// A condition on a customer, and the reason that the waterfall gives for those whom it keeps off.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub reason: String,
    pub sql: String,
}

/// Where consents stand: `customer_id`, `channel`, `granted`, `valid_from`, and `purpose` where one
/// channel is asked for several things.
pub const CONSENTS: (&str, &str) = ("core", "consents");
/// The column that says from when a consent holds.
pub const CONSENTS_VALID_FROM: &str = "valid_from";

/// One row a customer and audience: `audience, customer_id, position, reason, score, rank, unknown`.
pub const DECISIONS: (&str, &str) = ("mart", "list_decisions");
/// One row a person on a list, the control group included.
pub const LISTS: (&str, &str) = ("mart", "target_lists");
/// One row a reason: the base, each exclusion, the control group, the list.
pub const WATERFALL: (&str, &str) = ("mart", "list_waterfall");

/// What audiences make, and the key of each: one row a line of it.
pub const MADE: [((&str, &str), &[&str]); 3] = [
    (DECISIONS, &["audience", "customer_id"]),
    (LISTS, &["audience", "customer_id"]),
    (WATERFALL, &["audience", "position"]),
];

/// The columns that every list has; an export adds to them.
pub const LIST_COLUMNS: [&str; 6] = ["audience", "customer_id", "channel", "rank", "score", "is_control"];

/// The name of one of the tables above.
pub fn table(name: (&str, &str)) -> TableName {
    TableName::new(name.0, name.1).expect("the audience's own table names are valid")
}

impl Audience {
    /// The tables the audience reads.
    pub fn reads(&self) -> BTreeSet<TableName> {
        let mut tables: BTreeSet<TableName> = self.from.iter().chain(&self.asks).cloned().collect();
        if self.consent {
            tables.insert(table(CONSENTS));
        }
        tables
    }
}

/// The columns that an export of the audience adds, each with its name: a view of the session's, one
/// row a customer, `customer_id` first.
///
/// # Errors
/// A column that no table in `from` has, or that several have; a table that has more than one row of
/// a customer.
pub async fn register_export(
    catalog: &Catalog,
    session: &Session,
    audience: &Audience,
    as_of: Option<Instant>,
) -> Result<(TableName, Vec<String>)> {
    // Consents have been looked at when the list was drawn.
    let columns_only = Audience { consent: false, ..audience.clone() };
    grain::count(catalog, &[columns_only], as_of).await?;
    let place = format!("audience {} › export", audience.name);
    let candidates = candidates::Candidates::open(session, audience).await?;
    let columns = candidates.exported(&audience.export).map_err(|e| e.at(place))?;
    let view = TableName::new("audience", "exported")?;
    let names = columns.iter().map(|(_, name)| name.clone()).collect();
    session.register_view(&view, candidates.renamed(&columns)?)?;
    Ok((view, names))
}
