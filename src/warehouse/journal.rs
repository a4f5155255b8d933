//! The journal of the run in flight: what it set out to do, its finished steps, its intent to publish.
//!
//! One folder `_sillage/journal/<run>/` of small objects, each put whole, so that it works on a
//! folder and on an object store alike and a crash leaves either the old or the new state:
//! `begun.json`, then `step-<name>.json` as steps finish, then `intent.json`. With an intent the run
//! is rolled forward; without, it resumes after its finished steps or is discarded.

use std::collections::BTreeMap;

use object_store::path::Path;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Warehouse;
use super::publish::Intent;
use super::stage::Staged;
use crate::clock::Instant;
use crate::error::Result;
use crate::name::StepName;

const FOLDER: &str = "_sillage/journal";

/// What a run set out to do. A resumed run keeps all of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begun {
    pub run: u64,
    pub pipeline: String,
    pub as_of: Instant,
    pub began_at: Instant,
    /// The release it builds on.
    pub base: Option<u64>,
    /// Hash of the pipeline, its models and the selection: a run resumes only what is unchanged.
    pub fingerprint: String,
    /// The plan's own record (source files to ingest, steps), opaque to the warehouse.
    pub plan: Value,
}

/// A finished step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finished {
    pub step: StepName,
    pub staged: Vec<Staged>,
    /// The step's figures, opaque to the warehouse.
    pub figures: Value,
}

/// A run that has begun and is not yet published or discarded.
#[derive(Debug)]
pub struct Unfinished {
    pub begun: Begun,
    pub finished: BTreeMap<StepName, Finished>,
    pub intent: Option<Intent>,
}

fn entry(run: u64, name: &str) -> Path {
    Path::from(format!("{FOLDER}/{run:020}/{name}.json"))
}

fn step_entry(run: u64, step: &StepName) -> Path {
    entry(run, &format!("step-{step}"))
}

impl Warehouse {
    /// The run in flight, if a crash or a kill left one.
    pub async fn unfinished_run(&self) -> Result<Option<Unfinished>> {
        let paths = self.list_objects(FOLDER).await?;
        let Some(begun_path) = paths.iter().rev().find(|p| p.filename() == Some("begun.json")) else {
            return Ok(None);
        };
        let Some(begun) = self.read_json::<Begun>(begun_path).await? else {
            return Ok(None);
        };
        let folder = format!("{FOLDER}/{:020}/", begun.run);
        let mut finished = BTreeMap::new();
        for path in paths.iter().filter(|p| p.as_ref().starts_with(&folder)) {
            if path.filename().is_some_and(|f| f.starts_with("step-"))
                && let Some(step) = self.read_json::<Finished>(path).await?
            {
                finished.insert(step.step.clone(), step);
            }
        }
        let intent = self.read_json(&entry(begun.run, "intent")).await?;
        Ok(Some(Unfinished { begun, finished, intent }))
    }

    pub async fn journal_begun(&self, begun: &Begun) -> Result<()> {
        self.put_json(&entry(begun.run, "begun"), begun).await
    }

    pub async fn journal_finished(&self, run: u64, finished: &Finished) -> Result<()> {
        self.put_json(&step_entry(run, &finished.step), finished).await
    }

    pub(super) async fn journal_intent(&self, intent: &Intent) -> Result<()> {
        self.put_json(&entry(intent.release.release, "intent"), intent).await
    }

    /// Forgets the run's journal: it is published, or its staged files are discarded.
    ///
    /// Steps go first, then the intent, then `begun`: while a step's files are still listed, the
    /// intent is there to say that they are published. A crash in between leaves a run that is
    /// rolled forward again, which changes nothing.
    pub(super) async fn clear_journal(&self, run: u64) -> Result<()> {
        let last = [entry(run, "intent"), entry(run, "begun")];
        for path in self.list_objects(&format!("{FOLDER}/{run:020}")).await? {
            if !last.contains(&path) {
                self.delete_object(&path).await?;
            }
        }
        for path in &last {
            self.delete_object(path).await?;
        }
        Ok(())
    }

    /// Drops a run that will not be resumed, with the files it staged.
    ///
    /// A step leaves the journal before its files go: a crash in between leaves files that nobody
    /// knows, never a step whose files are gone. Files of a run that was published are not touched.
    pub async fn discard_run(&self, unfinished: &Unfinished) -> Result<()> {
        let run = unfinished.begun.run;
        if !self.releases().await?.contains(&run) {
            for step in unfinished.finished.values() {
                self.delete_object(&step_entry(run, &step.step)).await?;
                for staged in &step.staged {
                    self.delete_staged(staged).await?;
                }
            }
        }
        self.clear_journal(run).await
    }
}
