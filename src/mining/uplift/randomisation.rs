//! Whether a campaign was an experiment: whether chance alone decided who was contacted.
//!
//! Where the features predict who was contacted, those kept back are other people, and what the groups differ by is not
//! what the contact did. Who was contacted is predicted for each half of the customers by a regression of the other half.
//! The area under the ROC curve of that is about .5 where chance decided, with the standard error of the Mann-Whitney
//! statistic.

use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::matrix::Matrix;
use crate::mining::metrics;
use crate::mining::regression::{self, Preprocessor, RegressionParams};

use super::learner::Trials;

/// An area above this, and beyond what chance makes of it, is of no experiment.
const PREDICTABLE: f64 = 0.55;
/// Standard errors beyond which nothing is chance, however many columns and campaigns are looked at.
const BEYOND_CHANCE: f64 = 4.0;
/// Standardised differences below this are called negligible (Austin 2009).
const NEGLIGIBLE: f64 = 0.1;

/// How alike the groups of a campaign are.
#[derive(Debug, Clone, PartialEq)]
pub struct Balance {
    /// How well the features predict who was contacted; `None` where there are too few customers.
    pub auc: Option<f64>,
    /// Its standard error where chance alone decided.
    pub auc_error: f64,
    /// The standardised difference of each column that varies.
    pub differences: Vec<(String, f64)>,
    /// The standard error of a difference where chance alone decided.
    pub difference_error: f64,
}

impl Balance {
    /// Looks at the groups of one campaign.
    ///
    /// # Errors
    /// Features that are no numbers after all.
    pub fn of(params: RegressionParams, trials: &Trials) -> FitResult<Balance> {
        let treated = trials.treated.iter().filter(|treated| **treated).count() as f64;
        let control = trials.treated.len() as f64 - treated;
        let auc_error = ((treated + control + 1.0) / (12.0 * treated * control)).sqrt();
        let (preprocessor, scaled) = Preprocessor::fit(params, &trials.features);
        let columns = preprocessor.scaling.names().into_iter().zip(scaled.columns());
        let differences = columns
            .map(|(name, column)| (name, standardised_difference(column.iter().copied(), &trials.treated)))
            .collect();
        Ok(Balance {
            auc: auc(params, trials)?,
            auc_error,
            differences,
            difference_error: (1.0 / treated + 1.0 / control).sqrt(),
        })
    }

    /// Returns why this was no experiment; `None` where it may have been one.
    pub fn why_no_experiment(&self) -> Option<String> {
        let auc = self.auc.filter(|auc| *auc >= PREDICTABLE && self.is_beyond_chance(*auc))?;
        Some(format!(
            "who was contacted can be told from the features (AUC {auc:.2}, .50 where chance decides; {}): this was no \
             experiment, and what the groups differ by is not what the contact did",
            self.largest()
                .map(|(column, difference)| format!(
                    "`{column}` differs by {difference:.2} standard \
             deviations"
                ))
                .unwrap_or_default()
        ))
    }

    /// Returns what is to be looked at where it may have been an experiment all the same.
    pub fn warning(&self) -> Option<String> {
        if let Some(auc) = self.auc.filter(|auc| self.is_beyond_chance(*auc)) {
            return Some(format!("who was contacted can be told a little from the features (AUC {auc:.3})"));
        }
        let (column, difference) = self.largest()?;
        let is_large =
            difference.abs() > NEGLIGIBLE && difference.abs() > BEYOND_CHANCE * self.difference_error;
        is_large.then(|| {
            format!(
                "in `{column}` the groups differ by {difference:.2} standard deviations, more than by chance"
            )
        })
    }

    /// Returns the column in which the groups differ most, and by how many standard deviations.
    pub fn largest(&self) -> Option<(&str, f64)> {
        let by_size = |a: &&(String, f64), b: &&(String, f64)| a.1.abs().total_cmp(&b.1.abs());
        self.differences.iter().max_by(by_size).map(|(column, difference)| (column.as_str(), *difference))
    }

    fn is_beyond_chance(&self, auc: f64) -> bool {
        auc - 0.5 > BEYOND_CHANCE * self.auc_error
    }
}

/// The difference of the means in units of the root of the mean variance of the groups.
fn standardised_difference(values: impl Iterator<Item = f64>, treated: &[bool]) -> f64 {
    let mut groups = [(0.0, 0.0, 0.0); 2];
    for (value, treated) in values.zip(treated) {
        let (count, sum, squares) = &mut groups[usize::from(*treated)];
        *count += 1.0;
        *sum += value;
        *squares += value * value;
    }
    let [control, contacted] = groups.map(|(count, sum, squares)| {
        let mean: f64 = sum / count;
        (mean, (squares / count - mean * mean).max(0.0))
    });
    let deviation = ((control.1 + contacted.1) / 2.0).sqrt();
    let difference: f64 = contacted.0 - control.0;
    if deviation > 0.0 { difference / deviation } else { 0.0 }
}

