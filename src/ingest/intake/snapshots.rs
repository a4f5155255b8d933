//! New lists of a source of snapshots, in the order of their instants.

use std::collections::BTreeMap;

use super::decision::{Sorted, UnreadReason};
use super::file_names::{listed, names};
use crate::clock::{Instant, show_instant};
use crate::day::day_start;
use crate::error::{Error, Result};
use crate::ingest::observe::SeenFile;
use crate::ops::sources::FileRegister;
use crate::source::{Source, is_moved};

/// From when on the list in this file holds: from the first instant of the day in its name. One that
/// does not say its day holds at the run's instant, so since the last microsecond before it.
pub fn instant_of(source: &Source, file: &str, as_of: Instant) -> Option<Instant> {
    match (&source.files().delivery.date_in_name, &source.contract.snapshot) {
        (Some(_), Some(snapshot)) => Some(day_start(source.files().delivery.date_of(file)?, snapshot.zone)),
        _ => as_of.checked_sub_signed(chrono::TimeDelta::microseconds(1)),
    }
}

/// The new lists, in order; all files of one day are parts of one list.
///
/// # Errors
/// A list that does not say its day where names are to hold it, one that is not newer than the last,
/// several of which none says its day.
pub(super) fn in_order<'f>(
    source: &Source,
    arrived: Vec<&'f SeenFile>,
    files: &[SeenFile],
    register: &FileRegister,
    as_of: Instant,
    warnings: &mut Vec<String>,
) -> Result<Sorted<'f>> {
    let there = names(files);
    let last = register.entries.values().filter_map(|entry| entry.snapshot_at).max();
    let dated = source.files().delivery.date_in_name.is_some();
    let mut sorted = Sorted::default();
    let (mut undated, mut old) = (Vec::new(), Vec::new());
    let mut lists: Vec<(Instant, &SeenFile)> = Vec::new();
    let mut contents: BTreeMap<(&str, Instant), &str> = BTreeMap::new();
    for seen in arrived {
        let name = seen.file.name.as_str();
        let Some(at) = instant_of(source, name, as_of) else {
            undated.push(name.to_owned());
            continue;
        };
        // The same list of the same day again, wherever it lies now.
        let again = seen.digest.as_deref().and_then(|digest| {
            let known = register.entries.values().filter(|entry| entry.digest == digest);
            let mut same = known.filter(|entry| match dated {
                true => entry.snapshot_at == Some(at),
                false => !there.contains(entry.file.as_str()) && is_moved(&entry.file, name),
            });
            let known = same.next().map(|entry| entry.file.as_str());
            known.or_else(|| contents.insert((digest, at), name))
        });
        match again {
            Some(other) => sorted.leave_unread(seen, UnreadReason::SameAs(other.to_owned())),
            None if last.is_some_and(|last| at <= last) => old.push(name.to_owned()),
            None => lists.push((at, seen)),
        }
    }
    let mut errors = Vec::new();
    if !undated.is_empty()
        && let Some(pattern) = &source.files().delivery.date_in_name
    {
        errors.push(
            Error::failed(format!("no date as {pattern} in the name: {}", listed(&undated)))
                .hint("of a list without its day nobody knows whether it is the newest"),
        );
    }
    if let Some(last) = last
        && !old.is_empty()
    {
        errors.push(
            Error::failed(format!(
                "not newer than the last list, of {}: {}",
                show_instant(last),
                listed(&old)
            ))
            .hint(match dated {
                true => "--full-refresh reads all lists that are there anew, in the order of their days",
                false => "a list that does not say its day is the run's: give a later --as-of, or declare date_in_name",
            }),
        );
    }
    if !dated && lists.len() > 1 {
        let names: Vec<String> = lists.iter().map(|(_, seen)| seen.file.name.clone()).collect();
        errors.push(
            Error::failed(format!(
                "each of these is a whole list, and none says of which day: {}",
                listed(&names)
            ))
            .hint(
                "say where the name holds it: date_in_name = \"%Y-%m-%d\"; or leave the newest alone there",
            ),
        );
    }
    Error::all(errors)?;
    lists.sort_by(|(at, seen), (other_at, other)| {
        at.cmp(other_at).then_with(|| seen.file.name.cmp(&other.file.name))
    });
    if let Some((at, seen)) = lists.iter().find(|(at, _)| *at >= as_of) {
        warnings.push(format!(
            "the list {} holds from {} on, which is not before the run's instant: models do not see it yet",
            seen.file.name,
            show_instant(*at)
        ));
    }
    sorted.read = lists.into_iter().map(|(_, seen)| seen).collect();
    Ok(sorted)
}
