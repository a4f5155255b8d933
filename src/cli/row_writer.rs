//! Rows for people and machines: a table, CSV, JSON lines, Parquet; batch by batch.

use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::json::writer::LineDelimited;
use arrow::util::pretty::pretty_format_batches;
use clap::ValueEnum;
use parquet::arrow::ArrowWriter;

use super::formula_injection::Formulas;
use crate::error::{Context, Result};

/// A table on the screen stops after so many rows.
const SHOWN_ROWS: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
    Parquet,
}

/// Writes batches in a format; [`finish`](RowWriter::finish) must end them.
pub struct RowWriter<'o, W: Write + Send> {
    kind: Kind<'o, W>,
    schema: SchemaRef,
    rows: u64,
}

enum Kind<'o, W: Write + Send> {
    Table { out: &'o mut W, batches: Vec<RecordBatch>, more: bool },
    Csv { writer: Box<arrow::csv::Writer<&'o mut W>>, any: bool },
    Json { writer: arrow::json::Writer<&'o mut W, LineDelimited> },
    Parquet { writer: Box<ArrowWriter<&'o mut W>> },
}

impl<'o, W: Write + Send> RowWriter<'o, W> {
    /// Returns a writer of rows with these columns.
    pub fn new(format: Format, schema: SchemaRef, out: &'o mut W) -> Result<Self> {
        let kind = match format {
            Format::Table => Kind::Table { out, batches: Vec::new(), more: false },
            Format::Csv => Kind::Csv {
                writer: Box::new(arrow::csv::WriterBuilder::new().with_header(true).build(out)),
                any: false,
            },
            Format::Json => {
                let builder = arrow::json::WriterBuilder::new().with_explicit_nulls(true);
                Kind::Json { writer: builder.build::<_, LineDelimited>(out) }
            }
            Format::Parquet => {
                let writer = ArrowWriter::try_new(out, schema.clone(), None).doing("write Parquet")?;
                Kind::Parquet { writer: Box::new(writer) }
            }
        };
        Ok(RowWriter { kind, schema, rows: 0 })
    }

    /// Writes a batch; `Break` when the reader wants no more.
    pub fn write(&mut self, batch: &RecordBatch, formulas: &mut Formulas) -> Result<ControlFlow<()>> {
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
            Kind::Csv { writer, any } => {
                *any = true;
                formulas.look(batch);
                flow = unless_closed(writer.write(batch))?;
            }
            Kind::Json { writer } => flow = unless_closed(writer.write(batch))?,
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
            Kind::Csv { mut writer, any } => {
                if !any {
                    writer.write(&RecordBatch::new_empty(self.schema)).doing("write CSV")?;
                }
            }
            Kind::Json { mut writer } => writer.finish().doing("write JSON")?,
            Kind::Parquet { writer } => {
                writer.close().doing("write Parquet")?;
            }
        }
        Ok(self.rows)
    }
}

/// `sillage query … | head` closes the pipe early: that is how it is used, no failure.
pub fn tolerate_closed(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).doing("write to the screen"),
        _ => Ok(()),
    }
}

fn unless_closed(result: Result<(), ArrowError>) -> Result<ControlFlow<()>> {
    match result {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) if error.to_string().contains("Broken pipe") => Ok(ControlFlow::Break(())),
        Err(error) => Err(error).doing("write the rows"),
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
