//! CSV: records split, matched to the declared columns and parsed straight into Arrow columns.

pub mod escaped_records;
pub mod ragged;
pub mod records;

use bytes::Bytes;

use super::FileSource;
use super::columns::drift::compare;
use super::file_rows::rows_of_file;
use super::text::Text;
use crate::error::{Error, Result};
use crate::source::contract::column::From;
use crate::source::contract::header_name::plain;
use crate::source::row::field_stretch::{Fields, STRETCH};
use crate::source::row::field_text::{Quoting, field};
use crate::source::row::record_span::{Broken, Found, Span, line_end};
use crate::source::row::remark::Remark;
use crate::source::row::rows::{Piece, Rows};
use ragged::Width;
use records::Splitter;

/// Reads a CSV file; `emit` returns false when its receiver is gone.
pub fn read(
    source: FileSource<'_>,
    file: &str,
    rows: usize,
    windows: impl FnMut() -> Option<Result<Bytes>>,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let dialect = &source.files.dialect;
    let mut text = Text::new(windows, dialect.encoding, dialect.skip_lines, dialect.footer_lines);
    let splitter = splitter(source);
    let quoting = quoting(source);
    let mut rows = rows_of_file(source, file, rows)?;
    let mut scratch = Vec::new();
    let mut layout: Option<Layout> = None;
    let mut stretch = Stretch::default();
    // Whether the text begins within a line that was refused as too long.
    let mut in_long_line = false;
    loop {
        // One fill of text: `at` and `line` run through it, then it is given back.
        let available = text.available();
        let last = text.is_last();
        let (mut at, mut line) = (0, text.line());
        if in_long_line {
            // Its beginning was refused; the rest is not a record of its own.
            let end = line_end(available, 0, last);
            at = end.map_or(available.len(), |(_, next)| next);
            in_long_line = end.is_none();
        }
        loop {
            let first = stretch.spans.len();
            let found = splitter.split(available, at, last, &mut stretch.spans);
            match found {
                Found::Record { end, next, lines } => {
                    let spans = &stretch.spans[first..];
                    if layout.is_none() && dialect.header {
                        let names = names(available, spans, quoting);
                        text.check_words(&names)?;
                        layout = Some(Layout::of_header(source, &names)?);
                        stretch.clear();
                    } else {
                        let count = spans.len();
                        let is_first = layout.is_none();
                        let known = layout.take().unwrap_or_else(|| Layout::of_positions(source, count));
                        let fields = known.width.fields;
                        let fits =
                            fields == count || known.width.fit(available, &mut stretch.spans, first, end);
                        if fits && text.is_valid(at..end) {
                            stretch.places.push(Place { at, end, line });
                        } else {
                            let reason = match text.is_valid(at..end) {
                                true => known.width.reason(available, &stretch.spans[first..]),
                                false => known.not_valid.clone(),
                            };
                            // The records before it come first.
                            stretch.spans.truncate(first);
                            known.stretch(available, &mut stretch, &mut rows, quoting, &mut scratch);
                            rows.refuse_record(line, &reason, &available[at..end]);
                        }
                        if !is_first || count >= fields {
                            layout = Some(known);
                        } else {
                            // Without a header, one short record does not define the width of the others.
                            known.stretch(available, &mut stretch, &mut rows, quoting, &mut scratch);
                        }
                    }
                    (at, line) = (next, line + lines);
                }
                Found::Blank { next } => (at, line) = (next, line + 1),
                Found::Broken { end, next, why } => {
                    stretch.spans.truncate(first);
                    match &layout {
                        Some(layout) => {
                            layout.stretch(available, &mut stretch, &mut rows, quoting, &mut scratch)
                        }
                        None if dialect.header => {
                            return Err(broken_header(why));
                        }
                        None => {}
                    }
                    rows.refuse_record(line, why.reason(), &available[at..end]);
                    in_long_line = end == next && !last;
                    (at, line) = (next, line + 1);
                }
                Found::More => {
                    stretch.spans.truncate(first);
                    break;
                }
            }
            if stretch.places.len() >= STRETCH.min(rows.room())
                && let Some(layout) = &layout
            {
                layout.stretch(available, &mut stretch, &mut rows, quoting, &mut scratch);
            }
            if rows.are_full() && !rows.flush(emit)? {
                return Ok(());
            }
        }
        if let Some(layout) = &layout {
            layout.stretch(available, &mut stretch, &mut rows, quoting, &mut scratch);
        }
        let lines = line - text.line();
        text.consume(at, lines);
        if !text.fill()? {
            break;
        }
    }
    if layout.is_none() && dialect.header {
        return Err(no_header());
    }
    rows.finish(text.remark().map(Remark::of_file), emit)
}

/// Returns the names in the header, without reading further.
pub fn header(source: FileSource<'_>, windows: impl FnMut() -> Option<Result<Bytes>>) -> Result<Vec<String>> {
    let dialect = &source.files.dialect;
    let mut text = Text::new(windows, dialect.encoding, dialect.skip_lines, dialect.footer_lines);
    let splitter = splitter(source);
    let mut spans = Vec::new();
    loop {
        let available = text.available();
        let mut at = 0;
        loop {
            spans.clear();
            match splitter.split(available, at, text.is_last(), &mut spans) {
                Found::Record { .. } => {
                    let names = names(available, &spans, quoting(source));
                    text.check_words(&names)?;
                    return Ok(names);
                }
                Found::Blank { next } => at = next,
                Found::Broken { why, .. } => return Err(broken_header(why)),
                Found::More => break,
            }
        }
        text.consume(at, 0);
        if !text.fill()? {
            return Err(no_header());
        }
    }
}

