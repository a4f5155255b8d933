//! `ops.steps`: one row per run and step.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use serde::{Deserialize, Serialize};

use super::columns::{self, Column, instants, numbers, texts};
use super::table::ops_table;
use crate::clock::Instant;
use crate::error::Result;
use crate::name::{StepName, TableName};

/// Returns `ops.steps`.
pub fn table() -> TableName {
    ops_table("steps")
}

/// A step as it ended.
#[derive(Debug, Clone)]
pub struct StepRecord {
    pub step: StepName,
    pub kind: &'static str,
    pub status: StepStatus,
    pub metrics: StepMetrics,
    /// Why it failed or was skipped, or what it warned of.
    pub note: Option<String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    Done,
    /// Finished before the run was cut off; its files are used as they are.
    Reused,
    Failed,
    /// Something it reads failed.
    Skipped,
}

impl StepStatus {
    /// Returns the word for it in `ops.steps`.
    pub fn as_str(self) -> &'static str {
        match self {
            StepStatus::Done => "done",
            StepStatus::Reused => "reused",
            StepStatus::Failed => "failed",
            StepStatus::Skipped => "skipped",
        }
    }
}

/// What a step counted, kept in the journal and in `ops.steps`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StepMetrics {
    /// Rows of the table it is named for.
    pub rows: u64,
    pub refused: u64,
    /// Source files read.
    pub files: u64,
    pub bytes: u64,
    pub began_at: Option<Instant>,
    pub wall_ms: u64,
    pub warnings: Vec<String>,
    /// Rows that tell of what happened before the last release's instant.
    pub late: u64,
    /// Rows whose key came before, in this night or an earlier one: the latest counts.
    pub repeated: u64,
    /// Rows that left the table: older than the source keeps them.
    pub expired: u64,
    /// Records that had been refused and fit now.
    pub replayed: u64,
    /// Rows of forgotten persons that were left out of the table.
    pub rows_erased: u64,
    /// Rows of forgotten persons that stay, without what names the person.
    pub rows_anonymised: u64,
    /// Worth knowing, nothing to fix.
    pub notes: Vec<String>,
}

/// Returns the rows of a run's steps.
///
/// # Errors
/// None, unless the program makes columns of different lengths.
pub fn rows(run: u64, steps: &[StepRecord]) -> Result<RecordBatch> {
    columns::batch(columns_of(run, steps))
}

/// Returns its columns.
pub fn schema() -> SchemaRef {
    columns::schema_of(&columns_of(0, &[]))
}

fn columns_of(run: u64, steps: &[StepRecord]) -> Vec<Column> {
    let count = |value: fn(&StepMetrics) -> u64| numbers(steps.iter().map(|step| value(&step.metrics)));
    vec![
        ("run", numbers(steps.iter().map(|_| run))),
        ("step", texts(steps.iter().map(|s| Some(s.step.as_str())))),
        ("kind", texts(steps.iter().map(|s| Some(s.kind)))),
        ("status", texts(steps.iter().map(|s| Some(s.status.as_str())))),
        ("rows", count(|m| m.rows)),
        ("rows_refused", count(|m| m.refused)),
        ("files_read", count(|m| m.files)),
        ("bytes_written", count(|m| m.bytes)),
        ("began_at", instants(steps.iter().map(|s| s.metrics.began_at))),
        ("wall_ms", count(|m| m.wall_ms)),
        ("note", texts(steps.iter().map(|s| s.note.as_deref()))),
        ("rows_late", count(|m| m.late)),
        ("rows_repeated", count(|m| m.repeated)),
        ("rows_replayed", count(|m| m.replayed)),
        ("rows_forgotten", count(|m| m.rows_erased + m.rows_anonymised)),
        ("rows_expired", count(|m| m.expired)),
    ]
}
