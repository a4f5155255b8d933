//! Of the editions of one file the newest is read and counts.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::decision::{Replaced, Sorted, UnreadReason};
use super::file_names::listed;
use crate::error::{Error, Result};
use crate::ingest::observe::SeenFile;
use crate::ops::sources::{FileEntry, FileRegister};
use crate::source::{Edition, Editions};

/// A file that is or was there.
#[derive(Clone, Copy)]
enum File<'f> {
    Known(&'f FileEntry),
    New(&'f SeenFile),
}

impl File<'_> {
    fn name(&self) -> &str {
        match self {
            File::Known(entry) => &entry.file,
            File::New(seen) => &seen.file.name,
        }
    }
}

/// What becomes of the new files, and of those that a newer edition does away with.
///
/// # Errors
/// Names that the pattern does not fit; editions of which none is the newest; an edition that would count
/// and whose rows have left.
pub(super) fn newest<'f>(
    pattern: &Editions,
    arrived: Vec<&'f SeenFile>,
    register: &'f FileRegister,
) -> Result<Sorted<'f>> {
    let mut groups: BTreeMap<Vec<String>, Vec<(Edition, File)>> = BTreeMap::new();
    let mut misfits = Vec::new();
    let known = register.entries.values().map(File::Known);
    for file in known.chain(arrived.into_iter().map(File::New)) {
        match (pattern.of(file.name()), file) {
            (Some(edition), _) => groups.entry(edition.of.clone()).or_default().push((edition, file)),
            (None, File::New(_)) => misfits.push(file.name().to_owned()),
            // It was taken up before the pattern was declared; what it says stands.
            (None, File::Known(_)) => {}
        }
    }
    if !misfits.is_empty() {
        return Err(Error::failed(format!(
            "which edition it is does not stand in the name as in `{pattern}`: {}",
            listed(&misfits)
        ))
        .hint(
            "a part that may be missing goes in brackets: sales_{period}[_v{version}].csv; files of another \
             kind are another source's",
        ));
    }
    let mut sorted = Sorted::default();
    let mut errors = Vec::new();
    for mut group in groups.into_values() {
        group.sort_by(|(one, file), (other, other_file)| {
            other.order(one).then_with(|| file.name().cmp(other_file.name()))
        });
        let (edition, first) = &group[0];
        if let Some((other, second)) = group.get(1)
            && edition.order(other) == Ordering::Equal
        {
            errors.push(
                Error::failed(format!("which is newer, {} or {}?", first.name(), second.name()))
                    .hint("deliver the newer one once more with a higher version"),
            );
            continue;
        }
        match first {
            File::New(seen) => sorted.read.push(seen),
            File::Known(FileEntry { file, replaced_by: Some(by), .. }) => errors.push(
                Error::failed(format!("{file} counts by `{pattern}`, but its rows left for those of {by}"))
                    .hint("--full-refresh reads it again"),
            ),
            File::Known(_) => {}
        }
        for (_, older) in &group[1..] {
            let by = first.name().to_owned();
            match older {
                File::New(seen) => sorted.leave_unread(seen, UnreadReason::ReplacedBy(by)),
                File::Known(entry) if entry.counts() => {
                    sorted.replaced.push(Replaced { entry: (*entry).clone(), by });
                }
                File::Known(_) => {}
            }
        }
    }
    Error::all(errors)?;
    sorted.read.sort_by(|one, other| one.file.name.cmp(&other.file.name));
    Ok(sorted)
}
