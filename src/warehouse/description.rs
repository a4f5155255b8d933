//! What tables and columns contain, in words: Delta and Parquet carry it to every reader.

use std::collections::BTreeMap;

use arrow::datatypes::{Field, Schema};

use crate::error::{Error, Result};
use crate::name::TableName;
use crate::suggestion::did_you_mean_or_list;

/// The key of a field's metadata under which Spark and others look for the description of a column.
const COMMENT: &str = "comment";

/// The descriptions of a table and of its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableDescription {
    /// What a row is, and what the rows are for.
    pub text: Option<String>,
    /// By column.
    pub columns: BTreeMap<String, String>,
}

/// The descriptions of tables; a table that is not among them has none.
pub type Descriptions = BTreeMap<TableName, TableDescription>;

impl TableDescription {
    /// Returns what the schema of a table says of its columns.
    pub fn of_schema(schema: &Schema) -> Self {
        let described = schema
            .fields()
            .iter()
            .filter_map(|field| Some((field.name().clone(), column_description(field)?.to_owned())));
        TableDescription { text: None, columns: described.collect() }
    }

    /// Refuses a description of a column that the table does not have.
    pub(super) fn require_columns(&self, table: &TableName, schema: &Schema) -> Result<()> {
        for column in self.columns.keys() {
            if schema.field_with_name(column).is_err() {
                let known = schema.fields().iter().map(|field| field.name().as_str());
                return Err(Error::config(format!("{table} has no column `{column}`, which is described"))
                    .in_value("columns", column)
                    .hint(did_you_mean_or_list(column, known, "its columns are")));
            }
        }
        Ok(())
    }
}

/// Returns what a column contains, where its table says so.
fn column_description(field: &Field) -> Option<&str> {
    field.metadata().get(COMMENT).map(String::as_str).filter(|text| !text.trim().is_empty())
}

/// Returns the field with its description, if it has one, and no other metadata.
pub(super) fn described(field: Field, description: Option<&str>) -> Field {
    let comment = description.map(|text| (COMMENT.to_owned(), text.to_owned()));
    field.with_metadata(comment.into_iter().collect())
}

/// Returns the schema for queries: descriptions are for people.
pub(super) fn undescribed(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| described(field.as_ref().clone(), None));
    Schema::new(fields.collect::<Vec<_>>())
}
