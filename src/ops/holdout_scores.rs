//! `ops.holdout_scores`: of each model, whom it was judged on at its last fit, what it said of them, and what came.
//!
//! Grain: one row per model and customer of its hold-out. It is personal data: only the last fit of each model is
//! kept, and an erasure empties the table before the models are fitted again.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch};
use arrow::datatypes::{Int64Type, SchemaRef};

use super::columns::{Column, batch, booleans, instants, numbers, schema_of, texts};
use super::table::ops_table;
use crate::clock::Instant;
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

/// Returns the released table with the last fit of each model alone: what this run appends is added to it when the
/// run is published. `None` where there is nothing older.
///
/// # Errors
/// A table that cannot be read, or not be written anew.
pub async fn without_earlier_fits(catalog: &Catalog) -> Result<Option<Staged>> {
    let table = table();
    if !catalog.released().any(|released| *released == table) {
        return Ok(None);
    }
    let doing = "look for hold-out scores of earlier fits";
    let session = catalog.session([&table], None).await?;
    let sql =
        format!("select pipeline, model, max(run) as last_run from {table} group by 1, 2 order by 1, 2");
    let mut earlier = Vec::new();
    for fits in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
        let (pipelines, models) = (fits.column(0).as_string::<i32>(), fits.column(1).as_string::<i32>());
        let last_runs = fits.column(2).as_primitive::<Int64Type>();
        earlier.extend((0..fits.num_rows()).map(|row| {
            let (pipeline, model) = (quoted(pipelines.value(row)), quoted(models.value(row)));
            format!("(pipeline = {pipeline} and model = {model} and run < {})", last_runs.value(row))
        }));
    }
    let is_earlier = if earlier.is_empty() { "false".to_owned() } else { earlier.join(" or ") };
    let released = catalog.as_released();
    let session = released.session([&table], None).await?;
    let of_earlier =
        session.sql(&format!("select 1 from {table} where {is_earlier} limit 1")).await.doing(doing)?;
    if of_earlier.count().await.doing(doing)? == 0 {
        return Ok(None);
    }
    let kept = session.sql(&format!("select * from {table} where not ({is_earlier})")).await.doing(doing)?;
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
