//! Dates and timestamps read from text, and local times placed in UTC.
//!
//! The usual ISO forms and formats made of `%Y %m %d %y %H %M %S %f` are read by hand; any other
//! format goes through chrono.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone};
use chrono_tz::Tz;

use super::fault::Fault;

const MICROS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROS;

/// A moment as written: local microseconds since 1970, and its offset from UTC where it says one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    pub local: i64,
    pub offset_seconds: Option<i64>,
}

impl Written {
    /// The day as written, in days since 1970.
    pub fn day(self) -> i32 {
        // Years have four digits, so days are within ±4 million.
        self.local.div_euclid(DAY) as i32
    }

    pub fn is_midnight(self) -> bool {
        self.local.rem_euclid(DAY) == 0
    }
}

/// A declared format.
#[derive(Debug, Clone, PartialEq)]
pub enum TimeFormat {
    /// ISO 8601: `2026-01-31`, `2026-01-31 10:00[:00[.123456]]`, with `T`, `Z` or an offset.
    Iso,
    /// Seconds, or milliseconds, since 1970 in UTC.
    UnixSeconds,
    UnixMillis,
    /// Fixed fields, read by hand.
    Fields(Vec<Field>),
    /// Anything else chrono knows.
    Chrono {
        format: String,
        zoned: bool,
        timed: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Year,
    YearOfCentury,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
    Literal(u8),
}

impl TimeFormat {
    /// Reads a format; the error completes the sentence "the format …".
    pub fn parse(format: &str, timed: bool) -> Result<Self, String> {
        match format {
            "unix" | "%s" if timed => return Ok(TimeFormat::UnixSeconds),
            "unix_ms" if timed => return Ok(TimeFormat::UnixMillis),
            _ => {}
        }
        let items: Vec<Item> = StrftimeItems::new(format).collect();
        if items.iter().any(|item| matches!(item, Item::Error)) {
            return Err("has an unknown %-letter".to_owned());
        }
        let parsed = match fields(format) {
            Some(fields) => TimeFormat::Fields(fields),
            None => {
                let zoned = ["%z", "%:z", "%::z", "%#z", "%+"].iter().any(|z| format.contains(z));
                TimeFormat::Chrono { format: format.to_owned(), zoned, timed }
            }
        };
        // A format that cannot read what it writes lacks a part of the date.
        let sample = NaiveDate::from_ymd_opt(2001, 2, 3).and_then(|d| d.and_hms_opt(16, 5, 6));
        let Some(sample) = sample.map(|s| s.and_utc()) else { return Ok(parsed) };
        let mut text = String::new();
        if std::fmt::Write::write_fmt(&mut text, format_args!("{}", sample.format(format))).is_err() {
            return Err("cannot be written".to_owned());
        }
        match parsed.read(text.as_bytes()) {
            Ok(written) if written.day() == 11_356 => Ok(parsed),
            _ => Err(format!("does not name a whole {}", if timed { "timestamp" } else { "date" })),
        }
    }

