//! Purge: of a warehouse only one release is left, and nothing of what was before it.
//!
//! For an erasure: what a person was in must not be readable or restorable any more. A vacuum leaves the
//! logs, whose statistics hold the least and greatest values of every file there ever was; a purge
//! begins each table's log anew with a checkpoint of the release's version.
//!
//! ```text
//! _sillage/purge/<release>.json      to be done once that release is there; holds the receipt
//! _sillage/receipts/<release>.json   the same, once it is done
//! ```
//!
//! The order is put before the release is decided, and whoever settles the warehouse carries it out: an
//! erasure that was published ends in a purge, whatever happens to the process.

use std::path::Path as FilePath;
use std::time::Duration;

use object_store::path::Path;
use serde_json::Value;

use super::Warehouse;
use super::journal;
use super::lock::Lock;
use super::object::{number_of, numbered};
use super::release::{Origin, Release};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::storage::fault;

const ORDERS: &str = "_sillage/purge";
const RECEIPTS: &str = "_sillage/receipts";

impl Warehouse {
    /// Orders the purge of everything before a release that is about to be published.
    pub async fn order_purge(&self, release: u64, receipt: &Value) -> Result<()> {
        self.put_json(&numbered(ORDERS, release), receipt).await
    }

    /// Carries out what was ordered; an order whose release never came is dropped.
    pub(super) async fn carry_out_purges(&self, lock: &Lock) -> Result<()> {
        for order in self.list_objects(ORDERS).await? {
            let Some(number) = number_of(&order) else { continue };
            let last = self.last_release_number().await?;
            if number > last {
                continue;
            }
            // One that is not there was taken by a later purge.
            let released = self.releases().await?.contains(&number);
            if released && self.release(number).await?.origin == Origin::Forget {
                let newest = self.release(last).await?;
                let purged = self.purge(lock, &newest).await.map_err(|e| {
                    e.at("purging what was before an erasure").hint(
                        "the person is in no table any more; the next command on this warehouse goes on",
                    )
                })?;
                if let Some(mut receipt) = self.read_json::<Value>(&order).await? {
                    receipt["releases_purged"] = Value::from(purged);
                    self.put_json(&numbered(RECEIPTS, number), &receipt).await?;
                }
            }
            self.delete_object(&order).await?;
        }
        Ok(())
    }

    /// The receipt of the erasure that a release was.
    pub async fn receipt(&self, release: u64) -> Result<Option<Value>> {
        self.read_json(&numbered(RECEIPTS, release)).await
    }

    /// Replaces the receipt of the erasure that a release was.
    pub async fn put_receipt(&self, release: u64, receipt: &Value) -> Result<()> {
        self.put_json(&numbered(RECEIPTS, release), receipt).await
    }

    /// Deletes all that this release, the last, does not need; how many releases that were. Doing it
    /// again, after a crash, does only what is missing.
    async fn purge(&self, lock: &Lock, last: &Release) -> Result<u64> {
        // A holder that lost the lock must not delete what the next one stages.
        lock.still_held().await?;
        let earlier: Vec<u64> =
            self.releases().await?.into_iter().filter(|number| *number < last.release).collect();
        self.delete_releases(&earlier).await?;
        for entry in self.list_objects(journal::FOLDER).await? {
            self.delete_object(&entry).await?;
        }
        for (name, version) in &last.tables {
            self.begin_log_anew(name, *version).await?;
        }
        self.delete_unneeded(lock, std::slice::from_ref(last), Duration::ZERO).await?;
        if let Some(folder) = self.storage().local_folder() {
            let shelf = last.last_published.unwrap_or(last.release);
            tokio::task::spawn_blocking(move || sweep_folder(&folder, shelf))
                .await
                .doing("sweep the warehouse's folder")??;
        }
        Ok(earlier.len() as u64)
    }

    /// The log of a table as one checkpoint of this version, and the version's own entry.
    async fn begin_log_anew(&self, name: &TableName, version: u64) -> Result<()> {
        let log = format!("{}/_delta_log", name.folder());
        let checkpoint = Path::from(format!("{log}/{version:020}.checkpoint.parquet"));
        let mut there = self.list_objects(&log).await?;
        if !there.contains(&checkpoint) {
            self.checkpoint(name, version).await?;
            there = self.list_objects(&log).await?;
        }
        // Without it the table would be gone with its log.
        if !there.contains(&checkpoint) {
            return Err(Error::failed(format!("{name} has no checkpoint of version {version}")));
        }
        let kept = [
            checkpoint,
            Path::from(format!("{log}/{version:020}.json")),
            Path::from(format!("{log}/_last_checkpoint")),
        ];
        for path in there.iter().filter(|path| !kept.contains(path)) {
            self.delete_object(path).await?;
        }
        Ok(())
    }
}

/// What no listing of a store shows: files that were being put when a process died, shelves of earlier
/// releases.
fn sweep_folder(folder: &FilePath, shelf: u64) -> Result<()> {
    let doing = "sweep the warehouse's folder";
    let current = format!("{shelf:020}");
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let is_shelves = folder.ends_with("_sillage/shelf");
        for entry in std::fs::read_dir(&folder).doing(doing)? {
            let entry = entry.doing(doing)?;
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let kind = entry.file_type().doing(doing)?;
            if is_shelves && kind.is_dir() && name != current {
                fault::point("remove shelf");
                std::fs::remove_dir_all(&path).doing(doing)?;
            } else if path.ends_with("_sillage/spill") {
                // What processes at work have there they delete themselves.
            } else if kind.is_dir() {
                folders.push(path);
            } else if is_half_put(&name) {
                fault::point("remove half a file");
                std::fs::remove_file(&path).doing(doing)?;
            }
        }
    }
    Ok(())
}

/// A name under which a file is written before it gets its own.
fn is_half_put(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_put_files_are_known_by_their_names() {
        assert!(is_half_put("part-1.parquet#4711000001"));
        assert!(!is_half_put("part-1.parquet"));
        assert!(!is_half_put("part#one.parquet"));
        assert!(!is_half_put("part-1.parquet#"));
    }
}
