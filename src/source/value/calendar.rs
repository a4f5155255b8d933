//! Dates and times of day read from digits: the ISO forms, and what declared formats are made of.

use super::fault::Fault;

pub(in crate::source) const MICROS: i64 = 1_000_000;
pub const DAY: i64 = 86_400 * MICROS;

/// A moment as written: local microseconds since 1970, and its offset from UTC where it says one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub local: i64,
    pub offset_seconds: Option<i64>,
}

impl Written {
    /// Returns the day as written, in days since 1970.
    pub fn day(self) -> i32 {
        // Years have four digits, so days are within ±4 million.
        self.local.div_euclid(DAY) as i32
    }

    pub(super) fn is_midnight(self) -> bool {
        self.local.rem_euclid(DAY) == 0
    }
}

/// A reader of digits at a place in the text.
pub struct Digits<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

impl Digits<'_> {
    #[inline]
    pub fn exactly(&mut self, count: usize) -> Result<i64, Fault> {
        let digits = self.text.get(self.at..self.at + count).ok_or(Fault::Shape)?;
        let mut value = 0;
        for &byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return Err(Fault::Shape);
            }
            value = value * 10 + i64::from(digit);
        }
        self.at += count;
        Ok(value)
    }

    /// Returns two digits, or one where the number may be short: spreadsheets drop the leading zero.
    #[inline]
    pub fn two(&mut self, whole: bool) -> Result<i64, Fault> {
        let digit = |at: usize| self.text.get(at).map_or(u8::MAX, |byte| byte.wrapping_sub(b'0'));
        let (first, second) = (digit(self.at), digit(self.at + 1));
        if first > 9 || (second > 9 && whole) {
            return Err(Fault::Shape);
        }
        let (value, count) = if second > 9 { (first, 1) } else { (first * 10 + second, 2) };
        self.at += count;
        Ok(i64::from(value))
    }

    /// So many digits at least and at most.
    pub fn between(&mut self, least: usize, most: usize) -> Result<i64, Fault> {
        let mut count = least;
        while count < most && self.text.get(self.at + count).is_some_and(u8::is_ascii_digit) {
            count += 1;
        }
        self.exactly(count)
    }

    /// Returns the digits of a fraction of a second, in microseconds; finer digits are cut.
    pub fn fraction(&mut self) -> Result<i64, Fault> {
        let (mut value, mut count) = (0, 0);
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            if count < 6 {
                value = value * 10 + i64::from(byte - b'0');
            }
            count += 1;
            self.at += 1;
        }
        if count == 0 {
            return Err(Fault::Shape);
        }
        for _ in count..6 {
            value *= 10;
        }
        Ok(value)
    }

    /// Reads a fraction with its point, or nothing.
    #[inline]
    pub(super) fn point_and_fraction(&mut self) -> Result<i64, Fault> {
        if !matches!(self.peek(), Some(b'.' | b',')) {
            return Ok(0);
        }
        self.at += 1;
        self.fraction()
    }

    #[inline]
    pub fn literal(&mut self, expected: u8) -> Result<(), Fault> {
        if self.peek() != Some(expected) {
            return Err(Fault::Shape);
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub fn rest(&self) -> &[u8] {
        &self.text[self.at..]
    }

    /// `Z`, `+01:00`, `+0100`, `+01`, or with seconds, as zones were before there was railway time.
    pub fn offset(&mut self) -> Result<i64, Fault> {
        let sign = match self.peek() {
            Some(b'Z' | b'z') => {
                self.at += 1;
                return Ok(0);
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(Fault::Shape),
        };
        self.at += 1;
        let hours = self.exactly(2)?;
        let mut parts = [0, 0];
        for part in &mut parts {
            let colon = usize::from(self.peek() == Some(b':'));
            if !self.text.get(self.at + colon).is_some_and(u8::is_ascii_digit) {
                break;
            }
            self.at += colon;
            *part = self.exactly(2)?;
        }
        let [minutes, seconds] = parts;
        if hours > 15 || minutes > 59 || seconds > 59 {
            return Err(Fault::Calendar);
        }
        Ok(sign * (hours * 3600 + minutes * 60 + seconds))
    }
}

/// Returns the number that two digits are, if they are digits.
#[inline]
pub fn pair(tens: u8, ones: u8) -> Option<i64> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    ((tens < 10) & (ones < 10)).then(|| i64::from(tens * 10 + ones))
}

/// ISO 8601: `2026-01-31`, `2026-01-31 10:00[:00[.123456]]`, with `T`, `Z`, ` UTC` or an offset.
pub fn iso(text: &[u8]) -> Result<Written, Fault> {
    usual_iso(text).map_or_else(|| iso_by_parts(text), Ok)
}

/// Reads the forms that nearly all timestamps have; returns nothing where a text has another.
#[inline(always)]
pub(super) fn usual_iso(text: &[u8]) -> Option<Written> {
    let (day, rest) = text.split_first_chunk::<10>()?;
    let (clock, rest) = rest.split_first_chunk::<9>()?;
    let [b' ' | b'T' | b't', h1, h2, b':', m1, m2, b':', s1, s2] = clock else { return None };
    let time = time(pair(*h1, *h2)?, pair(*m1, *m2)?, pair(*s1, *s2)?).ok()?;
    let (fraction, rest) = match rest {
        [b'.' | b',', rest @ ..] => usual_fraction(rest)?,
        _ => (0, rest),
    };
    let offset_seconds = match rest {
        [] => None,
        [b'Z'] => Some(0),
        [b'+', h1, h2, b':', m1, m2] => Some(usual_offset(pair(*h1, *h2)?, pair(*m1, *m2)?)?),
        [b'-', h1, h2, b':', m1, m2] => Some(-usual_offset(pair(*h1, *h2)?, pair(*m1, *m2)?)?),
        _ => return None,
    };
    Some(Written { local: usual_day(day)? * DAY + time + fraction, offset_seconds })
}

#[inline(always)]
fn usual_day(text: &[u8; 10]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    days(pair(*y1, *y2)? * 100 + pair(*y3, *y4)?, pair(*m1, *m2)?, pair(*d1, *d2)?).ok()
}

/// Reads milliseconds or microseconds; returns them as microseconds, and what stands after.
#[inline(always)]
fn usual_fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let thousand = |digits: &[u8; 3]| {
        let [hundreds, tens, ones] = *digits;
        Some(pair(b'0', hundreds)? * 100 + pair(tens, ones)?)
    };
    let (millis, rest) = text.split_first_chunk()?;
    let millis = thousand(millis)? * 1000;
    match rest.split_first_chunk() {
        Some((micros, rest)) if micros[0].is_ascii_digit() => {
            // Finer ones are cut elsewhere.
            let end = !rest.first().is_some_and(u8::is_ascii_digit);
            end.then_some((millis + thousand(micros)?, rest))
        }
        _ => (!rest.first().is_some_and(u8::is_ascii_digit)).then_some((millis, rest)),
    }
}

