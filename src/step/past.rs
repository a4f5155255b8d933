//! The past as it was: a pipeline's tables as a night of an earlier instant would have made them.
//!
//! Learning asks what was known at a cut-off. Tonight's tables do not answer that: they hold the latest
//! versions of rows, and customers as tonight's records unite them. So the steps between the sources and a
//! table are done again over the raw tables as of then, under the identity of then. A table none of whose
//! inputs has changed since is tonight's.
//!
//! Of raw tables that do not say when their rows became known, every row counts at every instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::prelude::DataFrame;

use super::{Step, StepContext, StepOutput};
use crate::clock::{Instant, show_instant};
use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

/// The steps of a pipeline, each after those whose tables it reads.
#[derive(Debug, Default)]
pub struct Past {
    steps: Vec<Arc<dyn Step>>,
}

/// What a step's tables were at an instant of the past.
#[derive(Debug)]
pub enum Recalled {
    /// Tonight's, of which only rows known by then are seen.
    AsTonight,
    /// The rows of the one table it makes.
    Query(Box<DataFrame>),
    /// Tables that were made anew, and what the run should say of it; they are deleted afterwards.
    Made { staged: Vec<Staged>, note: Option<String> },
}

impl Recalled {
    /// Returns what a step left that was performed again.
    pub fn made(output: StepOutput) -> Recalled {
        Recalled::Made { staged: output.staged, note: None }
    }
}

/// The tables that were asked for, as of an instant.
#[derive(Debug)]
pub struct Then {
    context: StepContext,
    /// What was written for it.
    scratch: Vec<Staged>,
    /// The tables that were computed anew.
    anew: BTreeSet<TableName>,
    notes: Vec<String>,
}

impl Past {
    /// Returns the past of these steps, each after those whose tables it reads.
    pub fn of(steps: Vec<Arc<dyn Step>>) -> Past {
        Past { steps }
    }

