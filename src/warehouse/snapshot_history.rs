//! What a reader sees of a snapshot history at an instant: nothing from later lists.
//!
//! A row is valid from `valid_from` to `valid_to`, which is null while the row is current. A list that is
//! valid from the instant itself was not known before it: the rows that it ends are still valid.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::{Expr, col, lit, when};
use datafusion::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::time_value::instant_value;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;

/// The columns with the validity of a row.
pub const VALID_FROM: &str = "valid_from";
pub const VALID_TO: &str = "valid_to";

/// Which rows of a history are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotHistory {
    /// Current rows: the list as it is now.
    State,
    /// Every state that was known, with when it began and ended.
    Whole,
}

impl SnapshotHistory {
    /// Returns the rows as they were known before the instant; without one, as they are.
    pub(super) fn known(
        self,
        table: &TableName,
        frame: DataFrame,
        as_of: Option<Instant>,
    ) -> Result<DataFrame> {
        let doing = || format!("hide the later rows of {table}");
        for column in [VALID_FROM, VALID_TO] {
            if !frame.schema().has_column_with_unqualified_name(column) {
                return Err(Error::failed(format!(
                    "{table} has no column `{column}`: its files were not read as snapshots"
                ))
                .hint("--full-refresh reads them again"));
            }
        }
        let column = |name: &str| -> Expr { col(Column::from_name(name)) };
        let Some(as_of) = as_of else {
            return match self {
                SnapshotHistory::State => frame.filter(column(VALID_TO).is_null()).doing(doing()),
                SnapshotHistory::Whole => Ok(frame),
            };
        };
        let now = || lit(instant_value(as_of));
        let mut known = column(VALID_FROM).lt(now());
        if self == SnapshotHistory::State {
            known = known.and(column(VALID_TO).is_null().or(column(VALID_TO).gt_eq(now())));
        }
        let none = lit(ScalarValue::TimestampMicrosecond(None, Some("UTC".into())));
        let ended = when(column(VALID_TO).lt(now()), column(VALID_TO)).otherwise(none).doing(doing())?;
        let columns: Vec<Expr> = frame
            .schema()
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                VALID_TO => ended.clone().alias(VALID_TO),
                name => column(name),
            })
            .collect();
        frame.filter(known).and_then(|known| known.select(columns)).doing(doing())
    }
}
