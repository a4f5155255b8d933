//! Carrying a plan out: steps in parallel where the graph allows (`running`), then checks, then the release.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use tokio::sync::watch;

use super::artifact::Artifacts;
use super::checks::{self, Answers};
use super::engine::engine_of;
use super::erase::Erasure;
use super::history::{RunRecord, StepRecord};
use super::observe::observe;
use super::plan::{Beginning, Plan};
use super::planner::plan;
use super::progress::{Event, Progress};
use super::rebuilt_results;
use super::request::Request;
use super::room;
use super::running::{Running, length};
use super::step::Workshop;
use super::watchdog::Watchdog;
use crate::check::Finding;
use crate::clock;
use crate::erasure::Suppressions;
use crate::error::{Error, Result};
use crate::name::TableName;
use crate::pipeline::Pipeline;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::journal::{Begun, Unfinished};
use crate::warehouse::lock::Lock;
use crate::warehouse::publish::Proposal;
use crate::warehouse::release::{Origin, Outcome, Reading, Release};
use crate::warehouse::stage::Staged;

/// How long the record of a failed run may take to be written: its storage may not answer.
const FAILURE_LIMIT: Duration = Duration::from_secs(60);

/// Plans without the lock and without changing anything, for `plan` and `--dry-run`.
pub async fn preview(pipeline: &Pipeline, location: &str, request: &Request) -> Result<Plan> {
    // A warehouse that is not there yet is an empty one.
    let warehouse = match Warehouse::open(location).await {
        Ok(warehouse) => Some(warehouse),
        Err(_) if is_empty(location) => None,
        Err(error) => return Err(error),
    };
    let engine = warehouse.as_ref().map(|w| engine_of(pipeline, request.limits, w)).transpose()?;
    let seen = observe(warehouse.as_ref(), engine.as_ref(), pipeline, request)
        .await
        .map_err(|e| e.at(format!("pipeline {}", pipeline.name)))?;
    plan(pipeline, request, &seen, clock::now()).map_err(|e| e.at(format!("pipeline {}", pipeline.name)))
}

fn is_empty(location: &str) -> bool {
    match std::fs::read_dir(location) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) => e.kind() == std::io::ErrorKind::NotFound,
    }
}

/// Runs the pipeline: takes the lock, finishes or takes up a run that was cut off, and publishes.
///
/// `stop` turning true lets running steps end, starts no more, and leaves the run to be resumed.
pub async fn run(
    pipeline: &Arc<Pipeline>,
    location: &str,
    request: &Request,
    progress: Arc<dyn Progress>,
    stop: watch::Receiver<bool>,
) -> Result<Release> {
    let warehouse = Warehouse::open_or_create(location).await?;
    let held = async |lock: &Lock| {
        let run = run_locked(pipeline, &warehouse, request, progress.as_ref(), stop, lock, None);
        // Steps are watched one by one; this is for what comes before and after them.
        let mut watchdog = Watchdog::new(request.stall_limit + FAILURE_LIMIT);
        let ended = tokio::select! {
            ended = run => ended,
            () = watchdog.stalled() => Err(given_up(watchdog.most())),
        };
        ended.map_err(|e| e.at(format!("pipeline {}", pipeline.name)))
    };
    warehouse.holding(request.wait, held).await
}

fn given_up(most: Duration) -> Error {
    Error::failed(format!("nothing was computed, read or written for {}: the run is given up", length(most)))
        .hint("does the storage answer? The next run goes on where this one was")
}

