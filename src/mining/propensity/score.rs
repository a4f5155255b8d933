//! A fitted propensity over any number of customers: a regression as SQL arithmetic, trees as a function of SQL. Either
//! streams and spills nothing.

use datafusion::functions_nested::expr_fn::array_element;
use datafusion::logical_expr::{Expr, ident, lit, when};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::challenger::CHAMPION;
use super::declaration::{Learner, PropensityParams};
use super::reasons::Reasons;
use super::scorer::Scorer;
use super::trees_scorer::TreesScorer;
use crate::error::{Context, Result};
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::{KEY, condition, matrix, score as arithmetic};

/// Whether a customer is scored, in the projections of scoring.
const SCORED: &str = "__scored";
/// The reasons together, in the projections of scoring.
const REASONS: &str = "__reasons";

/// Returns the score of every customer: `customer_id`; under the name `<called>_probability` the probability as
/// Float64; and why, as `<called>_reason_1` and so on. All are null where the SQL condition over the features who is
/// scored is not true, or the model is not fitted. Rows come in no order.
///
/// # Errors
/// Features that lack a column, a condition that does not fit them.
pub(super) fn score(
    fitted: &FittedModel,
    features: DataFrame,
    called: &str,
    params: &PropensityParams,
) -> Result<DataFrame> {
    let doing = "write the score as SQL";
    let probability = format!("{called}_probability");
    let reason = |position: usize| format!("{called}_reason_{position}");
    if !fitted.is_fitted() {
        let unknown = lit(ScalarValue::Float64(None)).alias(probability);
        let no_reasons = (1..=params.reasons).map(|n| lit(ScalarValue::Utf8(None)).alias(reason(n)));
        return features.select([ident(KEY).alias(KEY), unknown].into_iter().chain(no_reasons)).doing(doing);
    }
    let Scoring { frame, chance, reasons } = Scoring::of(fitted, features, params)?;
    let where_scored = |value: Expr| when(ident(SCORED), value).end().doing(doing);
    let mut picked = vec![ident(KEY), where_scored(chance)?.alias(&probability)];
    let Some(reasons) = reasons else { return frame.select(picked).doing(doing) };
    picked.push(where_scored(reasons)?.alias(REASONS));
    let with_reasons = frame.select(picked).doing(doing)?;
    let taken_out =
        (1..=params.reasons).map(|n| array_element(ident(REASONS), lit(n as i64)).alias(reason(n)));
    with_reasons.select([ident(KEY), ident(&probability)].into_iter().chain(taken_out)).doing(doing)
}

/// A frame with the customer's key, whether she is scored, and what the expressions read.
struct Scoring {
    frame: DataFrame,
    chance: Expr,
    reasons: Option<Expr>,
}

impl Scoring {
    fn of(fitted: &FittedModel, features: DataFrame, params: &PropensityParams) -> Result<Scoring> {
        let regression = Scorer::load(fitted)?;
        let is_scored = match params.scored_when() {
            Some(condition) => condition::over(&features, condition, "who is scored")?,
            None => lit(true),
        };
        let mut kept = vec![(KEY.to_owned(), ident(KEY)), (SCORED.to_owned(), is_scored)];
        let types = features.schema().clone();
        if fitted.text(Part::Parameter, CHAMPION, 0) == Some(Learner::Trees.to_string().as_str()) {
            let trees = TreesScorer::load(fitted)?;
            let reasons = Reasons::of_trees(&trees, &regression.scaling, params, &types);
            let features = trees.one_hot.project(features)?;
            matrix::check_columns(&features, &trees.columns)?;
            kept.extend(reasons.iter().flat_map(Reasons::kept));
            let frame = trees.project(features, kept)?;
            let chance = trees.calibrator.sql(trees.sql());
            return Ok(Scoring { frame, chance, reasons: reasons.map(|reasons| reasons.sql()) });
        }
        let reasons = Reasons::of_regression(&regression, params, &types);
        let features = regression.one_hot.project(features)?;
        matrix::check_columns(&features, &regression.scaling.names())?;
        kept.extend(reasons.iter().flat_map(Reasons::kept));
        let frame = regression.scaling.project(features, kept)?;
        let log_odds = arithmetic::linear_sql(regression.intercept, &regression.weights);
        let chance = regression.calibrator.sql(log_odds);
        Ok(Scoring { frame, chance, reasons: reasons.map(|reasons| reasons.sql()) })
    }
}
