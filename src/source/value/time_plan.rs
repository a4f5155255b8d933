//! The fast path for texts in which every part is at a fixed place, as in nearly all: two-digit days and
//! hours, single separators.
//!
//! It reads only what the steps of `time_format` would read.

use super::calendar::{DAY, days, pair, time};
use super::time_field::Field;

/// The places of the parts of a format.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    width: usize,
    marks: Vec<(usize, u8)>,
    year: Year,
    month: usize,
    day: usize,
    /// The hours, minutes and seconds that it has.
    clock: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Year {
    Whole(usize),
    /// Two digits, and the last of the hundred years that they name.
    Short(usize, i64),
}

impl Plan {
    /// Returns the places of a format's parts, where it has no others than those.
    pub fn of(parts: &[Field], last_short_year: i64) -> Option<Self> {
        let (mut width, mut marks, mut year, mut month, mut day) = (0, Vec::new(), None, None, None);
        let mut clock = [None; 3];
        for part in parts {
            let at = width;
            width += match part {
                Field::Year => 4,
                Field::Literal(_) | Field::Space => 1,
                _ => 2,
            };
            match part {
                Field::Literal(byte) => marks.push((at, *byte)),
                Field::Space => marks.push((at, b' ')),
                Field::Year => year = Some(Year::Whole(at)),
                Field::YearOfCentury => year = Some(Year::Short(at, last_short_year)),
                Field::Month => month = Some(at),
                Field::Day => day = Some(at),
                Field::Hour => clock[0] = Some(at),
                Field::Minute => clock[1] = Some(at),
                Field::Second => clock[2] = Some(at),
                _ => return None,
            }
        }
        let clock = clock.into_iter().map_while(|place| place).collect();
        Some(Plan { width, marks, year: year?, month: month?, day: day?, clock })
    }

    /// Returns the local microseconds since 1970; nothing where the text has another form, or no calendar
    /// has its day.
    #[inline(always)]
    pub fn read(&self, text: &[u8]) -> Option<i64> {
        if text.len() != self.width {
            return None;
        }
        let two = |at: usize| pair(*text.get(at)?, *text.get(at + 1)?);
        let year = match self.year {
            Year::Whole(at) => two(at)? * 100 + two(at + 2)?,
            Year::Short(at, last) => of_hundred(two(at)?, last),
        };
        let day = days(year, two(self.month)?, two(self.day)?).ok()?;
        let time = match self.clock.as_slice() {
            [] => 0,
            [hour] => time(two(*hour)?, 0, 0).ok()?,
            [hour, minute] => time(two(*hour)?, two(*minute)?, 0).ok()?,
            [hour, minute, second, ..] => time(two(*hour)?, two(*minute)?, two(*second)?).ok()?,
        };
        self.marks.iter().all(|(at, mark)| text.get(*at) == Some(mark)).then_some(day * DAY + time)
    }
}

/// Returns the year that two digits name, of the hundred that end with `last`.
#[inline]
pub(super) fn of_hundred(short: i64, last: i64) -> i64 {
    last - (last - short).rem_euclid(100)
}
