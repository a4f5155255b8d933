//! Rows for people and machines: a table, CSV, JSON lines, Parquet; to stdout or a file, streaming.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::util::pretty::pretty_format_batches;
use clap::{Args, ValueEnum};
use datafusion::prelude::DataFrame;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;

use super::formula::Formulas;
use super::signal::next_signal;
use crate::error::{Context, Error, Kind, Result};
use crate::storage::beside::{Beside, name_beside};
use crate::storage::permission::Permission;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::exported::{Export, ExportKind, Exported};

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
    /// all, is its owner's alone, and the warehouse remembers it for erasures.
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
            Some(path) => self.write_file(catalog, frame, path).await,
        }
    }

    async fn write_file(&self, catalog: &Catalog, frame: DataFrame, path: &Path) -> Result<u64> {
        require_a_file(path)?;
        let exported = Exported::new(&path.display().to_string(), ExportKind::File);
        let partial = name_beside(Path::new(&exported.place));
        let exported = Exported {
            format: self.format().to_possible_value().map(|format| format.get_name().to_owned()),
            ..exported.under(&partial)
        };
        let warehouse = catalog.warehouse();
        let export = warehouse.begin_export(exported).await?;
        if export.is_none() {
            // Who may read a warehouse and not write to it can export all the same.
            eprintln!(
                "warning: the warehouse cannot be written to, so `sillage forget` will not find {}",
                path.display()
            );
        }
        let written = tokio::select! {
            written = self.write_known(catalog, frame, path, partial, export.as_ref()) => written,
            // What is half written goes with it.
            true = next_signal() => Err(Error::new(Kind::Interrupted, "stopped; nothing was written")),
        };
        if let Some(export) = export {
            // One that stays is ended by the next command.
            let _ = export.end().await;
        }
        written
    }

    /// Writes the file of an export that an erasure knows of. What was read before an erasure and written
    /// after it is taken back.
    async fn write_known(
        &self,
        catalog: &Catalog,
        frame: DataFrame,
        path: &Path,
        partial: PathBuf,
        export: Option<&Export<'_>>,
    ) -> Result<u64> {
        let doing = || format!("write {}", path.display());
        let raced = |e: Error| {
            e.at(path.display().to_string()).hint(
                "nothing was written: draw it again once `sillage forget` has ended, from the release without \
                 them",
            )
        };
        let warehouse = catalog.warehouse();
        warehouse.require_no_erasure_since(catalog.release()).await.map_err(raced)?;
        let file = Beside::create_as(path, partial, Permission::OWNER)
            .doing(doing())
            .map_err(|e| no_folder(e, path))?;
        let mut formulas = Formulas::default();
        let mut out = BufWriter::new(file.file());
        let rows = write_rows(frame, self.format(), &mut out, &mut formulas).await?;
        out.flush().doing(doing())?;
        drop(out);
        warehouse.require_no_erasure_since(catalog.release()).await.map_err(raced)?;
        // Known before it is there, so that an erasure never misses it.
        if let Some(export) = export {
            export.written().await?;
        }
        file.finish().doing(doing())?;
        if let Err(error) = warehouse.require_no_erasure_since(catalog.release()).await {
            std::fs::remove_file(path).doing(format!("take back {}", path.display()))?;
            return Err(raced(error));
        }
        if let Some(told) = formulas.told() {
            eprintln!("warning: {}: {told}", path.display());
        }
        Ok(rows)
    }
}

/// A file takes the place of what has its name: that must not be a device or a folder.
fn require_a_file(path: &Path) -> Result<()> {
    match std::fs::metadata(path) {
        Ok(there) if !there.is_file() => Err(Error::config(format!("{} is no file", path.display()))
            .hint("leave -o out to write to the screen, or name a file")),
        _ => Ok(()),
    }
}

/// Writes a file that holds nothing about a person; it appears whole or not at all.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let doing = || format!("write {}", path.display());
    require_a_file(path)?;
    let file = Beside::create(path, Permission::UMASK).doing(doing()).map_err(|e| no_folder(e, path))?;
    file.file().write_all(content).and_then(|()| file.finish()).doing(doing())
}

fn no_folder(error: Error, path: &Path) -> Error {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
            error.hint("its folder is not there: make it first")
        }
        _ => error,
    }
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
            let batches = batches.iter().map(in_one_line).collect::<Result<Vec<_>>>()?;
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

fn closed_or(error: arrow::error::ArrowError, rows: u64) -> Result<u64> {
    if error.to_string().contains("Broken pipe") { Ok(rows) } else { Err(error).doing("write the rows") }
}
