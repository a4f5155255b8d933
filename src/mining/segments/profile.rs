//! What segments are like: one row per segment, as SQL.

use arrow::datatypes::DataType;
use datafusion::functions::expr_fn::{coalesce, nullif};
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Expr, JoinType, LogicalPlanBuilder, WindowFunctionDefinition, cast, ident, lit, try_cast, when,
};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::assignment::{score_beside, segments};
use super::declaration::SegmentParams;
use super::segmentation::Segmentation;
use crate::error::{Context, Result};
use crate::mining::fitted::FittedModel;
use crate::mining::matrix;

const DOING: &str = "write the profiles of the segments as SQL";

/// Returns what the segments are like: `segment_id`, `segment_name`, `customers` Int64, `share` of all customers,
/// and for each column declared `mean_<column>`, over those customers where it is known, and `rank_<column>`: the
/// share of the customers who have less than the segment's median, those who have the same counted half, as of
/// the fit; null for who is set apart.
///
/// Means are sums of decimals (nine places) divided at the end: the same whatever the threads. A segment that
/// holds nobody has a row too; a model that is not fitted has those that are set apart.
///
/// # Errors
/// Features that lack a column, or to which a rule does not fit.
pub fn profiles(fitted: &FittedModel, params: &SegmentParams, features: DataFrame) -> Result<DataFrame> {
    let columns: Vec<String> = params.columns.iter().map(|c| c.column.clone()).collect();
    matrix::check_columns(&features, &columns)?;
    let decimal = DataType::Decimal128(38, 9);
    let exact: Vec<Expr> = columns
        .iter()
        .map(|c| try_cast(cast(ident(c), DataType::Float64), decimal.clone()).alias(format!("__exact_{c}")))
        .collect();
    let named = named_segments(&features, &segments(fitted, params)?)?;
    let scored = score_beside(fitted, params, features, &exact)?;
    let mut aggregates = vec![count(lit(1_i64)).alias("__customers")];
    for column in &columns {
        let exact = ident(format!("__exact_{column}"));
        aggregates.push(sum(exact.clone()).alias(format!("__sum_{column}")));
        aggregates.push(count(exact).alias(format!("__known_{column}")));
    }
    let counted =
        scored.aggregate(vec![ident("segment_id").alias("__counted_id")], aggregates).doing(DOING)?;
    let all = Expr::from(WindowFunction::new(
        WindowFunctionDefinition::AggregateUDF(sum_udaf()),
        vec![ident("__customers")],
    ))
    .alias("__all");
    named
        .join(counted, JoinType::Left, &["segment_id"], &["__counted_id"], None)
        .and_then(|counted| counted.window(vec![all]))
        .doing(DOING)?
        .select(shown(fitted, &columns)?)
        .doing(DOING)
}

fn shown(fitted: &FittedModel, columns: &[String]) -> Result<Vec<Expr>> {
    let number = |expr: Expr| cast(expr, DataType::Float64);
    let customers = || coalesce(vec![ident("__customers"), lit(0_i64)]);
    let mut shown = vec![
        ident("segment_id"),
        ident("segment_name"),
        customers().alias("customers"),
        (number(customers()) / nullif(number(ident("__all")), lit(0.0))).alias("share"),
    ];
    for column in columns {
        let mean = number(ident(format!("__sum_{column}"))) / number(ident(format!("__known_{column}")));
        shown.push(mean.alias(format!("mean_{column}")));
    }
    let segmentation = fitted.is_fitted().then(|| Segmentation::load(fitted)).transpose()?;
    for column in columns {
        shown.push(rank(segmentation.as_ref(), column)?.alias(format!("rank_{column}")));
    }
    Ok(shown)
}

/// The rank of each segment's median by a column; null for a column that hardly varies.
fn rank(segmentation: Option<&Segmentation>, column: &str) -> Result<Expr> {
    let unknown = || lit(ScalarValue::Float64(None));
    let ranks = segmentation.and_then(|segmentation| {
        let index = segmentation.scaling.columns.iter().position(|scale| scale.column == column)?;
        Some(segmentation.ranks.iter().map(move |ranks| ranks[index]))
    });
    let mut cases = ranks
        .into_iter()
        .flatten()
        .zip(1_i64..)
        .map(|(rank, id)| (ident("segment_id").eq(lit(id)), rank.map_or_else(unknown, lit)));
    let Some((first, rank)) = cases.next() else { return Ok(unknown()) };
    let mut case = when(first, rank);
    for (is_it, rank) in cases {
        case = case.when(is_it, rank);
    }
    case.end().doing(DOING)
}

/// The numbers and names as a frame: `segment_id`, `segment_name`.
fn named_segments(features: &DataFrame, segments: &[(i64, String)]) -> Result<DataFrame> {
    let (state, _) = features.clone().into_parts();
    let rows = segments.iter().map(|(id, name)| vec![lit(*id), lit(name.as_str())]).collect::<Vec<_>>();
    let is_empty = rows.is_empty();
    // Values need a row to have types.
    let rows = if is_empty { vec![vec![lit(0_i64), lit("")]] } else { rows };
    LogicalPlanBuilder::values(rows)
        .and_then(|values| {
            values.project(vec![ident("column1").alias("segment_id"), ident("column2").alias("segment_name")])
        })
        .and_then(|named| if is_empty { named.limit(0, Some(0)) } else { Ok(named) })
        .and_then(LogicalPlanBuilder::build)
        .doing(DOING)
        .map(|plan| DataFrame::new(state, plan))
}
