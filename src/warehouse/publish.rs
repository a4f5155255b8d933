//! Publishing: a run's staged files become one release.
//!
//! The protocol, whose safety needs neither the lock nor any clock:
//!
//! 1. A run that builds on release N-1 proposes release N by putting its intent, only if there is
//!    none. That put decides what release N is. Whoever loses has published nothing.
//! 2. The intent is carried out: each table is one Delta commit, put only if absent, that carries
//!    the release as application transaction, looked at before; then the release file, put only if
//!    absent; then the shelf is brought to the newest release. Any process may do any part of this
//!    any number of times, at once with others.
//! 3. What all attempts at N staged in vain is deleted: it cannot be decided any more. The intent
//!    goes last. A writer that wakes up so late that it can put an intent for N again finds release
//!    N there and withdraws.
//!
//! A release that an erasure ordered to be purged is built upon only once it was: what it removes may be
//! in what a writer read that slept meanwhile.
//!
//! `tests/protocol` checks these steps, and those of `purge`, `vacuum` and `backup`, exhaustively as a model.

use std::collections::{BTreeMap, BTreeSet};

use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake::kernel::{Action, MetadataExt, Protocol, StructType, Transaction, new_metadata};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, checkpoints};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::location::Warehouse;
use super::lock::Lock;
use super::release::{Origin, Outcome, Reading, Release};
use super::stage::{Mode, Staged};
use crate::error::{Context, Error, Kind, Result};
use crate::name::TableName;

/// The application id of our Delta transactions; its version is the run.
const APPLICATION: &str = "sillage";
/// A checkpoint every so many versions keeps a table's log quick to load.
const CHECKPOINT_EVERY: u64 = 20;

/// What will be published, decided and written down before the first commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Intent {
    pub release: Release,
    /// Hash of what was asked for: the pipeline, its models, the selection.
    pub fingerprint: String,
    pub(super) staged: Vec<Staged>,
}

/// What to publish; versions are worked out here.
pub struct Proposal {
    pub run: u64,
    pub pipeline: String,
    pub as_of: crate::clock::Instant,
    pub outcome: Outcome,
    pub origin: Origin,
    pub fingerprint: String,
    pub staged: Vec<Staged>,
    /// What was rehearsed, as a hash.
    pub rehearsed: Option<String>,
    /// How its tables are read; `None` where they are read as before.
    pub reading: Option<Reading>,
}

impl Warehouse {
    /// Publishes: decides the release, carries it out, forgets the journal.
    ///
    /// # Errors
    /// `Locked` when another run decided the release of this number first.
    pub async fn publish(&self, lock: &Lock, proposal: Proposal) -> Result<Release> {
        let base = self.last_release().await?;
        let staged = merged(proposal.staged);
        let mut tables = base.as_ref().map(|b| b.tables.clone()).unwrap_or_default();
        for s in &staged {
            self.verify_staged(s).await?;
            let next = tables.get(&s.table).map_or(0, |version| version + 1);
            tables.insert(s.table.clone(), next);
        }
        let before = base.as_ref().map(|b| b.reading.clone()).unwrap_or_default();
        let reading = match (proposal.outcome, proposal.reading) {
            // Pipelines that share a warehouse have raw tables of their own.
            (Outcome::Published, Some(mut reading)) => {
                let others = before.tables.into_iter().filter(|(table, _)| tables.contains_key(table));
                let others: Vec<_> =
                    others.filter(|(table, _)| !reading.tables.contains_key(table)).collect();
                reading.tables.extend(others);
                if reading.lists.is_none() {
                    // A pipeline without audiences leaves the lists of another as they are.
                    reading.lists = before.lists;
                }
                reading
            }
            _ => before,
        };
        let release = Release {
            release: proposal.run,
            attempt: lock.fence(),
            pipeline: proposal.pipeline,
            as_of: proposal.as_of,
            outcome: proposal.outcome,
            origin: proposal.origin,
            published_at: crate::clock::now(),
            tables,
            last_published: match proposal.outcome {
                Outcome::Published => Some(proposal.run),
                Outcome::Failed => base.as_ref().and_then(|b| b.last_published),
            },
            rehearsed: proposal.rehearsed,
            reading,
        };
        // Before the intent nothing is decided: what would stop a commit must be found here.
        for s in &staged {
            self.verify_log(&s.table, release.tables[&s.table]).await?;
        }
        let base = base.map_or(0, |b| b.release);
        // Published while this one slept, and not purged yet: what it removes may be in what is staged.
        if self.erasure_is_due(base).await? {
            return Err(release_already_decided(base));
        }
        lock.still_held().await?;
        if base + 1 != proposal.run {
            return Err(release_already_decided(proposal.run));
        }
        let intent = Intent { release, fingerprint: proposal.fingerprint, staged };
        if !self.journal_intent(&intent).await? {
            return Err(release_already_decided(proposal.run));
        }
        self.carry_out(&intent).await.map_err(|e| {
            e.hint(
                "the run is complete and its release is decided: the next `sillage run` publishes the \
             rest of it",
            )
        })
    }

