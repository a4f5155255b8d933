//! Selects, of rows with the same key, the latest version.
//!
//! The order is the declared version, then `_version`, which comes from the file, then file, line and, if
//! records have several rows, element. None of it depends on the run that read the file, so a full refresh
//! gives the same rows.

use arrow::datatypes::DataType;
use chrono_tz::Tz;
use datafusion::common::{Column, DFSchema};
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, JoinType, SortExpr, col, lit};
use datafusion::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::time_column::TimeColumn;
use crate::clock::Instant;
use crate::day::first_day_not_begun;
use crate::error::Result;
use crate::name::TableName;

/// The column that orders the rows of different files.
const FILE_VERSION: &str = "_version";

/// Rows of one key are versions of one record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    pub key: Vec<String>,
    /// The column whose greatest value is the latest version; one that is an instant or a date also says
    /// when the version became known.
    pub by: Option<TimeColumn>,
    /// Whether `_version` begins with the date of the row's file, which says when it became known where
    /// no column does.
    pub dated_files: bool,
    /// Whether rows are elements of records, of which several may have one key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub elements: bool,
}

/// How repeated keys are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deduplication {
    /// On the key columns alone, by joins, and only their rows are ordered: repeated keys are few.
    /// (`DISTINCT ON` would hold every column of every row in an aggregate that cannot spill.)
    OfRepeated,
    /// By ordering all rows once: that spills well, where the joins order them four times and at once.
    ByOrder,
}

/// Returns the latest version of each key. Rows without a key all count.
pub(super) fn latest(
    rows: DataFrame,
    versions: &Versions,
    how: Deduplication,
) -> datafusion::error::Result<DataFrame> {
    match how {
        Deduplication::OfRepeated => of_repeated(rows, versions),
        Deduplication::ByOrder => by_order(rows, versions),
    }
}

impl Versions {
    /// Returns the condition that a version was known before the instant; `None` where versions have only
    /// an order.
    pub(super) fn known_before(
        &self,
        table: &TableName,
        rows: &DFSchema,
        instant: Instant,
        zone: Tz,
    ) -> Result<Option<Expr>> {
        if let Some(by) = &self.by {
            return match by.data_type(table, rows)? {
                DataType::Timestamp(_, _) | DataType::Date32 => {
                    by.known_before(table, rows, instant, zone).map(Some)
                }
                _ => Ok(None),
            };
        }
        if !self.dated_files {
            return Ok(None);
        }
        // `_version` begins with the date in its ISO form, which sorts as text.
        let first_hidden = first_day_not_begun(instant, zone).format("%Y-%m-%d").to_string();
        let version = || col(Column::from_name(FILE_VERSION));
        Ok(Some(version().lt(lit(first_hidden)).or(version().is_null())))
    }

    /// Returns the columns by which versions are ordered, the weightiest first.
    pub fn order(&self) -> Vec<&str> {
        let by = self.by.iter().map(|by| by.name.as_str());
        by.chain([FILE_VERSION, "_file", "_line"]).chain(self.elements.then_some("_element")).collect()
    }

    /// Returns a row's place among those of its key: 1 is the latest.
    fn place(&self, key: &[Expr]) -> datafusion::error::Result<Expr> {
        let latest_first = |column: &str| -> SortExpr { column_of(column).sort(false, false) };
        let order = self.order().into_iter().map(latest_first).collect();
        Ok(row_number().partition_by(key.to_vec()).order_by(order).build()?.alias(PLACE))
    }
}

/// What the place of a version among those of its key is called. Its order is total: it ends in the row's file and line.
pub const PLACE: &str = "__place";

fn column_of(name: &str) -> Expr {
    col(Column::from_name(name))
}

fn by_order(rows: DataFrame, versions: &Versions) -> datafusion::error::Result<DataFrame> {
    let all = columns(&rows);
    let on: Vec<Expr> = versions.key.iter().map(|k| column_of(k)).collect();
    let counts = on.iter().fold(col(PLACE).eq(lit(1_u64)), |counts, key| counts.or(key.clone().is_null()));
    rows.window(vec![versions.place(&on)?])?.filter(counts)?.select(all)
}

fn columns(rows: &DataFrame) -> Vec<Expr> {
    rows.schema().fields().iter().map(|f| column_of(f.name())).collect()
}

fn of_repeated(rows: DataFrame, versions: &Versions) -> datafusion::error::Result<DataFrame> {
    const REPEATED: &str = "__repeated_";
    let key = &versions.key;
    let all = columns(&rows);
    let on: Vec<Expr> = key.iter().map(|k| column_of(k)).collect();
    let left: Vec<&str> = key.iter().map(String::as_str).collect();
    let right: Vec<String> = key.iter().map(|k| format!("{REPEATED}{k}")).collect();
    let right: Vec<&str> = right.iter().map(String::as_str).collect();
    let aliased = || left.iter().zip(&right).map(|(k, r)| column_of(k).alias(*r)).collect::<Vec<_>>();
    let repeated = rows
        .clone()
        .aggregate(on.clone(), vec![count(lit(1_i64)).alias("__times")])?
        .filter(col("__times").gt(lit(1_i64)))?
        .select(aliased())?;
    let once = rows.clone().join(repeated.clone(), JoinType::LeftAnti, &left, &right, None)?;
    let last = rows
        .join(repeated, JoinType::LeftSemi, &left, &right, None)?
        .window(vec![versions.place(&on)?])?
        .filter(col(PLACE).eq(lit(1_u64)))?
        .select(all)?;
    once.union(last)
}
