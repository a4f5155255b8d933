//! Publishing: a run's staged files become one release.
//!
//! The intent is written first; from then on the release happens, if need be by rolling forward
//! after a crash. Each table is one Delta commit that carries the run as application transaction,
//! looked at before, so that doing it again does nothing.

use std::collections::BTreeMap;

use deltalake::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake::kernel::transaction::{CommitBuilder, CommitProperties, TableReference};
use deltalake::kernel::{Action, MetadataExt, Protocol, StructType, Transaction, new_metadata};
use deltalake::protocol::{DeltaOperation, SaveMode};
use deltalake::{DeltaTable, checkpoints};
use futures::{StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::Warehouse;
use super::lock::Lock;
use super::release::{Outcome, Release};
use super::stage::{Mode, Staged};
use crate::error::{Context, Error, Result};
use crate::name::TableName;

/// The application id of our Delta transactions; its version is the run.
const APPLICATION: &str = "sillage";
/// A checkpoint every so many versions keeps a table's log quick to load.
const CHECKPOINT_EVERY: u64 = 20;

/// What will be published, decided and written down before the first commit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Intent {
    pub release: Release,
    pub(super) staged: Vec<Staged>,
}

/// What to publish; versions are worked out here.
pub struct Proposal {
    pub run: u64,
    pub pipeline: String,
    pub as_of: crate::clock::Instant,
    pub outcome: Outcome,
    pub staged: Vec<Staged>,
}

impl Warehouse {
    /// Publishes under the lock: intent, commits, release, shelf; then forgets the journal.
    pub async fn publish(&self, lock: &Lock, proposal: Proposal) -> Result<Release> {
        let base = self.last_release().await?;
        let staged = merged(proposal.staged);
        let mut tables = base.as_ref().map(|b| b.tables.clone()).unwrap_or_default();
        for s in &staged {
            self.verify_staged(s).await?;
            let next = tables.get(&s.table).map_or(0, |version| version + 1);
            tables.insert(s.table.clone(), next);
        }
        let release = Release {
            release: proposal.run,
            pipeline: proposal.pipeline,
            as_of: proposal.as_of,
            outcome: proposal.outcome,
            published_at: crate::clock::now(),
            tables,
            last_published: match proposal.outcome {
                Outcome::Published => Some(proposal.run),
                Outcome::Failed => base.and_then(|b| b.last_published),
            },
        };
        // Before the intent nothing is decided: what would stop a commit must be found here.
        for s in &staged {
            self.verify_log(&s.table, release.tables[&s.table]).await?;
        }
        lock.still_held().await?;
        let intent = Intent { release, staged };
        self.journal_intent(&intent).await?;
        self.roll_forward(lock, &intent).await.map_err(|e| {
            e.hint("the run is complete and its release decided: the next `sillage run` publishes the rest of it")
        })
    }

    /// Nobody has written the version that is to be committed.
    async fn verify_log(&self, table: &TableName, version: u64) -> Result<()> {
        let path = Path::from(format!("_delta_log/{version:020}.json"));
        match self.table_store(table).head(&path).await {
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e).doing(format!("look at the log of {table}")),
            Ok(_) => Err(Error::failed(format!(
                "{table} has a version {version} already, which no release of this warehouse lists"
            ))
            .hint(
                "something other than sillage wrote to the table, or files of _sillage/releases were \
                 deleted; restore the warehouse from a backup",
            )),
        }
    }

    /// Carries an intent out; doing it again after a crash does only what is missing.
    pub async fn roll_forward(&self, lock: &Lock, intent: &Intent) -> Result<Release> {
        let run = intent.release.release;
        lock.still_held().await?;
        futures::stream::iter(&intent.staged)
            .map(|staged| async move {
                let version = intent.release.tables[&staged.table];
                self.commit(run, version, staged)
                    .await
                    .map_err(|e| e.at(format!("publishing {}", staged.table)))
            })
            .buffer_unordered(4)
            .try_collect::<()>()
            .await?;
        self.write_release(&intent.release).await?;
        self.switch_shelf(&intent.release).await?;
        self.clear_journal(run).await?;
        for staged in &intent.staged {
            let version = intent.release.tables[&staged.table];
            if version > 0 && version.is_multiple_of(CHECKPOINT_EVERY) {
                self.checkpoint(&staged.table, version).await?;
            }
        }
        Ok(intent.release.clone())
    }

    async fn commit(&self, run: u64, version: u64, staged: &Staged) -> Result<()> {
        let run = i64::try_from(run).map_err(|_| Error::failed("the run number is out of range"))?;
        let table = &staged.table;
        let newest = self.delta_table(table, None).await?;
        if let Some(newest) = &newest {
            let snapshot = newest.snapshot().doing(format!("read {table}"))?;
            let last = snapshot
                .transaction_version(newest.log_store().as_ref(), APPLICATION)
                .await
                .doing(format!("read the transactions of {table}"))?;
            if last.is_some_and(|last| last >= run) {
                return Ok(());
            }
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
            // A retry would keep somebody else's append beside our overwrite.
            .with_max_retries(0)
            .with_create_checkpoint(false)
            .with_cleanup_expired_logs(Some(false))
            .into();
        let snapshot = match &newest {
            Some(table) => Some(table.snapshot().doing("read the table")?),
            None => None,
        };
        properties
            .with_actions(actions)
            .build(snapshot.map(|s| s as &dyn TableReference), self.log_store(table), operation)
            .await
            .doing(format!("commit {table}"))?;
        Ok(())
    }

    async fn checkpoint(&self, name: &TableName, version: u64) -> Result<()> {
        if let Some(table) = self.delta_table(name, Some(version)).await? {
            checkpoints::create_checkpoint(&table, None)
                .await
                .doing(format!("checkpoint the log of {name}"))?;
        }
        Ok(())
    }
}

fn shown(version: Option<u64>) -> String {
    version.map_or_else(|| "none".to_owned(), |v| v.to_string())
}

/// One entry a table: several steps may append to one (`ops.quarantine`).
fn merged(staged: Vec<Staged>) -> Vec<Staged> {
    let mut tables: BTreeMap<TableName, Staged> = BTreeMap::new();
    for next in staged {
        match tables.get_mut(&next.table) {
            Some(first) => {
                // One of them may have grown the table.
                if next.schema.fields().len() > first.schema.fields().len() {
                    first.schema = next.schema;
                }
                first.rows += next.rows;
                first.bytes += next.bytes;
                first.adds.extend(next.adds);
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
        .doing(format!("bring the schema of {} to Delta", staged.table))?;
    let mut actions = Vec::new();
    let operation = match base {
        None => {
            let metadata = new_metadata(
                &schema,
                Vec::<String>::new(),
                std::collections::HashMap::<String, String>::new(),
            )
            .doing(format!("describe {}", staged.table))?;
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
            if snapshot.schema().as_ref() != &schema {
                let metadata = snapshot
                    .metadata()
                    .clone()
                    .with_schema(&schema)
                    .doing(format!("describe {}", staged.table))?;
                actions.push(Action::Metadata(metadata));
            }
            if staged.mode == Mode::Replace {
                for file in snapshot.log_data().iter() {
                    actions.push(Action::Remove(file.remove_action(true)));
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
    actions.extend(staged.adds.iter().cloned().map(Action::Add));
    Ok((actions, operation))
}
