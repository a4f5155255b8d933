//! Releases: which version of which table a run published together.
//!
//! Grain: one file `_sillage/releases/<number>.json` a release, never changed once written. The
//! numbers have no gaps; a run has the number of the release it makes.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::location::Warehouse;
use super::object::{number_of, numbered};
use super::visibility::Visibility;
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::name::TableName;

pub(super) const FOLDER: &str = "_sillage/releases";

/// What a run's end left after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All its tables were published.
    Published,
    /// Only its record in `ops` was published: all other tables are unchanged.
    Failed,
}

/// What made a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Run,
    Restore {
        /// Whose tables it has.
        release: u64,
    },
    Optimize,
    Vacuum,
    /// A run that took a person out.
    Forget,
    /// Refused records that need no more be waited for.
    Dismiss,
    /// The tables of the history with the columns of today.
    Migrate {
        /// The format that the warehouse had.
        from: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Release {
    pub release: u64,
    /// The fence of the attempt that decided it.
    pub attempt: u64,
    pub pipeline: String,
    pub as_of: Instant,
    pub outcome: Outcome,
    pub origin: Origin,
    pub published_at: Instant,
    /// Delta version by table.
    pub tables: BTreeMap<TableName, u64>,
    /// The newest release up to this one whose outcome was `Published`.
    pub last_published: Option<u64>,
    /// What the run had been asked for, as a hash, when its steps were rehearsed: asked the same again, they need not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rehearsed: Option<String>,
    /// How its tables are read.
    #[serde(default)]
    pub reading: Reading,
}

/// How a reader who has no pipeline at hand sees the raw tables as the release's models saw them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The as-of instant of the tables; a failed run does not change it.
    pub as_of: Option<Instant>,
    /// The time zone of the pipeline's days.
    pub timezone: Option<String>,
    /// The rules of the raw tables.
    pub tables: BTreeMap<TableName, Visibility>,
    /// The columns that exports of target lists add; none known of what an older sillage published.
    #[serde(default)]
    pub lists: Option<BTreeMap<String, ListColumns>>,
}

/// The columns that an export of a target list adds to those of every list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ListColumns {
    /// Tables that are joined by `customer_id`, the base first.
    pub from: Vec<TableName>,
    /// Columns of these, as the audience names them.
    pub export: Vec<String>,
    /// How rows of these become known, where not at once.
    #[serde(default)]
    pub visibility: BTreeMap<TableName, Visibility>,
}

impl Reading {
    pub fn zone(&self) -> Tz {
        self.timezone.as_deref().and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC)
    }
}

impl Release {
    /// Returns the as-of instant of its tables.
    pub fn instant(&self) -> Instant {
        self.reading.as_of.unwrap_or(self.as_of)
    }
}

impl Warehouse {
    /// Returns the numbers of all releases, ascending.
    ///
    /// # Errors
    /// The releases cannot be listed.
    pub async fn releases(&self) -> Result<Vec<u64>> {
        Ok(self.list_objects(FOLDER).await?.iter().filter_map(number_of).collect())
    }

    /// Returns the release of a number.
    ///
    /// # Errors
    /// No release of this number, or a file that is not what sillage writes there.
    pub async fn release(&self, number: u64) -> Result<Release> {
        match self.read_json(&numbered(FOLDER, number)).await? {
            Some(release) => Ok(release),
            None => Err(Error::config(format!("the warehouse has no release {number}"))
                .hint("`sillage releases` lists them")),
        }
    }

    /// Returns the number of the last release; 0 before the first.
    pub(super) async fn last_release_number(&self) -> Result<u64> {
        Ok(self.releases().await?.last().copied().unwrap_or(0))
    }

    /// Returns the last release; `None` before the first.
    ///
    /// # Errors
    /// The releases cannot be listed, or the last one cannot be read.
    pub async fn last_release(&self) -> Result<Option<Release>> {
        loop {
            let number = self.last_release_number().await?;
            if number == 0 {
                return Ok(None);
            }
            // One that went since it was listed made room for a later one.
            match self.read_json(&numbered(FOLDER, number)).await? {
                None if self.last_release_number().await? == number => {
                    return self.release(number).await.map(Some);
                }
                None => {}
                found => return Ok(found),
            }
        }
    }

    /// The shelf follows the releases: it never shows one that is later than the last.
    ///
    /// # Errors
    /// The file of a release was deleted.
    pub(super) async fn require_release_of_shelf(&self) -> Result<()> {
        let Some(shelved) = self.shelved_release().await? else { return Ok(()) };
        // Read after the shelf: what was published in between is later than what it showed.
        let last = self.last_release_number().await?;
        if shelved <= last {
            return Ok(());
        }
        Err(Error::failed(format!(
            "the shelf has release {shelved}, but the last release that exists is {last}"
        ))
        .at(format!("warehouse {}", self.location()))
        .hint("files of _sillage/releases were deleted; restore the warehouse from a backup"))
    }

    /// Returns the last release.
    ///
    /// # Errors
    /// No release yet, or one that cannot be read.
    pub async fn require_last_release(&self) -> Result<Release> {
        self.last_release().await?.ok_or_else(|| {
            Error::config(format!("the warehouse {} has no release yet", self.location()))
                .hint("`sillage run` makes the first one")
        })
    }

    pub(super) async fn write_release(&self, release: &Release) -> Result<()> {
        let path = numbered(FOLDER, release.release);
        if self.put_json_if_absent(&path, release).await? {
            return Ok(());
        }
        // Rolling forward after a crash meets its own release. Only one decision is carried out under
        // a number, so anybody else's means that the journal or a release was tampered with.
        let there: Release = self.release(release.release).await?;
        if there.attempt == release.attempt {
            return Ok(());
        }
        Err(Error::failed(format!("release {} was already published by another run", release.release))
            .hint("files of _sillage were deleted or put back by hand; restore the warehouse from a backup"))
    }
}
