//! Converts local times of one zone to UTC, and instants to local days.

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

use super::calendar::{DAY, MICROS, Written, iso, iso_day};
use super::fault::Fault;
use super::time_format::TimeFormat;
use crate::day::{day_end, day_start};

/// Converts local times of one zone to UTC; caches the offsets of days.
#[derive(Debug, Clone)]
pub struct UtcConverter {
    zone: Tz,
    /// The instant that a day without a time of day means.
    whole_day: WholeDay,
    /// Days of one offset from midnight to midnight, and the offset in seconds, by day modulo.
    known: Vec<(i32, i32)>,
}

/// Which instant a day means if an instant is needed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WholeDay {
    /// Of a state that holds from the day on.
    #[default]
    Start,
    /// Of an event that happened some time on the day.
    End,
}

/// Years of days: customers have come on every one of them.
const KNOWN: i64 = 4096;

fn slot(day: i64) -> usize {
    day.rem_euclid(KNOWN) as usize
}

impl UtcConverter {
    pub fn new(zone: Tz) -> Self {
        UtcConverter { zone, whole_day: WholeDay::Start, known: Vec::new() }
    }

    /// Returns the same, for which days without a time of day stand for this instant of theirs.
    pub(in crate::source) fn with_whole_day(self, whole_day: WholeDay) -> Self {
        UtcConverter { whole_day, ..self }
    }

    /// Returns the instant of a text in this format, in microseconds since 1970 in UTC.
    #[inline(always)]
    pub fn instant(&mut self, format: &TimeFormat, text: &[u8]) -> Result<i64, Fault> {
        if let Some(written) = format.read_usual(text)
            && (self.whole_day == WholeDay::Start || !format.names_only_days())
            && let Some(offset) = self.known_offset(written)
        {
            return Ok(written.local - offset);
        }
        self.unusual_instant(format, text)
    }

    #[inline(never)]
    fn unusual_instant(&mut self, format: &TimeFormat, text: &[u8]) -> Result<i64, Fault> {
        let written = format.read(text)?;
        let placed = self.utc(written);
        let at_the_end = self.whole_day == WholeDay::End && placed.is_ok();
        if (at_the_end || placed == Err(Fault::Gap)) && format.reads_a_day(text) {
            return self.instant_of_day(written);
        }
        placed
    }

    /// Returns the offset of a moment, in microseconds, where nothing need be looked up.
    #[inline(always)]
    fn known_offset(&self, written: Written) -> Option<i64> {
        if let Some(seconds) = written.offset_seconds {
            return Some(seconds * MICROS);
        }
        if self.zone == Tz::UTC {
            return Some(0);
        }
        let day = written.local.div_euclid(DAY);
        let (known, seconds) = *self.known.get(slot(day))?;
        (i64::from(known) == day).then_some(i64::from(seconds) * MICROS)
    }

    /// Returns the instant that a day without a time of day means.
    pub fn instant_of_day(&self, written: Written) -> Result<i64, Fault> {
        let offset = written.offset_seconds.map(|seconds| seconds * MICROS);
        let date = || Ok::<_, Fault>(naive(written.local)?.date());
        match (self.whole_day, offset) {
            (WholeDay::Start, Some(offset)) => Ok(written.local - offset),
            (WholeDay::End, Some(offset)) => Ok(written.local + DAY - 1 - offset),
            (WholeDay::Start, None) => Ok(day_start(date()?, self.zone).timestamp_micros()),
            (WholeDay::End, None) => Ok(day_end(date()?, self.zone).timestamp_micros()),
        }
    }

    /// Microseconds since 1970 in UTC. Of an hour that happens twice the first is taken; an hour
    /// that the clocks skip is refused.
    #[inline]
    pub fn utc(&mut self, written: Written) -> Result<i64, Fault> {
        match self.known_offset(written) {
            Some(offset) => Ok(written.local - offset),
            None => self.look_up(written.local),
        }
    }

    fn look_up(&mut self, local: i64) -> Result<i64, Fault> {
        let day = local.div_euclid(DAY);
        let start = self.offset(day * DAY);
        if let Some(start) = start
            && Some(start) == self.offset(day * DAY + DAY - 1)
            && let Ok(day) = i32::try_from(day)
        {
            // Most columns never come here.
            self.known.resize(KNOWN as usize, (i32::MIN, 0));
            self.known[slot(i64::from(day))] = (day, start);
            return Ok(local - i64::from(start) * MICROS);
        }
        self.zone
            .from_local_datetime(&naive(local)?)
            .earliest()
            .map(|moment| moment.timestamp_micros())
            .ok_or(Fault::Gap)
    }

    /// Returns the offset, in seconds, of a local time that has exactly one.
    fn offset(&self, local: i64) -> Option<i32> {
        let moment = self.zone.from_local_datetime(&naive(local).ok()?).single()?;
        Some(moment.offset().fix().local_minus_utc())
    }

    fn local_day(&self, utc: i64) -> Result<i64, Fault> {
        let offset = self.zone.offset_from_utc_datetime(&naive(utc)?).fix().local_minus_utc();
        Ok((utc + i64::from(offset) * MICROS).div_euclid(DAY))
    }

    /// Returns the local day of a moment, in days since 1970.
    pub fn day(&self, written: Written) -> Result<i32, Fault> {
        let Some(offset) = written.offset_seconds else { return Ok(written.day()) };
        let day = self.local_day(written.local - offset * MICROS)?;
        i32::try_from(day).map_err(|_| Fault::Range)
    }