#[inline(always)]
fn usual_offset(hours: i64, minutes: i64) -> Option<i64> {
    (hours <= 15 && minutes <= 59).then_some(hours * 3600 + minutes * 60)
}

fn iso_by_parts(text: &[u8]) -> Result<Written, Fault> {
    let mut digits = Digits { text, at: 0 };
    let local = iso_day_by_parts(&mut digits)? * DAY;
    if digits.at == text.len() {
        return Ok(Written { local, offset_seconds: None });
    }
    if !matches!(digits.peek(), Some(b' ' | b'T' | b't')) {
        return Err(Fault::Shape);
    }
    digits.at += 1;
    let hour = digits.exactly(2)?;
    digits.literal(b':')?;
    let minute = digits.exactly(2)?;
    let mut second = 0;
    let mut fraction = 0;
    if digits.peek() == Some(b':') {
        digits.at += 1;
        second = digits.exactly(2)?;
        fraction = digits.point_and_fraction()?;
    }
    zoned(digits, local + time(hour, minute, second)? + fraction)
}

/// Reads a zone, or nothing, to the end of the text.
fn zoned(mut digits: Digits<'_>, local: i64) -> Result<Written, Fault> {
    let rest = digits.rest();
    if rest.is_empty() {
        return Ok(Written { local, offset_seconds: None });
    }
    if rest.eq_ignore_ascii_case(b" utc") || rest.eq_ignore_ascii_case(b" gmt") {
        return Ok(Written { local, offset_seconds: Some(0) });
    }
    digits.at += usize::from(rest[0] == b' ');
    let offset_seconds = Some(digits.offset()?);
    if digits.at != digits.text.len() {
        return Err(Fault::Shape);
    }
    Ok(Written { local, offset_seconds })
}

/// Reads a day in ISO form and nothing else.
#[inline]
pub(in crate::source) fn iso_day(text: &[u8; 10]) -> Result<i64, Fault> {
    match usual_day(text) {
        Some(day) => Ok(day),
        None => iso_day_by_parts(&mut Digits { text, at: 0 }),
    }
}

fn iso_day_by_parts(digits: &mut Digits<'_>) -> Result<i64, Fault> {
    let year = digits.exactly(4)?;
    digits.literal(b'-')?;
    let month = digits.exactly(2)?;
    digits.literal(b'-')?;
    let day = digits.exactly(2)?;
    days(year, month, day)
}

#[inline]
pub fn time(hour: i64, minute: i64, second: i64) -> Result<i64, Fault> {
    // A leap second counts as the last one of its minute, as POSIX time does.
    if hour > 23 || minute > 59 || second > 60 {
        return Err(Fault::Calendar);
    }
    Ok((hour * 3600 + minute * 60 + second.min(59)) * MICROS)
}

