//! Columns of the tables of the history, made of values.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::clock::Instant;
use crate::error::{Context, Result};

/// A column's name and values.
pub(super) type Column = (&'static str, ArrayRef);

pub(super) fn numbers(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|value| value as i64)))
}

pub(super) fn number(value: u64) -> ArrayRef {
    numbers([value].into_iter())
}

pub(super) fn texts<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

pub(super) fn text(value: &str) -> ArrayRef {
    texts([Some(value)].into_iter())
}

pub(super) fn booleans(values: impl Iterator<Item = bool>) -> ArrayRef {
    Arc::new(BooleanArray::from_iter(values.map(Some)))
}

pub(super) fn instants(values: impl Iterator<Item = Option<Instant>>) -> ArrayRef {
    let micros = values.map(|value| value.map(|instant| instant.timestamp_micros()));
    Arc::new(TimestampMicrosecondArray::from_iter(micros).with_timezone("UTC"))
}

pub(super) fn instant(value: Instant) -> ArrayRef {
    instants([Some(value)].into_iter())
}

/// Returns the schema of the columns, each nullable: columns that come later are null in older rows.
pub(super) fn schema_of(columns: &[Column]) -> SchemaRef {
    let field = |(name, column): &Column| Field::new(*name, column.data_type().clone(), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

pub(super) fn batch(columns: Vec<Column>) -> Result<RecordBatch> {
    let schema = schema_of(&columns);
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(schema, arrays).doing("write the history")
}

/// Returns the columns with `_run`, the run that wrote a row, after them.
pub fn with_run(schema: &Schema) -> SchemaRef {
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(Field::new("_run", DataType::Int64, true)));
    Arc::new(Schema::new(fields))
}
