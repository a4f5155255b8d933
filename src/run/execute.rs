//! Carrying a plan out: steps in parallel where the graph allows (`running`), then checks, then the release.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use tokio::sync::watch;

use super::artifact::Artifacts;
use super::checks::{self, CheckResults};
use super::disk_space;
use super::engine::engine_of;
use super::erase::Erasure;
use super::observe::{Observation, observe};
use super::plan::{Plan, Resume};
use super::planner::plan;
use super::progress::{Event, Progress};
use super::rebuilt_results;
use super::record::RunRecord;
use super::rehearsal::rehearse_steps;
use super::request::Request;
use super::running::{RunOutcome, Running, length};
use super::unplanned;
use super::watchdog::Watchdog;
use crate::audience::list_columns;
use crate::check::{Finding, listed};
use crate::clock::{self, Instant};
use crate::error::{Context, Error, Result};
use crate::name::{StepName, TableName};
use crate::ops::runs::Run;
use crate::ops::suppressions::Suppressions;
use crate::pipeline::Pipeline;
use crate::step::StepContext;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::Engine;
use crate::warehouse::journal::{Begun, Unfinished};
use crate::warehouse::lock::Lock;
use crate::warehouse::publish::Proposal;
use crate::warehouse::release::{Origin, Outcome, Reading, Release};
use crate::warehouse::stage::Staged;

/// How long the record of a failed run may take to be written: its storage may not answer.
const FAILURE_LIMIT: Duration = Duration::from_secs(60);

