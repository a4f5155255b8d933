//! Collects records that do not fit their source's declaration, with their place and the reason.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::error::{Context, Result};

/// Returns the quarantine as read: one row per refused record.
///
/// `line` is the 1-based line where the record starts (in Parquet and among JSON values its number);
/// `column` the first column that does not fit, null when the record as a whole is at fault; `reason`
/// never contains a value; `record` is the record as read: it may hold personal data and belongs nowhere
/// but here; `last_line` is where the record ends, for a quoted text may hold line ends.
pub fn quarantine_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        Arc::new(Schema::new(vec![
            Field::new("source", DataType::Utf8, false),
            Field::new("file", DataType::Utf8, false),
            Field::new("line", DataType::Int64, false),
            Field::new("column", DataType::Utf8, true),
            Field::new("reason", DataType::Utf8, false),
            Field::new("record", DataType::Utf8, true),
            Field::new("last_line", DataType::Int64, false),
        ]))
    });
    SCHEMA.clone()
}

/// The longest record text that is kept, in bytes.
const RECORD_BYTES: usize = 64 * 1024;

/// Returns whether only the beginning of a record was stored: the rest is unknown.
pub fn is_cut(record: &str) -> bool {
    // Half a character at the end was left out, or is there as a longer sign.
    record.len() + 4 > RECORD_BYTES
}

/// Gathers refused records of one file.
pub struct Quarantine {
    source: String,
    file: String,
    sources: StringBuilder,
    files: StringBuilder,
    lines: Int64Builder,
    columns: StringBuilder,
    reasons: StringBuilder,
    records: StringBuilder,
    last_lines: Int64Builder,
    rows: usize,
}

impl Quarantine {
    pub fn new(source: &str, file: &str) -> Self {
        Quarantine {
            source: source.to_owned(),
            file: file.to_owned(),
            sources: StringBuilder::new(),
            files: StringBuilder::new(),
            lines: Int64Builder::new(),
            columns: StringBuilder::new(),
            reasons: StringBuilder::new(),
            records: StringBuilder::new(),
            last_lines: Int64Builder::new(),
            rows: 0,
        }
    }

    pub fn refuse(&mut self, lines: (i64, i64), column: Option<&str>, reason: &str, record: &[u8]) {
        self.sources.append_value(&self.source);
        self.files.append_value(&self.file);
        self.lines.append_value(lines.0);
        self.last_lines.append_value(lines.1);
        self.columns.append_option(column);
        self.reasons.append_value(reason);
        let kept = &record[..record.len().min(RECORD_BYTES)];
        self.records.append_value(String::from_utf8_lossy(kept));
        self.rows += 1;
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns what was gathered since the last call.
    pub fn take(&mut self) -> Result<RecordBatch> {
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.sources.finish()),
            Arc::new(self.files.finish()),
            Arc::new(self.lines.finish()),
            Arc::new(self.columns.finish()),
            Arc::new(self.reasons.finish()),
            Arc::new(self.records.finish()),
            Arc::new(self.last_lines.finish()),
        ];
        RecordBatch::try_new(quarantine_schema(), columns).doing("gather refused records")
    }
}
