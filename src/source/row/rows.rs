//! Builds rows: the columns of accepted rows, the quarantine of refused ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::decoder::Decoder;
use super::fault_reason::text_of;
use super::field_stretch::Fields;
use super::quarantine::Quarantine;
use super::remark::{Remark, Seen};
use super::suspicious_value::Doubt;
use super::tally::Tally;
use crate::error::{Context, Result};
use crate::source::contract::column::Column;
use crate::source::value::fault::Fault;

/// The column with the number of the element that a row comes from.
pub const ELEMENT: &str = "_element";

/// Text read before a batch ends early: long texts must not gather in memory.
const BATCH_BYTES: usize = 32 * 1024 * 1024;
/// Refused records gathered before they are handed on.
const REFUSED_ROWS: usize = 4096;

/// The rows of one file, up to one batch of them.
pub struct Rows {
    pub decoders: Vec<Decoder>,
    schema: SchemaRef,
    file: String,
    /// Where rows have versions.
    version: Option<String>,
    /// Whether a record may hold line ends.
    spans_lines: bool,
    lines: Vec<i64>,
    /// Where rows are elements of a record: the path of their array, and which of them each is, from 1.
    unfolded: Option<String>,
    elements: Option<Vec<i64>>,
    bytes: usize,
    refused_bytes: usize,
    capacity: usize,
    quarantine: Quarantine,
    /// By the column's place.
    doubtful: BTreeMap<(usize, Doubt), Tally>,
    without_element: Tally,
}

/// Where rows come from, as they say it themselves.
pub struct RowOrigin<'a> {
    pub source: &'a str,
    pub file: &'a str,
    /// Where rows have versions.
    pub version: Option<String>,
    /// Whether a record may hold line ends.
    pub spans_lines: bool,
    /// Where rows are elements of a record, the path of their array.
    pub unfolded: Option<String>,
}

/// A part of what was read.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Rows that fit, with `Source::schema`.
    Rows(RecordBatch),
    /// Records that do not, with `quarantine_schema`.
    Refused(RecordBatch),
    /// What is to be reported of the file.
    Remark(Remark),
}

/// Why a row does not fit.
pub struct Refusal {
    pub column: Option<String>,
    /// The reason, without the value.
    pub reason: String,
}

impl Rows {
    /// Returns room for rows of these columns, which the decoders read.
    pub fn new(columns: &[Column], decoders: Vec<Decoder>, origin: RowOrigin<'_>, capacity: usize) -> Self {
        let RowOrigin { source, file, version, spans_lines, unfolded } = origin;
        Rows {
            decoders,
            schema: row_schema(columns, unfolded.is_some(), version.is_some()),
            file: file.to_owned(),
            version,
            spans_lines,
            lines: Vec::with_capacity(capacity),
            elements: unfolded.as_ref().map(|_| Vec::with_capacity(capacity)),
            unfolded,
            bytes: 0,
            refused_bytes: 0,
            capacity,
            quarantine: Quarantine::new(source, file),
            doubtful: BTreeMap::new(),
            without_element: Tally::default(),
        }
    }

    /// Every column has its value: the row is accepted.
    #[inline]
    pub(in crate::source) fn accept(&mut self, line: i64, bytes: usize) {
        self.lines.push(line);
        self.bytes += bytes;
    }

