//! New files whose content came under another name: whether they add to it.

use std::collections::{BTreeMap, BTreeSet};

use super::decision::{Sorted, UnreadReason};
use super::file_names::{listed, names};
use crate::error::{Error, Result};
use crate::ingest::observe::SeenFile;
use crate::ops::sources::FileRegister;
use crate::source::{SameContent, Source, is_moved};

/// The new files, those left unread that are not to add what another says.
///
/// Files without records add nothing and are read. With a key the same row twice is one, and a price that
/// is what it was the day before yesterday is so again: it is read. A file that only lies in another
/// folder now is not delivered again: read, its name could make it the latest. Nor is one that is put
/// back, under whatever name, so that its refused records can be read again. Without a key nobody but
/// the source's owner knows whether two shops sold the same or one sent its sales twice.
///
/// # Errors
/// Files that would add the rows of another, where it is not said whether they are to.
pub(super) fn settled<'f>(
    source: &Source,
    sorted: Sorted<'f>,
    files: &[SeenFile],
    register: &FileRegister,
    awaited: &BTreeMap<&str, &str>,
) -> Result<Sorted<'f>> {
    let there = names(files);
    let replaced: BTreeSet<String> =
        sorted.replaced.iter().map(|replaced| replaced.entry.file.clone()).collect();
    // By content: the file that counts for it, and whether it holds any record.
    let mut contents: BTreeMap<&str, (&str, bool)> = BTreeMap::new();
    for entry in register.entries.values().filter(|entry| entry.counts() && !replaced.contains(&entry.file)) {
        contents.entry(&entry.digest).or_insert((&entry.file, entry.has_records()));
    }
    let moved = |digest: &str, new: &str| {
        let old = |file: &str| {
            !there.contains(file)
                && is_moved(file, new)
                && source.files().delivery.date_of(file) == source.files().delivery.date_of(new)
        };
        register.entries.values().any(|entry| entry.digest == digest && old(&entry.file))
    };
    let (mut settled, mut unsaid) = (Sorted { read: Vec::new(), ..sorted }, Vec::new());
    for seen in sorted.read {
        let name = seen.file.name.as_str();
        let Some(digest) = seen.digest.as_deref() else {
            settled.read.push(seen);
            continue;
        };
        if let Some(other) = awaited.get(digest) {
            settled.leave_unread(seen, UnreadReason::SameAs((*other).to_owned()));
            continue;
        }
        match (contents.get(digest), source.files().same_content) {
            (None, _) => {
                contents.insert(digest, (name, !seen.is_empty));
                settled.read.push(seen);
            }
            (Some((_, false)), _) | (_, Some(SameContent::Read)) => settled.read.push(seen),
            (Some((other, true)), Some(SameContent::Skip)) => {
                settled.leave_unread(seen, UnreadReason::SameAs((*other).to_owned()));
            }
            (Some((other, true)), None) if !source.contract.key.is_empty() => {
                if moved(digest, name) {
                    settled.leave_unread(seen, UnreadReason::SameAs((*other).to_owned()));
                } else {
                    settled.read.push(seen);
                }
            }
            (Some((other, true)), None) => unsaid.push(format!("{name} is {other} again")),
        }
    }
    if unsaid.is_empty() {
        return Ok(settled);
    }
    Err(Error::failed(format!("the same content under two names: {}", listed(&unsaid))).hint(
        "are they two deliveries that happen to say the same? Then same_content = \"read\" counts both. Is it \
         one delivery twice? same_content = \"skip\". Rows with a `key` need neither",
    ))
}
