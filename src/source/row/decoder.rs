//! Decodes one column: text is pushed value by value, an Arrow array comes out.
//!
//! The hot path of every text format. A value is parsed straight into its typed buffer; a row that fails at a
//! later column is removed with `truncate`.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, BooleanBufferBuilder, Date32Array, Decimal128Array, Float64Array, Int64Array,
    NullBufferBuilder, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};

use super::field_stretch::{Absent, Fields};
use super::suspicious_value::{Doubt, is_whole_in_other_digits, looks_shortened, may_be_shortened};
use crate::error::{Context, Result};
use crate::source::contract::column::{Column, ColumnType};
use crate::source::value::calendar::Written;
use crate::source::value::fault::Fault;
use crate::source::value::number::{POWERS, decimal, float, integer, trim, without_exponent};
use crate::source::value::time_format::TimeFormat;
use crate::source::value::zone::UtcConverter;

/// Builds one column.
pub struct Decoder {
    column: Column,
    values: Values,
    validity: NullBufferBuilder,
    /// Whether the empty text means null, and the other texts that do.
    empty_is_null: bool,
    nulls: Vec<Box<[u8]>>,
    point: u8,
    /// Whether a number is nothing but sign, digits and decimal mark.
    plain: bool,
    placer: UtcConverter,
    scratch: Vec<u8>,
    rows: usize,
    /// What records have that do not hold the column: its file's value.
    of_file: Option<Box<[u8]>>,
    /// The rows whose text is doubtful.
    doubts: Vec<(usize, Doubt)>,
}

enum Values {
    Text { bytes: Vec<u8>, offsets: Vec<i32> },
    Integer(Vec<i64>),
    Decimal { values: Vec<i128>, precision: u8, scale: u8 },
    Float(Vec<f64>),
    Boolean(BooleanBufferBuilder),
    Date(Vec<i32>),
    Timestamp(Vec<i64>),
}

impl Decoder {
    pub fn new(column: &Column, rows: usize) -> Self {
        Decoder {
            values: Values::new(column.kind, rows),
            validity: NullBufferBuilder::new(rows),
            empty_is_null: column.style.nulls.iter().any(|n| n.is_empty()),
            nulls: column.style.nulls.iter().filter(|n| !n.is_empty()).cloned().collect(),
            point: column.style.number.point,
            plain: column.style.number.is_plain(),
            placer: UtcConverter::new(column.style.zone).with_whole_day(column.style.whole_day),
            scratch: Vec::new(),
            rows: 0,
            of_file: None,
            doubts: Vec::new(),
            column: column.clone(),
        }
    }

    pub fn column(&self) -> &Column {
        &self.column
    }

    /// Adds a value read from UTF-8 text.
    #[inline]
    pub fn push(&mut self, text: &[u8]) -> Result<(), Fault> {
        if text.is_empty() {
            if self.empty_is_null {
                return self.push_null();
            }
        } else if !self.nulls.is_empty() && self.is_null(text) {
            return self.push_null();
        }
        self.push_value(text)
    }

