//! Combines the parsed parts of a text into a date or a timestamp.

use super::calendar::{Digits, days, is_leap, time};
use super::fault::Fault;
use super::time_field::Field;

/// The values of the parts of a text; below zero if the text does not have the part.
pub struct ParsedParts {
    pub year: i32,
    pub month: i32,
    pub day: i32,
    pub hour: i32,
    pub minute: i32,
    pub second: i32,
    pub micros: i32,
    pub day_of_year: i32,
    pub iso_year: i32,
    pub iso_week: i32,
    /// Monday is 1.
    pub weekday: i32,
    pub hour12: i32,
    /// 1 in the morning, 2 in the afternoon.
    pub half: i32,
}

pub const NOTHING: ParsedParts = ParsedParts {
    year: -1,
    month: -1,
    day: -1,
    hour: -1,
    minute: 0,
    second: 0,
    micros: 0,
    day_of_year: -1,
    iso_year: -1,
    iso_week: -1,
    weekday: -1,
    hour12: -1,
    half: -1,
};

impl ParsedParts {
    pub(super) fn unusual_number(&mut self, field: Field, number: i32) -> Result<(), Fault> {
        match field {
            Field::DayOfYear => self.day_of_year = number,
            Field::IsoYear => self.iso_year = number,
            Field::IsoWeek => self.iso_week = number,
            Field::WeekdayFromMonday => self.weekday = number,
            Field::WeekdayFromSunday if number < 7 => self.weekday = if number == 0 { 7 } else { number },
            Field::WeekdayFromSunday => return Err(Fault::Calendar),
            Field::Hour12 => self.hour12 = number,
            _ => return Err(Fault::Shape),
        }
        Ok(())
    }

    /// Days since 1970.
    #[inline]
    pub fn days(&self) -> Result<i64, Fault> {
        let day = if self.day >= 0 {
            days(i64::from(self.year), i64::from(self.month), i64::from(self.day))?
        } else {
            self.unusual_days()?
        };
        // 1 January 1970 was a Thursday.
        if self.weekday >= 0 && (day + 3).rem_euclid(7) + 1 != i64::from(self.weekday) {
            return Err(Fault::Calendar);
        }
        Ok(day)
    }

    fn unusual_days(&self) -> Result<i64, Fault> {
        if self.day_of_year >= 0 {
            let (year, day) = (i64::from(self.year), i64::from(self.day_of_year));
            if !(1..=365 + i64::from(is_leap(self.year as u32))).contains(&day) {
                return Err(Fault::Calendar);
            }
            return Ok(days(year, 1, 1)? + day - 1);
        }
        let (year, week, weekday) =
            (i64::from(self.iso_year), i64::from(self.iso_week), i64::from(self.weekday));
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

    /// Microseconds since midnight.
    #[inline]
    pub fn time(&self) -> Result<i64, Fault> {
        let hour = if self.half < 0 { self.hour.max(0) } else { self.hour_by_half()? };
        Ok(time(i64::from(hour), i64::from(self.minute), i64::from(self.second))? + i64::from(self.micros))
    }

    /// `13:05 PM` is one o'clock; `01:05 PM` under a clock of 24 hours contradicts itself.
    fn hour_by_half(&self) -> Result<i32, Fault> {
        let afternoon = self.half == 2;
        if self.hour12 >= 0 && !(1..=12).contains(&self.hour12) {
            return Err(Fault::Calendar);
        }
        let of_twelve = self.hour12 % 12 + if afternoon { 12 } else { 0 };
        let hour = if self.hour >= 0 { self.hour } else { of_twelve };
        let agrees = (self.hour12 < 0 || of_twelve == hour) && afternoon == (hour >= 12);
        if agrees { Ok(hour) } else { Err(Fault::Calendar) }
    }
}

/// Returns one space or more: spreadsheets and browsers also write no-break spaces.
#[inline]
pub fn space(digits: &mut Digits<'_>) -> Result<(), Fault> {
    // Nearly always one plain space.
    if let [b' ', next, ..] = digits.rest()
        && (b'!'..0x80).contains(next)
    {
        digits.at += 1;
        return Ok(());
    }
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

pub const MONTHS: [&str; 12] = [
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
pub(super) const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Returns the place, from 1, of a name written whole or by its first three letters, in any case.
pub fn name(digits: &mut Digits<'_>, names: &[&str]) -> Result<i32, Fault> {
    let begins =
        |name: &[u8]| digits.rest().get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name));
    let whole = names.iter().position(|name| begins(name.as_bytes())).map(|at| (at, names[at].len()));
    let short =
        || names.iter().position(|name| begins(&name.as_bytes()[..3.min(name.len())])).map(|at| (at, 3));
    let (place, letters) = whole.or_else(short).ok_or(Fault::Shape)?;
    digits.at += letters;
    Ok(place as i32 + 1)
}
