//! Refuses two formats of one column that can read the same text as two different times.
//!
//! It is tested by trying: dates and times are written in each format, with and without leading zeros, and
//! read with all the others.

use chrono::format::{Item, Pad, StrftimeItems};
use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta};

use crate::source::value::time_format::{TimeFormat, UnixUnit};

/// Returns two of the formats, by their places, that read one text differently.
pub(super) fn clash(formats: &[(&str, TimeFormat)]) -> Option<(usize, usize)> {
    let moments = moments();
    for (writer, (format, reads)) in formats.iter().enumerate() {
        for text in moments.iter().flat_map(|moment| written(format, reads, moment)) {
            let Ok(meant) = reads.read(text.as_bytes()) else { continue };
            for (reader, (_, other)) in formats.iter().enumerate() {
                let read = other.read(text.as_bytes());
                if read.is_ok_and(|read| read != meant) {
                    return Some((writer.min(reader), writer.max(reader)));
                }
            }
        }
    }
    None
}

/// Days on which day, month and year may be taken for one another, at several times.
fn moments() -> Vec<DateTime<FixedOffset>> {
    const SECONDS: [(i64, i64); 5] =
        [(0, 0), (3_723, 500_000), (40_329, 250_000), (50_398, 123_456), (86_399, 0)];
    let mut moments = Vec::new();
    let zone = FixedOffset::east_opt(7_200);
    for year in [1912, 2003, 2026] {
        for month in 1..=12 {
            for day in (1..=12).chain([13, 20, 28, 31]) {
                let (seconds, micros) = SECONDS[moments.len() % SECONDS.len()];
                let midnight =
                    NaiveDate::from_ymd_opt(year, month, day).and_then(|day| day.and_hms_opt(0, 0, 0));
                let moment = midnight.zip(zone).and_then(|(midnight, zone)| {
                    let local = midnight + TimeDelta::seconds(seconds) + TimeDelta::microseconds(micros);
                    local.and_local_timezone(zone).single()
                });
                moments.extend(moment);
            }
        }
    }
    moments
}

/// Returns the moment in the ways that a format allows.
fn written(format: &str, reads: &TimeFormat, moment: &DateTime<FixedOffset>) -> Vec<String> {
    let by = |format: &str| {
        let padded: Vec<Item<'_>> = StrftimeItems::new(format).collect();
        let bare = padded.iter().map(|item| match item {
            Item::Numeric(number, Pad::Zero) => Item::Numeric(number.clone(), Pad::None),
            other => other.clone(),
        });
        let bare: Vec<Item<'_>> = bare.collect();
        [padded, bare]
            .iter()
            .filter_map(|items| {
                let mut text = String::new();
                let shown = moment.format_with_items(items.iter());
                std::fmt::Write::write_fmt(&mut text, format_args!("{shown}")).ok().map(|()| text)
            })
            .collect::<Vec<_>>()
    };
    match reads {
        TimeFormat::Iso => ["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f%:z"]
            .into_iter()
            .flat_map(by)
            .collect(),
        TimeFormat::Unix(unit) => vec![match unit {
            UnixUnit::Seconds => moment.timestamp().to_string(),
            UnixUnit::Millis => moment.timestamp_millis().to_string(),
            UnixUnit::Micros => moment.timestamp_micros().to_string(),
            UnixUnit::Nanos => (i128::from(moment.timestamp_micros()) * 1_000).to_string(),
        }],
        // Chrono reads `%#z` and does not write it.
        TimeFormat::Fields(_) => by(&format.replace("%#z", "%z")),
        TimeFormat::AnyOf(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::value::strftime::{Manner, declared};

    fn clashes(formats: &[&str]) -> bool {
        let manner = Manner { timed: true, last_short_year: Some(2029), abbreviations: &[] };
        let formats: Vec<_> =
            formats.iter().map(|format| (*format, declared(format, manner).unwrap())).collect();
        clash(&formats).is_some()
    }

    #[test]
    fn formats_that_read_one_text_as_two_days_clash() {
        for pair in [
            ["%d/%m/%Y", "%m/%d/%Y"],
            ["%d/%m/%y", "%m/%d/%y"],
            ["%d/%m/%y", "%y/%m/%d"],
            ["%d.%m.%Y %H:%M", "%m.%d.%Y %H:%M"],
            ["%d%m%Y", "%Y%m%d"],
            ["%H:%M %d-%m-%Y", "%M:%H %d-%m-%Y"],
            ["%Y-%d-%m", "iso"],
            ["unix", "unix_ms"],
            ["unix", "%Y%m%d"],
        ] {
            assert!(clashes(&pair), "{pair:?}");
            assert!(clashes(&[pair[1], pair[0]]), "{pair:?}");
            assert!(clashes(&["%d %b %Y", pair[0], pair[1]]), "{pair:?}");
        }
    }

    #[test]
    fn formats_that_never_meet_may_stand_together() {
        for formats in [
            &["%d/%m/%Y", "%Y-%m-%d"][..],
            &["%d/%m/%Y", "%m-%d-%Y"],
            &["%d/%m/%Y", "%d/%m/%y"],
            &["%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y"],
            &["%Y-%m-%d", "iso"],
            &["unix", "%d/%m/%Y", "iso"],
            &["%d %b %Y", "%d %B %Y", "%d.%m.%Y"],
            &["%Y%m%d", "%d/%m/%Y"],
        ] {
            assert!(!clashes(formats), "{formats:?}");
        }
    }
}
