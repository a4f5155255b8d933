//! The record of a run that failed before it had a plan: an export that is missing, a file that has changed.
//!
//! Whoever looks in the morning finds it in the history like a run whose step failed. What is wrong with the pipeline
//! or the command line is told to whoever typed it, and leaves no record.

use super::record::RunRecord;
use crate::clock::{self, Instant};
use crate::error::{Error, Kind, Result};
use crate::name::StepName;
use crate::ops::runs::Run;
use crate::ops::steps::{StepMetrics, StepRecord, StepStatus};
use crate::pipeline::Pipeline;
use crate::warehouse::Warehouse;
use crate::warehouse::lock::Lock;
use crate::warehouse::publish::Proposal;
use crate::warehouse::release::{Origin, Outcome};

/// What the record calls that which failed.
const STEP: &str = "plan";

/// Publishes the record of a run that was to be as of an instant, if it was told one, unless an earlier one waits to be resumed: that would be dropped.
///
/// # Errors
/// Tables of the history that cannot be written.
pub(super) async fn record(
    pipeline: &Pipeline,
    (warehouse, lock): (&Warehouse, &Lock),
    (as_of, began_at): (Option<Instant>, Instant),
    error: &Error,
) -> Result<()> {
    let last = warehouse.last_release().await?;
    let waits = warehouse.unfinished_run(last.as_ref()).await?.is_some();
    if waits || error.kind() != Kind::Failed {
        return Ok(());
    }
    let as_of = as_of.or(pipeline.as_of).unwrap_or(began_at);
    let number = last.as_ref().map_or(0, |last| last.release) + 1;
    let steps = [StepRecord {
        step: StepName::new(STEP),
        kind: STEP,
        status: StepStatus::Failed,
        metrics: StepMetrics::default(),
        note: Some(error.message().to_owned()),
    }];
    let run = Run {
        run: number,
        pipeline: &pipeline.name,
        as_of,
        began_at,
        ended_at: clock::now(),
        resumed: false,
        failed: true,
    };
    let staged = RunRecord { run, steps: &steps, findings: &[] }.stage(warehouse).await?;
    let proposal = Proposal {
        run: number,
        pipeline: pipeline.name.clone(),
        as_of,
        outcome: Outcome::Failed,
        origin: Origin::Run,
        fingerprint: pipeline.fingerprint.clone(),
        staged,
        rehearsed: None,
        reading: None,
    };
    warehouse.publish(lock, proposal).await.map(drop)
}
