//! What left the warehouse: the files and copies that sillage wrote elsewhere, so that an erasure
//! finds them.
//!
//! One object `_sillage/exported/<hash of the place>.json` a place; a place written again is known once.

use object_store::path::Path;
use serde::{Deserialize, Serialize};

use super::Warehouse;
use crate::clock::{self, Instant};
use crate::error::Result;

const FOLDER: &str = "_sillage/exported";

/// A place that rows of the warehouse were written to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    /// An absolute path, or the location of a copy.
    pub place: String,
    pub kind: ExportKind,
    pub written_at: Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportKind {
    /// Rows in a file.
    File,
    /// A warehouse of its own.
    Backup,
}

impl Warehouse {
    /// Remembers the place; relative paths are taken from the working folder.
    pub async fn note_exported(&self, place: &str, kind: ExportKind) -> Result<()> {
        let absolute = match place.contains("://") {
            true => place.to_owned(),
            false => std::path::absolute(place).map_or(place.to_owned(), |p| p.display().to_string()),
        };
        let name = blake3::hash(absolute.as_bytes()).to_hex();
        let exported = Exported { place: absolute, kind, written_at: clock::now() };
        self.put_json(&Path::from(format!("{FOLDER}/{name}.json")), &exported).await
    }

    /// All places, by name.
    pub async fn exported(&self) -> Result<Vec<Exported>> {
        let mut all: Vec<Exported> = Vec::new();
        for path in self.list_objects(FOLDER).await? {
            all.extend(self.read_json(&path).await?);
        }
        all.sort_by(|a, b| a.place.cmp(&b.place));
        Ok(all)
    }
}