/// Returns what finds the records of a source.
pub(super) fn splitter(source: FileSource<'_>) -> Splitter {
    let dialect = &source.files.dialect;
    Splitter {
        delimiter: dialect.delimiter,
        quote: dialect.quote,
        comment: dialect.comment,
        escape: dialect.escape,
    }
}

/// Returns how a source's fields are quoted.
pub(super) fn quoting(source: FileSource<'_>) -> Quoting {
    Quoting { quote: source.files.dialect.quote.unwrap_or(b'"'), escape: source.files.dialect.escape }
}

fn names(text: &[u8], spans: &[Span], quoting: Quoting) -> Vec<String> {
    let mut scratch = Vec::new();
    let name = |span| String::from_utf8_lossy(field(text, span, quoting, &mut scratch)).trim().to_owned();
    spans.iter().copied().map(name).collect()
}

fn broken_header(why: Broken) -> Error {
    Error::failed(format!("the header cannot be read: {}", why.reason()))
}

fn no_header() -> Error {
    Error::failed("the file is empty: it has no header").hint(
        "an export without rows still has a header line; an empty file usually means that the \
         export failed",
    )
}

/// Where the declared columns are among a record's fields.
struct Layout {
    /// How many fields a record has.
    width: Width,
    /// None for a column that the file lacks: it is null.
    places: Vec<Option<usize>>,
    /// The reason for refusing bytes that the encoding does not know.
    not_valid: String,
}

/// Records that have been split and wait to be parsed together.
#[derive(Default)]
struct Stretch {
    spans: Vec<Span>,
    places: Vec<Place>,
}

/// Where a record is in the text and in the file.
struct Place {
    at: usize,
    end: usize,
    line: i64,
}

impl Stretch {
    fn clear(&mut self) {
        self.spans.clear();
        self.places.clear();
    }
}

impl Layout {
    fn of_header(source: FileSource<'_>, header: &[String]) -> Result<Self> {
        let places = compare(source, header)?.places;
        let named = header.iter().rposition(|name| !plain(name).is_empty()).map_or(0, |last| last + 1);
        let width = Width { fields: header.len(), named, ragged: source.files.dialect.ragged };
        Ok(Layout { width, places, not_valid: not_valid(source) })
    }

    /// Without a header the first record that is long enough says how many fields there are.
    fn of_positions(source: FileSource<'_>, fields: usize) -> Self {
        let places: Vec<Option<usize>> = source
            .contract
            .columns
            .iter()
            .map(|column| match column.from {
                From::Position(place) => Some(place),
                _ => None,
            })
            .collect();
        let least = places.iter().flatten().max().map_or(0, |place| place + 1);
        let fields = fields.max(least);
        let width = Width { fields, named: fields, ragged: source.files.dialect.ragged };
        Layout { width, places, not_valid: not_valid(source) }
    }

    /// Parses the records in waiting: column by column, or row by row where one does not fit.
    fn stretch(
        &self,
        text: &[u8],
        stretch: &mut Stretch,
        rows: &mut Rows,
        quoting: Quoting,
        scratch: &mut Vec<u8>,
    ) {
        let count = stretch.places.len();
        if count > 0 {
            let spans = &stretch.spans;
            let all_fit = rows.extend(count, |column| {
                let place = self.places[column]?;
                Some(Fields { text, spans, stride: self.width.fields, place, rows: count, quoting })
            });
            for (place, spans) in stretch.places.iter().zip(spans.chunks_exact(self.width.fields)) {
                if all_fit || self.record(text, spans, place, rows, quoting, scratch) {
                    rows.accept(place.line, place.end - place.at);
                }
            }
        }
        stretch.clear();
    }

    fn record(
        &self,
        text: &[u8],
        spans: &[Span],
        place: &Place,
        rows: &mut Rows,
        quoting: Quoting,
        scratch: &mut Vec<u8>,
    ) -> bool {
        for (decoder, &at) in rows.decoders.iter_mut().zip(&self.places) {
            let value = at.map(|at| field(text, spans[at], quoting, scratch));
            let pushed = match value {
                // What was written with an escape was not written as "no value".
                Some(value) if at.is_some_and(|at| spans[at].escaped) => decoder.push_value(value),
                Some(value) => decoder.push(value),
                None => decoder.push_absent(),
            };
            if let Err(fault) = pushed {
                let value = value.unwrap_or_default();
                let (column, value) = (decoder.column().clone(), value.to_vec());
                rows.refuse_value(place.line, &column, fault, &value, &text[place.at..place.end]);
                return false;
            }
        }
        true
    }
}

pub(super) fn not_valid(source: FileSource<'_>) -> String {
    format!("bytes that are not valid {}", source.files.dialect.encoding.name())
}