    /// Brings the warehouse to rest: carries out what was decided and not finished, then purges what an
    /// erasure ordered. The release of whoever was interrupted while publishing it, with the fingerprint of
    /// its run.
    ///
    /// # Errors
    /// A decision or a purge that cannot be carried out.
    pub async fn recover(&self, lock: &Lock) -> Result<Option<(Release, String)>> {
        let finished = self.finish_decisions().await?;
        self.carry_out_purges(lock).await?;
        Ok(finished)
    }

    /// Returns whether all that was decided is carried out, the shelf included.
    ///
    /// # Errors
    /// A release, a decision or a shelf that cannot be read.
    pub async fn is_recovered(&self) -> Result<bool> {
        let last = self.last_release().await?;
        let number = last.as_ref().map_or(0, |release| release.release);
        Ok(self.decision(number).await?.is_none()
            && self.decision(number + 1).await?.is_none()
            && self.shelved_release().await? == last.and_then(|release| release.last_published))
    }

    async fn finish_decisions(&self) -> Result<Option<(Release, String)>> {
        self.require_release_of_shelf().await?;
        let last = self.last_release_number().await?;
        if let Some(intent) = self.decision(last + 1).await? {
            for staged in &intent.staged {
                self.verify_staged(staged).await?;
            }
            let release = self.carry_out(&intent).await?;
            return Ok(Some((release, intent.fingerprint)));
        }
        if last > 0
            && let Some(intent) = self.decision(last).await?
        {
            if self.release(last).await?.attempt == intent.release.attempt {
                self.finish(&intent).await?;
                return Ok(Some((intent.release, intent.fingerprint)));
            }
            self.delete_void_decision(last).await?;
        }
        // A writer that slept and was stopped for good may have left an older shelf, or a link to one that
        // is gone.
        let published = self.last_release().await?.and_then(|release| release.last_published);
        if published.is_some() && self.shelved_release().await? != published {
            self.switch_shelf().await?;
        }
        Ok(None)
    }

