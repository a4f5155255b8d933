//! Splits text into CSV records, as positions of their fields: nothing is copied.
//!
//! RFC 4180 with common extensions: lines end in LF, CR LF or CR, blank lines and comments are skipped, a
//! quote inside an unquoted field is a normal character. Unlike most readers this one does not guess when a
//! quoted field is broken (text after the closing quote, no closing quote): it reports the record's first
//! line as broken and continues with the next line, so one stray quote costs one record and not all records
//! up to the next quote.

use memchr::memchr;

use super::escaped_records;
use crate::source::row::record_span::{
    Broken, Found, RECORD_BYTES, Span, broken, line_break, line_breaks, line_end, too_long_or_more,
};

/// Finds records.
#[derive(Debug, Clone)]
pub struct Splitter {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub comment: Option<u8>,
    /// What makes the next character a part of the value.
    pub escape: Option<u8>,
}

/// What some tools begin a file with, and what is left of it where files were joined.
const BYTE_ORDER_MARK: [u8; 3] = *b"\xEF\xBB\xBF";

impl Splitter {
    /// Finds the record that begins at `begin`; its fields' places are added to `fields`. `last` says
    /// that the file ends where the text ends.
    #[inline]
    pub fn split(&self, text: &[u8], begin: usize, last: bool, fields: &mut Vec<Span>) -> Found {
        let mut at = begin;
        let Some(mut first) = text.get(at).copied() else { return Found::More };
        if first == BYTE_ORDER_MARK[0] {
            at += marks_at(&text[at..]);
            first = match text.get(at).copied() {
                Some(first) if last || !BYTE_ORDER_MARK.starts_with(&text[at..]) => first,
                None if last => return Found::Blank { next: at },
                _ => return Found::More,
            };
        }
        if first == b'\n' || first == b'\r' {
            return match line_break(text, at, last) {
                Some(next) => Found::Blank { next },
                None => Found::More,
            };
        }
        if self.comment == Some(first) {
            return match line_end(text, at, last) {
                Some((_, next)) => Found::Blank { next },
                None => too_long_or_more(text, at),
            };
        }
        if let Some(escape) = self.escape {
            return escaped_records::split(self.delimiter, self.quote, escape, text, at, last, fields);
        }
        let mut marks = Marks::new(text, self.delimiter);
        let mut lines = 0;
        let mut pos = at;
        loop {
            let (end, doubled, start);
            if self.quote.is_some() && text.get(pos).copied() == self.quote {
                match self.quoted(text, pos + 1) {
                    Quoted::Closed { end: closed, doubled: twice, lines: within } => {
                        (start, end, doubled) = (pos + 1, closed, twice);
                        lines += within;
                        pos = closed + 1;
                    }
                    Quoted::Open if last => return misquoted(text, at, last, Broken::Unclosed),
                    Quoted::Open => return too_long_or_more(text, at),
                }
                match text.get(pos) {
                    Some(&b) if b == self.delimiter || b == b'\n' || b == b'\r' => {}
                    // Whether the quote closes the field or is doubled is not known yet.
                    None if !last => return too_long_or_more(text, at),
                    None => {}
                    Some(_) => return misquoted(text, at, last, Broken::AfterQuote),
                }
            } else {
                start = pos;
                match marks.next(pos) {
                    Some(mark) => pos = mark,
                    None if last => pos = text.len(),
                    None => return too_long_or_more(text, at),
                }
                (end, doubled) = (pos, false);
            }
            // Text in memory stays below 4 GiB: records end at 4 MiB.
            fields.push(Span { start: start as u32, end: end as u32, doubled, escaped: false });
            match text.get(pos) {
                Some(&b) if b == self.delimiter => pos += 1,
                Some(_) => {
                    return match line_break(text, pos, last) {
                        Some(next) => Found::Record { end: pos, next, lines: lines + 1 },
                        None => Found::More,
                    };
                }
                None => return Found::Record { end: pos, next: pos, lines: lines + 1 },
            }
            if pos - at > RECORD_BYTES {
                return broken(text, at, last, Broken::TooLong);
            }
        }
    }

    /// Reads on from inside a quoted field to its closing quote.
    fn quoted(&self, text: &[u8], from: usize) -> Quoted {
        let Some(quote) = self.quote else { return Quoted::Open };
        let mut at = from;
        let mut doubled = false;
        loop {
            match memchr(quote, &text[at..]) {
                None => return Quoted::Open,
                Some(found) => {
                    at += found;
                    if text.get(at + 1) == Some(&quote) {
                        doubled = true;
                        at += 2;
                    } else {
                        return Quoted::Closed { end: at, doubled, lines: line_breaks(&text[from..at]) };
                    }
                }
            }
        }
    }
}

