//! JSON: one object per line, or values one after another; their declared paths are parsed into Arrow
//! columns.

pub mod nested;
pub mod object;
pub mod path;
pub mod records;
pub mod shape;
pub mod value;

use bytes::Bytes;

use super::FileSource;
use super::columns::drift::undeclared_keys;
use super::csv::not_valid;
use super::file_rows::rows_of_file;
use super::format::Format;
use super::text::Text;
use crate::error::{Error, Result};
use crate::source::contract::column::{Column, ColumnType};
use crate::source::contract::policy::OnDrift;
use crate::source::row::decoder::Decoder;
use crate::source::row::remark::{Remark, Seen};
use crate::source::row::rows::{Piece, Refusal, Rows};
use crate::source::row::tally::Tally;
use crate::source::row::unnest::Unfolded;
use crate::source::value::fault::Fault;
use object::Scratch;
use path::{MOST_UNKNOWN, Unknown};
use records::{Found, Records};
use shape::Shape;
use value::{Value, elements, unescape};

/// Reads a file of JSON; `emit` returns false when its receiver is gone.
///
/// A key that is absent is null, as writers of JSON have it. An undeclared key stops the
/// file at its end, if that is the source's policy, so that all of them are reported.
pub fn read(
    source: FileSource<'_>,
    file: &str,
    rows: usize,
    windows: impl FnMut() -> Option<Result<Bytes>>,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let unknown = (source.contract.on_drift == OnDrift::Fail).then(Unknown::default);
    let mut reading = Reading::new(source, file, rows, unknown)?;
    if !reading.pass(windows, emit)? {
        return Ok(());
    }
    if let Some(unknown) = &reading.unknown {
        undeclared_keys(source, &without_ignored(source, &unknown.keys), &reading.absent())?;
    }
    let remarks = reading.remarks();
    reading.rows.finish(remarks, emit)
}

/// Returns the undeclared keys, by going through the whole file.
pub fn undeclared(
    source: FileSource<'_>,
    file: &str,
    windows: impl FnMut() -> Option<Result<Bytes>>,
) -> Result<Vec<String>> {
    let mut reading = Reading::new(source, file, 1024, Some(Unknown::default()))?;
    reading.pass(windows, &mut |_| true)?;
    let unknown = reading.unknown.unwrap_or_default();
    if unknown.too_many {
        return Err(Error::failed(format!(
            "the file has more than {MOST_UNKNOWN} undeclared keys: the keys seem to be data"
        ))
        .hint("declare the object that holds them as text, or list it in ignore_columns"));
    }
    Ok(without_ignored(source, &unknown.keys).into_iter().map(|(key, _)| key).collect())
}

fn without_ignored(source: FileSource<'_>, keys: &[(String, i64)]) -> Vec<(String, i64)> {
    keys.iter().filter(|(key, _)| !source.contract.leaves_out(key)).cloned().collect()
}

/// A file on its way.
struct Reading<'s> {
    source: FileSource<'s>,
    shape: Shape,
    rows: Rows,
    unknown: Option<Unknown>,
    scratch: Scratch,
    text: String,
    /// By column, whether any record has its place.
    met: Vec<bool>,
    records: u64,
    of_encoding: Option<Remark>,
}

impl<'s> Reading<'s> {
    fn new(source: FileSource<'s>, file: &str, rows: usize, unknown: Option<Unknown>) -> Result<Self> {
        Ok(Reading {
            source,
            shape: Shape::of(source),
            rows: rows_of_file(source, file, rows)?,
            unknown,
            scratch: Scratch::default(),
            text: String::new(),
            met: vec![false; source.contract.columns.len()],
            records: 0,
            of_encoding: None,
        })
    }

