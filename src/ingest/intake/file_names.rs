//! The names of files, and the first few of them in a message.

use std::collections::BTreeSet;

use crate::ingest::observe::SeenFile;

/// Names that a message lists at most.
const SHOWN: usize = 5;

/// The first few of them, and how many more there are.
pub(super) fn listed(names: &[String]) -> String {
    let mut text = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// The names of the files that lie there.
pub(super) fn names(files: &[SeenFile]) -> BTreeSet<&str> {
    files.iter().map(|seen| seen.file.name.as_str()).collect()
}
