//! Parquet: reads the declared columns, and converts every value to its declared type without loss, or
//! refuses it.
//!
//! A column is named by its path through structs. With `rows` the elements of a list are the rows.

pub mod cells;
pub mod columns;
pub mod number;

use std::fmt::Write;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::arrow::async_reader::{ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder};
use ::parquet::schema::types::SchemaDescriptor;
use arrow::array::{RecordBatch, StructArray};
use arrow::datatypes::TimeUnit;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use tokio::runtime::Handle;

use super::FileSource;
use super::bytes::fetch::fetch;
use super::bytes::form::{HEAD, form};
use super::columns::drift::{Comparison, compare};
use super::file_rows::rows_of_file;
use super::source_file::SourceFile;
use crate::error::{Context, Error, Result};
use crate::source::contract::column::ColumnType;
use crate::source::row::rows::{Piece, Refusal, Rows};
use crate::source::row::unnest::Unfolded;
use cells::{Cells, reads_as};
use columns::{Elements, FileColumn, FileColumns, coerced, reading_hint};

/// Records of which all elements are in memory at once.
const UNFOLDED_RECORDS: usize = 1024;

/// Reads a Parquet file; `emit` returns false when its receiver is gone. Runs on a thread that may block.
pub fn read(
    source: FileSource<'_>,
    file: &SourceFile,
    rows: usize,
    runtime: &Handle,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let footer = Footer::of(file, runtime)?;
    let columns = footer.columns(source)?;
    let places = check(source, &columns)?.places;
    let records = if source.files.rows.is_some() { rows.min(UNFOLDED_RECORDS) } else { rows };
    let mut batches = footer.batches(file, &columns, &places, records.max(1), runtime)?;
    let mut rows = rows_of_file(source, &file.name, rows)?;
    let mut line = 0;
    while let Some(batch) = batches.next(runtime)? {
        let block = Block::of(&columns, &places, &batch)?;
        for row in 0..batch.records.num_rows() {
            line += 1;
            let heard = match &block.elements {
                Some(elements) => block.unfold(elements, row, line, &mut rows, emit)?,
                None => {
                    match block.push(row, row, &mut rows) {
                        Ok(()) => rows.accept(line, 0),
                        Err(refusal) => block.refuse(row, line, &refusal, &mut rows),
                    }
                    true
                }
            };
            if !heard || (rows.are_full() && !rows.flush(emit)?) {
                return Ok(());
            }
        }
        if !rows.flush(emit)? {
            return Ok(());
        }
    }
    rows.finish(None, emit)
}

/// The declared columns of a batch.
struct Block<'b> {
    /// By declared column; and whether it is in an element.
    cells: Vec<(Cells, bool)>,
    elements: Option<Elements>,
    records: &'b RecordBatch,
}

impl<'b> Block<'b> {
    fn of(columns: &FileColumns, places: &[Option<usize>], batch: &'b Batch) -> Result<Self> {
        let records = StructArray::from(batch.records.clone());
        let elements = columns.elements(&records)?;
        let millis = match &batch.millis {
            Some(batch) => {
                let records = StructArray::from(batch.clone());
                let elements = columns.elements(&records)?;
                Some((records, elements))
            }
            None => None,
        };
        let cells = places.iter().map(|place| {
            let Some(column) = place.map(|place| &columns.columns[place]) else {
                return Ok((Cells::of_file(), false));
            };
            let (array, absent) = column.values(&records, elements.as_ref())?;
            let coarse = match (&millis, column.is_int96()) {
                (Some((records, elements)), true) => Some(column.values(records, elements.as_ref())?.0),
                _ => None,
            };
            let cells = Cells::of(&column.name, column.form, &array, absent, coarse.as_ref())?;
            Ok((cells, column.in_element))
        });
        let cells = cells.collect::<Result<_>>()?;
        Ok(Block { cells, elements, records: &batch.records })
    }