/// Runs the pipeline: takes the lock, finishes or resumes a run that was cut off, and publishes.
///
/// `stop` turning true lets running steps end, starts no more, and leaves the run to be resumed.
///
/// # Errors
/// A warehouse that another process holds, a run that cannot be planned, a step that fails, a check that stops
/// the run, a step that stands still for too long, `stop`.
pub async fn run(
    pipeline: &Arc<Pipeline>,
    location: &str,
    request: &Request,
    progress: Arc<dyn Progress>,
    stop: watch::Receiver<bool>,
) -> Result<Release> {
    let warehouse = Warehouse::open_or_create(location).await?.describing(pipeline.descriptions());
    let held = async |lock: &Lock| {
        let (warehouse, progress) = (&warehouse, progress.as_ref());
        let locked = LockedRun { pipeline, warehouse, request, progress, lock };
        let run = locked.run(stop, None);
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

/// A run that holds the lock of its warehouse.
pub(super) struct LockedRun<'a> {
    pub pipeline: &'a Arc<Pipeline>,
    pub warehouse: &'a Warehouse,
    pub request: &'a Request,
    pub progress: &'a dyn Progress,
    pub lock: &'a Lock,
}

impl LockedRun<'_> {
    /// Plans, performs the steps, runs the checks and publishes.
    pub(super) async fn run(
        &self,
        stop: watch::Receiver<bool>,
        mut erasure: Option<Erasure>,
    ) -> Result<Release> {
        let LockedRun { pipeline, warehouse, request, progress, lock } = *self;
        let watch = Stopwatch::now();
        let rolled_forward = self.settle(erasure.is_some()).await?;
        let engine = engine_of(pipeline, request.limits, warehouse)?;
        let (mut seen, released, plan) = self.planned(&engine, erasure.is_some()).await?;
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
        disk_space::require(&plan, &catalog).await?;
        let context = self.context(&plan, seen.last_as_of, catalog, erasure.as_ref()).await?;
        let begun = begin(warehouse, lock, &plan, seen.unfinished.take(), progress).await?;
        progress.tell(Event::RunBegins {
            run: plan.run,
            pipeline: plan.pipeline.clone(),
            as_of: plan.as_of,
            steps: plan.steps.len(),
        });
        let mut running = Running::new(pipeline, context, &plan, lock, &begun, progress);
        running.resume().await?;
        if let Some(erasure) = &mut erasure {
            running.stage_beside(erasure).await?;
        }
        match self.rehearse(&plan, seen.release.as_ref(), &released).await {
            // What is wrong with the pipeline is said before a file is read.
            Err(error) => running.errors.push(error),
            Ok(()) => {
                let past = running.context.past.clone();
                let ended =
                    running.all_steps(request.limits.steps_at_once(), request.stall_limit, stop).await;
                // A file that stays is deleted by the next vacuum.
                let _ = past.end().await;
                ended?;
            }
        }
        let findings = self.checked(&plan, &mut running).await;
        if running.errors.is_empty() {
            // An erasure has written the quarantine anew already.
            if erasure.is_none() {
                running.expire_refusals().await?;
            }
            running.expire_holdout_scores().await?;
        }
        self.publish(&plan, &begun, running.into_outcome(findings), erasure, watch).await
    }

    /// Looks at the world and plans; what keeps a night from having a plan is in the history too.
    async fn planned(&self, engine: &Engine, erasing: bool) -> Result<(Observation, Catalog, Plan)> {
        let LockedRun { pipeline, warehouse, request, progress, lock } = *self;
        let began_at = clock::now();
        let planned = async {
            let seen = observe(Some(warehouse), Some(engine), pipeline, request).await?;
            let released =
                Catalog::new(warehouse.clone(), engine.clone(), seen.release.as_ref(), BTreeMap::new());
            rebuilt_results::complete(&released, seen.release.as_ref(), progress).await;
            let plan = plan(pipeline, request, &seen, clock::now())?;
            Ok((seen, released, plan))
        };
        let planned: Result<_> = planned.await;
        if let Err(error) = &planned
            && !erasing
        {
            // If even that cannot be done, this error is the one to report.
            let instants = (request.as_of, began_at);
            let recorded = unplanned::record(pipeline, (warehouse, lock), instants, error);
            let _ = tokio::time::timeout(FAILURE_LIMIT, recorded).await;
        }
        planned
    }

    /// Goes through the steps over empty tables, unless the run of the last release has just done so.
    async fn rehearse(&self, plan: &Plan, last: Option<&Release>, released: &Catalog) -> Result<()> {
        let done_before = last.and_then(|last| last.rehearsed.as_ref());
        if done_before.is_some_and(|before| *before == plan.rehearsed()) {
            return Ok(());
        }
        let steps: Vec<StepName> = plan.steps.iter().map(|step| step.name.clone()).collect();
        rehearse_steps(self.pipeline, &steps, released, self.request.limits).await
    }

    /// Carries out what an earlier run had decided, and clears up after those that were cut off.
    async fn settle(&self, erasing: bool) -> Result<Option<(Release, String)>> {
        let rolled_forward = self.warehouse.recover(self.lock).await?;
        if let Some((release, _)) = &rolled_forward {
            self.progress.tell(Event::RolledForward { release: release.release });
        }
        if !erasing {
            // What marked an erasure before was cut off, and so were exports whose processes died.
            self.warehouse.end_erasing().await?;
            self.warehouse.sweep_exports().await?;
        }
        Ok(rolled_forward)
    }

    async fn context(
        &self,
        plan: &Plan,
        last_as_of: Option<Instant>,
        catalog: Arc<Catalog>,
        erasure: Option<&Erasure>,
    ) -> Result<StepContext> {
        let suppressions = match erasure {
            Some(erasure) => Some(erasure.list.clone()),
            None => Suppressions::of_release(&catalog).await?.map(Arc::new),
        };
        Ok(StepContext {
            pipeline: self.pipeline.name.clone(),
            timezone: self.pipeline.timezone,
            seed: self.pipeline.seed,
            run: plan.run,
            as_of: plan.as_of,
            last_as_of,
            full_refresh: self.request.full_refresh,
            erasing: erasure.is_some(),
            suppressions,
            catalog,
            keys: Arc::new(self.pipeline.keys()),
            past: Arc::new(self.pipeline.past()),
        })
    }

    /// Runs the checks, unless a step failed; what stops the run is among its errors then.
    async fn checked(&self, plan: &Plan, running: &mut Running<'_>) -> Vec<Finding> {
        if !running.errors.is_empty() {
            return Vec::new();
        }
        let at_once = self.request.limits.steps_at_once();
        let catalog = &running.context.catalog;
        let (findings, errored) = run_checks(self.pipeline, plan, catalog, at_once, self.progress).await;
        running.errors.extend(errored);
        running.errors.extend(findings.iter().filter(|f| f.stops_the_run()).map(|f| broken(plan.run, f)));
        findings
    }

    /// Publishes the release, or of a failed run the record alone.
    async fn publish(
        &self,
        plan: &Plan,
        begun: &Begun,
        outcome: RunOutcome,
        erasure: Option<Erasure>,
        watch: Stopwatch,
    ) -> Result<Release> {
        let LockedRun { pipeline, warehouse, progress, lock, .. } = *self;
        let RunOutcome { steps, findings, mut staged, errors, quarantined } = outcome;
        let run = Run {
            run: plan.run,
            pipeline: &pipeline.name,
            as_of: plan.as_of,
            began_at: begun.began_at,
            ended_at: clock::now(),
            resumed: matches!(plan.resume, Resume::Continue { .. }),
            failed: !errors.is_empty(),
        };
        let record = RunRecord { run, steps: &steps, findings: &findings };
        let artifacts = Artifacts::of(pipeline, plan, &record);
        let erasing = erasure.is_some();
        let proposal = |outcome, staged| Proposal {
            run: plan.run,
            pipeline: pipeline.name.clone(),
            as_of: plan.as_of,
            outcome,
            origin: if erasing { Origin::Forget } else { Origin::Run },
            fingerprint: plan.fingerprint.clone(),
            staged,
            rehearsed: (outcome == Outcome::Published).then(|| plan.rehearsed()),
            reading: Some(Reading {
                as_of: Some(plan.as_of),
                timezone: Some(pipeline.timezone.name().to_owned()),
                tables: pipeline.visibility().into_iter().filter(|(t, _)| t.schema() == "raw").collect(),
                lists: list_columns(pipeline.audiences(), &pipeline.visibility()),
            }),
        };
        if let Err(error) = Error::all(errors) {
            // The record of a failed run is published alone; if even that cannot be done (a full disk), the
            // first error is the one to report, and the next run resumes this one.
            let published = publish_failure(warehouse, lock, &record, quarantined, &proposal);
            let _ = tokio::time::timeout(FAILURE_LIMIT, published).await;
            artifacts.write(warehouse, progress).await;
            return Err(error);
        }
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
        progress.tell(Event::Published {
            release: release.release,
            tables,
            warehouse: warehouse.location().to_owned(),
            wall: watch.elapsed(),
        });
        Ok(release)
    }
}

