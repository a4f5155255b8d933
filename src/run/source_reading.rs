//! A source's step while it reads files: rows, refused records and what is known of each file.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, SchemaRef, TimestampMicrosecondType};
use chrono_tz::Tz;
use futures::StreamExt;

use super::intake::{Because, Intake, Unread, instant_of};
use super::ledger::Entry;
use super::quarantine::State;
use super::quarantine_rows::{SHOWN_REFUSALS, places, said};
use super::raw_rows::{INGEST_ROWS, fitted};
use super::snapshot::{self, Lists};
use super::step::Workshop;
use crate::clock::Instant;
use crate::day::first_day_not_over;
use crate::erasure::{ErasedRows, RecordSearch, forget_rows};
use crate::error::Result;
use crate::source::{self, ColumnType, Piece, Remark, Source, SourceFile, Survey};
use crate::warehouse::stage::Stager;

/// The step while it works.
pub(super) struct Ingest<'w> {
    pub(super) workshop: &'w Workshop,
    pub(super) source: &'w Arc<Source>,
    /// The raw table's, with `_run`.
    pub(super) schema: SchemaRef,
    pub(super) rows: Stager,
    /// Of snapshots: what is known of their refused records.
    pub(super) lists: Option<Lists>,
    pub(super) refusals: Stager,
    /// Apart from `refusals`: what a replay found counts only if its rows are published with it.
    pub(super) words: Stager,
    /// The columns that nobody declared, as the raw table has them.
    pub(super) evolved: Vec<(String, ColumnType)>,
    /// The column that says when a row happened.
    pub(super) time: Option<String>,
    pub(super) read: u64,
    pub(super) refused: u64,
    pub(super) forgotten: ErasedRows,
    pub(super) examples: Vec<String>,
    /// What reading bore, by file.
    pub(super) remarks: Vec<(String, Remark)>,
    pub(super) entries: Vec<Entry>,
}

impl Ingest<'_> {
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
    pub(super) async fn unread(&mut self, intake: &Intake, since_run: u64) -> Result<()> {
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
