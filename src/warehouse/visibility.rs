//! What a reader sees of a table at an instant: the versions known then, and what had happened by then.
//!
//! Versions come first. Of a table whose rows come in versions, those that were not known yet are hidden,
//! then the latest of each key is taken, and only then is the row's own time looked at: an order that was
//! changed after the instant is seen as it was before.

use arrow::datatypes::DataType;
use chrono::NaiveDate;
use chrono_tz::Tz;
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::snapshot_history::SnapshotHistory;
use super::versions::{self, Deduplication};
use crate::clock::Instant;
use crate::day::{first_day_not_begun, first_day_not_over};
use crate::error::{Context, Error, Result};
use crate::name::TableName;

/// How rows of a table become known, and which of them count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Visibility {
    pub known: Known,
    /// Of tables whose rows come in versions.
    pub versions: Option<Versions>,
    /// Of histories of snapshots: which of their rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotHistory>,
}

/// When a row became known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Nothing was declared: every row is visible, and training may not read the table.
    #[default]
    Undeclared,
    /// At the time in a column.
    At(TimeColumn),
    /// The author's word that it says nothing of the future.
    Always,
}

/// A column that says when something became known, an instant or a local day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeColumn {
    pub name: String,
    pub of: TimeOf,
    /// Whether rows without a value are known at every instant; else they never are.
    pub undated_known: bool,
}

/// What a time is the time of: that decides what a mere date means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeOf {
    /// It happened some time on that day, and is known when the day is over.
    Event,
    /// It holds from the first instant of the day on.
    State,
}

/// Rows of one key are versions of one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    pub key: Vec<String>,
    /// The column whose greatest value is the latest version; one that is an instant or a date also says
    /// when the version became known.
    pub by: Option<TimeColumn>,
    /// Whether `_version` begins with the date of the row's file, which says when it became known where
    /// no column does.
    pub dated_files: bool,
    /// Whether rows are elements of records, of which several may have one key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elements: bool,
}

impl TimeColumn {
    pub fn event(name: &str) -> TimeColumn {
        TimeColumn { name: name.to_owned(), of: TimeOf::Event, undated_known: false }
    }

    pub fn state(name: &str) -> TimeColumn {
        TimeColumn { name: name.to_owned(), of: TimeOf::State, undated_known: false }
    }

    /// Returns the condition that a row was known before the instant.
    ///
    /// # Errors
    /// A column that the table does not have, or that is neither an instant nor a date.
    pub fn known_before(
        &self,
        table: &TableName,
        rows: &DFSchema,
        instant: Instant,
        zone: Tz,
    ) -> Result<Expr> {
        let column = || col(Column::from_name(&self.name));
        let bound = match self.data_type(table, rows)? {
            DataType::Timestamp(_, _) => instant_value(instant),
            DataType::Date32 => date_value(match self.of {
                TimeOf::Event => first_day_not_over(instant, zone),
                TimeOf::State => first_day_not_begun(instant, zone),
            }),
            other => {
                return Err(Error::config(format!(
                    "column `{}` of {table} says when its rows became known, but has type {other}",
                    self.name
                ))
                .hint("it must be a timestamp or a date"));
            }
        };
        let known = column().lt(lit(bound));
        Ok(if self.undated_known { known.or(column().is_null()) } else { known })
    }

    fn data_type<'s>(&self, table: &TableName, rows: &'s DFSchema) -> Result<&'s DataType> {
        let field = rows.field_with_unqualified_name(&self.name).map_err(|_| {
            Error::config(format!(
                "{table} has no column `{}`, which is declared to say when its rows became known",
                self.name
            ))
            .hint(format!(
                "its columns are {}",
                rows.fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(", ")
            ))
        })?;
        Ok(field.data_type())
    }
}

impl Visibility {
    /// Returns those rows of a table that count at the instant; without one nothing is hidden, and the
    /// latest version of all counts.
    ///
    /// # Errors
    /// A declared column that the table does not have or that says no time.
    pub(super) fn apply(
        &self,
        table: &TableName,
        mut rows: DataFrame,
        at: Option<Instant>,
        zone: Tz,
        how: Deduplication,
    ) -> Result<DataFrame> {
        if let Some(history) = self.snapshot {
            rows = history.known(table, rows, at)?;
        }
        if let Some(versions) = &self.versions {
            if let Some(instant) = at
                && let Some(known) = versions.known_before(table, rows.schema(), instant, zone)?
            {
                rows = rows.filter(known).doing(format!("hide versions of {table} that came later"))?;
            }
            rows = versions::latest(rows, versions, how)
                .doing(format!("look for the latest versions of {table}"))?;
        }
        match (&self.known, at) {
            (Known::At(time), Some(instant)) => {
                let known = time.known_before(table, rows.schema(), instant, zone)?;
                rows.filter(known).doing(format!("hide what {table} did not know yet"))
            }
            _ => Ok(rows),
        }
    }
}

impl Versions {
    /// Returns the condition that a version was known before the instant; `None` where versions have only
    /// an order.
    fn known_before(
        &self,
        table: &TableName,
        rows: &DFSchema,
        instant: Instant,
        zone: Tz,
    ) -> Result<Option<Expr>> {
        if let Some(by) = &self.by {
            return match by.data_type(table, rows)? {
                DataType::Timestamp(_, _) | DataType::Date32 => {
                    by.known_before(table, rows, instant, zone).map(Some)
                }
                _ => Ok(None),
            };
        }
        if !self.dated_files {
            return Ok(None);
        }
        // `_version` begins with the date in its ISO form, which sorts as text.
        let first_hidden = first_day_not_begun(instant, zone).format("%Y-%m-%d").to_string();
        let version = || col(Column::from_name(versions::FILE_VERSION));
        Ok(Some(version().lt(lit(first_hidden)).or(version().is_null())))
    }
}

/// An instant as SQL sees it: TIMESTAMP, microseconds, UTC.
pub fn instant_value(instant: Instant) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(instant.timestamp_micros()), Some("UTC".into()))
}

/// A day as SQL sees it.
fn date_value(day: NaiveDate) -> ScalarValue {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    // chrono's dates are within ±100 million days.
    ScalarValue::Date32(i32::try_from(days).ok())
}
