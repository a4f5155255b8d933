//! Small JSON objects of the warehouse: read, put, put only if absent, list, delete.

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode, PutOptions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::location::Warehouse;
use crate::error::{Context, Error, Result};

impl Warehouse {
    /// Returns the object as JSON; `None` if it does not exist.
    pub(super) async fn read_json<T: DeserializeOwned>(&self, path: &Path) -> Result<Option<T>> {
        let bytes = match self.store().get(path).await {
            Ok(found) => found.bytes().await.doing(format!("read {path}"))?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(e) => return Err(e).doing(format!("read {path}")),
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| {
                Error::failed(format!("{path} is not what sillage writes there"))
                    .caused_by(e)
                    .hint(damaged_hint(path))
            })
            .map_err(|e| e.at(format!("warehouse {}", self.location())))
    }

    /// Writes the object whole, over an older one.
    pub(super) async fn put_json<T: Serialize>(&self, path: &Path, value: &T) -> Result<()> {
        let bytes = serde_json::to_vec_pretty(value).doing(format!("write {path}"))?;
        self.store().put(path, bytes.into()).await.doing(format!("write {path}"))?;
        Ok(())
    }

    /// Writes the object unless it exists; returns whether the existing object is ours.
    ///
    /// A store whose first answer was lost is asked again by its client and says that the object
    /// exists: it is ours all the same, so what is put here must tell its writer from any other.
    pub(super) async fn put_json_if_absent<T: Serialize>(&self, path: &Path, value: &T) -> Result<bool> {
        let doing = || format!("write {path}");
        let bytes = Bytes::from(serde_json::to_vec_pretty(value).doing(doing())?);
        let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store().put_opts(path, bytes.clone().into(), create).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                match self.store().get(path).await {
                    Ok(there) => Ok(there.bytes().await.doing(doing())? == bytes),
                    // Deleted since: it belonged to another process.
                    Err(object_store::Error::NotFound { .. }) => Ok(false),
                    Err(e) => Err(e).doing(doing()),
                }
            }
            Err(e) => Err(e).doing(doing()),
        }
    }

    /// Returns the objects below a folder, in path order.
    pub(super) async fn list_objects(&self, folder: &str) -> Result<Vec<Path>> {
        let mut paths: Vec<Path> = self
            .store()
            .list(Some(&Path::from(folder)))
            .map_ok(|meta| meta.location)
            .try_collect()
            .await
            .doing(format!("list {folder} of the warehouse"))?;
        paths.sort();
        Ok(paths)
    }

    /// Some object of the warehouse's place, hidden ones aside; `None` when it is empty.
    pub(super) async fn first_visible_object(&self) -> Result<Option<Path>> {
        let mut objects = self.store().list(None);
        while let Some(meta) =
            objects.try_next().await.doing(format!("list the folder {}", self.location()))?
        {
            if !meta.location.parts().any(|part| part.as_ref().starts_with('.')) {
                return Ok(Some(meta.location));
            }
        }
        Ok(None)
    }

    /// Deletes an object; one that is already gone is not an error.
    pub(super) async fn delete_object(&self, path: &Path) -> Result<()> {
        match self.store().delete(path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(e) => Err(e).doing(format!("delete {path}")),
        }
    }

    /// Deletes what was staged and is in no journal.
    pub(super) async fn delete_unjournaled(&self) -> Result<()> {
        for file in self.unjournaled.take() {
            self.delete_object(&Path::from(file)).await?;
        }
        Ok(())
    }
}

/// Returns what to do about a journal, by the name of its folder, that cannot be read.
pub(super) fn interrupted_hint(run: &str) -> String {
    format!(
        "it belongs to an interrupted run that published nothing: delete _sillage/journal/{run} and run again"
    )
}

fn damaged_hint(path: &Path) -> String {
    match path.as_ref().strip_prefix("_sillage/journal/").and_then(|rest| rest.split_once('/')) {
        // Readers never look there.
        Some((run, file)) if file != "intent.json" => interrupted_hint(run),
        _ => "something other than sillage changed or truncated it; restore the warehouse from a \
         backup"
            .to_owned(),
    }
}

/// Returns the number in a file name like `00000000000000000042.json`.
pub(super) fn number_of(path: &Path) -> Option<u64> {
    path.filename()?.strip_suffix(".json")?.parse().ok()
}

/// Returns a path whose names sort as their numbers do.
pub(super) fn numbered(folder: &str, number: u64) -> Path {
    Path::from(format!("{folder}/{number:020}.json"))
}

/// Returns the version of an entry or a checkpoint of a Delta log. The pointer to the last checkpoint has
/// none: it is a hint that readers do without.
pub(super) fn log_version(path: &Path) -> Option<u64> {
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
