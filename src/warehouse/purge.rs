//! Purge: of a warehouse only one release is left, and nothing of what was before it.
//!
//! For an erasure: what a person was in must not be readable or restorable any more. A vacuum leaves the
//! logs, whose statistics hold the minimum and maximum values of every file there ever was; a purge
//! begins each table's log again with a checkpoint of the release's version.
//!
//! ```text
//! _sillage/purge/<release>/<fence>.json   to be done once the attempt with this fence is that release;
//!                                         holds the receipt
//! _sillage/receipts/<release>.json        the same, once the release is there
//! ```
//!
//! The order is put before the release is decided, and whoever settles the warehouse carries it out: an
//! erasure that was published ends in a purge, whatever happens to the process. Any process may do any
//! part of it any number of times, at once with others, and sleep at any point of it: what goes is older
//! than the release that the purge is about, or was listed before it was seen that nobody else had the
//! warehouse since, and is needed by no release from then on.

use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};

use object_store::path::Path;
use serde_json::Value;

use super::journal;
use super::location::Warehouse;
use super::lock::Lock;
use super::object::{log_version, number_of, numbered};
use super::release::{Origin, Release};
use super::shelf::{SHELVES, release_of_shelf};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::storage::fault_injection;
use crate::storage::listing::is_partial_upload;

const ORDERS: &str = "_sillage/purge";
const RECEIPTS: &str = "_sillage/receipts";

impl Warehouse {
    /// Orders the purge of everything before the release that this holder of the lock is about to publish.
    ///
    /// # Errors
    /// The order cannot be written.
    pub async fn order_purge(&self, lock: &Lock, release: u64, receipt: &Value) -> Result<()> {
        self.put_json(&order(release, lock.fence()), receipt).await
    }

    /// Carries out what was ordered; an order whose release never came is dropped.
    pub(super) async fn carry_out_purges(&self, lock: &Lock) -> Result<()> {
        for order in self.list_objects(ORDERS).await? {
            let Some((number, fence)) = place_of(&order) else { continue };
            let last = self.last_release_number().await?;
            if number > last {
                continue;
            }
            // One that is not there was taken by a later purge, and with it all that was before it.
            let ordered = match self.releases().await?.contains(&number) {
                true => self.release(number).await?,
                false => {
                    self.delete_object(&order).await?;
                    continue;
                }
            };
            if ordered.origin == Origin::Forget && ordered.attempt == fence {
                self.purge_by(lock, &order, number, last).await?;
            }
            self.delete_object(&order).await?;
        }
        Ok(())
    }

    async fn purge_by(&self, lock: &Lock, order: &Path, number: u64, last: u64) -> Result<()> {
        if let Some(mut receipt) = self.read_json::<Value>(order).await? {
            let earlier = self.releases().await?.into_iter().filter(|earlier| *earlier < last).count();
            receipt["releases_purged"] = Value::from(earlier);
            // The count of the first process is used by all.
            self.put_json_if_absent(&numbered(RECEIPTS, number), &receipt).await?;
        }
        let newest = self.release(last).await?;
        let Err(error) = self.purge(lock, &newest).await else { return Ok(()) };
        // The process that took over the warehouse has carried out the order.
        if self.read_json::<Value>(order).await?.is_none() {
            return Ok(());
        }
        Err(error.at("purging the releases before an erasure").hint(
            "the person is no longer in any table; the next command on this warehouse continues the purge",
        ))
    }

    /// Returns whether the purge of a release up to this one is ordered and not carried out.
    pub(super) async fn erasure_is_due(&self, last: u64) -> Result<bool> {
        let orders = self.list_objects(ORDERS).await?;
        Ok(orders.iter().filter_map(place_of).any(|(release, _)| release <= last))
    }

    /// Returns the last release that an erasure has been, or is about to be.
    pub(super) async fn last_erasure(&self) -> Result<Option<u64>> {
        let ordered = self.list_objects(ORDERS).await?;
        let done = self.list_objects(RECEIPTS).await?;
        let ordered = ordered.iter().filter_map(place_of).map(|(release, _)| release);
        Ok(ordered.chain(done.iter().filter_map(number_of)).max())
    }

    /// Returns the receipt of the erasure that a release was.
    ///
    /// # Errors
    /// A receipt that cannot be read or that is not JSON.
    pub async fn receipt(&self, release: u64) -> Result<Option<Value>> {
        self.read_json(&numbered(RECEIPTS, release)).await
    }

    /// Replaces the receipt of the erasure that a release was.
    ///
    /// # Errors
    /// The receipt cannot be written.
    pub async fn put_receipt(&self, release: u64, receipt: &Value) -> Result<()> {
        self.put_json(&numbered(RECEIPTS, release), receipt).await
    }

