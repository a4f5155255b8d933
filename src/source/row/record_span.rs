//! Where a record and its fields are in a text, how a record can be broken, and where lines end.

use memchr::memchr2;

/// The longest record. A stray quote in a large file must not read it all into memory.
pub(in crate::source) const RECORD_BYTES: usize = 4 * 1024 * 1024;

/// The place of a field in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
    /// Quotes are doubled inside it.
    pub doubled: bool,
    /// Escapes are inside it.
    pub escaped: bool,
}

/// What is at the beginning of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A record, its text ending at `end`, the next one beginning at `next`, `lines` lines later.
    Record { end: usize, next: usize, lines: i64 },
    /// A line without a record.
    Blank { next: usize },
    /// A line at which a record is broken.
    Broken { end: usize, next: usize, why: Broken },
    /// The text ends within the record.
    More,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    Unclosed,
    AfterQuote,
    /// As one of those, and quotes of the line stand after backslashes.
    Backslash,
    LoneEscape,
    TooLong,
}

impl Broken {
    pub fn reason(self) -> &'static str {
        match self {
            Broken::Unclosed => "a quoted field is not closed before the end of the file",
            Broken::AfterQuote => {
                "text follows the closing quote of a field (a quote inside must be doubled)"
            }
            Broken::Backslash => {
                "a quoted field does not end at its closing quote, and there are quotes after \
                 backslashes: escape = \"\\\\\" reads them as part of the value"
            }
            Broken::LoneEscape => "the file ends after an escape character",
            Broken::TooLong => "the record is longer than 4 MiB (is a quote not closed?)",
        }
    }
}

#[cold]
pub(in crate::source) fn too_long_or_more(text: &[u8], at: usize) -> Found {
    if text.len() - at > RECORD_BYTES { broken(text, at, false, Broken::TooLong) } else { Found::More }
}

#[cold]
pub fn broken(text: &[u8], at: usize, last: bool, why: Broken) -> Found {
    match line_end(text, at, last) {
        Some((end, next)) => Found::Broken { end, next, why },
        // A single line longer than all bounds: it is dropped piece by piece.
        None if text.len() - at > RECORD_BYTES => Found::Broken { end: text.len(), next: text.len(), why },
        None => Found::More,
    }
}

/// Returns the end of the line and the beginning of the next one.
#[inline]
pub fn line_end(text: &[u8], at: usize, last: bool) -> Option<(usize, usize)> {
    match memchr2(b'\n', b'\r', &text[at..]) {
        Some(found) => line_break(text, at + found, last).map(|next| (at + found, next)),
        None => last.then_some((text.len(), text.len())),
    }
}

/// Steps over the line break at `at`; none when it may be cut in two.
#[inline]
pub(in crate::source) fn line_break(text: &[u8], at: usize, last: bool) -> Option<usize> {
    if text[at] == b'\n' {
        return Some(at + 1);
    }
    match text.get(at + 1) {
        Some(b'\n') => Some(at + 2),
        Some(_) => Some(at + 1),
        None => last.then_some(at + 1),
    }
}

/// Returns how many lines end inside a quoted field.
#[inline]
pub(in crate::source) fn line_breaks(text: &[u8]) -> i64 {
    let mut lines = 0;
    for (i, &byte) in text.iter().enumerate() {
        lines += i64::from(byte == b'\n' || (byte == b'\r' && text.get(i + 1) != Some(&b'\n')));
    }
    lines
}
