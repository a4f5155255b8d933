//! Upkeep: releases made without a run. `restore` publishes an earlier release again, `optimize` merges small
//! files, `vacuum` (in its own file) deletes what no kept release needs.
//!
//! Each is a release like a run's, decided and carried out by the same protocol: readers see it as a whole,
//! and a writer that slept meanwhile publishes nothing.

use std::collections::BTreeMap;

use super::catalog::Catalog;
use super::engine::{Engine, Limits};
use super::location::Warehouse;
use super::lock::Wait;
use super::publish::Proposal;
use super::release::{Origin, Outcome, Release};
use super::stage::{Layout, Mode, Staged};
use crate::error::{Error, Result};
use crate::name::TableName;

/// What happened stays told, and who was erased stays so, whatever is restored.
const HISTORY: [&str; 4] = ["checks", "runs", "steps", "suppressions"];
/// The tables that grow by appended files, all others are written whole every night: these schemas,
const GROWING: [&str; 2] = ["ops", "raw"];
/// and of `core` what is remembered of customer ids.
const GROWING_OF_CORE: [&str; 2] = ["customer_id_changes", "customer_id_history"];
/// A table is written again when it has at least this many files below `SMALL_BYTES`.
const MANY_FILES: usize = 4;
const SMALL_BYTES: u64 = 64 << 20;
/// Up to this size a table becomes one file.
pub(super) const ONE_FILE_BYTES: u64 = 256 << 20;

/// A table that `optimize` wrote again.
#[derive(Debug)]
pub struct Optimized {
    pub table: TableName,
    pub files_before: usize,
    pub files_after: usize,
}

fn grows(table: &TableName) -> bool {
    GROWING.contains(&table.schema()) || table.schema() == "core" && GROWING_OF_CORE.contains(&table.table())
}

impl Warehouse {
    /// Publishes the tables of an earlier release again, as the next release. The source ledger goes
    /// back with the rows, so that files ingested since are ingested again; the history of runs stays.
    ///
    /// # Errors
    /// If the release does not exist, or a file that it needs was vacuumed.
    pub async fn restore(&self, number: u64, wait: Wait) -> Result<Release> {
        self.holding(wait, async |lock| {
            self.recover(lock).await?;
            let last = self.require_last_release().await?;
            let target = self.release(number).await?;
            if target.outcome == Outcome::Failed {
                let published = target.last_published;
                return Err(Error::config(format!(
                    "release {number} is the record of a failed run: it made no tables"
                ))
                .hint(match published {
                    Some(published) => format!(
                        "its tables are those of release {published}: restore that release \
                     release"
                    ),
                    None => "no run before it published tables".to_owned(),
                }));
            }
            let mut staged = Vec::new();
            for (name, version) in &last.tables {
                if name.schema() == "ops" && HISTORY.contains(&name.table()) {
                    continue;
                }
                match target.tables.get(name) {
                    Some(then) if then == version => {}
                    Some(then) => {
                        let mut again = self.staged_again(name, *then).await?;
                        // Columns that a table of the history has come to have stay: runs write them.
                        if name.schema() == "ops"
                            && let Some(today) = self.table(name, *version).await?
                        {
                            again.schema = today.described_schema();
                        }
                        staged.push(again);
                    }
                    // It was not there yet: a table without rows, since its log goes on.
                    None => {
                        let table = self.staged_again(name, *version).await?;
                        staged.push(table.without_rows());
                    }
                }
            }
            let proposal = Proposal {
                run: last.release + 1,
                pipeline: target.pipeline.clone(),
                as_of: target.as_of,
                outcome: Outcome::Published,
                origin: Origin::Restore { release: number },
                fingerprint: String::new(),
                rehearsed: None,
                staged,
                reading: Some(target.reading.clone()),
            };
            self.publish(lock, proposal).await
        })
        .await
    }

    /// Writes those tables that grow night by night and have many small files as few large ones.
    ///
    /// # Errors
    /// A warehouse that another process holds or that has no release; a table that cannot be read or written;
    /// one of which not all rows were read.
    pub async fn optimize(&self, limits: Limits, wait: Wait) -> Result<Vec<Optimized>> {
        self.holding(wait, async |lock| {
            self.recover(lock).await?;
            let last = self.require_last_release().await?;
            let (mut staged, mut messages) = (Vec::new(), Vec::new());
            for (name, version) in last.tables.iter().filter(|(name, _)| grows(name)) {
                let Some(table) = self.table(name, *version).await? else { continue };
                let files = table.file_count();
                if files < MANY_FILES || table.bytes / files as u64 > SMALL_BYTES {
                    continue;
                }
                let threads =
                    if table.bytes < ONE_FILE_BYTES { std::num::NonZeroUsize::MIN } else { limits.threads };
                let engine = Engine::new(Limits { threads, ..limits }, self)?;
                let catalog = Catalog::new(self.clone(), engine, Some(&last), BTreeMap::new());
                let session = catalog.session([name], None).await?;
                let rows = session.table(name).await?;
                let described = [(name.clone(), table.description.clone())].into();
                let anew = self.clone().describing(described);
                let anew = anew.stage(name, Mode::Replace, Layout::Parallel, rows).await?;
                if anew.rows != table.rows {
                    return Err(Error::failed(format!(
                        "{name} has {} rows, of which {} were read",
                        table.rows, anew.rows
                    )));
                }
                messages.push(Optimized {
                    table: name.clone(),
                    files_before: files,
                    files_after: anew.file_count(),
                });
                staged.push(anew);
            }
            if !staged.is_empty() {
                self.publish(lock, self.upkeep(&last, Origin::Optimize, staged).await?).await?;
            }
            Ok(messages)
        })
        .await
    }

    /// Returns a table at a version, as if it had just been staged to become the whole table.
    async fn staged_again(&self, name: &TableName, version: u64) -> Result<Staged> {
        let Some(table) = self.table(name, version).await? else {
            return Err(Error::failed(format!("the table {name} does not exist at version {version}"))
                .hint("its _delta_log was deleted; restore the warehouse from a backup"));
        };
        self.verify_files(&table).await.map_err(|e| {
            e.hint(
                "a release whose files were vacuumed cannot be restored; `sillage releases` lists the others",
            )
        })?;
        self.staged_at(name, version, table.described_schema()).await
    }
}

impl Warehouse {
    /// Returns the proposal of a release like the last, but for these tables: those that stay keep the
    /// pipeline and the instant of the run that made them, whatever failed since.
    ///
    /// # Errors
    /// The release of that run cannot be read.
    pub async fn upkeep(&self, last: &Release, origin: Origin, staged: Vec<Staged>) -> Result<Proposal> {
        let made = match last.last_published {
            Some(number) if number != last.release => self.release(number).await?,
            _ => last.clone(),
        };
        Ok(Proposal {
            run: last.release + 1,
            pipeline: made.pipeline,
            as_of: made.as_of,
            // Where no run ever made tables, neither does this.
            outcome: if last.last_published.is_some() { Outcome::Published } else { Outcome::Failed },
            origin,
            fingerprint: String::new(),
            rehearsed: None,
            staged,
            reading: None,
        })
    }
}
