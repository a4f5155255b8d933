//! How a propensity's scores are made chances: by customers of whom the regression had not learnt.
//!
//! Every customer is scored by a regression of the other parts of the customers, at all cut-offs; what makes chances of
//! scores is then learnt on the latest cut-off, or, where the features carry their label, on everybody. So a regression
//! of several cut-offs is brought to the latest of them, with the same share of it in what was learnt. The method is
//! chosen before the hold-out is looked at, on the last cut-off learnt from.

use super::declaration::PropensityParams;
use super::rows::Stacked;
use crate::mining::calibration::{Calibration, Calibrator, Scored};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::matrix::Key;
use crate::mining::regression::learn;

const PARTS: u64 = 3;
/// By other digits of the hash than those by which labelled customers are held out.
const DIGITS: u64 = 100;

/// Returns the method declared, or the one that does best on the last customers learnt from; and what makes chances of
/// the scores of a regression of these. Writes down how each did.
pub(super) fn method(
    fitted: &mut FittedModel,
    params: &PropensityParams,
    training: &Stacked,
) -> FitResult<(Calibration, Calibrator)> {
    if params.calibration != Calibration::Chosen {
        return Ok((params.calibration, calibrator(params, training, params.calibration)?));
    }
    let scored = in_turn(params, training)?;
    let Some(choice) = scored.choose() else {
        let reason = "fewer than 20 customers of either outcome in a half of those who could show how";
        fitted.note(Part::Metric, "not_calibrated", 0, reason);
        return Ok((Calibration::None, Calibrator::Identity));
    };
    for ((method, log_loss), position) in choice.log_losses.iter().zip(1_i64..) {
        fitted.set(Part::Metric, "calibration_log_loss", position, *log_loss);
        fitted.note(Part::Metric, "calibration_log_loss", position, method.to_string());
    }
    Ok((choice.method, Calibrator::fit(choice.method, &scored)))
}

/// Returns what makes chances of the scores of a regression of these customers.
pub(super) fn calibrator(
    params: &PropensityParams,
    customers: &Stacked,
    method: Calibration,
) -> FitResult<Calibrator> {
    match method {
        Calibration::None => Ok(Calibrator::Identity),
        method => Ok(Calibrator::fit(method, &in_turn(params, customers)?)),
    }
}

/// Scores of the customers of the latest cut-off, each by a regression of the other parts of all. A customer is in one
/// part, however many cut-offs she stands in. Parts whose others cannot be learnt from give no scores.
fn in_turn(params: &PropensityParams, customers: &Stacked) -> FitResult<Scored> {
    let Stacked { features, outcomes, latest_from } = customers;
    let mut all = Scored::default();
    for part in 0..PARTS {
        let (test, train): (Vec<usize>, Vec<usize>) =
            (0..outcomes.len()).partition(|&row| (features.keys[row].hash() / DIGITS) % PARTS == part);
        let test: Vec<usize> = test.into_iter().filter(|row| row >= latest_from).collect();
        if test.is_empty() {
            continue;
        }
        let (taught, tested) = (customers.select(&train), customers.select(&test));
        let learnt = match learn(params.regression(), &taught.features, &taught.outcomes) {
            Ok(learnt) => learnt,
            Err(FitError::NotFitted(_)) => continue,
            Err(error) => return Err(error),
        };
        all.log_odds.extend(learnt.log_odds(&tested.features));
        all.in_first_half.extend(tested.features.keys.iter().map(in_first_half));
        all.outcomes.extend(tested.outcomes);
    }
    Ok(all)
}

/// By other digits of the hash than those that part the customers.
fn in_first_half(key: &Key) -> bool {
    (key.hash() / DIGITS / PARTS).is_multiple_of(2)
}