    /// Deletes all that this release, the last, does not need. Doing it again, after a crash, does only
    /// what is missing.
    async fn purge(&self, lock: &Lock, last: &Release) -> Result<()> {
        let unneeded = self.unneeded(std::slice::from_ref(last)).await?;
        let folder = self.storage().local_folder();
        let partial = match folder.clone() {
            Some(folder) => blocking(move || partial_uploads(&folder)).await?,
            None => Vec::new(),
        };
        // Until now no other process could start to write the listed files, whatever the clocks say.
        lock.still_held().await?;
        let releases = self.releases().await?;
        let earlier: Vec<u64> = releases.into_iter().filter(|number| *number < last.release).collect();
        self.delete_releases(&earlier).await?;
        for entry in self.list_objects(journal::FOLDER).await? {
            if journal::place_of(&entry).is_none_or(|(run, _)| run <= last.release) {
                self.delete_object(&entry).await?;
            }
        }
        for (name, version) in &last.tables {
            self.restart_log(name, *version).await?;
        }
        for object in unneeded {
            self.delete_object(&object.location).await?;
        }
        if let Some(folder) = folder {
            let shelf = last.last_published.unwrap_or(last.release);
            blocking(move || {
                for path in partial {
                    fault_injection::point("delete a partial file");
                    require_removed(std::fs::remove_file(&path))?;
                }
                sweep_shelves(&folder, shelf)
            })
            .await?;
        }
        Ok(())
    }

    /// Deletes partial uploads of dead processes, which no listing of a store shows.
    pub(super) async fn delete_partial_uploads(&self) -> Result<()> {
        let Some(folder) = self.storage().local_folder() else { return Ok(()) };
        blocking(move || {
            for path in partial_uploads(&folder)? {
                require_removed(std::fs::remove_file(&path))?;
            }
            Ok(())
        })
        .await
    }

    /// The log of a table as one checkpoint of this version, and the version's own entry. Later entries
    /// are others' and stay.
    async fn restart_log(&self, name: &TableName, version: u64) -> Result<()> {
        let log = format!("{}/_delta_log", name.folder());
        let checkpoint = Path::from(format!("{log}/{version:020}.checkpoint.parquet"));
        let entry = Path::from(format!("{log}/{version:020}.json"));
        let mut there = self.list_objects(&log).await?;
        if !there.contains(&checkpoint) {
            self.checkpoint(name, version).await?;
            there = self.list_objects(&log).await?;
            // Who slept over a later purge has just put back what that one took. (A release that was only
            // vacuumed leaves the log as it was, and the pointer to the checkpoint needs the checkpoint.)
            if !there.contains(&entry) {
                self.delete_object(&checkpoint).await?;
                return Err(Error::failed(format!(
                    "version {version} of {name} was purged by a later erasure"
                )));
            }
        }
        // Without it the table would be gone with its log.
        if !there.contains(&checkpoint) {
            return Err(Error::failed(format!("{name} has no checkpoint of version {version}")));
        }
        let goes = |path: &&Path| {
            **path != checkpoint && **path != entry && log_version(path).is_some_and(|of| of <= version)
        };
        for path in there.iter().filter(goes) {
            self.delete_object(path).await?;
        }
        Ok(())
    }
}

fn order(release: u64, fence: u64) -> Path {
    numbered(&format!("{ORDERS}/{release:020}"), fence)
}

/// Returns the release that an order is about, and the fence of the attempt that it is for.
fn place_of(order: &Path) -> Option<(u64, u64)> {
    let (release, _) = order.as_ref().strip_prefix(ORDERS)?.strip_prefix('/')?.split_once('/')?;
    Some((release.parse().ok()?, number_of(order)?))
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.doing(SWEEPING)?
}

const SWEEPING: &str = "clean the warehouse's folder";

/// Returns partial uploads, of dead or living processes, which no listing of a store shows.
fn partial_uploads(folder: &FilePath) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            entries => entries.doing(SWEEPING)?,
        };
        for entry in entries {
            let entry = entry.doing(SWEEPING)?;
            let is_folder = match entry.file_type() {
                Err(e) if e.kind() == ErrorKind::NotFound => continue,
                kind => kind.doing(SWEEPING)?.is_dir(),
            };
            // What processes at work have in their spill folders they delete themselves.
            if is_folder && !entry.path().ends_with("_sillage/spill") {
                folders.push(entry.path());
            } else if is_partial_upload(&entry.file_name().to_string_lossy()) {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Deletes the shelves of releases before this one.
fn sweep_shelves(folder: &FilePath, current: u64) -> Result<()> {
    let shelves = match std::fs::read_dir(folder.join(SHELVES)) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        shelves => shelves.doing(SWEEPING)?,
    };
    for shelf in shelves {
        let path = shelf.doing(SWEEPING)?.path();
        if release_of_shelf(&path).is_some_and(|release| release < current) {
            fault_injection::point("remove shelf");
            require_removed(std::fs::remove_dir_all(&path))?;
        }
    }
    Ok(())
}

/// Accepts a file that another process has already removed.
fn require_removed(removed: std::io::Result<()>) -> Result<()> {
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.doing(SWEEPING),
    }
}
