//! The tables of a pipeline as of an instant of the past.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use datafusion::prelude::DataFrame;

use crate::clock::{Instant, show_instant};
use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

/// The tables that were asked for, as of an instant.
#[derive(Debug)]
pub struct Then {
    catalog: Arc<Catalog>,
    instant: Instant,
    /// What was written for it.
    scratch: Vec<Staged>,
    /// The tables that were computed anew.
    anew: BTreeSet<TableName>,
    notes: Vec<String>,
    begun: Stopwatch,
}

impl Then {
    pub(super) fn over(catalog: Arc<Catalog>, instant: Instant) -> Then {
        Then {
            catalog,
            instant,
            scratch: Vec::new(),
            anew: BTreeSet::new(),
            notes: Vec::new(),
            begun: Stopwatch::now(),
        }
    }

    /// Returns the tables.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Returns whether a table was computed anew.
    pub fn is_anew(&self, table: &TableName) -> bool {
        self.anew.contains(table)
    }

    /// Returns what the run should say: how many tables were computed anew, what came of it, and what it cost;
    /// `None` where tonight's served.
    pub fn note(&self) -> Option<String> {
        let tables = match self.anew.len() {
            0 => return None,
            1 => "1 table was".to_owned(),
            tables => format!("{tables} tables were"),
        };
        let instant = show_instant(self.instant);
        let spent = self.begun.elapsed().as_secs_f64();
        let mut note = format!("as of {instant} {tables} computed anew from raw in {spent:.2} s");
        for more in &self.notes {
            note.push_str(&format!("; {more}"));
        }
        Some(note)
    }

    pub(super) fn remark(&mut self, note: Option<String>) {
        self.notes.extend(note);
    }

    /// Deletes what was written for it.
    ///
    /// # Errors
    /// A file that cannot be deleted.
    pub async fn forget(self) -> Result<()> {
        for staged in &self.scratch {
            self.catalog.warehouse().delete_staged(staged, &BTreeSet::new()).await?;
        }
        Ok(())
    }

    /// Lets a query stand for a table; where several read it, it is computed once.
    pub(super) async fn put(&mut self, table: &TableName, rows: DataFrame, readers: usize) -> Result<()> {
        if readers > 1 {
            let warehouse = self.catalog.warehouse();
            let staged = warehouse.stage(table, Mode::Replace, Layout::Scratch, rows).await?;
            return self.keep(staged).await;
        }
        self.catalog.put_view(table, rows);
        self.anew.insert(table.clone());
        Ok(())
    }

    /// Lets a table that was made anew stand for tonight's.
    pub(super) async fn keep(&mut self, staged: Staged) -> Result<()> {
        self.anew.insert(staged.table.clone());
        let added = self.catalog.add_staged(&staged).await;
        self.scratch.push(staged);
        added
    }
}
