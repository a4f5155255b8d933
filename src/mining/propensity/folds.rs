//! k-fold figures: every labelled customer is judged once, by a model of the others.
//!
//! Folds are stratified: the customers for whom the outcome came are dealt out in the order of a hash of their id,
//! then the others, so that each fold has its share of both, the same one in every run over the same customers.

use super::calibrate::calibrator;
use super::declaration::PropensityParams;
use super::rows::Stacked;
use super::trees;
use crate::mining::calibration::Calibration;
use crate::mining::fit_error::FitResult;
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::matrix::Key;
use crate::mining::metrics;
use crate::mining::regression::learn;

/// Writes down AUC, Brier score and lift of the top tenth of each fold, their means, and their standard deviations;
/// scores are those of the champion, a regression's calibrated by `method`. Where there are fewer of one outcome than
/// folds, a remark says that there are none.
pub(super) fn judge(
    fitted: &mut FittedModel,
    params: &PropensityParams,
    customers: &Stacked,
    (folds, method, by_trees): (usize, Calibration, bool),
) -> FitResult<()> {
    let outcomes = &customers.outcomes;
    let with = outcomes.iter().filter(|outcome| **outcome).count();
    let fewest = with.min(outcomes.len() - with);
    if fewest < folds {
        fitted.remark(format!(
            "there are no figures of {folds} folds: of one outcome there are {fewest} customers"
        ));
        return Ok(());
    }
    let fold_of = dealt(&customers.features.keys, outcomes, folds);
    let mut figures: [(&str, Vec<f64>); 3] =
        [("auc", Vec::new()), ("brier", Vec::new()), ("top_decile_lift", Vec::new())];
    for fold in 0..folds {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..outcomes.len()).partition(|&row| fold_of[row] == fold);
        let (others, tested) = (customers.select(&train), customers.select(&test));
        let scores = if by_trees {
            trees::learn(params, &others)?.chances(&tested.features)
        } else {
            let learnt = learn(params.regression(), &others.features, &others.outcomes)?;
            calibrator(params, &others, method)?.apply_to(learnt.log_odds(&tested.features))
        };
        let outcomes = tested.outcomes;
        let found = [
            metrics::auc(&scores, &outcomes),
            metrics::brier(&scores, &outcomes),
            metrics::top_decile_lift(&scores, &outcomes),
        ];
        for ((name, values), figure) in figures.iter_mut().zip(found) {
            let Some(figure) = figure else { continue };
            values.push(figure);
            fitted.set(Part::Metric, &format!("{name}_of_fold"), fold as i64 + 1, figure);
        }
    }
    for (name, values) in figures {
        let (mean, sd) = mean_and_sd(&values);
        fitted.set(Part::Metric, &format!("{name}_of_folds"), 0, mean);
        fitted.set(Part::Metric, &format!("{name}_of_folds_sd"), 0, sd);
    }
    Ok(())
}

/// The fold of each row.
fn dealt(keys: &[Key], outcomes: &[bool], folds: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    order.sort_by(|&a, &b| {
        let by_hash = keys[a].hash().cmp(&keys[b].hash()).then_with(|| keys[a].cmp(&keys[b]));
        outcomes[b].cmp(&outcomes[a]).then(by_hash)
    });
    let mut fold_of = vec![0; keys.len()];
    order.iter().enumerate().for_each(|(place, &row)| fold_of[row] = place % folds);
    fold_of
}

/// The standard deviation is that of a sample.
fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fold_has_its_share_of_both_outcomes_whatever_the_order_of_the_rows() {
        let keys: Vec<Key> = (0..103).map(Key::Number).collect();
        let outcomes: Vec<bool> = (0..103).map(|n| n % 5 == 0).collect();
        let fold_of = dealt(&keys, &outcomes, 10);
        for fold in 0..10 {
            let of_fold = |outcome: bool| {
                (0..103).filter(|&row| fold_of[row] == fold && outcomes[row] == outcome).count()
            };
            assert!((2..=3).contains(&of_fold(true)) && (8..=9).contains(&of_fold(false)), "{fold_of:?}");
        }
        let turned: Vec<Key> = keys.iter().rev().cloned().collect();
        let mut again = dealt(&turned, &outcomes.iter().rev().copied().collect::<Vec<_>>(), 10);
        again.reverse();
        assert_eq!(again, fold_of);
    }

    #[test]
    fn the_spread_is_that_of_a_sample() {
        // statistics.mean and statistics.stdev of [1, 2, 4].
        let (mean, sd) = mean_and_sd(&[1.0, 2.0, 4.0]);
        assert!((mean - 7.0 / 3.0).abs() < 1e-12 && (sd - 1.5275252316519468).abs() < 1e-12);
    }
}
