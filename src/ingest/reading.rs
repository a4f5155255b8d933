//! A source's step while it reads files: rows, refused records and what is known of each file.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, SchemaRef, TimestampMicrosecondType};
use chrono_tz::Tz;
use futures::StreamExt;

use super::definition::Ingest;
use super::intake::{Intake, Unread, UnreadReason, instant_of};
use super::raw_rows::{INGEST_ROWS, fitted};
use super::snapshot::{self, Lists, ReadLists};
use super::target::Target;
use crate::clock::Instant;
use crate::day::first_day_not_over;
use crate::erasure::{ErasedRows, RecordSearch, forget_rows};
use crate::error::Result;
use crate::ops::quarantine::{self, RecordState, SHOWN_REFUSALS, places};
use crate::ops::sources::FileEntry;
use crate::ops::steps::StepMetrics;
use crate::source::{self, ColumnType, Piece, Remark, Source, SourceFile, Survey};
use crate::step::StepContext;
use crate::warehouse::stage::{Mode, Staged, Stager};
use crate::warehouse::visibility::KnownSince;

/// The step while it works.
pub(super) struct Reading<'w> {
    pub(super) context: &'w StepContext,
    pub(super) source: &'w Arc<Source>,
    /// The raw table's, with `_run`.
    pub(super) schema: SchemaRef,
    pub(super) rows: Stager,
    /// Of snapshots: what is known of their refused records.
    pub(super) lists: Option<Lists>,
    pub(super) refusals: Stager,
    /// Apart from `refusals`: what a replay found counts only if its rows are published with it.
    pub(super) outcomes: Stager,
    /// The columns that nobody declared, as the raw table has them.
    pub(super) evolved: Vec<(String, ColumnType)>,
    /// The column that says when a row happened.
    pub(super) time: Option<String>,
    pub(super) read: u64,
    pub(super) refused: u64,
    pub(super) erased: ErasedRows,
    pub(super) examples: Vec<String>,
    /// What reading bore, by file.
    pub(super) remarks: Vec<(String, Remark)>,
    pub(super) entries: Vec<FileEntry>,
}

/// What reading has found.
pub(super) struct Found {
    /// Of the raw table or, of snapshots, the lists.
    pub rows: Staged,
    /// Of snapshots.
    pub lists: Option<ReadLists>,
    pub refusals: Staged,
    /// What became of records that had been refused.
    pub outcomes: Staged,
    pub entries: Vec<FileEntry>,
    pub read: u64,
    pub refused: u64,
    /// Where some of the refused rows stand, and why.
    pub examples: Vec<String>,
}

impl<'w> Reading<'w> {
    /// Opens the tables that reading writes to.
    pub(super) fn open(context: &'w StepContext, ingest: &'w Ingest, target: &Target) -> Result<Self> {
        let (source, warehouse) = (&ingest.source, context.warehouse());
        let mode = if target.existing.is_some() { Mode::Append } else { Mode::Replace };
        let quarantined = || warehouse.stager(&quarantine::table(), Mode::Append, &quarantine::schema());
        let event_time = match &ingest.known {
            KnownSince::At(time) => Some(time.name.clone()),
            KnownSince::Undeclared | KnownSince::Always => None,
        };
        Ok(Reading {
            context,
            source,
            rows: match source.contract.snapshot {
                Some(_) => warehouse.stager(&snapshot::lists_table(source), Mode::Replace, &target.schema)?,
                None => warehouse.stager(&source.raw_table(), mode, &target.schema)?,
            },
            schema: target.schema.clone(),
            lists: source.contract.snapshot.as_ref().map(|_| Lists::new(warehouse, source)).transpose()?,
            refusals: quarantined()?,
            outcomes: quarantined()?,
            evolved: target.evolved.clone(),
            // A row of a source that is read for the first time, or anew, is not late.
            time: event_time.filter(|_| target.existing.is_some() && source.contract.snapshot.is_none()),
            read: 0,
            refused: 0,
            erased: ErasedRows::default(),
            examples: Vec::new(),
            remarks: Vec::new(),
            entries: Vec::new(),
        })
    }

