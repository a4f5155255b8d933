//! A run between its first and its last step: each step begins as soon as what it reads is there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use chrono::TimeDelta;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::erase::Erasure;
use super::history::StepRecord;
use super::plan::{Plan, PlannedStep};
use super::progress::{Event, Progress, StepStatus};
use super::retention::{self, Expired};
use super::step::{Done, Failure, Figures, Workshop};
use super::watchdog::Watchdog;
use crate::clock;
use crate::duration;
use crate::error::{Error, Kind, Result};
use crate::name::StepName;
use crate::warehouse::journal::{Begun, Finished};
use crate::warehouse::lock::Lock;
use crate::warehouse::stage::Staged;

/// A run between its first and its last step.
pub(super) struct Running<'a> {
    pub(super) workshop: Workshop,
    pub(super) plan: &'a Plan,
    pub(super) lock: &'a Lock,
    pub(super) begun: &'a Begun,
    pub(super) progress: &'a dyn Progress,
    pub(super) records: BTreeMap<StepName, StepRecord>,
    pub(super) staged: Vec<Staged>,
    pub(super) errors: Vec<Error>,
    /// Refused rows of steps that failed: they are published with the record of the failure.
    pub(super) quarantined: Vec<Staged>,
}

impl Running<'_> {
    /// Takes over the steps that the run before had finished.
    pub(super) async fn take_up(&mut self) -> Result<()> {
        let begun = self.begun;
        for planned in &self.plan.steps {
            let Some(finished) = begun.inherited.iter().find(|f| f.step == planned.name) else { continue };
            for staged in &finished.staged {
                self.workshop.catalog.add_staged(staged).await?;
            }
            self.staged.extend(finished.staged.iter().cloned());
            let figures: Figures = serde_json::from_value(finished.figures.clone()).unwrap_or_default();
            self.note(planned, StepStatus::Reused, figures, None);
        }
        Ok(())
    }

    /// Stages what an erasure publishes beside the steps' tables; models may read it.
    pub(super) async fn stage_beside(&mut self, erasure: &mut Erasure) -> Result<()> {
        let staged = erasure.stage(&self.workshop).await?;
        for table in &staged {
            self.workshop.catalog.add_staged(table).await?;
        }
        self.staged.extend(staged);
        Ok(())
    }

    /// Refused records that are too old leave the quarantine, of all sources at once: it is one table.
    pub(super) async fn expire_refusals(&mut self) -> Result<()> {
        let expired =
            retention::expire_refusals(&self.workshop.pipeline, self.plan, &self.workshop.catalog).await?;
        let Some(Expired { staged, notes }) = expired else { return Ok(()) };
        for (step, told) in notes {
            self.progress.tell(Event::Note { step: step.clone(), message: told.clone() });
            if let Some(record) = self.records.get_mut(&step) {
                record.note = Some(match record.note.take() {
                    Some(note) => format!("{note}; {told}"),
                    None => told,
                });
            }
        }
        self.staged.push(staged);
        Ok(())
    }

    fn note(&mut self, planned: &PlannedStep, status: StepStatus, figures: Figures, note: Option<String>) {
        self.progress.tell(Event::StepEnds {
            step: planned.name.clone(),
            kind: planned.kind,
            status,
            rows: figures.rows,
            wall: std::time::Duration::from_millis(figures.wall_ms),
            note: note.clone(),
        });
        let record = StepRecord { step: planned.name.clone(), kind: planned.kind, status, figures, note };
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
        running: &mut JoinSet<Result<Done, Failure>>,
        at_once: usize,
        watchdog: &mut Watchdog,
        stop: watch::Receiver<bool>,
    ) -> Result<()> {
        let plan = self.plan;
        let pipeline = self.workshop.pipeline.clone();
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
                    self.note(step, StepStatus::Skipped, Figures::default(), Some(note));
                } else if running.len() < at_once
                    && !*stop.borrow()
                    && needs.iter().all(|n| state(n).is_some())
                {
                    self.progress.tell(Event::StepBegins { step: step.name.clone(), kind: step.kind });
                    // A task of its own: encoding and hashing of two steps share no thread.
                    let task = running.spawn(timed(self.workshop.clone(), Arc::clone(step)));
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
                        self.ended(&step, Err(Failure::from(error))).await?;
                    }
                    for step in waiting {
                        let note = Some("the run was given up".to_owned());
                        self.note(step, StepStatus::Skipped, Figures::default(), note);
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
                    self.ended(&step, Err(Failure::from(error))).await?;
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

    async fn ended(&mut self, planned: &PlannedStep, result: Result<Done, Failure>) -> Result<()> {
        match result {
            Ok(Done { staged, figures }) => {
                for table in &staged {
                    self.workshop.catalog.add_staged(table).await?;
                }
                let finished = Finished {
                    step: planned.name.clone(),
                    fingerprint: planned.fingerprint.clone(),
                    staged: staged.clone(),
                    figures: serde_json::to_value(&figures).unwrap_or_default(),
                };
                self.workshop.catalog.warehouse().journal_finished(self.lock, self.begun, &finished).await?;
                self.staged.extend(staged);
                for message in &figures.warnings {
                    self.progress
                        .tell(Event::Warning { step: planned.name.clone(), message: message.clone() });
                }
                for message in &figures.notes {
                    self.progress.tell(Event::Note { step: planned.name.clone(), message: message.clone() });
                }
                let told: Vec<&str> =
                    figures.warnings.iter().chain(&figures.notes).map(String::as_str).collect();
                let note = (!told.is_empty()).then(|| told.join("; "));
                self.note(planned, StepStatus::Done, figures, note);
            }
            Err(Failure { error, staged }) => {
                self.quarantined.extend(staged);
                self.note(planned, StepStatus::Failed, Figures::default(), Some(error.message().to_owned()));
                self.errors.push(error.at(format!("step {}", planned.name)));
            }
        }
        Ok(())
    }
}

async fn timed(workshop: Workshop, step: Arc<PlannedStep>) -> Result<Done, Failure> {
    let watch = Stopwatch::now();
    let began_at = clock::now();
    let mut result = workshop.perform(&step).await;
    if let Ok(done) = &mut result {
        done.figures.began_at = Some(began_at);
        done.figures.wall_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
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
