//! Declared formats of dates and timestamps, and texts read by them.
//!
//! A format has the letters of strftime. It is taken apart once, and every text is read by hand: each
//! part is read whole or the text is refused, so that nothing a value says (half a second, an offset,
//! a zone) is passed over.

use super::calendar::{DAY, Digits, Written, days, is_leap, iso, time};
use super::fault::Fault;

/// A declared format.
#[derive(Debug, Clone, PartialEq)]
pub enum TimeFormat {
    /// ISO 8601, as [`iso`] has it.
    Iso,
    /// A count since 1970 in UTC.
    Unix(UnixUnit),
    Fields(Fields),
    /// The first that reads the text counts; no two read one text differently.
    AnyOf(Vec<TimeFormat>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnixUnit {
    Seconds,
    Millis,
    Micros,
    Nanos,
}

/// A format taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    pub parts: Vec<Field>,
    /// The last of the hundred years that two digits name.
    pub last_short_year: i64,
    /// The offset that the format itself names, as with a literal `Z`.
    pub offset: Option<i64>,
    /// What abbreviations of zones stand for, in seconds.
    pub abbreviations: Vec<(String, i64)>,
    /// Whether it reads no time of day.
    pub whole_day: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Year,
    YearOfCentury,
    Month,
    MonthName,
    Day,
    DayOfYear,
    IsoYear,
    IsoWeek,
    /// Monday is 1, Sunday 7; in the other count Sunday is 0.
    WeekdayFromMonday,
    WeekdayFromSunday,
    WeekdayName,
    Hour,
    Hour12,
    HalfOfDay,
    Minute,
    Second,
    /// As many digits as there are.
    Fraction,
    /// So many digits.
    FractionOf(u8),
    /// With its point, or nothing.
    PointAndFraction,
    Offset,
    Abbreviation,
    /// Spaces in place of leading zeros.
    Padding,
    /// One space or more, of any kind.
    Space,
    Literal(u8),
}

impl Field {
    /// Whether it begins with a digit.
    pub fn is_digits(self) -> bool {
        use Field::*;
        match self {
            Year | YearOfCentury | Month | Day | DayOfYear | IsoYear | IsoWeek | WeekdayFromMonday
            | WeekdayFromSunday | Hour | Hour12 | Minute | Second | Fraction | FractionOf(_) => true,
            Literal(byte) => byte.is_ascii_digit(),
            MonthName | WeekdayName | HalfOfDay | PointAndFraction | Offset | Abbreviation | Padding
            | Space => false,
        }
    }
}

impl TimeFormat {
    #[inline]
    pub fn read(&self, text: &[u8]) -> Result<Written, Fault> {
        match self {
            TimeFormat::Iso => iso(text),
            TimeFormat::Unix(unit) => unix(text, *unit),
            TimeFormat::Fields(fields) => fields.read(text),
            TimeFormat::AnyOf(formats) => any_of(formats, text),
        }
    }

    /// Whether no text that it reads has a time of day.
    pub fn names_only_days(&self) -> bool {
        match self {
            TimeFormat::Iso | TimeFormat::Unix(_) => false,
            TimeFormat::Fields(fields) => fields.whole_day,
            TimeFormat::AnyOf(formats) => formats.iter().all(TimeFormat::names_only_days),
        }
    }

    /// Whether a text that it reads is a day without a time of day.
    pub fn reads_a_day(&self, text: &[u8]) -> bool {
        match self {
            TimeFormat::Iso => text.len() == 10,
            TimeFormat::Unix(_) => false,
            TimeFormat::Fields(fields) => fields.whole_day,
            TimeFormat::AnyOf(formats) => {
                formats.iter().find(|format| format.read(text).is_ok()).is_some_and(|f| f.reads_a_day(text))
            }
        }
    }
}

/// Reads by the first format that can; of their reasons why none can, the most telling is given.
fn any_of(formats: &[TimeFormat], text: &[u8]) -> Result<Written, Fault> {
    let mut why = Fault::Shape;
    for format in formats {
        match format.read(text) {
            Err(Fault::Shape) => {}
            Err(fault) => why = fault,
            read => return read,
        }
    }
    Err(why)
}

/// Digits finer than microseconds are cut, to the microsecond before.
fn unix(text: &[u8], unit: UnixUnit) -> Result<Written, Fault> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let whole = digits.iter().position(|&b| b == b'.').unwrap_or(digits.len());
    let part = digits.get(whole + 1..).unwrap_or_default();
    let all = digits[..whole].iter().chain(part);
    if whole == 0 || whole + 1 == digits.len() || !all.clone().all(u8::is_ascii_digit) {
        return Err(super::number::why_no_number(text));
    }
    // How many digits stand before the microseconds' mark.
    let kept = match unit {
        UnixUnit::Seconds => whole + 6,
        UnixUnit::Millis => whole + 3,
        UnixUnit::Micros => whole,
        UnixUnit::Nanos => whole.saturating_sub(3),
    };
    let mut micros = 0i64;
    let mut digits = all.clone().map(|b| i64::from(b - b'0'));
    for _ in 0..kept {
        let digit = digits.next().unwrap_or(0);
        micros = micros.checked_mul(10).and_then(|m| m.checked_add(digit)).ok_or(Fault::Range)?;
    }
    let cut = digits.any(|digit| digit != 0);
    let local = if negative { -micros - i64::from(cut) } else { micros };
    // A count in a finer unit than declared is a time that no calendar is used for.
    if !(FIRST..=LAST).contains(&local) {
        return Err(Fault::Range);
    }
    Ok(Written { local, offset_seconds: Some(0) })
}