/// Returns the length of the byte-order marks at the beginning of a record.
#[cold]
fn marks_at(text: &[u8]) -> usize {
    let length = BYTE_ORDER_MARK.len();
    text.chunks_exact(length).take_while(|chunk| *chunk == BYTE_ORDER_MARK).count() * length
}

enum Quoted {
    Closed { end: usize, doubled: bool, lines: i64 },
    Open,
}

/// Broken by its quotes; backslashes before them tell why.
#[cold]
fn misquoted(text: &[u8], at: usize, last: bool, why: Broken) -> Found {
    match broken(text, at, last, why) {
        Found::Broken { end, next, .. } if text[at..end].windows(2).any(|pair| pair == b"\\\"") => {
            Found::Broken { end, next, why: Broken::Backslash }
        }
        found => found,
    }
}

/// The places of delimiters and line ends, found 32 bytes at a time.
struct Marks<'a> {
    text: &'a [u8],
    delimiter: u8,
    /// The block in memory, and its marks that have not been passed as bits.
    block: usize,
    bits: u32,
}

const BLOCK: usize = 32;

impl<'a> Marks<'a> {
    #[inline]
    fn new(text: &'a [u8], delimiter: u8) -> Self {
        Marks { text, delimiter, block: usize::MAX, bits: 0 }
    }

    /// Returns the first mark at or after `from`; calls go forward only.
    #[inline]
    fn next(&mut self, from: usize) -> Option<usize> {
        if self.block == usize::MAX || from >= self.block + BLOCK {
            self.load(from)?;
        } else {
            self.bits &= u32::MAX << (from - self.block);
        }
        loop {
            if self.bits != 0 {
                return Some(self.block + self.bits.trailing_zeros() as usize);
            }
            self.load(self.block + BLOCK)?;
        }
    }

    #[inline]
    fn load(&mut self, at: usize) -> Option<()> {
        if at >= self.text.len() {
            return None;
        }
        self.block = at;
        self.bits = match self.text.get(at..at + BLOCK).and_then(|b| b.try_into().ok()) {
            Some(block) => mask(block, self.delimiter),
            None => {
                let mut padded = [0u8; BLOCK];
                let rest = &self.text[at..];
                padded[..rest.len()].copy_from_slice(rest);
                // A NUL may be the delimiter: only what is text counts.
                mask(&padded, self.delimiter) & !(u32::MAX << rest.len())
            }
        };
        Some(())
    }
}

