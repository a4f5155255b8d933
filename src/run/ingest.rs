//! The step of a source: its new files become rows of its raw table, each once; what does not fit goes
//! to the quarantine; records refused before may be read again.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Date32Type, Field, Int64Type, Schema, SchemaRef, TimestampMicrosecondType};
use chrono_tz::Tz;
use futures::StreamExt;

use super::intake::{Because, Intake, Unread, instant_of};
use super::ledger::{self, Entry};
use super::plan::PlannedStep;
use super::quarantine::{self, DISMISSED_BECAUSE, DISMISSED_BY, State};
use super::replay::told;
use super::snapshot::{self, Lists, ReadLists};
use super::step::{Done, Failure, Figures, Workshop};
use crate::clock::Instant;
use crate::day::first_day_not_over;
use crate::erasure::{RecordSearch, Theirs, forget_rows};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::pipeline::raw_table;
use crate::source::{self, ColumnType, OnDrift, Piece, Remark, Source, SourceFile, Survey};
use crate::warehouse::stage::{Mode, Staged, Stager};
use crate::warehouse::table::Table;
use crate::warehouse::visibility::Known;

/// Rows in one batch of ingest.
pub(super) const INGEST_ROWS: usize = 16_384;
/// How many refused rows an error points at.
pub(super) const SHOWN_REFUSALS: usize = 5;

/// The step while it works.
pub(super) struct Ingest<'w> {
    pub(super) workshop: &'w Workshop,
    pub(super) source: &'w Arc<Source>,
    /// The raw table's, with `_run`.
    pub(super) schema: SchemaRef,
    pub(super) rows: Stager,
    /// Of snapshots: what is known of their refused records.
    lists: Option<Lists>,
    refusals: Stager,
    /// Apart from `refusals`: what a replay found counts only if its rows are published with it.
    pub(super) words: Stager,
    /// The columns that nobody declared, as the raw table has them.
    evolved: Vec<(String, ColumnType)>,
    /// The column that says when a row happened.
    time: Option<String>,
    read: u64,
    refused: u64,
    forgotten: Theirs,
    examples: Vec<String>,
    /// What reading bore, by file.
    remarks: Vec<(String, Remark)>,
    pub(super) entries: Vec<Entry>,
}

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
                base.grown(&wanted, source.on_drift != OnDrift::Fail)?
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
            forgotten: Theirs::default(),
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
        let (warnings, notes) = source::told(remarks);
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
            Known::At(time) => Some(time.name),
            Known::Undeclared | Known::Always => None,
        }
    }
}

impl Ingest<'_> {
    /// The source as this file has it, the columns taken in by their names there.
    pub(super) fn shaped(&self, survey: &Survey) -> Arc<Source> {
        if self.evolved.is_empty() {
            return self.source.clone();
        }
        Arc::new(self.source.evolved(&self.evolved, &survey.added))
    }

    async fn file(&mut self, file: &SourceFile, survey: &Survey, since_run: u64) -> Result<()> {
        let (mut read, mut refused, mut late) = (0, 0, 0);
        let source = self.shaped(survey);
        let run = self.workshop.run;
        let snapshot_at =
            self.source.snapshot.as_ref().and_then(|_| instant_of(&source, &file.name, self.workshop.as_of));
        if let (Some(lists), Some(at)) = (&mut self.lists, snapshot_at) {
            lists.begin(at);
        }
        let mut pieces = std::pin::pin!(source::read(&source, file, INGEST_ROWS));
        while let Some(piece) = pieces.next().await {
            match piece? {
                Piece::Rows(batch) => {
                    read += batch.num_rows() as u64;
                    late += self.late(&batch);
                    let batch = self.without_forgotten(batch)?;
                    let batch = match snapshot_at {
                        Some(at) => snapshot::dated(&batch, at)?,
                        None => batch,
                    };
                    self.rows.write(&fitted(&batch, &self.schema, run)?).await?;
                }
                Piece::Refused(batch) => {
                    refused += batch.num_rows() as u64;
                    self.examples.extend(places(&batch, SHOWN_REFUSALS.saturating_sub(self.examples.len())));
                    if let Some(lists) = &mut self.lists {
                        lists.refused(&batch)?;
                    }
                    let batch = self.without_forgotten_records(batch)?;
                    self.refusals.write(&said(&batch, State::Refused, run)?).await?;
                }
                Piece::Remark(remark) => self.remarks.push((file.name.clone(), remark)),
            }
        }
        if let Some(lists) = &mut self.lists {
            lists.end(file).await?;
        }
        self.read += read;
        self.refused += refused;
        let entry = self.entry(file, since_run).await?;
        self.entries.push(Entry { rows: read, refused, late, snapshot_at, ..entry });
        Ok(())
    }

    /// The entry of a file from which no row was read.
    async fn entry(&self, file: &SourceFile, since_run: u64) -> Result<Entry> {
        let content = source::content(self.source, file).await?;
        Ok(Entry {
            run: self.workshop.run,
            source: self.source.name.clone(),
            file: file.name.clone(),
            size: file.size,
            modified: file.modified,
            digest: content.digest,
            content_size: content.size,
            rows: 0,
            refused: 0,
            late: 0,
            since_run,
            same_as: None,
            replaced_by: None,
            snapshot_at: None,
        })
    }

    /// The files that add nothing are known from now on.
    async fn unread(&mut self, intake: &Intake, since_run: u64) -> Result<()> {
        for Unread { file, because } in &intake.unread {
            let mut entry = self.entry(file, since_run).await?;
            match because.clone() {
                Because::SameAs(other) => entry.same_as = Some(other),
                Because::ReplacedBy(other) => entry.replaced_by = Some(other),
            }
            self.entries.push(entry);
        }
        Ok(())
    }

    /// The rows without forgotten persons.
    pub(super) fn without_forgotten(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let (Some(person), Some(list)) = (&self.source.person, &self.workshop.suppressions) else {
            return Ok(batch);
        };
        let (batch, theirs) = forget_rows(batch, person, list)?;
        self.forgotten.removed += theirs.removed;
        self.forgotten.anonymised += theirs.anonymised;
        Ok(batch)
    }

    /// Refused records, without the text of those that name forgotten persons.
    pub(super) fn without_forgotten_records(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let Some(list) = &self.workshop.suppressions else { return Ok(batch) };
        let keys = self.source.person.iter().flat_map(|person| &person.keys);
        let own = keys.map(|key| key.kind.word()).collect();
        let search = RecordSearch::new([self.source], &own, list);
        search.without_records(&batch).map(|(batch, _)| batch)
    }

    /// Rows that happened before the last release's instant: its models did not know them.
    fn late(&self, batch: &RecordBatch) -> u64 {
        let (Some(time), Some(last)) = (&self.time, self.workshop.last_as_of) else { return 0 };
        let Some(column) = batch.column_by_name(time) else { return 0 };
        before(column, last, self.workshop.pipeline.timezone)
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

/// The columns of a raw table as declared: the source's, then file, line and run.
pub fn raw_schema(source: &Source) -> SchemaRef {
    with_run(&source.table_schema())
}

fn with_run(schema: &Schema) -> SchemaRef {
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(Field::new("_run", DataType::Int64, true)));
    Arc::new(Schema::new(fields))
}

