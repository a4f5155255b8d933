//! A checked source: what its rows are, and where they come from.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::contract::Contract;
use super::contract::policy::OnDrift;
use super::contract::snapshot;
use super::file::{FileSource, Files};
use super::row::rows::row_schema;
use crate::name::TableName;

/// A checked source.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    pub name: String,
    pub contract: Contract,
    pub origin: Origin,
}

/// Where rows come from.
#[derive(Debug, Clone, PartialEq)]
pub enum Origin {
    Files(Files),
}

impl Source {
    /// Returns the files that its rows come from.
    pub fn files(&self) -> &Files {
        let Origin::Files(files) = &self.origin;
        files
    }

    /// Returns the source as the readers of files see it.
    pub(super) fn as_files(&self) -> FileSource<'_> {
        FileSource { name: &self.name, contract: &self.contract, files: self.files() }
    }

    /// Returns the table that its rows go to.
    pub fn raw_table(&self) -> TableName {
        raw_table(&self.name)
    }

    /// Returns the source with only these columns, ignoring all others.
    #[must_use]
    pub fn of_columns(&self, names: &[String]) -> Source {
        let mut source = self.clone();
        source.contract.columns.retain(|column| names.contains(&column.name));
        source.contract.on_drift = OnDrift::Ignore;
        source
    }

    /// Returns the columns of the raw table but for the run: those that reading yields and, of snapshots,
    /// when the row held.
    pub fn table_schema(&self) -> SchemaRef {
        let mut fields = self.schema().fields().to_vec();
        if self.contract.snapshot.is_some() {
            fields.extend(snapshot::fields().map(Arc::new));
        }
        Arc::new(Schema::new(fields))
    }

    /// Returns the columns of the rows that reading yields.
    pub fn schema(&self) -> SchemaRef {
        let has_elements = self.files().rows.is_some();
        row_schema(&self.contract.columns, has_elements, self.contract.has_versions())
    }
}

/// Returns the table that the rows of the source of this name go to.
pub fn raw_table(source: &str) -> TableName {
    TableName::new("raw", source).expect("a source's name was checked to be an identifier")
}