    /// Returns the day of a date in ISO form. A time of midnight after it is let pass; with an offset it is
    /// an instant, of which the local day counts, as in every other format.
    #[inline]
    pub(in crate::source) fn iso_day(&self, text: &[u8]) -> Result<i32, Fault> {
        if let Ok(text) = text.try_into() {
            return Ok(iso_day(text)? as i32);
        }
        let written = iso(text)?;
        if written.offset_seconds.is_some() || written.is_midnight() {
            self.day(written)
        } else {
            Err(Fault::Shape)
        }
    }
}

fn naive(micros: i64) -> Result<NaiveDateTime, Fault> {
    DateTime::from_timestamp_micros(micros).map(|moment| moment.naive_utc()).ok_or(Fault::Range)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;
    use proptest::prelude::*;

    fn micros(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    fn utc(zone: &str, text: &str) -> Result<i64, Fault> {
        UtcConverter::new(zone.parse().unwrap()).instant(&TimeFormat::Iso, text.as_bytes())
    }

    #[test]
    fn iso_forms_are_one_instant() {
        for same in [
            "2026-01-31T10:00:00Z",
            "2026-01-31 10:00",
            "2026-01-31 10:00:00.000",
            "2026-01-31T11:00:00+01:00",
            "2026-01-31 05:00:00-0500",
            "2026-01-31 11:00+01",
            "2026-01-31 10:00:00 UTC",
        ] {
            assert_eq!(utc("UTC", same), Ok(micros("2026-01-31T10:00:00Z")), "{same}");
        }
    }

    #[test]
    fn local_times_are_placed_in_utc() {
        let paris = |text| utc("Europe/Paris", text);
        assert_eq!(paris("2026-01-15 12:00"), Ok(micros("2026-01-15T11:00:00Z")));
        assert_eq!(paris("2026-07-15 12:00"), Ok(micros("2026-07-15T10:00:00Z")));
        // The clocks go forward at 2 o'clock on 29 March 2026 and back at 3 on 25 October.
        assert_eq!(paris("2026-03-29 01:59:59"), Ok(micros("2026-03-29T00:59:59Z")));
        assert_eq!(paris("2026-03-29 02:30"), Err(Fault::Gap));
        assert_eq!(paris("2026-03-29 03:00"), Ok(micros("2026-03-29T01:00:00Z")));
        assert_eq!(paris("2026-10-25 02:30"), Ok(micros("2026-10-25T00:30:00Z")), "the earlier");
        assert_eq!(paris("2026-10-25 03:00"), Ok(micros("2026-10-25T02:00:00Z")));
        assert_eq!(paris("2026-03-29 02:30+02:00"), Ok(micros("2026-03-29T00:30:00Z")));
    }

    #[test]
    fn a_day_begins_where_its_midnight_is_skipped() {
        // São Paulo went from 24:00 to 1:00, Toronto in 1919 from 23:30 to 0:30.
        assert_eq!(utc("America/Sao_Paulo", "2018-11-04 00:00"), Err(Fault::Gap), "nobody saw that time");
        assert_eq!(utc("America/Sao_Paulo", "2018-11-04"), Ok(micros("2018-11-04T03:00:00Z")));
        assert_eq!(utc("America/Toronto", "1919-03-31"), Ok(micros("1919-03-31T04:30:00Z")));
        // Samoa had no 30 December 2011.
        assert_eq!(utc("Pacific/Apia", "2011-12-30 00:00"), Err(Fault::Gap));
        assert_eq!(utc("Pacific/Apia", "2011-12-30"), Ok(micros("2011-12-30T10:00:00Z")));
        assert_eq!(utc("Pacific/Apia", "2011-12-31"), Ok(micros("2011-12-30T10:00:00Z")));
    }

    #[test]
    fn a_date_is_a_day_and_of_an_instant_its_local_day() {
        let day = |zone: &str, text: &str| {
            let placer = UtcConverter::new(zone.parse().unwrap());
            let first = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap();
            placer
                .iso_day(text.as_bytes())
                .map(|d| (first + chrono::TimeDelta::days(i64::from(d))).to_string())
        };
        assert_eq!(day("Europe/Paris", "2026-01-31").as_deref(), Ok("2026-01-31"));
        assert_eq!(day("Europe/Paris", "2026-01-31 00:00:00").as_deref(), Ok("2026-01-31"));
        assert_eq!(day("Europe/Paris", "2026-01-31 08:00:00"), Err(Fault::Shape));
        assert_eq!(day("Europe/Paris", "2026-01-30T23:00:00Z").as_deref(), Ok("2026-01-31"));
        assert_eq!(day("America/New_York", "2026-01-31T00:00:00+00:00").as_deref(), Ok("2026-01-30"));
        assert_eq!(day("Asia/Tokyo", "2026-01-31T22:30:00+01:00").as_deref(), Ok("2026-02-01"));
    }

    proptest! {
        #[test]
        fn every_local_time_agrees_with_chrono(
            zone in proptest::sample::select(&chrono_tz::TZ_VARIANTS[..]),
            local in -3_000_000_000i64..4_000_000_000,
        ) {
            let mut placer = UtcConverter::new(zone);
            let mut placed =
                |seconds: i64| placer.utc(Written { local: seconds * MICROS, offset_seconds: None });
            // Warm the memory of the day with its noon.
            let _ = placed(local.div_euclid(86_400) * 86_400 + 43_200);
            let naive = DateTime::from_timestamp(local, 0).unwrap().naive_utc();
            let expected = zone.from_local_datetime(&naive).earliest().map(|m| m.timestamp_micros());
            prop_assert_eq!(placed(local).ok(), expected, "{} {}", zone, naive);
        }
    }
}
