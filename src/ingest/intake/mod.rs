//! What a run takes up of a source's files: which it reads, which add nothing and why, which do away with
//! others. Pure: everything was observed before.
//!
//! A file is known by its name and its content. One whose name is new may say what another said
//! (`same_content`), be an edition of one that is known (`newest_edition`), or be the whole list of a day
//! (`snapshots`); refused records may be read again (`replay`). `decision` is what comes of it.

pub(super) mod decision;
mod file_names;
mod newest_edition;
mod replay;
mod same_content;
mod snapshots;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::definition::Ingest;
use super::file_expectations::expected;
use super::file_order::surprises;
use super::observe::{SeenFile, SourceObservation};
use super::retention_policy;
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::ops::quarantine::Lines;
use crate::ops::sources::FileRegister;
use crate::source::Source;

pub use decision::{Dismissed, Intake, Replaced, Replay, Unread, UnreadReason};
pub use snapshots::instant_of;

use decision::Sorted;
use file_names::listed;

/// What lies among a source's files and is not read, in one line.
fn left_out(names: &[String]) -> Option<String> {
    /// Names that the line lists at most.
    const SHOWN: usize = 3;
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = names[..names.len().min(SHOWN)].join(", ");
    (!names.is_empty()).then(|| format!("not read: {shown}{more}"))
}

/// What is asked of the intake.
#[derive(Debug)]
pub struct Asked<'p> {
    pub as_of: Instant,
    pub last_as_of: Option<Instant>,
    /// Whether rows are added to a raw table of the last release.
    pub grows: bool,
    pub zone: Tz,
    /// The new files that a run which is resumed had found.
    pub pinned: Option<&'p Vec<String>>,
    /// Whether refused records are read again.
    pub replay: bool,
}

/// Returns what the run takes up of the source.
///
/// # Errors
/// No file, a file that changed after it was read, one that says what another said where nobody says what
/// that means, names that do not tell which file replaces which or which list is newer, files that did not
/// come as expected, refused records that are gone.
pub fn intake(ingest: &Ingest, seen: &SourceObservation, asked: &Asked) -> Result<Intake> {
    let source = &ingest.source;
    let mut intake = files_taken(source, seen, asked).map_err(|e| e.at(format!("source {}", source.name)))?;
    let (kept, lost) = retention_policy::planned(ingest, asked.as_of, asked.last_as_of, asked.grows);
    if let Some(kept) = kept {
        intake.why.push_str(&format!("; {kept}"));
    }
    intake.warnings.extend(lost);
    let surprises =
        surprises(source, ingest.versions.as_ref(), &intake.files, &seen.register, asked.as_of, asked.zone);
    intake.warnings.extend(surprises);
    Ok(intake)
}

fn files_taken(source: &Source, seen: &SourceObservation, asked: &Asked) -> Result<Intake> {
    let (register, files) = (&seen.register, seen.files.as_slice());
    if files.is_empty() && !source.files().optional {
        return Err(Error::failed("found no file, expected at least one").hint(
            "was the export delivered, and is `path` right? A source that may be absent says optional = true",
        ));
    }
    // A list that does not say its day may be written over: the rows of the last one are in the history.
    let written_over = source.contract.snapshot.is_some() && source.files().delivery.date_in_name.is_none();
    let (mut arrived, changed) = arrived(files, register, asked.pinned);
    let changed: Vec<String> = if written_over {
        arrived.extend(changed);
        Vec::new()
    } else {
        changed.into_iter().map(|seen| seen.file.name.clone()).collect()
    };
    if !changed.is_empty() {
        return Err(Error::failed(format!("changed after it was ingested: {}", changed.join(", "))).hint(
            "put the old file back and deliver the correction under a new name, or read all anew with \
             --full-refresh",
        ));
    }
    let open = seen.open.as_ref();
    let mut warnings = Vec::new();
    let Sorted { read, unread, replaced } = if source.contract.snapshot.is_some() {
        snapshots::in_order(source, arrived, files, register, asked.as_of, &mut warnings)?
    } else {
        let sorted = match &source.files().replaces {
            Some(pattern) => newest_edition::newest(pattern, arrived, register)?,
            None => Sorted { read: arrived, ..Sorted::default() },
        };
        let awaited = replay::awaited(open.filter(|_| asked.replay), files, register);
        same_content::settled(source, sorted, files, register, &awaited)?
    };
    warnings.extend(expected(source, files, register, asked.as_of)?);
    let mut intake = Intake {
        files: read.into_iter().map(|seen| seen.file.clone()).collect(),
        unread,
        replaced,
        since_run: register.since_run,
        notes: left_out(&seen.left_out).into_iter().collect(),
        ..Intake::default()
    };
    intake.dismissed = dismissed(source, &intake, open);
    if asked.replay {
        let files = replay::Files { there: files, register, gone: &intake.dismissed };
        intake.replay = replay::replay(source, open, &files, &mut warnings)?;
    }
    intake.warnings = warnings;
    intake.why = why(&intake, files.len());
    Ok(intake)
}

