//! `ops.runs`: one row per run.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::checks::CheckRecord;
use super::columns::{self, Column, booleans, instant, number, text};
use super::steps::StepRecord;
use super::table::ops_table;
use crate::clock::Instant;
use crate::error::Result;
use crate::name::TableName;

/// Returns `ops.runs`.
pub fn table() -> TableName {
    ops_table("runs")
}

/// A run as it ended.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    pub run: u64,
    pub pipeline: &'a str,
    pub as_of: Instant,
    pub began_at: Instant,
    pub ended_at: Instant,
    pub resumed: bool,
    pub failed: bool,
}

impl Run<'_> {
    /// Returns its row, which counts its steps and checks.
    ///
    /// # Errors
    /// None, unless the program makes columns of different lengths.
    pub fn row(&self, steps: &[StepRecord], checks: &[CheckRecord]) -> Result<RecordBatch> {
        columns::batch(self.columns(steps, checks))
    }

    fn columns(&self, steps: &[StepRecord], checks: &[CheckRecord]) -> Vec<Column> {
        let refused = steps.iter().map(|step| step.metrics.refused).sum();
        let broken = checks.iter().filter(|check| check.failures > 0).count();
        vec![
            ("run", number(self.run)),
            ("pipeline", text(self.pipeline)),
            ("as_of", instant(self.as_of)),
            ("status", text(if self.failed { "failed" } else { "published" })),
            ("began_at", instant(self.began_at)),
            ("ended_at", instant(self.ended_at)),
            ("resumed", booleans([self.resumed].into_iter())),
            ("steps", number(steps.len() as u64)),
            ("rows_refused", number(refused)),
            ("checks_broken", number(broken as u64)),
        ]
    }
}

/// Returns its columns.
pub fn schema() -> SchemaRef {
    let none = Run {
        run: 0,
        pipeline: "",
        as_of: Instant::UNIX_EPOCH,
        began_at: Instant::UNIX_EPOCH,
        ended_at: Instant::UNIX_EPOCH,
        resumed: false,
        failed: false,
    };
    columns::schema_of(&none.columns(&[], &[]))
}
