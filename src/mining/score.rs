//! The two shapes of scoring as SQL arithmetic: a linear sum and the nearest of several centroids.
//!
//! Sums are written out left to right, so that SQL and [`linear`] round alike. Centroids are
//! compared by `|c|²/2 − x·c`, which orders them as the squared distance does at half the work.

use datafusion::functions::expr_fn::least;
use datafusion::logical_expr::{Expr, ident, lit, when};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;
use ndarray::{Array2, ArrayView1};

use super::scaling::scaled;
use crate::error::{Context, Result};

/// `start + w₁·x₁ + w₂·x₂ + …`, in this order.
pub fn linear(start: f64, weights: &[f64], row: ArrayView1<f64>) -> f64 {
    weights.iter().zip(row).fold(start, |sum, (w, x)| sum + w * x)
}

/// [`linear`] over the scaled columns of a projection.
pub(super) fn linear_sql(start: f64, weights: &[f64]) -> Expr {
    weights.iter().enumerate().fold(lit(start), |sum, (index, w)| sum + lit(*w) * ident(scaled(index)))
}

/// The logistic function.
pub fn probability(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

/// Half the squared length of each centroid and the centroid negated: the terms of [`linear`] that
/// is smallest for the nearest.
pub fn closeness(centroids: &Array2<f64>) -> Vec<(f64, Vec<f64>)> {
    centroids
        .rows()
        .into_iter()
        .map(|c| (0.5 * c.iter().fold(0.0, |sum, v| sum + v * v), c.iter().map(|v| -v).collect()))
        .collect()
}

/// The index of the nearest centroid; of several equally near, the first.
pub fn nearest(closeness: &[(f64, Vec<f64>)], row: ArrayView1<f64>) -> usize {
    let mut best = (0, f64::INFINITY);
    for (index, (half, negated)) in closeness.iter().enumerate() {
        let value = linear(*half, negated, row);
        if value < best.1 {
            best = (index, value);
        }
    }
    best.0
}

/// Replaces the scaled columns by `segment_id`; `kept` columns stay in front.
pub(super) fn nearest_sql(frame: DataFrame, kept: &[String], centroids: &Array2<f64>) -> Result<DataFrame> {
    let doing = "write the nearest segment as SQL";
    let kept = || kept.iter().map(ident);
    let near = |index: usize| format!("__near{index}");
    let terms = closeness(centroids);
    let each = terms.iter().enumerate().map(|(i, (half, negated))| linear_sql(*half, negated).alias(near(i)));
    let frame = frame.select(kept().chain(each).collect::<Vec<_>>()).doing(doing)?;
    let all: Vec<Expr> = (0..terms.len()).map(|i| ident(near(i))).collect();
    let smallest = least(all.clone()).alias("__least");
    let frame = frame.select(kept().chain(all).chain([smallest]).collect::<Vec<_>>()).doing(doing)?;
    let ids = (1..=terms.len() as i64).map(|id| (ident(near(id as usize - 1)).eq(ident("__least")), lit(id)));
    let id = first_true(ids.collect()).doing(doing)?;
    frame.select(kept().chain([id.alias("segment_id")]).collect::<Vec<_>>()).doing(doing)
}

/// The value beside the first condition that holds: one `CASE`, however many there are. The last
/// is for whatever is left.
fn first_true(mut cases: Vec<(Expr, Expr)>) -> datafusion::error::Result<Expr> {
    let Some((_, last)) = cases.pop() else { return Ok(lit(ScalarValue::Null)) };
    let mut cases = cases.into_iter();
    let Some((condition, value)) = cases.next() else { return Ok(last) };
    let mut case = when(condition, value);
    for (condition, value) in cases {
        case = case.when(condition, value);
    }
    case.otherwise(last)
}
