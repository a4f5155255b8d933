//! Rows of files that a newer one replaces: they leave the raw table in the run that reads it, and their
//! refused records wait no more.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use datafusion::common::Column;
use datafusion::logical_expr::{col, lit};

use super::definition::Ingest;
use super::intake::{Intake, Replaced};
use super::reading::Reading;
use crate::error::{Context, Error, Result};
use crate::ops::quarantine::{self, DISMISSED_BECAUSE, DISMISSED_BY, RecordState, SILLAGE};
use crate::ops::sources::FileEntry;
use crate::ops::steps::StepMetrics;
use crate::step::StepContext;
use crate::warehouse::stage::Staged;

impl Reading<'_> {
    /// Writes down what the new files do away with.
    pub(super) async fn done_away_with(&mut self, intake: &Intake) -> Result<()> {
        let run = self.context.run;
        for Replaced { entry, by } in &intake.replaced {
            let gone = FileEntry {
                run,
                rows: 0,
                refused: 0,
                late: 0,
                replaced_by: Some(by.clone()),
                ..entry.clone()
            };
            self.entries.push(gone);
        }
        for dismissed in &intake.dismissed {
            let batch = quarantine::positions(&self.source.name, &dismissed.file, &dismissed.lines)?;
            let batch = quarantine::rows(&batch, RecordState::Dismissed, run)?;
            self.outcomes.write(&signed(&batch, SILLAGE, &dismissed.because)?).await?;
        }
        Ok(())
    }
}

/// Returns dismissed records with who dismissed them and why.
fn signed(batch: &RecordBatch, by: &str, because: &str) -> Result<RecordBatch> {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let text = match field.name().as_str() {
            DISMISSED_BY => by,
            DISMISSED_BECAUSE => because,
            _ => return column.clone(),
        };
        Arc::new(StringArray::from(vec![text; batch.num_rows()]))
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).doing("write the quarantine")
}

impl Ingest {
    /// The source's rows as they are to be committed, without those of replaced files: `rows` itself when
    /// there is none.
    pub(super) async fn without_replaced(
        &self,
        context: &StepContext,
        rows: Staged,
        replaced: &[Replaced],
        entries: &[FileEntry],
        metrics: &mut StepMetrics,
    ) -> Result<Staged> {
        if replaced.is_empty() {
            return Ok(rows);
        }
        let doing = "take out the rows of files that were replaced";
        let files: Vec<&str> = replaced.iter().map(|replaced| replaced.entry.file.as_str()).collect();
        let parted = context
            .catalog
            .split_files(rows, |statistics| files.iter().any(|file| statistics.may_hold("_file", file)))
            .await?;
        let mut left: BTreeMap<String, i64> = BTreeMap::new();
        let mut all = None;
        if parted.has_affected_files() {
            let table = parted.session()?.table(parted.table()).await?;
            let names = files.iter().map(|file| lit(*file)).collect();
            let theirs = col(Column::from_name("_file")).in_list(names, false);
            let counted = table
                .clone()
                .filter(theirs.clone())
                .and_then(|rows| {
                    let times = datafusion::functions_aggregate::expr_fn::count(lit(1_i64));
                    rows.aggregate(vec![col(Column::from_name("_file"))], vec![times])
                })
                .doing(doing)?;
            for batch in counted.collect().await.doing(doing)? {
                let damaged = || Error::failed("the rows of replaced files could not be counted");
                let names = batch.column(0).as_string_opt::<i32>().ok_or_else(damaged)?;
                let counts = batch.column(1).as_primitive_opt::<Int64Type>().ok_or_else(damaged)?;
                for row in 0..batch.num_rows() {
                    left.insert(names.value(row).to_owned(), counts.value(row));
                }
            }
            all = Some((table, theirs));
        }
        for Replaced { entry, by } in replaced {
            let gone = left.get(&entry.file).copied().unwrap_or(0);
            let came = entries.iter().find(|entry| entry.file == *by).map(|entry| entry.rows);
            let message = match came {
                Some(came) => format!("{by} replaces {}: {came} rows in place of {gone}", entry.file),
                None => format!("{by} replaces {}: {gone} rows left", entry.file),
            };
            match came {
                Some(0) if gone > 0 => metrics.warnings.push(message),
                _ => metrics.notes.push(message),
            }
        }
        match all {
            Some((table, theirs)) if !left.is_empty() => {
                parted.with_rows(table.filter(theirs.is_not_true()).doing(doing)?).await
            }
            _ => Ok(parted.unchanged()),
        }
    }
}
