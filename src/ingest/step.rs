//! The step of a source: its new files become rows of its raw table, each once; what does not fit goes
//! to the quarantine; records refused before may be read again.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;

use super::definition::Ingest;
use super::reading::{Found, Reading};
use super::replay;
use super::target::Target;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::ops::steps::StepMetrics;
use crate::ops::{quarantine, sources};
use crate::source::{self, SourceFile, Survey};
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};
use crate::warehouse::stage::Staged;
use crate::warehouse::table::Table;

#[async_trait]
impl Step for Ingest {
    fn kind(&self) -> &'static str {
        "ingest"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        BTreeSet::new()
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::new(self.source.raw_table())]
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let table = self.source.raw_table();
        let existing = if context.full_refresh { None } else { context.catalog.table(&table).await? };
        let mut metrics = StepMetrics {
            warnings: self.intake.warnings.clone(),
            notes: self.intake.notes.clone(),
            files: self.intake.files.len() as u64,
            ..StepMetrics::default()
        };
        let surveys = self.survey(&mut metrics.warnings).await?;
        let target = self.target(existing, self.files(), &surveys)?;
        metrics.warnings.extend(growth(&target));
        let found = self.read(context, &target, &surveys, &mut metrics).await?;
        self.stage(context, &target, found, metrics).await
    }
}

/// Returns a warning about the columns by which the raw table grows, if any.
fn growth(target: &Target) -> Option<String> {
    let columns = &target.new_columns;
    (!columns.is_empty()).then(|| {
        format!(
            "new column{} {}: null in the rows read before, until --full-refresh",
            if columns.len() == 1 { "" } else { "s" },
            columns.join(", ")
        )
    })
}

impl Ingest {
    fn files(&self) -> impl Iterator<Item = &SourceFile> {
        self.intake.files.iter().chain(self.intake.replay.iter().map(|replay| &replay.file))
    }

    /// Returns what the columns of the files would lead to, without reading a row: the columns of the raw table, and
    /// deviations from the declaration that the source's policy accepts.
    ///
    /// # Errors
    /// Files whose columns the policy of the source does not accept, or that cannot be read; all of them.
    pub async fn columns_of_files(&self, existing: Option<Arc<Table>>) -> Result<(SchemaRef, Vec<String>)> {
        let mut warnings = Vec::new();
        let surveys = self.survey(&mut warnings).await?;
        let target = self.target(existing, self.files(), &surveys)?;
        warnings.extend(growth(&target));
        Ok((target.schema, warnings))
    }

    /// Looks at every file before the first is read; all that is wrong is reported at once.
    async fn survey(&self, warnings: &mut Vec<String>) -> Result<Vec<Survey>> {
        let (mut surveys, mut errors) = (Vec::new(), Vec::new());
        for file in self.files() {
            match source::survey(&self.source, file).await {
                Ok(survey) => {
                    let remarks = survey.remarks.iter().map(|remark| format!("{}: {remark}", file.name));
                    warnings.extend(remarks);
                    surveys.push(survey);
                }
                Err(error) => errors.push(error),
            }
        }
        Error::all(errors)?;
        Ok(surveys)
    }

    async fn read(
        &self,
        context: &StepContext,
        target: &Target,
        surveys: &[Survey],
        metrics: &mut StepMetrics,
    ) -> Result<Found> {
        let intake = &self.intake;
        let since_run = match &target.existing {
            Some(_) => intake.since_run.unwrap_or(context.run),
            None => context.run,
        };
        let mut reading = Reading::open(context, self, target)?;
        let (new, again) = surveys.split_at(intake.files.len());
        for (file, survey) in intake.files.iter().zip(new) {
            reading.file(file, survey, since_run).await?;
        }
        let (mut fit, mut still) = (0, Vec::new());
        for (replay, survey) in intake.replay.iter().zip(again) {
            fit += reading.replay(replay, survey, &mut still).await?;
        }
        reading.unread(intake, since_run).await?;
        reading.done_away_with(intake).await?;
        let found = reading.finish(metrics).await?;
        metrics.replayed = fit;
        if !intake.replay.is_empty() {
            metrics.notes.push(replay::summary(fit, &still));
        }
        Ok(found)
    }

    /// Returns what is published of what was found.
    async fn stage(
        &self,
        context: &StepContext,
        target: &Target,
        found: Found,
        mut metrics: StepMetrics,
    ) -> Result<StepOutput, StepFailure> {
        let warehouse = context.warehouse();
        let judged = self.judged(context, target, &found, &mut metrics).await;
        if let Some(lists) = &found.lists {
            for scratch in [&found.rows, &lists.refused] {
                warehouse.delete_staged(scratch, &BTreeSet::new()).await?;
            }
        }
        let rows = match judged {
            Ok(rows) => rows,
            Err(error) => {
                for unused in [&found.rows, &found.outcomes] {
                    warehouse.delete_staged(unused, &BTreeSet::new()).await?;
                }
                let error = error.at(format!("source {}", self.source.name));
                return Err(StepFailure { error, staged: vec![found.refusals] });
            }
        };
        let mut staged = Vec::new();
        let rows = self.without_expired(context, rows, &mut metrics).await?;
        // A night that brings nothing and in which nothing leaves leaves the table as it is.
        let left = metrics.expired > 0 || !self.intake.replaced.is_empty();
        let changed = rows.rows > 0 || left || !target.new_columns.is_empty();
        let delivered = !self.intake.files.is_empty() && self.source.contract.snapshot.is_none();
        if target.existing.is_none() || changed || delivered {
            metrics.bytes = rows.bytes;
            staged.push(rows);
        }
        if found.refusals.rows > 0 || context.catalog.table(&quarantine::table()).await?.is_none() {
            staged.push(found.refusals);
        }
        if found.outcomes.rows > 0 {
            staged.push(found.outcomes);
        }
        if !found.entries.is_empty() {
            staged.push(context.append(&sources::table(), &sources::rows(&found.entries)?).await?);
        }
        Ok(StepOutput { staged, metrics })
    }

    /// Returns the table's rows as they are to be committed.
    ///
    /// # Errors
    /// Rows that are not as the source declares; nothing of what was made on the way is left.
    async fn judged(
        &self,
        context: &StepContext,
        target: &Target,
        found: &Found,
        metrics: &mut StepMetrics,
    ) -> Result<Staged> {
        if let Some(error) = self.too_many_refused(found) {
            return Err(error);
        }
        let rows = match &found.lists {
            Some(lists) => self.in_history(context, &found.rows, lists, &target.schema, metrics).await?,
            None => {
                let (rows, replaced) = (found.rows.clone(), &self.intake.replaced);
                self.without_replaced(context, rows, replaced, &found.entries, metrics).await?
            }
        };
        match self.judge(context, &rows, found.read, &found.entries, metrics).await {
            Ok(()) => Ok(rows),
            Err(error) => {
                context.warehouse().delete_staged(&rows, &BTreeSet::new()).await?;
                Err(error)
            }
        }
    }

    fn too_many_refused(&self, found: &Found) -> Option<Error> {
        let (source, refused) = (&self.source, found.refused);
        let all = found.read + refused;
        let share = refused as f64 / all.max(1) as f64;
        (share > source.contract.tolerance).then(|| {
            Error::failed(format!(
                "{refused} of {all} rows do not fit, {:.3}% where {:.3}% is tolerated: {}",
                share * 100.0,
                source.contract.tolerance * 100.0,
                found.examples.join("; ")
            ))
            .hint("the rows are in ops.quarantine; fix the export or the declaration, or raise `tolerance`")
        })
    }
}
