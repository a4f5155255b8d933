//! The journal: what each attempt at the next release started and finished, and the decision for one of them.
//!
//! ```text
//! _sillage/journal/<release>/<fence>/begun.json, step-<name>.json   one attempt
//! _sillage/journal/<release>/intent.json                            the decision
//! ```
//!
//! Each object is written as a whole, so a crash leaves either the old or the new state, in a folder and in
//! an object store. An attempt is named by the fence of its lock: no two attempts share a folder, so an
//! attempt that wakes up late overwrites nothing. The next attempt takes over the finished steps of an
//! interrupted one. The intent is put only if absent: it decides what the release of this number is, and any
//! process that finds it carries it out.

use std::collections::{BTreeMap, BTreeSet};

use object_store::path::Path;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::location::Warehouse;
use super::lock::Lock;
use super::object::{interrupted_hint, numbered};
use super::publish::Intent;
use super::release::{Outcome, Release};
use super::stage::Staged;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::StepName;

pub(super) const FOLDER: &str = "_sillage/journal";

/// What an attempt set out to do. One that takes it up keeps all of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Begun {
    /// The release it would be.
    pub run: u64,
    /// The fence of its lock.
    pub attempt: u64,
    pub pipeline: String,
    pub as_of: Instant,
    pub began_at: Instant,
    /// The release it builds on.
    pub base: Option<u64>,
    /// The plan's own record (what was asked for, source files to ingest), opaque to the warehouse.
    pub plan: Value,
    /// Steps that an earlier attempt had finished.
    pub inherited: Vec<Finished>,
}

/// A finished step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finished {
    pub step: StepName,
    /// Hash of all that the step's tables follow from.
    pub fingerprint: String,
    pub staged: Vec<Staged>,
    /// The step's metrics, opaque to the warehouse.
    pub metrics: Value,
}

/// An attempt that did not publish its tables, and the finished steps whose files still exist.
#[derive(Debug)]
pub struct Unfinished {
    pub begun: Begun,
    pub finished: BTreeMap<StepName, Finished>,
    /// It ended by failing, and its record was published; else it was interrupted.
    pub failed: bool,
}

impl Begun {
    /// Returns what the run set out to do.
    ///
    /// # Errors
    /// A journal that sillage did not write, or another version did.
    pub fn read_plan<T: DeserializeOwned>(&self) -> Result<T> {
        opaque(self.run, "what it set out to do", &self.plan)
    }

    /// Returns what a step of it counted.
    ///
    /// # Errors
    /// The same.
    pub fn read_metrics<T: DeserializeOwned>(&self, finished: &Finished) -> Result<T> {
        opaque(self.run, &format!("what the step {} counted", finished.step), &finished.metrics)
    }
}

fn opaque<T: DeserializeOwned>(run: u64, what: &str, value: &Value) -> Result<T> {
    serde_json::from_value(value.clone())
        .doing(format!("read {what} in the journal of run {run}"))
        .map_err(|e| e.hint(interrupted_hint(&format!("{run:020}"))))
}

fn folder(run: u64) -> String {
    format!("{FOLDER}/{run:020}")
}

fn attempt_entry(run: u64, attempt: u64, name: &str) -> Path {
    Path::from(format!("{}/{attempt:020}/{name}.json", folder(run)))
}

fn intent_entry(run: u64) -> Path {
    Path::from(format!("{}/intent.json", folder(run)))
}

/// Returns the run and, below an attempt, the attempt that a journal's object belongs to.
pub(super) fn place_of(path: &Path) -> Option<(u64, Option<u64>)> {
    let mut parts = path.as_ref().strip_prefix(FOLDER)?.split('/').skip(1);
    let run = parts.next()?.parse().ok()?;
    let attempt = parts.next()?.parse().ok();
    Some((run, attempt))
}

fn is_step(path: &Path) -> bool {
    path.filename().is_some_and(|name| name.starts_with("step-"))
}

impl Warehouse {
    /// Returns the attempt that the next run may take up: one that was interrupted on its way to the release
    /// after the last, or the one whose failure is the last release.
    ///
    /// # Errors
    /// When the journal is ahead of the releases: some of these were deleted.
    pub async fn unfinished_run(&self, last: Option<&Release>) -> Result<Option<Unfinished>> {
        let done = last.map_or(0, |release| release.release);
        let paths = self.list_objects(FOLDER).await?;
        let newest = |run: u64| {
            let begun = |p: &&Path| p.filename() == Some("begun.json");
            paths.iter().filter(begun).filter_map(place_of).filter(|(of, _)| *of == run).max()
        };
        if let Some((ahead, _)) = paths.iter().filter_map(place_of).find(|(run, _)| *run > done + 1) {
            return Err(Error::failed(format!(
                "the journal mentions release {ahead}, but the last release that exists is {done}"
            ))
            .hint("files of _sillage/releases were deleted; restore the warehouse from a backup"));
        }
        let failed = last.is_some_and(|release| release.outcome == Outcome::Failed);
        let attempt = match newest(done + 1) {
            Some(found) => Some((found, false)),
            None if failed => newest(done).map(|found| (found, true)),
            None => None,
        };
        let Some(((run, Some(attempt)), failed)) = attempt else { return Ok(None) };
        let Some(begun) = self.read_json::<Begun>(&attempt_entry(run, attempt, "begun")).await? else {
            return Ok(None);
        };
        let mut finished: BTreeMap<StepName, Finished> =
            begun.inherited.iter().map(|step| (step.step.clone(), step.clone())).collect();
        for path in paths.iter().filter(|p| is_step(p) && place_of(p) == Some((run, Some(attempt)))) {
            if let Some(step) = self.read_json::<Finished>(path).await? {
                finished.insert(step.step.clone(), step);
            }
        }
        // What a power cut or a vacuum took is done again.
        let mut gone = Vec::new();
        for step in finished.values() {
            for staged in &step.staged {
                if self.verify_staged(staged).await.is_err() {
                    gone.push(step.step.clone());
                }
            }
        }
        for step in gone {
            finished.remove(&step);
        }
        Ok(Some(Unfinished { begun, finished, failed }))
    }

