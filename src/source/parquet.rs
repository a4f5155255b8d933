//! Parquet: the declared columns only, every value brought to its declared type without loss or refused.
//!
//! Files written by data frames come with doubles for ids, dictionaries for texts and timestamps
//! without a zone. A double may stand for an integer or a decimal when it is one; a `NaN` is a
//! missing value; a timestamp without a zone is local time of the source's zone.

use std::fmt::Write;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
    RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, DecimalType, FieldRef, Float64Type, Int64Type, Schema, SchemaRef,
    TimeUnit, TimestampMicrosecondType,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, SecondsFormat};
use futures::StreamExt;
use tokio::runtime::Handle;

use super::calendar::Written;
use super::column::ColumnType;
use super::declaration::Source;
use super::decoder::Decoder;
use super::drift::{Comparison, compare};
use super::fault::{Fault, text_of};
use super::form::{HEAD, form};
use super::header_name::plain;
use super::location::SourceFile;
use super::number::POWERS;
use super::rows::Rows;
use super::stream::Piece;
use super::window::fetch;
use crate::error::{Context, Error, Result};

/// Reads a Parquet file; `emit` says whether anyone still listens. Runs on a thread that may block.
pub fn read(
    source: &Source,
    file: &SourceFile,
    rows: usize,
    runtime: &Handle,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let builder = open(file, runtime)?;
    let names = names(builder.schema());
    let places = check(source, builder.schema())?.places;
    let mask = ProjectionMask::roots(builder.parquet_schema(), places.iter().copied().flatten());
    let mut stream = guarded(|| builder.with_projection(mask).with_batch_size(rows.max(1)).build())
        .and_then(|built| built.doing("read the Parquet file"))
        .map_err(damaged)?;
    let mut rows = Rows::new(source, &file.name, rows);
    let mut line = 0;
    while let Some(batch) = guarded(|| runtime.block_on(stream.next())).map_err(damaged)? {
        let batch = batch.doing("read the Parquet file").map_err(damaged)?;
        let cells = places
            .iter()
            .map(|place| match place {
                Some(place) => Cells::of(&names[*place], &batch),
                None => Ok(Cells { values: Values::Nothing, absent: None }),
            })
            .collect::<Result<Vec<_>>>()?;
        'rows: for row in 0..batch.num_rows() {
            line += 1;
            for (decoder, cells) in rows.decoders.iter_mut().zip(&cells) {
                if let Err(fault) = cells.push(row, decoder) {
                    let column = decoder.column().clone();
                    let reason = fault.reason(&column, &cells.describe(row));
                    rows.refuse(line, Some(&column.name), &reason, record(&batch, row).as_bytes());
                    continue 'rows;
                }
            }
            rows.accept(line, 0);
        }
        drop(cells);
        if !rows.flush(emit)? {
            return Ok(());
        }
    }
    Ok(())
}

fn damaged(error: Error) -> Error {
    error.hint("the file is not Parquet, or was cut short while it was copied: have it exported again")
}

/// Reads a file's footer. Runs on a thread that may block.
fn open(file: &SourceFile, runtime: &Handle) -> Result<ParquetRecordBatchStreamBuilder<SourceFile>> {
    if file.size == 0 {
        return Err(damaged(Error::failed("the file is empty: 0 bytes are no Parquet file")));
    }
    guarded(|| runtime.block_on(ParquetRecordBatchStreamBuilder::new(file.clone())))
        .and_then(|built| built.doing("read the Parquet footer"))
        .map_err(|error| instead(file, runtime).unwrap_or_else(|| damaged(error)))
}

/// What the file is instead of Parquet, where its first bytes say so.
fn instead(file: &SourceFile, runtime: &Handle) -> Option<Error> {
    let head = runtime.block_on(fetch(file, 0..file.size.min(HEAD as u64))).ok()?;
    form(&head).instead_of_parquet()
}

/// A file's columns by its footer. Runs on a thread that may block.
pub fn schema(file: &SourceFile, runtime: &Handle) -> Result<SchemaRef> {
    Ok(open(file, runtime)?.schema().clone())
}

