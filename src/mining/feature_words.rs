//! What a feature is called where people read of it: in the names of segments, in the reasons of a score.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::feature_column::FeatureColumn;
use crate::config::Problem;
use crate::error::Error;

/// What a feature is called in names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected two words, [\"rare\", \"frequent\"], or one for the feature, \"orders\""
)]
pub enum Words {
    /// For low and for high values: `rare`, `frequent`.
    LowHigh([String; 2]),
    /// For the feature: `value`, of which is said where it lies.
    Noun(String),
}

/// Refuses words for columns that are not among those of the section; `whose` says whose they are to be.
pub(super) fn check_words(
    names: &BTreeMap<String, Words>,
    columns: &[FeatureColumn],
    whose: &str,
    problems: &mut Vec<Problem>,
) {
    for column in names.keys().filter(|name| !columns.iter().any(|c| c.column == **name)) {
        problems.push(Problem::new(
            ["names", column],
            Error::config(format!("`{column}` is named but is not among the columns of the {whose}"))
                .hint("add it to `columns`, or drop its words"),
        ));
    }
}
