//! The files that hold refused records of the source, found by what they held when they were read.

use std::collections::BTreeMap;

use super::decision::{Dismissed, Replay};
use super::file_names::names;
use crate::error::{Error, Result};
use crate::ingest::observe::SeenFile;
use crate::ops::quarantine::Lines;
use crate::ops::sources::FileRegister;
use crate::source::Source;

/// Where refused records are looked for.
pub(super) struct Files<'a> {
    pub there: &'a [SeenFile],
    pub register: &'a FileRegister,
    /// Those that this run does away with.
    pub gone: &'a [Dismissed],
}

/// By content, the files that hold refused records which are to be read again and that no longer lie where
/// they did: one with that content is put back under another name.
pub(super) fn awaited<'a>(
    open: Option<&'a BTreeMap<String, Vec<Lines>>>,
    files: &[SeenFile],
    register: &'a FileRegister,
) -> BTreeMap<&'a str, &'a str> {
    let there = names(files);
    open.into_iter()
        .flat_map(BTreeMap::keys)
        .filter(|name| !there.contains(name.as_str()))
        .filter_map(|name| Some((register.entries.get(name)?.digest.as_str(), name.as_str())))
        .collect()
}

/// The files whose refused records are read again.
///
/// # Errors
/// Files that are gone, all of them; a source of snapshots.
pub(super) fn replay(
    source: &Source,
    open: Option<&BTreeMap<String, Vec<Lines>>>,
    files: &Files,
    warnings: &mut Vec<String>,
) -> Result<Vec<Replay>> {
    if source.contract.snapshot.is_some() {
        return Err(Error::config("a list is read whole: refused records of a snapshot are not read again alone")
            .hint(
                "the next list brings what fits by then; --full-refresh reads all lists again that are still there",
            ));
    }
    let (mut replay, mut gone) = (Vec::new(), Vec::new());
    let waits = |name: &&String| files.gone.iter().all(|dismissed| dismissed.file != **name);
    for (name, lines) in open.into_iter().flatten().filter(|(name, _)| waits(name)) {
        let entry = files.register.entries.get(name);
        let same = |seen: &&SeenFile| entry.is_some_and(|entry| seen.digest.as_ref() == Some(&entry.digest));
        // Of several with this content its own comes first; any will do.
        let there = files.there.iter().filter(same).max_by_key(|seen| seen.file.name == *name);
        match (entry, there) {
            (Some(entry), Some(there)) => {
                // Rows keep the name that the file was first read by.
                let mut file = there.file.clone();
                file.name.clone_from(name);
                replay.push(Replay { file, run: entry.run, lines: lines.clone() });
            }
            _ => gone.push(format!("{name} ({} refused)", lines.len())),
        }
    }
    if gone.is_empty() {
        return Ok(replay);
    }
    let lost = format!("refused records cannot be read again, their files are gone: {}", gone.join(", "));
    if replay.is_empty() {
        return Err(Error::failed(lost).hint(
            "put the files back under the source's path; any name will do, they are known by their content",
        ));
    }
    warnings.push(lost);
    Ok(replay)
}