/// The years 1 to 9999.
const FIRST: i64 = -719_162 * DAY;
const LAST: i64 = 2_932_897 * DAY - 1;

/// What the fields of a text said.
#[derive(Default)]
struct Said {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    /// Monday is 1.
    weekday: Option<i64>,
    hour: Option<i64>,
    hour12: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    offset: Option<i64>,
}

impl Fields {
    pub fn read(&self, text: &[u8]) -> Result<Written, Fault> {
        let mut digits = Digits { text, at: 0 };
        let mut said = Said { offset: self.offset, ..Said::default() };
        for (i, field) in self.parts.iter().enumerate() {
            // Without something between them, a field must be full width to know where it ends.
            let glued = self.parts.get(i + 1).is_some_and(|next| next.is_digits());
            let mut number = |width: usize| if glued { digits.exactly(width) } else { digits.up_to(width) };
            match *field {
                Field::Literal(literal) => digits.literal(literal)?,
                Field::Month => said.month = Some(number(2)?),
                Field::Day => said.day = Some(number(2)?),
                Field::Hour => said.hour = Some(number(2)?),
                Field::Minute => said.minute = number(2)?,
                Field::Second => said.second = number(2)?,
                Field::Year => said.year = Some(digits.exactly(4)?),
                Field::YearOfCentury => said.year = Some(self.year(digits.exactly(2)?)),
                Field::Space => space(&mut digits)?,
                Field::Padding => {
                    while digits.peek() == Some(b' ') {
                        digits.at += 1;
                    }
                }
                Field::Fraction => said.micros = digits.fraction()?,
                Field::FractionOf(count) => {
                    let count = usize::from(count);
                    let end = digits.at + count;
                    let mut fraction = Digits { text: text.get(..end).ok_or(Fault::Shape)?, at: digits.at };
                    said.micros = fraction.fraction()?;
                    digits.at = fraction.at;
                    if digits.at != end {
                        return Err(Fault::Shape);
                    }
                }
                Field::PointAndFraction => {
                    if matches!(digits.peek(), Some(b'.' | b',')) {
                        digits.at += 1;
                        said.micros = digits.fraction()?;
                    }
                }
                Field::MonthName => said.month = Some(name(&mut digits, &MONTHS)?),
                Field::WeekdayName => said.weekday = Some(name(&mut digits, &WEEKDAYS)?),
                Field::WeekdayFromMonday => said.weekday = Some(digits.exactly(1)?),
                Field::WeekdayFromSunday => {
                    said.weekday = Some(match digits.exactly(1)? {
                        0 => 7,
                        7.. => return Err(Fault::Calendar),
                        day => day,
                    });
                }
                Field::DayOfYear => said.day_of_year = Some(number(3)?),
                Field::IsoYear => said.iso_year = Some(digits.exactly(4)?),
                Field::IsoWeek => said.iso_week = Some(number(2)?),
                Field::Hour12 => said.hour12 = Some(number(2)?),
                Field::HalfOfDay => said.afternoon = Some(name(&mut digits, &["AM", "PM"])? == 2),
                Field::Offset => said.offset = Some(digits.offset()?),
                Field::Abbreviation => said.offset = Some(self.zone(&mut digits)?),
            }
        }
        if digits.at != text.len() {
            return Err(Fault::Shape);
        }
        let local = said.days()? * DAY + said.time()?;
        Ok(Written { local, offset_seconds: said.offset })
    }

    /// The year that two digits name.
    #[inline]
    fn year(&self, short: i64) -> i64 {
        let last = self.last_short_year;
        last - (last - short).rem_euclid(100)
    }

