//! `checks = [ … ]` of a table, as it is written; what is checked is said in `check`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::severity::Severity;

/// An entry of `checks`: one assertion, with an optional severity.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckDeclaration {
    /// A column, or columns, without nulls.
    #[schemars(example = &"ordered_at")]
    pub not_null: Option<OneOrMany>,
    /// Columns in which no two rows agree.
    #[schemars(example = ["order_id", "line_no"])]
    pub unique: Option<OneOrMany>,
    /// A column that has only the `values`, or null.
    #[schemars(example = &"channel")]
    pub accepted_values: Option<String>,
    /// The values for `accepted_values`.
    #[schemars(example = ["shop", "web"])]
    pub values: Option<Vec<String>>,
    /// A column whose values are all in the column that `to` names, or null.
    #[schemars(example = &"product_id")]
    pub relationships: Option<String>,
    /// The column that `relationships` points to: `schema.table.column`.
    #[schemars(example = &"core.products.product_id")]
    pub to: Option<String>,
    /// How many rows there are.
    pub row_count: Option<Bounds>,
    /// A SQL condition over the columns that no row makes false.
    #[schemars(example = &"net_amount >= 0")]
    pub expression: Option<String>,
    /// What a broken check does.
    #[serde(default)]
    #[schemars(extend("default" = "error"))]
    pub severity: Severity,
}

/// A column, or columns.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a column or a list of columns")]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    /// Returns the columns.
    pub fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

/// How many rows there are.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "a table such as { min = 1 }")]
pub struct Bounds {
    /// At least so many.
    #[schemars(example = 1)]
    pub min: Option<u64>,
    /// At most so many.
    #[schemars(example = 1000000)]
    pub max: Option<u64>,
}