pub(super) async fn run_locked(
    pipeline: &Arc<Pipeline>,
    warehouse: &Warehouse,
    request: &Request,
    progress: &dyn Progress,
    stop: watch::Receiver<bool>,
    lock: &Lock,
    mut erasure: Option<Erasure>,
) -> Result<Release> {
    let watch = Stopwatch::now();
    let rolled_forward = warehouse.recover(lock).await?;
    if let Some((release, _)) = &rolled_forward {
        progress.tell(Event::RolledForward { release: release.release });
    }
    if erasure.is_none() {
        // Whatever said so before was cut off, and so were exports whose processes died.
        warehouse.end_erasing().await?;
        warehouse.sweep_exports().await?;
    }
    let engine = engine_of(pipeline, request.limits, warehouse)?;
    let mut seen = observe(Some(warehouse), Some(&engine), pipeline, request).await?;
    let released = Catalog::new(warehouse.clone(), engine.clone(), seen.release.as_ref(), BTreeMap::new());
    rebuilt_results::complete(&released, seen.release.as_ref(), progress).await;
    let plan = plan(pipeline, request, &seen, clock::now())?;
    if let Some((release, fingerprint)) = rolled_forward
        && release.outcome == Outcome::Published
        && erasure.is_none()
        && fingerprint == plan.fingerprint
        && request.as_of.is_none_or(|asked| asked == release.as_of)
        && plan.nothing_new()
    {
        // That was the night that is asked for; doing it twice would only move the warm start.
        return Ok(release);
    }
    let catalog =
        Arc::new(Catalog::new(warehouse.clone(), engine, seen.release.as_ref(), pipeline.visibility()));
    room::require(pipeline, &plan, &catalog).await?;
    let suppressions = match &erasure {
        Some(erasure) => Some(erasure.list.clone()),
        None => Suppressions::of_release(&catalog).await?.map(Arc::new),
    };
    let begun = begin(warehouse, lock, &plan, seen.unfinished.take(), progress).await?;
    progress.tell(Event::RunBegins {
        run: plan.run,
        pipeline: plan.pipeline.clone(),
        as_of: plan.as_of,
        steps: plan.steps.len(),
    });
    let workshop = Workshop {
        pipeline: pipeline.clone(),
        catalog: catalog.clone(),
        run: plan.run,
        as_of: plan.as_of,
        last_as_of: seen.last_as_of,
        full_refresh: request.full_refresh,
        forgetting: erasure.is_some(),
        suppressions,
    };
    let mut running = Running {
        workshop,
        plan: &plan,
        lock,
        begun: &begun,
        progress,
        records: BTreeMap::new(),
        staged: Vec::new(),
        errors: Vec::new(),
        quarantined: Vec::new(),
    };
    running.take_up().await?;
    if let Some(erasure) = &mut erasure {
        running.stage_beside(erasure).await?;
    }
    running.all_steps(request.limits.steps_at_once(), request.stall_limit, stop).await?;

    let mut findings = Vec::new();
    if running.errors.is_empty() {
        let (found, unasked) =
            run_checks(pipeline, &plan, &catalog, request.limits.steps_at_once(), progress).await;
        findings = found;
        running.errors.extend(unasked);
        running.errors.extend(findings.iter().filter(|f| f.stops_the_run()).map(broken));
    }
    let erasing = erasure.is_some();
    // An erasure has written the quarantine anew already.
    if running.errors.is_empty() && !erasing {
        running.expire_refusals().await?;
    }
    let failed = !running.errors.is_empty();
    let steps: Vec<StepRecord> = running.records.into_values().collect();
    let record = RunRecord {
        run: plan.run,
        pipeline: &pipeline.name,
        as_of: plan.as_of,
        began_at: begun.began_at,
        ended_at: clock::now(),
        resumed: matches!(plan.beginning, Beginning::TakeUp { .. }),
        failed,
        steps: &steps,
        findings: &findings,
    };
    let artifacts = Artifacts::of(pipeline, &plan, &record);
    let proposal = |outcome, staged| Proposal {
        run: plan.run,
        pipeline: pipeline.name.clone(),
        as_of: plan.as_of,
        outcome,
        origin: if erasing { Origin::Forget } else { Origin::Run },
        fingerprint: plan.fingerprint.clone(),
        staged,
        reading: Some(Reading {
            as_of: Some(plan.as_of),
            timezone: Some(pipeline.timezone.name().to_owned()),
            tables: pipeline.visibility().into_iter().filter(|(t, _)| t.schema() == "raw").collect(),
        }),
    };
    if failed {
        let error = Error::all(running.errors).expect_err("there are errors");
        // The record of a failed run is published alone; if even that cannot be done (a full
        // disk), the first error is the one to tell, and the next run takes this one up.
        let published = publish_failure(warehouse, lock, &record, running.quarantined, &proposal);
        let _ = tokio::time::timeout(FAILURE_LIMIT, published).await;
        artifacts.write(warehouse, progress).await;
        return Err(error);
    }
    let mut staged = running.staged;
    staged.extend(record.stage(warehouse).await?);
    let tables = staged.iter().map(|s| &s.table).collect::<BTreeSet<_>>().len();
    if let Some(erasure) = erasure {
        warehouse.order_purge(lock, plan.run, &erasure.receipt(&steps)?).await?;
    }
    let release = warehouse.publish(lock, proposal(Outcome::Published, staged)).await?;
    if erasing {
        warehouse.recover(lock).await?;
    }
    artifacts.write(warehouse, progress).await;
    progress.tell(Event::Published { release: release.release, tables, wall: watch.elapsed() });
    Ok(release)
}