    /// Writes into the journal that an attempt has begun.
    ///
    /// # Errors
    /// The entry cannot be written.
    pub async fn journal_begun(&self, begun: &Begun) -> Result<()> {
        self.put_json(&attempt_entry(begun.run, begun.attempt, "begun"), begun).await
    }

    /// Writes down that a step is finished: from now on others may publish its files.
    ///
    /// # Errors
    /// `Locked` when another run took the warehouse over before: that one has not seen the files.
    pub async fn journal_finished(&self, lock: &Lock, begun: &Begun, finished: &Finished) -> Result<()> {
        lock.still_held().await?;
        let name = format!("step-{}", finished.step);
        let put = self.put_json(&attempt_entry(begun.run, begun.attempt, &name), finished).await;
        // Even where the answer was lost it may be there.
        self.unjournaled.remove(finished.staged.iter().flat_map(Staged::files));
        put
    }

    /// Decides the release if it is undecided; returns whether the decision is this one.
    pub(super) async fn journal_intent(&self, intent: &Intent) -> Result<bool> {
        let put = self.put_json_if_absent(&intent_entry(intent.release.release), intent).await;
        if !matches!(put, Ok(false)) {
            self.unjournaled.remove(intent.staged.iter().flat_map(Staged::files));
        }
        put
    }

    /// Returns the decision for a release, as long as it is being carried out.
    pub(super) async fn decision(&self, run: u64) -> Result<Option<Intent>> {
        self.read_json(&intent_entry(run)).await
    }

    /// Withdraws a decision that came after its release, so that no process carries it out.
    pub(super) async fn delete_void_decision(&self, run: u64) -> Result<()> {
        self.delete_object(&intent_entry(run)).await
    }

    /// Forgets all attempts up to a release that was carried out, and deletes what its own attempts
    /// staged in vain. After a failed release these stay: the next run may take them up, and they
    /// go with its release.
    ///
    /// Files of other numbers are left to the vacuum: a release that is not swept yet may read them.
    /// Only the files of an attempt's own steps are deleted, never inherited ones, and the intent
    /// goes last: a crash in between repeats this with the same intent.
    pub(super) async fn clear_journal(&self, intent: &Intent) -> Result<()> {
        let done = intent.release.release;
        let failed = intent.release.outcome == Outcome::Failed;
        let mut kept: BTreeSet<String> = intent.staged.iter().flat_map(Staged::files).collect();
        let before: Option<Release> = match done.checked_sub(1) {
            None | Some(0) => None,
            Some(before) => self.read_json(&numbered(super::release::FOLDER, before)).await?,
        };
        let before_failed = before.is_some_and(|release| release.outcome == Outcome::Failed);
        // A failed release reads nothing that its attempts' steps staged.
        let in_vain = |run: u64| run == done || (before_failed && run + 1 == done);
        let paths = self.list_objects(FOLDER).await?;
        let stays =
            |run: u64, attempt: Option<u64>| run > done || (failed && run == done && attempt.is_some());
        for path in paths.iter().filter(|p| p.filename() == Some("begun.json")) {
            if place_of(path).is_some_and(|(run, attempt)| stays(run, attempt))
                && let Some(begun) = self.read_json::<Begun>(path).await?
            {
                kept.extend(begun.inherited.iter().flat_map(|step| &step.staged).flat_map(Staged::files));
            }
        }
        let mut last = Vec::new();
        for path in paths {
            let Some((run, attempt)) = place_of(&path) else { continue };
            if stays(run, attempt) {
                continue;
            }
            if attempt.is_none() {
                last.push(path);
                continue;
            }
            if in_vain(run)
                && is_step(&path)
                && let Some(step) = self.read_json::<Finished>(&path).await?
            {
                for staged in &step.staged {
                    self.delete_staged(staged, &kept).await?;
                }
            }
            self.delete_object(&path).await?;
        }
        for path in &last {
            self.delete_object(path).await?;
        }
        Ok(())
    }
}
