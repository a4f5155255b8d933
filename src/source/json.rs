//! JSON lines: one object a line, its declared paths parsed into Arrow columns.

use bytes::Bytes;

use super::column::ColumnType;
use super::declaration::Source;
use super::decoder::Decoder;
use super::drift::{OnDrift, undeclared_keys};
use super::fault::{Fault, text_of};
use super::json_text::{self, MOST_UNKNOWN, Paths, Unknown, Value, unescape};
use super::rows::Rows;
use super::stream::Piece;
use super::text::Text;
use crate::error::{Error, Result};

/// The longest line.
const LINE_BYTES: usize = 16 * 1024 * 1024;

/// Reads a file of JSON lines; `emit` says whether anyone still listens.
///
/// A key that is absent is null, as writers of JSON have it. A key that nobody declared stops the
/// file at its end, if that is the source's policy, so that all of them are told.
pub fn read(
    source: &Source,
    file: &str,
    rows: usize,
    windows: impl FnMut() -> Option<Result<Bytes>>,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let mut unknown = (source.on_drift == OnDrift::Fail).then(Unknown::default);
    let seen = pass(source, file, rows, windows, emit, unknown.as_mut())?;
    let Some(unknown) = unknown else { return Ok(()) };
    let absent: Vec<_> = source.columns.iter().zip(seen).filter(|(_, seen)| !seen).map(|(c, _)| c).collect();
    undeclared_keys(source, &without_left_out(source, unknown.keys), &absent)
}

/// The keys that nobody declared, by going through the whole file.
pub fn undeclared(source: &Source, windows: impl FnMut() -> Option<Result<Bytes>>) -> Result<Vec<String>> {
    let mut unknown = Unknown::default();
    pass(source, "", 1024, windows, &mut |_| true, Some(&mut unknown))?;
    if unknown.too_many {
        return Err(Error::failed(format!(
            "the file has more than {MOST_UNKNOWN} keys that are not declared: data seems to stand in the keys"
        ))
        .hint("declare the object that holds them as text, or name it in ignore_columns"));
    }
    if let Some(key) = unknown.dotted.filter(|key| !source.leaves_out(key)) {
        return Err(Error::failed(format!(
            "the key `{key}` is not declared and cannot be taken in: it holds a dot, which stands for a nested key"
        ))
        .hint("name it in ignore_columns"));
    }
    Ok(without_left_out(source, unknown.keys).into_iter().map(|(key, _)| key).collect())
}

fn without_left_out(source: &Source, keys: Vec<(String, i64)>) -> Vec<(String, i64)> {
    keys.into_iter().filter(|(key, _)| !source.leaves_out(key)).collect()
}

/// Goes through the file; for each column whether any line has it.
fn pass(
    source: &Source,
    file: &str,
    rows: usize,
    windows: impl FnMut() -> Option<Result<Bytes>>,
    emit: &mut dyn FnMut(Piece) -> bool,
    mut unknown: Option<&mut Unknown>,
) -> Result<Vec<bool>> {
    let dialect = &source.dialect;
    let encoding = dialect.encoding.name();
    let mut text = Text::new(windows, dialect.encoding, dialect.skip_lines, dialect.footer_lines);
    let mut paths = Paths::default();
    // The places of former names follow those of the columns.
    let mut former = Vec::new();
    for (place, column) in source.columns.iter().enumerate() {
        for (age, path) in column.source_names().iter().enumerate() {
            if age == 0 {
                paths.add(path, place);
            } else {
                paths.add(path, source.columns.len() + former.len());
                former.push(place);
            }
        }
    }
    for path in &source.ignored {
        paths.pass_over(path);
    }
    let mut seen = vec![false; source.columns.len()];
    let mut rows = Rows::new(source, file, rows);
    let mut scratch = Vec::new();
    // A line too long is refused once, and passed over until it ends.
    let mut passing_over = false;
    loop {
        let available = text.available();
        let last = text.is_last();
        let (mut at, mut line) = (0, text.line());
        let mut values = vec![None; source.columns.len() + former.len()];
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
                if let Some(unknown) = &mut unknown {
                    unknown.line = line;
                }
                match json_text::read(raw, &paths, &mut values, &mut scratch, unknown.as_deref_mut()) {
                    Ok(()) => {
                        let twice = by_present_names(&mut values, &former);
                        for (seen, value) in seen.iter_mut().zip(&values) {
                            *seen |= value.is_some();
                        }
                        match twice {
                            None => record(&mut rows, &values, line, raw, &mut scratch),
                            Some(place) => {
                                let column = &source.columns[place];
                                let reason = format!("found more than one of {}", column.wanted());
                                rows.refuse(line, Some(&column.name), &reason, raw);
                            }
                        }
                    }
                    Err(wrong) => {
                        let reason = format!("not a JSON object: {} at byte {}", wrong.what, wrong.at + 1);
                        rows.refuse_record(line, &reason, raw);
                    }
                }
            }
            (at, line) = (next, line + 1);
            if rows.are_full() && !rows.flush(emit)? {
                return Ok(seen);
            }
        }
        let lines = line - text.line();
        text.consume(at, lines);
        if !text.fill()? {
            break;
        }
    }
    rows.finish(text.remark(), emit)?;
    Ok(seen)
}

/// Brings values found under former names to their columns' places; the place of a column that has more
/// than one, if any.
fn by_present_names(values: &mut [Option<Value<'_>>], former: &[usize]) -> Option<usize> {
    let mut twice = None;
    let columns = values.len() - former.len();
    for (age, &place) in former.iter().enumerate() {
        if let Some(value) = values[columns + age].take()
            && values[place].replace(value).is_some()
        {
            twice = Some(place);
        }
    }
    twice
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