    /// Returns the tables as they were before an instant; [`Then::forget`] must be called afterwards.
    ///
    /// # Errors
    /// What keeps a table from being made as of then; nothing is left behind.
    pub async fn at<'t>(
        &self,
        tonight: &StepContext,
        tables: impl IntoIterator<Item = &'t TableName>,
        instant: Instant,
    ) -> Result<Then> {
        let mut then = Then {
            context: tonight.at(instant),
            scratch: Vec::new(),
            anew: BTreeSet::new(),
            notes: Vec::new(),
        };
        match self.recall(&mut then, tonight, tables.into_iter().cloned().collect()).await {
            Ok(()) => Ok(then),
            Err(error) => {
                // The error says more than a file that stays until the next vacuum.
                let _ = then.forget().await;
                Err(error.at(format!("as of {}", show_instant(instant))))
            }
        }
    }

    async fn recall(
        &self,
        then: &mut Then,
        tonight: &StepContext,
        wanted: BTreeSet<TableName>,
    ) -> Result<()> {
        let steps = self.needed(wanted.clone());
        let readers = readers(&steps, &wanted);
        let mut changed = Changed { tonight, since: then.context.as_of, known: BTreeMap::new() };
        for step in steps {
            let mut inputs_changed = false;
            for table in step.reads() {
                inputs_changed |= changed.table(&table).await?;
            }
            match step.recall(&then.context, inputs_changed).await? {
                Recalled::AsTonight => {}
                Recalled::Query(rows) => {
                    for table in step.tables_made() {
                        then.put(&table, (*rows).clone(), readers.get(&table).copied().unwrap_or(0)).await?;
                        changed.known.insert(table, true);
                    }
                }
                Recalled::Made { staged, note } => {
                    then.notes.extend(note);
                    for staged in staged {
                        changed.known.insert(staged.table.clone(), true);
                        then.keep(staged).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the tables that the given ones are made of, down to those that no step makes of others.
    pub fn sources(&self, tables: &BTreeSet<TableName>) -> BTreeSet<TableName> {
        let steps = self.needed(tables.clone());
        let made: BTreeSet<TableName> = steps
            .iter()
            .filter(|step| !step.reads().is_empty())
            .flat_map(|step| step.tables_made())
            .collect();
        let read = steps.iter().flat_map(|step| step.reads()).chain(tables.iter().cloned());
        let read = read.chain(steps.iter().flat_map(|step| step.tables_made()));
        // The history of runs grows every night.
        read.filter(|table| !made.contains(table) && table.schema() != "ops").collect()
    }

    /// Returns what the steps between the sources and the tables do, as text that changes with it.
    pub fn definition(&self, tables: &BTreeSet<TableName>) -> String {
        self.needed(tables.clone()).iter().map(|step| format!("{step:?}\0")).collect()
    }

    /// Returns the steps between the sources and the tables, in their order.
    fn needed(&self, wanted: BTreeSet<TableName>) -> Vec<&Arc<dyn Step>> {
        let mut wanted = wanted;
        let mut needed = Vec::new();
        for step in self.steps.iter().rev() {
            if step.tables_made().iter().any(|made| wanted.contains(made)) {
                wanted.extend(step.reads());
                needed.push(step);
            }
        }
        needed.reverse();
        needed
    }
}

/// Returns how many steps read each table, whoever asked for it being one.
fn readers(steps: &[&Arc<dyn Step>], wanted: &BTreeSet<TableName>) -> BTreeMap<TableName, usize> {
    let mut readers: BTreeMap<TableName, usize> = BTreeMap::new();
    for table in steps.iter().flat_map(|step| step.reads()).chain(wanted.iter().cloned()) {
        *readers.entry(table).or_default() += 1;
    }
    readers
}

/// Which tables are not tonight's, or hold rows that were not known then.
struct Changed<'a> {
    tonight: &'a StepContext,
    since: Instant,
    known: BTreeMap<TableName, bool>,
}

impl Changed<'_> {
    async fn table(&mut self, table: &TableName) -> Result<bool> {
        if let Some(known) = self.known.get(table) {
            return Ok(*known);
        }
        let (catalog, until) = (&self.tonight.catalog, self.tonight.as_of);
        let changed = catalog.has_younger_rows(table, self.since, until).await?;
        self.known.insert(table.clone(), changed);
        Ok(changed)
    }
}

impl Then {
    /// Returns the tables.
    pub fn catalog(&self) -> &Catalog {
        &self.context.catalog
    }

    /// Returns whether a table was computed anew.
    pub fn is_anew(&self, table: &TableName) -> bool {
        self.anew.contains(table)
    }

    /// Returns what the run should say: which tables were computed anew, and what came of it.
    pub fn notes(&self) -> Vec<String> {
        let instant = show_instant(self.context.as_of);
        let which = match self.anew.len() {
            0 => "tonight's tables serve: nothing that they are made of is younger".to_owned(),
            1 => "1 table is computed anew from raw".to_owned(),
            tables => format!("{tables} tables are computed anew from raw"),
        };
        let all = std::iter::once(&which).chain(&self.notes).map(String::as_str).collect::<Vec<_>>();
        vec![format!("as of {instant}: {}", all.join("; "))]
    }

    /// Deletes what was written for it.
    ///
    /// # Errors
    /// A file that cannot be deleted.
    pub async fn forget(self) -> Result<()> {
        for staged in &self.scratch {
            self.context.warehouse().delete_staged(staged, &BTreeSet::new()).await?;
        }
        Ok(())
    }

    /// Lets a query stand for a table; where several read it, it is computed once.
    async fn put(&mut self, table: &TableName, rows: DataFrame, readers: usize) -> Result<()> {
        if readers > 1 {
            let warehouse = self.context.warehouse();
            let staged = warehouse.stage(table, Mode::Replace, Layout::Scratch, rows).await?;
            return self.keep(staged).await;
        }
        self.context.catalog.put_view(table, rows);
        self.anew.insert(table.clone());
        Ok(())
    }

    async fn keep(&mut self, staged: Staged) -> Result<()> {
        self.anew.insert(staged.table.clone());
        let added = self.context.catalog.add_staged(&staged).await;
        self.scratch.push(staged);
        added
    }
}