    /// Goes through the file; false when the receiver is gone.
    fn pass(
        &mut self,
        windows: impl FnMut() -> Option<Result<Bytes>>,
        emit: &mut dyn FnMut(Piece) -> bool,
    ) -> Result<bool> {
        let dialect = &self.source.files.dialect;
        let mut text = Text::new(windows, dialect.encoding, dialect.skip_lines, dialect.footer_lines);
        let mut records = Records::of(self.source.files.format);
        loop {
            let available = text.available();
            // Looked at once, and not record by record.
            let whole = std::str::from_utf8(available).ok();
            let (mut at, mut line) = (0, text.line());
            let mut values = vec![None; self.shape.places()];
            loop {
                match records.next(available, &mut at, &mut line, text.is_last())? {
                    Found::Record(range, line) => {
                        let raw = &available[range.clone()];
                        self.records += 1;
                        if self.records == 1 {
                            one_a_line(self.source.files.format, raw)?;
                        }
                        let part = whole.and_then(|whole| whole.get(range));
                        match part.or_else(|| std::str::from_utf8(raw).ok()) {
                            None => self.rows.refuse_record(line, &not_valid(self.source), raw),
                            Some(record) => {
                                if !self.record(&mut values, line, record, emit)? {
                                    return Ok(false);
                                }
                            }
                        }
                    }
                    Found::TooLong(range, line) => {
                        self.rows.refuse_record(line, "the line is longer than 16 MiB", &available[range]);
                    }
                    Found::More => break,
                }
                if self.rows.are_full() && !self.rows.flush(emit)? {
                    return Ok(false);
                }
            }
            let lines = line - text.line();
            text.consume(at, lines);
            if !text.fill()? {
                break;
            }
        }
        self.of_encoding = text.remark().map(Remark::of_file);
        self.rows.flush(emit)
    }

    /// Reads one record; false when the receiver is gone.
    fn record<'a>(
        &mut self,
        values: &mut [Option<Value<'a>>],
        line: i64,
        raw: &'a str,
        emit: &mut dyn FnMut(Piece) -> bool,
    ) -> Result<bool> {
        values.fill(None);
        if let Some(unknown) = &mut self.unknown {
            unknown.line = line;
        }
        // Around an array that the rows come from, other keys are another source's.
        let unknown = self.unknown.as_mut().filter(|_| self.shape.elements.is_none());
        if let Err(wrong) = object::read(raw, &self.shape.record, values, &mut self.scratch, unknown) {
            let column =
                wrong.place.and_then(|place| self.source.contract.columns.get(self.shape.column_of(place)));
            self.rows.refuse(line, column.map(|c| c.name.as_str()), &wrong.reason, raw.as_bytes());
            return Ok(true);
        }
        if let Err(place) = self.shape.by_present_names(values) {
            let Refusal { column, reason } = several_names(&self.source.contract.columns[place]);
            self.rows.refuse(line, column.as_deref(), &reason, raw.as_bytes());
            return Ok(true);
        }
        for (met, value) in self.met.iter_mut().zip(&*values) {
            *met |= value.is_some();
        }
        if self.shape.elements.is_some() {
            return self.elements(values, line, raw, emit);
        }
        match push_row(&mut self.rows, values, &mut self.text) {
            Ok(()) => self.rows.accept(line, raw.len()),
            Err(refusal) => {
                self.rows.refuse(line, refusal.column.as_deref(), &refusal.reason, raw.as_bytes())
            }
        }
        Ok(true)
    }

    /// Returns the rows of a record: one per element of its array.
    fn elements<'a>(
        &mut self,
        values: &mut [Option<Value<'a>>],
        line: i64,
        raw: &'a str,
        emit: &mut dyn FnMut(Piece) -> bool,
    ) -> Result<bool> {
        let shape = &self.shape;
        let Some(of_element) = &shape.elements else { return Ok(true) };
        let array = match values[of_element.array].unwrap_or(Value::Null) {
            Value::Nested(array) if array.starts_with('[') => array,
            Value::Null => "[]",
            other => {
                let reason =
                    format!("expected an array at `{}`, found {}", of_element.rows, other.describe());
                self.rows.refuse_record(line, &reason, raw.as_bytes());
                return Ok(true);
            }
        };
        let all: usize = values.iter().flatten().map(Value::size).sum();
        let around = all.saturating_sub(array.len());
        let (scratch, text, unknown, met) =
            (&mut self.scratch, &mut self.text, &mut self.unknown, &mut self.met);
        let columns = &self.source.contract.columns;
        let unfolded = self.rows.unfold(
            line,
            || elements(array).into_iter().flatten(),
            emit,
            |rows, element| {
                of_element.element(element, values, scratch, unknown.as_mut()).map_err(|wrong| Refusal {
                    column: wrong.place.map(|place| columns[shape.column_of(place)].name.clone()),
                    reason: wrong.reason,
                })?;
                shape.by_present_names(values).map_err(|place| several_names(&columns[place]))?;
                for (met, value) in met.iter_mut().zip(&*values) {
                    *met |= value.is_some();
                }
                push_row(rows, values, text)?;
                Ok(around + element.size())
            },
        )?;
        match unfolded {
            Unfolded::Rows => {}
            Unfolded::Refused(refusal) => {
                self.rows.refuse(line, refusal.column.as_deref(), &refusal.reason, raw.as_bytes());
            }
            Unfolded::Unheard => return Ok(false),
        }
        Ok(true)
    }

