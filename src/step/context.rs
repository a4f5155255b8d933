//! What a step works in: the run it belongs to, the tables of the run, and where its own are staged.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::common::Column;
use datafusion::logical_expr::col;
use datafusion::prelude::DataFrame;

use super::then::Then;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::ops::models;
use crate::ops::suppressions::Suppressions;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

/// What every step works in.
#[derive(Debug, Clone)]
pub struct StepContext {
    /// The pipeline's name.
    pub pipeline: String,
    pub timezone: Tz,
    pub seed: u64,
    pub run: u64,
    pub as_of: Instant,
    /// That of the last release whose tables were published.
    pub last_as_of: Option<Instant>,
    pub full_refresh: bool,
    /// A person is taken out of the raw tables, and no file is read.
    pub erasing: bool,
    /// Who must not come back; `None` when nobody was ever forgotten.
    pub suppressions: Option<Arc<Suppressions>>,
    pub catalog: Arc<Catalog>,
    /// The columns that tell the rows of a table apart, where they are declared.
    pub keys: Arc<BTreeMap<TableName, Vec<String>>>,
    /// The pipeline's tables as of earlier instants.
    pub past: Arc<dyn Recall>,
}

/// A pipeline's tables as of earlier instants.
#[async_trait]
pub trait Recall: Debug + Send + Sync {
    /// Returns tables as a night of an earlier instant would have made them; [`Then::forget`] must be called
    /// afterwards. What is made anew is shared with other steps that look back to the instant.
    ///
    /// # Errors
    /// What keeps a table from being made as of then; nothing is left behind.
    async fn at(&self, tonight: &StepContext, tables: &BTreeSet<TableName>, instant: Instant)
    -> Result<Then>;

    /// Deletes what was made anew for steps that did not ask for it, when the steps of a run have ended.
    ///
    /// # Errors
    /// A file that cannot be deleted.
    async fn end(&self) -> Result<()>;

    /// Returns the tables that the given ones are made of, down to those that no step makes of others.
    fn sources(&self, tables: &BTreeSet<TableName>) -> BTreeSet<TableName>;

    /// Returns what the steps between the sources and the tables do, as text that changes with it.
    fn definition(&self, tables: &BTreeSet<TableName>) -> String;
}

impl StepContext {
    /// Returns the context of a night of the past over these tables: nothing of it is published.
    #[must_use]
    pub(super) fn at(&self, instant: Instant) -> StepContext {
        StepContext {
            as_of: instant,
            last_as_of: None,
            full_refresh: false,
            erasing: false,
            catalog: Arc::new(self.catalog.at(instant)),
            ..self.clone()
        }
    }

    /// Returns the warehouse that tables are staged in.
    pub fn warehouse(&self) -> &Warehouse {
        self.catalog.warehouse()
    }

    /// Stages a whole table: a mart in the total order of its key as one file, others as they come. A key that is no
    /// column would be the error of each check that follows from it.
    ///
    /// # Errors
    /// A key that is no column; a query that fails.
    pub async fn stage_frame(&self, table: &TableName, frame: DataFrame) -> Result<Staged> {
        let key = self.keys.get(table).map(Vec::as_slice).unwrap_or_default();
        for column in key {
            if !frame.schema().has_column_with_unqualified_name(column) {
                return Err(Error::config(format!(
                    "{table} has no column `{column}`, which is declared as its key"
                ))
                .in_value("key", column)
                .hint(did_you_mean_or_list(
                    column,
                    frame.schema().fields().iter().map(|f| f.name().as_str()),
                    "its columns are",
                )));
            }
        }
        if table.schema() != "mart" {
            return self.warehouse().stage(table, Mode::Replace, Layout::Parallel, frame).await;
        }
        let order = key.iter().map(|k| col(Column::from_name(k)).sort(true, true)).collect();
        let frame = frame.sort(order).doing(format!("order {table} by its key"))?;
        self.warehouse().stage(table, Mode::Replace, Layout::OneFile, frame).await
    }

    /// Stages rows that are added to a table.
    ///
    /// # Errors
    /// Columns that do not fit a table; files that cannot be written.
    pub async fn append(&self, table: &TableName, batch: &RecordBatch) -> Result<Staged> {
        self.warehouse().append(table, batch).await
    }

    /// Stages a fitted model for `ops.models`; `rows` are those of [`models::rows`].
    ///
    /// # Errors
    /// Rows with other columns than [`models::rows`] makes; files that cannot be written.
    pub async fn append_fitted(&self, rows: &RecordBatch) -> Result<Staged> {
        let rows = models::of_run(self.run, &self.pipeline, self.as_of, rows)?;
        self.append(&models::table(), &rows).await
    }
}
