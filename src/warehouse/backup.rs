//! Backup: copies the last release to another place, which is then a warehouse of its own.
//!
//! It needs no lock: the files of a release never change. Everything outside the release (a log entry that a
//! run is writing, staged files, earlier releases) is not copied. At the end the backup checks that the
//! release still exists: releases are deleted before their files, so until then no file was deleted. The
//! shelf is copied before the release file: an interrupted copy is a warehouse without a release, or has this
//! one, and the next backup to the same place first deletes what does not belong to it. If an erasure
//! finishes during the copy, the copy is deleted, since the person may be in it.

use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, WriteMultipart};

use super::location::Warehouse;
use super::object::log_version;
use super::release::Release;
use crate::error::{Context, Error, Result};
use crate::name::TableName;

/// Larger files are copied part by part.
const PART_BYTES: u64 = 16 << 20;
const COPIES_AT_ONCE: usize = 8;
const GONE_MEANWHILE: &str = "the copy is not complete: back up to the same place again";

/// What was copied.
#[derive(Debug)]
pub struct Backup {
    pub release: Release,
    pub files: usize,
    pub bytes: u64,
}

/// How far a backup got at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupState {
    /// Nothing is copied yet.
    NotBegun,
    /// What was copied is deleted.
    Unfinished,
    Whole,
}

impl Warehouse {
    /// Copies the last release to an empty place: a folder or an object store.
    ///
    /// # Errors
    /// When a release is there already; a release that is vacuumed or purged while it is copied; an erasure
    /// meanwhile, which leaves nothing of the copy.
    pub async fn backup(&self, to: &str) -> Result<Backup> {
        let release = self.require_last_release().await?;
        // A run that failed left its record alone: the tables and the shelf are those of this one.
        let published = match release.last_published {
            Some(number) if number != release.release => Some(self.release(number).await?),
            _ => None,
        };
        let target = Warehouse::open_or_create(to).await?;
        if let Some(there) = target.last_release().await? {
            // A backup that was interrupted at its very end, and nothing since.
            let is_begun: Option<serde_json::Value> = target.read_json(&begun_path()).await?;
            if is_begun.is_none() || !published.iter().chain([&release]).any(|ours| *ours == there) {
                return Err(Error::config(format!(
                    "{to} is already a warehouse, with release {}",
                    there.release
                ))
                .hint("use a separate place for each backup"));
            }
        }
        // From here on the place is a backup's alone: whatever fails may empty it.
        target.begin_backup().await?;
        let copied = self.copy_release(&target, published, release.clone()).await;
        if copied.is_ok() {
            return copied;
        }
        let Err(erasure) = self.require_no_erasure_since(Some(release.release)).await else { return copied };
        target
            .empty_backup()
            .await
            .map_err(|e| e.hint(format!("{to} may contain a person who was erased meanwhile: delete it")))?;
        Err(erasure.at(to).hint("the copy was deleted: back up again when `sillage forget` has finished"))
    }

    async fn copy_release(
        &self,
        target: &Warehouse,
        published: Option<Release>,
        release: Release,
    ) -> Result<Backup> {
        let mut paths = BTreeSet::new();
        for of in published.iter().chain([&release]) {
            for (name, version) in &of.tables {
                paths.extend(self.files_of(name, *version).await?);
            }
        }
        // Of one that was interrupted what belongs to this release stays.
        target.delete_all_but(&paths).await?;
        let copies = paths.iter().map(|path| self.copy_to(target, path));
        let bytes: u64 = futures::stream::iter(copies)
            .buffer_unordered(COPIES_AT_ONCE)
            .try_fold(0, |sum, bytes| async move { Ok(sum + bytes) })
            .await
            .map_err(|e| e.hint(GONE_MEANWHILE))?;
        let shown = published.as_ref().or(release.last_published.is_some().then_some(&release));
        if let Some(shown) = shown {
            target.shelve(shown).await?;
        }
        // As late as can be: until here the copy is not a warehouse yet.
        if !self.releases().await?.contains(&release.release) {
            return Err(Error::failed(format!(
                "release {} was deleted by a vacuum or an erasure while it was copied",
                release.release
            ))
            .hint(GONE_MEANWHILE));
        }
        for of in published.iter().chain([&release]) {
            target.write_release(of).await?;
        }
        self.require_no_erasure_since(Some(release.release)).await?;
        // Until here the next backup to this place begins again, and an erasure deletes what it finds there.
        target.delete_object(&begun_path()).await?;
        // From here on it cleans a copy that is whole.
        self.require_no_erasure_since(Some(release.release)).await?;
        Ok(Backup { release, files: paths.len(), bytes })
    }