/// The columns of `ops.quarantine`: what the source tells, the state, the run that says so, of a record
/// that was dismissed by whom and why.
pub fn quarantine_schema() -> SchemaRef {
    let told = source::quarantine_schema();
    let mut fields: Vec<Field> =
        told.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true)).collect();
    fields.push(Field::new("state", DataType::Utf8, true));
    let mut fields = with_run(&Schema::new(fields)).fields().to_vec();
    for column in [DISMISSED_BY, DISMISSED_BECAUSE] {
        fields.push(Arc::new(Field::new(column, DataType::Utf8, true)));
    }
    Arc::new(Schema::new(fields))
}

/// A batch with the table's columns in the table's order; null where it has none.
pub(super) fn fitted(batch: &RecordBatch, schema: &SchemaRef, run: u64) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) => column.clone(),
        None if field.name() == "_run" => Arc::new(Int64Array::from(vec![run as i64; rows])),
        None => new_null_array(field.data_type(), rows),
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).doing("bring rows to the raw table's columns")
}

/// Refused records as rows of `ops.quarantine`.
pub(super) fn said(batch: &RecordBatch, state: State, run: u64) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(StringArray::from(vec![state.as_str(); rows])));
    columns.push(Arc::new(Int64Array::from(vec![run as i64; rows])));
    columns.extend([new_null_array(&DataType::Utf8, rows), new_null_array(&DataType::Utf8, rows)]);
    RecordBatch::try_new(quarantine_schema(), columns).doing("write the quarantine")
}

/// How many values of a timestamp or date column were known before the instant.
fn before(column: &ArrayRef, instant: Instant, zone: Tz) -> u64 {
    let earlier = match column.data_type() {
        DataType::Timestamp(..) => column.as_primitive_opt::<TimestampMicrosecondType>().map(|times| {
            let micros = instant.timestamp_micros();
            times.iter().flatten().filter(|time| *time < micros).count()
        }),
        DataType::Date32 => column.as_primitive_opt::<Date32Type>().map(|days| {
            let first_not_over = Date32Type::from_naive_date(first_day_not_over(instant, zone));
            days.iter().flatten().filter(|day| *day < first_not_over).count()
        }),
        _ => None,
    };
    earlier.unwrap_or(0) as u64
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

/// Where refused rows stand and why; never what they hold.
pub(super) fn places(batch: &RecordBatch, most: usize) -> Vec<String> {
    let text = |name: &str| batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
    let (Some(files), Some(columns), Some(reasons)) = (text("file"), text("column"), text("reason")) else {
        return Vec::new();
    };
    let lines = batch.column_by_name("line").and_then(|c| c.as_primitive_opt::<Int64Type>());
    (0..batch.num_rows().min(most))
        .map(|row| {
            let line = lines.map_or(0, |l| l.value(row));
            let column =
                if columns.is_valid(row) { format!(" column {}", columns.value(row)) } else { String::new() };
            format!("{}:{line}{column}: {}", files.value(row), reasons.value(row))
        })
        .collect()
}