    /// Adds a text that is a value, even where the same text would mean null.
    #[inline]
    pub(in crate::source) fn push_value(&mut self, text: &[u8]) -> Result<(), Fault> {
        if let Values::Text { bytes, offsets } = &mut self.values {
            bytes.extend_from_slice(text);
            // Batches end long before 2 GiB of text (see `csv::BATCH_BYTES`).
            offsets.push(bytes.len() as i32);
            if looks_shortened(text) {
                self.doubts.push((self.rows, Doubt::Shortened));
            }
            if self.column.style.may_escape && text.contains(&b'\\') {
                self.doubts.push((self.rows, Doubt::Backslash));
            }
            return self.pushed();
        }
        let text = trim(text);
        // Spaces alone are as empty as nothing.
        if text.is_empty() && self.empty_is_null {
            return self.push_null();
        }
        match &mut self.values {
            Values::Text { .. } => return Err(Fault::Shape),
            Values::Integer(values) => {
                let text = self.column.style.number.bare(text, &mut self.scratch)?;
                values.push(integer(text, self.point)?);
            }
            Values::Decimal { values, precision, scale } => {
                let text = self.column.style.number.bare(text, &mut self.scratch)?;
                values.push(decimal(text, *precision, *scale, self.point)?);
            }
            Values::Float(values) => {
                let mut bare = Vec::new();
                let text = self.column.style.number.bare(text, &mut bare)?;
                values.push(float(text, self.point, &mut self.scratch)?);
            }
            Values::Boolean(values) => {
                let style = &self.column.style;
                let says = |words: &[String]| words.iter().any(|w| same_word(w, text));
                if says(&style.yes) {
                    values.append(true);
                } else if says(&style.no) {
                    values.append(false);
                } else {
                    return Err(Fault::Shape);
                }
            }
            Values::Date(values) => {
                values.push(match &self.column.style.time {
                    TimeFormat::Iso => self.placer.iso_day(text)?,
                    format => self.placer.day(format.read(text)?)?,
                });
            }
            Values::Timestamp(values) => {
                values.push(self.placer.instant(&self.column.style.time, text)?);
            }
        }
        self.pushed()
    }

    /// Adds "no value".
    #[inline]
    pub(in crate::source) fn push_null(&mut self) -> Result<(), Fault> {
        if !self.column.nullable {
            return Err(Fault::Missing);
        }
        match &mut self.values {
            Values::Text { bytes, offsets } => offsets.push(bytes.len() as i32),
            Values::Integer(values) | Values::Timestamp(values) => values.push(0),
            Values::Decimal { values, .. } => values.push(0),
            Values::Float(values) => values.push(0.0),
            Values::Boolean(values) => values.append(false),
            Values::Date(values) => values.push(0),
        }
        self.validity.append_null();
        self.rows += 1;
        Ok(())
    }

    /// Adds what a record has that does not hold the column: the file's value, else none.
    #[inline]
    pub(in crate::source) fn push_absent(&mut self) -> Result<(), Fault> {
        let Some(text) = self.of_file.take() else { return self.push_null() };
        let pushed = self.push(&text);
        self.of_file = Some(text);
        pushed
    }

    /// The value of the column in every record of the file, unless a record has its own.
    pub(in crate::source) fn set_file_value(&mut self, text: &[u8]) {
        self.of_file = Some(text.into());
    }

    /// Adds a stretch of fields of one column, in one loop for its type; at the first value that
    /// does not fit it stops, and the caller takes the stretch back and goes row by row.
    pub fn extend(&mut self, fields: &Fields<'_>) -> Result<(), Fault> {
        let nullable = self.column.nullable;
        let (empty_is_null, nulls) = (self.empty_is_null, &self.nulls);
        let usual = empty_is_null && nulls.is_empty() && self.plain;
        let (point, scratch) = (self.point, &mut self.scratch);
        let absent = match &mut self.values {
            Values::Integer(values) if usual => fields.parse(values, scratch, |text| integer(text, point))?,
            Values::Decimal { values, precision, scale } if usual => {
                let (precision, scale) = (*precision, *scale);
                fields.parse(values, scratch, |text| decimal(text, precision, scale, point))?
            }
            Values::Date(values) if usual && self.column.style.time == TimeFormat::Iso => {
                let placer = &self.placer;
                fields.parse(values, scratch, |text| placer.iso_day(text))?
            }
            Values::Timestamp(values) if usual => {
                let (time, placer) = (&self.column.style.time, &mut self.placer);
                fields.parse(values, scratch, |text| placer.instant(time, text))?
            }
            Values::Text { bytes, offsets } if usual => {
                let mut absent = Absent::default();
                let mut doubtful = false;
                for row in 0..fields.rows {
                    let text = fields.get(row, scratch);
                    bytes.extend_from_slice(text);
                    offsets.push(bytes.len() as i32);
                    absent.set(row, text.is_empty());
                    doubtful |= may_be_shortened(text);
                }
                if doubtful {
                    let shortened = (0..fields.rows).filter(|row| looks_shortened(fields.get(*row, scratch)));
                    self.doubts.extend(shortened.map(|row| (self.rows + row, Doubt::Shortened)));
                }
                absent
            }
            _ => {
                let mut own = std::mem::take(&mut self.scratch);
                let done = (0..fields.rows).try_for_each(|row| {
                    let escaped = fields.span(row).escaped;
                    let text = fields.get(row, &mut own);
                    if escaped { self.push_value(text) } else { self.push(text) }
                });
                self.scratch = own;
                return done;
            }
        };
        if absent.any {
            if !nullable {
                return Err(Fault::Missing);
            }
            for row in 0..fields.rows {
                self.validity.append(!absent.is(row));
            }
        } else {
            self.validity.append_n_non_nulls(fields.rows);
        }
        self.rows += fields.rows;
        Ok(())
    }

