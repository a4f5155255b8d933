//! The step of a source while a person is forgotten: no file is read, their rows leave its raw table.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::Column;
use datafusion::logical_expr::col;
use futures::StreamExt;

use crate::erasure::{forget_rows, is_of_erased_person};
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::ops::suppressions::Suppressions;
use crate::source::{Person, Source};
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::Mode;

/// Takes forgotten persons out of a source's raw table; one that holds none of them stays as it is.
#[derive(Debug)]
pub struct EraseRows(pub Arc<Source>);

#[async_trait]
impl Step for EraseRows {
    fn kind(&self) -> &'static str {
        "ingest"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        BTreeSet::new()
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::new(self.0.raw_table())]
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let table = self.0.raw_table();
        let (Some(person), Some(list)) = (&self.0.contract.person, &context.suppressions) else {
            return Ok(StepOutput::default());
        };
        if count_erased(&context.catalog, &table, person, list).await? == 0 {
            return Ok(StepOutput::default());
        }
        let doing = || format!("remove the person from {table}");
        let mut rows = context.catalog.every_row(&table).await?.execute_stream().await.doing(doing())?;
        let mut anew = context.warehouse().stager(&table, Mode::Replace, &rows.schema())?;
        let (mut removed, mut anonymised) = (0, 0);
        while let Some(batch) = rows.next().await {
            let (batch, erased) = forget_rows(batch.doing(doing())?, person, list)?;
            removed += erased.removed;
            anonymised += erased.anonymised;
            anew.write(&batch).await?;
        }
        let mut output = StepOutput::of(vec![anew.finish().await?]);
        (output.metrics.rows_erased, output.metrics.rows_anonymised) = (removed, anonymised);
        Ok(output)
    }
}

/// Returns how many rows of the table are forgotten persons'; only its keys are read.
///
/// # Errors
/// A table that cannot be read or has no column of a key.
pub async fn count_erased(
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
