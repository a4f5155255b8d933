//! Declared formats of dates and timestamps, and the parser for texts in them.
//!
//! A format has the letters of strftime. It is split into parts once, and every text is parsed by hand: each
//! part must be read completely or the text is refused, so that nothing in a value (half a second, an offset,
//! a zone) is ignored. Most texts take a fast path (`time_plan`), which gives up on everything unusual; only
//! the slow path says why a text is refused.

use super::calendar::{DAY, Digits, Written, iso, usual_iso};
use super::fault::Fault;
use super::time_field::Field;
use super::time_parts::{MONTHS, NOTHING, ParsedParts, WEEKDAYS, name, space};
use super::time_plan::{Plan, of_hundred};

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

/// A format parsed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fields {
    steps: Vec<Step>,
    /// The short way to what the steps read, if there is one.
    plan: Option<Plan>,
    /// The last of the hundred years that two digits name.
    last_short_year: i64,
    /// The offset that the format itself names, as with a literal `Z`.
    offset: Option<i64>,
    /// The offsets of zone abbreviations, in seconds.
    abbreviations: Vec<(String, i64)>,
    /// Whether it reads no time of day.
    whole_day: bool,
}

/// How one part of a format is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Literal(u8),
    /// A number of two digits, or of one where it need not be whole.
    Two {
        field: Field,
        whole: bool,
    },
    Year,
    /// A number of so many digits at least and at most.
    Number {
        field: Field,
        least: u8,
        most: u8,
    },
    Other(Field),
}

impl TimeFormat {
    pub fn read(&self, text: &[u8]) -> Result<Written, Fault> {
        if let Some(written) = self.read_usual(text) {
            return Ok(written);
        }
        match self {
            TimeFormat::Iso => iso(text),
            TimeFormat::Unix(unit) => unix(text, *unit),
            TimeFormat::Fields(fields) => fields.read(text),
            TimeFormat::AnyOf(formats) => any_of(formats, text),
        }
    }

    /// Reads nearly every text as [`read`](Self::read) does, the short way; returns nothing where a text is
    /// none of those. It is part of the loop over a column, where values stay in registers.
    #[inline(always)]
    pub(super) fn read_usual(&self, text: &[u8]) -> Option<Written> {
        match self {
            TimeFormat::Iso => usual_iso(text),
            TimeFormat::Unix(unit) => usual_unix(text, *unit),
            TimeFormat::Fields(fields) => {
                let local = fields.plan.as_ref()?.read(text)?;
                Some(Written { local, offset_seconds: fields.offset })
            }
            TimeFormat::AnyOf(_) => None,
        }
    }

    /// Returns whether no text that it reads has a time of day.
    pub fn names_only_days(&self) -> bool {
        match self {
            TimeFormat::Iso | TimeFormat::Unix(_) => false,
            TimeFormat::Fields(fields) => fields.whole_day,
            TimeFormat::AnyOf(formats) => formats.iter().all(TimeFormat::names_only_days),
        }
    }

