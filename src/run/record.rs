//! What is written down of a run in the tables of its history.

use arrow::array::RecordBatch;

use crate::check::Finding;
use crate::clock::Instant;
use crate::error::Result;
use crate::name::TableName;
use crate::ops::checks::{self, CheckRecord};
use crate::ops::runs::{self, Run};
use crate::ops::steps::{self, StepRecord};
use crate::warehouse::Warehouse;
use crate::warehouse::stage::{Mode, Staged};

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
        let checks: Vec<CheckRecord> = self.findings.iter().map(check_record).collect();
        Ok(vec![
            append(warehouse, &runs::table(), &self.run().row()?).await?,
            append(warehouse, &steps::table(), &steps::rows(self.run, self.steps)?).await?,
            append(warehouse, &checks::table(), &checks::rows(self.run, &checks)?).await?,
        ])
    }

    fn run(&self) -> Run<'_> {
        Run {
            run: self.run,
            pipeline: self.pipeline,
            as_of: self.as_of,
            began_at: self.began_at,
            ended_at: self.ended_at,
            resumed: self.resumed,
            failed: self.failed,
            steps: self.steps.len(),
            refused: self.steps.iter().map(|step| step.metrics.refused).sum(),
            checks_broken: self.findings.iter().filter(|finding| !finding.passed()).count(),
        }
    }
}

fn check_record(finding: &Finding) -> CheckRecord {
    CheckRecord {
        table: finding.table.clone(),
        check: finding.check.clone(),
        severity: finding.severity,
        failures: finding.failures,
    }
}

async fn append(warehouse: &Warehouse, table: &TableName, rows: &RecordBatch) -> Result<Staged> {
    let mut stager = warehouse.stager(table, Mode::Append, &rows.schema())?;
    stager.write(rows).await?;
    stager.finish().await
}
