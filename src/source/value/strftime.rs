//! Checks declared formats of dates and timestamps and splits them into parts.
//!
//! Chrono parses the letters of strftime; this file defines which of them are supported, and what a format
//! must contain so that no text is misread.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use chrono::format::{Fixed, Item, Numeric, Pad, StrftimeItems};
use chrono::{DateTime, TimeZone};
use chrono_tz::{OffsetName, TZ_VARIANTS, Tz};

use super::calendar::Digits;
use super::time_field::Field;
use super::time_format::{Fields, TimeFormat, UnixUnit};

/// The settings of a column that its formats need.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    /// Whether a timestamp is read, not a date.
    pub timed: bool,
    /// The last of the hundred years that two digits name, where the source says so.
    pub last_short_year: Option<i64>,
    /// The offsets of zone abbreviations, in seconds.
    pub abbreviations: &'a [(String, i64)],
}

/// Why a format cannot be obeyed; `what` completes the sentence "the format …".
#[derive(Debug, Clone, PartialEq)]
pub struct Wrong {
    pub what: String,
    pub hint: String,
}

impl Wrong {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Wrong { what: what.into(), hint: hint.into() }
    }
}

const EXAMPLES: &str =
    "for example %d/%m/%Y or %Y-%m-%d %H:%M:%S%.f; also iso, unix, unix_ms, unix_us and unix_ns";

/// Splits one format into its parts.
pub fn declared(format: &str, manner: Manner<'_>) -> Result<TimeFormat, Wrong> {
    match format {
        "iso" | "%+" => return Ok(TimeFormat::Iso),
        "unix" | "%s" => return Ok(TimeFormat::Unix(UnixUnit::Seconds)),
        "unix_ms" => return Ok(TimeFormat::Unix(UnixUnit::Millis)),
        "unix_us" => return Ok(TimeFormat::Unix(UnixUnit::Micros)),
        "unix_ns" => return Ok(TimeFormat::Unix(UnixUnit::Nanos)),
        _ => {}
    }
    let mut parts = Vec::new();
    for item in StrftimeItems::new(format) {
        field(&item, &mut parts)?;
    }
    let last_short_year = short_years(&parts, manner)?;
    let offset = zone_in(&parts, manner)?;
    whole(&parts, manner)?;
    Ok(TimeFormat::Fields(Fields::new(&parts, last_short_year, offset, manner.abbreviations.to_vec())))
}

/// Adds what reads an item of the format.
fn field(item: &Item<'_>, parts: &mut Vec<Field>) -> Result<(), Wrong> {
    // Chrono keeps these to itself.
    let is = |letters: &str| StrftimeItems::new(letters).next().as_ref() == Some(item);
    let part = match item {
        Item::Literal(text) => {
            parts.extend(text.bytes().map(Field::Literal));
            return Ok(());
        }
        Item::OwnedLiteral(text) => {
            parts.extend(text.bytes().map(Field::Literal));
            return Ok(());
        }
        Item::Space(_) | Item::OwnedSpace(_) => Field::Space,
        Item::Numeric(number, pad) => {
            if *pad == Pad::Space {
                parts.push(Field::Padding);
            }
            match number {
                Numeric::Year => Field::Year,
                Numeric::YearMod100 => Field::YearOfCentury,
                Numeric::Month => Field::Month,
                Numeric::Day => Field::Day,
                Numeric::Ordinal => Field::DayOfYear,
                Numeric::IsoYear => Field::IsoYear,
                Numeric::IsoWeek => Field::IsoWeek,
                Numeric::WeekdayFromMon => Field::WeekdayFromMonday,
                Numeric::NumDaysFromSun => Field::WeekdayFromSunday,
                Numeric::Hour => Field::Hour,
                Numeric::Hour12 => Field::Hour12,
                Numeric::Minute => Field::Minute,
                Numeric::Second => Field::Second,
                Numeric::Nanosecond => Field::Fraction,
                _ => return Err(Wrong::new("has a %-letter that is not supported", EXAMPLES)),
            }
        }
        Item::Fixed(fixed) => match fixed {
            Fixed::ShortMonthName | Fixed::LongMonthName => Field::MonthName,
            Fixed::ShortWeekdayName | Fixed::LongWeekdayName => Field::WeekdayName,
            Fixed::LowerAmPm | Fixed::UpperAmPm => Field::HalfOfDay,
            Fixed::Nanosecond | Fixed::Nanosecond3 | Fixed::Nanosecond6 | Fixed::Nanosecond9 => {
                Field::PointAndFraction
            }
            Fixed::TimezoneName => Field::Abbreviation,
            Fixed::TimezoneOffset
            | Fixed::TimezoneOffsetZ
            | Fixed::TimezoneOffsetColon
            | Fixed::TimezoneOffsetColonZ
            | Fixed::TimezoneOffsetDoubleColon
            | Fixed::TimezoneOffsetTripleColon => Field::Offset,
            _ if is("%#z") => Field::Offset,
            _ if is("%3f") => Field::FractionOf(3),
            _ if is("%6f") => Field::FractionOf(6),
            _ if is("%9f") => Field::FractionOf(9),
            _ => {
                return Err(Wrong::new("combines a complete format such as %+ with other letters", EXAMPLES));
            }
        },
        Item::Error => return Err(Wrong::new("has an unknown %-letter", EXAMPLES)),
    };
    parts.push(part);
    Ok(())
}

