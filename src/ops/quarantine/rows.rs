//! Rows of `ops.quarantine`: what a run found of a refused record.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};

use crate::error::{Context, Result};
use crate::name::TableName;
use crate::ops::columns::with_run;
use crate::ops::table::ops_table;
use crate::source;

/// What a run found of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordState {
    Refused,
    RefusedAgain,
    Replayed,
    Dropped,
    Dismissed,
}

impl RecordState {
    pub fn as_str(self) -> &'static str {
        match self {
            RecordState::Refused => "refused",
            RecordState::RefusedAgain => "refused again",
            RecordState::Replayed => "replayed",
            RecordState::Dropped => "dropped",
            RecordState::Dismissed => "dismissed",
        }
    }
}

/// The first and last line of a refused record.
pub type Lines = (i64, i64);

/// Who dismisses what no longer matters by itself: not for good, the file may come again.
pub const SILLAGE: &str = "sillage";
/// Who dismissed a record, and why.
pub const DISMISSED_BY: &str = "dismissed_by";
pub const DISMISSED_BECAUSE: &str = "dismissed_because";

/// Returns `ops.quarantine`.
pub fn table() -> TableName {
    ops_table("quarantine")
}

/// How many refused rows an error points at.
pub const SHOWN_REFUSALS: usize = 5;

/// Returns its columns: those of a refused record, its state and the run that found it so; of a dismissed
/// record also by whom and why.
pub fn schema() -> SchemaRef {
    let refusal = source::quarantine_schema();
    let mut fields: Vec<Field> =
        refusal.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true)).collect();
    fields.push(Field::new("state", DataType::Utf8, true));
    let mut fields = with_run(&Schema::new(fields)).fields().to_vec();
    for column in [DISMISSED_BY, DISMISSED_BECAUSE] {
        fields.push(Arc::new(Field::new(column, DataType::Utf8, true)));
    }
    Arc::new(Schema::new(fields))
}

/// Returns refused records as rows of `ops.quarantine`.
///
/// # Errors
/// A batch with other columns than refused records have.
pub fn rows(batch: &RecordBatch, state: RecordState, run: u64) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(StringArray::from(vec![state.as_str(); rows])));
    columns.push(Arc::new(Int64Array::from(vec![run as i64; rows])));
    columns.extend([new_null_array(&DataType::Utf8, rows), new_null_array(&DataType::Utf8, rows)]);
    RecordBatch::try_new(schema(), columns).doing("write the quarantine")
}

/// Returns where refused rows stand and why; never what they hold.
pub fn places(batch: &RecordBatch, most: usize) -> Vec<String> {
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

/// Returns records by where they stand, with nothing of what they hold, for [`rows`].
///
/// # Errors
/// None, unless the program makes columns that do not fit the table.
pub fn positions(source: &str, file: &str, lines: &[Lines]) -> Result<RecordBatch> {
    let schema = schema();
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .take(source::quarantine_schema().fields().len())
        .map(|field| field.as_ref().clone())
        .collect();
    let columns = fields.iter().map(|field| -> ArrayRef {
        match field.name().as_str() {
            "source" => Arc::new(StringArray::from(vec![source; lines.len()])),
            "file" => Arc::new(StringArray::from(vec![file; lines.len()])),
            "line" => Arc::new(Int64Array::from_iter_values(lines.iter().map(|lines| lines.0))),
            "last_line" => Arc::new(Int64Array::from_iter_values(lines.iter().map(|lines| lines.1))),
            _ => new_null_array(field.data_type(), lines.len()),
        }
    });
    let columns = columns.collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).doing("write the quarantine")
}