    /// Returns the columns that are to be found in records and were not.
    fn absent(&self) -> Vec<&'s Column> {
        let columns = self.source.contract.columns.iter().zip(&self.met);
        columns.filter(|(c, met)| !**met && !c.source_names().is_empty()).map(|(c, _)| c).collect()
    }

    /// Returns what is to be reported of the file: its encoding, and columns that no record has. Where
    /// undeclared keys are minded their absence is as it may be, but around an array nobody minds them.
    fn remarks(&self) -> Vec<Remark> {
        let absent = self.absent().into_iter().filter(|_| self.records > 0).filter_map(|column| {
            let around = self.shape.is_around(column.source_name());
            (around || self.source.contract.on_drift == OnDrift::Ignore).then(|| {
                let from = column.source_names().join("` or `");
                let seen = Seen::InNoRecord { column: column.name.clone(), from, around };
                Remark { seen, tally: Tally { count: 1, first_line: 1 } }
            })
        });
        self.of_encoding.clone().into_iter().chain(absent).collect()
    }
}

/// Returns the error for a record that has a column under several of its names.
#[cold]
fn several_names(column: &Column) -> Refusal {
    let reason = format!("found more than one of {}", column.wanted());
    Refusal { column: Some(column.name.clone()), reason }
}

/// A file that is one array, or one object over many lines, is not refused line by line.
fn one_a_line(format: Format, first: &[u8]) -> Result<()> {
    let what = match first.trim_ascii() {
        [b'[', ..] => "one JSON array",
        b"{" => "JSON over several lines",
        _ => return Ok(()),
    };
    if format != Format::Jsonl {
        return Ok(());
    }
    Err(Error::failed(format!("the file is {what}, not one object per line"))
        .hint("declare format = \"json\", which reads one array of objects, or objects over several lines"))
}

fn push_row(rows: &mut Rows, values: &[Option<Value<'_>>], text: &mut String) -> Result<(), Refusal> {
    for (decoder, value) in rows.decoders.iter_mut().zip(values) {
        let pushed = match value {
            Some(value) => push(decoder, *value, text),
            None => decoder.push_absent(),
        };
        if let Err(fault) = pushed {
            let column = decoder.column();
            let reason = fault.reason(column, &value.unwrap_or(Value::Null).describe());
            return Err(Refusal { column: Some(column.name.clone()), reason });
        }
    }
    Ok(())
}

fn push(decoder: &mut Decoder, value: Value<'_>, text: &mut String) -> Result<(), Fault> {
    match value {
        Value::Null => decoder.push_null(),
        Value::True => truth(decoder, b"true", true),
        Value::False => truth(decoder, b"false", false),
        // JSON has its own decimal mark, whatever the source's texts use.
        Value::Number(raw) => decoder.push_number(raw.as_bytes()),
        Value::Text(text) => decoder.push(text.as_bytes()),
        Value::Escaped(quoted) => decoder.push(unescape(quoted, text).ok_or(Fault::Shape)?.as_bytes()),
        Value::Nested(raw) => match decoder.column().kind {
            ColumnType::Text => decoder.push_text(raw.as_bytes()),
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