    /// The offset that an abbreviation stands for: of many zones each means several.
    fn zone(&self, digits: &mut Digits<'_>) -> Result<i64, Fault> {
        let letters = digits.rest().iter().take_while(|b| b.is_ascii_alphabetic()).count();
        if letters == 0 {
            return digits.offset();
        }
        let word = &digits.rest()[..letters];
        let declared = self.abbreviations.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word));
        let utc = ["UTC", "GMT", "Z"].iter().any(|utc| utc.as_bytes().eq_ignore_ascii_case(word));
        digits.at += letters;
        match declared {
            Some((_, offset)) => Ok(*offset),
            // `GMT+0200`, as JavaScript writes.
            None if utc && matches!(digits.peek(), Some(b'+' | b'-')) => digits.offset(),
            None if utc => Ok(0),
            None => Err(Fault::Abbreviation),
        }
    }
}

impl Said {
    /// Days since 1970.
    #[inline]
    fn days(&self) -> Result<i64, Fault> {
        let day = match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => days(year, month, day)?,
            _ => self.unusual_days()?,
        };
        match self.weekday {
            // 1 January 1970 was a Thursday.
            Some(weekday) if (day + 3).rem_euclid(7) + 1 != weekday => Err(Fault::Calendar),
            _ => Ok(day),
        }
    }

    fn unusual_days(&self) -> Result<i64, Fault> {
        match (self.year, self.day_of_year, self.iso_year, self.iso_week, self.weekday) {
            (Some(year), Some(day), ..) => {
                let length = 365 + i64::from(is_leap(year));
                if !(1..=length).contains(&day) {
                    return Err(Fault::Calendar);
                }
                Ok(days(year, 1, 1)? + day - 1)
            }
            (_, _, Some(year), Some(week), Some(weekday)) => {
                if !(1..=53).contains(&week) || !(1..=7).contains(&weekday) {
                    return Err(Fault::Calendar);
                }
                // The week of 4 January is the first.
                let monday = |fourth: i64| fourth - (fourth + 3).rem_euclid(7);
                let day = monday(days(year, 1, 4)?) + (week - 1) * 7 + weekday - 1;
                if week == 53 && monday(days(year + 1, 1, 4)?) <= day {
                    return Err(Fault::Calendar);
                }
                Ok(day)
            }
            _ => Err(Fault::Shape),
        }
    }

    /// Microseconds since midnight.
    #[inline]
    fn time(&self) -> Result<i64, Fault> {
        let hour = match (self.hour, self.hour12, self.afternoon) {
            (Some(hour), None, None) => hour,
            (None, None, _) => 0,
            (hour, hour12, afternoon) => {
                let of_twelve = match (hour12, afternoon) {
                    (Some(hour @ 1..=12), Some(afternoon)) => {
                        Some(hour % 12 + if afternoon { 12 } else { 0 })
                    }
                    (Some(_), _) => return Err(Fault::Calendar),
                    (None, _) => None,
                };
                let hour = hour.or(of_twelve).ok_or(Fault::Shape)?;
                // `13:05 PM` is one o'clock; `01:05 PM` under a clock of 24 hours contradicts itself.
                let agrees = of_twelve.is_none_or(|other| other == hour)
                    && afternoon.is_none_or(|afternoon| afternoon == (hour >= 12));
                if !agrees {
                    return Err(Fault::Calendar);
                }
                hour
            }
        };
        Ok(time(hour, self.minute, self.second)? + self.micros)
    }
}

/// One space or more: spreadsheets and browsers also write no-break spaces.
#[inline]
fn space(digits: &mut Digits<'_>) -> Result<(), Fault> {
    let begin = digits.at;
    loop {
        match digits.rest() {
            [b' ' | b'\t' | b'\n' | b'\r', ..] => digits.at += 1,
            [0xC2, 0xA0, ..] => digits.at += 2,
            [0xE2, 0x80, 0xAF | 0x89, ..] => digits.at += 3,
            _ if digits.at > begin => return Ok(()),
            _ => return Err(Fault::Shape),
        }
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The place, from 1, of a name written whole or by its first three letters, in any case.
fn name(digits: &mut Digits<'_>, names: &[&str]) -> Result<i64, Fault> {
    let begins =
        |name: &[u8]| digits.rest().get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name));
    let whole = names.iter().position(|name| begins(name.as_bytes())).map(|at| (at, names[at].len()));
    let short =
        || names.iter().position(|name| begins(&name.as_bytes()[..3.min(name.len())])).map(|at| (at, 3));
    let (place, letters) = whole.or_else(short).ok_or(Fault::Shape)?;
    digits.at += letters;
    Ok(place as i64 + 1)
}
