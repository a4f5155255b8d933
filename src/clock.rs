//! Instants. The only place that asks the machine what time it is.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};

use crate::error::{Error, Result};

/// An instant; the warehouse keeps microseconds in UTC.
pub type Instant = DateTime<Utc>;

/// The wall clock. Only run ids, lock leases and figures in `ops` may come from it; what a table
/// says comes from the run's as-of instant.
pub fn now() -> Instant {
    Utc::now()
}

/// Reads an as-of instant: RFC 3339, `YYYY-MM-DD HH:MM:SS` or `YYYY-MM-DD`, in UTC unless it says otherwise.
pub fn parse_instant(text: &str) -> Result<Instant> {
    let text = text.trim();
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Ok(t.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
        if let Ok(t) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(t.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN).and_utc()).map_err(
        |_| {
            Error::config(format!("`{text}` is not an instant"))
                .hint("write it as 2026-01-31, 2026-01-31T03:00:00Z or 2026-01-31T03:00:00+01:00")
        },
    )
}

/// The instant as people and files read it: RFC 3339 in UTC, seconds unless finer.
pub fn show_instant(instant: Instant) -> String {
    instant.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_with_or_without_its_zone() {
        let show = |text| show_instant(parse_instant(text).unwrap());
        assert_eq!(show("2026-01-31"), "2026-01-31T00:00:00Z");
        assert_eq!(show("2026-01-31T03:00:00+01:00"), "2026-01-31T02:00:00Z");
        assert_eq!(show("2026-01-31 03:00"), "2026-01-31T03:00:00Z");
        assert!(parse_instant("yesterday").is_err());
        assert!(parse_instant("2026-02-30").is_err());
    }
}