    /// Closes the tables, and counts.
    pub(super) async fn finish(self, metrics: &mut StepMetrics) -> Result<Found> {
        let rows = self.rows.finish().await?;
        let lists = match self.lists {
            Some(lists) => Some(lists.finish().await?),
            None => None,
        };
        metrics.rows = rows.rows;
        metrics.refused = self.refused;
        metrics.late = self.entries.iter().map(|entry| entry.late).sum();
        let (warnings, notes) = source::messages(self.remarks);
        metrics.warnings.extend(warnings);
        metrics.notes.extend(notes);
        let ErasedRows { removed, anonymised } = self.erased;
        (metrics.rows_erased, metrics.rows_anonymised) = (removed, anonymised);
        if self.erased.rows() > 0 {
            metrics.notes.push(format!(
                "{} rows of forgotten persons: {removed} left out, {anonymised} without their name",
                self.erased.rows()
            ));
        }
        if self.refused > 0 {
            metrics.warnings.push(format!(
                "{} of {} rows went to ops.quarantine: {}",
                self.refused,
                self.read + self.refused,
                self.examples.join("; ")
            ));
        }
        Ok(Found {
            rows,
            lists,
            refusals: self.refusals.finish().await?,
            outcomes: self.outcomes.finish().await?,
            entries: self.entries,
            read: self.read,
            refused: self.refused,
            examples: self.examples,
        })
    }

    /// The source as this file has it, the columns taken in by their names there.
    pub(super) fn shaped(&self, survey: &Survey) -> Arc<Source> {
        if self.evolved.is_empty() {
            return self.source.clone();
        }
        Arc::new(self.source.evolved(&self.evolved, &survey.added))
    }

    pub(super) async fn file(&mut self, file: &SourceFile, survey: &Survey, since_run: u64) -> Result<()> {
        let (mut read, mut refused, mut late) = (0, 0, 0);
        let source = self.shaped(survey);
        let run = self.context.run;
        let is_list = source.contract.snapshot.is_some();
        let snapshot_at = is_list.then(|| instant_of(&source, &file.name, self.context.as_of)).flatten();
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
                    self.refusals.write(&quarantine::rows(&batch, RecordState::Refused, run)?).await?;
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
        self.entries.push(FileEntry { rows: read, refused, late, snapshot_at, ..entry });
        Ok(())
    }

    /// The entry of a file from which no row was read.
    async fn entry(&self, file: &SourceFile, since_run: u64) -> Result<FileEntry> {
        let content = source::content(self.source, file).await?;
        Ok(FileEntry {
            run: self.context.run,
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
    pub(super) async fn unread(&mut self, intake: &Intake, since_run: u64) -> Result<()> {
        for Unread { file, because } in &intake.unread {
            let mut entry = self.entry(file, since_run).await?;
            match because.clone() {
                UnreadReason::SameAs(other) => entry.same_as = Some(other),
                UnreadReason::ReplacedBy(other) => entry.replaced_by = Some(other),
            }
            self.entries.push(entry);
        }
        Ok(())
    }

    /// The rows without forgotten persons.
    pub(super) fn without_forgotten(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let (Some(person), Some(list)) = (&self.source.contract.person, &self.context.suppressions) else {
            return Ok(batch);
        };
        let (batch, theirs) = forget_rows(batch, person, list)?;
        self.erased.removed += theirs.removed;
        self.erased.anonymised += theirs.anonymised;
        Ok(batch)
    }

    /// Refused records, without the text of those that name forgotten persons.
    pub(super) fn without_forgotten_records(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let Some(list) = &self.context.suppressions else { return Ok(batch) };
        let keys = self.source.contract.person.iter().flat_map(|person| &person.keys);
        let own = keys.map(|key| key.kind.word()).collect();
        let search = RecordSearch::new([self.source], &own, list);
        search.without_records(&batch).map(|(batch, _)| batch)
    }

    /// Rows that happened before the last release's instant: its models did not know them.
    fn late(&self, batch: &RecordBatch) -> u64 {
        let (Some(time), Some(last)) = (&self.time, self.context.last_as_of) else { return 0 };
        let Some(column) = batch.column_by_name(time) else { return 0 };
        before(column, last, self.context.timezone)
    }
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
