//! The date in a file's name.

use std::fmt;

use chrono::NaiveDate;

use crate::source::contract::header_name::composed;

/// Where the date is in a file's name: `%Y`, `%y`, `%m`, `%d` and fixed characters.
#[derive(Debug, Clone, PartialEq)]
pub struct NamePattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Part {
    Year,
    YearOfCentury,
    Month,
    Day,
    Fixed(u8),
}

impl NamePattern {
    /// Reads a pattern; the error completes the sentence "the pattern …".
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let composed = composed(text);
        let mut bytes = composed.bytes();
        while let Some(byte) = bytes.next() {
            parts.push(match byte {
                b'%' => match bytes.next() {
                    Some(b'Y') => Part::Year,
                    Some(b'y') => Part::YearOfCentury,
                    Some(b'm') => Part::Month,
                    Some(b'd') => Part::Day,
                    Some(b'%') => Part::Fixed(b'%'),
                    _ => return Err("has a %-letter other than %Y, %y, %m and %d"),
                },
                fixed => Part::Fixed(fixed),
            });
        }
        let count = |wanted: &[Part]| parts.iter().filter(|part| wanted.contains(part)).count();
        if count(&[Part::Year, Part::YearOfCentury]) != 1
            || count(&[Part::Month]) != 1
            || count(&[Part::Day]) > 1
        {
            return Err("does not give a day or a month: it needs a year, a month and at most one day");
        }
        Ok(NamePattern { text: text.to_owned(), parts })
    }

    pub(super) fn has_day(&self) -> bool {
        self.parts.contains(&Part::Day)
    }

    /// Returns the last date in the name that no further digit touches.
    pub fn find(&self, name: &str) -> Option<NaiveDate> {
        let name = composed(name);
        (0..name.len()).rev().find_map(|at| self.at(name.as_bytes(), at))
    }

    fn at(&self, name: &[u8], begin: usize) -> Option<NaiveDate> {
        let (mut at, mut year, mut month, mut day) = (begin, 0, 0, 1);
        let digits = |count: usize, at: &mut usize| -> Option<u32> {
            let text = name.get(*at..*at + count)?;
            *at += count;
            text.iter().try_fold(0, |n, byte| byte.is_ascii_digit().then(|| n * 10 + u32::from(byte - b'0')))
        };
        for part in &self.parts {
            match part {
                Part::Year => year = i32::try_from(digits(4, &mut at)?).ok()?,
                Part::YearOfCentury => {
                    let short = i32::try_from(digits(2, &mut at)?).ok()?;
                    year = short + if short >= 69 { 1900 } else { 2000 };
                }
                Part::Month => month = digits(2, &mut at)?,
                Part::Day => day = digits(2, &mut at)?,
                Part::Fixed(byte) => {
                    if name.get(at) != Some(byte) {
                        return None;
                    }
                    at += 1;
                }
            }
        }
        let digit = |at: Option<usize>| at.and_then(|at| name.get(at)).is_some_and(u8::is_ascii_digit);
        if digit(begin.checked_sub(1)) || digit(Some(at)) {
            return None;
        }
        NaiveDate::from_ymd_opt(year, month, day)
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(pattern: &str, name: &str) -> Option<String> {
        NamePattern::parse(pattern).unwrap().find(name).map(|date| date.to_string())
    }

    #[test]
    fn the_date_is_found_wherever_it_stands_in_the_name() {
        assert_eq!(found("%Y-%m-%d", "orders_2026-01-31.csv").as_deref(), Some("2026-01-31"));
        assert_eq!(found("%Y%m%d", "till3/20260131.csv").as_deref(), Some("2026-01-31"));
        assert_eq!(found("%d%m%y", "k_310126_v2.csv").as_deref(), Some("2026-01-31"));
        assert_eq!(found("%Y/%m/%d", "2026/01/31/part-0.parquet").as_deref(), Some("2026-01-31"));
        assert_eq!(found("%Y-%m", "stock_2026-02.csv").as_deref(), Some("2026-02-01"));
        // The later of two, and no piece of a longer number.
        assert_eq!(found("%Y%m%d", "20260101_to_20260131.csv").as_deref(), Some("2026-01-31"));
        assert_eq!(found("%Y%m%d", "ticket_9920260131.csv"), None);
        assert_eq!(found("%Y-%m-%d", "orders_2026-02-30.csv"), None);
        assert_eq!(found("%Y-%m-%d", "orders.csv"), None);
        // An accent is the same whether it is a letter's own or a mark after it.
        assert_eq!(found("été_%Y%m%d", "e\u{301}te\u{301}_20260131.csv").as_deref(), Some("2026-01-31"));
        assert_eq!(found("e\u{301}té_%Y%m%d", "été_20260131.csv").as_deref(), Some("2026-01-31"));
    }

    #[test]
    fn a_pattern_names_a_day_or_a_month() {
        for wrong in ["%Y", "%m-%d", "%Y-%m-%d %H", "%Y%Y%m", "day"] {
            assert!(NamePattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
