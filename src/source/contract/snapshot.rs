//! `snapshot = true`: each file is the complete list of its day, and a key that is missing has left the list.
//!
//! The raw table is the history of the list: one row per key and state, valid from `valid_from` to
//! `valid_to`, which is null while the row is current.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

/// The columns that a history has beside the declared ones.
pub const VALID_FROM: &str = "valid_from";
pub const VALID_TO: &str = "valid_to";

/// `snapshot = true`, or a table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected true, or a table such as { min_share = 0.8 } (keys: min_share, history)"
)]
pub enum SnapshotDeclaration {
    Is(bool),
    Table(SnapshotTable),
}

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapshotTable {
    /// The share of the rows of the last list, 0 to 1, below which a list is refused as incomplete.
    #[schemars(example = 0.8, extend("default" = 0.5))]
    pub min_share: Option<f64>,
    /// Whether models see every state that was known, and not only those that hold.
    #[serde(default)]
    #[schemars(extend("default" = false))]
    pub history: bool,
}

/// What is declared of a source of snapshots, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    pub min_share: f64,
    pub history: bool,
    /// In which the days of lists begin: the source's, where it declares one, else the pipeline's.
    pub zone: Tz,
}

/// Returns the columns that a history has in addition to the declared ones.
pub(in crate::source) fn fields() -> [Field; 2] {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")));
    [Field::new(VALID_FROM, instant.clone(), false), Field::new(VALID_TO, instant, true)]
}
