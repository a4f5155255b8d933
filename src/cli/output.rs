//! Where rows go: to the screen, or to a file that appears whole and that erasures know of.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use clap::Args;
use datafusion::prelude::DataFrame;
use futures::StreamExt;

use super::changed_cells::ChangedCells;
use super::closed_pipe::tolerate_closed;
use super::colour::warn;
use super::file_format::{CsvArgs, Format};
use super::row_writer::{RowFormat, RowWriter};
use super::signal::next_signal;
use crate::clock::Instant;
use crate::error::{Context, Error, Kind, Result};
use crate::storage::atomic_file::{AtomicFile, name_beside};
use crate::storage::permission::Permission;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::export_register::{Export, ExportKind, Exported};

/// When a workbook was made that is of no release.
const UNDATED: Instant = Instant::UNIX_EPOCH;

#[derive(Debug, Args)]
pub struct OutputArgs {
    /// tsv is CSV with tabs, xlsx a workbook, json one object a line; taken from the file's ending when not given
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// File to write, instead of the screen: .csv, .tsv, .xlsx, .json, .parquet
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    csv: CsvArgs,
}

impl OutputArgs {
    /// Checks that the options fit each other, before any work is done.
    ///
    /// # Errors
    /// See [`Format::of`] and [`CsvArgs::options`]; a binary format for the screen.
    pub fn require_fitting(&self) -> Result<()> {
        self.row_format(UNDATED).map(drop)
    }

    /// How the rows are written, and at what instant a workbook says it was made.
    fn row_format(&self, made_at: Instant) -> Result<RowFormat> {
        if let Some(path) = &self.output {
            require_a_file(path)?;
        }
        let format = Format::of(self.format, self.output.as_deref())?;
        if let Some(options) = self.csv.options(format)? {
            return Ok(RowFormat::Csv(options));
        }
        let folder = || self.output.as_deref().and_then(Path::parent).unwrap_or(Path::new("."));
        match format {
            Format::Parquet | Format::Xlsx if self.output.is_none() => {
                Err(Error::config("Parquet and workbooks are not for the screen")
                    .hint("give a file with -o FILE"))
            }
            Format::Parquet => Ok(RowFormat::Parquet),
            Format::Xlsx => Ok(RowFormat::Xlsx { folder: folder().to_owned(), made_at }),
            Format::Json => Ok(RowFormat::Json),
            Format::Table | Format::Csv | Format::Tsv => Ok(RowFormat::Table),
        }
    }

    /// Refuses options of a list where none is written.
    ///
    /// # Errors
    /// A file, a form or an option of CSV that was asked for.
    pub fn require_none(&self, instead: &str) -> Result<()> {
        match self.output.is_some() || self.format.is_some() || self.csv.is_asked() {
            true => Err(Error::config(
                "there is no list to write here, but -o, --format or an option of CSV is given",
            )
            .hint(instead.to_owned())),
            false => Ok(()),
        }
    }

    /// Whether a person will read the rows in a terminal.
    pub fn is_screen_table(&self) -> bool {
        self.output.is_none() && matches!(self.format, None | Some(Format::Table))
    }

    /// Writes a list that holds nothing about a person.
    pub fn write_list(&self, list: RecordBatch) -> Result<()> {
        let mut changed = ChangedCells::default();
        let format = self.row_format(UNDATED)?;
        match &self.output {
            None => {
                let mut out = BufWriter::new(std::io::stdout());
                let written = write_list(list, format, &mut out, &mut changed);
                tolerate_closed(out.flush())?;
                written?;
            }
            Some(path) => {
                let mut out = Vec::new();
                write_list(list, format, &mut out, &mut changed)?;
                write_whole(path, &out)?;
            }
        }
        self.tell(&changed);
        Ok(())
    }

    /// Says which cells do not stand there as they are in the table.
    fn tell(&self, changed: &ChangedCells) {
        for warning in changed.warnings() {
            match &self.output {
                Some(path) => warn(&format!("{}: {warning}", path.display())),
                None => warn(&warning),
            }
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
        self.require_fitting()?;
        match &self.output {
            None => {
                let mut changed = ChangedCells::default();
                let mut out = BufWriter::new(std::io::stdout());
                let rows = write_rows(frame, self.row_format(UNDATED)?, &mut out, &mut changed).await;
                tolerate_closed(out.flush())?;
                self.tell(&changed);
                rows
            }
            Some(path) => self.write_file(catalog, frame, path).await,
        }
    }

    async fn write_file(&self, catalog: &Catalog, frame: DataFrame, path: &Path) -> Result<u64> {
        let format = self.row_format(UNDATED)?;
        let format = match format {
            RowFormat::Xlsx { .. } => self.row_format(instant_of(catalog).await?)?,
            other => other,
        };
        let exported = Exported::new(&path.display().to_string(), ExportKind::File);
        let partial = name_beside(Path::new(&exported.place));
        let (name, dialect) = match &format {
            RowFormat::Table => ("table", None),
            RowFormat::Csv(options) => ("csv", Some(options.dialect)),
            RowFormat::Json => ("json", None),
            RowFormat::Parquet => ("parquet", None),
            RowFormat::Xlsx { .. } => ("xlsx", None),
        };
        let exported = Exported { format: Some(name.to_owned()), dialect, ..exported.under(&partial) };
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
            written = self.write_known(catalog, (frame, format), path, partial, export.as_ref()) => written,
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
        (frame, format): (DataFrame, RowFormat),
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
        let mut changed = ChangedCells::default();
        let mut out = BufWriter::new(file.file());
        let rows = write_rows(frame, format, &mut out, &mut changed).await?;
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
        self.tell(&changed);
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

/// The as-of instant of the tables that are read.
async fn instant_of(catalog: &Catalog) -> Result<Instant> {
    let Some(number) = catalog.release() else { return Ok(UNDATED) };
    catalog.warehouse().release(number).await.map(|release| release.instant())
}

async fn write_rows(
    frame: DataFrame,
    format: RowFormat,
    out: &mut (impl Write + Send),
    changed: &mut ChangedCells,
) -> Result<u64> {
    let mut stream = frame.execute_stream().await.doing("run the query")?;
    let mut writer = RowWriter::new(format, stream.schema(), out)?;
    while let Some(batch) = stream.next().await {
        if writer.write(&batch.doing("run the query")?, changed)?.is_break() {
            break;
        }
    }
    writer.finish()
}

fn write_list(
    list: RecordBatch,
    format: RowFormat,
    out: &mut (impl Write + Send),
    changed: &mut ChangedCells,
) -> Result<()> {
    let mut writer = RowWriter::new(format, list.schema(), out)?;
    let _ = writer.write(&list, changed)?;
    writer.finish().map(drop)
}