    /// Adds a number as JSON writes it, whatever the source's texts use.
    pub(in crate::source) fn push_number(&mut self, text: &[u8]) -> Result<(), Fault> {
        match self.push_digits(text) {
            // An exponent is exact where the grammar says what it means.
            Err(Fault::Exponent) => self.push_digits(&without_exponent(text).ok_or(Fault::Exponent)?),
            pushed => pushed,
        }
    }

    #[inline]
    fn push_digits(&mut self, text: &[u8]) -> Result<(), Fault> {
        match &mut self.values {
            Values::Integer(values) => values.push(integer(text, b'.')?),
            Values::Decimal { values, precision, scale } => {
                values.push(decimal(text, *precision, *scale, b'.')?);
            }
            Values::Float(values) => values.push(float(text, b'.', &mut self.scratch)?),
            Values::Text { .. } => {
                if is_whole_in_other_digits(text) {
                    self.doubts.push((self.rows, Doubt::OtherDigits));
                }
                return self.push_text(text);
            }
            Values::Boolean(_) | Values::Date(_) | Values::Timestamp(_) => return self.push(text),
        }
        self.pushed()
    }

    /// Adds a text as it is, even where the same text would mean null.
    pub(in crate::source) fn push_text(&mut self, text: &[u8]) -> Result<(), Fault> {
        let Values::Text { bytes, offsets } = &mut self.values else { return Err(Fault::Shape) };
        bytes.extend_from_slice(text);
        offsets.push(bytes.len() as i32);
        self.pushed()
    }

    pub(in crate::source) fn push_boolean(&mut self, value: bool) -> Result<(), Fault> {
        let Values::Boolean(values) = &mut self.values else { return Err(Fault::Shape) };
        values.append(value);
        self.pushed()
    }

    pub(in crate::source) fn push_integer(&mut self, value: i64) -> Result<(), Fault> {
        let Values::Integer(values) = &mut self.values else { return Err(Fault::Shape) };
        values.push(value);
        self.pushed()
    }

    pub(in crate::source) fn push_float(&mut self, value: f64) -> Result<(), Fault> {
        let Values::Float(values) = &mut self.values else { return Err(Fault::Shape) };
        if !value.is_finite() {
            return Err(Fault::Range);
        }
        values.push(value);
        self.pushed()
    }

    /// Adds an unscaled decimal of the column's own scale.
    pub(in crate::source) fn push_decimal(&mut self, value: i128) -> Result<(), Fault> {
        let Values::Decimal { values, precision, .. } = &mut self.values else { return Err(Fault::Shape) };
        if value.unsigned_abs() >= POWERS[usize::from(*precision)].unsigned_abs() {
            return Err(Fault::Range);
        }
        values.push(value);
        self.pushed()
    }

    /// Adds a moment: to a timestamp its instant, to a date its local day.
    pub(in crate::source) fn push_moment(&mut self, written: Written) -> Result<(), Fault> {
        match &mut self.values {
            Values::Timestamp(values) => values.push(self.placer.utc(written)?),
            Values::Date(values) => values.push(self.placer.day(written)?),
            _ => return Err(Fault::Shape),
        }
        self.pushed()
    }

