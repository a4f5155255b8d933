//! A checked source: where its files are, and what a record must be.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use glob::Pattern;

use crate::name::TableName;
use crate::source::contract::column::{Column, ColumnType, Style};
use crate::source::contract::header_name::plain;
use crate::source::contract::person::Person;
use crate::source::contract::policy::{OnDrift, Undated};
use crate::source::contract::retention::RetentionRule;
use crate::source::contract::snapshot::{self, Snapshot};
use crate::source::file::csv::ragged::Ragged;
use crate::source::file::delivery::Delivery;
use crate::source::file::delivery::editions::Editions;
use crate::source::file::delivery::file_version::file_version;
use crate::source::file::delivery::same_content::SameContent;
use crate::source::file::format::Format;
use crate::source::file::text::TextEncoding;

/// The column with the number of the element that a row comes from.
pub(super) const ELEMENT: &str = "_element";

/// A checked source: where its files are and what a record must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    pub name: String,
    /// The location as declared.
    pub path: String,
    pub format: Format,
    pub columns: Vec<Column>,
    pub key: Vec<String>,
    /// A timestamp, a date or a number.
    pub version: Option<String>,
    pub undated: Undated,
    pub tolerance: f64,
    pub optional: bool,
    pub on_drift: OnDrift,
    pub delivery: Delivery,
    /// The path of the array whose elements are the rows; without it records are.
    pub rows: Option<String>,
    /// None if the rows belong to no person.
    pub person: Option<Person>,
    pub keep: Option<RetentionRule>,
    /// The members of zip archives that are read; all if not given.
    pub(super) member: Option<Pattern>,
    pub same_content: Option<SameContent>,
    /// None where files add to each other.
    pub snapshot: Option<Snapshot>,
    pub replaces: Option<Editions>,
    /// Undeclared columns that are ignored.
    pub(super) ignored: Vec<String>,
    /// How the text of undeclared columns is read.
    pub(super) usual: Arc<Style>,
    pub(super) dialect: Dialect,
}

/// How the text of a file is laid out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dialect {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub header: bool,
    pub comment: Option<u8>,
    pub skip_lines: usize,
    pub footer_lines: usize,
    pub encoding: TextEncoding,
    pub ragged: Ragged,
}

impl Source {
    /// Returns the table that its rows go to.
    pub fn raw_table(&self) -> TableName {
        raw_table(&self.name)
    }

    /// Returns the source with only these columns, ignoring all others.
    #[must_use]
    pub fn of_columns(&self, names: &[String]) -> Source {
        let mut source = self.clone();
        source.columns.retain(|column| names.contains(&column.name));
        source.on_drift = OnDrift::Ignore;
        source
    }

    /// Returns the columns of the raw table but for the run: those that reading yields and, of snapshots,
    /// when the row held.
    pub fn table_schema(&self) -> SchemaRef {
        let mut fields = self.schema().fields().to_vec();
        if self.snapshot.is_some() {
            fields.extend(snapshot::fields().map(Arc::new));
        }
        Arc::new(Schema::new(fields))
    }

    /// Returns whether the raw table has a column of this name that no file has.
    pub fn adds(&self, name: &str) -> bool {
        self.snapshot.is_some() && snapshot::fields().iter().any(|field| field.name() == name)
    }

    /// Returns the rows that reading yields: the declared columns in their order, then `_file` (the file's
    /// short name) and `_line` (the 1-based line where the record starts; in Parquet and among JSON values
    /// its number); where rows are elements of a record also `_element` (which of them, from 1), and with
    /// a key
    /// `_version`, which orders the rows of different files.
    pub fn schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> = self.columns.iter().map(Column::field).collect();
        fields.push(Field::new("_file", DataType::Utf8, false));
        fields.push(Field::new("_line", DataType::Int64, false));
        if self.rows.is_some() {
            fields.push(Field::new(ELEMENT, DataType::Int64, false));
        }
        if self.has_versions() {
            fields.push(Field::new("_version", DataType::Utf8, false));
        }
        Arc::new(Schema::new(fields))
    }

    /// Returns whether several rows may be versions of one record.
    pub fn has_versions(&self) -> bool {
        !self.key.is_empty() && self.snapshot.is_none()
    }

    /// Returns the version that a file gives its rows, which sorts as the files follow one another.
    pub fn version_of(&self, file: &str) -> String {
        file_version(file, self.delivery.date_of(file))
    }

    /// Returns whether a timestamp column is read by a format that names days only.
    pub fn names_only_days(&self, column: &str) -> bool {
        self.columns
            .iter()
            .any(|c| c.name == column && c.kind == ColumnType::Timestamp && c.names_only_days())
    }

    /// Makes days in the time column of events mean the end of the day.
    pub fn date_events(&mut self, column: &str) {
        self.columns.iter_mut().filter(|c| c.name == column).for_each(Column::date_events);
    }

    /// Refuses rows without a value in the column.
    pub fn require(&mut self, column: &str) {
        for required in self.columns.iter_mut().filter(|c| c.name == column) {
            required.nullable = false;
        }
    }

    /// Returns whether an undeclared column of this name is to be silently ignored.
    pub(super) fn leaves_out(&self, name: &str) -> bool {
        let name = plain(name);
        name.is_empty() || self.ignored.iter().any(|ignored| *ignored == name)
    }
}

/// Returns the table that the rows of the source of this name go to.
pub fn raw_table(source: &str) -> TableName {
    TableName::new("raw", source).expect("a source's name was checked to be an identifier")
}
