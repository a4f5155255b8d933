//! How much it matters that something declared does not hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What it does to the run when something that was declared does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Default)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It is reported.
    Warn,
    /// The run stops, and nothing is published.
    #[default]
    Error,
}