    /// Adds a day: to a timestamp the instant that it stands for.
    pub(in crate::source) fn push_day(&mut self, midnight: i64) -> Result<(), Fault> {
        let written = Written { local: midnight, offset_seconds: None };
        match &mut self.values {
            Values::Timestamp(values) => values.push(self.placer.instant_of_day(written)?),
            _ => return self.push_moment(written),
        }
        self.pushed()
    }

    #[inline]
    fn pushed(&mut self) -> Result<(), Fault> {
        self.validity.append_non_null();
        self.rows += 1;
        Ok(())
    }

    #[cold]
    fn is_null(&self, text: &[u8]) -> bool {
        let text = if self.column.kind == ColumnType::Text { text } else { trim(text) };
        (self.empty_is_null && text.is_empty()) || self.nulls.iter().any(|null| **null == *text)
    }

    /// Keeps the first `rows` rows.
    pub fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Text { bytes, offsets } => {
                offsets.truncate(rows + 1);
                bytes.truncate(offsets.last().map_or(0, |&end| end as usize));
            }
            Values::Integer(values) | Values::Timestamp(values) => values.truncate(rows),
            Values::Decimal { values, .. } => values.truncate(rows),
            Values::Float(values) => values.truncate(rows),
            Values::Boolean(values) => values.truncate(rows),
            Values::Date(values) => values.truncate(rows),
        }
        if rows < self.rows {
            self.validity.truncate(rows);
            self.rows = rows;
        }
        while self.doubts.last().is_some_and(|(row, _)| *row >= rows) {
            self.doubts.pop();
        }
    }

    /// Returns the rows so far, in order, whose text is doubtful; they are reported once.
    pub(super) fn take_doubts(&mut self) -> Vec<(usize, Doubt)> {
        std::mem::take(&mut self.doubts)
    }

    /// Returns the rows so far as an array; the decoder starts again from none.
    pub fn finish(&mut self) -> Result<ArrayRef> {
        let nulls = self.validity.finish();
        let rows = std::mem::take(&mut self.rows);
        Ok(match std::mem::replace(&mut self.values, Values::new(self.column.kind, rows)) {
            Values::Text { bytes, offsets } => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                Arc::new(
                    StringArray::try_new(offsets, Buffer::from_vec(bytes), nulls)
                        .doing(format!("build the column {}", self.column.name))?,
                )
            }
            Values::Integer(values) => Arc::new(Int64Array::new(values.into(), nulls)),
            Values::Decimal { values, precision, scale } => Arc::new(
                Decimal128Array::new(values.into(), nulls)
                    .with_precision_and_scale(precision, scale as i8)
                    .doing(format!("build the column {}", self.column.name))?,
            ),
            Values::Float(values) => Arc::new(Float64Array::new(values.into(), nulls)),
            Values::Boolean(mut values) => Arc::new(BooleanArray::new(values.finish(), nulls)),
            Values::Date(values) => Arc::new(Date32Array::new(values.into(), nulls)),
            Values::Timestamp(values) => {
                Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone("UTC"))
            }
        })
    }
}

impl Values {
    fn new(kind: ColumnType, rows: usize) -> Self {
        match kind {
            ColumnType::Text => {
                let mut offsets = Vec::with_capacity(rows + 1);
                offsets.push(0);
                Values::Text { bytes: Vec::with_capacity(rows * 8), offsets }
            }
            ColumnType::Integer => Values::Integer(Vec::with_capacity(rows)),
            ColumnType::Decimal { precision, scale } => {
                Values::Decimal { values: Vec::with_capacity(rows), precision, scale }
            }
            ColumnType::Float => Values::Float(Vec::with_capacity(rows)),
            ColumnType::Boolean => Values::Boolean(BooleanBufferBuilder::new(rows)),
            ColumnType::Date => Values::Date(Vec::with_capacity(rows)),
            ColumnType::Timestamp => Values::Timestamp(Vec::with_capacity(rows)),
        }
    }
}

fn same_word(word: &str, text: &[u8]) -> bool {
    word.as_bytes().eq_ignore_ascii_case(text)
        || (!text.is_ascii() && std::str::from_utf8(text).is_ok_and(|t| t.to_lowercase() == *word))
}
