//! How values are written, as a source and its columns declare it: number signs, time formats.

use super::column::ColumnTable;
use super::column_defaults::Shared;
use super::format_clash::clash;
use crate::config::Problem;
use crate::error::Error;
use crate::source::contract::column::ColumnType;
use crate::source::declaration::SourceDeclaration;
use crate::source::value::calendar::Digits;
use crate::source::value::number::NumberStyle;
use crate::source::value::strftime::{Manner, declared};
use crate::source::value::time_format::TimeFormat;

impl SourceDeclaration {
    pub(super) fn number_style(&self, problems: &mut Vec<Problem>) -> NumberStyle {
        let point = match self.decimal.as_deref() {
            None | Some(".") => b'.',
            Some(",") => b',',
            Some(other) => {
                problems.push(Problem::new(
                    ["decimal"],
                    Error::config(format!("the decimal mark must be \".\" or \",\", not \"{other}\"")),
                ));
                b'.'
            }
        };
        let thousands = self.thousands.as_deref().filter(|sign| !sign.is_empty());
        if let Some(sign) = thousands {
            let mut characters = sign.chars();
            let one = characters.next().filter(|_| characters.next().is_none());
            if one.is_none_or(|c| c.is_ascii_alphanumeric() || c == '-' || c == '+' || c == char::from(point))
            {
                problems.push(Problem::new(
                    ["thousands"],
                    Error::config(
                        "the thousands separator must be one character that is not a digit, a sign or the \
                         decimal mark",
                    ),
                ));
            }
        }
        NumberStyle {
            point,
            thousands: thousands.map(|sign| sign.as_bytes().into()),
            currency: currency(["currency"], self.currency.as_deref(), problems),
        }
    }

    /// Returns the offsets of zone abbreviations, in seconds.
    pub(super) fn zone_offsets(&self, problems: &mut Vec<Problem>) -> Vec<(String, i64)> {
        let mut offsets = Vec::new();
        for (name, offset) in self.zone_abbreviations.iter().flatten() {
            let mut digits = Digits { text: offset.as_bytes(), at: 0 };
            let read = digits.offset().ok().filter(|_| digits.rest().is_empty());
            let letters = name.bytes().all(|b| b.is_ascii_alphabetic()) && name.len() >= 2;
            match read {
                Some(seconds) if letters => offsets.push((name.clone(), seconds)),
                _ => problems.push(Problem::new(
                    ["zone_abbreviations", name.as_str()],
                    Error::config(format!(
                        "`{name}` = `{offset}` is not a zone abbreviation with its offset"
                    ))
                    .hint("write letters and an offset, for example PST = \"-08:00\""),
                )),
            }
        }
        offsets
    }
}

impl ColumnTable {
    pub(super) fn time_format(
        &self,
        kind: Option<ColumnType>,
        shared: &Shared,
        key: &impl Fn(&str) -> Vec<String>,
        problems: &mut Vec<Problem>,
    ) -> TimeFormat {
        let timely = matches!(kind, None | Some(ColumnType::Date | ColumnType::Timestamp));
        for (name, given) in
            [("format", self.format.is_some()), ("two_digit_years_to", self.two_digit_years_to.is_some())]
        {
            if given && !timely {
                let wrong = format!("`{name}` cannot be used with the type {}", self.kind);
                problems.push(Problem::new(key(name), Error::config(wrong)));
            }
        }
        let years = short_years(key("two_digit_years_to"), self.two_digit_years_to, problems);
        let Some(format) = self.format.as_ref().filter(|_| timely) else { return TimeFormat::Iso };
        let manner = Manner {
            timed: kind == Some(ColumnType::Timestamp),
            last_short_year: years.or(shared.last_short_year),
            abbreviations: &shared.abbreviations,
        };
        let before = problems.len();
        let mut formats = Vec::new();
        for format in format.all() {
            match declared(format, manner) {
                Ok(parsed) => formats.push((format.as_str(), parsed)),
                Err(wrong) => problems.push(Problem::new(
                    key("format"),
                    Error::config(format!("the format `{format}` {}", wrong.what)).hint(wrong.hint),
                )),
            }
        }
        if problems.len() > before {
            return TimeFormat::Iso;
        }
        if let Some((one, other)) = clash(&formats) {
            problems.push(Problem::new(
                key("format"),
                Error::config(format!(
                    "the formats `{}` and `{}` can read the same text as two different times",
                    formats[one].0, formats[other].0
                ))
                .hint("keep the one that the export uses; if two exports differ, declare two sources"),
            ));
        }
        let mut parsed: Vec<TimeFormat> = formats.into_iter().map(|(_, parsed)| parsed).collect();
        match parsed.len() {
            0 => {
                problems.push(Problem::new(key("format"), Error::config("the list of formats is empty")));
                TimeFormat::Iso
            }
            1 => parsed.swap_remove(0),
            _ => TimeFormat::AnyOf(parsed),
        }
    }

    pub(super) fn number_style(
        &self,
        kind: Option<ColumnType>,
        shared: &Shared,
        key: &impl Fn(&str) -> Vec<String>,
        problems: &mut Vec<Problem>,
    ) -> NumberStyle {
        use ColumnType::{Decimal, Float, Integer};
        let Some(given) = &self.currency else { return shared.number.clone() };
        if !matches!(kind, None | Some(Integer | Decimal { .. } | Float)) {
            let wrong = format!("`currency` cannot be used with the type {}", self.kind);
            problems.push(Problem::new(key("currency"), Error::config(wrong)));
        }
        let currency = currency(key("currency"), Some(given), problems);
        NumberStyle { currency, ..shared.number.clone() }
    }
}

/// Returns a sign or code that cannot be taken for a part of a number.
fn currency<K: Into<String>>(
    key: impl IntoIterator<Item = K>,
    given: Option<&str>,
    problems: &mut Vec<Problem>,
) -> Option<Box<[u8]>> {
    let given = given?;
    let apart = |c: char| !c.is_ascii_digit() && !matches!(c, '+' | '-' | ',') && !c.is_whitespace();
    let whole = !given.is_empty() && given.chars().all(apart) && !given.starts_with('.');
    if !whole || given.chars().count() > 5 {
        problems.push(Problem::new(
            key,
            Error::config(format!("`{given}` is not a currency sign or code"))
                .hint("for example \"€\", \"US$\" or \"CHF\""),
        ));
        return None;
    }
    Some(given.as_bytes().into())
}

/// Returns the last of a hundred years; of a wrong one some other, since one problem is enough.
pub(super) fn short_years<K: Into<String>>(
    key: impl IntoIterator<Item = K>,
    given: Option<i64>,
    problems: &mut Vec<Problem>,
) -> Option<i64> {
    let last = given?;
    if !(1099..=9999).contains(&last) {
        problems.push(Problem::new(
            key,
            Error::config(format!("{last} is not a year with its century")).hint(
                "write the last year that two digits can mean: two_digit_years_to = 2029 reads 29 \
                 as 2029 and 30 as 1930",
            ),
        ));
        return Some(2029);
    }
    Some(last)
}