/// Returns the last year that two digits can mean.
///
/// # Errors
/// A format with two-digit years, of which no century is declared.
fn short_years(parts: &[Field], manner: Manner<'_>) -> Result<i64, Wrong> {
    match manner.last_short_year {
        Some(last) => Ok(last),
        None if parts.contains(&Field::YearOfCentury) => Err(Wrong::new(
            "has two-digit years, but no declared century",
            "two_digit_years_to = 2029 reads 29 as 2029 and 30 as 1930; for dates of birth give the birth \
             year of the youngest person, since a date of birth is in the past",
        )),
        None => Ok(0),
    }
}

/// Returns a format names a whole day, a whole time of day or none, and nothing twice.
fn whole(parts: &[Field], manner: Manner<'_>) -> Result<(), Wrong> {
    use Field::*;
    let has = |any: &[Field]| any.iter().any(|part| parts.contains(part));
    let kind = if manner.timed { "timestamp" } else { "date" };
    let year = has(&[Year, YearOfCentury]);
    let by_month = year && has(&[Month, MonthName]) && has(&[Day]);
    let by_week =
        has(&[IsoYear]) && has(&[IsoWeek]) && has(&[WeekdayFromMonday, WeekdayFromSunday, WeekdayName]);
    let by_day = year && has(&[DayOfYear]);
    if !(by_month || by_day || by_week) {
        return Err(Wrong::new(format!("does not give a complete {kind}"), EXAMPLES));
    }
    let fraction = |part: &Field| matches!(part, Fraction | FractionOf(_) | PointAndFraction);
    for (lacks, what) in [
        (has(&[Hour12]) && !has(&[HalfOfDay]), "reads 12-hour times without %p (AM or PM)"),
        (has(&[HalfOfDay]) && !has(&[Hour, Hour12]), "reads AM or PM but no hour"),
        (has(&[Minute]) && !has(&[Hour, Hour12]), "reads minutes but no hours"),
        (has(&[Second]) && !has(&[Minute]), "reads seconds but no minutes"),
        (parts.iter().any(fraction) && !has(&[Second]), "reads a fraction but no seconds"),
        (has(&[Offset, Abbreviation]) && !has(&[Hour, Hour12]), "reads a zone but no time of day"),
    ] {
        if lacks {
            return Err(Wrong::new(what, EXAMPLES));
        }
    }
    let alike: [&[Field]; 13] = [
        &[Year, YearOfCentury],
        &[Month, MonthName],
        &[Day],
        &[DayOfYear],
        &[IsoYear],
        &[IsoWeek],
        &[WeekdayFromMonday, WeekdayFromSunday, WeekdayName],
        &[Hour],
        &[Hour12],
        &[HalfOfDay],
        &[Minute],
        &[Second],
        &[Offset, Abbreviation],
    ];
    let twice = alike.iter().any(|alike| parts.iter().filter(|part| alike.contains(part)).count() > 1);
    if twice || parts.iter().filter(|part| fraction(part)).count() > 1 {
        return Err(Wrong::new("has the same part twice", EXAMPLES));
    }
    if parts.windows(2).any(|pair| pair[0] == Fraction && pair[1].begins_with_a_digit()) {
        return Err(Wrong::new(
            "does not separate the fraction from the next number",
            "%3f, %6f and %9f read exactly 3, 6 or 9 digits",
        ));
    }
    Ok(())
}

