//! Reads a file's columns before its rows: what the drift policy does not accept stops the run before any row
//! is written, and added columns are known before the first row.
//!
//! For CSV the header is read, for Parquet the footer. The keys of JSON lines are in the lines themselves:
//! only if columns are to be added is the whole file read first.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::drift::{Comparison, compare};
use super::evolution::{Added, added_columns};
use super::partition;
use crate::error::{Error, Result};
use crate::source::contract::column::ColumnType;
use crate::source::contract::header_name::plain;
use crate::source::contract::policy::OnDrift;
use crate::source::definition::Source;
use crate::source::file::FileSource;
use crate::source::file::bytes::packed::{self, Content};
use crate::source::file::format::Format;
use crate::source::file::parquet::Footer;
use crate::source::file::parquet::columns::{FileColumns, reading_hint};
use crate::source::file::source_file::SourceFile;
use crate::source::file::{csv, json, parquet};

/// The columns found in a file.
#[derive(Debug, Default)]
pub struct Survey {
    /// The undeclared columns that the policy takes in.
    pub added: Vec<Added>,
    /// What the policy bore; without the file's name.
    pub remarks: Vec<String>,
}

/// Looks at the columns of one file of a source. Needs a tokio runtime.
///
/// # Errors
/// A file whose columns the policy does not accept, or that cannot be read; each error names source and file.
pub async fn survey(source: &Arc<Source>, file: &SourceFile) -> Result<Survey> {
    let looked = match source.files().format {
        Format::Csv if source.files().dialect.header => {
            text(source, file, |source, mut content| {
                let header = csv::header(source, || content.next())?;
                let kinds = vec![ColumnType::Text; header.len()];
                let comparison = compare(source, &header)?;
                judged(source, &header, &kinds, comparison)
            })
            .await
        }
        Format::Jsonl | Format::Json if source.contract.on_drift == OnDrift::Evolve => {
            let name = file.name.clone();
            text(source, file, move |source, mut content| {
                let keys = json::undeclared(source, &name, || content.next())?;
                let found = keys.into_iter().map(|key| (key, ColumnType::Text)).collect();
                Ok(Survey { added: added_columns(source, found)?, remarks: Vec::new() })
            })
            .await
        }
        Format::Parquet => {
            let (source, file, runtime) = (source.clone(), file.clone(), Handle::current());
            look(move || footer(source.as_files(), &Footer::of(&file, &runtime)?.columns(source.as_files())?))
                .await
        }
        // Positions and characters have no names to compare, and the keys of JSON lines are looked at line
        // by line.
        Format::Csv | Format::Jsonl | Format::Json | Format::Fixed => Ok(Survey::default()),
    };
    let looked = partition::check(source.as_files(), &file.name).and(looked);
    looked.map_err(|e| e.at(file.name.clone()).at(format!("source {}", source.name)))
}

/// Looks at a text on a thread that may block.
async fn text(
    source: &Arc<Source>,
    file: &SourceFile,
    look: impl FnOnce(FileSource<'_>, Content) -> Result<Survey> + Send + 'static,
) -> Result<Survey> {
    let (source, file) = (source.clone(), file.clone());
    self::look(move || look(source.as_files(), packed::open(&file)?)).await
}

async fn look(work: impl FnOnce() -> Result<Survey> + Send + 'static) -> Result<Survey> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Error::failed("reading stopped unexpectedly"))?
}

fn footer(source: FileSource<'_>, columns: &FileColumns) -> Result<Survey> {
    let comparison = parquet::check(source, columns)?;
    let mut errors = Vec::new();
    let mut kinds = vec![ColumnType::Text; columns.columns.len()];
    for place in &comparison.added {
        let column = &columns.columns[*place];
        match ColumnType::of(&column.data_type) {
            Some(kind) => kinds[*place] = kind,
            None if source.contract.on_drift == OnDrift::Evolve => errors.push(
                Error::failed(format!(
                    "the column `{}` is {}, a type that a table cannot hold",
                    column.name, column.data_type
                ))
                .hint(format!(
                    "{}, or list it in ignore_columns",
                    reading_hint(column, source.files.rows.is_some())
                )),
            ),
            None => {}
        }
    }
    Error::all(errors)?;
    judged(source, &columns.names(), &kinds, comparison)
}

fn judged(
    source: FileSource<'_>,
    names: &[String],
    kinds: &[ColumnType],
    comparison: Comparison,
) -> Result<Survey> {
    let added = match source.contract.on_drift {
        OnDrift::Evolve => {
            let found =
                comparison.added.iter().map(|place| (plain(&names[*place]).into_owned(), kinds[*place]));
            added_columns(source, found.collect())?
        }
        OnDrift::Fail | OnDrift::Ignore => Vec::new(),
    };
    Ok(Survey { added, remarks: comparison.remarks })
}
