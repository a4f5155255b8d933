//! Past instants to learn at, and to judge at.

use chrono::Days;
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::clock::{Instant, show_instant};
use crate::config::Problem;
use crate::day::local_instant;
use crate::error::{Error, Result};

/// The past instants to learn from or to judge at.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected { count = 5, every_days = 30 } or a list of days")]
pub enum CutoffsSection {
    Days(Vec<String>),
    Spaced(CutoffSpacing),
}

/// `count` cut-offs, each `every_days` before the next, the latest one window before the as-of instant.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CutoffSpacing {
    /// How many cut-offs, the latest one window before the run's instant.
    #[schemars(example = 3)]
    pub count: usize,
    /// How many days are between them.
    #[schemars(example = 90)]
    pub every_days: i64,
}

impl CutoffsSection {
    /// Adds what is wrong with it. The instants themselves are read by the pipeline, which knows the time zone.
    pub(super) fn check(&self, least: usize, problems: &mut Vec<Problem>) {
        let too_few = |count: usize| {
            let error =
                Error::config(format!("{count} cut-offs are declared, at least {least} were expected"));
            match least {
                2 => {
                    error.hint("the latest is held out to judge the model, the earlier ones are learnt from")
                }
                _ => error,
            }
        };
        match self {
            CutoffsSection::Days(texts) if texts.len() < least => {
                problems.push(Problem::new(["cutoffs"], too_few(texts.len())));
            }
            CutoffsSection::Days(_) => {}
            CutoffsSection::Spaced(spacing) => {
                if spacing.count < least {
                    problems.push(Problem::new(["cutoffs", "count"], too_few(spacing.count)));
                }
                if days(spacing.every_days).is_none() {
                    problems.push(Problem::new(["cutoffs", "every_days"], not_days(spacing.every_days)));
                }
            }
        }
    }
}

/// Past cut-offs, oldest first; the latest is the hold-out.
#[derive(Debug, Clone, PartialEq)]
pub enum Cutoffs {
    /// The latest is a window before the as-of instant, the others every so many days before it.
    Every {
        count: u32,
        days: u32,
    },
    At(Vec<Instant>),
}

impl Cutoffs {
    /// Returns the cut-offs whose outcome is known at `as_of`.
    pub(super) fn instants(&self, as_of: Instant, window_days: u32, zone: Tz) -> Result<Vec<Instant>> {
        let mut instants = match self {
            Cutoffs::Every { count, days } => {
                let latest = shift_days(as_of, -i64::from(window_days), zone)?;
                (0..*count)
                    .map(|n| shift_days(latest, -i64::from(n) * i64::from(*days), zone))
                    .collect::<Result<Vec<_>>>()?
            }
            Cutoffs::At(instants) => {
                let mut known = Vec::new();
                for cutoff in instants {
                    if shift_days(*cutoff, i64::from(window_days), zone)? <= as_of {
                        known.push(*cutoff);
                    }
                }
                known
            }
        };
        instants.sort();
        instants.dedup();
        Ok(instants)
    }

    /// Returns the declared cut-offs whose outcome is still open at `as_of`, each with the instant at which it is
    /// known.
    pub(super) fn open(&self, as_of: Instant, window_days: u32, zone: Tz) -> Result<Vec<(Instant, Instant)>> {
        let Cutoffs::At(instants) = self else { return Ok(Vec::new()) };
        let mut open = Vec::new();
        for cutoff in instants {
            let known_at = shift_days(*cutoff, i64::from(window_days), zone)?;
            if known_at > as_of {
                open.push((*cutoff, known_at));
            }
        }
        open.sort();
        open.dedup();
        Ok(open)
    }
}

/// Returns the instant so many days later (or earlier) at the same local time: a night in which the clock
/// changes is still one day.
pub(super) fn shift_days(instant: Instant, days: i64, zone: Tz) -> Result<Instant> {
    let local = instant.with_timezone(&zone).naive_local();
    let span = Days::new(days.unsigned_abs());
    let shifted = if days < 0 { local.checked_sub_days(span) } else { local.checked_add_days(span) };
    shifted
        .and_then(|local| local_instant(local, zone))
        .ok_or_else(|| Error::failed(format!("{} and {days} days is out of range", show_instant(instant))))
}

pub(super) fn days(count: i64) -> Option<u32> {
    u32::try_from(count).ok().filter(|count| (1..=36_500).contains(count))
}

pub(super) fn not_days(count: i64) -> Error {
    Error::config(format!("{count} days were found, 1 to 36500 were expected"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::parse_instant;

    fn at(text: &str) -> Instant {
        parse_instant(text, Tz::UTC).unwrap()
    }

    #[test]
    fn a_day_is_a_day_on_the_pipelines_clock() {
        // Paris goes from +1 to +2 on 2026-03-29.
        let zone = chrono_tz::Europe::Paris;
        assert_eq!(shift_days(at("2026-03-28T23:00:00Z"), 1, zone).unwrap(), at("2026-03-29T22:00:00Z"));
        assert_eq!(shift_days(at("2026-03-29T22:00:00Z"), -1, zone).unwrap(), at("2026-03-28T23:00:00Z"));
    }

    #[test]
    fn a_cut_off_is_used_once_its_outcome_is_known() {
        let window_days = 30;
        let zone = Tz::UTC;
        let cutoffs = Cutoffs::At(vec![at("2017-11-01"), at("2017-12-01"), at("2017-12-15")]);
        assert_eq!(
            cutoffs.instants(at("2018-01-01"), window_days, zone).unwrap(),
            [at("2017-11-01"), at("2017-12-01")]
        );
        assert_eq!(
            cutoffs.open(at("2018-01-01"), window_days, zone).unwrap(),
            [(at("2017-12-15"), at("2018-01-14"))]
        );
        let every = Cutoffs::Every { count: 3, days: 30 };
        assert!(every.open(at("2018-01-01"), window_days, zone).unwrap().is_empty());
        assert_eq!(
            every.instants(at("2018-01-01"), window_days, zone).unwrap(),
            [at("2017-10-03"), at("2017-11-02"), at("2017-12-02")]
        );
    }
}
