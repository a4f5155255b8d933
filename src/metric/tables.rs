//! The tables that the metrics make, and the words that stand in them for what has no name.

use crate::name::TableName;

/// The figures. Grain: one row per metric, instant, period, dimension and its value.
pub(super) const METRICS: &str = "metrics";
/// Grain: one row per metric of tonight's pipeline.
pub(super) const DEFINITIONS: &str = "metric_definitions";
/// Grain: one row per objective.
pub(super) const OBJECTIVES: &str = "objectives";
/// The dimension, and its one value, of the figures that are not split.
pub(super) const ALL: &str = "all";
/// What a dimension says of rows that have no value.
pub(super) const NONE: &str = "(none)";

/// Returns the table of this name.
pub(super) fn mart(table: &str) -> TableName {
    TableName::new("mart", table).expect("our own table names are valid")
}
