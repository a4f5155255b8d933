//! A regression on features as they are: texts by their levels, numbers scaled, and the weights of both.

use super::declaration::PropensityParams;
use crate::mining::collinearity::Correlations;
use crate::mining::fit_error::FitResult;
use crate::mining::logistic::{self, Logistic};
use crate::mining::matrix::Matrix;
use crate::mining::one_hot::OneHot;
use crate::mining::scaling::{Rare, Scaling};

/// A regression, what its rows went through, and the columns that do not vary.
pub(super) struct Learnt {
    pub logistic: Logistic,
    pub one_hot: OneHot,
    pub scaling: Scaling,
    pub dropped: Vec<String>,
    pub repeats: Correlations,
}

impl Learnt {
    /// Returns the log-odds of each customer.
    pub fn log_odds(&self, rows: &Matrix) -> Vec<f64> {
        self.logistic.log_odds(&self.scaling.apply(&self.one_hot.apply(rows)))
    }
}

/// Learns the outcomes of these customers.
pub(super) fn learn(params: &PropensityParams, rows: &Matrix, outcomes: &[bool]) -> FitResult<Learnt> {
    let one_hot = OneHot::fit(rows, params.level_floor);
    let (declared, numbers) = (one_hot.expanded(&params.columns), one_hot.apply(rows));
    let (scaling, dropped) = Scaling::fit(&declared, &numbers, params.winsorise, Rare::Keep);
    let scaled = scaling.apply(&numbers);
    let logistic = logistic::fit(&scaled, outcomes, params.alpha)?;
    Ok(Learnt { logistic, one_hot, scaling, dropped, repeats: Correlations::of(&scaled) })
}