    /// Returns how many rows still fit into the batch.
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.lines.len())
    }

    /// Adds a stretch of `count` records column by column, null where there are not fields; false, and
    /// nothing added, when one does not fit.
    pub fn extend<'a>(&mut self, count: usize, fields: impl Fn(usize) -> Option<Fields<'a>>) -> bool {
        for (column, decoder) in self.decoders.iter_mut().enumerate() {
            let extended = match fields(column) {
                Some(fields) => decoder.extend(&fields),
                None => (0..count).try_for_each(|_| decoder.push_absent()),
            };
            if extended.is_err() {
                self.take_back();
                return false;
            }
        }
        true
    }

    /// A value does not fit: the row is taken back from every column and quarantined.
    #[cold]
    pub(in crate::source) fn refuse_value(
        &mut self,
        line: i64,
        column: &Column,
        fault: Fault,
        value: &[u8],
        record: &[u8],
    ) {
        self.refuse(line, Some(&column.name), &fault.reason(column, &text_of(value)), record);
    }

    /// The record as a whole does not fit.
    #[cold]
    pub(in crate::source) fn refuse_record(&mut self, line: i64, reason: &str, record: &[u8]) {
        self.refuse(line, None, reason, record);
    }

    #[cold]
    pub fn refuse(&mut self, line: i64, column: Option<&str>, reason: &str, record: &[u8]) {
        self.take_back();
        self.refused_bytes += record.len();
        let last = if self.spans_lines { line + line_ends(record) } else { line };
        self.quarantine.refuse((line, last), column, reason, record);
    }

    /// Removes the values of rows that are not accepted.
    pub(super) fn take_back(&mut self) {
        for decoder in &mut self.decoders {
            decoder.truncate(self.lines.len());
        }
    }

    /// The row of an element is accepted.
    pub(super) fn accept_element(&mut self, line: i64, element: usize, bytes: usize) {
        if let Some(elements) = &mut self.elements {
            elements.push(element as i64);
        }
        self.accept(line, bytes);
    }

    /// A record has no element, and gives no row.
    pub(super) fn without_element(&mut self, line: i64) {
        self.without_element.add(line);
    }

    /// Returns whether so many rows, or bytes of text, wait for the others of their record.
    pub(super) fn is_a_batch(&self, rows: usize, bytes: usize) -> bool {
        rows >= self.capacity || bytes >= BATCH_BYTES
    }

    #[inline]
    pub(in crate::source) fn are_full(&self) -> bool {
        self.lines.len() >= self.capacity
            || self.bytes >= BATCH_BYTES
            || self.quarantine.rows() >= REFUSED_ROWS
            || self.refused_bytes >= BATCH_BYTES
    }

    /// Sends the rows so far; false when the receiver is gone.
    pub fn flush(&mut self, emit: &mut dyn FnMut(Piece) -> bool) -> Result<bool> {
        if !self.lines.is_empty() {
            let count = self.lines.len();
            let mut columns = Vec::with_capacity(self.decoders.len() + 4);
            for (place, decoder) in self.decoders.iter_mut().enumerate() {
                for (row, doubt) in decoder.take_doubts() {
                    self.doubtful.entry((place, doubt)).or_default().add(self.lines[row]);
                }
                columns.push(decoder.finish()?);
            }
            columns.push(repeated(&self.file, count)?);
            let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(self.capacity));
            columns.push(Arc::new(Int64Array::from(lines)));
            if let Some(elements) = &mut self.elements {
                columns.push(Arc::new(Int64Array::from(std::mem::take(elements))));
            }
            if let Some(version) = &self.version {
                columns.push(repeated(version, count)?);
            }
            self.bytes = 0;
            let batch = RecordBatch::try_new(self.schema.clone(), columns).doing("build a batch of rows")?;
            if !emit(Piece::Rows(batch)) {
                return Ok(false);
            }
        }
        if self.quarantine.rows() > 0 {
            self.refused_bytes = 0;
            return Ok(emit(Piece::Refused(self.quarantine.take()?)));
        }
        Ok(true)
    }

    /// Hands on what is left at the end of the file, and what is to be said of the whole.
    pub fn finish(
        &mut self,
        remarks: impl IntoIterator<Item = Remark>,
        emit: &mut dyn FnMut(Piece) -> bool,
    ) -> Result<()> {
        if !self.flush(emit)? {
            return Ok(());
        }
        let message = self.doubtful.iter().filter_map(|((place, doubt), tally)| {
            let column = self.decoders[*place].column().name.clone();
            Remark::counted(Seen::Doubtful { column, doubt: *doubt }, *tally)
        });
        let rows = self.unfolded.clone().unwrap_or_default();
        let message = message.chain(Remark::counted(Seen::NoElement { rows }, self.without_element));
        for remark in remarks.into_iter().chain(message) {
            if !emit(Piece::Remark(remark)) {
                break;
            }
        }
        Ok(())
    }
}

/// Returns the columns of rows: the declared ones in their order, then `_file` (the file's short name) and
/// `_line` (the 1-based line where the record starts; in Parquet and among JSON values its number); where rows
/// are elements of a record also `_element` (which of them, from 1), and where they have versions `_version`,
/// which orders the rows of different files.
pub fn row_schema(columns: &[Column], has_elements: bool, has_versions: bool) -> SchemaRef {
    let mut fields: Vec<Field> = columns.iter().map(Column::field).collect();
    fields.push(Field::new("_file", DataType::Utf8, false));
    fields.push(Field::new("_line", DataType::Int64, false));
    if has_elements {
        fields.push(Field::new(ELEMENT, DataType::Int64, false));
    }
    if has_versions {
        fields.push(Field::new("_version", DataType::Utf8, false));
    }
    Arc::new(Schema::new(fields))
}

/// LF, CR LF and CR, as records count them.
fn line_ends(text: &[u8]) -> i64 {
    let ends = text.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => text.get(at + 1) != Some(&b'\n'),
        _ => false,
    });
    i64::try_from(ends.count()).unwrap_or(i64::MAX)
}

/// Returns one text, `count` times.
pub fn repeated(text: &str, count: usize) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_repeated_length(text.len(), count);
    let bytes = Buffer::from_vec(text.as_bytes().repeat(count));
    Ok(Arc::new(StringArray::try_new(offsets, bytes, None).doing("repeat a text")?))
}
