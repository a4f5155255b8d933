//! Refused records read again: what fits now goes to the raw table, and the quarantine gets its word on
//! each.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Int64Type, Schema};
use futures::StreamExt;

use super::ingest::{INGEST_ROWS, Ingest, SHOWN_REFUSALS, fitted, places, quarantine_schema, said};
use super::intake::Replay;
use super::quarantine::{Lines, State};
use crate::error::{Context, Error, Result};
use crate::source::{self, Piece, Survey};

impl Ingest<'_> {
    /// Reads the refused records of a file again; how many rows fit now. `still` gains examples of
    /// those that do not.
    ///
    /// A row that fits keeps its file, its line and the run that first read it: of rows with one key
    /// the latest counts, and a row does not become the latest by having been refused for a while.
    pub(super) async fn replay(
        &mut self,
        replay: &Replay,
        survey: &Survey,
        still: &mut Vec<String>,
    ) -> Result<u64> {
        let source = self.shaped(survey);
        let lines = &replay.lines;
        let mut rows_of = vec![0_u64; lines.len()];
        let mut refused_again = BTreeSet::new();
        let mut pieces = std::pin::pin!(source::read(&source, &replay.file, INGEST_ROWS));
        while let Some(piece) = pieces.next().await {
            match piece? {
                Piece::Rows(batch) => {
                    let batch = of_lines(&batch, "_line", lines, |place, _| rows_of[place] += 1)?;
                    let batch = self.without_forgotten(batch)?;
                    self.rows.write(&fitted(&batch, &self.schema, replay.run)?).await?;
                }
                Piece::Refused(batch) => {
                    let batch = of_lines(&batch, "line", lines, |_, line| {
                        refused_again.insert(line);
                    })?;
                    let batch = self.without_forgotten_records(batch)?;
                    still.extend(places(&batch, SHOWN_REFUSALS.saturating_sub(still.len())));
                    self.words.write(&said(&batch, State::RefusedAgain, self.workshop.run)?).await?;
                }
                // It was told when the file was first read.
                Piece::Remark(_) => {}
            }
        }
        for (state, chosen) in [(State::Replayed, true), (State::Dropped, false)] {
            let ended: Vec<Lines> = lines
                .iter()
                .zip(&rows_of)
                .filter(|((line, _), rows)| !refused_again.contains(line) && (**rows > 0) == chosen)
                .map(|(lines, _)| *lines)
                .collect();
            if !ended.is_empty() {
                let batch = words(&self.source.name, &replay.file.name, &ended)?;
                self.words.write(&said(&batch, state, self.workshop.run)?).await?;
            }
        }
        Ok(rows_of.iter().sum())
    }
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

/// The rows that begin within one of the stretches of lines, which are in order; each is told with
/// the stretch's place and its line.
pub(super) fn of_lines(
    batch: &RecordBatch,
    column: &str,
    stretches: &[Lines],
    mut tell: impl FnMut(usize, i64),
) -> Result<RecordBatch> {
    let lines = batch
        .column_by_name(column)
        .and_then(|c| c.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| Error::failed("rows came without their lines"))?;
    let chosen = lines.values().iter().map(|&line| {
        let place = stretches.partition_point(|(first, _)| *first <= line).checked_sub(1);
        let place = place.filter(|place| line <= stretches[*place].1);
        if let Some(place) = place {
            tell(place, line);
        }
        Some(place.is_some())
    });
    let chosen: BooleanArray = chosen.collect();
    filter_record_batch(batch, &chosen).doing("choose the refused records")
}

/// What a replay did, for people.
pub(super) fn told(fit: u64, still: &[String]) -> String {
    let fits = if fit == 1 { "1 refused row fits".to_owned() } else { format!("{fit} refused rows fit") };
    if still.is_empty() {
        return format!("{fits} now and went to the table");
    }
    format!("{fits} now and went to the table; others still do not: {}", still.join("; "))
}