/// Writes down what the run sets out to do, with the steps it takes over from the run before.
async fn begin(
    warehouse: &Warehouse,
    lock: &Lock,
    plan: &Plan,
    before: Option<Unfinished>,
    progress: &dyn Progress,
) -> Result<Begun> {
    let mut begun = Begun {
        run: plan.run,
        attempt: lock.fence(),
        pipeline: plan.pipeline.clone(),
        as_of: plan.as_of,
        began_at: clock::now(),
        base: plan.base,
        plan: serde_json::to_value(plan.pinned()).unwrap_or_default(),
        inherited: Vec::new(),
    };
    match (&plan.beginning, before) {
        (Beginning::TakeUp { run, failed, finished }, Some(before)) => {
            progress.tell(Event::TakenUp { run: *run, failed: *failed, finished: finished.len() });
            begun.inherited = before.finished.into_values().filter(|f| finished.contains(&f.step)).collect();
            if !failed {
                begun.began_at = before.begun.began_at;
            }
        }
        (Beginning::Discard { run, because }, _) => {
            progress.tell(Event::Discarded { run: *run, because: because.clone() });
        }
        _ => {}
    }
    warehouse.journal_begun(&begun).await?;
    Ok(begun)
}

async fn publish_failure(
    warehouse: &Warehouse,
    lock: &Lock,
    record: &RunRecord<'_>,
    quarantined: Vec<Staged>,
    proposal: &impl Fn(Outcome, Vec<Staged>) -> Proposal,
) -> Result<()> {
    let mut ops = record.stage(warehouse).await?;
    ops.extend(quarantined);
    warehouse.publish(lock, proposal(Outcome::Failed, ops)).await.map(drop)
}

fn broken(finding: &Finding) -> Error {
    Error::failed(format!(
        "the check {} of {} is broken by {} row{}; nothing was published",
        finding.check,
        finding.table,
        finding.failures,
        if finding.failures == 1 { "" } else { "s" }
    ))
    .hint(if finding.standing {
        "this check cannot be switched off; if the run leaves out the step that makes the table, run that too"
    } else {
        "ops.checks has all findings; give the check severity = \"warn\" if the night may go on without it"
    })
}

/// All checks of the tables that the run made, and the errors of those that could not be asked.
async fn run_checks(
    pipeline: &Pipeline,
    plan: &Plan,
    catalog: &Catalog,
    at_once: usize,
    progress: &dyn Progress,
) -> (Vec<Finding>, Vec<Error>) {
    let made: BTreeSet<TableName> =
        plan.steps.iter().flat_map(|s| pipeline.steps[&s.name].writes()).collect();
    let answers = checks::ask(pipeline, &made, catalog, at_once).await;
    let (passed, warned, failed) = answers.counts();
    let Answers { findings, unasked } = answers;
    for finding in findings.iter().filter(|f| !f.passed()) {
        progress.tell(Event::CheckBroken {
            table: finding.table.to_string(),
            check: finding.check.clone(),
            failures: finding.failures,
            stops: finding.stops_the_run(),
        });
    }
    progress.tell(Event::ChecksRun { passed, warned, failed: failed + unasked.len() });
    (findings, unasked)
}
