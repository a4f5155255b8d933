//! How long a source keeps its rows, and which are too old at an instant.

use arrow::datatypes::DataType;
use chrono::{DateTime, NaiveDate};
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, col, lit};
use datafusion::prelude::DataFrame;

use super::definition::Ingest;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Result};
use crate::source::Source;
use crate::source::retention::RetentionCutoff;
use crate::source::snapshot::VALID_TO;
use crate::warehouse::row_removal::{Least, Statistics};
use crate::warehouse::row_versions::Versions;
use crate::warehouse::time_value::instant_value;
use crate::warehouse::visibility::KnownSince;

/// A source's policy at an instant.
pub(super) struct Policy<'s> {
    pub(super) source: &'s Source,
    /// The column that says how old a row is.
    pub(super) by: String,
    pub(super) since: RetentionCutoff,
    pub(super) span: String,
    pub(super) versions: Option<Versions>,
}

impl Policy<'_> {
    /// `None` when everything is kept.
    pub(super) fn of(ingest: &Ingest, as_of: Instant) -> Option<Policy<'_>> {
        let source = &*ingest.source;
        let keep = source.contract.keep.as_ref()?;
        let by = match (&keep.by, &ingest.known) {
            _ if source.contract.snapshot.is_some() => VALID_TO.to_owned(),
            (Some(by), _) => by.clone(),
            (None, KnownSince::At(time)) => time.name.clone(),
            // Checked with the pipeline: a policy has a column.
            (None, KnownSince::Undeclared | KnownSince::Always) => return None,
        };
        Some(Policy {
            source,
            by,
            since: keep.since(as_of)?,
            span: keep.span.to_string(),
            versions: ingest.versions.clone(),
        })
    }

    /// Whether a file with these statistics may hold rows that are too old.
    pub(super) fn may_touch(&self, statistics: &Statistics) -> bool {
        match statistics.least(&self.by) {
            Least::NoValue => false,
            Least::Unknown => true,
            Least::Value(least) => {
                let text = least.as_str().unwrap_or_default();
                match (DateTime::parse_from_rfc3339(text), text.parse::<NaiveDate>()) {
                    (Ok(instant), _) => instant < self.since.instant,
                    (_, Ok(day)) => day < self.since.day,
                    _ => true,
                }
            }
        }
    }

    /// That a row is too old; null where it does not say.
    pub(super) fn too_old(&self, rows: &DataFrame) -> Result<Expr> {
        let field = rows
            .schema()
            .field_with_unqualified_name(&self.by)
            .doing(format!("look for the column {} by which rows are kept", self.by))?;
        let first_kept = match field.data_type() {
            DataType::Date32 => {
                let days = self.since.day.signed_duration_since(NaiveDate::default()).num_days();
                ScalarValue::Date32(i32::try_from(days).ok())
            }
            _ => instant_value(self.since.instant),
        };
        Ok(col(Column::from_name(&self.by)).lt(lit(first_kept)))
    }
}

/// What the plan says of the source's policy, and of what will not be as one might expect.
pub(super) fn planned(
    ingest: &Ingest,
    as_of: Instant,
    last_as_of: Option<Instant>,
    existing: bool,
) -> (Option<String>, Option<String>) {
    let Some(policy) = Policy::of(ingest, as_of) else { return (None, None) };
    let kept =
        format!("keeps {} by {}, from {} on", policy.span, policy.by, show_instant(policy.since.instant));
    let before =
        last_as_of.filter(|last| existing && as_of < *last).and_then(|last| Policy::of(ingest, last));
    let lost = before.map(|before| {
        format!(
            "rows from before {} may have left with an earlier release and do not come back, though at this \
             instant they are kept; --full-refresh reads them again",
            show_instant(before.since.instant)
        )
    });
    (Some(kept), lost)
}