/// Days since 1970 of a proleptic Gregorian date.
#[inline]
pub fn days(year: i64, month: i64, day: i64) -> Result<i64, Fault> {
    const LENGTHS: [i64; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    /// The days of a common year before a month.
    const BEFORE: [i64; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    /// 1 January 1970, counted from 31 December of the year before the first.
    const EPOCH: i64 = 719_163;
    let (Ok(year), 1..=12) = (u32::try_from(year), month) else { return Err(Fault::Calendar) };
    let (leap, month) = (is_leap(year), month as usize);
    let length = LENGTHS[month] + i64::from(leap && month == 2);
    if year == 0 || !(1..=length).contains(&day) {
        return Err(Fault::Calendar);
    }
    let past = year - 1;
    let before = past * 365 + past / 4 - past / 100 + past / 400;
    Ok(i64::from(before) + BEFORE[month] + i64::from(leap && month > 2) + day - EPOCH)
}

#[inline]
pub(super) fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use proptest::sample::select;

    #[test]
    fn a_fraction_of_a_second_is_cut_to_microseconds() {
        for (text, micros) in [
            (".5", 500_000),
            (",25", 250_000),
            (".123456", 123_456),
            (".1234569", 123_456),
            (".123456789", 123_456),
            (".123456789012", 123_456),
            (".000001", 1),
        ] {
            let written = iso(format!("2026-01-31 10:00:00{text}").as_bytes()).unwrap();
            assert_eq!(written.local % MICROS, micros, "{text}");
        }
        assert_eq!(iso(b"2026-01-31 10:00:00."), Err(Fault::Shape));
    }

    #[test]
    fn an_offset_is_read_whole_or_refused() {
        let offset = |text: &str| iso(format!("2026-01-31 10:00{text}").as_bytes()).map(|w| w.offset_seconds);
        for (text, seconds) in [
            ("Z", 0),
            (" z", 0),
            (" UTC", 0),
            (" gmt", 0),
            ("+01:00", 3600),
            (" +0100", 3600),
            ("-05", -18_000),
            ("+05:45", 20_700),
            ("+00:09:21", 561),
            ("-000921", -561),
        ] {
            assert_eq!(offset(text), Ok(Some(seconds)), "{text}");
        }
        assert_eq!(offset(""), Ok(None));
        for wrong in
            [" PST", "CET", "+1", "+1:00", "+01:0", "+01:00 ", " ", "+", "Z+01", "+01:00:00:00", "+010"]
        {
            assert_eq!(offset(wrong), Err(Fault::Shape), "{wrong}");
        }
        assert_eq!(offset("+16:00"), Err(Fault::Calendar));
        assert_eq!(offset("+01:60"), Err(Fault::Calendar));
    }

    #[test]
    fn what_is_no_iso_form_is_refused() {
        for wrong in
            ["2026-1-31", "2026-01-31T", "2026-01-31 10", "2026-01-31x10:00", "2026-01-31 10:00 Paris"]
        {
            assert_eq!(iso(wrong.as_bytes()), Err(Fault::Shape), "{wrong}");
        }
        for impossible in ["2026-02-29", "2026-13-01", "2026-01-31 24:00", "0000-01-01"] {
            assert_eq!(iso(impossible.as_bytes()), Err(Fault::Calendar), "{impossible}");
        }
    }

    proptest! {
        #[test]
        fn every_day_agrees_with_chrono(day in -719_162i64..2_932_896) {
            use chrono::{Datelike, NaiveDate, TimeDelta};
            let date = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + TimeDelta::days(day);
            let written = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
            prop_assert_eq!(iso(written.as_bytes()).map(|w| i64::from(w.day())), Ok(day));
        }

        #[test]
        fn the_short_way_reads_what_the_long_one_reads(
            text in "[0-9]{3}[0-9x]-[01][0-9]-[0-3][0-9][ Tt:][0-2][0-9]:[0-6][0-9]:[0-6][0-9]\
                     ([.,]|[.,][0-9]{1,4}|[.,][0-9]{3}|[.,][0-9]{5,8}|)\
                     (Z|z|[+-][012][0-9]:[0-6][0-9]|[+-][01][0-9]{3}| UTC|x|)",
        ) {
            if let Some(usual) = usual_iso(text.as_bytes()) {
                prop_assert_eq!(iso_by_parts(text.as_bytes()), Ok(usual));
            }
        }

        #[test]
        fn a_usual_timestamp_goes_the_short_way(
            day in 0i64..40_000,
            second in 0i64..86_400,
            fraction in select(&["", ".123", ",123456"][..]),
            zone in select(&["", "Z", "+01:00", "-11:30"][..]),
        ) {
            let moment = chrono::DateTime::from_timestamp(day * 86_400 + second, 0).unwrap();
            let text = format!("{}{fraction}{zone}", moment.format("%Y-%m-%d %H:%M:%S"));
            let usual = usual_iso(text.as_bytes());
            prop_assert!(usual.is_some(), "{}", text);
            prop_assert_eq!(iso_by_parts(text.as_bytes()).ok(), usual);
        }

        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = iso(&text);
        }
    }
}
