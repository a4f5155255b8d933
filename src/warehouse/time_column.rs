//! The column that says from when a row is known.

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, col, lit};
use serde::{Deserialize, Serialize};

use super::time_value::{date_value, instant_value};
use crate::clock::Instant;
use crate::day::{first_day_not_begun, first_day_not_over};
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::sql_type::sql_type;
use crate::suggestion::did_you_mean_or_list;

/// A column with the time from which a row is known: an instant or a local day.
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
            other => return Err(self.says_no_time(table, other)),
        };
        let known = column().lt(lit(bound));
        Ok(if self.undated_known { known.or(column().is_null()) } else { known })
    }

    /// Refuses columns that do not say from when rows are known.
    ///
    /// # Errors
    /// A column that the table does not have, or that is neither an instant nor a date.
    pub fn require_in(&self, table: &TableName, rows: &DFSchema) -> Result<()> {
        match self.data_type(table, rows)? {
            DataType::Timestamp(_, _) | DataType::Date32 => Ok(()),
            other => Err(self.says_no_time(table, other)),
        }
    }

    fn says_no_time(&self, table: &TableName, kind: &DataType) -> Error {
        Error::config(format!(
            "column `{}` of {table} says from when its rows are known, but is {}",
            self.name,
            sql_type(kind)
        ))
        .in_value(if table.schema() == "raw" { "sources" } else { "tables" }, &self.name)
        .hint("it must be a timestamp or a date")
    }

    pub(super) fn data_type<'s>(&self, table: &TableName, rows: &'s DFSchema) -> Result<&'s DataType> {
        let field = rows.field_with_unqualified_name(&self.name).map_err(|_| {
            Error::config(format!(
                "{table} has no column `{}`, which is declared to say from when its rows are known",
                self.name
            ))
            .in_value(if table.schema() == "raw" { "sources" } else { "tables" }, &self.name)
            .hint(did_you_mean_or_list(
                &self.name,
                rows.fields().iter().map(|f| f.name().as_str()),
                "its columns are",
            ))
        })?;
        Ok(field.data_type())
    }
}
