//! Finds where the records of a JSON file begin and end: one per line, or one after another over any number
//! of lines, in an array or not.
//!
//! A record's place is its line, or its number if a line may hold several records.

use std::ops::Range;

use memchr::memchr;

use crate::error::{Error, Result};
use crate::source::file::format::Format;

/// The longest record.
const RECORD_BYTES: usize = 16 * 1024 * 1024;

/// What comes next in a text.
#[derive(Debug, PartialEq)]
pub enum Found {
    /// A record, and its place.
    Record(Range<usize>, i64),
    /// The beginning of a record that is longer than any is read. It comes once.
    TooLong(Range<usize>, i64),
    /// The text so far ends within a record, or there is none any more.
    More,
}

/// Finds one record after the other.
#[derive(Debug)]
pub enum Records {
    /// One per line; whether the rest of a line too long is ignored.
    Lines { passing_over: bool },
    /// One value after the other; how many there were.
    Values { place: Place, records: i64 },
}

/// Where among values the text is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// Nothing has come yet.
    Start,
    /// Values follow each other without commas.
    Bare,
    /// An array was opened.
    Opened,
    /// After a comma.
    Expecting,
    /// After a value of the array.
    Between,
    /// The array was closed.
    Closed,
}

impl Records {
    pub fn of(format: Format) -> Self {
        match format {
            Format::Json => Records::Values { place: Place::Start, records: 0 },
            _ => Records::Lines { passing_over: false },
        }
    }

    /// Returns the next record from `at`, which begins in `line`; both move after it.
    ///
    /// # Errors
    /// What is between values is not what JSON has there: where the next begins nobody can say.
    pub fn next(&mut self, text: &[u8], at: &mut usize, line: &mut i64, last: bool) -> Result<Found> {
        match self {
            Records::Lines { passing_over } => Ok(next_line(text, at, line, last, passing_over)),
            Records::Values { place, records } => {
                let found = next_value(text, at, line, last, place)?;
                *records += i64::from(found.is_some());
                Ok(found.map_or(Found::More, |range| Found::Record(range, *records)))
            }
        }
    }
}

fn next_line(text: &[u8], at: &mut usize, line: &mut i64, last: bool, passing_over: &mut bool) -> Found {
    while *at < text.len() {
        let found = memchr(b'\n', &text[*at..]).map(|end| *at + end);
        let (end, next) = match found {
            Some(end) => (end, end + 1),
            None if last => (text.len(), text.len()),
            None if *passing_over => {
                *at = text.len();
                return Found::More;
            }
            None if text.len() - *at > RECORD_BYTES => {
                *passing_over = true;
                return Found::TooLong(std::mem::replace(at, text.len())..text.len(), *line);
            }
            None => return Found::More,
        };
        let (start, own) = (std::mem::replace(at, next), *line);
        *line += 1;
        let raw = text[start..end].strip_suffix(b"\r").unwrap_or(&text[start..end]);
        if !std::mem::take(passing_over) && !raw.trim_ascii().is_empty() {
            return Found::Record(start..start + raw.len(), own);
        }
    }
    Found::More
}

fn next_value(
    text: &[u8],
    at: &mut usize,
    line: &mut i64,
    last: bool,
    place: &mut Place,
) -> Result<Option<Range<usize>>> {
    loop {
        while let Some(blank @ (b' ' | b'\t' | b'\n' | b'\r')) = text.get(*at) {
            *line += i64::from(*blank == b'\n');
            *at += 1;
        }
        let Some(byte) = text.get(*at) else {
            return match place {
                Place::Opened | Place::Expecting | Place::Between if last => {
                    Err(cut_short("the file ends before the end of its array"))
                }
                Place::Start if last => Err(cut_short("the file is empty: expected at least []")),
                _ => Ok(None),
            };
        };
        *place = match (*place, byte) {
            (Place::Start, b'[') => Place::Opened,
            (Place::Opened | Place::Between, b']') => Place::Closed,
            (Place::Between, b',') => Place::Expecting,
            (Place::Between, _) => return Err(no_json(*line, "expected a comma or ]")),
            (Place::Expecting, b']') => return Err(no_json(*line, "expected a value after the comma")),
            (Place::Closed, _) => return Err(no_json(*line, "found text after the array")),
            (Place::Start | Place::Bare | Place::Opened | Place::Expecting, _) => {
                let begins = *line;
                let Some(end) = end_of_value(text, *at, last, line)? else {
                    *line = begins;
                    if text.len() - *at > RECORD_BYTES {
                        return Err(no_json(begins, "a record is longer than 16 MiB"));
                    }
                    return Ok(None);
                };
                *place = match *place {
                    Place::Start | Place::Bare => Place::Bare,
                    _ => Place::Between,
                };
                return Ok(Some(std::mem::replace(at, end)..end));
            }
        };
        *at += 1;
    }
}

/// Returns the end of the value that begins at `at`, if the text reaches it; `line` moves along.
fn end_of_value(text: &[u8], at: usize, last: bool, line: &mut i64) -> Result<Option<usize>> {
    let begins = *line;
    let mut open = Vec::new();
    let mut here = at;
    while let Some(&byte) = text.get(here) {
        here += 1;
        match byte {
            b'"' => match end_of_text(text, here, line) {
                Some(end) => here = end,
                None => break,
            },
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' if open.last() == Some(&byte) => {
                open.pop();
            }
            b'}' | b']' => return Err(no_json(*line, "a closing bracket does not match")),
            b'\n' => *line += 1,
            // A number or a word ends where anything else begins.
            _ if open.is_empty() => {
                let end = text[here..].iter().position(|byte| b" \t\r\n,]}[{\"".contains(byte));
                return Ok(end.map(|end| here + end).or_else(|| last.then_some(text.len())));
            }
            _ => {}
        }
        if open.is_empty() {
            return Ok(Some(here));
        }
    }
    if last {
        return Err(cut_short(&format!("the file ends inside the record that begins in line {begins}")));
    }
    Ok(None)
}

/// After the quote that closes a text.
fn end_of_text(text: &[u8], mut here: usize, line: &mut i64) -> Option<usize> {
    loop {
        match text.get(here)? {
            b'"' => return Some(here + 1),
            b'\\' => here += 1,
            b'\n' => *line += 1,
            _ => {}
        }
        here += 1;
    }
}

fn no_json(line: i64, what: &str) -> Error {
    Error::failed(format!("line {line}: the file is not JSON: {what}")).hint(
        "expected one array of objects, or one object after another; for one object per line \
         declare format = \"jsonl\"",
    )
}

fn cut_short(what: &str) -> Error {
    Error::failed(what).hint("it was truncated while it was written or copied: export it again")
}
