//! The past as it was: a pipeline's tables as a night of an earlier instant would have made them.
//!
//! Learning asks what was known at a cut-off. Tonight's tables do not answer that: they hold the latest
//! versions of rows, and customers as tonight's records unite them. So the steps between the sources and a
//! table are done again over the raw tables as of then, under the identity of then. A table none of whose
//! inputs has changed since is tonight's. Steps of a run that look back to the same instant share what was made
//! anew for the first of them.
//!
//! Of raw tables that do not say when their rows became known, every row counts at every instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use std::time::Instant as Stopwatch;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::then::{Asked, MadeAnew, Shared, Then};
use super::{Recall, Recalled, Step, StepContext};
use crate::clock::{Instant, show_instant};
use crate::error::Result;
use crate::name::TableName;

/// The steps of a pipeline, each after those whose tables it reads, and the pasts that steps of a run share.
#[derive(Debug, Default)]
pub struct Past {
    steps: Vec<Arc<dyn Step>>,
    shared: Mutex<BTreeMap<Instant, Shared>>,
}

#[async_trait]
impl Recall for Past {
    async fn at(
        &self,
        tonight: &StepContext,
        tables: &BTreeSet<TableName>,
        instant: Instant,
    ) -> Result<Then> {
        let begun = Stopwatch::now();
        let shared = self.shared.lock().await.entry(instant).or_default().clone();
        // Another step that looks back to it waits for what this one makes.
        let mut slot = shared.lock().await;
        let made = slot.get_or_insert_with(|| {
            let looks_back =
                |step: &&Arc<dyn Step>| step.looks_back(tonight.as_of, tonight.timezone).contains(&instant);
            MadeAnew::nothing(
                Arc::new(tonight.catalog.at(instant)),
                self.steps.iter().filter(looks_back).count(),
            )
        });
        let asked = Asked { instant, begun, made_before: made.count() };
        let needed = self.needed(tables);
        match recall(&needed, made, tonight, tables, instant).await {
            Ok(()) => {
                let all = needed.iter().flat_map(|step| step.tables_made()).collect();
                Ok(Then::of(&shared, made, &all, &asked))
            }
            Err(error) => {
                // The error says more than a file that stays until the next vacuum.
                if let Some(made) = slot.take_if(|made| made.is_unused()) {
                    let _ = made.delete().await;
                }
                Err(error.at(format!("as of {}", show_instant(instant))))
            }
        }
    }

    async fn end(&self) -> Result<()> {
        let shared = std::mem::take(&mut *self.shared.lock().await);
        for made in shared.values() {
            if let Some(made) = made.lock().await.take() {
                made.delete().await?;
            }
        }
        Ok(())
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
        Past { steps, shared: Mutex::default() }
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

/// Makes anew what the steps make, as far as it is not made yet and is not as tonight.
async fn recall(
    steps: &[&Arc<dyn Step>],
    made: &mut MadeAnew,
    tonight: &StepContext,
    wanted: &BTreeSet<TableName>,
    instant: Instant,
) -> Result<()> {
    // Of what others will ask for too, nothing is computed twice.
    let readers = readers(steps, wanted, made.awaited.max(1));
    let context = StepContext { catalog: made.catalog.clone(), ..tonight.at(instant) };
    for step in steps {
        let tables = step.tables_made();
        if tables.iter().any(|table| made.looked_at.contains(table)) {
            continue;
        }
        let mut inputs_changed = false;
        for table in step.reads() {
            inputs_changed |= has_changed(made, tonight, &table, instant).await?;
        }
        match step.recall(&context, inputs_changed).await? {
            Recalled::AsTonight => {}
            Recalled::Query(rows) => {
                for table in &tables {
                    made.put(table, (*rows).clone(), readers.get(table).copied().unwrap_or(0)).await?;
                    made.changed.insert(table.clone(), true);
                }
            }
            Recalled::Made { staged, note } => {
                made.notes.extend(note);
                for staged in staged {
                    made.changed.insert(staged.table.clone(), true);
                    made.keep(staged).await?;
                }
            }
        }
        made.looked_at.extend(tables);
    }
    Ok(())
}

/// Returns how many readers each table has: the steps, and those who ask for the tables that are wanted.
fn readers(
    steps: &[&Arc<dyn Step>],
    wanted: &BTreeSet<TableName>,
    askers: usize,
) -> BTreeMap<TableName, usize> {
    let mut readers: BTreeMap<TableName, usize> = BTreeMap::new();
    for table in steps.iter().flat_map(|step| step.reads()) {
        *readers.entry(table).or_default() += 1;
    }
    for table in wanted {
        *readers.entry(table.clone()).or_default() += askers;
    }
    readers
}

/// Returns whether a table is not tonight's, or holds rows that were not known then.
async fn has_changed(
    made: &mut MadeAnew,
    tonight: &StepContext,
    table: &TableName,
    since: Instant,
) -> Result<bool> {
    if let Some(changed) = made.changed.get(table) {
        return Ok(*changed);
    }
    let changed = tonight.catalog.has_younger_rows(table, since, tonight.as_of).await?;
    made.changed.insert(table.clone(), changed);
    Ok(changed)
}
