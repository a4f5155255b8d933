//! `ops.sources`: the register of files, which of them were taken up, by name, size and content.
//!
//! Grain: one row per file and run that took it up, committed in the same release as the file's rows, so
//! that the two can never disagree. A file that says what another said (`same_as`), or an
//! edition older than one that is known (`replaced_by`), has a row and adds none to the raw table. A file
//! whose rows leave for a newer edition gets a further row, of the run in which they do.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::table::ops_table;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;
use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType};
use futures::StreamExt;

/// A file that was ingested.
#[derive(Debug, Clone, PartialEq)]
pub struct FileEntry {
    /// The run that read it.
    pub run: u64,
    pub source: String,
    pub file: String,
    pub size: u64,
    pub modified: Instant,
    /// Of the content, unpacked.
    pub digest: String,
    /// Bytes of the content, unpacked.
    pub content_size: u64,
    pub rows: u64,
    pub refused: u64,
    /// Rows that tell of what happened before the last release's instant.
    pub late: u64,
    /// The run that last read the source from the beginning; older entries no longer count.
    pub since_run: u64,
    /// The file whose content it has, where that is why it added nothing.
    pub same_as: Option<String>,
    /// The newer edition that counts in its place.
    pub replaced_by: Option<String>,
    /// From when on the list that it is holds.
    pub snapshot_at: Option<Instant>,
}

impl FileEntry {
    /// Whether its rows are in the raw table, or were until they grew too old.
    pub fn counts(&self) -> bool {
        self.same_as.is_none() && self.replaced_by.is_none()
    }

    pub fn has_records(&self) -> bool {
        self.rows + self.refused > 0
    }
}

/// The files of a source that were taken up.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileRegister {
    pub since_run: Option<u64>,
    /// By file name.
    pub entries: BTreeMap<String, FileEntry>,
}

/// Returns `ops.sources`.
pub fn table() -> TableName {
    ops_table("sources")
}

/// Returns its columns.
pub fn schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new("run", DataType::Int64, true),
        Field::new("source", DataType::Utf8, true),
        Field::new("file", DataType::Utf8, true),
        Field::new("size", DataType::Int64, true),
        Field::new("modified", instant.clone(), true),
        Field::new("digest", DataType::Utf8, true),
        Field::new("rows", DataType::Int64, true),
        Field::new("refused", DataType::Int64, true),
        Field::new("since_run", DataType::Int64, true),
        Field::new("rows_late", DataType::Int64, true),
        Field::new("same_as", DataType::Utf8, true),
        Field::new("replaced_by", DataType::Utf8, true),
        Field::new("snapshot_at", instant, true),
        Field::new("content_size", DataType::Int64, true),
    ]))
}

/// Returns the entries as rows of `ops.sources`.
///
/// # Errors
/// None, unless the program makes columns that do not fit the table.
pub fn rows(entries: &[FileEntry]) -> Result<RecordBatch> {
    let numbers = |value: &dyn Fn(&FileEntry) -> u64| -> Arc<dyn Array> {
        Arc::new(Int64Array::from_iter_values(entries.iter().map(|e| value(e) as i64)))
    };
    let texts = |value: &dyn Fn(&FileEntry) -> String| -> Arc<dyn Array> {
        Arc::new(StringArray::from_iter_values(entries.iter().map(value)))
    };
    let maybe = |value: &dyn Fn(&FileEntry) -> Option<String>| -> Arc<dyn Array> {
        Arc::new(StringArray::from_iter(entries.iter().map(value)))
    };
    RecordBatch::try_new(
        schema(),
        vec![
            numbers(&|e| e.run),
            texts(&|e| e.source.clone()),
            texts(&|e| e.file.clone()),
            numbers(&|e| e.size),
            Arc::new(
                TimestampMicrosecondArray::from_iter_values(
                    entries.iter().map(|e| e.modified.timestamp_micros()),
                )
                .with_timezone("UTC"),
            ),
            texts(&|e| e.digest.clone()),
            numbers(&|e| e.rows),
            numbers(&|e| e.refused),
            numbers(&|e| e.since_run),
            numbers(&|e| e.late),
            maybe(&|e| e.same_as.clone()),
            maybe(&|e| e.replaced_by.clone()),
            Arc::new(
                TimestampMicrosecondArray::from_iter(
                    entries.iter().map(|e| e.snapshot_at.map(|at| at.timestamp_micros())),
                )
                .with_timezone("UTC"),
            ),
            numbers(&|e| e.content_size),
        ],
    )
    .doing("write the register of files")
}

