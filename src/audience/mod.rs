//! Audiences: who is on a list, who is not, and why.
//!
//! Every customer of the base gets one decision, the first reason in a fixed order that keeps them
//! off, or a place on the list. List and waterfall are both read from the decisions, so that the
//! waterfall adds up to the last person by construction.
//!
//! `declaration` mirrors the TOML, `definition` is what it means once checked; `tables` are read and made;
//! `grain` counts that tables have one row per customer; `candidates`
//! joins them to one row per customer, which SQL calls `base`; `names` says what a name in a condition
//! means; `subquery` turns what a condition asks of other tables into sets of customers; `condition`
//! puts both together; `segment_names` refuses names that no segment has; `weak_models` says whose scores may be
//! chance; `consent` looks up who agreed; `reach` says who can be reached,
//! `address` what it takes and `bounces` which addresses are out of use; `evaluation` asks every customer all of it; `decision_sql`
//! says what follows; `decision` goes through an audience; `waterfall` has the lines; `step` does it
//! all in a run. `lookup` finds a customer by what people know of them, `explanation` says why they are on or off.

mod address;
mod bounces;
mod candidates;
mod condition;
mod consent;
mod customer_columns;
mod decision;
mod decision_sql;
mod declaration;
mod decorrelation;
mod definition;
mod evaluation;
mod explanation;
mod export;
mod grain;
mod lookup;
mod names;
mod null_conditions;
mod reach;
mod segment_names;
mod step;
mod subquery;
mod tables;
mod waterfall;
mod weak_models;

pub use address::{Address, AddressKind, Reach};
pub use declaration::{AudienceDeclaration, ConditionDeclaration};
pub use definition::{Audience, Condition, WeakModel};
pub use explanation::{explain, warns};
pub use export::{list_columns, register_export};
pub use lookup::{find, ids};
pub use segment_names::{require_released, segment_profiles, segments_named};
pub use step::Audiences;
pub use tables::{
    BOUNCES, BOUNCES_VALID_FROM, CONSENTS, CONSENTS_VALID_FROM, DECISIONS, DEFINITIONS, LIST_COLUMNS, LISTS,
    MADE, WATERFALL, table,
};
pub use waterfall::{disagreements_sql, reasons};
pub use weak_models::{score_columns, scores_read};
