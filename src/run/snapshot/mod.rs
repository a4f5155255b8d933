//! Lists become a history: each new one is held against the rows that hold, one list after the other.
//!
//! A row that says what it said stays as it is. One that says something else is closed and a new one
//! opens, a key that is missing is closed, one that comes or comes back opens. Files of the table whose
//! rows are all closed stay where they are; the rows that hold are written anew when any of them changes.
//! `lists` is what is known of the new ones, `history` what they do to the rows that hold.

mod history;
mod lists;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema, SchemaRef};
use chrono_tz::Tz;

use self::history::{History, Tally};
use super::step::{Figures, Workshop};
use crate::clock::Instant;
use crate::day::local_day;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::source::Source;
use crate::source::snapshot::{VALID_FROM, VALID_TO};
use crate::warehouse::stage::Staged;
use crate::warehouse::table::Table;

pub(super) use lists::{Lists, ReadLists};

/// Where the rows of the new lists stand while the step works.
pub(super) fn lists_table(source: &Source) -> TableName {
    scratch(source, "lists")
}

fn scratch(source: &Source, what: &str) -> TableName {
    TableName::new("ops", &format!("snapshot_{what}_{}", source.name))
        .expect("a source's name is an identifier")
}

/// The table is a history if the source has snapshots, and is none if it has not.
pub(super) fn same_kind(source: &Source, table: &Table) -> Result<()> {
    let is_history = [VALID_FROM, VALID_TO].iter().all(|column| table.schema.field_with_name(column).is_ok());
    let declares = source.columns.iter().any(|column| column.name == VALID_FROM);
    let wrong = match (source.snapshot.is_some(), is_history) {
        (true, false) => "were not read as snapshots",
        (false, true) if !declares => "were read as snapshots",
        _ => return Ok(()),
    };
    Err(Error::failed(format!("the files before {wrong}, and now the declaration says otherwise"))
        .hint("--full-refresh reads all files anew"))
}

/// The rows of a list, each with the instant from which it holds.
pub(super) fn dated(batch: &RecordBatch, at: Instant) -> Result<RecordBatch> {
    let instants = TimestampMicrosecondArray::from(vec![at.timestamp_micros(); batch.num_rows()]);
    let instants: ArrayRef = Arc::new(instants.with_timezone("UTC"));
    let mut fields = batch.schema().fields().to_vec();
    fields.push(Arc::new(Field::new(VALID_FROM, instants.data_type().clone(), true)));
    let columns = batch.columns().iter().cloned().chain([instants]).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).doing("say from when a list holds")
}

impl Workshop {
    /// The history with the new lists, as it is to be committed.
    pub(super) async fn in_history(
        &self,
        source: &Source,
        rows: &Staged,
        lists: &ReadLists,
        schema: &SchemaRef,
        figures: &mut Figures,
    ) -> Result<Staged> {
        let mut history = History::open(self, source, schema, rows, lists).await?;
        let mut all = Tally::default();
        let mut applied = Ok(());
        for (place, at) in lists.instants.iter().enumerate() {
            let last = place + 1 == lists.instants.len();
            match history.apply(*at, last, figures).await {
                Ok(tally) => all = all.and(tally),
                Err(error) => {
                    applied = Err(error);
                    break;
                }
            }
        }
        if let (Ok(()), [first, .., last] | [first @ last]) = (&applied, lists.instants.as_slice()) {
            let zone = source.snapshot.as_ref().map_or(Tz::UTC, |snapshot| snapshot.zone);
            let which = match (lists.instants.len(), &source.delivery.date_in_name) {
                (_, None) => "the list".to_owned(),
                (1, _) => format!("the list of {}", local_day(*first, zone)),
                (n, _) => format!("{n} lists, of {} to {}", local_day(*first, zone), local_day(*last, zone)),
            };
            figures.notes.push(format!(
                "{which}: {} came, {} changed, {} gone, {} as before",
                all.came, all.changed, all.gone, all.as_before
            ));
        }
        history.end(applied).await
    }
}
