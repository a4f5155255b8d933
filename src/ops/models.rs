//! `ops.models`: fitted models as rows.
//!
//! Grain: one row per run, model, part, name and position. A model has a number, a note, or both at each of
//! its places; what the places mean is known where the model is fitted.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use super::columns::{instant, instants, numbers, texts};
use super::table::ops_table;
use crate::clock::Instant;
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::sql_text::quoted;

const DOING: &str = "put the fitted model into rows";

/// The parameter that tells how the step that fits the model was declared, as a digest.
pub const DECLARED: &str = "declared";

/// Returns `ops.models`.
pub fn table() -> TableName {
    ops_table("models")
}

/// One row of a fitted model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelRow {
    pub part: &'static str,
    pub name: String,
    pub position: i64,
    pub value: Option<f64>,
    pub note: Option<String>,
}

/// Returns a model's rows, without the columns of the run: `model`, `kind`, `part`, `name` text, `position`
/// Int64, `value` Float64 and `note` text where there is one.
///
/// # Errors
/// None, unless the program makes columns that do not fit the table.
pub fn rows(model: &str, kind: &str, rows: &[ModelRow]) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![model; rows.len()])),
        Arc::new(StringArray::from(vec![kind; rows.len()])),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.part))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| &row.name))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.position))),
        Arc::new(Float64Array::from_iter(rows.iter().map(|row| row.value))),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.note.as_deref()))),
    ];
    RecordBatch::try_new(model_schema(), columns).doing(DOING)
}

/// Returns a model's rows with the columns of the run that fitted it before them.
///
/// # Errors
/// Rows with other columns than [`rows`] makes.
pub fn of_run(run: u64, pipeline: &str, as_of: Instant, rows: &RecordBatch) -> Result<RecordBatch> {
    let count = rows.num_rows();
    let mut columns: Vec<ArrayRef> = vec![
        numbers(std::iter::repeat_n(run, count)),
        texts(std::iter::repeat_n(Some(pipeline), count)),
        instants(std::iter::repeat_n(Some(as_of), count)),
    ];
    columns.extend(rows.columns().iter().cloned());
    RecordBatch::try_new(schema(), columns).doing(DOING)
}

/// Returns, as a relation of SQL, the rows of a model of the last run of the pipeline that wrote it; of any
/// pipeline where none is named.
pub fn last_rows_sql(model: &str, kind: &str, pipeline: Option<&str>) -> String {
    rows_of_last_run(&of_model(model, kind, pipeline))
}

/// Returns the same, of runs as of `$as_of` and before.
pub fn last_rows_by_then_sql(model: &str, kind: &str, pipeline: &str) -> String {
    rows_of_last_run(&format!("{} and as_of <= $as_of", of_model(model, kind, Some(pipeline))))
}

fn of_model(model: &str, kind: &str, pipeline: Option<&str>) -> String {
    let mut mine = format!("model = {} and kind = {}", quoted(model), quoted(kind));
    if let Some(pipeline) = pipeline {
        mine.push_str(&format!(" and pipeline = {}", quoted(pipeline)));
    }
    mine
}

fn rows_of_last_run(mine: &str) -> String {
    let models = table();
    format!("select * from {models} where {mine} and run = (select max(run) from {models} where {mine})")
}

/// Returns its columns.
pub fn schema() -> SchemaRef {
    let mut fields: Vec<Arc<Field>> = vec![
        Arc::new(Field::new("run", DataType::Int64, true)),
        Arc::new(Field::new("pipeline", DataType::Utf8, true)),
        Arc::new(Field::new("as_of", instant(Instant::UNIX_EPOCH).data_type().clone(), true)),
    ];
    fields.extend(model_schema().fields().iter().cloned());
    Arc::new(Schema::new(fields))
}

fn model_schema() -> SchemaRef {
    let text = |name: &str, nullable| Field::new(name, DataType::Utf8, nullable);
    Arc::new(Schema::new(vec![
        text("model", false),
        text("kind", false),
        text("part", false),
        text("name", false),
        Field::new("position", DataType::Int64, false),
        Field::new("value", DataType::Float64, true),
        text("note", true),
    ]))
}
