//! The tables of a pipeline as of an instant of the past, for every step of a run that looks back to it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use datafusion::prelude::DataFrame;
use tokio::sync::Mutex;

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
    /// Of what was asked for and what it is made of, the tables that are not tonight's.
    anew: BTreeSet<TableName>,
    /// How many tables were computed for this step, and not for another before it.
    computed: usize,
    notes: Vec<String>,
    begun: Stopwatch,
    anew_of_all: Shared,
}

/// What was made anew as of an instant: nothing before the first step asks, and after the last.
pub(super) type Shared = Arc<Mutex<Option<MadeAnew>>>;

/// The tables as of an instant that were made anew, whichever step asked for them.
#[derive(Debug)]
pub(super) struct MadeAnew {
    pub catalog: Arc<Catalog>,
    /// What was written for it.
    scratch: Vec<Staged>,
    /// The tables that were computed anew.
    tables: BTreeSet<TableName>,
    /// The tables of steps that were gone through.
    pub looked_at: BTreeSet<TableName>,
    /// Whether tables hold rows that were not known then, as far as that was asked.
    pub changed: BTreeMap<TableName, bool>,
    pub notes: Vec<String>,
    /// Steps that read it now.
    users: usize,
    /// Steps that are still to ask for it, if they look back tonight.
    pub awaited: usize,
}

/// When a step asked for which instant.
pub(super) struct Asked {
    pub instant: Instant,
    pub begun: Stopwatch,
    /// How many tables were there already.
    pub made_before: usize,
}

impl Then {
    /// Returns the tables of those named, and counts another user of them.
    pub(super) fn of(
        shared: &Shared,
        made: &mut MadeAnew,
        tables: &BTreeSet<TableName>,
        asked: &Asked,
    ) -> Then {
        made.users += 1;
        made.awaited = made.awaited.saturating_sub(1);
        Then {
            catalog: made.catalog.clone(),
            instant: asked.instant,
            anew: made.tables.intersection(tables).cloned().collect(),
            computed: made.tables.len() - asked.made_before,
            notes: std::mem::take(&mut made.notes),
            begun: asked.begun,
            anew_of_all: shared.clone(),
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
        let tables = |count: usize| match count {
            1 => "1 table".to_owned(),
            tables => format!("{tables} tables"),
        };
        let were = |count: usize| if count == 1 { "was" } else { "were" };
        let instant = show_instant(self.instant);
        let mut note = match (self.anew.len(), self.computed) {
            (0, _) => return None,
            (served, 0) => format!("as of {instant} {} that another step had computed anew", tables(served)),
            (_, computed) => {
                let spent = self.begun.elapsed().as_secs_f64();
                format!(
                    "as of {instant} {} {} computed anew from raw in {spent:.2} s",
                    tables(computed),
                    were(computed)
                )
            }
        };
        for more in &self.notes {
            note.push_str(&format!("; {more}"));
        }
        Some(note)
    }

    /// Deletes what was written for it, once no other step reads it or is still to ask for it.
    ///
    /// # Errors
    /// A file that cannot be deleted.
    pub async fn forget(self) -> Result<()> {
        let mut shared = self.anew_of_all.lock().await;
        let is_last = shared.as_mut().is_some_and(|made| {
            made.users -= 1;
            made.users + made.awaited == 0
        });
        match shared.take_if(|_| is_last) {
            Some(made) => made.delete().await,
            None => Ok(()),
        }
    }
}

impl MadeAnew {
    /// Returns that nothing was made anew yet.
    pub fn nothing(catalog: Arc<Catalog>, awaited: usize) -> MadeAnew {
        MadeAnew {
            catalog,
            scratch: Vec::new(),
            tables: BTreeSet::new(),
            looked_at: BTreeSet::new(),
            changed: BTreeMap::new(),
            notes: Vec::new(),
            users: 0,
            awaited,
        }
    }

    /// Returns how many tables there are.
    pub fn count(&self) -> usize {
        self.tables.len()
    }

    /// Returns whether no step reads it.
    pub fn is_unused(&self) -> bool {
        self.users == 0
    }

    /// Deletes what was written for it.
    ///
    /// # Errors
    /// A file that cannot be deleted.
    pub async fn delete(self) -> Result<()> {
        for staged in &self.scratch {
            self.catalog.warehouse().delete_staged(staged, &BTreeSet::new()).await?;
        }
        Ok(())
    }

    /// Lets a query stand for a table; where several read it, it is computed once.
    pub async fn put(&mut self, table: &TableName, rows: DataFrame, readers: usize) -> Result<()> {
        if readers > 1 {
            let warehouse = self.catalog.warehouse();
            let staged = warehouse.stage(table, Mode::Replace, Layout::Scratch, rows).await?;
            return self.keep(staged).await;
        }
        self.catalog.put_view(table, rows);
        self.tables.insert(table.clone());
        Ok(())
    }

    /// Lets a table that was made anew stand for tonight's.
    pub async fn keep(&mut self, staged: Staged) -> Result<()> {
        self.tables.insert(staged.table.clone());
        let added = self.catalog.add_staged(&staged).await;
        self.scratch.push(staged);
        added
    }
}
