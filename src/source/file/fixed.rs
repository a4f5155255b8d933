//! Fixed-width files: lines cut at declared characters and parsed into Arrow columns.
//!
//! Characters are counted, not bytes. Blanks around a value are removed. A character that belongs to no
//! column must be blank, or be listed in `ignore_columns`: this finds a layout that moved by one character.

use std::ops::Range;

use bytes::Bytes;

use super::FileSource;
use super::csv::not_valid;
use super::csv::ragged::Ragged;
use super::file_rows::rows_of_file;
use super::text::Text;
use crate::error::Result;
use crate::source::contract::column::From;
use crate::source::contract::policy::OnDrift;
use crate::source::row::record_span::{RECORD_BYTES, line_end};
use crate::source::row::remark::Remark;
use crate::source::row::rows::{Piece, Rows};

/// Reads a fixed-width file; `emit` returns false when its receiver is gone.
pub fn read(
    source: FileSource<'_>,
    file: &str,
    rows: usize,
    windows: impl FnMut() -> Option<Result<Bytes>>,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let dialect = &source.files.dialect;
    let mut text = Text::new(windows, dialect.encoding, dialect.skip_lines, dialect.footer_lines);
    let layout = Layout::of(source);
    let mut rows = rows_of_file(source, file, rows)?;
    let mut starts = Vec::new();
    // A line too long is refused once, and ignored until it ends.
    let mut passing_over = false;
    loop {
        let available = text.available();
        let last = text.is_last();
        let (mut at, mut line) = (0, text.line());
        while at < available.len() {
            let Some((end, next)) = line_end(available, at, last) else {
                if passing_over || available.len() - at > RECORD_BYTES {
                    if !std::mem::replace(&mut passing_over, true) {
                        rows.refuse_record(line, "the line is longer than 4 MiB", &available[at..]);
                    }
                    at = available.len();
                }
                break;
            };
            let raw = &available[at..end];
            if std::mem::take(&mut passing_over) || raw.is_empty() || dialect.comment == raw.first().copied()
            {
                // Nothing to read.
            } else if !text.is_valid(at..end) {
                rows.refuse_record(line, &layout.not_valid, raw);
            } else {
                layout.record(&mut rows, raw, line, &mut starts);
            }
            (at, line) = (next, line + 1);
            if rows.are_full() && !rows.flush(emit)? {
                return Ok(());
            }
        }
        let lines = line - text.line();
        text.consume(at, lines);
        if !text.fill()? {
            break;
        }
    }
    rows.finish(text.remark().map(Remark::of_file), emit)
}

/// Returns the texts that are in these characters of a line.
pub fn stretches<'a>(line: &str, columns: impl Iterator<Item = &'a Range<usize>>) -> Vec<String> {
    let mut starts = Vec::new();
    let cut = Cut::of(line.as_bytes(), &mut starts);
    columns.map(|stretch| String::from_utf8_lossy(cut.get(stretch.clone())).into_owned()).collect()
}

/// Returns the characters that `6-7`, `12` or `33-` stand for, from 0.
pub fn characters(text: &str) -> Option<Range<usize>> {
    let place = |text: &str| text.trim().parse::<usize>().ok().filter(|place| *place > 0);
    match text.split_once('-') {
        None => place(text).map(|only| only - 1..only),
        Some((first, last)) => {
            let last = if last.trim().is_empty() { usize::MAX } else { place(last)? };
            place(first).filter(|first| *first <= last).map(|first| first - 1..last)
        }
    }
}

/// Where the declared columns are in a line, in characters.
struct Layout {
    /// None for a column that is in no line.
    columns: Vec<Option<Range<usize>>>,
    /// The character after the last declared one.
    width: usize,
    /// Stretches that must be blank.
    undeclared: Vec<Range<usize>>,
    ragged: Ragged,
    not_valid: String,
}

impl Layout {
    fn of(source: FileSource<'_>) -> Self {
        let columns: Vec<Option<Range<usize>>> = source
            .contract
            .columns
            .iter()
            .map(|column| match &column.from {
                From::Characters(stretch) => Some(stretch.clone()),
                _ => None,
            })
            .collect();
        let width = columns.iter().flatten().map(|stretch| stretch.end).max().unwrap_or(0);
        let undeclared = match source.contract.on_drift {
            OnDrift::Fail => between(
                columns
                    .iter()
                    .flatten()
                    .cloned()
                    .chain(source.contract.ignored.iter().filter_map(|i| characters(i))),
            ),
            OnDrift::Ignore | OnDrift::Evolve => Vec::new(),
        };
        Layout {
            columns,
            width,
            undeclared,
            ragged: source.files.dialect.ragged,
            not_valid: not_valid(source),
        }
    }

