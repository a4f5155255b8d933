//! A run between its first and its last step: each step begins as soon as what it reads is there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use chrono::TimeDelta;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::erase::Erasure;
use super::plan::{Plan, PlannedStep};
use super::progress::{Event, Progress};
use super::watchdog::Watchdog;
use crate::check::Finding;
use crate::clock;
use crate::day::local_instant;
use crate::duration;
use crate::error::{Context, Error, Kind, Result};
use crate::ingest::{Expired, expire_refusals};
use crate::name::StepName;
use crate::ops::holdout_scores;
use crate::ops::steps::{StepMetrics, StepRecord, StepStatus};
use crate::pipeline::{DeclaredStep, Pipeline};
use crate::step::{StepContext, StepFailure, StepOutput};
use crate::warehouse::journal::{Begun, Finished};
use crate::warehouse::lock::Lock;
use crate::warehouse::stage::{Mode, Staged};

/// A run between its first and its last step.
pub(super) struct Running<'a> {
    pipeline: &'a Pipeline,
    pub(super) context: StepContext,
    plan: &'a Plan,
    lock: &'a Lock,
    begun: &'a Begun,
    progress: &'a dyn Progress,
    records: BTreeMap<StepName, StepRecord>,
    staged: Vec<Staged>,
    pub(super) errors: Vec<Error>,
    /// Refused rows of steps that failed: they are published with the record of the failure.
    quarantined: Vec<Staged>,
}

/// What the steps and checks of a run have come to.
pub(super) struct RunOutcome {
    pub(super) steps: Vec<StepRecord>,
    pub(super) findings: Vec<Finding>,
    pub(super) staged: Vec<Staged>,
    pub(super) errors: Vec<Error>,
    pub(super) quarantined: Vec<Staged>,
}

impl<'a> Running<'a> {
    /// Returns a run of which no step has begun.
    pub(super) fn new(
        pipeline: &'a Pipeline,
        context: StepContext,
        plan: &'a Plan,
        lock: &'a Lock,
        begun: &'a Begun,
        progress: &'a dyn Progress,
    ) -> Self {
        Running {
            pipeline,
            context,
            plan,
            lock,
            begun,
            progress,
            records: BTreeMap::new(),
            staged: Vec::new(),
            errors: Vec::new(),
            quarantined: Vec::new(),
        }
    }

    /// Returns what it has come to, with what its checks found.
    pub(super) fn into_outcome(self, findings: Vec<Finding>) -> RunOutcome {
        RunOutcome {
            steps: self.records.into_values().collect(),
            findings,
            staged: self.staged,
            errors: self.errors,
            quarantined: self.quarantined,
        }
    }

    /// Takes over the steps that the run before had finished.
    pub(super) async fn resume(&mut self) -> Result<()> {
        let begun = self.begun;
        for planned in &self.plan.steps {
            let Some(finished) = begun.inherited.iter().find(|f| f.step == planned.name) else { continue };
            for staged in &finished.staged {
                self.context.catalog.add_staged(staged).await?;
            }
            self.staged.extend(finished.staged.iter().cloned());
            let metrics: StepMetrics = begun.read_metrics(finished)?;
            self.note(planned, StepStatus::Reused, metrics, None);
        }
        Ok(())
    }

    /// Stages what an erasure publishes beside the steps' tables; models may read it.
    pub(super) async fn stage_beside(&mut self, erasure: &mut Erasure) -> Result<()> {
        let staged = erasure.stage(&self.context).await?;
        for table in &staged {
            self.context.catalog.add_staged(table).await?;
        }
        self.staged.extend(staged);
        Ok(())
    }

    /// Hold-out scores of earlier fits leave their table, which several models share, and so do those that are too old.
    pub(super) async fn expire_holdout_scores(&mut self) -> Result<()> {
        let (catalog, pipeline) = (&self.context.catalog, self.pipeline);
        let since = pipeline.keep_holdout_scores.and_then(|span| {
            let local = span.before(self.context.as_of, pipeline.timezone)?;
            local_instant(local, pipeline.timezone)
        });
        let is_anew =
            |staged: &Staged| staged.table == holdout_scores::table() && staged.mode == Mode::Replace;
        let anew = self.staged.iter().position(is_anew);
        let left =
            holdout_scores::of_last_fits(catalog, anew.map(|n| &self.staged[n]), &pipeline.name, since)
                .await?;
        if let Some(left) = left {
            if let Some(n) = anew {
                let replaced = self.staged.remove(n);
                catalog.warehouse().delete_staged(&replaced, &BTreeSet::new()).await?;
            }
            self.staged.push(left);
        }
        Ok(())
    }