/// The files whose names are new, of a run that is resumed those that it had found, and those that are
/// not what they were.
fn arrived<'f>(
    files: &'f [SeenFile],
    register: &FileRegister,
    pinned: Option<&Vec<String>>,
) -> (Vec<&'f SeenFile>, Vec<&'f SeenFile>) {
    let (mut arrived, mut changed) = (Vec::new(), Vec::new());
    for seen in files {
        match register.entries.get(&seen.file.name) {
            Some(known) if seen.digest.as_ref() == Some(&known.digest) => {}
            Some(_) => changed.push(seen),
            None if pinned.is_none_or(|names| names.contains(&seen.file.name)) => arrived.push(seen),
            // It came after the run that is resumed had looked: the next run takes it up.
            None => {}
        }
    }
    (arrived, changed)
}

/// The refused records that wait and whose file no longer counts.
fn dismissed(
    source: &Source,
    intake: &Intake,
    open: Option<&BTreeMap<String, Vec<Lines>>>,
) -> Vec<Dismissed> {
    let Some(open) = open else { return Vec::new() };
    let newer_list = intake.files.first().filter(|_| source.contract.snapshot.is_some());
    let because = |file: &String| match newer_list {
        Some(list) => Some(format!("the newer list {} counts", list.name)),
        None => {
            let replaced = intake.replaced.iter().find(|replaced| replaced.entry.file == *file)?;
            Some(format!("replaced by {}", replaced.by))
        }
    };
    open.iter()
        .filter_map(|(file, lines)| {
            Some(Dismissed { because: because(file)?, file: file.clone(), lines: lines.clone() })
        })
        .collect()
}

fn why(intake: &Intake, all: usize) -> String {
    let mut why = match (intake.files.len(), all) {
        (0, 0) => "no file there, which is allowed".to_owned(),
        (0, _) => "no new file".to_owned(),
        (1, all) => format!("1 new file of {all}"),
        (n, all) => format!("{n} new files of {all}"),
    };
    let mut add = |what: &str, pairs: Vec<String>| {
        if !pairs.is_empty() {
            why.push_str(&format!("; {what}: {}", listed(&pairs)));
        }
    };
    let unread = |says: fn(&UnreadReason) -> Option<(&str, &str)>| -> Vec<String> {
        let pairs = intake.unread.iter().filter_map(|unread| Some((unread, says(&unread.because)?)));
        pairs.map(|(unread, (verb, other))| format!("{} {verb} {other}", unread.file.name)).collect()
    };
    add(
        "adds nothing, the same content again",
        unread(|because| match because {
            UnreadReason::SameAs(other) => Some(("is", other)),
            UnreadReason::ReplacedBy(_) => None,
        }),
    );
    add(
        "adds nothing, an older edition",
        unread(|because| match because {
            UnreadReason::ReplacedBy(other) => Some(("was replaced by", other)),
            UnreadReason::SameAs(_) => None,
        }),
    );
    let replaced =
        intake.replaced.iter().map(|replaced| format!("{} by {}", replaced.entry.file, replaced.by));
    add("replaced", replaced.collect());
    if !intake.replay.is_empty() {
        let records: usize = intake.replay.iter().map(|replay| replay.lines.len()).sum();
        let files = intake.replay.len();
        why.push_str(&format!(
            "; reads {records} refused record{} of {files} file{} again",
            if records == 1 { "" } else { "s" },
            if files == 1 { "" } else { "s" }
        ));
    }
    why
}
