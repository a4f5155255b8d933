//! Where rows go: to the screen, or to a file that appears whole and that erasures know of.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use clap::{Args, ValueEnum};
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::colour::warn;
use super::formula_injection::Formulas;
use super::row_writer::{Format, RowWriter, tolerate_closed};
use super::signal::next_signal;
use crate::error::{Context, Error, Kind, Result};
use crate::storage::atomic_file::{AtomicFile, name_beside};
use crate::storage::permission::Permission;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::export_register::{Export, ExportKind, Exported};

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

    /// Writes a list that holds nothing about a person.
    pub fn write_list(&self, list: RecordBatch) -> Result<()> {
        let mut formulas = Formulas::default();
        match &self.output {
            None => {
                self.require_for_screen()?;
                let mut out = BufWriter::new(std::io::stdout());
                let written = write_list(list, self.format(), &mut out, &mut formulas);
                tolerate_closed(out.flush())?;
                written
            }
            Some(path) => {
                let mut out = Vec::new();
                write_list(list, self.format(), &mut out, &mut formulas)?;
                write_whole(path, &out)
            }
        }
    }

    fn require_for_screen(&self) -> Result<()> {
        match self.format() {
            Format::Parquet => {
                Err(Error::config("Parquet is not for the screen").hint("give a file with -o FILE"))
            }
            _ => Ok(()),
        }
    }

    /// Says something beside a list: to people on stdout, elsewhere not among the rows.
    pub fn beside(&self, message: &str) {
        if self.is_screen_table() {
            say!("{message}");
        } else {
            eprintln!("{message}");
        }
    }

    /// Writes all rows of a query over the catalog; the number written. A file appears whole or not at
    /// all, is its owner's alone, and the warehouse remembers it for erasures.
    pub async fn write(&self, catalog: &Catalog, frame: DataFrame) -> Result<u64> {
        match &self.output {
            None => {
                self.require_for_screen()?;
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
            warn(&format!(
                "the warehouse cannot be written to, so `sillage forget` will not find {}",
                path.display()
            ));
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
        let file = AtomicFile::create_as(path, partial, Permission::OWNER)
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
        if let Some(warning) = formulas.warning() {
            warn(&format!("{}: {warning}", path.display()));
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
    let file = AtomicFile::create(path, Permission::UMASK).doing(doing()).map_err(|e| no_folder(e, path))?;
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

async fn write_rows(
    frame: DataFrame,
    format: Format,
    out: &mut (impl Write + Send),
    formulas: &mut Formulas,
) -> Result<u64> {
    let mut stream = frame.execute_stream().await.doing("run the query")?;
    let mut writer = RowWriter::new(format, stream.schema(), out)?;
    while let Some(batch) = stream.next().await {
        if writer.write(&batch.doing("run the query")?, formulas)?.is_break() {
            break;
        }
    }
    writer.finish()
}

fn write_list(
    list: RecordBatch,
    format: Format,
    out: &mut (impl Write + Send),
    formulas: &mut Formulas,
) -> Result<()> {
    let mut writer = RowWriter::new(format, list.schema(), out)?;
    let _ = writer.write(&list, formulas)?;
    writer.finish().map(drop)
}