    #[inline]
    pub fn read(&self, text: &[u8]) -> Result<Written, Fault> {
        match self {
            TimeFormat::Iso => iso(text),
            TimeFormat::Fields(fields) => by_fields(text, fields),
            TimeFormat::UnixSeconds => unix(text, 6),
            TimeFormat::UnixMillis => unix(text, 3),
            TimeFormat::Chrono { format, zoned, timed } => by_chrono(text, format, *zoned, *timed),
        }
    }
}

fn fields(format: &str) -> Option<Vec<Field>> {
    let format = format.replace("%F", "%Y-%m-%d").replace("%T", "%H:%M:%S").replace("%R", "%H:%M");
    let mut fields = Vec::new();
    let mut bytes = format.bytes();
    while let Some(byte) = bytes.next() {
        fields.push(match byte {
            b'%' => match bytes.next()? {
                b'Y' => Field::Year,
                b'y' => Field::YearOfCentury,
                b'm' => Field::Month,
                b'd' => Field::Day,
                b'H' => Field::Hour,
                b'M' => Field::Minute,
                b'S' => Field::Second,
                b'f' => Field::Fraction,
                b'%' => Field::Literal(b'%'),
                _ => return None,
            },
            literal => Field::Literal(literal),
        });
    }
    Some(fields)
}

fn unix(text: &[u8], zeros: u8) -> Result<Written, Fault> {
    let local = super::number::decimal(text, 18, zeros, b'.')?;
    let local = i64::try_from(local).map_err(|_| Fault::Range)?;
    Ok(Written { local, offset_seconds: Some(0) })
}

fn by_chrono(text: &[u8], format: &str, zoned: bool, timed: bool) -> Result<Written, Fault> {
    let text = std::str::from_utf8(text).map_err(|_| Fault::Shape)?;
    let written = |local: NaiveDateTime, offset_seconds| Written {
        local: local.and_utc().timestamp_micros(),
        offset_seconds,
    };
    if zoned {
        let moment = DateTime::parse_from_str(text, format).map_err(|_| Fault::Shape)?;
        let offset = i64::from(moment.offset().fix().local_minus_utc());
        return Ok(written(moment.naive_local(), Some(offset)));
    }
    if timed && let Ok(moment) = NaiveDateTime::parse_from_str(text, format) {
        return Ok(written(moment, None));
    }
    NaiveDate::parse_from_str(text, format)
        .map(|day| written(day.and_time(NaiveTime::MIN), None))
        .map_err(|_| Fault::Shape)
}

/// A reader of digits at a place in the text.
struct Digits<'a> {
    text: &'a [u8],
    at: usize,
}

