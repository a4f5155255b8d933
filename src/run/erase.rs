//! What the run of an erasure stages: raw tables without the person, and beside the tables of the steps
//! the suppression list, the quarantine and tables without rows.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::Column;
use datafusion::logical_expr::col;
use futures::StreamExt;

use crate::erasure::{BlankedRecords, ErasedRows, Receipt, RecordSearch};
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::ops::steps::StepRecord;
use crate::ops::suppressions::{self, Suppressions};
use crate::ops::{holdout_scores, quarantine};
use crate::pipeline::Pipeline;
use crate::source::Source;
use crate::step::StepContext;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Mode, Staged};

/// An erasure under way: what its run stages beside the steps, and the receipt so far.
pub(super) struct Erasure {
    pub list: Arc<Suppressions>,
    pub additions: RecordBatch,
    pub sources: Vec<Arc<Source>>,
    /// Every kind of key that any source has.
    pub kinds: BTreeSet<String>,
    /// Tables that no step makes, with their columns: published without rows.
    pub emptied: Vec<(TableName, SchemaRef)>,
    pub receipt: Receipt,
}

impl Erasure {
    /// What is published beside the tables of the steps: the suppression list, the quarantine without
    /// the person, tables without rows.
    pub async fn stage(&mut self, context: &StepContext) -> Result<Vec<Staged>> {
        let mut staged = vec![context.append(&suppressions::table(), &self.additions).await?];
        for (table, schema) in &self.emptied {
            staged.push(context.warehouse().stager(table, Mode::Replace, schema)?.finish().await?);
        }
        if context.catalog.table(&holdout_scores::table()).await?.is_some() {
            let stay = ids_that_stay(&context.catalog).await?;
            // Of customers of then that are nobody's tonight it is not known whose they were: they go.
            let gone = |id: &str| {
                stay.as_ref().is_some_and(|stay| !stay.contains(id))
                    || self.list.kinds().iter().any(|kind| self.list.holds(kind, id))
            };
            staged.push(holdout_scores::without_customers(&context.catalog, gone).await?);
        }
        let quarantine = quarantine::table();
        if context.catalog.table(&quarantine).await?.is_none() {
            return Ok(staged);
        }
        let doing = "remove the person from the quarantine";
        let mut rows = context.catalog.every_row(&quarantine).await?.execute_stream().await.doing(doing)?;
        let mut anew = context.warehouse().stager(&quarantine, Mode::Replace, &rows.schema())?;
        let search = RecordSearch::new(self.sources.iter(), &self.kinds, &self.list);
        while let Some(batch) = rows.next().await {
            let (batch, blanked) = search.without_records(&batch.doing(doing)?)?;
            self.receipt.refused_records += blanked.named + blanked.cut;
            anew.write(&batch).await?;
        }
        let anew = anew.finish().await?;
        if self.receipt.refused_records > 0 {
            staged.push(anew);
        } else {
            context.warehouse().delete_staged(&anew, &BTreeSet::new()).await?;
        }
        Ok(staged)
    }

    /// The receipt, once the steps have ended.
    pub fn receipt(mut self, steps: &[StepRecord]) -> Result<serde_json::Value> {
        for step in steps {
            let (removed, anonymised) = (step.metrics.rows_erased, step.metrics.rows_anonymised);
            if removed + anonymised > 0 {
                let erased = ErasedRows { removed, anonymised };
                self.receipt.tables.insert(step.step.as_str().parse()?, erased);
            }
        }
        serde_json::to_value(&self.receipt).doing("write the receipt")
    }
}

/// Returns the ids that customers of the last release have or had; `None` where customers are not found by records.
async fn ids_that_stay(catalog: &Catalog) -> Result<Option<HashSet<String>>> {
    let doing = "look for the customers of the hold-out";
    let mut ids: Option<HashSet<String>> = None;
    for (table, column) in [("customer_ids", "customer_id"), ("former_customer_ids", "former_id")] {
        let table = TableName::new("core", table)?;
        if catalog.table(&table).await?.is_none() {
            continue;
        }
        let session = catalog.session([&table], None).await?;
        let sql = format!(
            "select distinct arrow_cast({column}, 'Utf8') from {table} where customer_id is not null"
        );
        for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
            let found = batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned);
            ids.get_or_insert_default().extend(found);
        }
    }
    Ok(ids)
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