/// Writes down what the run sets out to do, with the steps it takes over from the run that it resumes.
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
        plan: serde_json::to_value(plan.resume_state()).doing("write the journal")?,
        inherited: Vec::new(),
    };
    match (&plan.resume, before) {
        (Resume::Continue { run, failed, finished }, Some(before)) => {
            progress.tell(Event::Resumed { run: *run, failed: *failed, finished: finished.len() });
            begun.inherited = before.finished.into_values().filter(|f| finished.contains(&f.step)).collect();
            if !failed {
                begun.began_at = before.begun.began_at;
            }
        }
        (Resume::Discard { run, because }, _) => {
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

fn broken(run: u64, finding: &Finding) -> Error {
    let rows = match finding.rows.as_slice() {
        [] => String::new(),
        rows => format!(": {}", listed(rows)),
    };
    Error::failed(format!(
        "the check {} of {} is broken by {} row{}{rows}; nothing was published",
        finding.check,
        finding.table,
        finding.failures,
        if finding.failures == 1 { "" } else { "s" }
    ))
    .hint(if finding.standing {
        "this check cannot be switched off; if the run leaves out the step that makes the table, run that too"
            .to_owned()
    } else {
        format!(
            "`sillage check --run {run} --rows` lists all of them until the next run begins; a declared check may have \
             severity = \"warn\", a key must tell rows apart"
        )
    })
}

/// All checks of the tables that the run made, and the errors of those that could not be run.
async fn run_checks(
    pipeline: &Pipeline,
    plan: &Plan,
    catalog: &Catalog,
    at_once: usize,
    progress: &dyn Progress,
) -> (Vec<Finding>, Vec<Error>) {
    let made: BTreeSet<TableName> = plan.steps.iter().flat_map(|s| s.step.tables_made()).collect();
    let results = checks::run(pipeline, &made, catalog, Some(plan.as_of), at_once).await;
    let (passed, warned, failed) = results.counts();
    let CheckResults { findings, errored } = results;
    for finding in findings.iter().filter(|f| !f.passed()) {
        progress.tell(Event::CheckBroken {
            table: finding.table.to_string(),
            check: finding.check.clone(),
            failures: finding.failures,
            stops: finding.stops_the_run(),
            rows: finding.rows.clone(),
        });
    }
    progress.tell(Event::ChecksRun { passed, warned, failed: failed + errored.len() });
    (findings, errored)
}