    /// Refused records that are too old leave the quarantine, of all sources at once: it is one table.
    pub(super) async fn expire_refusals(&mut self) -> Result<()> {
        let ingests = self.plan.steps.iter().filter_map(|step| match &self.pipeline.steps[&step.name] {
            DeclaredStep::Ingest(ingest) => Some(ingest.as_ref()),
            _ => None,
        });
        let expired = expire_refusals(ingests, &self.context).await?;
        let Some(Expired { staged, notes }) = expired else { return Ok(()) };
        for (step, message) in notes {
            self.progress.tell(Event::Note { step: step.clone(), message: message.clone() });
            if let Some(record) = self.records.get_mut(&step) {
                record.note = Some(match record.note.take() {
                    Some(note) => format!("{note}; {message}"),
                    None => message,
                });
            }
        }
        self.staged.push(staged);
        Ok(())
    }

    fn note(
        &mut self,
        planned: &PlannedStep,
        status: StepStatus,
        metrics: StepMetrics,
        note: Option<String>,
    ) {
        self.progress.tell(Event::StepEnds {
            step: planned.name.clone(),
            kind: planned.step.kind(),
            status,
            rows: metrics.rows,
            wall: std::time::Duration::from_millis(metrics.wall_ms),
            note: note.clone(),
        });
        let record =
            StepRecord { step: planned.name.clone(), kind: planned.step.kind(), status, metrics, note };
        self.records.insert(planned.name.clone(), record);
    }

    /// Every step of the plan; on an error those that run come to their end, so that none is torn
    /// from under its threads.
    pub(super) async fn all_steps(
        &mut self,
        at_once: usize,
        stall_limit: Duration,
        stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let mut running = JoinSet::new();
        let mut watchdog = Watchdog::new(stall_limit);
        let result = self.each_step(&mut running, at_once, &mut watchdog, stop).await;
        while running.join_next().await.is_some() {}
        result
    }

    /// Each step as soon as what it reads is there.
    async fn each_step(
        &mut self,
        running: &mut JoinSet<Result<StepOutput, StepFailure>>,
        at_once: usize,
        watchdog: &mut Watchdog,
        stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let plan = self.plan;
        let pipeline = self.pipeline;
        let planned: BTreeMap<&StepName, &Arc<PlannedStep>> =
            plan.steps.iter().map(|s| (&s.name, s)).collect();
        let mut waiting: Vec<&Arc<PlannedStep>> =
            plan.steps.iter().filter(|s| !self.records.contains_key(&s.name)).collect();
        let mut names = BTreeMap::new();
        loop {
            let mut still = Vec::new();
            for step in std::mem::take(&mut waiting) {
                let state = |name: &StepName| self.records.get(name).map(|r| r.status);
                let needs: Vec<&StepName> =
                    pipeline.graph.needs(&step.name).filter(|n| planned.contains_key(n)).collect();
                let lost =
                    needs.iter().find(|n| matches!(state(n), Some(StepStatus::Failed | StepStatus::Skipped)));
                if let Some(lost) = lost {
                    let note = format!("{lost} failed");
                    self.note(step, StepStatus::Skipped, StepMetrics::default(), Some(note));
                } else if running.len() < at_once
                    && !*stop.borrow()
                    && needs.iter().all(|n| state(n).is_some())
                {
                    self.progress.tell(Event::StepBegins { step: step.name.clone(), kind: step.step.kind() });
                    // A task of its own: encoding and hashing of two steps share no thread.
                    let task = running.spawn(timed(self.context.clone(), Arc::clone(step)));
                    names.insert(task.id(), Arc::clone(step));
                } else {
                    still.push(step);
                }
            }
            waiting = still;
            watchdog.moved();
            let ended = tokio::select! {
                ended = running.join_next_with_id() => ended,
                () = watchdog.stalled(), if !running.is_empty() => {
                    // They may hang in a call that nobody can call back: they end with the process.
                    running.detach_all();
                    for step in std::mem::take(&mut names).into_values() {
                        let error = stalled(watchdog.most());
                        self.ended(&step, Err(StepFailure::from(error))).await?;
                    }
                    for step in waiting {
                        let note = Some("the run was given up".to_owned());
                        self.note(step, StepStatus::Skipped, StepMetrics::default(), note);
                    }
                    return Ok(());
                }
            };
            match ended {
                Some(Ok((id, result))) => {
                    let step = names.remove(&id).expect("every task was given its step");
                    self.ended(&step, result).await?;
                }
                Some(Err(lost)) => {
                    let step = names.remove(&lost.id()).expect("every task was given its step");
                    let error = Error::failed("the step broke down: a defect in sillage or a library")
                        .caused_by(lost);
                    self.ended(&step, Err(StepFailure::from(error))).await?;
                }
                None if waiting.is_empty() => return Ok(()),
                None if *stop.borrow() => {
                    return Err(Error::new(
                        Kind::Interrupted,
                        "stopped before the run was done; nothing was published",
                    )
                    .hint("the next `run` goes on after the steps that are finished"));
                }
                // Everything that waits was skipped in this round: look again.
                None => {}
            }
        }
    }

