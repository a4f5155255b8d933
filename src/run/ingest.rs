//! The step of a source: its new files become rows of its raw table, each once; what does not fit goes
//! to the quarantine; records refused before may be read again.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::intake::Intake;
use super::ledger::{self, Entry};
use super::plan::PlannedStep;
use super::quarantine;
use super::quarantine_rows::quarantine_schema;
use super::raw_rows::with_run;
use super::replay::told;
use super::snapshot::{self, Lists, ReadLists};
use super::source_reading::Ingest;
use super::step::{Done, Failure, Figures, Workshop};
use crate::erasure::ErasedRows;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::pipeline::raw_table;
use crate::source::{self, ColumnType, OnDrift, Source, SourceFile, Survey};
use crate::warehouse::stage::{Mode, Staged};
use crate::warehouse::table::Table;
use crate::warehouse::visibility::KnownSince;

/// What reading has found.
struct Found {
    /// Of the raw table or, of snapshots, the lists.
    rows: Staged,
    /// Of snapshots.
    lists: Option<ReadLists>,
    schema: SchemaRef,
    entries: Vec<Entry>,
    read: u64,
    refused: u64,
    examples: Vec<String>,
}

impl Workshop {
    pub(super) async fn ingest(&self, source: &Arc<Source>, planned: &PlannedStep) -> Result<Done, Failure> {
        let table = raw_table(&source.name);
        let existing = if self.full_refresh { None } else { self.catalog.table(&table).await? };
        let mut figures = Figures {
            warnings: planned.intake.warnings.clone(),
            notes: planned.intake.notes.clone(),
            ..Figures::default()
        };
        let files =
            || planned.intake.files.iter().chain(planned.intake.replay.iter().map(|replay| &replay.file));
        let surveys = self.survey(source, files(), &mut figures).await?;
        let evolved = evolved(source, existing.as_deref(), &surveys);
        let wanted = with_run(&source.evolved(&evolved, &[]).table_schema());
        let schema = match &existing {
            Some(base) => {
                snapshot::same_kind(source, base)?;
                base.extended_schema(&wanted, source.on_drift != OnDrift::Fail)?
            }
            None => wanted,
        };
        let new_columns = new_columns(existing.as_deref(), &schema, &surveys, files());
        if !new_columns.is_empty() {
            figures.warnings.push(format!(
                "new column{} {}: null in the rows read before, until --full-refresh",
                if new_columns.len() == 1 { "" } else { "s" },
                new_columns.join(", ")
            ));
        }
        let since_run = match &existing {
            Some(_) => planned.intake.since_run.unwrap_or(self.run),
            None => self.run,
        };
        let mode = if existing.is_some() { Mode::Append } else { Mode::Replace };
        let quarantine = quarantine::table();
        let quarantine_schema = quarantine_schema();
        let waiting = || self.warehouse().stager(&quarantine, Mode::Append, &quarantine_schema);
        let mut ingest = Ingest {
            workshop: self,
            source,
            rows: match source.snapshot {
                Some(_) => self.warehouse().stager(&snapshot::lists_table(source), Mode::Replace, &schema)?,
                None => self.warehouse().stager(&table, mode, &schema)?,
            },
            schema,
            lists: source.snapshot.as_ref().map(|_| Lists::new(self.warehouse(), source)).transpose()?,
            refusals: waiting()?,
            words: waiting()?,
            evolved,
            // A row of a source that is read for the first time, or anew, is not late.
            time: existing
                .as_ref()
                .filter(|_| source.snapshot.is_none())
                .and_then(|_| self.event_time(&table)),
            read: 0,
            refused: 0,
            forgotten: ErasedRows::default(),
            examples: Vec::new(),
            remarks: Vec::new(),
            entries: Vec::new(),
        };
        let (new, again) = surveys.split_at(planned.intake.files.len());
        for (file, survey) in planned.intake.files.iter().zip(new) {
            ingest.file(file, survey, since_run).await?;
        }
        let (mut fit, mut still) = (0, Vec::new());
        for (replay, survey) in planned.intake.replay.iter().zip(again) {
            fit += ingest.replay(replay, survey, &mut still).await?;
        }
        ingest.unread(&planned.intake, since_run).await?;
        ingest.done_away_with(&planned.intake).await?;
        let Ingest {
            rows,
            lists,
            schema,
            refusals,
            words,
            read,
            refused,
            forgotten,
            examples,
            remarks,
            entries,
            ..
        } = ingest;
        let (rows, refusals, words) = (rows.finish().await?, refusals.finish().await?, words.finish().await?);
        let lists = match lists {
            Some(lists) => Some(lists.finish().await?),
            None => None,
        };

        figures.refused = refused;
        let (warnings, notes) = source::messages(remarks);
        figures.warnings.extend(warnings);
        figures.notes.extend(notes);
        figures.forgotten = forgotten;
        if forgotten.rows() > 0 {
            figures.notes.push(format!(
                "{} rows of forgotten persons: {} left out, {} without their name",
                forgotten.rows(),
                forgotten.removed,
                forgotten.anonymised
            ));
        }
        figures.files = planned.intake.files.len() as u64;
        figures.replayed = fit;
        figures.late = entries.iter().map(|entry| entry.late).sum();
        if refused > 0 {
            figures.warnings.push(format!(
                "{refused} of {} rows went to ops.quarantine: {}",
                read + refused,
                examples.join("; ")
            ));
        }
        if !planned.intake.replay.is_empty() {
            figures.notes.push(told(fit, &still));
        }
        figures.rows = rows.rows;
        let found = Found { rows, lists, schema, entries, read, refused, examples };
        let settled = self.settled(source, &planned.intake, &found, &mut figures).await;
        if let Some(lists) = &found.lists {
            for scratch in [&found.rows, &lists.refused] {
                self.warehouse().delete_staged(scratch, &BTreeSet::new()).await?;
            }
        }
        let rows = match settled {
            Ok(rows) => rows,
            Err(error) => {
                for unused in [&found.rows, &words] {
                    self.warehouse().delete_staged(unused, &BTreeSet::new()).await?;
                }
                let error = error.at(format!("source {}", source.name));
                return Err(Failure { error, staged: vec![refusals] });
            }
        };
        let mut staged = Vec::new();
        let rows = self.keep(source, rows, &mut figures).await?;
        // A night that brings nothing and in which nothing leaves leaves the table as it is.
        let left = figures.expired > 0 || !planned.intake.replaced.is_empty();
        let changed = rows.rows > 0 || left || !new_columns.is_empty();
        let delivered = !planned.intake.files.is_empty() && source.snapshot.is_none();
        if existing.is_none() || changed || delivered {
            figures.bytes = rows.bytes;
            staged.push(rows);
        }
        if refusals.rows > 0 || self.catalog.table(&quarantine).await?.is_none() {
            staged.push(refusals);
        }
        if words.rows > 0 {
            staged.push(words);
        }
        if !found.entries.is_empty() {
            staged.push(self.stage_batch(&ledger::table(), ledger::rows(&found.entries)?).await?);
        }
        Ok(Done { staged, figures })
    }

