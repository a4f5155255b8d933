//! Asking what must hold: the checks of tables, as a catalog sees them.

use std::collections::BTreeSet;

use futures::StreamExt;

use crate::check::{Check, Finding};
use crate::error::Error;
use crate::name::TableName;
use crate::pipeline::Pipeline;
use crate::warehouse::catalog::Catalog;

/// What was found, by table and check, and the errors of the checks that could not be asked.
#[derive(Debug, Default)]
pub struct Answers {
    pub findings: Vec<Finding>,
    pub unasked: Vec<Error>,
}

impl Answers {
    /// How many passed, warned and stop the run.
    pub fn counts(&self) -> (usize, usize, usize) {
        let failed = self.findings.iter().filter(|f| f.stops_the_run()).count();
        let warned = self.findings.iter().filter(|f| !f.passed()).count() - failed;
        (self.findings.len() - warned - failed, warned, failed)
    }
}

/// Asks all checks of these tables.
pub async fn ask(
    pipeline: &Pipeline,
    tables: &BTreeSet<TableName>,
    catalog: &Catalog,
    at_once: usize,
) -> Answers {
    let checks: Vec<&Check> = tables
        .iter()
        .filter_map(|table| pipeline.tables.get(table))
        .flat_map(|rules| &rules.checks)
        .collect();
    let mut answers = Answers::default();
    let mut asked = futures::stream::iter(checks).map(|check| check.run(catalog)).buffered(at_once);
    while let Some(answer) = asked.next().await {
        match answer {
            Ok(finding) => answers.findings.push(finding),
            Err(error) => answers.unasked.push(error),
        }
    }
    answers.findings.sort_by(|a, b| (&a.table, &a.check).cmp(&(&b.table, &b.check)));
    answers
}