pub fn names(schema: &Schema) -> Vec<String> {
    schema.fields().iter().map(|f| f.name().clone()).collect()
}

/// Compares the file's columns, names and types, with the declared ones.
pub fn check(source: &Source, schema: &Schema) -> Result<Comparison> {
    let mut errors = Vec::new();
    let comparison = compare(source, &names(schema)).map_err(|e| errors.push(e)).unwrap_or_default();
    errors.extend(unreadable(source, schema));
    Error::all(errors)?;
    Ok(comparison)
}

/// The errors for columns whose type in the file can never become the declared one.
fn unreadable(source: &Source, schema: &Schema) -> Vec<Error> {
    let mut errors = Vec::new();
    for column in &source.columns {
        let is_it = |field: &&FieldRef| column.source_names().iter().any(|name| *name == plain(field.name()));
        let Some(field) = schema.fields().iter().find(is_it) else { continue };
        let (name, found) = (field.name(), field.data_type());
        if !reads_as(found, column.kind) {
            let error = Error::failed(format!(
                "the column `{name}` is {found}, which does not read as {}",
                column.kind
            ));
            errors.push(match ColumnType::of(found) {
                Some(kind) => error.hint(format!(
                    "was it retyped? Export it as {} again, or declare it as {kind} and read the source anew with --full-refresh",
                    column.kind
                )),
                None => error.hint("export it as plain columns"),
            });
        }
    }
    errors
}

/// Whether any value of the file's type can be one of the declared type.
fn reads_as(found: &DataType, kind: ColumnType) -> bool {
    use ColumnType::{Boolean, Date, Decimal, Float, Integer, Text, Timestamp};
    match found {
        DataType::Dictionary(_, values) => reads_as(values, kind),
        DataType::Boolean => matches!(kind, Boolean | Integer | Text),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            matches!(kind, Date | Timestamp | Text)
        }
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => {
            matches!(kind, Decimal { .. } | Integer | Float | Text)
        }
        // Numbers may be days in a declared format, and the words for true and false.
        other => is_plain(other),
    }
}

/// The Parquet library trusts the lengths that a file tells and panics where they lie.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
        .map_err(|_| Error::failed("the file contradicts itself: its pages are not what its footer says"))
}

fn is_plain(found: &DataType) -> bool {
    match found {
        DataType::Dictionary(_, values) => is_plain(values),
        other => !other.is_nested() && !matches!(other, DataType::Interval(_) | DataType::Duration(_)),
    }
}

/// A column of a batch in one of the few forms that all Parquet types are first brought to.
struct Cells {
    values: Values,
    /// Where the file has no value. A value that no form can hold is none of these: it is refused.
    absent: Option<NullBuffer>,
}

enum Values {
    Nothing,
    Text(StringArray),
    Integer(Int64Array),
    /// And whether it was a single-precision number, with seven good digits.
    Float(Float64Array, bool),
    Decimal(Decimal128Array),
    Boolean(BooleanArray),
    Date(Date32Array),
    /// And whether it has a zone; without one it is local time.
    Moment(TimestampMicrosecondArray, bool),
}

