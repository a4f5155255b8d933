//! Artifacts: what a run leaves for other tools, as JSON files beside the releases.
//!
//! `_sillage/artifacts/<run>/<name>.json`. Nothing in sillage reads them: they may be deleted.

use object_store::path::Path;
use serde::Serialize;

use super::Warehouse;
use crate::error::Result;

impl Warehouse {
    /// Writes an artifact of a run, over an older one.
    pub async fn put_artifact(&self, run: u64, name: &str, value: &impl Serialize) -> Result<()> {
        self.put_json(&Path::from(format!("{}/{name}.json", folder(run))), value).await
    }
}

/// Where the artifacts of a run lie.
pub(super) fn folder(run: u64) -> String {
    format!("_sillage/artifacts/{run}")
}
