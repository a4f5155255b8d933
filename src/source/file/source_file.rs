//! A file of a source, as it was found.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use object_store::ObjectStore;
use object_store::path::Path;

use super::bytes::archive_member::Member;

/// A file of a source.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// A short name that does not depend on the machine: the path below the folder of the source.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// To the microsecond, which is what the register of files keeps.
    pub modified: DateTime<Utc>,
    /// The object inside the whole store.
    pub location: Path,
    /// The version seen, where the store tells one: a file that changes while it is read is an error.
    pub version: Option<String>,
    /// Where the file is one member of a zip archive, which one. Its size is then that of what it holds.
    pub(super) member: Option<Member>,
    /// What it holds, where that was looked at: it is not read again to know.
    pub(super) content: Option<Content>,
    pub(super) store: Arc<dyn ObjectStore>,
}

#[cfg(test)]
impl SourceFile {
    /// Returns a file that nobody reads.
    pub fn named(name: &str) -> SourceFile {
        SourceFile {
            name: name.to_owned(),
            size: 1,
            modified: DateTime::UNIX_EPOCH,
            location: Path::from("file"),
            version: None,
            member: None,
            content: None,
            store: Arc::new(object_store::memory::InMemory::new()),
        }
    }
}

/// What there is to read.
#[derive(Debug, Default)]
pub struct Listing {
    /// In the order of their names.
    pub files: Vec<SourceFile>,
    /// What lies there and is not read, each with the reason.
    pub skipped_files: Vec<String>,
}

/// What a file holds, packed or not: the same for the same rows under another packing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// BLAKE3 of the unpacked bytes, in hexadecimal.
    pub digest: String,
    /// Bytes, unpacked.
    pub size: u64,
}
