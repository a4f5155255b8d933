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

use async_trait::async_trait;

use super::{Recall, Recalled, Step, StepContext, Then};
use crate::clock::{Instant, show_instant};
use crate::error::Result;
use crate::name::TableName;

/// The steps of a pipeline, each after those whose tables it reads.
#[derive(Debug, Default)]
pub struct Past {
    steps: Vec<Arc<dyn Step>>,
}

#[async_trait]
impl Recall for Past {
    async fn at(
        &self,
        tonight: &StepContext,
        tables: &BTreeSet<TableName>,
        instant: Instant,
    ) -> Result<Then> {
        let context = tonight.at(instant);
        let mut then = Then::over(context.catalog.clone(), instant);
        match self.recall(&mut then, &context, tonight, tables).await {
            Ok(()) => Ok(then),
            Err(error) => {
                // The error says more than a file that stays until the next vacuum.
                let _ = then.forget().await;
                Err(error.at(format!("as of {}", show_instant(instant))))
            }
        }
    }

    fn sources(&self, tables: &BTreeSet<TableName>) -> BTreeSet<TableName> {
        let steps = self.needed(tables);
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

    fn definition(&self, tables: &BTreeSet<TableName>) -> String {
        self.needed(tables).iter().map(|step| format!("{step:?}\0")).collect()
    }
}

impl Past {
    /// Returns the past of these steps, each after those whose tables it reads.
    pub fn of(steps: Vec<Arc<dyn Step>>) -> Past {
        Past { steps }
    }

    async fn recall(
        &self,
        then: &mut Then,
        context: &StepContext,
        tonight: &StepContext,
        wanted: &BTreeSet<TableName>,
    ) -> Result<()> {
        let steps = self.needed(wanted);
        let readers = readers(&steps, wanted);
        let mut changed = Changed { tonight, since: context.as_of, known: BTreeMap::new() };
        for step in steps {
            let mut inputs_changed = false;
            for table in step.reads() {
                inputs_changed |= changed.table(&table).await?;
            }
            match step.recall(context, inputs_changed).await? {
                Recalled::AsTonight => {}
                Recalled::Query(rows) => {
                    for table in step.tables_made() {
                        then.put(&table, (*rows).clone(), readers.get(&table).copied().unwrap_or(0)).await?;
                        changed.known.insert(table, true);
                    }
                }
                Recalled::Made { staged, note } => {
                    then.remark(note);
                    for staged in staged {
                        changed.known.insert(staged.table.clone(), true);
                        then.keep(staged).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Returns the steps between the sources and the tables, in their order.
    fn needed(&self, wanted: &BTreeSet<TableName>) -> Vec<&Arc<dyn Step>> {
        let mut wanted = wanted.clone();
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

/// Returns how many readers each table has: the steps, and the caller for the tables it asked for.
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