    /// Returns the files of a table at a version, and its log up to there.
    async fn files_of(&self, name: &TableName, version: u64) -> Result<Vec<String>> {
        let folder = name.folder();
        let Some(table) = self.table(name, version).await? else {
            return Err(Error::failed(format!("the table {name} does not exist at version {version}"))
                .hint("its _delta_log was deleted; restore the warehouse from an earlier backup"));
        };
        self.verify_files(&table).await?;
        let log = self.list_objects(&format!("{folder}/_delta_log")).await?;
        let of_release = |path: &Path| log_version(path).is_some_and(|entry| entry <= version);
        let files = table.files().iter().map(|file| format!("{folder}/{file}"));
        Ok(files.chain(log.into_iter().filter(of_release).map(|path| path.to_string())).collect())
    }

    /// Deletes what a backup that is being made, or was interrupted, has copied to the place so far. Who
    /// still makes it sees the erasure that this is for, and ends without a copy.
    ///
    /// # Errors
    /// A place that cannot be opened, listed or emptied.
    pub async fn delete_unfinished_backup(location: &str) -> Result<BackupState> {
        let place = Warehouse::at(location)?;
        if place.read_json::<serde_json::Value>(&begun_path()).await?.is_some() {
            place.delete_all_but(&BTreeSet::new()).await?;
            return Ok(BackupState::Unfinished);
        }
        let is_empty = place.all_objects().await?.iter().all(|path| *path == super::format::path());
        Ok(if is_empty { BackupState::NotBegun } else { BackupState::Whole })
    }

    /// Marks the place, which has no release, as a backup that is being made.
    async fn begin_backup(&self) -> Result<()> {
        let objects = self.all_objects().await?;
        if !objects.contains(&begun_path())
            && let Some(other) = objects.iter().find(|path| **path != super::format::path())
        {
            return Err(Error::config(format!(
                "{} is a warehouse in which a run has started: it contains {other}",
                self.location()
            ))
            .hint("use a separate place for each backup"));
        }
        self.put_json(&begun_path(), &serde_json::json!({})).await
    }

    /// Deletes what was copied. Where the copy was whole a moment ago it is marked as begun first.
    async fn empty_backup(&self) -> Result<()> {
        self.put_json(&begun_path(), &serde_json::json!({})).await?;
        self.delete_all_but(&BTreeSet::new()).await
    }

    /// Deletes everything but these files, and what says that this is a backup that is being made.
    async fn delete_all_but(&self, kept: &BTreeSet<String>) -> Result<()> {
        let ours = [super::format::path(), begun_path()];
        for path in self.all_objects().await? {
            if !ours.contains(&path) && !kept.contains(path.as_ref()) {
                self.delete_object(&path).await?;
            }
        }
        self.delete_partial_uploads().await
    }

    async fn all_objects(&self) -> Result<Vec<Path>> {
        let objects = self.store().list(None).map_ok(|object| object.location);
        objects.try_collect().await.doing("list the place of the backup")
    }

    async fn copy_to(&self, target: &Warehouse, path: &str) -> Result<u64> {
        let doing = || format!("copy {path}");
        let path = Path::parse(path).doing(doing())?;
        let found = self.store().get(&path).await.doing(doing())?;
        let size = found.meta.size;
        if size <= PART_BYTES {
            target.store().put(&path, found.bytes().await.doing(doing())?.into()).await.doing(doing())?;
            return Ok(size);
        }
        let mut upload = WriteMultipart::new(target.store().put_multipart(&path).await.doing(doing())?);
        let mut parts = found.into_stream();
        while let Some(part) = parts.try_next().await.doing(doing())? {
            upload.wait_for_capacity(4).await.doing(doing())?;
            upload.write(&part);
        }
        upload.finish().await.doing(doing())?;
        Ok(size)
    }
}

/// Says that the place is not a whole copy yet.
fn begun_path() -> Path {
    Path::from("_sillage/backup.json")
}
