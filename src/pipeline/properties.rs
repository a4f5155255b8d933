//! Properties of a table: `<schema>/<table>.toml` beside its SQL, or alone for a table that the engine makes.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::check::CheckDeclaration;
use crate::source::SourceDeclaration;

/// `sql/<pipeline>/<schema>/<table>.toml` as written.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableProperties {
    /// What a row is, in a sentence. Readers of the table see it: `show`, Delta, `manifest.json`.
    pub description: Option<String>,
    /// What columns contain: `column = "description"`.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// The columns that tell rows apart; none is null, and no two rows agree in all.
    #[serde(default)]
    pub key: Vec<String>,
    /// The column that says when an event occurred: a model sees rows before the instant of its run.
    pub time: Option<String>,
    /// The column that says from when a state holds.
    pub valid_from: Option<String>,
    /// Your promise that the table contains nothing from the future.
    #[serde(default, rename = "static")]
    pub is_static: bool,
    /// What must hold of the rows, in every run.
    #[serde(default)]
    pub checks: Vec<CheckDeclaration>,
    /// Words by which tables are selected: `--select tag:finance`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who answers for the table: a team or a role.
    pub owner: Option<String>,
}

impl TableProperties {
    /// Returns what a source says of its raw table.
    pub fn of_source(source: &SourceDeclaration) -> Self {
        let described = source.columns.0.iter().filter_map(|(name, column)| {
            let description = column.0.description.clone()?;
            Some((name.clone(), description))
        });
        TableProperties {
            description: source.description.clone(),
            columns: described.collect(),
            // A source's key tells its records apart, of which the raw table has every version.
            key: Vec::new(),
            time: source.time.clone(),
            valid_from: source.valid_from.clone(),
            is_static: source.is_static,
            checks: source.checks.clone(),
            tags: source.tags.clone(),
            owner: source.owner.clone(),
        }
    }
}
