//! What happened, as tables: `ops.runs`, `ops.steps`, `ops.checks`.
//!
//! Grain: one row a run; one a run and step; one a run, table and check. They are published in the
//! same release as what they tell of; a run that fails publishes them alone.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::ledger;
use super::progress::StepStatus;
use super::quarantine_rows::quarantine_schema;
use super::step::{Figures, fitted_schema};
use crate::check::{Finding, Severity};
use crate::clock::Instant;
use crate::error::{Context, Result};
use crate::name::{StepName, TableName};
use crate::warehouse::Warehouse;
use crate::warehouse::stage::{Mode, Staged};

/// `ops.<name>`
pub fn table(name: &str) -> TableName {
    TableName::new("ops", name).expect("our own table names are valid")
}

/// A step as it ended.
#[derive(Debug, Clone)]
pub struct StepRecord {
    pub step: StepName,
    pub kind: &'static str,
    pub status: StepStatus,
    pub figures: Figures,
    /// Why it failed or was skipped, or what it warned of.
    pub note: Option<String>,
}

/// A run as it ended.
#[derive(Debug)]
pub struct RunRecord<'a> {
    pub run: u64,
    pub pipeline: &'a str,
    pub as_of: Instant,
    pub began_at: Instant,
    pub ended_at: Instant,
    pub resumed: bool,
    pub failed: bool,
    pub steps: &'a [StepRecord],
    pub findings: &'a [Finding],
}

impl RunRecord<'_> {
    /// Stages the rows of the run, its steps and its checks.
    pub async fn stage(&self, warehouse: &Warehouse) -> Result<Vec<Staged>> {
        let mut staged = Vec::new();
        for (name, columns) in [("runs", self.runs()), ("steps", self.steps()), ("checks", self.checks())] {
            let schema = schema_of(&columns);
            let arrays = columns.into_iter().map(|(_, column)| column).collect();
            let batch = RecordBatch::try_new(schema.clone(), arrays).doing("write the history")?;
            let mut stager = warehouse.stager(&table(name), Mode::Append, &schema)?;
            stager.write(&batch).await?;
            staged.push(stager.finish().await?);
        }
        Ok(staged)
    }

    fn runs(&self) -> Vec<(&'static str, ArrayRef)> {
        let refused: u64 = self.steps.iter().map(|s| s.figures.refused).sum();
        let broken = self.findings.iter().filter(|f| !f.passed()).count();
        vec![
            ("run", number(self.run)),
            ("pipeline", text(self.pipeline)),
            ("as_of", instant(self.as_of)),
            ("status", text(if self.failed { "failed" } else { "published" })),
            ("began_at", instant(self.began_at)),
            ("ended_at", instant(self.ended_at)),
            ("resumed", Arc::new(BooleanArray::from(vec![self.resumed]))),
            ("steps", number(self.steps.len() as u64)),
            ("rows_refused", number(refused)),
            ("checks_broken", number(broken as u64)),
        ]
    }

    fn steps(&self) -> Vec<(&'static str, ArrayRef)> {
        let steps = self.steps;
        vec![
            ("run", numbers(steps.iter().map(|_| self.run))),
            ("step", texts(steps.iter().map(|s| Some(s.step.as_str())))),
            ("kind", texts(steps.iter().map(|s| Some(s.kind)))),
            ("status", texts(steps.iter().map(|s| Some(s.status.as_str())))),
            ("rows", numbers(steps.iter().map(|s| s.figures.rows))),
            ("rows_refused", numbers(steps.iter().map(|s| s.figures.refused))),
            ("files_read", numbers(steps.iter().map(|s| s.figures.files))),
            ("bytes_written", numbers(steps.iter().map(|s| s.figures.bytes))),
            (
                "began_at",
                Arc::new(
                    TimestampMicrosecondArray::from_iter(
                        steps.iter().map(|s| s.figures.began_at.map(|t| t.timestamp_micros())),
                    )
                    .with_timezone("UTC"),
                ),
            ),
            ("wall_ms", numbers(steps.iter().map(|s| s.figures.wall_ms))),
            ("note", texts(steps.iter().map(|s| s.note.as_deref()))),
            ("rows_late", numbers(steps.iter().map(|s| s.figures.late))),
            ("rows_repeated", numbers(steps.iter().map(|s| s.figures.repeated))),
            ("rows_replayed", numbers(steps.iter().map(|s| s.figures.replayed))),
            ("rows_forgotten", numbers(steps.iter().map(|s| s.figures.forgotten.rows()))),
            ("rows_expired", numbers(steps.iter().map(|s| s.figures.expired))),
        ]
    }

    fn checks(&self) -> Vec<(&'static str, ArrayRef)> {
        let findings = self.findings;
        let tables: Vec<String> = findings.iter().map(|f| f.table.to_string()).collect();
        vec![
            ("run", numbers(findings.iter().map(|_| self.run))),
            ("table_name", texts(tables.iter().map(|t| Some(t.as_str())))),
            ("check_name", texts(findings.iter().map(|f| Some(f.check.as_str())))),
            (
                "severity",
                texts(findings.iter().map(|f| match f.severity {
                    Severity::Warn => Some("warn"),
                    Severity::Error => Some("error"),
                })),
            ),
            ("passed", Arc::new(BooleanArray::from_iter(findings.iter().map(|f| Some(f.passed()))))),
            ("failures", numbers(findings.iter().map(|f| f.failures))),
        ]
    }
}

/// The columns of a table of the history; none when there is no such table.
pub fn schema(table: &TableName) -> Option<SchemaRef> {
    let none = RunRecord {
        run: 0,
        pipeline: "",
        as_of: Instant::UNIX_EPOCH,
        began_at: Instant::UNIX_EPOCH,
        ended_at: Instant::UNIX_EPOCH,
        resumed: false,
        failed: false,
        steps: &[],
        findings: &[],
    };
    match (table.schema(), table.table()) {
        ("ops", "runs") => Some(schema_of(&none.runs())),
        ("ops", "steps") => Some(schema_of(&none.steps())),
        ("ops", "checks") => Some(schema_of(&none.checks())),
        ("ops", "sources") => Some(ledger::schema()),
        ("ops", "models") => Some(fitted_schema()),
        ("ops", "quarantine") => Some(quarantine_schema()),
        ("ops", "suppressions") => Some(crate::erasure::schema()),
        _ => None,
    }
}

fn schema_of(columns: &[(&'static str, ArrayRef)]) -> SchemaRef {
    let field =
        |(name, column): &(&'static str, ArrayRef)| Field::new(*name, column.data_type().clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

fn number(value: u64) -> ArrayRef {
    numbers([value].into_iter())
}

fn numbers(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|v| v as i64)))
}

fn text(value: &str) -> ArrayRef {
    texts([Some(value)].into_iter())
}

fn texts<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

fn instant(value: Instant) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(vec![value.timestamp_micros()]).with_timezone("UTC"))
}
