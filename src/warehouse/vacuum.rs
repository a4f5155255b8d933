//! Vacuum: deletes the releases that are no longer kept, and every file that no kept release needs.
//!
//! A file is needed if a kept release reads it: it is in the oldest kept version of its table, or was added
//! since. Releases that were the last one within the grace period are kept, for readers in the middle of a
//! scan. The age of a file does not matter: it may be from last year and have been read until a second ago.
//!
//! The vacuum publishes a release first: files staged by an interrupted or sleeping run can then no longer be
//! published, so they may be deleted. Then releases are deleted, so that nobody can restore them. Then files
//! are listed, and after that the vacuum checks that it still holds the lock: no other process can have
//! started to write or restore these files. So sleeping at any point does no harm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};

use super::location::Warehouse;
use super::lock::Wait;
use super::object::numbered;
use super::release::{Origin, Release};
use crate::clock;
use crate::error::{Context, Result};
use crate::name::TableName;

/// What stays.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// The newest releases, at least one; the one that readers see always stays.
    pub releases: usize,
    /// Releases that were the last one until less than this ago stay, for those who read them.
    pub grace: Duration,
}

/// What a vacuum deleted, or would.
#[derive(Debug, Default)]
pub struct Vacuumed {
    pub releases: Vec<u64>,
    pub files: usize,
    pub bytes: u64,
}

impl Warehouse {
    /// Deletes what the retention does not keep; with `dry_run` only reports it.
    ///
    /// # Errors
    /// `Locked` when another process holds the warehouse, or took it over meanwhile; no release yet; releases
    /// and files that cannot be listed, read or deleted.
    pub async fn vacuum(&self, retention: Retention, dry_run: bool, wait: Wait) -> Result<Vacuumed> {
        self.holding(wait, async |lock| {
            self.recover(lock).await?;
            let last = self.require_last_release().await?;
            if !dry_run {
                self.publish(lock, self.upkeep(&last, Origin::Vacuum, Vec::new()).await?).await?;
            }
            let (kept, expired) = self.expired(retention).await?;
            if !dry_run {
                self.delete_releases(&expired).await?;
            }
            let unneeded = self.unneeded(&kept).await?;
            let vacuumed = Vacuumed {
                releases: expired,
                files: unneeded.len(),
                bytes: unneeded.iter().map(|object| object.size).sum(),
            };
            if !dry_run {
                lock.still_held().await?;
                for object in unneeded {
                    self.delete_object(&object.location).await?;
                }
            }
            Ok(vacuumed)
        })
        .await
    }

    /// Returns the releases that are kept, and the numbers of the others in ascending order.
    async fn expired(&self, retention: Retention) -> Result<(Vec<Release>, Vec<u64>)> {
        let numbers = self.releases().await?;
        let newest = numbers.len().saturating_sub(retention.releases.max(1));
        let last = self.require_last_release().await?;
        let (mut kept, mut expired) = (Vec::new(), Vec::new());
        let now = clock::now();
        // From the newest on: a release was the last one until the next was published.
        let mut published_next = now;
        for (place, number) in numbers.into_iter().enumerate().rev() {
            let release = self.release(number).await?;
            let last_until = std::mem::replace(&mut published_next, release.published_at);
            // A clock that was ahead must not take from readers what they read.
            let for_long = now.signed_duration_since(last_until).to_std().unwrap_or_default();
            if place >= newest || last.last_published == Some(number) || for_long < retention.grace {
                kept.push(release);
            } else {
                expired.push(number);
            }
        }
        expired.reverse();
        Ok((kept, expired))
    }

    /// Deletes releases and what their runs left; their files stay.
    pub(super) async fn delete_releases(&self, numbers: &[u64]) -> Result<()> {
        for number in numbers {
            self.delete_object(&numbered(super::release::FOLDER, *number)).await?;
            for artifact in self.list_objects(&super::artifact::folder(*number)).await? {
                self.delete_object(&artifact).await?;
            }
        }
        Ok(())
    }

    /// Returns the data files that exist and that none of the releases needs.
    pub(super) async fn unneeded(&self, kept: &[Release]) -> Result<Vec<ObjectMeta>> {
        let needed = self.needed(kept).await?;
        let mut objects = self.store().list(None);
        let mut unneeded = Vec::new();
        while let Some(object) = objects.try_next().await.doing("list the warehouse")? {
            if is_data(&object.location) && !needed.contains(object.location.as_ref()) {
                unneeded.push(object);
            }
        }
        Ok(unneeded)
    }

    /// Returns the files that the releases read, below the warehouse.
    async fn needed(&self, releases: &[Release]) -> Result<BTreeSet<String>> {
        let mut versions: BTreeMap<&TableName, (u64, u64)> = BTreeMap::new();
        for (name, version) in releases.iter().flat_map(|release| &release.tables) {
            let span = versions.entry(name).or_insert((*version, *version));
            *span = (span.0.min(*version), span.1.max(*version));
        }
        let mut needed = BTreeSet::new();
        for (name, (oldest, newest)) in versions {
            let folder = name.folder();
            if let Some(table) = self.table(name, oldest).await? {
                needed.extend(table.files().iter().map(|file| format!("{folder}/{file}")));
            }
            for version in oldest + 1..=newest {
                needed.extend(
                    self.added_by(name, version).await?.into_iter().map(|file| format!("{folder}/{file}")),
                );
            }
        }
        Ok(needed)
    }
}

/// Returns a data file of a table: neither ours (`_sillage`), nor the shelf, nor a log.
fn is_data(path: &Path) -> bool {
    let parts: Vec<_> = path.parts().collect();
    let data = parts.len() == 3 && path.extension() == Some("parquet");
    data && parts[0].as_ref() != "bi" && !parts.iter().any(|part| part.as_ref().starts_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_data_files_of_tables_may_go() {
        for (path, data) in [
            ("raw/pos/part-1.parquet", true),
            ("raw/pos/_delta_log/00000000000000000020.checkpoint.parquet", false),
            ("raw/pos/_delta_log/00000000000000000020.json", false),
            ("bi/mart/segments.parquet", false),
            ("_sillage/shelf/00000000000000000001/mart/segments.parquet", false),
            ("raw/pos/notes.txt", false),
            ("notes.parquet", false),
        ] {
            assert_eq!(is_data(&Path::from(path)), data, "{path}");
        }
    }
}
