//! A fitted propensity as SQL: a logistic score is arithmetic, so scoring streams and spills nothing.

use datafusion::functions::expr_fn::exp;
use datafusion::logical_expr::{Expr, ident, lit, when};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use crate::error::{Context, Error, Result};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::one_hot::OneHot;
use crate::mining::scaling::Scaling;
use crate::mining::{KEY, condition, matrix, score as arithmetic};

/// Returns the score of every customer: `customer_id` and, under the name `called`, the probability as
/// Float64, null where the SQL condition `scored_when` over the features is not true or the model is not
/// fitted. Rows come in no order.
///
/// # Errors
/// Features that lack a column, a condition that does not fit them.
pub(super) fn score(
    fitted: &FittedModel,
    features: DataFrame,
    called: &str,
    scored_when: Option<&str>,
) -> Result<DataFrame> {
    let doing = "write the score as SQL";
    let unknown = lit(ScalarValue::Float64(None));
    if !fitted.is_fitted() {
        return features.select(vec![ident(KEY).alias(KEY), unknown.alias(called)]).doing(doing);
    }
    let scorer = Scorer::load(fitted)?;
    let features = scorer.one_hot.project(features)?;
    matrix::check_columns(&features, &scorer.scaling.names())?;
    let mut kept = vec![(KEY.to_owned(), ident(KEY))];
    if let Some(condition) = scored_when {
        let condition = condition::over(&features, condition, "who is scored")?;
        kept.push(("__scored".to_owned(), condition));
    }
    let scaled_frame = scorer.scaling.project(features, kept)?;
    let log_odds = arithmetic::linear_sql(scorer.intercept, &scorer.weights);
    let probability = lit(1.0) / (lit(1.0) + exp(-log_odds));
    let probability: Expr = match scored_when {
        Some(_) => when(ident("__scored"), probability).end().doing(doing)?,
        None => probability,
    };
    scaled_frame.select(vec![ident(KEY), probability.alias(called)]).doing(doing)
}

/// What scoring needs of a fitted propensity.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scorer {
    pub one_hot: OneHot,
    pub scaling: Scaling,
    pub intercept: f64,
    pub weights: Vec<f64>,
}

impl Scorer {
    pub fn store(&self, fitted: &mut FittedModel) {
        self.one_hot.store(fitted);
        self.scaling.store(fitted);
        fitted.set(Part::Parameter, "intercept", 0, self.intercept);
        for (index, (weight, scale)) in self.weights.iter().zip(&self.scaling.columns).enumerate() {
            let position = index as i64 + 1;
            fitted.set(Part::Parameter, "coefficient", position, *weight);
            // Beside the number, for readers of the table.
            fitted.note(Part::Parameter, "coefficient", position, scale.column.as_str());
        }
    }

    pub fn load(fitted: &FittedModel) -> Result<Self> {
        if fitted.kind() != ModelKind::Propensity {
            return Err(Error::failed(format!("the fitted model `{}` is no propensity", fitted.model())));
        }
        let scaling = Scaling::load(fitted)?;
        let weights = (1..=scaling.columns.len() as i64)
            .map(|position| fitted.parameter("coefficient", position))
            .collect::<Result<_>>()?;
        Ok(Scorer {
            one_hot: OneHot::load(fitted),
            scaling,
            intercept: fitted.parameter("intercept", 0)?,
            weights,
        })
    }
}