/// Returns one bit for each delimiter, LF or CR of the block.
#[cfg(target_arch = "x86_64")]
#[inline]
fn mask(block: &[u8; BLOCK], delimiter: u8) -> u32 {
    // SAFETY: SSE2 is part of every x86-64.
    unsafe { mask_sse2(block, delimiter) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn mask_sse2(block: &[u8; BLOCK], delimiter: u8) -> u32 {
    use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8};
    let half = |from: usize| {
        let word = |at: usize| {
            let mut bytes = [0u8; 8];
            bytes.copy_from_slice(&block[at..at + 8]);
            i64::from_le_bytes(bytes)
        };
        let text = _mm_set_epi64x(word(from + 8), word(from));
        let delimiters = _mm_cmpeq_epi8(text, _mm_set1_epi8(delimiter as i8));
        let feeds = _mm_cmpeq_epi8(text, _mm_set1_epi8(b'\n' as i8));
        let returns = _mm_cmpeq_epi8(text, _mm_set1_epi8(b'\r' as i8));
        _mm_movemask_epi8(_mm_or_si128(delimiters, _mm_or_si128(feeds, returns))) as u32
    };
    half(0) | half(16) << 16
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn mask(block: &[u8; BLOCK], delimiter: u8) -> u32 {
    let mut bits = 0;
    for (i, &byte) in block.iter().enumerate() {
        bits |= u32::from(byte == delimiter || byte == b'\n' || byte == b'\r') << i;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::row::field_text::{Quoting, field};
    use proptest::prelude::*;

    const QUOTING: Quoting = Quoting { quote: b'"', escape: None };

    /// Returns every record of a text: its line, and its fields or what broke it.
    fn records(text: &str) -> Vec<(i64, Result<Vec<String>, Broken>)> {
        let splitter = Splitter { delimiter: b',', quote: Some(b'"'), comment: Some(b'#'), escape: None };
        let text = text.as_bytes();
        let (mut at, mut line) = (0, 1);
        let (mut records, mut spans, mut scratch) = (Vec::new(), Vec::new(), Vec::new());
        while at < text.len() {
            spans.clear();
            match splitter.split(text, at, true, &mut spans) {
                Found::Record { next, lines, .. } => {
                    let fields = spans
                        .iter()
                        .map(|&s| String::from_utf8_lossy(field(text, s, QUOTING, &mut scratch)).into_owned())
                        .collect();
                    records.push((line, Ok(fields)));
                    (at, line) = (next, line + lines);
                }
                Found::Blank { next } => (at, line) = (next, line + 1),
                Found::Broken { next, why, .. } => {
                    records.push((line, Err(why)));
                    (at, line) = (next, line + 1);
                }
                Found::More => panic!("the text is whole"),
            }
        }
        records
    }

    fn good(text: &str) -> Vec<(i64, Vec<String>)> {
        records(text).into_iter().map(|(line, fields)| (line, fields.unwrap())).collect()
    }

    #[test]
    fn a_record_knows_the_line_where_it_starts() {
        let found = good("a,b\r\n\"x\r\ny\",\"say \"\"hi\"\"\"\n\n# no record\n,\rlast,\"\"");
        let expected: [(i64, [&str; 2]); 4] =
            [(1, ["a", "b"]), (2, ["x\r\ny", "say \"hi\""]), (6, ["", ""]), (7, ["last", ""])];
        assert_eq!(found, expected.map(|(line, fields)| (line, fields.map(str::to_owned).to_vec())));
    }

    #[test]
    fn a_stray_quote_costs_one_line() {
        let found = records("1,\"open\n2,b\n3,\"c\" d\n4,e\n");
        assert_eq!(found[0], (1, Err(Broken::AfterQuote)));
        assert_eq!(found[1], (2, Ok(vec!["2".into(), "b".into()])));
        assert_eq!(found[2], (3, Err(Broken::AfterQuote)));
        assert_eq!(found[3], (4, Ok(vec!["4".into(), "e".into()])));
        assert_eq!(records("1,\"open\n2,b\n")[0], (1, Err(Broken::Unclosed)));
        assert_eq!(records("1,\"open\n2,b\n").len(), 2);
    }

    #[test]
    fn a_text_cut_anywhere_asks_for_more_or_agrees() {
        let text = "ab,\"c\"\"d\r\n\",\r\nlast,field\r\n";
        let splitter = Splitter { delimiter: b',', quote: Some(b'"'), comment: None, escape: None };
        let (mut whole, mut part) = (Vec::new(), Vec::new());
        let expected = splitter.split(text.as_bytes(), 0, true, &mut whole);
        for cut in 0..text.len() {
            part.clear();
            match splitter.split(&text.as_bytes()[..cut], 0, false, &mut part) {
                Found::More => {}
                found => {
                    assert_eq!(found, expected, "cut at {cut}");
                    assert_eq!(part, whole);
                }
            }
        }
    }

    fn by_csv_core(text: &[u8]) -> Vec<Vec<String>> {
        // A record that ends with the text is told apart from one that goes on.
        let text = &[text, b"\n"].concat()[..];
        let mut reader = csv_core::Reader::new();
        let (mut output, mut ends) = (vec![0; text.len() + 1], vec![0; text.len() + 2]);
        let (mut records, mut at) = (Vec::new(), 0);
        let mut ended = false;
        loop {
            let (result, read, _, fields) = reader.read_record(&text[at..], &mut output, &mut ends);
            at += read;
            match result {
                csv_core::ReadRecordResult::Record => {
                    let mut start = 0;
                    let fields = ends[..fields].iter().map(|&end| {
                        let text = String::from_utf8_lossy(&output[start..end]).into_owned();
                        start = end;
                        text
                    });
                    records.push(fields.collect());
                }
                csv_core::ReadRecordResult::End => return records,
                csv_core::ReadRecordResult::InputEmpty if !ended => ended = true,
                other => panic!("{other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_is_read_back(
            rows in proptest::collection::vec(proptest::collection::vec("(?s).{0,40}", 1..6), 0..8),
            break_ in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        ) {
            let text: String = rows.iter().map(|row| {
                let fields: Vec<String> =
                    row.iter().map(|f| format!("\"{}\"", f.replace('"', "\"\""))).collect();
                fields.join(",") + break_
            }).collect();
            let found: Vec<Vec<String>> = good(&text).into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(&found, &rows);
            prop_assert_eq!(found, by_csv_core(text.as_bytes()));
        }

        #[test]
        fn text_without_quotes_reads_as_csv_core_reads_it(text in "[a-c,\\n\\r]{0,200}") {
            let found: Vec<Vec<String>> = good(&text).into_iter().map(|(_, fields)| fields).collect();
            prop_assert_eq!(found, by_csv_core(text.as_bytes()));
        }

        #[test]
        fn every_byte_belongs_somewhere(text in "[ab,\"#\\n\\r\u{e9}]{0,100}") {
            let lines = records(&text).len();
            prop_assert!(lines <= text.len());
        }
    }
}
