//! Splits records of exports with escapes, like the dumps of MySQL and PostgreSQL: a quote, a delimiter or a
//! line end after a backslash is part of the value.

use crate::source::row::record_span::{
    Broken, Found, RECORD_BYTES, Span, broken, line_break, line_breaks, too_long_or_more,
};

/// Finds the record that begins at `at`, as `records::Splitter::split` does.
pub fn split(
    delimiter: u8,
    quoted_by: Option<u8>,
    escape: u8,
    text: &[u8],
    at: usize,
    last: bool,
    fields: &mut Vec<Span>,
) -> Found {
    let mut lines = 0;
    let mut pos = at;
    loop {
        let quote = quoted_by.filter(|quote| text.get(pos) == Some(quote));
        let start = pos + usize::from(quote.is_some());
        let scanned = match quote {
            Some(quote) => quoted(text, start, quote, escape, last),
            None => plain(text, start, delimiter, escape, last),
        };
        let field = match scanned {
            Scanned::Field(field) => field,
            Scanned::Open if last && quote.is_none() => return broken(text, at, last, Broken::LoneEscape),
            Scanned::Open if last => return broken(text, at, last, Broken::Unclosed),
            Scanned::Open => return too_long_or_more(text, at),
        };
        lines += line_breaks(&text[start..field.end]);
        // A whole field of `\N` is what these exports write for no value: it stands for itself.
        let is_null = text[start..field.end] == [escape, b'N'];
        let (doubled, escaped) = (field.doubled, field.escaped && !is_null);
        // Text in memory stays below 4 GiB: records end at 4 MiB.
        fields.push(Span { start: start as u32, end: field.end as u32, doubled, escaped });
        pos = field.end + usize::from(quote.is_some());
        match text.get(pos) {
            Some(&b) if b == delimiter => pos += 1,
            Some(b'\n' | b'\r') => {
                return match line_break(text, pos, last) {
                    Some(next) => Found::Record { end: pos, next, lines: lines + 1 },
                    None => Found::More,
                };
            }
            Some(_) => return broken(text, at, last, Broken::AfterQuote),
            None if last => return Found::Record { end: pos, next: pos, lines: lines + 1 },
            None => return too_long_or_more(text, at),
        }
        if pos - at > RECORD_BYTES {
            return broken(text, at, last, Broken::TooLong);
        }
    }
}

struct Field {
    end: usize,
    doubled: bool,
    escaped: bool,
}

enum Scanned {
    Field(Field),
    /// The text ends within it.
    Open,
}

/// Reads on from inside a quoted field to its closing quote.
fn quoted(text: &[u8], from: usize, quote: u8, escape: u8, last: bool) -> Scanned {
    let mut field = Field { end: from, doubled: false, escaped: false };
    while let Some(&byte) = text.get(field.end) {
        if byte == escape {
            let Some(end) = behind_escape(text, field.end, last) else { return Scanned::Open };
            (field.end, field.escaped) = (end, true);
        } else if byte != quote {
            field.end += 1;
        } else if text.get(field.end + 1) == Some(&quote) {
            field.doubled = true;
            field.end += 2;
        } else {
            return Scanned::Field(field);
        }
    }
    Scanned::Open
}

/// Reads on to the delimiter or the line end.
fn plain(text: &[u8], from: usize, delimiter: u8, escape: u8, last: bool) -> Scanned {
    let mut field = Field { end: from, doubled: false, escaped: false };
    while let Some(&byte) = text.get(field.end) {
        if byte == escape {
            let Some(end) = behind_escape(text, field.end, last) else { return Scanned::Open };
            (field.end, field.escaped) = (end, true);
        } else if byte == delimiter || byte == b'\n' || byte == b'\r' {
            return Scanned::Field(field);
        } else {
            field.end += 1;
        }
    }
    if last { Scanned::Field(field) } else { Scanned::Open }
}

/// Returns the place after an escape and what it escapes, of which a line end may be two bytes.
fn behind_escape(text: &[u8], at: usize, last: bool) -> Option<usize> {
    match text.get(at + 1)? {
        b'\r' => line_break(text, at + 1, last),
        _ => Some(at + 2),
    }
}