fn is_hour(part: Field) -> bool {
    matches!(part, Field::Hour | Field::Hour12)
}

fn is_time(part: Field) -> bool {
    use Field::*;
    is_hour(part) || matches!(part, Minute | Second | Fraction | FractionOf(_) | PointAndFraction | HalfOfDay)
}

/// Returns the zone that the format itself names in its fixed text: `Z`, `UTC`, `+01:00`, a declared
/// abbreviation. Of a date without a time of day it says nothing: a day is a day.
fn zone_in(parts: &[Field], manner: Manner<'_>) -> Result<Option<i64>, Wrong> {
    let timed = parts.iter().any(|part| is_hour(*part));
    let zoned = parts.iter().any(|part| matches!(part, Field::Offset | Field::Abbreviation));
    if zoned || !(timed || manner.timed) {
        return Ok(None);
    }
    let mut found = None;
    // Whether the text stands after the time of day: elsewhere a `Z` or `-05` is something else.
    let mut behind = !timed;
    let mut rest = parts;
    while let [first, others @ ..] = rest {
        let bytes = rest.iter().map_while(|part| match part {
            Field::Literal(byte) => Some(*byte),
            _ => None,
        });
        let literal: Vec<u8> = bytes.collect();
        if literal.is_empty() {
            if *first != Field::Space {
                behind = !timed || is_time(*first);
            }
            rest = others;
            continue;
        }
        rest = &rest[literal.len()..];
        if let Some(offset) = zone_of(&literal, behind, manner.abbreviations)? {
            found = Some(offset);
        }
    }
    Ok(found)
}

/// Returns the offset of the zone that a fixed text names.
fn zone_of(text: &[u8], behind: bool, abbreviations: &[(String, i64)]) -> Result<Option<i64>, Wrong> {
    let mut found = None;
    let words = text.split(|byte| !byte.is_ascii_alphabetic() && byte.is_ascii());
    for word in words.filter_map(|word| std::str::from_utf8(word).ok()) {
        let declared = abbreviations.iter().find(|(name, _)| name == word);
        match (word, declared) {
            (_, Some((_, offset))) => found = Some(*offset),
            ("UTC" | "GMT", _) => found = Some(0),
            ("Z", _) if behind => found = Some(0),
            _ if ABBREVIATIONS.contains(word) => {
                return Err(Wrong::new(
                    format!("has the zone abbreviation {word}, whose offset is not declared"),
                    format!("declare it: zone_abbreviations = {{ {word} = \"+01:00\" }}"),
                ));
            }
            _ => {}
        }
    }
    if behind && let Some(at) = text.iter().position(|byte| matches!(byte, b'+' | b'-')) {
        // As in `UTC+02:00`.
        found = Digits { text, at }.offset().map_or(found, Some);
    }
    Ok(found)
}

/// Every abbreviation that a zone of the IANA database goes by today.
static ABBREVIATIONS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    // A winter and a summer of 2026.
    let instants = [1_768_435_200, 1_784_073_600].map(|seconds| DateTime::from_timestamp(seconds, 0));
    let names = TZ_VARIANTS.iter().flat_map(|zone: &Tz| {
        instants.iter().flatten().filter_map(|instant| {
            zone.offset_from_utc_datetime(&instant.naive_utc()).abbreviation().map(str::to_owned)
        })
    });
    names.filter(|name| name.len() > 1 && name.bytes().all(|b| b.is_ascii_uppercase())).collect()
});
