//! JSON lines: one object a line, its declared paths parsed into Arrow columns.

use bytes::Bytes;

use super::column::{ColumnType, From};
use super::declaration::Source;
use super::decoder::Decoder;
use super::fault::{Fault, text_of};
use super::json_text::{self, Paths, Value, unescape};
use super::rows::Rows;
use super::stream::Piece;
use super::text::Text;
use crate::error::Result;

/// The longest line.
const LINE_BYTES: usize = 16 * 1024 * 1024;

/// Reads a file of JSON lines; `emit` says whether anyone still listens.
pub fn read(
    source: &Source,
    file: &str,
    rows: usize,
    windows: impl FnMut() -> Option<Result<Bytes>>,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let dialect = &source.dialect;
    let encoding = dialect.encoding.name();
    let mut text = Text::new(windows, dialect.encoding, dialect.skip_lines, dialect.footer_lines);
    let mut paths = Paths::default();
    for (place, column) in source.columns.iter().enumerate() {
        match &column.from {
            From::Name(path) => paths.add(path, place),
            From::Position(_) => {}
        }
    }
    let mut rows = Rows::new(source, file, rows);
    let mut scratch = Vec::new();
    // A line too long is refused once, and passed over until it ends.
    let mut passing_over = false;
    loop {
        let available = text.available();
        let last = text.is_last();
        let (mut at, mut line) = (0, text.line());
        let mut values = vec![None; source.columns.len()];
        while at < available.len() {
            let found = available[at..].iter().position(|&b| b == b'\n').map(|end| at + end);
            let (end, next) = match found {
                Some(end) => (end, end + 1),
                None if last => (available.len(), available.len()),
                None if passing_over => {
                    at = available.len();
                    break;
                }
                None if available.len() - at > LINE_BYTES => {
                    rows.refuse_record(line, "the line is longer than 16 MiB", &available[at..]);
                    passing_over = true;
                    at = available.len();
                    break;
                }
                None => break,
            };
            let raw = available[at..end].strip_suffix(b"\r").unwrap_or(&available[at..end]);
            if std::mem::take(&mut passing_over) || raw.trim_ascii().is_empty() {
                // Nothing to read.
            } else if !text.is_valid(at..end) {
                rows.refuse_record(line, &format!("bytes that are not valid {encoding}"), raw);
            } else {
                match json_text::read(raw, &paths, &mut values, &mut scratch) {
                    Ok(()) => record(&mut rows, &values, line, raw, &mut scratch),
                    Err(wrong) => {
                        let reason = format!("not a JSON object: {} at byte {}", wrong.what, wrong.at + 1);
                        rows.refuse_record(line, &reason, raw);
                    }
                }
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
    rows.flush(emit)?;
    Ok(())
}

fn record(rows: &mut Rows, values: &[Option<Value<'_>>], line: i64, raw: &[u8], scratch: &mut Vec<u8>) {
    for (decoder, value) in rows.decoders.iter_mut().zip(values) {
        if let Err(fault) = push(decoder, value.unwrap_or(Value::Null), scratch) {
            let column = decoder.column().clone();
            let found = describe(value.unwrap_or(Value::Null), scratch);
            return rows.refuse(line, Some(&column.name), &fault.reason(&column, &found), raw);
        }
    }
    rows.accept(line, raw.len());
}

fn push(decoder: &mut Decoder, value: Value<'_>, scratch: &mut Vec<u8>) -> Result<(), Fault> {
    match value {
        Value::Null => decoder.push_null(),
        Value::True => truth(decoder, b"true", true),
        Value::False => truth(decoder, b"false", false),
        // JSON has its own decimal mark, whatever the source's texts use.
        Value::Number(raw) => decoder.push_number(raw),
        Value::Text { raw, escaped: false } => decoder.push(raw),
        Value::Text { raw, escaped: true } => decoder.push(unescape(raw, scratch)),
        Value::Nested(raw) => match decoder.column().kind {
            ColumnType::Text => decoder.push_text(raw),
            _ => Err(Fault::Shape),
        },
    }
}

fn truth(decoder: &mut Decoder, word: &[u8], value: bool) -> Result<(), Fault> {
    match decoder.column().kind {
        ColumnType::Boolean => decoder.push_boolean(value),
        ColumnType::Text => decoder.push_text(word),
        _ => Err(Fault::Shape),
    }
}

fn describe(value: Value<'_>, scratch: &mut Vec<u8>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::True | Value::False => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::Text { raw, .. } => text_of(unescape(raw, scratch)),
        Value::Nested(raw) if raw.starts_with(b"{") => "an object".to_owned(),
        Value::Nested(_) => "an array".to_owned(),
    }
}
