//! Rows for people and machines: a table, CSV, JSON lines, Parquet; to stdout or a file, streaming.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use clap::{Args, ValueEnum};
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;

use super::formula::Formulas;
use crate::error::{Context, Error, Result};
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::exported::ExportKind;

/// A table on the screen stops after so many rows.
const SHOWN_ROWS: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Csv,
    Json,
    Parquet,
}

#[derive(Debug, Args)]
pub struct OutputArgs {
    /// table, csv, json (one object a line) or parquet; taken from the file's ending when not given
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// File to write, instead of the screen
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

impl OutputArgs {
    fn format(&self) -> Format {
        let by_ending = || match self.output.as_ref()?.extension()?.to_str()? {
            "csv" => Some(Format::Csv),
            "json" | "jsonl" | "ndjson" => Some(Format::Json),
            "parquet" => Some(Format::Parquet),
            _ => None,
        };
        self.format.or_else(by_ending).unwrap_or(Format::Table)
    }

    /// Whether a person will read the rows in a terminal.
    pub fn is_screen_table(&self) -> bool {
        self.output.is_none() && self.format() == Format::Table
    }

    /// Writes all rows of a query over the catalog; the number written. A file appears whole or not at
    /// all, and the warehouse remembers it for erasures.
    pub async fn write(&self, catalog: &Catalog, frame: DataFrame) -> Result<u64> {
        match &self.output {
            None if self.format() == Format::Parquet => {
                Err(Error::config("Parquet is not for the screen").hint("give a file with -o FILE"))
            }
            None => {
                let mut out = BufWriter::new(std::io::stdout());
                let rows = write_rows(frame, self.format(), &mut out, &mut Formulas::default()).await;
                tolerate_closed(out.flush())?;
                rows
            }
            Some(path) => {
                remember(catalog.warehouse(), path).await;
                let mut out = BufWriter::new(create_partial(path)?);
                let mut formulas = Formulas::default();
                let rows = write_rows(frame, self.format(), &mut out, &mut formulas).await;
                let flushed = out.flush().doing(format!("write {}", path.display()));
                let rows = finish_partial(path, rows.and_then(|rows| flushed.map(|()| rows)))?;
                if let Some(told) = formulas.told() {
                    eprintln!("warning: {}: {told}", path.display());
                }
                Ok(rows)
            }
        }
    }
}

/// Who may read a warehouse and not write to it can export all the same.
async fn remember(warehouse: &Warehouse, path: &Path) {
    if warehouse.note_exported(&path.display().to_string(), ExportKind::File).await.is_err() {
        eprintln!(
            "warning: the warehouse cannot be written to, so `sillage forget` will not find {}",
            path.display()
        );
    }
}

/// Writes a file that appears whole or not at all.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let mut file = create_partial(path)?;
    finish_partial(path, file.write_all(content).doing(format!("write {}", path.display())))
}

fn create_partial(path: &Path) -> Result<File> {
    File::create(partial_of(path)).doing(format!("write {}", path.display())).map_err(|e| {
        if path.parent().is_some_and(|p| p.as_os_str().is_empty() || p.is_dir()) {
            e
        } else {
            e.hint("its folder is not there: make it first")
        }
    })
}

/// Gives the written file its name, or takes it away when the writing failed.
fn finish_partial<T>(path: &Path, written: Result<T>) -> Result<T> {
    let partial = partial_of(path);
    match written {
        Ok(written) => {
            std::fs::rename(&partial, path).doing(format!("write {}", path.display()))?;
            Ok(written)
        }
        Err(error) => {
            let _ = std::fs::remove_file(&partial);
            Err(error)
        }
    }
}

fn partial_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(".part");
    path.with_file_name(name)
}

/// `sillage query … | head` closes the pipe early: that is how it is used, no failure.
fn tolerate_closed(result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(e).doing("write to the screen"),
        _ => Ok(()),
    }
}

async fn write_rows(
    frame: DataFrame,
    format: Format,
    out: &mut (impl Write + Send),
    formulas: &mut Formulas,
) -> Result<u64> {
    let mut stream = frame.execute_stream().await.doing("run the query")?;
    let schema = stream.schema();
    let mut rows = 0;
    match format {
        Format::Table => {
            let mut batches = Vec::new();
            let mut more = false;
            while let Some(batch) = stream.next().await {
                let batch = batch.doing("run the query")?;
                let room = SHOWN_ROWS - rows as usize;
                more = batch.num_rows() > room;
                rows += batch.num_rows().min(room) as u64;
                batches.push(batch.slice(0, batch.num_rows().min(room)));
                if more {
                    break;
                }
            }
            if batches.is_empty() {
                batches.push(RecordBatch::new_empty(schema));
            }
            let table = pretty_format_batches(&batches).doing("draw the table")?;
            tolerate_closed(writeln!(out, "{table}"))?;
            if more {
                tolerate_closed(writeln!(out, "the first {SHOWN_ROWS} rows; write all with -o FILE"))?;
            }
        }
        Format::Csv => {
            let mut writer = arrow::csv::WriterBuilder::new().with_header(true).build(&mut *out);
            let mut any = false;
            while let Some(batch) = stream.next().await {
                let batch = batch.doing("run the query")?;
                rows += batch.num_rows() as u64;
                any = true;
                formulas.look(&batch);
                if let Err(closed) = writer.write(&batch) {
                    return closed_or(closed, rows);
                }
            }
            if !any {
                writer.write(&RecordBatch::new_empty(schema)).doing("write CSV")?;
            }
        }
        Format::Json => {
            let mut writer = arrow::json::WriterBuilder::new()
                .with_explicit_nulls(true)
                .build::<_, arrow::json::writer::LineDelimited>(&mut *out);
            while let Some(batch) = stream.next().await {
                let batch = batch.doing("run the query")?;
                rows += batch.num_rows() as u64;
                if let Err(closed) = writer.write(&batch) {
                    return closed_or(closed, rows);
                }
            }
            writer.finish().doing("write JSON")?;
        }
        Format::Parquet => {
            let mut writer = ArrowWriter::try_new(&mut *out, schema, None).doing("write Parquet")?;
            while let Some(batch) = stream.next().await {
                let batch = batch.doing("run the query")?;
                rows += batch.num_rows() as u64;
                writer.write(&batch).doing("write Parquet")?;
            }
            writer.close().doing("write Parquet")?;
        }
    }
    Ok(rows)
}

fn closed_or(error: arrow::error::ArrowError, rows: u64) -> Result<u64> {
    if error.to_string().contains("Broken pipe") { Ok(rows) } else { Err(error).doing("write the rows") }
}
