//! Staging: writes Parquet files into a table's folder before any Delta log refers to them.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::BatchCoalescer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream_partitioned};
use datafusion::prelude::DataFrame;
use delta_kernel::table_properties::DataSkippingNumIndexedCols;
use deltalake::kernel::Add;
use deltalake::operations::write::writer::{DeltaWriter, WriterConfig};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::location::Warehouse;
use super::stored_types::Kept;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::storage::activity;

/// Rows in one row group. Fixed, so that a mart's bytes do not depend on memory or threads.
const ROW_GROUP_ROWS: usize = 131_072;
/// Rows handed to the encoder at once. Page boundaries follow it, hence fixed too.
const ENCODE_ROWS: usize = 8_192;
/// A table that many threads write is cut into files of about this size (delta-rs overestimates
/// the encoded size about threefold).
const TARGET_FILE_BYTES: u64 = 768 << 20;
/// Batches handed over and not yet encoded.
const WAITING_BATCHES: usize = 2;

/// How staged files meet what the table already holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// They become the whole table.
    Replace,
    /// They are added to it.
    Append,
}

/// Files of one table, written and not yet committed. Serialisable: the journal carries it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Staged {
    pub table: TableName,
    pub mode: Mode,
    pub schema: SchemaRef,
    pub(super) adds: Vec<Add>,
    /// Files of the table it replaces that stay in it. They are a release's, never the attempt's to
    /// delete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) stays: Vec<Add>,
    /// Of what was written.
    pub rows: u64,
    pub bytes: u64,
}

impl Staged {
    pub(super) fn file_count(&self) -> usize {
        self.adds.len()
    }

    /// Returns the files of both, as if they had been written at once. They must be of one table and schema.
    #[must_use]
    pub fn and(mut self, more: Staged) -> Staged {
        self.adds.extend(more.adds);
        self.adds.sort_by(|a, b| a.path.cmp(&b.path));
        Staged { rows: self.rows + more.rows, bytes: self.bytes + more.bytes, ..self }
    }

    /// Returns the table's columns, and none of its rows.
    pub(super) fn without_rows(self) -> Staged {
        Staged { adds: Vec::new(), stays: Vec::new(), rows: 0, bytes: 0, ..self }
    }

    /// Returns the files it wrote, below the warehouse.
    pub(super) fn files(&self) -> impl Iterator<Item = String> {
        self.adds.iter().map(|add| format!("{}/{}", self.table.folder(), add.path))
    }
}

/// In which order rows are in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One file, rows in the order they come: for marts, which are sorted by their whole key first.
    OneFile,
    /// As many files as streams, rows in any order.
    Parallel,
    /// The same for what a step keeps for itself, which is written and read once or twice: packed with what
    /// costs least.
    Scratch,
}

impl Warehouse {
    /// Runs the plan and stages its rows, streaming.
    ///
    /// # Errors
    /// A plan that cannot be made or that fails, columns that no table can have, files that cannot be written.
    pub async fn stage(
        &self,
        table: &TableName,
        mode: Mode,
        layout: Layout,
        frame: DataFrame,
    ) -> Result<Staged> {
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.doing(format!("plan {table}"))?;
        self.stage_plan(table, mode, layout, plan, task).await
    }

    async fn stage_plan(
        &self,
        table: &TableName,
        mode: Mode,
        layout: Layout,
        plan: Arc<dyn ExecutionPlan>,
        task: Arc<TaskContext>,
    ) -> Result<Staged> {
        let streams = match layout {
            Layout::OneFile => {
                vec![datafusion::physical_plan::execute_stream(plan, task).doing(format!("run {table}"))?]
            }
            Layout::Parallel | Layout::Scratch => {
                execute_stream_partitioned(plan, task).doing(format!("run {table}"))?
            }
        };
        self.stage_streams(table, mode, layout, streams).await
    }

    /// Stages the rows of the streams, one writer a stream: a single one would encode on one core.
    ///
    /// # Errors
    /// A stream that fails, columns that no table can have, values that they cannot
    /// keep, files that cannot be written.
    pub async fn stage_streams(
        &self,
        table: &TableName,
        mode: Mode,
        layout: Layout,
        streams: Vec<SendableRecordBatchStream>,
    ) -> Result<Staged> {
        let found = streams.first().map(|s| s.schema()).unwrap_or_else(|| Arc::new(Schema::empty()));
        let description = self.description(table);
        let kept =
            Kept::of(table, &found, description.as_ref()).map_err(|e| e.at(format!("table {table}")))?;
        let schema = kept.schema.clone();
        let mut writers = JoinSet::new();
        for stream in streams {
            writers.spawn(self.write(table, kept.clone(), layout, stream));
        }
        let mut adds = Vec::new();
        while let Some(written) = writers.join_next().await {
            adds.extend(
                written.doing(format!("write {table}"))?.map_err(|e| e.at(format!("table {table}")))?,
            );
        }
        adds.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(staged(table, mode, schema, adds))
    }

