//! The segment of every customer, as SQL.

use datafusion::logical_expr::{Expr, ident, lit, when};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::apart;
use super::declaration::SegmentParams;
use super::segmentation::Segmentation;
use crate::error::{Context, Result};
use crate::mining::fitted::FittedModel;
use crate::mining::{KEY, matrix, score as arithmetic};

const DOING: &str = "write the segments as SQL";
/// The segment of who is set apart.
const APART: &str = "__apart";

/// Returns the segment of every customer: `customer_id`, `segment_id` Int64 from 1, `segment_name` text. Both are
/// null for those who are not set apart when the model is not fitted. Rows come in no order.
///
/// # Errors
/// Features that lack a column, or to which a rule does not fit.
pub fn score(fitted: &FittedModel, params: &SegmentParams, features: DataFrame) -> Result<DataFrame> {
    score_beside(fitted, params, features, &[])
}

/// Returns the same with further expressions over the features.
///
/// # Errors
/// Features that lack a column, or to which a rule does not fit.
pub(super) fn score_beside(
    fitted: &FittedModel,
    params: &SegmentParams,
    features: DataFrame,
    beside: &[Expr],
) -> Result<DataFrame> {
    let mut kept = vec![(KEY.to_owned(), ident(KEY))];
    kept.extend(beside.iter().map(|expr| (expr.schema_name().to_string(), expr.clone())));
    let shown: Vec<Expr> = kept.iter().map(|(name, _)| ident(name)).collect();
    let apart = apart::segment_id(&params.apart, &features)?;
    let is_apart = apart.is_some();
    kept.extend(apart.map(|id| (APART.to_owned(), id)));
    let found = if fitted.is_fitted() {
        let segmentation = Segmentation::load(fitted)?;
        matrix::check_columns(&features, &segmentation.scaling.names())?;
        let names: Vec<String> = kept.iter().map(|(name, _)| name.clone()).collect();
        let scaled = segmentation.scaling.project(features, kept)?;
        arithmetic::nearest_sql(scaled, &names, &segmentation.centroids)?
    } else {
        let unknown = lit(ScalarValue::Int64(None)).alias("segment_id");
        let exprs: Vec<Expr> =
            kept.into_iter().map(|(name, expr)| expr.alias(name)).chain([unknown]).collect();
        features.select(exprs).doing(DOING)?
    };
    let id = match is_apart {
        true => when(ident(APART).is_not_null(), ident(APART)).otherwise(ident("segment_id")).doing(DOING)?,
        false => ident("segment_id"),
    };
    let numbered = found
        .select(shown.iter().cloned().chain([id.alias("segment_id")]).collect::<Vec<_>>())
        .doing(DOING)?;
    let name = name_of(&segments(fitted, params)?)?.alias("segment_name");
    numbered.select(shown.into_iter().chain([ident("segment_id"), name]).collect::<Vec<_>>()).doing(DOING)
}

/// Returns the number and the name of each segment, also of one that holds nobody tonight.
///
/// # Errors
/// A model that lacks a part.
pub(super) fn segments(fitted: &FittedModel, params: &SegmentParams) -> Result<Vec<(i64, String)>> {
    let mut all = Vec::new();
    if fitted.is_fitted() {
        all.extend((1..).zip(Segmentation::load(fitted)?.named.into_iter().map(|named| named.name)));
    }
    all.extend(apart::numbered(&params.apart).map(|(id, name)| (id, name.to_owned())));
    Ok(all)
}

fn name_of(segments: &[(i64, String)]) -> Result<Expr> {
    let mut cases = segments.iter().map(|(id, name)| (ident("segment_id").eq(lit(*id)), lit(name.as_str())));
    let Some((first, name)) = cases.next() else { return Ok(lit(ScalarValue::Utf8(None))) };
    let mut case = when(first, name);
    for (is_it, name) in cases {
        case = case.when(is_it, name);
    }
    case.end().doing(DOING)
}