    /// Checks that the version to be committed does not exist.
    async fn verify_log(&self, table: &TableName, version: u64) -> Result<()> {
        let path = Path::from(format!("_delta_log/{version:020}.json"));
        match self.table_store(table).head(&path).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e).doing(format!("look at the log of {table}")),
            Ok(_) => Err(Error::failed(format!(
                "{table} already has a version {version}, which no release of this warehouse lists"
            ))
            .hint(
                "something other than sillage wrote to the table, or files of _sillage/releases were \
                 deleted; restore the warehouse from a backup",
            )),
        }
    }

    /// Carries an intent out; doing it again, or at once with others, does only what is missing.
    async fn carry_out(&self, intent: &Intent) -> Result<Release> {
        let number = intent.release.release;
        if self.last_release_number().await? >= number {
            if self.release(number).await?.attempt != intent.release.attempt {
                self.delete_void_decision(number).await?;
                return Err(release_already_decided(number));
            }
        } else {
            futures::stream::iter(&intent.staged)
                .map(|staged| async move {
                    let version = intent.release.tables[&staged.table];
                    self.commit(number, version, staged)
                        .await
                        .map_err(|e| e.at(format!("publishing {}", staged.table)))
                })
                .buffer_unordered(4)
                .try_collect::<()>()
                .await?;
            self.write_release(&intent.release).await?;
        }
        self.finish(intent).await?;
        Ok(intent.release.clone())
    }

    /// What follows the release: the shelf, checkpoints of long logs, the sweeping. The journal goes last:
    /// what fails before that is done again by whoever comes next.
    async fn finish(&self, intent: &Intent) -> Result<()> {
        self.switch_shelf().await?;
        for staged in &intent.staged {
            let version = intent.release.tables[&staged.table];
            if version > 0 && version.is_multiple_of(CHECKPOINT_EVERY) {
                self.checkpoint(&staged.table, version).await?;
            }
        }
        self.clear_journal(intent).await
    }

    async fn commit(&self, run: u64, version: u64, staged: &Staged) -> Result<()> {
        let run = i64::try_from(run).map_err(|_| Error::failed("the run number is out of range"))?;
        let table = &staged.table;
        let newest = self.delta_table(table, None).await?;
        if self.has_run(newest.as_ref(), table, run).await? {
            return Ok(());
        }
        let expected = version.checked_sub(1);
        let found = newest.as_ref().and_then(DeltaTable::version);
        if found != expected {
            return Err(Error::failed(format!(
                "{table} is at version {}, the run was built on {}",
                shown(found),
                shown(expected)
            ))
            .hint(
                "something other than sillage wrote to the table; restore the version the run was built on",
            ));
        }
        let (actions, operation) = actions(self, staged, newest.as_ref())?;
        let properties: CommitBuilder = CommitProperties::default()
            .with_application_transaction(Transaction::new(APPLICATION, run))
            .with_metadata([("run".to_owned(), serde_json::json!(run))])
            // A retry would keep a foreign append next to our overwrite.
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false))
            .into();
        let snapshot = match &newest {
            Some(table) => Some(table.snapshot().doing("read the table")?),
            None => None,
        };
        let committed = properties
            .with_actions(actions)
            .build(snapshot.map(|s| s as &dyn TableReference), self.log_store(table), operation)
            .await
            .doing(format!("commit {table}"));
        match committed {
            Ok(_) => Ok(()),
            // Another process carries the same intent out, or the store's answer was lost.
            Err(error) => {
                let newest = self.delta_table(table, None).await?;
                if self.has_run(newest.as_ref(), table, run).await? { Ok(()) } else { Err(error) }
            }
        }
    }

    /// Returns whether the table's log already has this run, or a later one.
    async fn has_run(&self, newest: Option<&DeltaTable>, table: &TableName, run: i64) -> Result<bool> {
        let Some(newest) = newest else { return Ok(false) };
        let last = newest
            .snapshot()
            .doing(format!("read {table}"))?
            .transaction_version(newest.log_store().as_ref(), APPLICATION)
            .await
            .doing(format!("read the transactions of {table}"))?;
        Ok(last.is_some_and(|last| last >= run))
    }

    pub(super) async fn checkpoint(&self, name: &TableName, version: u64) -> Result<()> {
        if let Some(table) = self.delta_table(name, Some(version)).await? {
            checkpoints::create_checkpoint(&table, None)
                .await
                .doing(format!("checkpoint the log of {name}"))?;
        }
        Ok(())
    }
}

fn release_already_decided(run: u64) -> Error {
    Error::new(Kind::Locked, format!("another run decided release {run} while this one slept"))
        .hint("this run published nothing; run again to build on that release")
}

fn shown(version: Option<u64>) -> String {
    version.map_or_else(|| "none".to_owned(), |v| v.to_string())
}

