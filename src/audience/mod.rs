//! Audiences: who is on a list, who is not, and why.
//!
//! Every customer of the base gets one decision, the first reason in a fixed order that keeps them
//! off, or a place on the list. List and waterfall are both read from the decisions, so that the
//! waterfall adds up to the last person by construction.

mod consent;
mod decision;
mod declaration;

pub use consent::unasked_purposes;
pub use decision::{decide, lists, reasons, waterfall};
pub use declaration::{AudienceDeclaration, ExclusionDeclaration};

use crate::name::TableName;

/// A checked audience.
#[derive(Debug, Clone, PartialEq)]
pub struct Audience {
    pub name: String,
    /// The base and what is joined to it by `customer_id`, the base first.
    pub from: Vec<TableName>,
    /// SQL condition: who is meant.
    pub rule: String,
    pub exclusions: Vec<Exclusion>,
    /// SQL expression; the highest come first, ties by customer id.
    pub rank_by: String,
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

#[derive(Debug, Clone, PartialEq)]
pub struct Exclusion {
    pub reason: String,
    pub condition: String,
}

/// Where consents stand: `customer_id`, `channel`, `granted`, `valid_from`, and `purpose` where one
/// channel is asked for several things.
pub const CONSENTS: (&str, &str) = ("core", "consents");

/// One row a customer and audience: `audience, customer_id, position, reason, score, rank`.
pub const DECISIONS: (&str, &str) = ("mart", "list_decisions");
/// One row a person on a list, the control group included.
pub const LISTS: (&str, &str) = ("mart", "target_lists");
/// One row a reason: the base, each exclusion, the control group, the list.
pub const WATERFALL: (&str, &str) = ("mart", "list_waterfall");

/// The name of one of the tables above.
pub fn table(name: (&str, &str)) -> TableName {
    TableName::new(name.0, name.1).expect("the audience's own table names are valid")
}

impl Audience {
    /// The tables the audience reads.
    pub fn reads(&self) -> Vec<TableName> {
        let mut tables = self.from.clone();
        if self.consent {
            tables.push(table(CONSENTS));
        }
        tables
    }
}
