//! `ops.holdout_scores`: of each model, whom it was judged on at its last fit, what it said of them, and what came.
//!
//! Grain: one row per model and customer of its hold-out. It is personal data: only the last fit of each model is
//! kept, for as long as the pipeline says, and an erasure takes the person out before anything reads the table.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type, SchemaRef};
use futures::StreamExt;

use super::columns::{Column, batch, booleans, instants, numbers, schema_of, texts};
use super::table::ops_table;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

/// Returns `ops.holdout_scores`.
pub fn table() -> TableName {
    ops_table("holdout_scores")
}

/// A customer of a hold-out.
#[derive(Debug, Clone, PartialEq)]
pub struct HoldoutScore {
    pub customer_id: String,
    pub probability: f64,
    /// Whether the outcome came.
    pub outcome: bool,
}

/// Returns the rows of a model's hold-out.
///
/// # Errors
/// None, unless the program makes columns that do not fit the table.
pub fn rows(
    run: u64,
    pipeline: &str,
    model: &str,
    fitted_as_of: Instant,
    scores: &[HoldoutScore],
) -> Result<RecordBatch> {
    batch(columns(run, pipeline, model, fitted_as_of, scores))
}

/// Returns its columns.
pub fn schema() -> SchemaRef {
    schema_of(&columns(0, "", "", Instant::UNIX_EPOCH, &[]))
}

fn columns(
    run: u64,
    pipeline: &str,
    model: &str,
    fitted_as_of: Instant,
    scores: &[HoldoutScore],
) -> Vec<Column> {
    let count = scores.len();
    let probability: ArrayRef =
        Arc::new(Float64Array::from_iter_values(scores.iter().map(|score| score.probability)));
    vec![
        ("run", numbers(std::iter::repeat_n(run, count))),
        ("pipeline", texts(std::iter::repeat_n(Some(pipeline), count))),
        ("model", texts(std::iter::repeat_n(Some(model), count))),
        ("fitted_as_of", instants(std::iter::repeat_n(Some(fitted_as_of), count))),
        ("customer_id", texts(scores.iter().map(|score| Some(&score.customer_id)))),
        ("probability", probability),
        ("outcome", booleans(scores.iter().map(|score| score.outcome))),
    ]
}

/// Returns the released table without rows of the customers who are `gone`, for the run of an erasure.
///
/// # Errors
/// A table that cannot be read, or not be written anew.
pub async fn without_customers(catalog: &Catalog, gone: impl Fn(&str) -> bool) -> Result<Staged> {
    let doing = "take a person out of the hold-out scores";
    let table = table();
    let mut rows = catalog.every_row(&table).await?.execute_stream().await.doing(doing)?;
    let mut anew = catalog.warehouse().stager(&table, Mode::Replace, &rows.schema())?;
    while let Some(batch) = rows.next().await {
        let batch = batch.doing(doing)?;
        let customers = batch.column_by_name("customer_id").map(|ids| cast(ids, &DataType::Utf8)).transpose();
        let Some(customers) = customers.doing(doing)? else { continue };
        let stays: BooleanArray =
            customers.as_string::<i32>().iter().map(|id| Some(id.is_some_and(|id| !gone(id)))).collect();
        anew.write(&filter_record_batch(&batch, &stays).doing(doing)?).await?;
    }
    anew.finish().await
}

/// Returns the table with the last fit of each model alone, and of this pipeline only fits since an instant: what this
/// run appends is added to it when the run is published. `anew` is what the run has staged in place of the
/// released table. `None` where nothing leaves.
///
/// # Errors
/// A table that cannot be read, or not be written anew.
pub async fn of_last_fits(
    catalog: &Catalog,
    anew: Option<&Staged>,
    pipeline: &str,
    since: Option<Instant>,
) -> Result<Option<Staged>> {
    let table = table();
    if !catalog.released().any(|released| *released == table) {
        return Ok(None);
    }
    let doing = "look for hold-out scores of earlier fits";
    let session = catalog.session([&table], None).await?;
    let sql =
        format!("select pipeline, model, max(run) as last_run from {table} group by 1, 2 order by 1, 2");
    let mut leaves = Vec::new();
    for fits in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
        let (pipelines, models) = (fits.column(0).as_string::<i32>(), fits.column(1).as_string::<i32>());
        let last_runs = fits.column(2).as_primitive::<Int64Type>();
        leaves.extend((0..fits.num_rows()).map(|row| {
            let (pipeline, model) = (quoted(pipelines.value(row)), quoted(models.value(row)));
            format!("(pipeline = {pipeline} and model = {model} and run < {})", last_runs.value(row))
        }));
    }
    leaves.extend(since.map(|since| {
        let since = quoted(&show_instant(since));
        format!("(pipeline = {} and fitted_as_of < timestamp {since})", quoted(pipeline))
    }));
    let leaves = if leaves.is_empty() { "false".to_owned() } else { leaves.join(" or ") };
    let session = match anew {
        Some(anew) => catalog.session_of_all_rows(anew).await?,
        None => catalog.as_released().session([&table], None).await?,
    };
    let leaving = session.sql(&format!("select 1 from {table} where {leaves} limit 1")).await.doing(doing)?;
    if leaving.count().await.doing(doing)? == 0 {
        return Ok(None);
    }
    let kept = session.sql(&format!("select * from {table} where not ({leaves})")).await.doing(doing)?;
    catalog.warehouse().stage(&table, Mode::Replace, Layout::Parallel, kept).await.map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_of_whom_it_is_and_of_which_fit() {
        let score = HoldoutScore { customer_id: "c1".to_owned(), probability: 0.25, outcome: true };
        let rows = rows(7, "nightly", "churn", Instant::UNIX_EPOCH, &[score.clone(), score]).unwrap();
        assert_eq!((rows.num_rows(), rows.schema()), (2, schema()));
        assert_eq!(rows.num_columns(), 7);
    }
}