/// Returns one entry per table: several steps may append to one (`ops.quarantine`).
fn merged(staged: Vec<Staged>) -> Vec<Staged> {
    let mut tables: BTreeMap<TableName, Staged> = BTreeMap::new();
    for next in staged {
        match tables.get_mut(&next.table) {
            Some(first) => {
                // One of them may have grown the table.
                if next.schema.fields().len() > first.schema.fields().len() {
                    first.schema = next.schema;
                }
                // One of them may have written it again without what expired; the others add to that.
                if next.mode == Mode::Replace {
                    first.mode = Mode::Replace;
                }
                first.rows += next.rows;
                first.bytes += next.bytes;
                first.adds.extend(next.adds);
                first.stays.extend(next.stays);
            }
            None => {
                tables.insert(next.table.clone(), next);
            }
        }
    }
    tables.into_values().collect()
}

fn actions(
    warehouse: &Warehouse,
    staged: &Staged,
    base: Option<&DeltaTable>,
) -> Result<(Vec<Action>, DeltaOperation)> {
    let schema: StructType = staged
        .schema
        .as_ref()
        .try_into_kernel()
        .doing(format!("convert the schema of {} to Delta", staged.table))?;
    let description = warehouse.description(&staged.table);
    let mut actions = Vec::new();
    let mut adds = staged.adds.clone();
    let operation = match base {
        None => {
            let mut metadata = new_metadata(
                &schema,
                Vec::<String>::new(),
                std::collections::HashMap::<String, String>::new(),
            )
            .doing(format!("describe {}", staged.table))?;
            if let Some(text) = description.and_then(|description| description.text) {
                metadata = metadata.with_description(text).doing(format!("describe {}", staged.table))?;
            }
            // The oldest protocol that does what we need: every reader of Delta opens it.
            let protocol: Protocol =
                serde_json::from_value(serde_json::json!({"minReaderVersion": 1, "minWriterVersion": 2}))
                    .doing("describe the Delta protocol")?;
            actions.push(Action::Protocol(protocol.clone()));
            actions.push(Action::Metadata(metadata.clone()));
            DeltaOperation::Create {
                mode: SaveMode::ErrorIfExists,
                location: warehouse.table_url(&staged.table),
                protocol,
                metadata,
            }
        }
        Some(table) => {
            let snapshot = table.snapshot().doing(format!("read {}", staged.table))?;
            let before = snapshot.metadata();
            let text = description.as_ref().map(|description| description.text.clone().unwrap_or_default());
            let is_described =
                text.as_ref().is_none_or(|text| before.description().unwrap_or_default() == text);
            if snapshot.schema().as_ref() != &schema || !is_described {
                let doing = || format!("describe {}", staged.table);
                let mut metadata = before.clone().with_schema(&schema).doing(doing())?;
                if let Some(text) = text {
                    metadata = metadata.with_description(text).doing(doing())?;
                }
                actions.push(Action::Metadata(metadata));
            }
            if staged.mode == Mode::Replace {
                // A restored table shares files with the one it replaces; a commit may not both
                // remove and add a file.
                let mut stays: BTreeSet<&str> = staged.stays.iter().map(|add| add.path.as_str()).collect();
                for file in snapshot.log_data().iter() {
                    let there = file.object_store_path();
                    if stays.remove(there.as_ref()) {
                        continue;
                    }
                    match adds.iter().position(|add| add.path == there.as_ref()) {
                        Some(same) => drop(adds.swap_remove(same)),
                        None => actions.push(Action::Remove(file.remove_action(true))),
                    }
                }
                if let Some(lost) = stays.first() {
                    return Err(Error::failed(format!(
                        "a file that must stay in {} is missing: {lost}",
                        staged.table
                    ))
                    .hint("something other than sillage wrote to the table; restore it from a backup"));
                }
            }
            DeltaOperation::Write {
                mode: match staged.mode {
                    Mode::Replace => SaveMode::Overwrite,
                    Mode::Append => SaveMode::Append,
                },
                partition_by: None,
                predicate: None,
            }
        }
    };
    actions.extend(adds.into_iter().map(Action::Add));
    Ok((actions, operation))
}