/// Returns the register of every source, as released.
///
/// # Errors
/// A register that cannot be read, that an older sillage made, or that holds what sillage does not write there.
pub async fn read(catalog: &Catalog) -> Result<BTreeMap<String, FileRegister>> {
    let mut registers: BTreeMap<String, FileRegister> = BTreeMap::new();
    if catalog.table(&table()).await?.is_none() {
        return Ok(registers);
    }
    let session = catalog.session([&table()], None).await?;
    let sql = "select source, file, size, modified, digest, rows, refused, since_run, run, rows_late, \
               same_as, replaced_by, snapshot_at, content_size from ops.sources order by source, since_run, run, file";
    let mut stream = session
        .sql(sql)
        .await
        .doing("read the register of files")
        .map_err(|e| {
            e.hint("was it written by an older sillage? `sillage migrate` gives it the columns of today")
        })?
        .execute_stream()
        .await
        .doing("read the register of files")?;
    while let Some(batch) = stream.next().await {
        for entry in entries(&batch.doing("read the register of files")?)? {
            let register = registers.entry(entry.source.clone()).or_default();
            if register.since_run != Some(entry.since_run) {
                *register = FileRegister { since_run: Some(entry.since_run), entries: BTreeMap::new() };
            }
            match register.entries.get_mut(&entry.file) {
                // What it was when it was read stays known.
                Some(known) if entry.replaced_by.is_some() => known.replaced_by = entry.replaced_by,
                _ => {
                    register.entries.insert(entry.file.clone(), entry);
                }
            }
        }
    }
    Ok(registers)
}

fn entries(batch: &RecordBatch) -> Result<Vec<FileEntry>> {
    let damaged = || Error::failed("ops.sources does not hold what sillage writes there");
    let texts = |n: usize| batch.column(n).as_string_opt::<i32>().ok_or_else(damaged);
    let numbers = |n: usize| batch.column(n).as_primitive_opt::<Int64Type>().ok_or_else(damaged);
    let (sources, files, digests) = (texts(0)?, texts(1)?, texts(4)?);
    let (sizes, rows, refused, since) = (numbers(2)?, numbers(5)?, numbers(6)?, numbers(7)?);
    let (runs, late, same_as, replaced_by) = (numbers(8)?, numbers(9)?, texts(10)?, texts(11)?);
    let instants =
        |n: usize| batch.column(n).as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(damaged);
    let (modified, snapshots, content_sizes) = (instants(3)?, instants(12)?, numbers(13)?);
    let instant = |micros: i64| chrono::DateTime::from_timestamp_micros(micros).ok_or_else(damaged);
    let maybe = |texts: &StringArray, n: usize| texts.is_valid(n).then(|| texts.value(n).to_owned());
    (0..batch.num_rows())
        .map(|n| {
            Ok(FileEntry {
                run: runs.value(n) as u64,
                source: sources.value(n).to_owned(),
                file: files.value(n).to_owned(),
                size: sizes.value(n) as u64,
                modified: instant(modified.value(n))?,
                digest: digests.value(n).to_owned(),
                // Files read before packed ones were known by their content.
                content_size: if content_sizes.is_valid(n) { content_sizes.value(n) } else { sizes.value(n) }
                    as u64,
                rows: rows.value(n) as u64,
                refused: refused.value(n) as u64,
                // Files read before lateness was counted.
                late: if late.is_valid(n) { late.value(n) as u64 } else { 0 },
                since_run: since.value(n) as u64,
                same_as: maybe(same_as, n),
                replaced_by: maybe(replaced_by, n),
                snapshot_at: snapshots.is_valid(n).then(|| instant(snapshots.value(n))).transpose()?,
            })
        })
        .collect()
}
