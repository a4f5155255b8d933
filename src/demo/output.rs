//! The files a demo writes: text sheets and Parquet tables, buffered, row after row.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use encoding_rs::{Encoding, UTF_8};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use crate::error::{Context, Result};

/// Rows of a batch, and of a row group: what one Parquet file holds in memory.
const BATCH_ROWS: usize = 4_096;
const ROW_GROUP_ROWS: usize = 65_536;

/// Rows written, by folder and kind of file.
pub type Rows = BTreeMap<String, u64>;

/// A text file in an encoding, one row per line.
pub struct Sheet {
    path: PathBuf,
    encoding: &'static Encoding,
    out: BufWriter<File>,
    pub rows: u64,
}

impl Sheet {
    pub fn create(path: PathBuf, encoding: &'static Encoding) -> Result<Self> {
        let out = BufWriter::with_capacity(1 << 16, create(&path)?);
        Ok(Sheet { path, encoding, out, rows: 0 })
    }

    pub fn utf8(path: PathBuf) -> Result<Self> {
        Self::create(path, UTF_8)
    }

    /// A line that is not a row: header, comment, footer.
    pub fn line(&mut self, text: &str) -> Result<()> {
        let (bytes, _, _) = self.encoding.encode(text);
        self.out
            .write_all(&bytes)
            .and_then(|()| self.out.write_all(b"\n"))
            .doing(format_args!("write {}", self.path.display()))
    }

    pub fn row(&mut self, text: &str) -> Result<()> {
        self.rows += 1;
        self.line(text)
    }

    pub fn finish(mut self) -> Result<u64> {
        self.out.flush().doing(format_args!("write {}", self.path.display()))?;
        Ok(self.rows)
    }
}

/// Columns under construction that give a batch and start again.
pub trait Columns: Default {
    fn schema() -> Schema;
    fn arrays(&mut self) -> Vec<ArrayRef>;
}

/// Declares a table's columns under construction: each with its builder, its type and whether it may be null.
macro_rules! columns {
    ($name:ident { $($field:ident: $builder:ty, $kind:expr, $null:expr;)* }) => {
        #[derive(Default)]
        struct $name { $($field: $builder,)* }
        impl Columns for $name {
            fn schema() -> Schema {
                Schema::new(vec![$(Field::new(stringify!($field), $kind, $null),)*])
            }
            fn arrays(&mut self) -> Vec<ArrayRef> {
                vec![$(Arc::new(self.$field.finish()) as ArrayRef,)*]
            }
        }
    };
}
pub(in crate::demo) use columns;

/// A Parquet file written in batches.
pub struct Table<C> {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    columns: C,
    waiting: usize,
    rows: u64,
}

impl<C: Columns> Table<C> {
    pub fn create(path: PathBuf) -> Result<Self> {
        let schema = Arc::new(C::schema());
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(create(&path)?, schema.clone(), Some(properties))
            .doing(format!("write {}", path.display()))?;
        Ok(Table { path, schema, writer, columns: C::default(), waiting: 0, rows: 0 })
    }

    /// Appends the row that `fill` puts into the columns.
    pub fn row(&mut self, fill: impl FnOnce(&mut C)) -> Result<()> {
        fill(&mut self.columns);
        self.waiting += 1;
        self.rows += 1;
        if self.waiting == BATCH_ROWS { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        self.waiting = 0;
        let arrays = self.columns.arrays();
        RecordBatch::try_new(self.schema.clone(), arrays)
            .map_err(parquet::errors::ParquetError::from)
            .and_then(|batch| self.writer.write(&batch))
            .doing(format_args!("write {}", self.path.display()))
    }

    pub fn finish(mut self) -> Result<u64> {
        self.write()?;
        self.writer.close().doing(format_args!("write {}", self.path.display()))?;
        Ok(self.rows)
    }
}

fn create(path: &Path) -> Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).doing(format!("make the folder {}", folder.display()))?;
    File::create(path).doing(format!("create {}", path.display()))
}

/// Cents as a decimal number with the given sign: `12,90`.
pub fn money(cents: i64, point: char) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}{point}{:02}", cents.abs() / 100, cents.abs() % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_keeps_its_sign_and_both_digits() {
        assert_eq!(money(-5, ','), "-0,05");
        assert_eq!(money(123_450, '.'), "1234.50");
    }
}
