//! Releases: which version of which table a run published together.
//!
//! Grain: one file `_sillage/releases/<number>.json` a release, never changed once written. The
//! number is also the number of the run that made it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Warehouse;
use super::object::{number_of, numbered};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::name::TableName;

const FOLDER: &str = "_sillage/releases";

/// What a run's end left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All its tables were published.
    Published,
    /// Only its record in `ops` was: every other table stands as before.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    pub release: u64,
    pub pipeline: String,
    pub as_of: Instant,
    pub outcome: Outcome,
    pub published_at: Instant,
    /// Delta version by table.
    pub tables: BTreeMap<TableName, u64>,
    /// The newest release up to this one whose outcome was `Published`.
    pub last_published: Option<u64>,
}

impl Warehouse {
    /// The numbers of all releases, ascending.
    pub async fn releases(&self) -> Result<Vec<u64>> {
        Ok(self.list_objects(FOLDER).await?.iter().filter_map(number_of).collect())
    }

    pub async fn release(&self, number: u64) -> Result<Release> {
        match self.read_json(&numbered(FOLDER, number)).await? {
            Some(release) => Ok(release),
            None => Err(Error::config(format!("the warehouse has no release {number}"))
                .hint("`sillage releases` lists them")),
        }
    }

    /// The last release; `None` before the first.
    pub async fn last_release(&self) -> Result<Option<Release>> {
        match self.releases().await?.last() {
            Some(number) => self.release(*number).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn write_release(&self, release: &Release) -> Result<()> {
        let path = numbered(FOLDER, release.release);
        if self.put_json_if_absent(&path, release).await? {
            return Ok(());
        }
        // Rolling forward after a crash meets its own release; anybody else's is a broken lock.
        let there: Release = self.release(release.release).await?;
        if there.tables == release.tables {
            return Ok(());
        }
        Err(Error::failed(format!("release {} was already published by another run", release.release))
            .hint("two runs held the warehouse at once; look at `sillage releases` before the next run"))
    }
}