    fn push(&self, record: usize, element: usize, rows: &mut Rows) -> Result<(), Refusal> {
        for (decoder, (cells, in_element)) in rows.decoders.iter_mut().zip(&self.cells) {
            let row = if *in_element { element } else { record };
            if let Err(fault) = cells.push(row, decoder) {
                let column = decoder.column();
                let reason = fault.reason(column, &cells.describe(row));
                return Err(Refusal { column: Some(column.name.clone()), reason });
            }
        }
        Ok(())
    }

    /// Returns the rows of a record; false when the receiver is gone.
    fn unfold(
        &self,
        elements: &Elements,
        record: usize,
        line: i64,
        rows: &mut Rows,
        emit: &mut dyn FnMut(Piece) -> bool,
    ) -> Result<bool> {
        let unfolded = rows.unfold(
            line,
            || elements.range(record),
            emit,
            |rows, element| {
                if elements.is_null(element) && self.cells.iter().any(|(_, in_element)| *in_element) {
                    return Err(Refusal {
                        column: None,
                        reason: "expected an element, found null".to_owned(),
                    });
                }
                self.push(record, element, rows).map(|()| 0)
            },
        )?;
        match unfolded {
            Unfolded::Rows => {}
            Unfolded::Refused(refusal) => self.refuse(record, line, &refusal, rows),
            Unfolded::Unheard => return Ok(false),
        }
        Ok(true)
    }

    #[cold]
    fn refuse(&self, row: usize, line: i64, refusal: &Refusal, rows: &mut Rows) {
        let record = record(self.records, row);
        rows.refuse(line, refusal.column.as_deref(), &refusal.reason, record.as_bytes());
    }
}

fn damaged(error: Error) -> Error {
    error.hint("the file is not Parquet, or was truncated while it was copied: export it again")
}

/// Returns what the file is instead of Parquet, if its first bytes show it.
fn instead(file: &SourceFile, runtime: &Handle) -> Option<Error> {
    let head = runtime.block_on(fetch(file, 0..file.size.min(HEAD as u64))).ok()?;
    form(&head).instead_of_parquet()
}

/// The metadata of a file.
pub struct Footer {
    metadata: ArrowReaderMetadata,
    /// The same, instants of INT96 in milliseconds, which reach as far as INT96 does.
    in_millis: Option<ArrowReaderMetadata>,
}

impl Footer {
    /// Reads a file's footer. Runs on a thread that may block.
    pub fn of(file: &SourceFile, runtime: &Handle) -> Result<Self> {
        if file.size == 0 {
            return Err(damaged(Error::failed("the file is empty: 0 bytes are not a Parquet file")));
        }
        let mut input = file.clone();
        let load = || {
            let metadata =
                runtime.block_on(ArrowReaderMetadata::load_async(&mut input, Default::default()))?;
            let descriptor = metadata.parquet_schema().clone();
            let with_instants_in = |unit| {
                coerced(metadata.schema(), &descriptor, unit)
                    .map(|schema| {
                        let options = ArrowReaderOptions::new().with_schema(schema.into());
                        ArrowReaderMetadata::try_new(metadata.metadata().clone(), options)
                    })
                    .transpose()
            };
            let in_micros = with_instants_in(TimeUnit::Microsecond)?;
            let in_millis = with_instants_in(TimeUnit::Millisecond)?;
            Ok(Footer { metadata: in_micros.unwrap_or(metadata), in_millis })
        };
        guarded(load)
            .and_then(|read: ::parquet::errors::Result<Footer>| read.doing("read the Parquet footer"))
            .map_err(|error| instead(file, runtime).unwrap_or_else(|| damaged(error)))
    }

    fn descriptor(&self) -> &SchemaDescriptor {
        self.metadata.parquet_schema()
    }

    /// Returns the columns that a source may find in the file.
    pub fn columns(&self, source: FileSource<'_>) -> Result<FileColumns> {
        FileColumns::of(source, self.metadata.schema(), self.descriptor())
    }

