//! Running the checks of tables, as a catalog sees them.

use std::collections::BTreeSet;

use futures::StreamExt;

use crate::check::{Check, Finding, SHOWN_ROWS};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::pipeline::Pipeline;
use crate::warehouse::catalog::Catalog;

/// What was found, by table and check, and the errors of the checks that could not be run.
#[derive(Debug, Default)]
pub struct CheckResults {
    pub findings: Vec<Finding>,
    pub errored: Vec<Error>,
}

impl CheckResults {
    /// Returns how many passed, warned and stop the run.
    pub fn counts(&self) -> (usize, usize, usize) {
        let failed = self.findings.iter().filter(|f| f.stops_the_run()).count();
        let warned = self.findings.iter().filter(|f| !f.passed()).count() - failed;
        (self.findings.len() - warned - failed, warned, failed)
    }
}

/// Runs all checks of these tables, and the standing ones of any table that there is. `as_of` is the instant of the
/// run that made them.
pub async fn run(
    pipeline: &Pipeline,
    tables: &BTreeSet<TableName>,
    catalog: &Catalog,
    as_of: Option<Instant>,
    at_once: usize,
) -> CheckResults {
    let mut results = CheckResults::default();
    let mut checks: Vec<&Check> = Vec::new();
    for (table, rules) in &pipeline.tables {
        if tables.contains(table) {
            checks.extend(&rules.checks);
            continue;
        }
        for check in rules.checks.iter().filter(|check| check.standing) {
            match all_there(check, catalog).await {
                Ok(true) => checks.push(check),
                Ok(false) => {}
                Err(error) => results.errored.push(error),
            }
        }
    }
    let asked = async |check: &Check| {
        let mut finding = check.run(catalog, as_of).await?;
        if !finding.passed() {
            let key = pipeline.tables.get(&check.table).map(|rules| rules.key.as_slice()).unwrap_or_default();
            finding.rows = check.broken_rows(catalog, as_of, key, SHOWN_ROWS).await?;
        }
        Ok::<_, Error>(finding)
    };
    let mut running = futures::stream::iter(checks).map(asked).buffered(at_once);
    while let Some(result) = running.next().await {
        match result {
            Ok(finding) => results.findings.push(finding),
            Err(error) => results.errored.push(pipeline.sql_origins.place(error)),
        }
    }
    results.findings.sort_by(|a, b| (&a.table, &a.check).cmp(&(&b.table, &b.check)));
    results
}

async fn all_there(check: &Check, catalog: &Catalog) -> Result<bool> {
    for table in check.reads() {
        if catalog.table(&table).await?.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
