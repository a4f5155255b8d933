//! `ops`: the history of the warehouse, one file per table.
//!
//! Each file owns its table's name, columns, writer and reader. The tables are published in the same release
//! as what they tell of, so the two can never disagree; a run that fails publishes them alone.
//!
//! ```text
//! runs          one row per run
//! steps         one row per run and step
//! checks        one row per run, table and check
//! sources       one row per file and run that took it up: the file register
//! quarantine    refused records, and what became of them
//! models        fitted models, one row per run, model, part, name and position
//! holdout_scores  whom models were judged on, of each its last fit
//! suppressions  who was forgotten, as keyed hashes
//! ```

pub mod checks;
mod columns;
pub mod holdout_scores;
mod identifier;
pub mod models;
pub mod quarantine;
pub mod runs;
pub mod sources;
pub mod steps;
pub mod suppressions;
mod table;

pub use columns::with_run;
pub use identifier::Identifier;

use arrow::datatypes::SchemaRef;

use crate::name::TableName;

/// Returns the columns of a table of the history; `None` when there is no such table.
pub fn schema(table: &TableName) -> Option<SchemaRef> {
    match (table.schema(), table.table()) {
        ("ops", "runs") => Some(runs::schema()),
        ("ops", "steps") => Some(steps::schema()),
        ("ops", "checks") => Some(checks::schema()),
        ("ops", "sources") => Some(sources::schema()),
        ("ops", "models") => Some(models::schema()),
        ("ops", "holdout_scores") => Some(holdout_scores::schema()),
        ("ops", "quarantine") => Some(quarantine::schema()),
        ("ops", "suppressions") => Some(suppressions::schema()),
        _ => None,
    }
}
