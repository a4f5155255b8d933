//! `checks = [ … ]` of a table in the pipeline file.

use schemars::JsonSchema;
use serde::Deserialize;

use super::assertion::{Assertion, Check};
use crate::config::Severity;
use crate::error::{Error, Result};
use crate::name::TableName;

/// Exactly one kind of assertion an entry, with an optional severity.
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

#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a column or a list of columns")]
pub enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

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

impl CheckDeclaration {
    /// Returns the checks an entry declares (`not_null` of several columns is one check per column).
    pub fn check(&self, table: &TableName) -> Result<Vec<Check>> {
        let mut assertions: Vec<Assertion> = Vec::new();
        let mut kinds = 0;
        if let Some(columns) = self.not_null.clone() {
            kinds += 1;
            assertions.extend(columns.into_vec().into_iter().map(Assertion::NotNull));
        }
        if let Some(columns) = self.unique.clone() {
            kinds += 1;
            assertions.push(Assertion::Unique(columns.into_vec()));
        }
        if let Some(column) = self.accepted_values.clone() {
            kinds += 1;
            let values = self.values.clone().filter(|v| !v.is_empty()).ok_or_else(|| {
                Error::config("`accepted_values` needs a list of values").hint("add values = [\"…\", \"…\"]")
            })?;
            assertions.push(Assertion::AcceptedValues { column, values });
        }
        if let Some(column) = self.relationships.clone() {
            kinds += 1;
            let (to, to_column) = self.to.as_deref().and_then(|to| to.rsplit_once('.')).ok_or_else(|| {
                Error::config("`relationships` needs the column it points to")
                    .hint("add to = \"schema.table.column\"")
            })?;
            assertions.push(Assertion::Relationships {
                column,
                to: to.parse()?,
                to_column: to_column.to_owned(),
            });
        }
        if let Some(Bounds { min, max }) = self.row_count.clone() {
            kinds += 1;
            if min.is_none() && max.is_none() {
                return Err(Error::config("`row_count` needs `min`, `max` or both"));
            }
            assertions.push(Assertion::RowCount { min, max });
        }
        if let Some(sql) = self.expression.clone() {
            kinds += 1;
            assertions.push(Assertion::Expression(sql));
        }
        if kinds != 1 {
            return Err(Error::config(format!(
                "an entry of `checks` must have one assertion, found {kinds}"
            ))
            .hint("write one of not_null, unique, accepted_values, relationships, row_count, expression"));
        }
        Ok(assertions
            .into_iter()
            .map(|assertion| Check {
                table: table.clone(),
                assertion,
                severity: self.severity,
                standing: false,
            })
            .collect())
    }
}