    /// Reads a line that is text; `starts` is room to work in.
    fn record(&self, rows: &mut Rows, raw: &[u8], line: i64, starts: &mut Vec<usize>) {
        let cut = Cut::of(raw, starts);
        if cut.is_blank(0..usize::MAX) {
            return;
        }
        if cut.characters < self.width && self.ragged == Ragged::Refuse {
            let reason = format!(
                "expected {} characters, found {} (ragged = \"pad\" reads missing ones at the end as blanks)",
                self.width, cut.characters
            );
            return rows.refuse_record(line, &reason, raw);
        }
        if let Some(stretch) = self.undeclared.iter().find(|stretch| !cut.is_blank((*stretch).clone())) {
            return rows.refuse_record(line, &unassigned_text(stretch), raw);
        }
        for (decoder, stretch) in rows.decoders.iter_mut().zip(&self.columns) {
            let value = stretch.clone().map(|stretch| trimmed(cut.get(stretch)));
            let pushed = match value {
                Some(value) => decoder.push(value),
                None => decoder.push_absent(),
            };
            if let Err(fault) = pushed {
                let value = value.unwrap_or_default();
                let column = decoder.column().clone();
                return rows.refuse_value(line, &column, fault, value, raw);
            }
        }
        rows.accept(line, raw.len());
    }
}

#[cold]
fn unassigned_text(stretch: &Range<usize>) -> String {
    let (first, last) = (stretch.start + 1, stretch.end);
    let (place, written) = match last {
        usize::MAX => (format!("after character {}", stretch.start), format!("{first}-")),
        last if last == first => (format!("at character {first}"), first.to_string()),
        last => (format!("in characters {first} to {last}"), format!("{first}-{last}")),
    };
    format!("text {place}, which belongs to no column (ignore_columns = [\"{written}\"] ignores it)")
}

/// Returns the stretches of a line that none of these covers.
fn between(covered: impl Iterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut covered: Vec<Range<usize>> = covered.collect();
    covered.sort_by_key(|stretch| stretch.start);
    let (mut free, mut at) = (Vec::new(), 0);
    for stretch in covered {
        if stretch.start > at {
            free.push(at..stretch.start);
        }
        at = at.max(stretch.end);
    }
    if at < usize::MAX {
        free.push(at..usize::MAX);
    }
    free
}

/// A line with the places of its characters.
struct Cut<'l> {
    line: &'l [u8],
    /// Where each character starts; nothing where each is one byte.
    starts: &'l [usize],
    characters: usize,
}

impl<'l> Cut<'l> {
    fn of(line: &'l [u8], starts: &'l mut Vec<usize>) -> Self {
        starts.clear();
        if !line.is_ascii() {
            // In valid UTF-8 every byte but those that go on starts a character.
            starts.extend((0..line.len()).filter(|&at| line[at] & 0xC0 != 0x80));
        }
        let characters = if starts.is_empty() { line.len() } else { starts.len() };
        Cut { line, starts, characters }
    }

    /// Returns the text of these characters, as far as the line has them.
    fn get(&self, stretch: Range<usize>) -> &'l [u8] {
        let (start, end) = (stretch.start.min(self.characters), stretch.end.min(self.characters));
        let byte = |character: usize| match self.starts.is_empty() {
            true => character,
            false => self.starts.get(character).copied().unwrap_or(self.line.len()),
        };
        &self.line[byte(start)..byte(end)]
    }

    fn is_blank(&self, stretch: Range<usize>) -> bool {
        trimmed(self.get(stretch)).is_empty()
    }
}

/// Returns a value without the blanks around it.
fn trimmed(text: &[u8]) -> &[u8] {
    let Some(start) = text.iter().position(|&byte| byte != b' ') else { return &[] };
    let end = text.iter().rposition(|&byte| byte != b' ').map_or(start, |last| last + 1);
    &text[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_column_covers_is_between_them() {
        let between = |covered: &[Range<usize>]| between(covered.iter().cloned());
        assert_eq!(between(&[1..6, 7..11]), [0..1, 6..7, 11..usize::MAX]);
        assert_eq!(between(&[4..6, 0..4, 6..usize::MAX]), Vec::<Range<usize>>::new());
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        let mut starts = Vec::new();
        let cut = Cut::of("é€x ü".as_bytes(), &mut starts);
        assert_eq!(cut.characters, 5);
        assert_eq!(cut.get(1..3), "€x".as_bytes());
        assert_eq!(cut.get(4..9), "ü".as_bytes());
        assert!(cut.is_blank(3..4) && cut.is_blank(7..9));
    }

    #[test]
    fn a_stretch_of_characters_is_written_from_one() {
        assert_eq!(characters("6-7"), Some(5..7));
        assert_eq!(characters(" 12 "), Some(11..12));
        assert_eq!(characters("33-"), Some(32..usize::MAX));
        for wrong in ["", "0", "7-6", "-5", "a-b", "1-2-3", "0-4"] {
            assert_eq!(characters(wrong), None, "{wrong}");
        }
    }
}