    async fn ended(&mut self, planned: &PlannedStep, result: Result<StepOutput, StepFailure>) -> Result<()> {
        match result {
            Ok(StepOutput { staged, mut metrics }) => {
                // What was known before; a step that says it itself has said it.
                let planned_warnings = planned.warnings.iter().filter(|w| !metrics.warnings.contains(w));
                metrics.warnings = planned_warnings.chain(&metrics.warnings).cloned().collect();
                for table in &staged {
                    self.context.catalog.add_staged(table).await?;
                }
                let finished = Finished {
                    step: planned.name.clone(),
                    fingerprint: planned.fingerprint.clone(),
                    staged: staged.clone(),
                    metrics: serde_json::to_value(&metrics).doing("write the journal")?,
                };
                self.context.catalog.warehouse().journal_finished(self.lock, self.begun, &finished).await?;
                self.staged.extend(staged);
                for message in &metrics.warnings {
                    self.progress
                        .tell(Event::Warning { step: planned.name.clone(), message: message.clone() });
                }
                for message in &metrics.notes {
                    self.progress.tell(Event::Note { step: planned.name.clone(), message: message.clone() });
                }
                let messages: Vec<&str> =
                    metrics.warnings.iter().chain(&metrics.notes).map(String::as_str).collect();
                let note = (!messages.is_empty()).then(|| messages.join("; "));
                self.note(planned, StepStatus::Done, metrics, note);
            }
            Err(StepFailure { error, staged }) => {
                self.quarantined.extend(staged);
                self.note(
                    planned,
                    StepStatus::Failed,
                    StepMetrics::default(),
                    Some(error.message().to_owned()),
                );
                let error = self.pipeline.sql_origins.place(error);
                self.errors.push(error.at(format!("step {}", planned.name)));
            }
        }
        Ok(())
    }
}

async fn timed(context: StepContext, step: Arc<PlannedStep>) -> Result<StepOutput, StepFailure> {
    let watch = Stopwatch::now();
    let began_at = clock::now();
    let mut result = step.step.perform(&context).await;
    if let Ok(output) = &mut result {
        output.metrics.began_at = Some(began_at);
        output.metrics.wall_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    }
    result
}

fn stalled(most: Duration) -> Error {
    Error::failed(format!(
        "nothing was computed, read or written for {} while the step ran: it is given up",
        length(most)
    ))
    .hint("does the storage answer? The next run goes on after the steps that are finished; --stall-limit allows more")
}

pub(super) fn length(of_time: Duration) -> String {
    duration::show(TimeDelta::from_std(of_time).unwrap_or(TimeDelta::MAX))
}