    /// Returns whether a text that it reads is a day without a time of day.
    pub(super) fn reads_a_day(&self, text: &[u8]) -> bool {
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

/// Reads a whole number of no more digits than a count of our time has.
#[inline(always)]
fn usual_unix(text: &[u8], unit: UnixUnit) -> Option<Written> {
    let digits = text.iter().map(|byte| u64::from(byte.wrapping_sub(b'0')));
    if !(1..=19).contains(&text.len()) || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = i64::try_from(digits.fold(0, |count: u64, digit| count.wrapping_mul(10) + digit)).ok()?;
    let local = match unit {
        UnixUnit::Seconds => count.checked_mul(1_000_000)?,
        UnixUnit::Millis => count.checked_mul(1000)?,
        UnixUnit::Micros => count,
        UnixUnit::Nanos => count / 1000,
    };
    (local <= LAST).then_some(Written { local, offset_seconds: Some(0) })
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
        return Err(super::number::number_fault(text));
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

impl Fields {
    /// Takes the parts of a checked format together.
    pub fn new(
        parts: &[Field],
        last_short_year: i64,
        offset: Option<i64>,
        abbreviations: Vec<(String, i64)>,
    ) -> Self {
        let steps = parts.iter().enumerate().map(|(at, part)| {
            // Without something between them, a number must be full width to know where it ends.
            let glued = parts.get(at + 1).is_some_and(|next| next.begins_with_a_digit());
            match (*part, part.digits()) {
                (Field::Literal(byte), _) => Step::Literal(byte),
                (Field::Year, _) => Step::Year,
                (field, Some((2, whole))) => Step::Two { field, whole: whole || glued },
                (field, Some((most, whole))) => {
                    Step::Number { field, least: if whole || glued { most } else { 1 }, most }
                }
                (field, None) => Step::Other(field),
            }
        });
        let whole_day = !parts.iter().any(|part| matches!(part, Field::Hour | Field::Hour12));
        Fields {
            steps: steps.collect(),
            plan: Plan::of(parts, last_short_year),
            last_short_year,
            offset,
            abbreviations,
            whole_day,
        }
    }

    /// Reads a text step by step.
    fn read(&self, text: &[u8]) -> Result<Written, Fault> {
        let mut digits = Digits { text, at: 0 };
        let mut parts = NOTHING;
        let mut offset = self.offset;
        for step in &self.steps {
            match *step {
                Step::Literal(literal) => digits.literal(literal)?,
                Step::Year => parts.year = digits.exactly(4)? as i32,
                Step::Two { field, whole } => {
                    let number = digits.two(whole)? as i32;
                    match field {
                        Field::Month => parts.month = number,
                        Field::Day => parts.day = number,
                        Field::Hour => parts.hour = number,
                        Field::Minute => parts.minute = number,
                        Field::Second => parts.second = number,
                        Field::YearOfCentury => {
                            parts.year = of_hundred(i64::from(number), self.last_short_year) as i32
                        }
                        other => parts.unusual_number(other, number)?,
                    }
                }
                Step::Number { field, least, most } => {
                    let number = digits.between(usize::from(least), usize::from(most))? as i32;
                    parts.unusual_number(field, number)?;
                }
                Step::Other(Field::Space) => space(&mut digits)?,
                Step::Other(field) => self.read_other(field, &mut digits, &mut parts, &mut offset)?,
            }
        }
        if digits.at != text.len() {
            return Err(Fault::Shape);
        }
        let local = parts.days()? * DAY + parts.time()?;
        Ok(Written { local, offset_seconds: offset })
    }

    fn read_other(
        &self,
        field: Field,
        digits: &mut Digits<'_>,
        parts: &mut ParsedParts,
        offset: &mut Option<i64>,
    ) -> Result<(), Fault> {
        match field {
            Field::Fraction => parts.micros = digits.fraction()? as i32,
            Field::FractionOf(count) => {
                let end = digits.at + usize::from(count);
                let part = digits.text.get(..end).ok_or(Fault::Shape)?;
                let mut fraction = Digits { text: part, at: digits.at };
                parts.micros = fraction.fraction()? as i32;
                if fraction.at != end {
                    return Err(Fault::Shape);
                }
                digits.at = end;
            }
            Field::PointAndFraction => parts.micros = digits.point_and_fraction()? as i32,
            Field::Padding => {
                while digits.peek() == Some(b' ') {
                    digits.at += 1;
                }
            }
            Field::MonthName => parts.month = name(digits, &MONTHS)?,
            Field::WeekdayName => parts.weekday = name(digits, &WEEKDAYS)?,
            Field::HalfOfDay => parts.half = name(digits, &["AM", "PM"])?,
            Field::Offset => *offset = Some(digits.offset()?),
            Field::Abbreviation => *offset = Some(self.zone(digits)?),
            // The others are steps of their own.
            _ => return Err(Fault::Shape),
        }
        Ok(())
    }

    /// Returns the declared offset of an abbreviation: most abbreviations are ambiguous.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::source::value::strftime::{Manner, declared};

    const UNITS: [UnixUnit; 4] = [UnixUnit::Seconds, UnixUnit::Millis, UnixUnit::Micros, UnixUnit::Nanos];

    fn format(format: &str) -> Fields {
        let manner = Manner { timed: true, last_short_year: Some(2029), abbreviations: &[] };
        match declared(format, manner) {
            Ok(TimeFormat::Fields(fields)) => fields,
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn a_plan_reads_what_the_steps_read(
            declared in select(&[
                "%d/%m/%Y %H:%M",
                "%d/%m/%Y",
                "%Y%m%d",
                "%Y-%m-%dT%H:%M:%SZ",
                "%m.%d.%y %H",
                "%d%m%y%H%M%S",
                "le %d/%m/%Y à %Hh%M",
            ][..]),
            texts in proptest::collection::vec("[0-3]?[0-9]", 6),
            year in "[0-9]{2,5}",
            changed in proptest::option::of((0usize..20, any::<u8>())),
        ) {
            let fields = format(declared);
            let mut parts = texts.iter();
            let mut text = String::new();
            let mut letters = declared.chars();
            while let Some(letter) = letters.next() {
                match (letter, if letter == '%' { letters.next() } else { None }) {
                    ('%', Some('Y')) => text.push_str(&year),
                    ('%', _) => text.push_str(parts.next().unwrap()),
                    (other, _) => text.push(other),
                }
            }
            let mut text = text.into_bytes();
            if let Some((at, byte)) = changed && at < text.len() {
                text[at] = byte;
            }
            if let Some(local) = fields.plan.as_ref().unwrap().read(&text) {
                prop_assert_eq!(fields.read(&text), Ok(Written { local, offset_seconds: fields.offset }));
            }
        }

        #[test]
        fn a_moment_written_in_full_goes_by_the_plan(second in -2_000_000_000i64..4_000_000_000) {
            let moment = chrono::DateTime::from_timestamp(second, 0).unwrap();
            for declared in ["%d/%m/%Y %H:%M:%S", "%Y%m%d%H%M%S", "%S.%M.%H %m-%d-%Y UTC"] {
                let fields = format(declared);
                let text = moment.format(declared).to_string();
                let read = fields.plan.as_ref().unwrap().read(text.as_bytes());
                prop_assert_eq!(read, Some(second * 1_000_000), "{}", text);
                prop_assert_eq!(fields.read(text.as_bytes()).map(|written| Some(written.local)), Ok(read));
            }
        }

        #[test]
        fn a_count_goes_the_short_way(text in "[-+]?[0-9]{0,20}(\\.[0-9]{0,3})?", unit in select(&UNITS[..])) {
            if let Some(usual) = usual_unix(text.as_bytes(), unit) {
                prop_assert_eq!(unix(text.as_bytes(), unit), Ok(usual), "{}", text);
            }
        }
    }
}
