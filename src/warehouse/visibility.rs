//! What a reader sees of a table at an instant: the versions known by then, and the events until then.
//!
//! Versions come first. If a table's rows have versions, those that were not known yet are hidden, then the
//! latest version of each key is taken, and only then the row's own time is compared: an order that was
//! changed after the instant is seen as it was before.

use chrono_tz::Tz;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::row_versions::{self, Deduplication, Versions};
use super::snapshot_history::{SnapshotHistory, VALID_FROM, VALID_TO};
use super::time_column::TimeColumn;
use super::time_value::instant_value;
use crate::clock::Instant;
use crate::error::{Context, Result};
use crate::name::TableName;

/// How rows of a table become known, and which of them count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Visibility {
    pub known: KnownSince,
    /// Of tables whose rows come in versions.
    pub versions: Option<Versions>,
    /// Of histories of snapshots: which of their rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotHistory>,
}

/// From when the rows of a table are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnownSince {
    /// Nothing was declared: every row is visible, and training may not read the table.
    #[default]
    Undeclared,
    /// At the time in a column.
    At(TimeColumn),
    /// Declared `static`: it contains nothing from the future.
    Always,
}

impl Visibility {
    /// Returns those rows of a table that count at the instant; without one nothing is hidden, and the
    /// latest version of all counts.
    ///
    /// # Errors
    /// A declared column that the table does not have or that has no time type.
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
                rows = rows.filter(known).doing(format!("hide the later versions of {table}"))?;
            }
            rows = row_versions::latest(rows, versions, how)
                .doing(format!("look for the latest versions of {table}"))?;
        }
        match (&self.known, at) {
            (KnownSince::At(time), Some(instant)) => {
                let known = time.known_before(table, rows.schema(), instant, zone)?;
                rows.filter(known).doing(format!("hide the later rows of {table}"))
            }
            _ => Ok(rows),
        }
    }

    /// Returns the condition that a row, or its end, was not known before one instant and was before a later
    /// one; `None` where nothing says when rows became known.
    ///
    /// # Errors
    /// A declared column that the table does not have or that has no time type.
    pub(super) fn known_between(
        &self,
        table: &TableName,
        rows: &DFSchema,
        since: Instant,
        until: Instant,
        zone: Tz,
    ) -> Result<Option<Expr>> {
        let mut known: Vec<(Expr, Expr)> = Vec::new();
        if self.snapshot.is_some() {
            known.extend([VALID_FROM, VALID_TO].map(|column| {
                let before = |at: Instant| col(Column::from_name(column)).lt(lit(instant_value(at)));
                (before(since), before(until))
            }));
        }
        if let Some(versions) = &self.versions
            && let Some(before) = versions.known_before(table, rows, since, zone)?
            && let Some(by_now) = versions.known_before(table, rows, until, zone)?
        {
            known.push((before, by_now));
        }
        if let KnownSince::At(time) = &self.known {
            let before = time.known_before(table, rows, since, zone)?;
            known.push((before, time.known_before(table, rows, until, zone)?));
        }
        let between = known.into_iter().map(|(before, by_now)| by_now.and(before.is_not_true()));
        Ok(between.reduce(Expr::or))
    }
}