    /// Stages rows that are added to a table.
    ///
    /// # Errors
    /// Columns that no table can have, values that they cannot keep, files that cannot be written.
    pub async fn append(&self, table: &TableName, rows: &RecordBatch) -> Result<Staged> {
        let mut stager = self.stager(table, Mode::Append, &rows.schema())?;
        stager.write(rows).await?;
        stager.finish().await
    }

    /// Returns a table to which batches are handed one by one.
    ///
    /// # Errors
    /// A type that no table has, two columns of one name, a description of a column that is not there.
    pub fn stager(&self, table: &TableName, mode: Mode, schema: &SchemaRef) -> Result<Stager> {
        self.stager_as(table, mode, Layout::Parallel, schema)
    }

    /// Returns the same in a layout: one file holds the batches in the order in which they are handed over.
    ///
    /// # Errors
    /// The same.
    pub fn stager_as(
        &self,
        table: &TableName,
        mode: Mode,
        layout: Layout,
        schema: &SchemaRef,
    ) -> Result<Stager> {
        let description = self.description(table);
        let kept =
            Kept::of(table, schema, description.as_ref()).map_err(|e| e.at(format!("table {table}")))?;
        let schema = kept.schema.clone();
        let (batches, mut handed) = mpsc::channel(WAITING_BATCHES);
        let stream = futures::stream::poll_fn(move |context| handed.poll_recv(context).map(|b| b.map(Ok)));
        let stream = Box::pin(RecordBatchStreamAdapter::new(schema.clone(), stream));
        let mut written = JoinSet::new();
        written.spawn(self.write(table, kept, layout, stream));
        Ok(Stager { table: table.clone(), mode, schema, batches, written })
    }

    /// Writes one stream, and remembers the files until a journal speaks of them.
    fn write(
        &self,
        table: &TableName,
        kept: Kept,
        layout: Layout,
        stream: SendableRecordBatchStream,
    ) -> impl Future<Output = Result<Vec<Add>>> + use<> {
        let writer = self.writer(table, &kept.schema, layout);
        let (unjournaled, folder) = (self.unjournaled.clone(), table.folder());
        async move {
            let adds = write_stream(writer, kept, stream).await?;
            unjournaled.add(adds.iter().map(|add| format!("{folder}/{}", add.path)));
            Ok(adds)
        }
    }

    fn writer(&self, table: &TableName, schema: &SchemaRef, layout: Layout) -> DeltaWriter {
        let target = match layout {
            Layout::OneFile => None,
            Layout::Parallel | Layout::Scratch => NonZeroU64::new(TARGET_FILE_BYTES),
        };
        let config = WriterConfig::new(
            schema.clone(),
            Vec::new(),
            Some(encodings(schema, layout)),
            target,
            Some(ENCODE_ROWS),
            DataSkippingNumIndexedCols::NumColumns(32),
            None,
        );
        DeltaWriter::new(self.table_store(table), config)
    }

    /// Deletes staged files that no release will carry, except `kept`; missing files are ignored.
    ///
    /// # Errors
    /// A file that cannot be deleted.
    pub async fn delete_staged(&self, staged: &Staged, kept: &BTreeSet<String>) -> Result<()> {
        let store = self.table_store(&staged.table);
        for (add, file) in staged.adds.iter().zip(staged.files()) {
            if kept.contains(&file) {
                continue;
            }
            let path = Path::parse(&add.path).doing("read a staged path")?;
            match store.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(e).doing(format!("delete a staged file of {}", staged.table)),
            }
        }
        Ok(())
    }

    /// Staged files must still be there, whole, when they are committed.
    pub(super) async fn verify_staged(&self, staged: &Staged) -> Result<()> {
        let store = self.table_store(&staged.table);
        futures::stream::iter(&staged.adds)
            .map(|add| {
                let store = store.clone();
                async move {
                    let path = Path::parse(&add.path).doing("read a staged path")?;
                    match store.head(&path).await {
                        Ok(meta) if i64::try_from(meta.size) == Ok(add.size) => Ok(()),
                        Ok(_) | Err(object_store::Error::NotFound { .. }) => Err(Error::failed(format!(
                            "a staged file of {} is missing or truncated: {}",
                            staged.table, add.path
                        ))
                        .hint(
                            "something deleted it (a vacuum with another tool?); run again with --full-refresh",
                        )),
                        Err(e) => Err(e).doing(format!("look at {path}")),
                    }
                }
            })
            .buffer_unordered(16)
            .try_collect::<()>()
            .await
    }
}

