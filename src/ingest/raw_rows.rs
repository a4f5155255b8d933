//! Rows as raw tables have them.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, new_null_array};
use arrow::datatypes::SchemaRef;

use crate::error::{Context, Result};
use crate::ops::with_run;
use crate::source::Source;

/// Rows in one batch of ingest.
pub(super) const INGEST_ROWS: usize = 16_384;

/// Returns the columns of a raw table as declared: the source's, then file, line and run.
pub fn raw_schema(source: &Source) -> SchemaRef {
    with_run(&source.table_schema())
}

/// Returns a batch with the table's columns in the table's order; null where it has none.
pub(super) fn fitted(batch: &RecordBatch, schema: &SchemaRef, run: u64) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let columns = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(column) => column.clone(),
        None if field.name() == "_run" => Arc::new(Int64Array::from(vec![run as i64; rows])),
        None => new_null_array(field.data_type(), rows),
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).doing("bring rows to the raw table's columns")
}
