//! Trees on features as they are: texts by their levels, numbers by their bins, and what makes chances of their scores.
//!
//! How many trees is found on a fifth of the customers, who are not learnt from; the same fifth, at the latest cut-off,
//! shows what makes chances of the scores. Then all are learnt from.

use ndarray::{Array2, Axis};

use super::declaration::PropensityParams;
use super::rows::Stacked;
use crate::mining::boosting::{self, BoostedTrees};
use crate::mining::calibration::{Calibration, Calibrator, Scored};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::matrix::Matrix;
use crate::mining::one_hot::OneHot;

/// Of more customers a sample is learnt from.
const MOST_ROWS: usize = 20_000;
const PARTS: u64 = 5;
/// By other digits of the hash than those by which labelled customers are held out.
const DIGITS: u64 = 100;

/// Trees, and what their rows went through.
pub(super) struct LearntTrees {
    pub one_hot: OneHot,
    /// What the trees read, by number.
    pub columns: Vec<String>,
    pub trees: BoostedTrees,
    pub calibrator: Calibrator,
}

impl LearntTrees {
    /// Returns the chance of each customer.
    pub fn chances(&self, rows: &Matrix) -> Vec<f64> {
        let numbers = self.one_hot.apply(rows).values;
        self.calibrator.apply_to(numbers.rows().into_iter().map(|row| self.trees.log_odds(row)).collect())
    }

    /// Returns how far each column moves the log-odds of these customers, on average.
    pub fn importance(&self, rows: &Matrix) -> Vec<f64> {
        let numbers = self.one_hot.apply(rows).values;
        let (mut sums, mut added) = (vec![0.0; numbers.ncols()], vec![0.0; numbers.ncols()]);
        for row in numbers.rows() {
            self.trees.contributions(row, &mut added);
            sums.iter_mut().zip(&added).for_each(|(sum, added)| *sum += added.abs());
        }
        sums.iter().map(|sum| sum / numbers.nrows().max(1) as f64).collect()
    }
}

/// Learns the outcomes of these customers.
pub(super) fn learn(params: &PropensityParams, customers: &Stacked) -> FitResult<LearntTrees> {
    let Stacked { features: rows, outcomes, latest_from } = customers;
    let one_hot = OneHot::fit(rows, params.level_floor);
    let numbers = one_hot.apply(rows);
    let hash = |row: usize| rows.keys[row].hash() / DIGITS;
    let every = rows.rows().div_ceil(MOST_ROWS).max(1) as u64;
    let (apart, learnt): (Vec<usize>, Vec<usize>) = (0..rows.rows())
        .filter(|row| (hash(*row) / PARTS).is_multiple_of(every))
        .partition(|row| hash(*row).is_multiple_of(PARTS));
    let of = |picked: &[usize]| -> (Array2<f64>, Vec<bool>) {
        let outcomes = picked.iter().map(|&row| outcomes[row]).collect();
        (numbers.values.select(Axis(0), picked), outcomes)
    };
    let ((values, of_learnt), (others, of_others)) = (of(&learnt), of(&apart));
    let (count, log_odds) = boosting::number_of_trees((&values, &of_learnt), (&others, &of_others))?;
    if count == 0 {
        return Err(FitError::NotFitted(
            "no tree does better than the mean on customers not learnt from".to_owned(),
        ));
    }
    let mut scored = Scored::default();
    for (place, &row) in apart.iter().enumerate().filter(|(_, row)| *row >= latest_from) {
        scored.log_odds.push(log_odds[place]);
        scored.outcomes.push(outcomes[row]);
        scored.in_first_half.push((hash(row) / PARTS / every).is_multiple_of(2));
    }
    let method = match params.calibration {
        Calibration::Chosen => scored.choose().map_or(Calibration::None, |choice| choice.method),
        declared => declared,
    };
    let calibrator = Calibrator::fit(method, &scored);
    let mut all = [learnt, apart].concat();
    all.sort_unstable();
    let (values, outcomes) = of(&all);
    let trees = boosting::fit(&values, &outcomes, count)?;
    Ok(LearntTrees { one_hot, columns: numbers.columns, trees, calibrator })
}
