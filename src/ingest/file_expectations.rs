//! Whether a source's files came as its declaration expects: the nights that are missing, the age of
//! the newest file. Pure: everything was observed before.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::observe::SeenFile;
use crate::clock::{Instant, show_instant};
use crate::config::Severity;
use crate::duration;
use crate::error::{Error, Result};
use crate::ops::sources::FileRegister;
use crate::source::Expect;
use crate::source::Source;
use crate::source::retention::RetentionCutoff;

/// Names of files that a message lists at most.
const SHOWN: usize = 5;

/// Returns what is to be warned of; both the files that lie there and those once read count.
///
/// # Errors
/// What does not hold and is declared to stop the run, all of it.
pub fn expected(
    source: &Source,
    files: &[SeenFile],
    register: &FileRegister,
    as_of: Instant,
) -> Result<Vec<String>> {
    let delivery = &source.files().delivery;
    let names: BTreeSet<&str> = files
        .iter()
        .map(|seen| seen.file.name.as_str())
        .chain(register.entries.keys().map(String::as_str))
        .collect();
    let mut deviations = Deviations::default();
    if let Some(expect) = &delivery.expect {
        let undated: Vec<&str> =
            names.iter().copied().filter(|name| delivery.date_of(name).is_none()).collect();
        if !undated.is_empty()
            && let Some(pattern) = &delivery.date_in_name
        {
            let more = if undated.len() > SHOWN { ", …" } else { "" };
            deviations.warnings.push(format!(
                "{} file{} no date as {pattern} in the name: {}{more}",
                undated.len(),
                if undated.len() == 1 { " has" } else { "s have" },
                undated[..undated.len().min(SHOWN)].join(", ")
            ));
        }
        let dates: BTreeSet<NaiveDate> = names.iter().filter_map(|name| delivery.date_of(name)).collect();
        if let Some(gap) = gap(source, expect, &dates, None, "file", as_of) {
            deviations.add(expect.severity, gap);
        }
    }
    if let Some(freshness) = &delivery.freshness {
        let seen = files.iter().map(|seen| (seen.file.name.as_str(), seen.file.modified));
        let known = register.entries.values().map(|entry| (entry.file.as_str(), entry.modified));
        let zone = source.contract.zone;
        let newest =
            seen.chain(known).map(|(name, modified)| (delivery.instant_of(name, modified, zone), name)).max();
        if let Some((until, name)) = newest
            && as_of - until > freshness.max_age
        {
            let error = Error::failed(format!(
                "the newest file, {name}, is {} old at {}; its max_age is {}",
                duration::show(as_of - until),
                show_instant(as_of),
                duration::show(freshness.max_age)
            ))
            .hint("did the export run? freshness = { …, severity = \"warn\" } lets the night go on with old data");
            deviations.add(freshness.severity, error);
        }
    }
    Error::all(deviations.errors)?;
    Ok(deviations.warnings)
}

#[derive(Default)]
struct Deviations {
    warnings: Vec<String>,
    errors: Vec<Error>,
}

impl Deviations {
    fn add(&mut self, severity: Severity, error: Error) {
        match severity {
            Severity::Warn => self.warnings.push(error.message().to_owned()),
            Severity::Error => self.errors.push(error),
        }
    }
}

/// The error for periods in which nothing came; `what` is what was looked for in them. Periods that
/// began before `kept` have lost rows to the source's own policy and are not missed.
pub fn gap(
    source: &Source,
    expect: &Expect,
    dates: &BTreeSet<NaiveDate>,
    kept: Option<RetentionCutoff>,
    what: &str,
    as_of: Instant,
) -> Option<Error> {
    let mut gaps = expect.gaps(dates, as_of, source.contract.zone);
    gaps.retain(|period| kept.is_none_or(|kept| *period >= kept.day));
    (!gaps.is_empty()).then(|| {
        Error::failed(format!("no {what} for {}", expect.show_gaps(&gaps))).hint(
            "have it delivered; if nothing was to come, say so in expect: except = [\"sunday\", \"2026-12-25\"], \
             or severity = \"warn\"",
        )
    })
}
