//! What the run of an erasure stages: raw tables without the person, and beside the tables of the steps
//! the suppression list, the quarantine and tables without rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::Column;
use datafusion::logical_expr::col;
use futures::StreamExt;

use super::history::StepRecord;
use super::quarantine;
use super::step::{Done, Figures, Workshop};
use crate::erasure::{
    self, BlankedRecords, ErasedRows, Receipt, RecordSearch, Suppressions, forget_rows, is_of_erased_person,
};
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::pipeline::{Pipeline, raw_table};
use crate::source::{Person, Source};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Mode, Staged};

/// An erasure under way: what its run stages beside the steps, and the receipt so far.
pub(super) struct Erasure {
    pub list: Arc<Suppressions>,
    pub additions: RecordBatch,
    /// Every kind of key that any source has.
    pub kinds: BTreeSet<String>,
    /// Tables that no step makes, with their columns: published without rows.
    pub emptied: Vec<(TableName, SchemaRef)>,
    pub receipt: Receipt,
}

impl Erasure {
    /// What is published beside the tables of the steps: the suppression list, the quarantine without
    /// the person, tables without rows.
    pub async fn stage(&mut self, workshop: &Workshop) -> Result<Vec<Staged>> {
        let mut staged = vec![workshop.stage_batch(&erasure::table(), self.additions.clone()).await?];
        for (table, schema) in &self.emptied {
            staged.push(workshop.warehouse().stager(table, Mode::Replace, schema)?.finish().await?);
        }
        let quarantine = quarantine::table();
        if workshop.catalog.table(&quarantine).await?.is_none() {
            return Ok(staged);
        }
        let doing = "remove the person from the quarantine";
        let mut rows = workshop.catalog.every_row(&quarantine).await?.execute_stream().await.doing(doing)?;
        let mut anew = workshop.warehouse().stager(&quarantine, Mode::Replace, &rows.schema())?;
        let search = RecordSearch::new(workshop.pipeline.sources(), &self.kinds, &self.list);
        while let Some(batch) = rows.next().await {
            let (batch, blanked) = search.without_records(&batch.doing(doing)?)?;
            self.receipt.refused_records += blanked.named + blanked.cut;
            anew.write(&batch).await?;
        }
        let anew = anew.finish().await?;
        if self.receipt.refused_records > 0 {
            staged.push(anew);
        } else {
            workshop.warehouse().delete_staged(&anew, &BTreeSet::new()).await?;
        }
        Ok(staged)
    }

    /// The receipt, once the steps have ended.
    pub fn receipt(mut self, steps: &[StepRecord]) -> Result<serde_json::Value> {
        for step in steps.iter().filter(|step| step.figures.forgotten != ErasedRows::default()) {
            self.receipt.tables.insert(step.step.as_str().parse()?, step.figures.forgotten);
        }
        serde_json::to_value(&self.receipt).doing("write the receipt")
    }
}

impl Workshop {
    /// Takes forgotten persons out of a source's raw table; one that holds none of them stays as it is.
    pub(super) async fn forget_in(&self, source: &Source) -> Result<Done> {
        let mut figures = Figures::default();
        let table = raw_table(&source.name);
        let (Some(person), Some(list)) = (&source.person, &self.suppressions) else {
            return Ok(Done { staged: Vec::new(), figures });
        };
        if count(&self.catalog, &table, person, list).await? == 0 {
            return Ok(Done { staged: Vec::new(), figures });
        }
        let doing = || format!("remove the person from {table}");
        let mut rows = self.catalog.every_row(&table).await?.execute_stream().await.doing(doing())?;
        let mut anew = self.warehouse().stager(&table, Mode::Replace, &rows.schema())?;
        while let Some(batch) = rows.next().await {
            let (batch, theirs) = forget_rows(batch.doing(doing())?, person, list)?;
            figures.forgotten.removed += theirs.removed;
            figures.forgotten.anonymised += theirs.anonymised;
            anew.write(&batch).await?;
        }
        let staged = anew.finish().await?;
        (figures.rows, figures.bytes) = (staged.rows, staged.bytes);
        Ok(Done { staged: vec![staged], figures })
    }
}

/// How many refused records would lose their text.
pub(super) async fn refused(
    pipeline: &Pipeline,
    catalog: &Catalog,
    kinds: &BTreeSet<String>,
    list: &Suppressions,
) -> Result<BlankedRecords> {
    let (quarantine, mut all) = (quarantine::table(), BlankedRecords::default());
    if catalog.table(&quarantine).await?.is_none() {
        return Ok(all);
    }
    let doing = "look for the person in the quarantine";
    let columns = ["source", "record"].map(|name| col(Column::from_name(name)));
    let frame = catalog.every_row(&quarantine).await?.select(columns.to_vec()).doing(doing)?;
    let mut rows = frame.execute_stream().await.doing(doing)?;
    let search = RecordSearch::new(pipeline.sources(), kinds, list);
    while let Some(batch) = rows.next().await {
        let (_, blanked) = search.without_records(&batch.doing(doing)?)?;
        all.named += blanked.named;
        all.cut += blanked.cut;
    }
    Ok(all)
}

/// How many rows of the table are forgotten persons'; only its keys are read.
pub(super) async fn count(
    catalog: &Catalog,
    table: &TableName,
    person: &Person,
    list: &Suppressions,
) -> Result<u64> {
    if catalog.table(table).await?.is_none() {
        return Ok(0);
    }
    let doing = || format!("look for the person in {table}");
    let names: BTreeSet<&str> = person.keys.iter().map(|key| key.column.as_str()).collect();
    let keys: Vec<_> = names.into_iter().map(|name| col(Column::from_name(name))).collect();
    let frame = catalog.every_row(table).await?.select(keys).doing(doing())?;
    let mut rows = frame.execute_stream().await.doing(doing())?;
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        count += is_of_erased_person(&batch.doing(doing())?, person, list)?.true_count() as u64;
    }
    Ok(count)
}