    /// The table's rows as they are to be committed.
    ///
    /// # Errors
    /// Rows that are not as the source declares; nothing of what was made on the way is left.
    async fn settled(
        &self,
        source: &Source,
        intake: &Intake,
        found: &Found,
        figures: &mut Figures,
    ) -> Result<Staged> {
        let Found { rows, lists, schema, entries, read, refused, examples } = found;
        if let Some(error) = too_many_refused(source, *read, *refused, examples) {
            return Err(error);
        }
        let rows = match lists {
            Some(lists) => self.in_history(source, rows, lists, schema, figures).await?,
            None => self.without_replaced(rows.clone(), &intake.replaced, entries, figures).await?,
        };
        match self.judge(source, &rows, *read, entries, figures).await {
            Ok(()) => Ok(rows),
            Err(error) => {
                self.warehouse().delete_staged(&rows, &BTreeSet::new()).await?;
                Err(error)
            }
        }
    }

    /// Looks at every file before the first is read; all that is wrong is told at once.
    async fn survey(
        &self,
        source: &Arc<Source>,
        files: impl Iterator<Item = &SourceFile>,
        figures: &mut Figures,
    ) -> Result<Vec<Survey>> {
        let (mut surveys, mut errors) = (Vec::new(), Vec::new());
        for file in files {
            match source::survey(source, file).await {
                Ok(survey) => {
                    let told = survey.remarks.iter().map(|remark| format!("{}: {remark}", file.name));
                    figures.warnings.extend(told);
                    surveys.push(survey);
                }
                Err(error) => errors.push(error),
            }
        }
        Error::all(errors)?;
        Ok(surveys)
    }

    fn event_time(&self, table: &TableName) -> Option<String> {
        match self.pipeline.rules(table).known {
            KnownSince::At(time) => Some(time.name),
            KnownSince::Undeclared | KnownSince::Always => None,
        }
    }
}

/// The columns that nobody declared: those the raw table has already, and those of the new files. Of
/// a column that comes with several types, the text is taken.
fn evolved(source: &Source, base: Option<&Table>, surveys: &[Survey]) -> Vec<(String, ColumnType)> {
    let mut columns: Vec<(String, ColumnType)> = Vec::new();
    if source.on_drift != OnDrift::Evolve {
        return columns;
    }
    for field in base.iter().flat_map(|table| table.schema.fields()) {
        let declared = source.columns.iter().any(|c| c.name == *field.name());
        let own = field.name().starts_with('_') || source.adds(field.name());
        if !declared
            && !own
            && let Some(kind) = ColumnType::of(field.data_type())
        {
            columns.push((field.name().clone(), kind));
        }
    }
    let settled = columns.len();
    for added in surveys.iter().flat_map(|survey| &survey.added) {
        match columns.iter().position(|(name, _)| *name == added.name) {
            Some(place) if place >= settled && columns[place].1 != added.kind => {
                columns[place].1 = ColumnType::Text;
            }
            Some(_) => {}
            None => columns.push((added.name.clone(), added.kind)),
        }
    }
    columns
}

/// The columns by which the table grows, each with the file that brought it where nobody declared it.
fn new_columns<'f>(
    base: Option<&Table>,
    schema: &Schema,
    surveys: &[Survey],
    files: impl Iterator<Item = &'f SourceFile>,
) -> Vec<String> {
    let Some(base) = base else { return Vec::new() };
    let brought: Vec<(&SourceFile, &Survey)> = files.zip(surveys).collect();
    let old = base.schema.fields().len();
    let told = |name: &String| {
        let file = brought.iter().find(|(_, survey)| survey.added.iter().any(|added| added.name == *name));
        match file {
            Some((file, _)) => format!("`{name}` ({})", file.name),
            None => format!("`{name}`"),
        }
    };
    schema.fields().iter().skip(old).map(|field| told(field.name())).collect()
}

fn too_many_refused(source: &Source, read: u64, refused: u64, examples: &[String]) -> Option<Error> {
    let all = read + refused;
    let share = refused as f64 / all.max(1) as f64;
    (share > source.tolerance).then(|| {
        Error::failed(format!(
            "{refused} of {all} rows do not fit, {:.3}% where {:.3}% is tolerated: {}",
            share * 100.0,
            source.tolerance * 100.0,
            examples.join("; ")
        ))
        .hint("the rows are in ops.quarantine; mend the export or the declaration, or raise `tolerance`")
    })
}
