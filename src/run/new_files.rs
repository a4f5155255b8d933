//! The columns of new files, looked at when a plan is shown: what a run would refuse, and by which columns raw
//! tables would grow.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::plan::{Plan, Resume};
use super::rehearsal::RawColumns;
use crate::error::{Error, Result};
use crate::name::StepName;
use crate::pipeline::Pipeline;
use crate::warehouse::catalog::Catalog;

/// Adds what the columns of new files would lead to, to the warnings of the steps that would read them; returns the
/// columns that raw tables have or would have.
///
/// # Errors
/// Files whose columns the policy of their source does not accept, or that cannot be read; all of them.
pub(super) async fn look(
    plan: &mut Plan,
    pipeline: &Pipeline,
    released: Option<&Catalog>,
    full_refresh: bool,
) -> Result<RawColumns> {
    let mut found: BTreeMap<StepName, Vec<String>> = BTreeMap::new();
    let mut raw = RawColumns::new();
    let mut errors = Vec::new();
    for ingest in pipeline.ingests() {
        let table = ingest.source.raw_table();
        let step = StepName::from(&table);
        let is_done = matches!(&plan.resume, Resume::Continue { finished, .. } if finished.contains(&step));
        let existing = match released {
            Some(released) if !full_refresh => released.table(&table).await?,
            _ => None,
        };
        if let Some(existing) = &existing {
            raw.insert(table.clone(), existing.schema.clone());
        }
        let intake = plan.intakes.get(&ingest.source.name);
        let Some(intake) = intake.filter(|_| !is_done && plan.steps.iter().any(|s| s.name == step)) else {
            continue;
        };
        match ingest.taking_up(intake.clone()).columns_of_files(existing).await {
            Ok((columns, warnings)) => {
                raw.insert(table, columns);
                found.insert(step, warnings);
            }
            Err(error) => errors.push(pipeline.sql_origins.place(error)),
        }
    }
    Error::all(errors)?;
    for step in &mut plan.steps {
        if let Some(warnings) = found.remove(&step.name)
            && let Some(step) = Arc::get_mut(step)
        {
            step.warnings.extend(warnings);
        }
    }
    Ok(raw)
}
