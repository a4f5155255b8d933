//! What is known of a source's new rows only once they are staged: late and repeated rows, periods without
//! any.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::{Date32Type, Int64Type};
use chrono::NaiveDate;

use super::definition::Ingest;
use super::file_expectations::gap;
use crate::clock::{Instant, show_instant};
use crate::config::Severity;
use crate::error::{Context, Error, Result};
use crate::ops::sources::FileEntry;
use crate::ops::steps::StepMetrics;
use crate::source::{ColumnType, ExpectedRows};
use crate::step::StepContext;
use crate::warehouse::stage::Staged;

impl Ingest {
    /// Judges the rows by what the source declares.
    ///
    /// # Errors
    /// Whatever does not hold and stops the run.
    pub(super) async fn judge(
        &self,
        context: &StepContext,
        rows: &Staged,
        read: u64,
        entries: &[FileEntry],
        metrics: &mut StepMetrics,
    ) -> Result<()> {
        let source = &self.source;
        let mut errors = Vec::new();
        let mut tell = |severity, error: Error| match severity {
            Severity::Warn => metrics.warnings.push(error.message().to_owned()),
            Severity::Error => errors.push(error),
        };
        if let (Some(late), Some(last)) = (&source.contract.late, context.last_as_of) {
            let share = metrics.late as f64 / read.max(1) as f64;
            if share > late.max_share {
                tell(late.severity, too_late(metrics.late, read, late.max_share, entries, last));
            }
        }
        if let Some(ExpectedRows { by, expect }) = &source.contract.expect {
            let days = self.days(context, rows, by).await?;
            let kept = source.contract.keep.as_ref().and_then(|keep| keep.since(context.as_of));
            let error = gap(source, expect, &days, kept, &format!("row with {by}"), context.as_of);
            if let Some(error) = error {
                tell(expect.severity, error);
            }
        }
        if !source.contract.key.is_empty() && source.contract.snapshot.is_none() && read > 0 {
            metrics.repeated = self.repeated(context, rows).await?;
        }
        if metrics.repeated > 0 {
            let mut note = format!(
                "{} of {read} rows repeat a key that came before: of each key the latest row counts",
                metrics.repeated
            );
            if !self.dates_versions() {
                note.push_str(
                    ", at past instants too; `version`, `valid_from` or `date_in_name` says since when each does",
                );
            }
            metrics.notes.push(note);
        }
        Error::all(errors)
    }

    /// Whether the rows of a key say since when each of them holds.
    fn dates_versions(&self) -> bool {
        let Some(versions) = &self.versions else { return false };
        match &versions.by {
            Some(by) => self.source.contract.columns.iter().any(|column| {
                column.name == by.name && matches!(column.kind, ColumnType::Timestamp | ColumnType::Date)
            }),
            None => versions.dated_files,
        }
    }

    /// How many rows of this run have a key that another row before them has.
    async fn repeated(&self, context: &StepContext, rows: &Staged) -> Result<u64> {
        let doing = "count repeated keys";
        let session = context.catalog.session_of_all_rows(rows).await?;
        let key: Vec<String> =
            self.source.contract.key.iter().map(|column| format!("\"{column}\"")).collect();
        let same: Vec<String> = key.iter().map(|column| format!("fresh.{column} = known.{column}")).collect();
        // Held in memory are the keys of this run, not those of the whole table.
        let sql = format!(
            "with fresh as (select {key}, count(*) as rows from {table} where _run = {run} group by {key}) \
             select cast(coalesce((select sum(rows) from fresh), 0) - (select count(*) from fresh left anti join \
               (select {key} from {table} where _run <> {run}) known on {same}) as bigint)",
            run = context.run,
            table = rows.table,
            key = key.join(", "),
            same = same.join(" and ")
        );
        let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
        let count = batches
            .iter()
            .find(|b| b.num_rows() > 0)
            .map(|b| b.column(0).as_primitive::<Int64Type>().value(0));
        Ok(u64::try_from(count.unwrap_or(0)).unwrap_or(0))
    }

    /// The local days on which anything happened by this column.
    async fn days(&self, context: &StepContext, rows: &Staged, column: &str) -> Result<BTreeSet<NaiveDate>> {
        let doing = format!("read the days of {column}");
        let session = context.catalog.session_of_all_rows(rows).await?;
        let timed =
            self.source.contract.columns.iter().any(|c| c.name == column && c.kind == ColumnType::Timestamp);
        let day = if timed {
            format!("cast(\"{column}\" at time zone '{}' as date)", self.source.contract.zone)
        } else {
            format!("\"{column}\"")
        };
        let sql = format!("select distinct {day} from {} where \"{column}\" is not null", rows.table);
        let batches = session.sql(&sql).await.doing(&doing)?.collect().await.doing(&doing)?;
        let days = batches.iter().flat_map(|batch| {
            let days = batch.column(0).as_primitive::<Date32Type>();
            (0..days.len()).filter_map(|row| days.value_as_date(row)).collect::<Vec<_>>()
        });
        Ok(days.collect())
    }
}

fn too_late(late: u64, read: u64, allowed: f64, entries: &[FileEntry], last: Instant) -> Error {
    let mut files: Vec<(&str, u64)> =
        entries.iter().filter(|e| e.late > 0).map(|e| (e.file.as_str(), e.late)).collect();
    files.sort_by_key(|(file, late)| (std::cmp::Reverse(*late), *file));
    let most: Vec<String> = files.iter().take(3).map(|(file, late)| format!("{file} ({late})")).collect();
    Error::failed(format!(
        "{late} of {read} rows, {:.3}% where {:.3}% is expected, tell of the time before {}, the last release's \
         instant: {}",
        late as f64 / read.max(1) as f64 * 100.0,
        allowed * 100.0,
        show_instant(last),
        most.join(", ")
    ))
    .hint("that release did not know them; was an old file delivered? Else raise max_share")
}
