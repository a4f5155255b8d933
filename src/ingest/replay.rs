//! Refused records read again: what fits now goes to the raw table, and the quarantine says what became of
//! each.

use std::collections::BTreeSet;

use futures::StreamExt;

use super::chosen_lines::of_lines;
use super::intake::Replay;
use super::raw_rows::{INGEST_ROWS, fitted};
use super::reading::Reading;
use crate::error::Result;
use crate::ops::quarantine::{self, Lines, RecordState, SHOWN_REFUSALS, places};
use crate::source::{self, Piece, Survey};

impl Reading<'_> {
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
                    self.outcomes
                        .write(&quarantine::rows(&batch, RecordState::RefusedAgain, self.context.run)?)
                        .await?;
                }
                // It was said when the file was first read.
                Piece::Remark(_) => {}
            }
        }
        for (state, chosen) in [(RecordState::Replayed, true), (RecordState::Dropped, false)] {
            let ended: Vec<Lines> = lines
                .iter()
                .zip(&rows_of)
                .filter(|((line, _), rows)| !refused_again.contains(line) && (**rows > 0) == chosen)
                .map(|(lines, _)| *lines)
                .collect();
            if !ended.is_empty() {
                let batch = quarantine::positions(&self.source.name, &replay.file.name, &ended)?;
                self.outcomes.write(&quarantine::rows(&batch, state, self.context.run)?).await?;
            }
        }
        Ok(rows_of.iter().sum())
    }
}

/// Returns what a replay did, for people.
pub(super) fn summary(fit: u64, still: &[String]) -> String {
    let fits = if fit == 1 { "1 refused row fits".to_owned() } else { format!("{fit} refused rows fit") };
    if still.is_empty() {
        return format!("{fits} now and went to the table");
    }
    format!("{fits} now and went to the table; others still do not: {}", still.join("; "))
}
