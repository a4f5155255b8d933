//! CSV: records split, matched to the declared columns and parsed straight into Arrow columns.

use bytes::Bytes;

use super::column::From;
use super::declaration::Source;
use super::near::near;
use super::records::{Found, Span, Splitter, field};
use super::rows::Rows;
use super::stream::Piece;
use super::text::Text;
use crate::error::{Error, Result};

/// Reads a CSV file; `emit` says whether anyone still listens.
pub fn read(
    source: &Source,
    file: &str,
    rows: usize,
    windows: impl FnMut() -> Option<Result<Bytes>>,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let dialect = &source.dialect;
    let mut text = Text::new(windows, dialect.encoding, dialect.skip_lines, dialect.footer_lines);
    let splitter = Splitter { delimiter: dialect.delimiter, quote: dialect.quote, comment: dialect.comment };
    let quote = dialect.quote.unwrap_or(b'"');
    let mut rows = Rows::new(source, file, rows);
    let mut spans: Vec<Span> = Vec::new();
    let mut scratch = Vec::new();
    let mut layout: Option<Layout> = None;
    loop {
        // One stretch of text: `at` and `line` run through it, then it is given back.
        let available = text.available();
        let last = text.is_last();
        let (mut at, mut line) = (0, text.line());
        loop {
            match splitter.split(available, at, last, &mut spans) {
                Found::Record { end, next, lines } => {
                    match &layout {
                        Some(layout) => {
                            let record = Record { text: available, spans: &spans, at, end, quote };
                            layout.record(&text, &record, line, &mut rows, &mut scratch);
                        }
                        None if dialect.header => {
                            let header = spans.iter().map(|&span| {
                                let name = field(available, span, quote, &mut scratch);
                                String::from_utf8_lossy(name).trim().to_owned()
                            });
                            layout = Some(Layout::of_header(source, &header.collect::<Vec<_>>())?);
                        }
                        None => {
                            let found = Layout::of_positions(source, spans.len());
                            let record = Record { text: available, spans: &spans, at, end, quote };
                            found.record(&text, &record, line, &mut rows, &mut scratch);
                            layout = (spans.len() >= found.fields).then_some(found);
                        }
                    }
                    (at, line) = (next, line + lines);
                }
                Found::Blank { next } => (at, line) = (next, line + 1),
                Found::Broken { end, next, why } => {
                    if layout.is_none() && dialect.header {
                        return Err(Error::failed(format!("the header is broken: {}", why.reason())));
                    }
                    rows.refuse_record(line, why.reason(), &available[at..end]);
                    (at, line) = (next, line + 1);
                }
                Found::More => break,
            }
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
    if layout.is_none() && dialect.header {
        return Err(Error::failed("the file is empty: not even a header was found").hint(
            "an export without rows still has its header line; a file of 0 bytes is mostly a failed export",
        ));
    }
    rows.flush(emit)?;
    Ok(())
}

/// Where the declared columns are among a record's fields.
struct Layout {
    /// How many fields a record has.
    fields: usize,
    places: Vec<usize>,
    encoding: &'static str,
}

/// A record in the text.
struct Record<'a> {
    text: &'a [u8],
    spans: &'a [Span],
    at: usize,
    end: usize,
    quote: u8,
}

impl Layout {
    fn of_header(source: &Source, header: &[String]) -> Result<Self> {
        let mut places = Vec::with_capacity(source.columns.len());
        let mut problems = Vec::new();
        for column in &source.columns {
            let name = column.source_name();
            let mut found = header.iter().enumerate().filter(|(_, h)| *h == name.trim());
            match (found.next(), found.next()) {
                (Some((place, _)), None) => places.push(place),
                (Some(_), Some(_)) => {
                    problems
                        .push(Error::failed(format!("the header has the column `{name}` more than once")));
                }
                (None, _) => problems.push(missing(name, header)),
            }
        }
        Error::all(problems)?;
        Ok(Layout { fields: header.len(), places, encoding: source.dialect.encoding.name() })
    }

    /// Without a header the first record that is long enough says how many fields there are.
    fn of_positions(source: &Source, fields: usize) -> Self {
        let places: Vec<usize> = source
            .columns
            .iter()
            .map(|column| match column.from {
                From::Position(place) => place,
                From::Name(_) => 0,
            })
            .collect();
        let least = places.iter().max().map_or(0, |place| place + 1);
        Layout { fields: fields.max(least), places, encoding: source.dialect.encoding.name() }
    }

    #[inline]
    fn record<F: FnMut() -> Option<Result<Bytes>>>(
        &self,
        text: &Text<F>,
        record: &Record<'_>,
        line: i64,
        rows: &mut Rows,
        scratch: &mut Vec<u8>,
    ) {
        let raw = &record.text[record.at..record.end];
        if !text.is_valid(record.at..record.end) {
            let reason = format!("bytes that are not valid {}", self.encoding);
            return rows.refuse_record(line, &reason, raw);
        }
        if record.spans.len() != self.fields {
            let reason = format!("expected {} fields, found {}", self.fields, record.spans.len());
            return rows.refuse_record(line, &reason, raw);
        }
        for (decoder, &place) in rows.decoders.iter_mut().zip(&self.places) {
            let value = field(record.text, record.spans[place], record.quote, scratch);
            if let Err(fault) = decoder.push(value) {
                let (column, value) = (decoder.column().clone(), value.to_vec());
                return rows.refuse_value(line, &column, fault, &value, raw);
            }
        }
        rows.accept(line, raw.len());
    }
}

/// The error for a declared column that a file lacks.
pub fn missing(name: &str, found: &[String]) -> Error {
    let error = Error::failed(format!("the file has no column `{name}`; it has {}", list(found)));
    match near(name, found) {
        Some(close) => {
            error.hint(format!("is `{close}` meant? Then declare the column with from = \"{close}\""))
        }
        None => error.hint("add it to the export, or say where it is with from = \"…\"; check the delimiter"),
    }
}

fn list(names: &[String]) -> String {
    const SHOWN: usize = 40;
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
