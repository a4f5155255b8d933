//! The receipt of an erasure: what was done, without personal data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rows::ErasedRows;
use crate::clock::Instant;
use crate::name::TableName;

/// What an erasure did. Kept as `_sillage/receipts/<release>.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    /// The release that no longer holds the person.
    pub release: u64,
    pub forgotten_at: Instant,
    /// How many identifying values of each kind are on the suppression list for them.
    pub identifiers: BTreeMap<String, u64>,
    /// Rows by raw table; every other table was computed again from these.
    pub tables: BTreeMap<TableName, ErasedRows>,
    /// Refused records that lost their text.
    pub refused_records: u64,
    /// Tables that the pipeline does not make, published without rows.
    pub emptied: Vec<TableName>,
    /// How many earlier releases can no longer be read or restored.
    pub releases_purged: u64,
    /// Files that sillage wrote elsewhere.
    pub files: Vec<CleanedFile>,
    /// Copies of the warehouse that `backup` made.
    pub replicas: Vec<Replica>,
}

/// A file that sillage exported.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CleanedFile {
    pub path: String,
    /// How many rows of the person were removed from it; `None` if the file no longer exists.
    pub rows: Option<u64>,
    /// Why it must be checked by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look: Option<String>,
}

/// A copy of the warehouse.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replica {
    pub location: String,
    /// `None` if it no longer exists, or could not be cleaned for the reason in `look`.
    pub release: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub look: Option<String>,
}

impl Receipt {
    /// Returns what must be checked by hand.
    pub fn left(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.files.iter().filter_map(|file| Some((file.path.as_str(), file.look.as_deref()?)));
        let replicas =
            self.replicas.iter().filter_map(|copy| Some((copy.location.as_str(), copy.look.as_deref()?)));
        files.chain(replicas)
    }
}
