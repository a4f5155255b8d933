//! What a source does with files and rows that differ from the declaration.

use schemars::JsonSchema;
use serde::Deserialize;

/// What happens to a file whose columns are not the declared ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnDrift {
    /// The file is not read; nothing is published.
    #[default]
    Fail,
    /// What is declared is read: an undeclared column is left out, a missing one is null.
    Ignore,
    /// As `ignore`, but an undeclared column becomes a nullable column of the raw table.
    Evolve,
}

/// What happens to a row without a value in its table's time column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Undated {
    /// It goes to the quarantine.
    #[default]
    Refuse,
    /// It counts as known at every instant.
    Known,
}