impl Cells {
    fn of(name: &str, batch: &RecordBatch) -> Result<Self> {
        let array = batch
            .column_by_name(name)
            .ok_or_else(|| Error::failed(format!("the Parquet file lost its column `{name}`")))?;
        let to = |to: &DataType| -> Result<ArrayRef> {
            cast(array, to).doing(format!("read the column `{name}`, which is {}", array.data_type()))
        };
        let plain = match array.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        let values = match plain {
            DataType::Null => Values::Nothing,
            DataType::Int8
            | DataType::Int16
            | DataType::Int32
            | DataType::Int64
            | DataType::UInt8
            | DataType::UInt16
            | DataType::UInt32 => Values::Integer(to(&DataType::Int64)?.as_primitive::<Int64Type>().clone()),
            DataType::UInt64 => {
                Values::Decimal(to(&DataType::Decimal128(20, 0))?.as_primitive::<Decimal128Type>().clone())
            }
            DataType::Float16 | DataType::Float32 => {
                Values::Float(to(&DataType::Float64)?.as_primitive::<Float64Type>().clone(), true)
            }
            DataType::Float64 => {
                Values::Float(to(&DataType::Float64)?.as_primitive::<Float64Type>().clone(), false)
            }
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale) => Values::Decimal(
                to(&DataType::Decimal128(38, *scale))?.as_primitive::<Decimal128Type>().clone(),
            ),
            DataType::Boolean => Values::Boolean(to(&DataType::Boolean)?.as_boolean().clone()),
            DataType::Date32 | DataType::Date64 => {
                Values::Date(to(&DataType::Date32)?.as_primitive::<Date32Type>().clone())
            }
            DataType::Timestamp(_, zone) => {
                let micros = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
                Values::Moment(
                    to(&micros)?.as_primitive::<TimestampMicrosecondType>().clone(),
                    zone.is_some(),
                )
            }
            _ => Values::Text(to(&DataType::Utf8)?.as_string::<i32>().clone()),
        };
        Ok(Cells { values, absent: array.logical_nulls() })
    }

    fn is_absent(&self, row: usize) -> bool {
        self.absent.as_ref().is_some_and(|absent| absent.is_null(row))
            || matches!(&self.values, Values::Float(a, _) if a.is_valid(row) && a.value(row).is_nan())
    }

    /// Whether the value was lost on the way to its form: an instant beyond the range of
    /// microseconds, bytes that are no text.
    fn is_lost(&self, row: usize) -> bool {
        match &self.values {
            Values::Nothing => false,
            Values::Text(a) => a.is_null(row),
            Values::Integer(a) => a.is_null(row),
            Values::Float(a, _) => a.is_null(row),
            Values::Decimal(a) => a.is_null(row),
            Values::Boolean(a) => a.is_null(row),
            Values::Date(a) => a.is_null(row),
            Values::Moment(a, _) => a.is_null(row),
        }
    }

    fn push(&self, row: usize, decoder: &mut Decoder) -> Result<(), Fault> {
        if self.is_absent(row) {
            return decoder.push_null();
        }
        if self.is_lost(row) {
            return Err(match self.values {
                Values::Text(_) => Fault::Shape,
                _ => Fault::Range,
            });
        }
        let kind = decoder.column().kind;
        match &self.values {
            Values::Nothing => decoder.push_null(),
            Values::Text(a) => decoder.push(a.value(row).as_bytes()),
            Values::Integer(a) => integer(a.value(row), kind, decoder),
            Values::Float(a, single) => float(a.value(row), *single, kind, decoder),
            Values::Decimal(a) => decimal(a.value(row), a.scale(), kind, decoder),
            Values::Boolean(a) => match kind {
                ColumnType::Text => decoder.push_text(a.value(row).to_string().as_bytes()),
                ColumnType::Integer => decoder.push_integer(i64::from(a.value(row))),
                _ => decoder.push_boolean(a.value(row)),
            },
            Values::Date(a) => {
                let local = i64::from(a.value(row)).checked_mul(86_400_000_000).ok_or(Fault::Range)?;
                match kind {
                    ColumnType::Text => {
                        let day = DateTime::from_timestamp_micros(local).ok_or(Fault::Calendar)?;
                        decoder.push_text(day.date_naive().to_string().as_bytes())
                    }
                    _ => decoder.push_day(local),
                }
            }
            Values::Moment(a, zoned) => {
                let local = a.value(row);
                match kind {
                    ColumnType::Text => {
                        let moment = DateTime::from_timestamp_micros(local).ok_or(Fault::Calendar)?;
                        let text = moment.to_rfc3339_opts(SecondsFormat::AutoSi, true);
                        let text = if *zoned { &text } else { text.trim_end_matches('Z') };
                        decoder.push_text(text.as_bytes())
                    }
                    _ => decoder.push_moment(Written { local, offset_seconds: zoned.then_some(0) }),
                }
            }
        }
    }

    fn describe(&self, row: usize) -> String {
        match &self.values {
            Values::Nothing => "no value".to_owned(),
            Values::Text(a) if a.is_null(row) => "bytes that are not text".to_owned(),
            Values::Text(a) => text_of(a.value(row).as_bytes()),
            Values::Integer(_) | Values::Float(..) | Values::Decimal(_) => "a number".to_owned(),
            Values::Boolean(_) => "true or false".to_owned(),
            Values::Date(_) => "a date".to_owned(),
            Values::Moment(..) => "a timestamp".to_owned(),
        }
    }
}

