//! Artifacts: JSON files that a run writes for other tools.
//!
//! `_sillage/artifacts/<run>/<name>.json`. sillage never reads them: they may be deleted.

use object_store::ObjectStoreExt;
use object_store::path::Path;
use serde::Serialize;

use super::location::Warehouse;
use crate::error::{Context, Result};

impl Warehouse {
    /// Writes an artifact of a run, over an older one.
    ///
    /// # Errors
    /// The artifact cannot be written.
    pub async fn put_artifact(&self, run: u64, name: &str, value: &impl Serialize) -> Result<()> {
        self.put_json(&place(run, name), value).await
    }

    /// Returns whether the run has left the artifact.
    ///
    /// # Errors
    /// The store does not say whether it is there.
    pub async fn has_artifact(&self, run: u64, name: &str) -> Result<bool> {
        let path = place(run, name);
        match self.store().head(&path).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(e) => Err(e).doing(format!("look for {path}")),
        }
    }
}

fn place(run: u64, name: &str) -> Path {
    Path::from(format!("{}/{name}.json", folder(run)))
}

/// Returns the folder of a run's artifacts.
pub(super) fn folder(run: u64) -> String {
    format!("_sillage/artifacts/{run}")
}