impl Digits<'_> {
    #[inline]
    fn exactly(&mut self, count: usize) -> Result<i64, Fault> {
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

    /// One or two digits: spreadsheets drop the leading zero.
    fn up_to_two(&mut self) -> Result<i64, Fault> {
        let second = self.text.get(self.at + 1).is_some_and(u8::is_ascii_digit);
        self.exactly(if second { 2 } else { 1 })
    }

    /// The digits of a fraction of a second, in microseconds; finer digits are cut.
    fn fraction(&mut self) -> Result<i64, Fault> {
        let (mut value, mut count) = (0, 0);
        while let Some(byte) = self.text.get(self.at).filter(|b| b.is_ascii_digit()) {
            if count < 6 {
                value = value * 10 + i64::from(byte - b'0');
            }
            count += 1;
            self.at += 1;
        }
        if count == 0 || count > 9 {
            return Err(Fault::Shape);
        }
        for _ in count..6 {
            value *= 10;
        }
        Ok(value)
    }

    #[inline]
    fn literal(&mut self, expected: u8) -> Result<(), Fault> {
        if self.peek() != Some(expected) {
            return Err(Fault::Shape);
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
}

fn by_fields(text: &[u8], fields: &[Field]) -> Result<Written, Fault> {
    let mut digits = Digits { text, at: 0 };
    let (mut year, mut month, mut day) = (None, None, None);
    let (mut hour, mut minute, mut second, mut fraction) = (0, 0, 0, 0);
    for (i, field) in fields.iter().enumerate() {
        // Without a literal after it, a field must be full width to know where it ends.
        let glued = fields.get(i + 1).is_some_and(|next| !matches!(next, Field::Literal(_)));
        let mut two = || if glued { digits.exactly(2) } else { digits.up_to_two() };
        match field {
            Field::Month => month = Some(two()?),
            Field::Day => day = Some(two()?),
            Field::Hour => hour = two()?,
            Field::Minute => minute = two()?,
            Field::Second => second = two()?,
            Field::Year => year = Some(digits.exactly(4)?),
            Field::YearOfCentury => {
                // POSIX: 69 to 99 are of the last century.
                let short = digits.exactly(2)?;
                year = Some(short + if short >= 69 { 1900 } else { 2000 });
            }
            Field::Fraction => fraction = digits.fraction()?,
            Field::Literal(literal) => digits.literal(*literal)?,
        }
    }
    if digits.at != text.len() {
        return Err(Fault::Shape);
    }
    let (Some(year), Some(month), Some(day)) = (year, month, day) else { return Err(Fault::Shape) };
    let local = days(year, month, day)? * DAY + time(hour, minute, second)? + fraction;
    Ok(Written { local, offset_seconds: None })
}

/// A date in ISO form, in days since 1970; a time of midnight after it is let pass.
#[inline]
pub fn iso_date(text: &[u8]) -> Result<i32, Fault> {
    if text.len() == 10 {
        let mut digits = Digits { text, at: 0 };
        return Ok(iso_day(&mut digits)? as i32);
    }
    let written = iso(text)?;
    if written.is_midnight() { Ok(written.day()) } else { Err(Fault::Shape) }
}

#[inline]
fn iso_day(digits: &mut Digits<'_>) -> Result<i64, Fault> {
    let year = digits.exactly(4)?;
    digits.literal(b'-')?;
    let month = digits.exactly(2)?;
    digits.literal(b'-')?;
    let day = digits.exactly(2)?;
    days(year, month, day)
}

fn iso(text: &[u8]) -> Result<Written, Fault> {
    let mut digits = Digits { text, at: 0 };
    let mut local = iso_day(&mut digits)? * DAY;
    let mut offset_seconds = None;
    if digits.at < text.len() {
        if !matches!(digits.peek(), Some(b' ' | b'T' | b't')) {
            return Err(Fault::Shape);
        }
        digits.at += 1;
        let hour = digits.exactly(2)?;
        digits.literal(b':')?;
        let minute = digits.exactly(2)?;
        let mut second = 0;
        if digits.peek() == Some(b':') {
            digits.at += 1;
            second = digits.exactly(2)?;
            if matches!(digits.peek(), Some(b'.' | b',')) {
                digits.at += 1;
                local += digits.fraction()?;
            }
        }
        local += time(hour, minute, second)?;
        offset_seconds = offset(&mut digits)?;
    }
    if digits.at != text.len() {
        return Err(Fault::Shape);
    }
    Ok(Written { local, offset_seconds })
}

/// `Z`, `+01:00`, `+0100`, `+01`, ` UTC`, or nothing.
fn offset(digits: &mut Digits<'_>) -> Result<Option<i64>, Fault> {
    if digits.text[digits.at..].eq_ignore_ascii_case(b" utc") {
        digits.at += 4;
        return Ok(Some(0));
    }
    if digits.peek() == Some(b' ') {
        digits.at += 1;
    }
    let sign = match digits.peek() {
        None => return Ok(None),
        Some(b'Z' | b'z') => {
            digits.at += 1;
            return Ok(Some(0));
        }
        Some(b'+') => 1,
        Some(b'-') => -1,
        Some(_) => return Err(Fault::Shape),
    };
    digits.at += 1;
    let hours = digits.exactly(2)?;
    if digits.peek() == Some(b':') {
        digits.at += 1;
    }
    let minutes = if digits.at < digits.text.len() { digits.exactly(2)? } else { 0 };
    if hours > 15 || minutes > 59 {
        return Err(Fault::Calendar);
    }
    Ok(Some(sign * (hours * 3600 + minutes * 60)))
}

#[inline]
fn time(hour: i64, minute: i64, second: i64) -> Result<i64, Fault> {
    // A leap second counts as the last one of its minute, as POSIX time does.
    if hour > 23 || minute > 59 || second > 60 {
        return Err(Fault::Calendar);
    }
    Ok((hour * 3600 + minute * 60 + second.min(59)) * MICROS)
}

/// Days since 1970 of a proleptic Gregorian date (H. Hinnant, "chrono-compatible low-level date
/// algorithms", 2013).
#[inline]
fn days(year: i64, month: i64, day: i64) -> Result<i64, Fault> {
    const LENGTHS: [i64; 13] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if !(1..=12).contains(&month) || year == 0 {
        return Err(Fault::Calendar);
    }
    let length = LENGTHS[month as usize] + i64::from(leap && month == 2);
    if !(1..=length).contains(&day) {
        return Err(Fault::Calendar);
    }
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Ok(era * 146_097 + day_of_era - 719_468)
}

/// Places local times of one zone in UTC, remembering the offsets of the days it met.
#[derive(Debug, Clone)]
pub struct Placer {
    zone: Tz,
    /// Days of one offset from midnight to midnight: (day, offset in microseconds), by day modulo.
    known: Vec<(i64, i64)>,
}

const KNOWN: i64 = 64;

impl Placer {
    pub fn new(zone: Tz) -> Self {
        Placer { zone, known: vec![(i64::MIN, 0); KNOWN as usize] }
    }

    /// Microseconds since 1970 in UTC. Of an hour that happens twice the first is taken; an hour
    /// that the clocks skip is refused.
    #[inline]
    pub fn utc(&mut self, written: Written) -> Result<i64, Fault> {
        if let Some(offset) = written.offset_seconds {
            return Ok(written.local - offset * MICROS);
        }
        self.local_to_utc(written.local)
    }

    #[inline]
    pub fn local_to_utc(&mut self, local: i64) -> Result<i64, Fault> {
        if self.zone == Tz::UTC {
            return Ok(local);
        }
        let day = local.div_euclid(DAY);
        let slot = day.rem_euclid(KNOWN) as usize;
        if self.known[slot].0 == day {
            return Ok(local - self.known[slot].1);
        }
        let start = self.offset(day * DAY);
        if let Some(start) = start
            && Some(start) == self.offset(day * DAY + DAY - 1)
        {
            self.known[slot] = (day, start);
            return Ok(local - start);
        }
        let naive = DateTime::from_timestamp_micros(local).ok_or(Fault::Range)?.naive_utc();
        self.zone
            .from_local_datetime(&naive)
            .earliest()
            .map(|moment| moment.timestamp_micros())
            .ok_or(Fault::Gap)
    }

    /// The offset of a local time that has exactly one.
    fn offset(&self, local: i64) -> Option<i64> {
        let naive = DateTime::from_timestamp_micros(local)?.naive_utc();
        let moment = self.zone.from_local_datetime(&naive).single()?;
        Some(i64::from(moment.offset().fix().local_minus_utc()) * MICROS)
    }

    /// The local day of a moment, in days since 1970.
    pub fn day(&self, written: Written) -> Result<i32, Fault> {
        let Some(offset) = written.offset_seconds else { return Ok(written.day()) };
        let utc = written.local - offset * MICROS;
        let moment = DateTime::from_timestamp_micros(utc).ok_or(Fault::Range)?;
        let offset = self.zone.offset_from_utc_datetime(&moment.naive_utc()).fix();
        let local = moment
            .naive_utc()
            .checked_add_signed(TimeDelta::seconds(i64::from(offset.local_minus_utc())))
            .ok_or(Fault::Range)?;
        i32::try_from(local.and_utc().timestamp().div_euclid(86_400)).map_err(|_| Fault::Range)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Datelike;
    use proptest::prelude::*;

    fn micros(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    fn paris(text: &str) -> Result<i64, Fault> {
        Placer::new(chrono_tz::Europe::Paris).utc(iso(text.as_bytes())?)
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
            let utc = Placer::new(Tz::UTC).utc(iso(same.as_bytes()).unwrap());
            assert_eq!(utc, Ok(micros("2026-01-31T10:00:00Z")), "{same}");
        }
        assert_eq!(iso(b"2026-01-31 10:00:00.123456789").unwrap().local % MICROS, 123_456);
        for wrong in
            ["2026-1-31", "2026-01-31T", "2026-01-31 10", "2026-01-31x10:00", "2026-01-31 10:00 Paris"]
        {
            assert_eq!(iso(wrong.as_bytes()), Err(Fault::Shape), "{wrong}");
        }
        for impossible in ["2026-02-29", "2026-13-01", "2026-01-31 24:00", "0000-01-01"] {
            assert_eq!(iso(impossible.as_bytes()), Err(Fault::Calendar), "{impossible}");
        }
    }

    #[test]
    fn a_date_is_a_day_without_a_time() {
        assert_eq!(iso_date(b"1970-01-02"), Ok(1));
        assert_eq!(iso_date(b"1970-01-02 00:00:00"), Ok(1));
        assert_eq!(iso_date(b"1970-01-02 08:00:00"), Err(Fault::Shape));
    }

    #[test]
    fn formats_are_obeyed() {
        let read = |format: &str, text: &str| {
            TimeFormat::parse(format, true).unwrap().read(text.as_bytes()).map(|w| w.local)
        };
        let ten = micros("2010-12-01T10:05:00Z");
        assert_eq!(read("%d/%m/%Y %H:%M", "01/12/2010 10:05"), Ok(ten));
        assert_eq!(read("%d/%m/%Y %H:%M", "1/12/2010 10:05"), Ok(ten));
        assert_eq!(read("%d.%m.%y %T", "01.12.10 10:05:00"), Ok(ten));
        assert_eq!(read("%Y%m%d%H%M%S", "20101201100500"), Ok(ten));
        assert_eq!(read("%d %b %Y, %I:%M %p", "01 Dec 2010, 10:05 AM"), Ok(ten));
        assert_eq!(read("%d/%m/%Y %H:%M %z", "01/12/2010 10:05 +0100"), Ok(ten));
        assert_eq!(read("unix", "1291197900"), Ok(ten));
        assert_eq!(read("unix_ms", "1291197900000"), Ok(ten));
        assert_eq!(read("%d/%m/%Y", "31/02/2010"), Err(Fault::Calendar));
        assert_eq!(read("%d/%m/%Y", "2010-12-01"), Err(Fault::Shape));
        assert_eq!(read("%d/%m/%Y", "01/12/10"), Err(Fault::Shape), "the year is not 10 A.D.");
        assert!(TimeFormat::parse("%d/%m", false).is_err());
        assert!(TimeFormat::parse("%Q", false).is_err());
        assert!(TimeFormat::parse("%H:%M", true).is_err());
    }

    #[test]
    fn local_times_are_placed_in_utc() {
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

    proptest! {
        #[test]
        fn every_day_agrees_with_chrono(day in -719_162i64..2_932_896) {
            let date = NaiveDate::from_ymd_opt(1970, 1, 1).unwrap() + TimeDelta::days(day);
            let written = format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day());
            prop_assert_eq!(iso_date(written.as_bytes()), Ok(day as i32));
        }

        #[test]
        fn every_local_time_agrees_with_chrono(local in 0i64..4_000_000_000) {
            for zone in [chrono_tz::Europe::Paris, chrono_tz::America::New_York, chrono_tz::Australia::Lord_Howe] {
                let mut placer = Placer::new(zone);
                // Warm the memory of the day with its noon.
                let _ = placer.local_to_utc((local / 86_400 * 86_400 + 43_200) * MICROS);
                let naive = DateTime::from_timestamp(local, 0).unwrap().naive_utc();
                let expected = zone.from_local_datetime(&naive).earliest().map(|m| m.timestamp_micros());
                prop_assert_eq!(placer.local_to_utc(local * MICROS).ok(), expected);
            }
        }

        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = iso(&text);
            let _ = iso_date(&text);
            for format in ["%d/%m/%Y %H:%M", "unix", "%d %b %Y"] {
                let _ = TimeFormat::parse(format, true).unwrap().read(&text);
            }
        }
    }
}
