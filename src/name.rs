//! Names that are checked once and trusted afterwards: tables and steps.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A table of the warehouse: `schema.table`, both lower-case SQL identifiers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TableName {
    schema: String,
    table: String,
}

impl JsonSchema for TableName {
    fn schema_name() -> Cow<'static, str> {
        "TableName".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^[a-z_][a-z0-9_]*\\.[a-z_][a-z0-9_]*$" })
    }
}

impl TableName {
    /// Returns the name of a table of a schema.
    ///
    /// # Errors
    /// A schema or a table that is not an identifier.
    pub fn new(schema: &str, table: &str) -> Result<Self> {
        for part in [schema, table] {
            if !is_identifier(part) {
                return Err(Error::config(format!("`{schema}.{table}` is not a table name"))
                    .hint("write schema.table in lower-case letters, digits and underscores"));
            }
        }
        Ok(TableName { schema: schema.to_owned(), table: table.to_owned() })
    }

    pub fn schema(&self) -> &str {
        &self.schema
    }

    pub fn table(&self) -> &str {
        &self.table
    }

    /// Returns the table's folder, relative to the warehouse.
    pub fn folder(&self) -> String {
        format!("{}/{}", self.schema, self.table)
    }
}

/// Returns a lower-case SQL identifier that needs no quotes.
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

impl FromStr for TableName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('.') {
            Some((schema, table)) => Self::new(schema, table),
            None => Err(Error::config(format!("`{text}` is not a table name"))
                .hint("write schema.table, for example mart.segments")),
        }
    }
}

impl TryFrom<String> for TableName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<TableName> for String {
    fn from(name: TableName) -> String {
        name.to_string()
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

/// A step of a run. A step that makes one table carries the table's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepName(String);

impl StepName {
    pub fn new(name: impl Into<String>) -> Self {
        StepName(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&TableName> for StepName {
    fn from(table: &TableName) -> Self {
        StepName(table.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_is_two_lower_case_identifiers() {
        let name: TableName = "mart.customer_360".parse().unwrap();
        assert_eq!((name.schema(), name.table()), ("mart", "customer_360"));
        for wrong in ["segments", "Mart.Segments", "mart.", "mart.a.b", "mart.a-b", "1.a", "a/../b.c"] {
            assert!(wrong.parse::<TableName>().is_err(), "{wrong}");
        }
    }
}