/// The area under the curve, each half predicted by the other; a hash of the customer's id says in which half.
fn auc(params: RegressionParams, trials: &Trials) -> FitResult<Option<f64>> {
    let half = |row: &usize| (trials.features.keys[*row].hash() / 2).is_multiple_of(2);
    let (one, other): (Vec<usize>, Vec<usize>) = (0..trials.treated.len()).partition(half);
    let mut scores = vec![0.0; trials.treated.len()];
    for (learnt_from, predicted) in [(&one, &other), (&other, &one)] {
        let treated: Vec<bool> = learnt_from.iter().map(|&row| trials.treated[row]).collect();
        let Some(scores_of_half) = predict(
            params,
            &trials.features.select(learnt_from),
            &treated,
            &trials.features.select(predicted),
        )?
        else {
            return Ok(None);
        };
        predicted.iter().zip(scores_of_half).for_each(|(&row, score)| scores[row] = score);
    }
    Ok(metrics::auc(&scores, &trials.treated))
}

/// Returns the log-odds of having been contacted; `None` where nothing can be learnt.
fn predict(
    params: RegressionParams,
    rows: &Matrix,
    treated: &[bool],
    others: &Matrix,
) -> FitResult<Option<Vec<f64>>> {
    match regression::learn(params, rows, treated) {
        Ok(learnt) => Ok(Some(learnt.log_odds(others))),
        Err(FitError::NotFitted(_)) => Ok(None),
        Err(failed) => Err(failed),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::mining::feature_column::FeatureColumn;
    use crate::mining::matrix::Key;
    use crate::mining::test_data::uniform;

    fn columns() -> Vec<FeatureColumn> {
        ["a", "b"].map(|column| FeatureColumn { column: column.into(), log: false }).into()
    }

    /// 1,000 customers, contacted the likelier the larger `a` is.
    fn trials(bias: f64) -> Trials {
        let u = uniform(3 * 1000, 9);
        let treated: Vec<bool> = (0..1000).map(|n| u[3 * n + 2] < 0.5 + bias * (u[3 * n] - 0.5)).collect();
        let features = Matrix {
            columns: vec!["a".into(), "b".into()],
            keys: (0..1000).map(Key::Number).collect(),
            values: Array2::from_shape_fn((1000, 2), |(row, column)| u[3 * row + column]),
            texts: vec![None; 2],
            seen: 1000,
        };
        Trials { features, outcomes: treated.clone(), treated_share: vec![0.5; 1000], treated }
    }

    fn balance(bias: f64) -> Balance {
        let columns = columns();
        let params = RegressionParams { columns: &columns, winsorise: 0.0, level_floor: 0.01, alpha: 1.0 };
        Balance::of(params, &trials(bias)).unwrap_or_else(|_| panic!("a failure"))
    }

    #[test]
    fn chance_is_an_experiment_and_a_choice_by_a_feature_is_none() {
        let (random, chosen) = (balance(0.0), balance(0.8));
        assert_eq!((random.why_no_experiment(), random.warning()), (None, None));
        assert!((random.auc.unwrap() - 0.5).abs() < 3.0 * random.auc_error, "{random:?}");
        let why = chosen.why_no_experiment().unwrap();
        assert!(why.contains("`a` differs by 0."), "{why}");
        assert_eq!(chosen.largest().unwrap().0, "a");
    }

    #[test]
    fn a_difference_is_in_standard_deviations() {
        // Means 1 and 3, variances 1 and 1.
        let values = [0.0, 2.0, 2.0, 4.0];
        let found = standardised_difference(values.into_iter(), &[false, false, true, true]);
        assert!((found - 2.0).abs() < 1e-12, "{found}");
    }

    #[test]
    fn a_few_customers_tell_nothing() {
        let columns = columns();
        let params = RegressionParams { columns: &columns, winsorise: 0.0, level_floor: 0.01, alpha: 1.0 };
        let all = trials(0.0);
        let few = Trials {
            features: all.features.select(&[0, 1]),
            treated: vec![true, false],
            outcomes: vec![true, false],
            treated_share: vec![0.5; 2],
        };
        let balance = Balance::of(params, &few).unwrap_or_else(|_| panic!("a failure"));
        assert_eq!(balance.auc, None);
    }
}
