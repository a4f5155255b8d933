//! Properties of a table: `<schema>/<table>.toml` beside its SQL, or alone for a table that the engine makes.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::check::CheckDeclaration;
use crate::source::SourceDeclaration;

/// `sql/<pipeline>/<schema>/<table>.toml` as written.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableProperties {
    /// What a row is, in a sentence. Readers of the table see it: `show`, Delta, `manifest.json`.
    #[schemars(example = &"One row per order, returns included")]
    pub description: Option<String>,
    /// What columns contain: `column = "description"`.
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
    /// The columns that tell rows apart: none of them is null, and no two rows agree in all of them. Tables of
    /// the schema `mart` need one; their rows are sorted by it.
    #[serde(default)]
    #[schemars(example = ["order_id"])]
    pub key: Vec<String>,
    /// The column that says when an event occurred: a model sees rows before the instant of its run.
    #[schemars(example = &"ordered_at")]
    pub time: Option<String>,
    /// The column that says from when a state holds.
    #[schemars(example = &"valid_from")]
    pub valid_from: Option<String>,
    /// Whether the table contains nothing from the future: a catalogue, a calendar.
    #[serde(default, rename = "static")]
    #[schemars(extend("default" = false))]
    pub is_static: bool,
    /// What must hold of the rows, in every run.
    #[serde(default)]
    pub checks: Vec<CheckDeclaration>,
    /// Words by which tables are selected: `--select tag:finance`.
    #[serde(default)]
    #[schemars(example = ["finance"])]
    pub tags: Vec<String>,
    /// Who answers for the table: a team or a role.
    #[schemars(example = &"data team of sales")]
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
