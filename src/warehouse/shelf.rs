//! The shelf: every `mart` table as one plain Parquet file, all of one release, for any BI tool.
//!
//! On a folder, `bi` is a link to `_sillage/shelf/<release>-<unique>` that one rename replaces, so that all
//! files change together for every reader; a table of one file is hard-linked, not copied; the previous
//! shelf stays for readers in mid-scan. Whoever switches the link has built the shelf that it points to:
//! what lies there already may be half of something, or anybody's. On an object store each file is put
//! whole, one after another, and a marker with the release last.

use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};

use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use parquet::arrow::ArrowWriter;
use serde::{Deserialize, Serialize};

use super::location::Warehouse;
use super::release::Release;
use super::table::Table;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::storage::{self, fault_injection};

/// Only these schemas are for BI tools.
const SHELVED: &str = "mart";
/// Where the shelves of a local warehouse are.
pub(super) const SHELVES: &str = "_sillage/shelf";

impl Warehouse {
    /// Brings the shelf to the newest release whose tables were published; doing it again, or at
    /// once with others, is harmless.
    pub(super) async fn switch_shelf(&self) -> Result<()> {
        let mut shelved = None;
        // A writer that slept between its look and its switch may have put an older shelf over a
        // newer one: whoever switches looks again after it.
        loop {
            let Some(number) = self.last_release().await?.and_then(|last| last.last_published) else {
                return Ok(());
            };
            if shelved == Some(number) {
                return Ok(());
            }
            self.shelve(&self.release(number).await?).await.map_err(|e| e.at("the shelf bi/"))?;
            shelved = Some(number);
        }
    }

    /// Returns the release whose tables are on the shelf, as its marker says.
    pub(super) async fn shelved_release(&self) -> Result<Option<u64>> {
        let marker: Option<Marker> = self.read_json(&Path::from("bi/release.json")).await?;
        Ok(marker.map(|marker| marker.release))
    }

    /// Puts the tables of the release on the shelf.
    pub(super) async fn shelve(&self, release: &Release) -> Result<()> {
        let mut tables = Vec::new();
        for (name, version) in release.tables.iter().filter(|(name, _)| name.schema() == SHELVED) {
            if let Some(table) = self.table(name, *version).await? {
                tables.push(table);
            }
        }
        match self.storage().local_folder() {
            Some(folder) => {
                let release = release.clone();
                tokio::task::spawn_blocking(move || switch_link(&folder, &release, &tables))
                    .await
                    .doing("switch the shelf")?
            }
            None => self.put_shelf(release, &tables).await,
        }
    }

    async fn put_shelf(&self, release: &Release, tables: &[Table]) -> Result<()> {
        for table in tables {
            let to = Path::from(format!("bi/{}.parquet", table.name.folder()));
            match single_file(table)? {
                Some(file) => {
                    let from = Path::parse(format!("{}/{file}", table.name.folder())).doing("read a path")?;
                    self.store().copy(&from, &to).await.doing(format!("put {to}"))?;
                }
                None => {
                    let bytes = empty_parquet(table)?;
                    self.store().put(&to, PutPayload::from(bytes)).await.doing(format!("put {to}"))?;
                }
            }
        }
        self.put_json(&Path::from("bi/release.json"), &marker(release)).await
    }
}

/// Names the release whose tables are on the shelf.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Marker {
    release: u64,
    /// The attempt that the release was decided for.
    #[serde(default)]
    attempt: u64,
    as_of: Instant,
    pipeline: String,
}

fn marker(release: &Release) -> Marker {
    Marker {
        release: release.release,
        attempt: release.attempt,
        as_of: release.as_of,
        pipeline: release.pipeline.clone(),
    }
}

/// Returns the table's one file; `None` when it is empty.
fn single_file(table: &Table) -> Result<Option<&Path>> {
    match table.files() {
        [] => Ok(None),
        [file] => Ok(Some(file)),
        files => {
            Err(Error::failed(format!("{} has {} files; a mart is written as one", table.name, files.len())))
        }
    }
}

