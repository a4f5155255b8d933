//! The challenger: trees beside the regression, on the same hold-out, and which of the two is the champion.
//!
//! At every fit both are judged. The champion, the regression at first, is replaced only where the other is better on
//! the same resamples of the hold-out: in 95 of 100 the area under the ROC curve is larger, and the Brier score is not
//! clearly larger. The run says so, whichever way it went.

use super::declaration::{Learner, PropensityParams};
use super::rows::{Rows, Stacked};
use super::trees::{self, LearntTrees};
use super::trees_scorer::TreesScorer;
use crate::mining::bootstrap;
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::matrix::Matrix;
use crate::mining::metrics;

/// The parameter that says which of the two scores.
pub(super) const CHAMPION: &str = "champion";

/// Judges the trees beside the regression, whose scores of the hold-out are given. Returns the trees where they are the
/// champion.
pub(super) fn judge(
    fitted: &mut FittedModel,
    params: &PropensityParams,
    training: &Stacked,
    (held_out, scores): (&Rows, &[f64]),
    last: Option<&FittedModel>,
) -> FitResult<Option<LearntTrees>> {
    if params.learner == Learner::Logistic {
        return Ok(None);
    }
    let Some(trees) = learn(fitted, params, training)? else { return Ok(None) };
    let of_trees = trees.chances(&held_out.features);
    let outcomes = &held_out.outcomes;
    for (learner, scores) in [(Learner::Logistic, scores), (Learner::Trees, of_trees.as_slice())] {
        for (figure, value) in [
            ("auc", metrics::auc(scores, outcomes)),
            ("brier", metrics::brier(scores, outcomes)),
            ("top_decile_lift", metrics::top_decile_lift(scores, outcomes)),
        ] {
            let Some(value) = value else { continue };
            fitted.set(Part::Metric, &format!("{figure}_of_{learner}"), 0, value);
        }
    }
    let champion = match params.learner {
        Learner::Champion => champion(fitted, (scores, &of_trees), outcomes, of_last_fit(last)),
        declared => declared,
    };
    Ok((champion == Learner::Trees).then_some(trees))
}

/// Learns the trees of these customers; where there are none, `no_trees` says why.
pub(super) fn learn(
    fitted: &mut FittedModel,
    params: &PropensityParams,
    customers: &Stacked,
) -> FitResult<Option<LearntTrees>> {
    match trees::learn(params, customers) {
        Ok(trees) => Ok(Some(trees)),
        Err(FitError::NotFitted(reason)) => {
            fitted.note(Part::Metric, "no_trees", 0, reason);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn of_last_fit(last: Option<&FittedModel>) -> Learner {
    match last.and_then(|last| last.text(Part::Parameter, CHAMPION, 0)) {
        Some(name) if name == Learner::Trees.to_string() => Learner::Trees,
        _ => Learner::Logistic,
    }
}

fn champion(
    fitted: &mut FittedModel,
    (of_regression, of_trees): (&[f64], &[f64]),
    outcomes: &[bool],
    holder: Learner,
) -> Learner {
    let (holding, challenging, challenger) = match holder {
        Learner::Trees => (of_trees, of_regression, Learner::Logistic),
        _ => (of_regression, of_trees, Learner::Trees),
    };
    let better = bootstrap::differences(challenging, holding, outcomes);
    let (Some((low, high)), Some((brier_low, _))) = (better.auc, better.brier) else { return holder };
    for (name, value) in [("challenger_auc_gain_low", low), ("challenger_auc_gain_high", high)] {
        fitted.set(Part::Metric, name, 0, value);
    }
    // The Brier score is clearly larger where all of the interval is above 0.
    if low <= 0.0 || brier_low > 0.0 {
        return holder;
    }
    let figure = |learner: Learner| fitted.metric(&format!("auc_of_{learner}")).unwrap_or(f64::NAN);
    let remark = format!(
        "{challenger} replaces {holder}: on the hold-out AUC {:.3} against {:.3}, larger by {low:.3} to {high:.3} in 95 \
         of 100 resamples (learner = \"{holder}\" keeps it)",
        figure(challenger),
        figure(holder)
    );
    fitted.remark(remark);
    challenger
}

/// Writes down which of the two scores and, of trees, how far each column moves the log-odds on average.
pub(super) fn store(fitted: &mut FittedModel, trees: Option<&LearntTrees>, rows: &Matrix) {
    let champion = if trees.is_some() { Learner::Trees } else { Learner::Logistic };
    fitted.note(Part::Parameter, CHAMPION, 0, champion.to_string());
    let Some(trees) = trees else { return };
    TreesScorer::store(trees, fitted);
    for ((column, moves), position) in trees.columns.iter().zip(trees.importance(rows)).zip(1_i64..) {
        fitted.set(Part::Coefficient, "importance", position, moves);
        fitted.note(Part::Coefficient, "importance", position, column.as_str());
    }
}
