//! Format 1 to 2: a release says which attempt decided it and what made it, and the journal keeps its
//! attempts apart.
//!
//! | | format 1 | format 2 |
//! |---|---|---|
//! | release | | `attempt`, `origin` |
//! | decision | `journal/<run>/intent.json`, put over an older one | put only if absent, with `fingerprint` |
//! | run in flight | `journal/<run>/begun.json`, `step-<name>.json` | `journal/<run>/<attempt>/…`, steps with a fingerprint |
//!
//! What was decided is carried out. A run that was interrupted before is dropped: its steps say nothing
//! of what they follow from, so the next run could not know whether they still hold.

use std::collections::BTreeSet;

use object_store::path::Path;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::warehouse::location::Warehouse;
use crate::warehouse::lock::Lock;
use crate::warehouse::object::number_of;
use crate::warehouse::publish::Intent;
use crate::warehouse::stage::Staged;
use crate::warehouse::{journal, release};

/// No attempt of format 2 has this fence.
const UNNAMED: u64 = 0;

/// The part of a step of format 1 that is of use.
#[derive(Deserialize)]
struct Step {
    staged: Vec<Staged>,
}

/// What a warehouse of format 1 has that is otherwise in format 2.
struct Found {
    /// Releases that do not say their attempt.
    releases: Vec<(Path, Value)>,
    /// The release that was being published, its decision still in the words of format 1.
    decided: Option<(u64, Path, Value)>,
    /// The run that was interrupted before anything was decided, and its finished steps.
    cut_off: Option<u64>,
    steps: Vec<Path>,
    /// What else there is of runs that are over or were interrupted.
    rest: Vec<Path>,
}

impl Warehouse {
    pub(super) async fn name_attempts(&self, lock: Option<&Lock>) -> Result<Vec<String>> {
        let found = self.find_format_1().await?;
        let mut done = Vec::new();
        match found.releases.len() {
            0 => {}
            1 => done.push("record for 1 release what made it and in which attempt".to_owned()),
            n => done.push(format!("record for {n} releases what made them and in which attempt")),
        }
        if let Some((number, _, _)) = &found.decided {
            done.push(format!("publish the rest of release {number}, whose publication was interrupted"));
        }
        if let Some(run) = found.cut_off {
            done.push(format!("drop the interrupted run {run}: the next run does its work again"));
        }
        let Some(lock) = lock else { return Ok(done) };
        lock.still_held().await?;
        for (path, release) in found.releases {
            self.put_json(&path, &with_attempt(release)).await?;
        }
        if let Some((_, path, mut intent)) = found.decided {
            intent["release"] = with_attempt(intent["release"].take());
            intent["fingerprint"] = json!("");
            self.put_json(&path, &intent).await?;
        }
        self.recover(lock).await?;
        for path in found.steps {
            let step: Option<Step> = self.read_json(&path).await?;
            // First: a step in the journal has its files.
            self.delete_object(&path).await?;
            for staged in step.iter().flat_map(|step| &step.staged) {
                self.delete_staged(staged, &BTreeSet::new()).await?;
            }
        }
        for path in found.rest {
            self.delete_object(&path).await?;
        }
        Ok(done)
    }

    /// # Errors
    /// A journal that is ahead of the releases; a decision that cannot be carried out.
    async fn find_format_1(&self) -> Result<Found> {
        let mut found =
            Found { releases: Vec::new(), decided: None, cut_off: None, steps: Vec::new(), rest: Vec::new() };
        let mut last = (0, Value::Null);
        for path in self.list_objects(release::FOLDER).await? {
            let (Some(number), Some(release)) = (number_of(&path), self.read_json::<Value>(&path).await?)
            else {
                continue;
            };
            last = (number, release.clone());
            if release.get("attempt").is_none() {
                found.releases.push((path, release));
            }
        }
        let mut intents = Vec::new();
        for path in self.list_objects(journal::FOLDER).await? {
            let Some((run, None)) = journal::place_of(&path) else { continue };
            if run > last.0 + 1 {
                return Err(Error::failed(format!(
                    "the journal mentions release {run}, but the last release that exists is {}",
                    last.0
                ))
                .hint("files of _sillage/releases were deleted; restore the warehouse from a backup"));
            }
            match path.filename() {
                Some("intent.json") if run >= last.0 => intents.push((run, path)),
                Some(name) if name.starts_with("step-") && run > last.0 => found.steps.push(path),
                Some("begun.json") if run > last.0 => {
                    found.cut_off = Some(run);
                    found.rest.push(path);
                }
                _ => found.rest.push(path),
            }
        }
        if !intents.is_empty() {
            // The steps' files are a release's, and the journal goes with the publishing.
            (found.cut_off, found.steps, found.rest) = (None, Vec::new(), Vec::new());
        }
        for (run, path) in intents {
            let Some(intent) = self.read_json::<Value>(&path).await? else { continue };
            // A migration that was interrupted may have brought it to format 2.
            if intent["release"].get("attempt").is_none() {
                self.can_be_carried_out(run, &path, &intent, &last).await?;
                found.decided = Some((run, path, intent));
            }
        }
        Ok(found)
    }

    async fn can_be_carried_out(
        &self,
        run: u64,
        path: &Path,
        intent: &Value,
        last: &(u64, Value),
    ) -> Result<()> {
        let stuck = |error: Error| {
            error.at(format!("release {run}, whose publication was interrupted")).hint(
                "publish it with the version of sillage that made the warehouse (`sillage run`), or \
                 restore the \
                 warehouse from a backup",
            )
        };
        if run == last.0 {
            if intent["release"]["tables"] == last.1["tables"] {
                return Ok(());
            }
            return Err(stuck(Error::failed(format!(
                "release {run} does not have the tables that {path} decided"
            ))));
        }
        let mut whole = intent.clone();
        whole["release"] = with_attempt(whole["release"].take());
        whole["fingerprint"] = json!("");
        let intent: Intent = serde_json::from_value(whole).map_err(|e| {
            stuck(Error::failed(format!("{path} is not what sillage writes there")).caused_by(e))
        })?;
        for staged in &intent.staged {
            self.verify_staged(staged)
                .await
                .map_err(|error| stuck(Error::failed(error.message().to_owned())))?;
        }
        Ok(())
    }
}

/// Returns a release of format 1 as format 2 writes it: in format 1 only runs made releases.
fn with_attempt(mut release: Value) -> Value {
    release["attempt"] = json!(UNNAMED);
    release["origin"] = json!("run");
    release
}