fn switch_link(folder: &FilePath, release: &Release, tables: &[Table]) -> Result<()> {
    let shelves = folder.join(SHELVES);
    let marker = marker(release);
    let before = match std::fs::read_link(folder.join("bi")) {
        Ok(target) => Some(target),
        // Nothing is there, or no link.
        Err(e) if [ErrorKind::NotFound, ErrorKind::InvalidInput].contains(&e.kind()) => None,
        Err(e) => return Err(e).doing("look at the link `bi`"),
    };
    if shows(folder, before.as_deref(), &marker)? {
        return Ok(());
    }
    let unique = uuid::Uuid::new_v4().simple();
    let name = format!("{:020}-{unique}", release.release);
    let shelf = shelves.join(&name);
    fault_injection::point("make shelf");
    std::fs::create_dir_all(&shelves).and_then(|()| std::fs::create_dir(&shelf)).doing("make the shelf")?;
    for table in tables {
        put_file(folder, &shelf, table)?;
    }
    let text = serde_json::to_vec_pretty(&marker).doing("write the shelf's marker")?;
    let file = shelf.join(MARKER);
    fault_injection::point("write shelf marker");
    std::fs::write(&file, text).doing("write the shelf's marker")?;
    sync_to_disk(&file)?;
    sync_to_disk(&shelf)?;
    let link = shelves.join(format!("{name}.link"));
    fault_injection::point("symlink");
    // Deleted by a process that published while this one slept.
    if !shelf.try_exists().doing("look at the shelf")? {
        return Ok(());
    }
    symlink(&FilePath::new(SHELVES).join(&name), &link).doing("make the link `bi`")?;
    fault_injection::point("rename link");
    let switched = std::fs::rename(&link, folder.join("bi"));
    fault_injection::point("fsync link");
    match switched.and_then(|()| storage::sync_to_disk(&folder.join("bi"))) {
        // While this process slept, later releases came, and swept its shelf away: whoever switches looks
        // again.
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        switched => switched.doing("switch the link `bi`")?,
    }
    sweep(&shelves, release.release, before.as_deref())
}

const MARKER: &str = "release.json";

/// Returns whether the link `bi`, which points there, shows this release already.
fn shows(folder: &FilePath, target: Option<&FilePath>, marker: &Marker) -> Result<bool> {
    let Some(target) = target.filter(|target| target.parent() == Some(FilePath::new(SHELVES))) else {
        return Ok(false);
    };
    match std::fs::read(folder.join(target).join(MARKER)) {
        Ok(text) => Ok(serde_json::from_slice::<Marker>(&text).is_ok_and(|shown| shown == *marker)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e).doing("look at the shelf"),
    }
}

/// Returns the release that a folder of [`SHELVES`], or a link that was left there, is of.
pub(super) fn release_of_shelf(path: &FilePath) -> Option<u64> {
    path.file_name()?.to_str()?.split('-').next()?.parse().ok()
}

/// Syncs a file, or the names in a folder, and its own name to the disk.
fn sync_to_disk(path: &FilePath) -> Result<()> {
    storage::sync_to_disk(path).doing("bring the shelf to the disk")
}

fn put_file(folder: &FilePath, shelf: &FilePath, table: &Table) -> Result<()> {
    let to = shelf.join(format!("{}.parquet", table.name.folder()));
    let parent = to.parent().map(FilePath::to_path_buf).unwrap_or_default();
    std::fs::create_dir_all(parent).doing("make the shelf")?;
    match single_file(table)? {
        Some(file) => {
            let from: PathBuf = folder.join(table.name.folder()).join(file.as_ref());
            // Links save the copy; some file systems have none.
            fault_injection::point("link to shelf");
            if std::fs::hard_link(&from, &to).is_err() {
                std::fs::copy(&from, &to).doing(format!("copy {} to the shelf", table.name))?;
            }
        }
        None => {
            std::fs::write(&to, empty_parquet(table)?).doing(format!("write {} to the shelf", table.name))?
        }
    }
    Ok(())
}

/// Returns a file without rows, with the columns: a BI tool's report must not break on an empty night.
fn empty_parquet(table: &Table) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    ArrowWriter::try_new(&mut bytes, table.described_schema(), None)
        .and_then(ArrowWriter::close)
        .doing(format!("write the empty table {}", table.name))?;
    Ok(bytes)
}

/// Deletes the shelves of releases before this one, but for the one that was shown until now: readers may
/// be in the midst of it. What others build of this release goes with the next.
fn sweep(shelves: &FilePath, current: u64, shown_before: Option<&FilePath>) -> Result<()> {
    let doing = "list the shelves";
    for entry in std::fs::read_dir(shelves).doing(doing)? {
        let path = entry.doing(doing)?.path();
        let is_older = release_of_shelf(&path).is_some_and(|number| number < current);
        if is_older && shown_before.and_then(FilePath::file_name) != path.file_name() {
            fault_injection::point("remove shelf");
            remove_folder(&path)?;
        }
    }
    Ok(())
}

fn remove_folder(path: &FilePath) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(e).doing("sweep an old shelf"),
    }
}

#[cfg(unix)]
fn symlink(target: &FilePath, link: &FilePath) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &FilePath, link: &FilePath) -> std::io::Result<()> {
    std::os::windows::fs::symlink_dir(target, link)
}