fn integer(value: i64, kind: ColumnType, decoder: &mut Decoder) -> Result<(), Fault> {
    match kind {
        ColumnType::Integer => decoder.push_integer(value),
        ColumnType::Decimal { .. } => decimal(i128::from(value), 0, kind, decoder),
        ColumnType::Float if value.unsigned_abs() <= 1 << 53 => decoder.push_float(value as f64),
        ColumnType::Float => Err(Fault::Range),
        ColumnType::Text => decoder.push_text(value.to_string().as_bytes()),
        // 0 and 1 are words of a boolean; 20261231 may be a date in the declared format.
        _ => decoder.push(value.to_string().as_bytes()),
    }
}

fn float(value: f64, single: bool, kind: ColumnType, decoder: &mut Decoder) -> Result<(), Fault> {
    /// 2^63: doubles below it are in the range of 64-bit integers.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let whole = value.fract() == 0.0 && value.abs() < LIMIT;
    match kind {
        ColumnType::Float => decoder.push_float(value),
        ColumnType::Decimal { scale, .. } => {
            let scaled = value * 10f64.powi(i32::from(scale));
            let rounded = scaled.round();
            // The double nearest to 2.55 is not 2.55, but it is far nearer to it than to any other
            // amount in cents; what is not is a number with more places.
            let slack = rounded.abs() * if single { 1e-6 } else { 1e-14 } + 1e-6;
            if !scaled.is_finite() || rounded.abs() >= 1e38 {
                return Err(Fault::Range);
            }
            if (scaled - rounded).abs() > slack {
                return Err(Fault::Places);
            }
            decoder.push_decimal(rounded as i128)
        }
        ColumnType::Integer if !whole => {
            Err(if value.fract() == 0.0 { Fault::Range } else { Fault::Fraction })
        }
        _ if whole => integer(value as i64, kind, decoder),
        ColumnType::Text if value.is_finite() => decoder.push_text(value.to_string().as_bytes()),
        _ => decoder.push(value.to_string().as_bytes()),
    }
}

fn decimal(value: i128, from: i8, kind: ColumnType, decoder: &mut Decoder) -> Result<(), Fault> {
    let rescaled = |to: i8, fault: Fault| -> Result<i128, Fault> {
        let power = |by: i8| POWERS.get(usize::from(by.unsigned_abs())).ok_or(Fault::Range);
        if to >= from {
            value.checked_mul(*power(to - from)?).ok_or(Fault::Range)
        } else {
            let power = power(from - to)?;
            if value % power == 0 { Ok(value / power) } else { Err(fault) }
        }
    };
    match kind {
        ColumnType::Decimal { scale, .. } => decoder.push_decimal(rescaled(scale as i8, Fault::Places)?),
        ColumnType::Integer => {
            let whole = rescaled(0, Fault::Fraction)?;
            decoder.push_integer(i64::try_from(whole).map_err(|_| Fault::Range)?)
        }
        ColumnType::Float => decoder.push_float(value as f64 / 10f64.powi(i32::from(from))),
        ColumnType::Text => decoder.push_text(Decimal128Type::format_decimal(value, 38, from).as_bytes()),
        _ => Err(Fault::Shape),
    }
}

/// A refused row as text: the declared columns and what they hold.
fn record(batch: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let mut text = String::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if !text.is_empty() {
            text.push_str(", ");
        }
        // Writing to a String cannot fail; a value that cannot be shown is left out.
        let _ = match ArrayFormatter::try_new(column.as_ref(), &options) {
            Ok(formatter) => write!(text, "{}: {}", field.name(), formatter.value(row)),
            Err(_) => write!(text, "{}: ?", field.name()),
        };
    }
    text
}
