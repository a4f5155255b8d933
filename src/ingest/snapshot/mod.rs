//! Lists become a history: each new one is held against the rows that hold, one list after the other.
//!
//! A row that says what it said stays as it is. One that says something else is closed and a new one
//! opens, a key that is missing is closed, one that comes or comes back opens. Files of the table whose
//! rows are all closed stay where they are; the rows that hold are written anew when any of them changes.
//! `list_rows` are their rows, `lists` is what is known of the new ones, `history` what they do to the rows that hold.

mod history;
mod list_rows;
mod lists;

use arrow::datatypes::SchemaRef;
use chrono_tz::Tz;

use self::history::{History, Tally};
use super::definition::Ingest;
use crate::day::local_day;
use crate::error::Result;
use crate::ops::steps::StepMetrics;
use crate::step::StepContext;
use crate::warehouse::stage::Staged;

pub(super) use list_rows::{dated, lists_table, require_same_kind};
pub(super) use lists::{Lists, ReadLists};

impl Ingest {
    /// The history with the new lists, as it is to be committed.
    pub(super) async fn in_history(
        &self,
        context: &StepContext,
        rows: &Staged,
        lists: &ReadLists,
        schema: &SchemaRef,
        metrics: &mut StepMetrics,
    ) -> Result<Staged> {
        let source = &*self.source;
        let mut history = History::open(context, source, schema, rows, lists).await?;
        let mut all = Tally::default();
        let mut applied = Ok(());
        for (place, at) in lists.instants.iter().enumerate() {
            let last = place + 1 == lists.instants.len();
            match history.apply(*at, last, metrics).await {
                Ok(tally) => all = all.and(tally),
                Err(error) => {
                    applied = Err(error);
                    break;
                }
            }
        }
        if let (Ok(()), [first, .., last] | [first @ last]) = (&applied, lists.instants.as_slice()) {
            let zone = source.contract.snapshot.as_ref().map_or(Tz::UTC, |snapshot| snapshot.zone);
            let which = match (lists.instants.len(), &source.files().delivery.date_in_name) {
                (_, None) => "the list".to_owned(),
                (1, _) => format!("the list of {}", local_day(*first, zone)),
                (n, _) => format!("{n} lists, of {} to {}", local_day(*first, zone), local_day(*last, zone)),
            };
            metrics.notes.push(format!(
                "{which}: {} came, {} changed, {} gone, {} as before",
                all.came, all.changed, all.gone, all.as_before
            ));
        }
        history.end(applied).await
    }
}