/// Writes batches of one table as they come, in a task of its own: whoever makes them need not wait until
/// they are encoded. Dropped before it is finished, it stops.
pub struct Stager {
    table: TableName,
    mode: Mode,
    schema: SchemaRef,
    batches: mpsc::Sender<RecordBatch>,
    written: JoinSet<Result<Vec<Add>>>,
}

impl Stager {
    /// Hands a batch to the writer.
    ///
    /// # Errors
    /// What the writer failed for, at this batch or at an earlier one.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.batches.send(batch.clone()).await.is_ok() {
            activity::note();
            return Ok(());
        }
        // The writer has failed and accepts no more batches.
        self.added().await.and_then(|_| Err(Error::failed(format!("the writer of {} has ended", self.table))))
    }

    /// Waits for the writer, and returns the files that it wrote.
    ///
    /// # Errors
    /// What the writer failed for.
    pub async fn finish(mut self) -> Result<Staged> {
        drop(std::mem::replace(&mut self.batches, mpsc::channel(1).0));
        let adds = self.added().await?;
        Ok(staged(&self.table, self.mode, self.schema, adds))
    }

    async fn added(&mut self) -> Result<Vec<Add>> {
        let Some(written) = self.written.join_next().await else {
            return Err(Error::failed(format!("the writer of {} has failed", self.table)));
        };
        written.doing(format!("write {}", self.table))?.map_err(|e| e.at(format!("table {}", self.table)))
    }
}

async fn write_stream(
    mut writer: DeltaWriter,
    kept: Kept,
    mut stream: SendableRecordBatchStream,
) -> Result<Vec<Add>> {
    // Chunks of one size whatever the operators above happened to emit.
    let mut chunks = BatchCoalescer::new(kept.schema.clone(), ENCODE_ROWS);
    while let Some(batch) = stream.next().await {
        let batch = kept.rows(&batch.doing("compute the rows")?)?;
        chunks.push_batch(batch).doing("gather rows")?;
        while let Some(chunk) = chunks.next_completed_batch() {
            writer.write(&chunk).await.doing("write Parquet")?;
        }
    }
    chunks.finish_buffered_batch().doing("gather rows")?;
    while let Some(chunk) = chunks.next_completed_batch() {
        writer.write(&chunk).await.doing("write Parquet")?;
    }
    writer.close().await.doing("write Parquet")
}

pub(super) fn staged(table: &TableName, mode: Mode, schema: SchemaRef, adds: Vec<Add>) -> Staged {
    let rows = adds.iter().map(rows_of).sum();
    let bytes = adds.iter().map(|add| u64::try_from(add.size).unwrap_or(0)).sum();
    Staged { table: table.clone(), mode, schema, adds, stays: Vec::new(), rows, bytes }
}

/// Returns the row count that delta-rs put into the file's statistics.
pub(super) fn rows_of(add: &Add) -> u64 {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Stats {
        num_records: u64,
    }
    add.stats.as_deref().and_then(|s| serde_json::from_str::<Stats>(s).ok()).map_or(0, |s| s.num_records)
}

/// Dictionaries only for text: on numbers they cost more than parsing the CSV did and make the
/// file larger.
fn encodings(schema: &Schema, layout: Layout) -> WriterProperties {
    let packed = layout != Layout::Scratch;
    let mut properties = WriterProperties::builder()
        .set_compression(if packed { Compression::ZSTD(ZstdLevel::default()) } else { Compression::LZ4_RAW })
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by("sillage".to_owned());
    for field in schema.fields().iter().filter(|_| packed) {
        if field.data_type() == &DataType::Utf8 {
            properties =
                properties.set_column_dictionary_enabled(ColumnPath::new(vec![field.name().clone()]), true);
        }
    }
    properties.build()
}
