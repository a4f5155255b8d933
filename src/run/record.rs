//! What is written down of a run in the tables of its history.

use crate::check::Finding;
use crate::error::Result;
use crate::ops::checks::{self, CheckRecord};
use crate::ops::runs::{self, Run};
use crate::ops::steps::{self, StepRecord};
use crate::warehouse::Warehouse;
use crate::warehouse::stage::Staged;

/// A run as it ended, with its steps and checks.
#[derive(Debug)]
pub struct RunRecord<'a> {
    pub run: Run<'a>,
    pub steps: &'a [StepRecord],
    pub findings: &'a [Finding],
}

impl RunRecord<'_> {
    /// Stages the rows of the run, its steps and its checks.
    pub async fn stage(&self, warehouse: &Warehouse) -> Result<Vec<Staged>> {
        let (run, steps) = (self.run.run, self.steps);
        let checks: Vec<CheckRecord> = self.findings.iter().map(check_record).collect();
        Ok(vec![
            warehouse.append(&runs::table(), &self.run.row(steps, &checks)?).await?,
            warehouse.append(&steps::table(), &steps::rows(run, steps)?).await?,
            warehouse.append(&checks::table(), &checks::rows(run, &checks)?).await?,
        ])
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
