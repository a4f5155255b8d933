//! A logistic regression on features as they are: texts by their levels, numbers scaled, and the weights of both.

use ndarray::Array2;

use super::feature_column::FeatureColumn;
use super::fit_error::FitResult;
use super::logistic::{self, Logistic};
use super::matrix::Matrix;
use super::one_hot::OneHot;
use super::scaling::{Rare, Scaling};

/// What a section says of its regression.
#[derive(Debug, Clone, Copy)]
pub struct RegressionParams<'a> {
    pub columns: &'a [FeatureColumn],
    pub winsorise: f64,
    pub level_floor: f64,
    pub alpha: f64,
}

/// What features go through before they are learnt from.
#[derive(Debug, Clone, PartialEq)]
pub struct Preprocessor {
    pub one_hot: OneHot,
    pub scaling: Scaling,
    /// The columns that do not vary.
    pub dropped: Vec<String>,
}

impl Preprocessor {
    /// Learns the levels of texts and the scales of numbers; returns them and the rows that have gone through.
    pub fn fit(params: RegressionParams, rows: &Matrix) -> (Preprocessor, Array2<f64>) {
        let one_hot = OneHot::fit(rows, params.level_floor);
        let (declared, numbers) = (one_hot.expanded(params.columns), one_hot.apply(rows));
        let (scaling, dropped) = Scaling::fit(&declared, &numbers, params.winsorise, Rare::Keep);
        let scaled = scaling.apply(&numbers);
        (Preprocessor { one_hot, scaling, dropped }, scaled)
    }

    /// Returns rows that have gone through.
    pub fn apply(&self, rows: &Matrix) -> Array2<f64> {
        self.scaling.apply(&self.one_hot.apply(rows))
    }
}

/// A regression, and what its rows go through.
pub struct Learnt {
    pub logistic: Logistic,
    pub preprocessor: Preprocessor,
}

impl Learnt {
    /// Returns the log-odds of each customer.
    pub fn log_odds(&self, rows: &Matrix) -> Vec<f64> {
        self.logistic.log_odds(&self.preprocessor.apply(rows))
    }
}

/// Learns the outcomes of these customers.
pub fn learn(params: RegressionParams, rows: &Matrix, outcomes: &[bool]) -> FitResult<Learnt> {
    let (preprocessor, scaled) = Preprocessor::fit(params, rows);
    Ok(Learnt { logistic: logistic::fit(&scaled, outcomes, params.alpha)?, preprocessor })
}
