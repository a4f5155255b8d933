//! Rows for people and machines: a table, CSV, a sheet, JSON lines, Parquet; batch by batch.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::json::writer::LineDelimited;
use arrow::util::pretty::pretty_format_batches;
use parquet::arrow::ArrowWriter;

use super::changed_cells::ChangedCells;
use super::closed_pipe::{tolerate_closed, unless_closed};
use super::csv_writer::{CsvOptions, CsvWriter};
use super::xlsx_writer::XlsxWriter;
use crate::clock::Instant;
use crate::error::{Context, Result};

/// A table on the screen stops after so many rows.
const SHOWN_ROWS: usize = 1_000;

/// How rows are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowFormat {
    Table,
    Csv(CsvOptions),
    Json,
    Parquet,
    /// With the folder of the file, and the instant at which it says it was made.
    Xlsx {
        folder: PathBuf,
        made_at: Instant,
    },
}

/// Writes batches in a format; [`finish`](RowWriter::finish) must end them.
pub struct RowWriter<'o, W: Write + Send> {
    kind: Kind<'o, W>,
    schema: SchemaRef,
    rows: u64,
}

enum Kind<'o, W: Write + Send> {
    Table { out: &'o mut W, batches: Vec<RecordBatch>, more: bool },
    Csv { writer: CsvWriter<'o, W> },
    Json { writer: arrow::json::Writer<&'o mut W, LineDelimited> },
    Parquet { writer: Box<ArrowWriter<&'o mut W>> },
    Xlsx { writer: Box<XlsxWriter>, out: &'o mut W },
}

impl<'o, W: Write + Send> RowWriter<'o, W> {
    /// Returns a writer of rows with these columns.
    pub fn new(format: RowFormat, schema: SchemaRef, out: &'o mut W) -> Result<Self> {
        let kind = match format {
            RowFormat::Table => Kind::Table { out, batches: Vec::new(), more: false },
            RowFormat::Csv(options) => Kind::Csv { writer: CsvWriter::new(options, schema.clone(), out)? },
            RowFormat::Json => {
                let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
                Kind::Json { writer: builder.build::<_, LineDelimited>(out) }
            }
            RowFormat::Parquet => {
                let writer = ArrowWriter::try_new(out, schema.clone(), None).doing("write Parquet")?;
                Kind::Parquet { writer: Box::new(writer) }
            }
            RowFormat::Xlsx { folder, made_at } => {
                Kind::Xlsx { writer: Box::new(XlsxWriter::new(&schema, &folder, made_at)?), out }
            }
        };
        Ok(RowWriter { kind, schema, rows: 0 })
    }

    /// Writes a batch; `Break` when the reader wants no more.
    pub fn write(&mut self, batch: &RecordBatch, changed: &mut ChangedCells) -> Result<ControlFlow<()>> {
        let mut count = batch.num_rows();
        let mut flow = ControlFlow::Continue(());
        match &mut self.kind {
            Kind::Table { batches, more, .. } => {
                let room = SHOWN_ROWS.saturating_sub(usize::try_from(self.rows).unwrap_or(SHOWN_ROWS));
                *more = count > room;
                count = count.min(room);
                batches.push(batch.slice(0, count));
                if *more {
                    flow = ControlFlow::Break(());
                }
            }
            Kind::Csv { writer } => flow = writer.write(batch, changed)?,
            Kind::Json { writer } => flow = unless_closed(writer.write(batch))?,
            Kind::Xlsx { writer, .. } => writer.write(batch, changed)?,
            Kind::Parquet { writer } => writer.write(batch).doing("write Parquet")?,
        }
        self.rows += count as u64;
        Ok(flow)
    }

    /// Ends the rows; returns how many there were.
    pub fn finish(self) -> Result<u64> {
        match self.kind {
            Kind::Table { out, mut batches, more } => {
                if batches.is_empty() {
                    batches.push(RecordBatch::new_empty(self.schema));
                }
                let batches = batches.iter().map(in_one_line).collect::<Result<Vec<_>>>()?;
                let table = pretty_format_batches(&batches).doing("draw the table")?;
                tolerate_closed(writeln!(out, "{table}"))?;
                if more {
                    tolerate_closed(writeln!(out, "the first {SHOWN_ROWS} rows; write all with -o FILE"))?;
                }
            }
            Kind::Csv { writer } => writer.finish()?,
            Kind::Xlsx { writer, out } => writer.finish(out)?,
            Kind::Json { mut writer } => writer.finish().doing("write JSON")?,
            Kind::Parquet { writer } => {
                writer.close().doing("write Parquet")?;
            }
        }
        Ok(self.rows)
    }
}

/// With line breaks and other control characters in texts as they are written in programs: a row is a line.
fn in_one_line(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(|column| -> ArrayRef {
        match column.as_string_opt::<i32>() {
            Some(texts) if texts.iter().flatten().any(|text| text.contains(char::is_control)) => {
                let escaped = |text: &str| {
                    text.chars()
                        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.into() })
                        .collect::<String>()
                };
                Arc::new(texts.iter().map(|text| text.map(escaped)).collect::<StringArray>())
            }
            _ => column.clone(),
        }
    });
    RecordBatch::try_new(batch.schema(), columns.collect()).doing("draw the table")
}
