//! Instants. The only place that asks the machine what time it is.

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, SubsecRound, Utc};
use chrono_tz::Tz;

use crate::day::{day_start, local_instant};
use crate::error::{Error, Result};

/// An instant; the warehouse keeps microseconds in UTC.
pub type Instant = DateTime<Utc>;

/// Returns the wall clock. Only run ids, lock leases and figures in `ops` may come from it; what a table
/// says comes from the run's as-of instant.
///
/// Cut to microseconds, which is what tables keep.
pub fn now() -> Instant {
    Utc::now().trunc_subsecs(6)
}

/// Reads an instant: RFC 3339, `YYYY-MM-DD HH:MM:SS` or, for the first instant of a day, `YYYY-MM-DD`; in
/// `zone` unless it says otherwise.
///
/// # Errors
/// A text in none of these forms.
pub fn parse_instant(text: &str, zone: Tz) -> Result<Instant> {
    let text = text.trim();
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Ok(t.with_timezone(&Utc));
    }
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .and_then(|local| local_instant(local, zone))
        .or_else(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day_start(day, zone)))
        .ok_or_else(|| {
            Error::config(format!("`{text}` is not an instant"))
                .hint("write it as 2026-01-31, 2026-01-31T03:00:00Z or 2026-01-31T03:00:00+01:00")
        })
}

/// Returns the instant as people and files read it: RFC 3339 in UTC, seconds unless finer.
pub fn show_instant(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_with_or_without_its_zone() {
        let show = |text| show_instant(parse_instant(text, Tz::UTC).unwrap());
        assert_eq!(show("2026-01-31"), "2026-01-31T00:00:00Z");
        assert_eq!(show("2026-01-31T03:00:00+01:00"), "2026-01-31T02:00:00Z");
        assert_eq!(show("2026-01-31 03:00"), "2026-01-31T03:00:00Z");
        assert!(parse_instant("yesterday", Tz::UTC).is_err());
        assert!(parse_instant("2026-02-30", Tz::UTC).is_err());
    }

    #[test]
    fn without_a_zone_it_is_the_pipelines_own() {
        let show = |text| show_instant(parse_instant(text, chrono_tz::Europe::Paris).unwrap());
        assert_eq!(show("2026-07-01"), "2026-06-30T22:00:00Z");
        assert_eq!(show("2026-07-01T00:00:00Z"), "2026-07-01T00:00:00Z");
        // The hour that does not exist, and the one that exists twice.
        assert_eq!(show("2026-03-29 02:30"), "2026-03-29T01:30:00Z");
        assert_eq!(show("2026-10-25 02:30"), "2026-10-25T00:30:00Z");
        // The day that Samoa left out.
        let apia = parse_instant("2011-12-30", chrono_tz::Pacific::Apia).unwrap();
        assert_eq!(show_instant(apia), "2011-12-30T10:00:00Z");
    }
}
