//! Backup: the last release copied to another place, where it is a warehouse of its own.
//!
//! Needs no lock: the files of a release never change, and no vacuum takes those of the last one.
//! What lies beyond the release (a log that a run is just writing, staged files, earlier releases)
//! stays behind, so the copy is whole whatever happens meanwhile. The release file is written last:
//! a copy that was cut off is a warehouse without a release, and is begun again.

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStoreExt, WriteMultipart};

use super::Warehouse;
use super::release::Release;
use crate::error::{Context, Error, Result};

/// Larger files are copied part by part.
const PART_BYTES: u64 = 16 << 20;
const COPIES_AT_ONCE: usize = 8;

/// What was copied.
#[derive(Debug)]
pub struct Backup {
    pub release: Release,
    pub files: usize,
    pub bytes: u64,
}

impl Warehouse {
    /// Copies the last release to an empty place: a folder or an object store.
    ///
    /// # Errors
    /// When a release is there already.
    pub async fn backup(&self, to: &str) -> Result<Backup> {
        let release = self.require_last_release().await?;
        let target = Warehouse::open_or_create(to).await?;
        if let Some(there) = target.last_release().await? {
            return Err(Error::config(format!("{to} is a warehouse with release {} already", there.release))
                .hint("give each backup a place of its own"));
        }
        let mut paths = Vec::new();
        for (name, version) in &release.tables {
            let folder = name.folder();
            let Some(table) = self.table(name, *version).await? else {
                return Err(Error::failed(format!("the table {name} is not there at version {version}"))
                    .hint("its _delta_log was deleted; restore the warehouse from an earlier backup"));
            };
            self.verify_files(&table).await?;
            paths.extend(table.files().iter().map(|file| format!("{folder}/{file}")));
            let log = self.list_objects(&format!("{folder}/_delta_log")).await?;
            let of_release = |path: &Path| log_version(path).is_some_and(|entry| entry <= *version);
            paths.extend(log.into_iter().filter(of_release).map(|path| path.to_string()));
        }
        let copies = paths.iter().map(|path| self.copy_to(&target, path));
        let bytes: u64 = futures::stream::iter(copies)
            .buffer_unordered(COPIES_AT_ONCE)
            .try_fold(0, |sum, bytes| async move { Ok(sum + bytes) })
            .await?;
        target.write_release(&release).await?;
        target.switch_shelf().await?;
        Ok(Backup { release, files: paths.len(), bytes })
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

/// The version of an entry or a checkpoint of a Delta log. The pointer to the last checkpoint has
/// none: it is a hint that a copy does without.
fn log_version(path: &Path) -> Option<u64> {
    path.filename()?.get(..20)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_and_checkpoints_have_a_version() {
        let version = |name: &str| log_version(&Path::from(format!("raw/pos/_delta_log/{name}")));
        assert_eq!(version("00000000000000000012.json"), Some(12));
        assert_eq!(version("00000000000000000020.checkpoint.parquet"), Some(20));
        assert_eq!(version("_last_checkpoint"), None);
    }
}
