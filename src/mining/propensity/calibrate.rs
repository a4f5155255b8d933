//! How a propensity's scores are made chances: by customers of whom the regression had not learnt.
//!
//! Every customer is scored by a regression of the other parts of the customers, at all cut-offs; what makes chances of
//! scores is then learnt on the latest cut-off, or, where the features carry their label, on everybody. So a regression
//! of several cut-offs is brought to the latest of them, with the same share of it in what was learnt. The method is
//! chosen before the hold-out is looked at, on the last cut-off learnt from.

use super::declaration::PropensityParams;
use super::regression::learn;
use super::rows::{Rows, stack};
use crate::mining::calibration::{Calibration, Calibrator, Scored};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::matrix::{Key, Matrix};

const PARTS: u64 = 3;
/// By other digits of the hash than those by which labelled customers are held out.
const DIGITS: u64 = 100;

/// Returns the method declared, or the one that does best on the last customers learnt from; and the scores that it
/// was chosen on. Writes down how each did.
pub(super) fn method(
    fitted: &mut FittedModel,
    params: &PropensityParams,
    training: &[&Rows],
) -> FitResult<(Calibration, Scored)> {
    if params.calibration == Calibration::None {
        return Ok((Calibration::None, Scored::default()));
    }
    let scored = of_latest(params, training)?;
    if params.calibration != Calibration::Chosen {
        return Ok((params.calibration, scored));
    }
    let Some(choice) = scored.choose() else {
        let reason = "fewer than 20 customers of either outcome in a half of those who could show how";
        fitted.note(Part::Metric, "not_calibrated", 0, reason);
        return Ok((Calibration::None, scored));
    };
    for ((method, log_loss), position) in choice.log_losses.iter().zip(1_i64..) {
        fitted.set(Part::Metric, "calibration_log_loss", position, *log_loss);
        fitted.note(Part::Metric, "calibration_log_loss", position, method.to_string());
    }
    Ok((choice.method, scored))
}

/// Returns what makes chances of the scores of a regression of these customers.
pub(super) fn calibrator(
    params: &PropensityParams,
    all: &[&Rows],
    method: Calibration,
) -> FitResult<Calibrator> {
    match method {
        Calibration::None => Ok(Calibrator::Identity),
        method => Ok(Calibrator::fit(method, &of_latest(params, all)?)),
    }
}

/// Returns what makes chances of the scores of a regression of customers whose features carry their label.
pub(super) fn of_everybody(
    params: &PropensityParams,
    rows: &Matrix,
    outcomes: &[bool],
    method: Calibration,
) -> FitResult<Calibrator> {
    match method {
        Calibration::None => Ok(Calibrator::Identity),
        method => Ok(Calibrator::fit(method, &in_turn(params, rows, outcomes, 0)?)),
    }
}

/// Scores of the latest of these cut-offs.
fn of_latest(params: &PropensityParams, cutoffs: &[&Rows]) -> FitResult<Scored> {
    let (rows, outcomes) = stack(cutoffs)?;
    let latest = cutoffs.last().map_or(0, |rows| rows.outcomes.len());
    in_turn(params, &rows, &outcomes, outcomes.len() - latest)
}

/// Scores of the rows from some place on, each by a regression of the other parts of all rows. A customer is in one
/// part, however many cut-offs she stands in. Parts whose others cannot be learnt from give no scores.
fn in_turn(params: &PropensityParams, rows: &Matrix, outcomes: &[bool], from: usize) -> FitResult<Scored> {
    let mut all = Scored::default();
    for part in 0..PARTS {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..outcomes.len()).partition(|&row| (rows.keys[row].hash() / DIGITS) % PARTS == part);
        let test: Vec<usize> = test.into_iter().filter(|row| *row >= from).collect();
        let of = |picked: &[usize]| picked.iter().map(|&row| outcomes[row]).collect::<Vec<_>>();
        if test.is_empty() {
            continue;
        }
        let learnt = match learn(params, &rows.select(&train), &of(&train)) {
            Ok(learnt) => learnt,
            Err(FitError::NotFitted(_)) => continue,
            Err(error) => return Err(error),
        };
        let tested = rows.select(&test);
        all.log_odds.extend(learnt.log_odds(&tested));
        all.outcomes.extend(of(&test));
        all.in_first_half.extend(tested.keys.iter().map(in_first_half));
    }
    Ok(all)
}

/// By other digits of the hash than those that part the customers.
fn in_first_half(key: &Key) -> bool {
    (key.hash() / DIGITS / PARTS).is_multiple_of(2)
}