    fn batches(
        &self,
        file: &SourceFile,
        columns: &FileColumns,
        places: &[Option<usize>],
        records: usize,
        runtime: &Handle,
    ) -> Result<Batches> {
        let places: Vec<usize> = places.iter().copied().flatten().collect();
        let stream = |metadata: &ArrowReaderMetadata, mask: ProjectionMask| {
            let _entered = runtime.enter();
            let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(file.clone(), metadata.clone());
            guarded(|| builder.with_projection(mask).with_batch_size(records).build())
                .and_then(|built| built.doing("read the Parquet file"))
                .map_err(damaged)
        };
        let int96 = columns.int96(&places);
        let millis = match &self.in_millis {
            Some(metadata) if !int96.is_empty() => {
                Some(stream(metadata, columns.mask(self.descriptor(), &int96))?)
            }
            _ => None,
        };
        Ok(Batches { records: stream(&self.metadata, columns.mask(self.descriptor(), &places))?, millis })
    }
}

/// The batches of a file.
struct Batches {
    records: ParquetRecordBatchStream<SourceFile>,
    millis: Option<ParquetRecordBatchStream<SourceFile>>,
}

struct Batch {
    records: RecordBatch,
    millis: Option<RecordBatch>,
}

impl Batches {
    fn next(&mut self, runtime: &Handle) -> Result<Option<Batch>> {
        let next = |stream: &mut ParquetRecordBatchStream<SourceFile>| -> Result<Option<RecordBatch>> {
            let batch = guarded(|| runtime.block_on(stream.next())).map_err(damaged)?;
            batch.transpose().doing("read the Parquet file").map_err(damaged)
        };
        let Some(records) = next(&mut self.records)? else { return Ok(None) };
        let millis = self.millis.as_mut().map(next).transpose()?.flatten();
        Ok(Some(Batch { records, millis }))
    }
}

/// Compares the file's columns, names and types, with the declared ones.
pub fn check(source: FileSource<'_>, columns: &FileColumns) -> Result<Comparison> {
    let mut errors = Vec::new();
    let comparison = compare(source, &columns.names()).map_err(|e| errors.push(e)).unwrap_or_default();
    errors.extend(unreadable(source, columns));
    Error::all(errors)?;
    Ok(comparison)
}

/// Returns the errors for columns whose type in the file can never become the declared one.
fn unreadable(source: FileSource<'_>, columns: &FileColumns) -> Vec<Error> {
    let mut errors = Vec::new();
    for column in &source.contract.columns {
        let is_it = |found: &&FileColumn| column.source_names().contains(&found.name);
        let Some(found) = columns.columns.iter().find(is_it) else { continue };
        let name = &found.name;
        if !reads_as(&found.data_type, column.kind) {
            let error = Error::failed(format!(
                "the column `{name}` is {}, which cannot be read as {}",
                found.data_type, column.kind
            ));
            errors.push(match ColumnType::of(&found.data_type) {
                Some(kind) => error.hint(format!(
                    "did its type change? Export it as {} again, or declare it as {kind} and read the \
                     source again with --full-refresh",
                    column.kind
                )),
                None => error.hint(reading_hint(found, source.files.rows.is_some())),
            });
        }
    }
    errors
}

/// Runs code of the Parquet library, which panics if the lengths in a file are wrong, and returns an error
/// instead.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .map_err(|_| Error::failed("the file is corrupt: its pages do not match its footer"))
}

/// Returns a refused row as text: the declared columns and what they hold.
fn record(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let mut text = String::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        // Writing to a String cannot fail; a value that cannot be shown is left out.
        let _ = match ArrayFormatter::try_new(column.as_ref(), &options) {
            Ok(formatter) => write!(text, "{}: {}", field.name(), formatter.value(row)),
            Err(_) => write!(text, "{}: ?", field.name()),
        };
    }
    text
}
