//! Rows in the making: the columns of the accepted ones, the quarantine of the refused ones.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::buffer::{Buffer, OffsetBuffer};
use arrow::datatypes::SchemaRef;

use super::column::Column;
use super::declaration::{Format, Source};
use super::decoder::{Decoder, Fields};
use super::fault::{Fault, text_of};
use super::partition;
use super::quarantine::Quarantine;
use super::remark::{Remark, Remarks};
use super::stream::Piece;
use crate::error::{Context, Result};

/// Text read before a batch ends early: long texts must not gather in memory.
const BATCH_BYTES: usize = 32 * 1024 * 1024;
/// Refused records gathered before they are handed on.
const REFUSED_ROWS: usize = 4096;

/// The rows of one file, up to one batch of them.
pub struct Rows {
    pub decoders: Vec<Decoder>,
    /// The columns of rows not yet accepted that keep a whole number in other digits as text.
    pub other_digits: Vec<usize>,
    remarks: Remarks,
    schema: SchemaRef,
    file: String,
    /// Whether a record may hold line ends.
    spans_lines: bool,
    lines: Vec<i64>,
    /// Where rows are elements of a record, which of them each is, from 1.
    elements: Option<Vec<i64>>,
    bytes: usize,
    refused_bytes: usize,
    capacity: usize,
    quarantine: Quarantine,
}

/// Why a row does not fit.
pub struct Refusal {
    pub column: Option<String>,
    /// It tells nothing of the value.
    pub reason: String,
}

/// What became of a record whose elements are rows.
pub enum Unfolded {
    /// They all stand; how many.
    Rows(usize),
    /// One does not fit, and none stands.
    Refused(Refusal),
    /// Nobody listens any more.
    Unheard,
}

impl Rows {
    /// # Errors
    /// The file's folders do not tell what a column is to have from them.
    pub fn new(source: &Source, file: &str, capacity: usize) -> Result<Self> {
        let capacity = capacity.max(1);
        let mut decoders: Vec<Decoder> =
            source.columns.iter().map(|column| Decoder::new(column, capacity)).collect();
        partition::settle(source, file, &mut decoders)?;
        Ok(Rows {
            decoders,
            other_digits: Vec::new(),
            remarks: Remarks::default(),
            schema: source.schema(),
            file: file.to_owned(),
            spans_lines: source.format == Format::Csv,
            lines: Vec::with_capacity(capacity),
            elements: source.rows.as_ref().map(|_| Vec::with_capacity(capacity)),
            bytes: 0,
            refused_bytes: 0,
            capacity,
            quarantine: Quarantine::new(&source.name, file),
        })
    }

    /// Every column has its value: the row stands.
    #[inline]
    pub fn accept(&mut self, line: i64, bytes: usize) {
        self.lines.push(line);
        self.bytes += bytes;
        if !self.other_digits.is_empty() {
            self.note_other_digits();
        }
    }

    #[cold]
    fn note_other_digits(&mut self) {
        for column in self.other_digits.drain(..) {
            let column = self.decoders[column].column().name.clone();
            self.remarks.add(Remark::WholeInOtherDigits { column }, 1);
        }
    }

    /// Adds the rows of a record, one an element: all of them or none. `push` gives every column its
    /// value, and says how many bytes of text they are.
    pub fn unfold<E, I: Iterator<Item = E>>(
        &mut self,
        line: i64,
        elements: impl Fn() -> I,
        emit: &mut dyn FnMut(Piece) -> bool,
        mut push: impl FnMut(&mut Self, E) -> Result<usize, Refusal>,
    ) -> Result<Unfolded> {
        let mut waiting = Vec::new();
        let mut bytes = 0;
        for element in elements() {
            match push(self, element) {
                Ok(row) => waiting.push(row),
                Err(refusal) => return Ok(self.refused_element(waiting.len() + 1, refusal)),
            }
            bytes += waiting.last().copied().unwrap_or(0);
            if waiting.len() >= self.capacity || bytes >= BATCH_BYTES {
                return self.unfold_in_batches(line, elements, emit, push);
            }
        }
        for (place, bytes) in waiting.iter().enumerate() {
            self.accept_element(line, place + 1, *bytes);
        }
        Ok(Unfolded::Rows(waiting.len()))
    }

