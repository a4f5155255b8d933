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
    /// An amount, as SQL over the columns, whose total is exactly that of the tables `with`.
    #[schemars(example = &"amount")]
    pub reconciles: Option<String>,
    /// For `reconciles`: only the rows for which this condition is true.
    #[serde(rename = "where")]
    #[schemars(example = &"account = 'sales'")]
    pub condition: Option<String>,
    /// For `reconciles`: the totals agree in each of these groups too. Columns, or SQL over them.
    #[schemars(example = ["channel"])]
    pub by: Option<OneOrMany>,
    /// For `reconciles`: the totals agree for each key too, and a message names keys that do not.
    #[schemars(example = &"order_id")]
    pub keyed_by: Option<OneOrMany>,
    /// For `reconciles`: the tables whose totals together are this one's.
    pub with: Option<Vec<ReconciledWith>>,
    /// What a broken check does.
    #[serde(default)]
    #[schemars(extend("default" = "error"))]
    pub severity: Severity,
}

/// A table whose total is that of the checked table, or a part of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    expecting = "a table such as { table = \"core.order_lines\", sum = \"net_amount\" }"
)]
pub struct ReconciledWith {
    /// Which table: `schema.table`.
    #[schemars(example = &"core.order_lines")]
    pub table: String,
    /// Its amount, as SQL over its columns. Default: as in the checked table.
    #[schemars(example = &"quantity * unit_price")]
    pub sum: Option<String>,
    /// Only the rows for which this condition is true.
    #[serde(rename = "where")]
    #[schemars(example = &"not is_return")]
    pub condition: Option<String>,
    /// Its groups, in the same order. Default: as in the checked table.
    pub by: Option<OneOrMany>,
    /// Its keys, in the same order. Default: as in the checked table.
    pub keyed_by: Option<OneOrMany>,
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
