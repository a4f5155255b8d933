//! Rows of `ops.quarantine`: refused records, and what is said of them later.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};

use super::quarantine::{DISMISSED_BECAUSE, DISMISSED_BY, Lines, State};
use super::raw_rows::with_run;
use crate::error::{Context, Result};
use crate::source;

/// How many refused rows an error points at.
pub(super) const SHOWN_REFUSALS: usize = 5;

/// The columns of `ops.quarantine`: what the source tells, the state, the run that says so, of a record
/// that was dismissed by whom and why.
pub fn quarantine_schema() -> SchemaRef {
    let told = source::quarantine_schema();
    let mut fields: Vec<Field> =
        told.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true)).collect();
    fields.push(Field::new("state", DataType::Utf8, true));
    let mut fields = with_run(&Schema::new(fields)).fields().to_vec();
    for column in [DISMISSED_BY, DISMISSED_BECAUSE] {
        fields.push(Arc::new(Field::new(column, DataType::Utf8, true)));
    }
    Arc::new(Schema::new(fields))
}

/// Refused records as rows of `ops.quarantine`.
pub(super) fn said(batch: &RecordBatch, state: State, run: u64) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(StringArray::from(vec![state.as_str(); rows])));
    columns.push(Arc::new(Int64Array::from(vec![run as i64; rows])));
    columns.extend([new_null_array(&DataType::Utf8, rows), new_null_array(&DataType::Utf8, rows)]);
    RecordBatch::try_new(quarantine_schema(), columns).doing("write the quarantine")
}

/// Where refused rows stand and why; never what they hold.
pub(super) fn places(batch: &RecordBatch, most: usize) -> Vec<String> {
    let text = |name: &str| batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
    let (Some(files), Some(columns), Some(reasons)) = (text("file"), text("column"), text("reason")) else {
        return Vec::new();
    };
    let lines = batch.column_by_name("line").and_then(|c| c.as_primitive_opt::<Int64Type>());
    (0..batch.num_rows().min(most))
        .map(|row| {
            let line = lines.map_or(0, |l| l.value(row));
            let column =
                if columns.is_valid(row) { format!(" column {}", columns.value(row)) } else { String::new() };
            format!("{}:{line}{column}: {}", files.value(row), reasons.value(row))
        })
        .collect()
}

/// A word on records that are no longer refused: where they stand, and nothing of what they hold.
pub(super) fn words(source: &str, file: &str, lines: &[Lines]) -> Result<RecordBatch> {
    let schema = quarantine_schema();
    let told: Vec<Field> = schema
        .fields()
        .iter()
        .take(source::quarantine_schema().fields().len())
        .map(|field| field.as_ref().clone())
        .collect();
    let columns = told.iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "source" => Arc::new(StringArray::from(vec![source; lines.len()])),
            "file" => Arc::new(StringArray::from(vec![file; lines.len()])),
            "line" => Arc::new(Int64Array::from_iter_values(lines.iter().map(|lines| lines.0))),
            "last_line" => Arc::new(Int64Array::from_iter_values(lines.iter().map(|lines| lines.1))),
            _ => new_null_array(field.data_type(), lines.len()),
        }
    });
    let columns = columns.collect();
    RecordBatch::try_new(Arc::new(Schema::new(told)), columns).doing("write the quarantine")
}