    /// The same for a record of more rows than wait in memory: each is tried before the first is kept.
    fn unfold_in_batches<E, I: Iterator<Item = E>>(
        &mut self,
        line: i64,
        elements: impl Fn() -> I,
        emit: &mut dyn FnMut(Piece) -> bool,
        mut push: impl FnMut(&mut Self, E) -> Result<usize, Refusal>,
    ) -> Result<Unfolded> {
        self.take_back();
        for (place, element) in elements().enumerate() {
            if let Err(refusal) = push(self, element) {
                return Ok(self.refused_element(place + 1, refusal));
            }
            self.take_back();
        }
        let mut count = 0;
        for element in elements() {
            count += 1;
            match push(self, element) {
                Ok(bytes) => self.accept_element(line, count, bytes),
                Err(refusal) => return Ok(self.refused_element(count, refusal)),
            }
            if self.are_full() && !self.flush(emit)? {
                return Ok(Unfolded::Unheard);
            }
        }
        Ok(Unfolded::Rows(count))
    }

    fn accept_element(&mut self, line: i64, element: usize, bytes: usize) {
        if let Some(elements) = &mut self.elements {
            elements.push(element as i64);
        }
        self.accept(line, bytes);
    }

    fn refused_element(&mut self, element: usize, refusal: Refusal) -> Unfolded {
        self.take_back();
        Unfolded::Refused(Refusal { reason: format!("element {element}: {}", refusal.reason), ..refusal })
    }

    pub fn remark(&mut self, remark: Remark) {
        self.remarks.add(remark, 1);
    }

    /// What was seen of the file.
    pub fn remarks(&mut self) -> Remarks {
        std::mem::take(&mut self.remarks)
    }

    /// Takes back what was pushed of rows that do not stand.
    fn take_back(&mut self) {
        self.other_digits.clear();
        for decoder in &mut self.decoders {
            decoder.truncate(self.lines.len());
        }
    }

    /// How many rows still fit into the batch.
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.lines.len())
    }

    /// Adds a stretch of `count` records column by column, null where there are no fields; false, and
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
    pub fn refuse_value(&mut self, line: i64, column: &Column, fault: Fault, value: &[u8], record: &[u8]) {
        self.refuse(line, Some(&column.name), &fault.reason(column, &text_of(value)), record);
    }

    /// The record as a whole does not fit.
    #[cold]
    pub fn refuse_record(&mut self, line: i64, reason: &str, record: &[u8]) {
        self.refuse(line, None, reason, record);
    }

    #[cold]
    pub fn refuse(&mut self, line: i64, column: Option<&str>, reason: &str, record: &[u8]) {
        self.take_back();
        self.refused_bytes += record.len();
        let last = if self.spans_lines { line + line_ends(record) } else { line };
        self.quarantine.refuse((line, last), column, reason, record);
    }

    #[inline]
    pub fn are_full(&self) -> bool {
        self.lines.len() >= self.capacity
            || self.bytes >= BATCH_BYTES
            || self.quarantine.rows() >= REFUSED_ROWS
            || self.refused_bytes >= BATCH_BYTES
    }

    /// Hands on what there is; false when nobody listens any more.
    pub fn flush(&mut self, emit: &mut dyn FnMut(Piece) -> bool) -> Result<bool> {
        if !self.lines.is_empty() {
            let count = self.lines.len();
            let mut columns = Vec::with_capacity(self.decoders.len() + 2);
            for decoder in &mut self.decoders {
                columns.push(decoder.finish()?);
            }
            columns.push(repeated(&self.file, count)?);
            let lines = std::mem::replace(&mut self.lines, Vec::with_capacity(self.capacity));
            columns.push(Arc::new(Int64Array::from(lines)));
            if let Some(elements) = &mut self.elements {
                columns.push(Arc::new(Int64Array::from(std::mem::take(elements))));
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

/// One text, `count` times.
pub fn repeated(text: &str, count: usize) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::from_repeated_length(text.len(), count);
    let bytes = Buffer::from_vec(text.as_bytes().repeat(count));
    Ok(Arc::new(StringArray::try_new(offsets, bytes, None).doing("build the column _file")?))
}
