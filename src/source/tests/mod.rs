//! What the connectors promise, told with small files.

mod csv;
mod declaration;
mod drift;
mod encodings;
mod escapes;
mod fixed;
mod json;
mod json_object;
mod json_records;
mod json_values;
mod location;
mod names;
mod packed;
mod parquet;
mod parquet_types;
mod partition;
mod ragged;
mod times;
mod unfolding;
mod values;
mod zip;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::concat_batches;
use arrow::datatypes::Int64Type;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;

use super::{Piece, Source, SourceDeclaration, list, quarantine_schema, read};
use crate::error::Result;

/// A folder with one source in it.
struct Fixture {
    folder: tempfile::TempDir,
    source: Arc<Source>,
}

/// What was read, as text: rows by their columns, refusals as (line, column, reason).
#[derive(Debug, Default)]
struct Outcome {
    rows: Vec<Vec<String>>,
    lines: Vec<i64>,
    refused: Vec<(i64, String, String)>,
    records: Vec<String>,
    remarks: Vec<String>,
    /// Of rows that are elements.
    elements: Vec<i64>,
}

impl Fixture {
    /// `toml` is the section without its path; the path is `file` in a new folder.
    fn new(file: &str, toml: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        let path = toml::Value::from(path.to_str().unwrap());
        let toml = format!("path = {path}\n{toml}");
        let source = declare(&toml).check("shop").unwrap();
        Fixture { folder, source: Arc::new(source) }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn try_read(&self) -> Result<Outcome> {
        runtime().block_on(async {
            let mut outcome = Outcome::default();
            for file in list(&self.source).await?.files {
                let mut pieces = read(&self.source, &file, 3);
                while let Some(piece) = pieces.next().await {
                    outcome.add(&self.source, piece?);
                }
            }
            Ok(outcome)
        })
    }

    fn read(&self) -> Outcome {
        self.try_read().unwrap()
    }

    /// The error of reading, as the user sees it, the folder's name removed.
    fn error(&self) -> String {
        self.try_read().unwrap_err().to_string().replace(self.folder.path().to_str().unwrap(), "…")
    }
}

impl Outcome {
    fn add(&mut self, source: &Source, piece: Piece) {
        match piece {
            Piece::Rows(batch) => {
                assert_eq!(batch.schema(), source.schema());
                let width = source.contract.columns.len();
                for row in 0..batch.num_rows() {
                    self.rows.push((0..width).map(|c| cell(&batch, c, row)).collect());
                }
                self.lines.extend(batch.column(width + 1).as_primitive::<Int64Type>().values());
                if let Some(elements) = batch.column_by_name("_element") {
                    self.elements.extend(elements.as_primitive::<Int64Type>().values());
                }
            }
            Piece::Refused(batch) => {
                assert_eq!(batch.schema(), quarantine_schema());
                for row in 0..batch.num_rows() {
                    assert_eq!(cell(&batch, 0, row), source.name);
                    let line = batch.column(2).as_primitive::<Int64Type>().value(row);
                    self.refused.push((line, cell(&batch, 3, row), cell(&batch, 4, row)));
                    self.records.push(cell(&batch, 5, row));
                }
            }
            Piece::Remark(remark) => self.remarks.push(remark.text()),
        }
    }

    /// Every row's columns joined by `|`.
    fn table(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.join("|")).collect()
    }

    fn refused(&self) -> Vec<(i64, &str, &str)> {
        self.refused.iter().map(|(line, column, reason)| (*line, column.as_str(), reason.as_str())).collect()
    }
}

fn cell(batch: &RecordBatch, column: usize, row: usize) -> String {
    let options = FormatOptions::default().with_null("∅");
    ArrayFormatter::try_new(batch.column(column).as_ref(), &options).unwrap().value(row).to_string()
}

fn declare(toml: &str) -> SourceDeclaration {
    toml::from_str(toml).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn batches_are_cut_at_the_size_asked_for_and_carry_the_file() {
    let fixture = Fixture::new("a.csv", "format = \"csv\"\n[columns]\nid = \"integer\"\n");
    let text: String = std::iter::once("id\n".to_owned()).chain((0..10).map(|i| format!("{i}\n"))).collect();
    fixture.write("a.csv", text);
    let batches: Vec<RecordBatch> = runtime().block_on(async {
        let file = list(&fixture.source).await.unwrap().files.remove(0);
        read(&fixture.source, &file, 4)
            .map(|piece| match piece.unwrap() {
                Piece::Rows(batch) => batch,
                other => panic!("nothing is wrong: {other:?}"),
            })
            .collect()
            .await
    });
    assert_eq!(batches.iter().map(RecordBatch::num_rows).collect::<Vec<_>>(), [4, 4, 2]);
    let all = concat_batches(&fixture.source.schema(), &batches).unwrap();
    assert_eq!(cell(&all, 1, 9), "a.csv");
    assert_eq!(all.column(0).as_primitive::<Int64Type>().values(), &(0..10).collect::<Vec<i64>>()[..]);
    assert_eq!(all.column(2).as_primitive::<Int64Type>().values(), &(2..12).collect::<Vec<i64>>()[..]);
}
