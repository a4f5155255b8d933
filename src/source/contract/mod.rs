//! What a source promises of its rows, wherever they come from: columns with types, whose the rows are, how
//! long they are kept, what happens when reality differs.

pub mod column;
pub mod expectation;
pub mod header_name;
pub mod person;
pub mod policy;
pub mod retention;
pub mod snapshot;

use std::sync::Arc;

use chrono_tz::Tz;

use column::{Column, ColumnType, Style};
use expectation::{ExpectedRows, Late};
use header_name::plain;
use person::Person;
use policy::{OnDrift, Undated};
use retention::RetentionRule;
use snapshot::Snapshot;

/// What the rows of a source are.
#[derive(Debug, Clone, PartialEq)]
pub struct Contract {
    pub columns: Vec<Column>,
    pub key: Vec<String>,
    /// A timestamp, a date or a number.
    pub version: Option<String>,
    pub undated: Undated,
    /// The share of refused records, 0 to 1, that a run accepts.
    pub tolerance: f64,
    pub on_drift: OnDrift,
    /// Undeclared columns that are ignored, as names are compared where the rows come from.
    pub(super) ignored: Vec<String>,
    /// How the text of undeclared columns is read.
    pub(super) usual: Arc<Style>,
    /// None if the rows belong to no person.
    pub person: Option<Person>,
    pub keep: Option<RetentionRule>,
    /// None where rows add to each other.
    pub snapshot: Option<Snapshot>,
    /// The periods in which rows are expected, by the values of a column.
    pub expect: Option<ExpectedRows>,
    pub late: Option<Late>,
    /// In which days are counted.
    pub zone: Tz,
}

impl Contract {
    /// Returns whether several rows may be versions of one record.
    pub fn has_versions(&self) -> bool {
        !self.key.is_empty() && self.snapshot.is_none()
    }

    /// Returns whether the raw table has a column of this name in addition to those that are read.
    pub fn adds(&self, name: &str) -> bool {
        self.snapshot.is_some() && snapshot::fields().iter().any(|field| field.name() == name)
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
