//! The rows of new lists: where they stand while the step works, and from when each holds.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema};

use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::source::Source;
use crate::source::snapshot::{VALID_FROM, VALID_TO};
use crate::warehouse::table::Table;

/// Where the rows of the new lists stand while the step works.
pub(in crate::ingest) fn lists_table(source: &Source) -> TableName {
    scratch(source, "lists")
}

pub(super) fn scratch(source: &Source, what: &str) -> TableName {
    TableName::new("ops", &format!("snapshot_{what}_{}", source.name))
        .expect("a source's name is an identifier")
}

/// The table is a history if the source has snapshots, and is none if it has not.
pub(in crate::ingest) fn require_same_kind(source: &Source, table: &Table) -> Result<()> {
    let is_history = [VALID_FROM, VALID_TO].iter().all(|column| table.schema.field_with_name(column).is_ok());
    let declares = source.contract.columns.iter().any(|column| column.name == VALID_FROM);
    let wrong = match (source.contract.snapshot.is_some(), is_history) {
        (true, false) => "were not read as snapshots",
        (false, true) if !declares => "were read as snapshots",
        _ => return Ok(()),
    };
    Err(Error::failed(format!("the files before {wrong}, and now the declaration says otherwise"))
        .hint("--full-refresh reads all files anew"))
}

/// The rows of a list, each with the instant from which it holds.
pub(in crate::ingest) fn dated(batch: &RecordBatch, at: Instant) -> Result<RecordBatch> {
    let instants = TimestampMicrosecondArray::from(vec![at.timestamp_micros(); batch.num_rows()]);
    let instants: ArrayRef = Arc::new(instants.with_timezone("UTC"));
    let mut fields = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new(VALID_FROM, instants.data_type().clone(), true)));
    let columns = batch.columns().iter().cloned().chain([instants]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).doing("say from when a list holds")
}
