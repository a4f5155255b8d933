//! `ops.checks`: one row per run, table and check.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::columns::{self, Column, booleans, numbers, texts};
use super::table::ops_table;
use crate::config::Severity;
use crate::error::Result;
use crate::name::TableName;

/// Returns `ops.checks`.
pub fn table() -> TableName {
    ops_table("checks")
}

/// What a check found of a table.
#[derive(Debug, Clone)]
pub struct CheckRecord {
    pub table: TableName,
    pub check: String,
    pub severity: Severity,
    /// Rows that break it.
    pub failures: u64,
}

/// Returns the rows of a run's checks.
///
/// # Errors
/// None, unless the program makes columns of different lengths.
pub fn rows(run: u64, checks: &[CheckRecord]) -> Result<RecordBatch> {
    columns::batch(columns_of(run, checks))
}

/// Returns its columns.
pub fn schema() -> SchemaRef {
    columns::schema_of(&columns_of(0, &[]))
}

fn columns_of(run: u64, checks: &[CheckRecord]) -> Vec<Column> {
    let severity = |check: &CheckRecord| match check.severity {
        Severity::Warn => "warn",
        Severity::Error => "error",
    };
    vec![
        ("run", numbers(checks.iter().map(|_| run))),
        ("table_name", texts(checks.iter().map(|c| Some(c.table.to_string())))),
        ("check_name", texts(checks.iter().map(|c| Some(c.check.as_str())))),
        ("severity", texts(checks.iter().map(|c| Some(severity(c))))),
        ("passed", booleans(checks.iter().map(|c| c.failures == 0))),
        ("failures", numbers(checks.iter().map(|c| c.failures))),
    ]
}
