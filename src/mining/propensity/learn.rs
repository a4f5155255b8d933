//! Learning who is likely to have an outcome: logistic regression on what was known before it.
//!
//! At each past cut-off the same features were evaluated that scoring uses today, and the outcome window
//! after it shows for whom the outcome came. The latest cut-off is held out: all figures (AUC, Brier,
//! calibration, lift) are those of a model fitted on the earlier ones only, and of these only on cut-offs
//! whose window was over at the hold-out. The model that scores is then fitted anew on all cut-offs, the
//! hold-out included, since the latest behaviour is the best teacher; it has no figures of its own. Who is
//! scored without being eligible is judged apart.
//!
//! Where the features carry their label there is no past: a fifth of the customers, by a hash of their id,
//! is held out.

use std::collections::BTreeMap;

use datafusion::prelude::DataFrame;
use ndarray::Axis;

use super::declaration::PropensityParams;
use super::judge::{report, report_campaign, report_not_eligible, set_counts};
use super::rows::{Rows, Stacked};
use super::scorer::Scorer;
use super::{calibrate, challenger, coefficients, folds};
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::mining::collinearity::Correlations;
use crate::mining::drift::{Bins, Counted, Reference};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::matrix::{self, Key, Kinds, Matrix};
use crate::mining::metrics;
use crate::mining::regression::{Learnt, Preprocessor, learn};
use crate::ops::holdout_scores::HoldoutScore;

/// The column that says for whom the outcome came.
pub(super) const OUTCOME: &str = "__outcome";
/// What the score is called among the columns whose drift is measured.
pub(super) const SCORE: &str = "score";
/// Of labelled customers one in so many is held out.
const HOLDOUT_IN: u64 = 5;

/// Customers with what came of them: `customer_id`, the features, and `__outcome` (boolean, or 0 and 1).
pub(super) enum Labelled {
    /// The eligible customers at past instants.
    Cutoffs(Vec<Rows>),
    /// Those of today whose label is known.
    Customers(DataFrame),
}

/// The eligible customers at a past instant, the features as of then, and their outcome, known since.
pub(super) struct LabelledCutoff {
    pub cutoff: Instant,
    /// When the outcome was known.
    pub window_end: Instant,
    pub frame: DataFrame,
    /// Those who are scored and not eligible, where the cut-off judges.
    pub not_eligible: Option<DataFrame>,
}

/// What is learnt from, and what the figures are taken on.
struct Samples {
    training: Vec<Rows>,
    held_out: Rows,
}

/// The texts of each column of text that somebody had who was learnt from.
pub(in crate::mining) type Seen = BTreeMap<String, Vec<String>>;

/// What a fit gives.
pub(super) struct Fit {
    pub fitted: FittedModel,
    pub seen: Seen,
    /// Whom the model was judged on.
    pub held_out: Vec<HoldoutScore>,
}

/// Learns who is likely to have the outcome; `previous` is the last model, whose bins of drift are kept. Too few rows, outcomes or cut-offs make a model that is
/// `not_fitted`.
///
/// # Errors
/// When the frame of labelled customers cannot be read, lacks a column, holds a customer twice or an unknown
/// outcome.
pub(super) async fn fit(
    model: &str,
    params: &PropensityParams,
    labelled: Labelled,
    previous: Option<FittedModel>,
) -> Result<Fit> {
    let samples = match labelled {
        Labelled::Cutoffs(past) => latest_held_out(past),
        Labelled::Customers(frame) => Some(held_apart(read(params, frame, params.sample).await?)),
    };
    let (name, params) = (model.to_owned(), params.clone());
    // Off the threads that other steps' streams run on.
    let fitted = tokio::task::spawn_blocking(move || fit_rows(&name, &params, samples, previous.as_ref()))
        .await
        .doing("learn who is likely to have the outcome")?;
    let (fitted, seen, held_out) = match fitted {
        Ok(Fit { fitted, seen, held_out }) => (Ok(fitted), seen, held_out),
        Err(error) => (Err(error), Seen::new(), Vec::new()),
    };
    Ok(Fit { fitted: FittedModel::of_fit(model, ModelKind::Propensity, fitted)?, seen, held_out })
}

impl LabelledCutoff {
    /// Reads the customers, a share of the sample: there are `cutoffs` of them.
    ///
    /// # Errors
    /// A frame that cannot be read, lacks a column, holds a customer twice or an unknown outcome.
    pub(super) async fn read(self, params: &PropensityParams, cutoffs: usize) -> Result<Rows> {
        let LabelledCutoff { cutoff, window_end, frame, not_eligible } = self;
        let most = params.sample.div_ceil(cutoffs.max(1));
        let place = || format!("cut-off {}", show_instant(cutoff));
        let rows = read(params, frame, most).await.map_err(|error| error.at(place()))?;
        let not_eligible = match not_eligible {
            Some(frame) => {
                let others = read(params, frame, most).await.map_err(|error| error.at(place()))?;
                Some((others.features, others.outcomes))
            }
            None => None,
        };
        Ok(Rows { window: Some((cutoff, window_end)), not_eligible, ..rows })
    }
}

/// Returns the cut-offs, the latest held out; `None` when there is none.
fn latest_held_out(mut past: Vec<Rows>) -> Option<Samples> {
    past.sort_by_key(|rows| rows.window);
    let held_out = past.pop()?;
    Some(Samples { training: past, held_out })
}

/// Holds a part of the customers out, the same ones every night.
fn held_apart(all: Rows) -> Samples {
    // A sample of customers is that of the smallest hashes; the remainder says nothing of the size.
    let is_held_out = |key: &Key| key.hash().is_multiple_of(HOLDOUT_IN);
    let (out, kept): (Vec<usize>, Vec<usize>) =
        (0..all.outcomes.len()).partition(|&row| is_held_out(&all.features.keys[row]));
    let of = |rows: &[usize]| Rows {
        window: None,
        features: all.features.select(rows),
        outcomes: rows.iter().map(|&row| all.outcomes[row]).collect(),
        not_eligible: None,
    };
    Samples { training: vec![of(&kept)], held_out: of(&out) }
}

async fn read(params: &PropensityParams, frame: DataFrame, most: usize) -> Result<Rows> {
    let mut columns: Vec<String> = params.columns.iter().map(|c| c.column.clone()).collect();
    columns.push(OUTCOME.to_owned());
    matrix::refuse_logarithms_of_text(&params.columns, &frame)?;
    let mut features = matrix::read_kinds(frame, &columns, most, Kinds::NumbersAndTexts).await?;
    let last = columns.len() - 1;
    let outcomes = features
        .values
        .column(last)
        .iter()
        .map(|value| match *value {
            1.0 => Ok(true),
            0.0 => Ok(false),
            _ => Err(Error::failed("the outcome must be true or false for every customer")),
        })
        .collect::<Result<_>>()?;
    features.values.remove_index(Axis(1), last);
    features.columns.pop();
    features.texts.pop();
    // Removing a column leaves a gap between rows.
    features.values = features.values.as_standard_layout().into_owned();
    Ok(Rows { window: None, features, outcomes, not_eligible: None })
}

fn fit_rows(
    model: &str,
    params: &PropensityParams,
    samples: Option<Samples>,
    previous: Option<&FittedModel>,
) -> FitResult<Fit> {
    let Some(Samples { training: mut past, held_out }) = samples else {
        return Err(FitError::NotFitted("the history is too short for any cut-off".to_owned()));
    };
    let mut fitted = FittedModel::fitted(model, ModelKind::Propensity);
    let is_over = |rows: &&Rows| match (rows.window, held_out.window) {
        (Some((_, end)), Some((cutoff, _))) => end <= cutoff,
        _ => true,
    };
    let training: Vec<&Rows> = past.iter().filter(is_over).collect();
    for (cutoff, _) in past.iter().filter(|rows| !is_over(rows)).filter_map(|rows| rows.window) {
        fitted.remark(format!(
            "the cut-off {} was kept from the judged model: its window reaches into the hold-out's",
            show_instant(cutoff)
        ));
    }
    let train = Stacked::of(training.iter().copied())?;
    require_enough(params, training.len(), &train.outcomes)?;
    let judged = learn(params.regression(), &train.features, &train.outcomes)?;
    let (method, calibrator) = calibrate::method(&mut fitted, params, &train)?;
    let of_regression = |features: &Matrix| calibrator.apply_to(judged.log_odds(features));
    let scores = of_regression(&held_out.features);
    let trees = challenger::judge(&mut fitted, params, &train, (&held_out, &scores), previous)?;
    let chances = |features: &Matrix| match &trees {
        Some(trees) => trees.chances(features),
        None => of_regression(features),
    };
    let scores = chances(&held_out.features);
    report(&mut fitted, &scores, &held_out.outcomes);
    report_campaign(&mut fitted, params, &scores, &held_out.outcomes);
    let judged_on = holdout_scores(&held_out, &scores);
    if let Some((features, outcomes)) = &held_out.not_eligible {
        report_not_eligible(&mut fitted, &chances(features), outcomes);
    }
    set_counts(&mut fitted, "train", &train.outcomes);

    past.push(held_out);
    note_cutoffs(&mut fitted, &past);
    let all = Stacked::of(&past)?;
    if let Some(count) = params.folds {
        folds::judge(&mut fitted, params, &all, (count, method, trees.is_some()))?;
    }
    let learnt = learn(params.regression(), &all.features, &all.outcomes)?;
    let trees = match trees {
        Some(_) => challenger::learn(&mut fitted, params, &all)?,
        None => None,
    };
    let (calibrator, scores) = match &trees {
        Some(trees) => (trees.calibrator.clone(), trees.chances(&all.features)),
        None => {
            let calibrator = calibrate::calibrator(params, &all, method)?;
            let scores = calibrator.apply_to(learnt.log_odds(&all.features));
            (calibrator, scores)
        }
    };
    if trees.is_none() && calibrator.method() != method {
        fitted
            .remark(format!("scores are not calibrated by `{method}`: too few customers of either outcome"));
    }
    reference(&all.features, &scores, params, previous).store(&mut fitted);
    let repeats = Correlations::of(&learnt.preprocessor.apply(&all.features));
    let Learnt { logistic, preprocessor: Preprocessor { one_hot, scaling, dropped } } = learnt;
    for column in dropped {
        fitted.remark(format!("the column `{column}` is left out: it does not vary between customers"));
    }
    coefficients::report(&mut fitted, &logistic, &one_hot, &scaling, &repeats);
    set_counts(&mut fitted, "final", &all.outcomes);
    fitted.set(Part::Metric, "gradient", 0, logistic.gradient);
    challenger::store(&mut fitted, trees.as_ref(), &all.features);
    let (intercept, weights) = (logistic.intercept, logistic.weights);
    Scorer { one_hot, scaling, intercept, weights, calibrator }.store(&mut fitted);
    let Matrix { columns, texts, .. } = all.features;
    let seen = columns.into_iter().zip(texts).filter_map(|(column, texts)| Some((column, texts?)));
    Ok(Fit { fitted, seen: seen.collect(), held_out: judged_on })
}

/// The bins by which drift is measured, and how those learnt from lie in them: the columns, and last the score.
fn reference(
    rows: &Matrix,
    scores: &[f64],
    params: &PropensityParams,
    previous: Option<&FittedModel>,
) -> Reference {
    let mut fresh = Bins::of(rows, params.level_floor);
    fresh.push(Bins::of_numbers(SCORE, scores));
    let bins = Reference::bins_kept(previous, fresh);
    let mut learnt: Vec<Counted> = bins[..bins.len() - 1].iter().map(|bins| bins.count(rows)).collect();
    learnt.extend(bins.last().map(|of_score| of_score.count_numbers(scores)));
    Reference { bins, learnt }
}

/// Writes down which cut-offs were learnt from, how many customers there were, and for how many the outcome came.
fn note_cutoffs(fitted: &mut FittedModel, past: &[Rows]) {
    let cutoffs = past.iter().filter_map(|rows| rows.window.map(|(cutoff, _)| (rows, cutoff)));
    for ((rows, cutoff), position) in cutoffs.zip(1_i64..) {
        fitted.note(Part::Parameter, "cutoff", position, show_instant(cutoff));
        fitted.set(Part::Metric, "customers_of_cutoff", position, rows.features.seen as f64);
        if let Some(rate) = metrics::base_rate(&rows.outcomes) {
            fitted.set(Part::Metric, "base_rate_of_cutoff", position, rate);
        }
    }
}

fn holdout_scores(held_out: &Rows, scores: &[f64]) -> Vec<HoldoutScore> {
    let customers = held_out.features.keys.iter().zip(scores).zip(&held_out.outcomes);
    customers
        .map(|((key, probability), outcome)| HoldoutScore {
            customer_id: key.to_string(),
            probability: *probability,
            outcome: *outcome,
        })
        .collect()
}

/// Refuses to learn from a history that is too short, or from too few of either outcome.
fn require_enough(params: &PropensityParams, cutoffs: usize, outcomes: &[bool]) -> FitResult<()> {
    if cutoffs == 0 {
        return Err(FitError::NotFitted(format!(
            "the history is too short: a cut-off to learn from must lie at least {} days before the hold-out",
            params.outcome.window_days().unwrap_or(0)
        )));
    }
    let with = outcomes.iter().filter(|y| **y).count();
    let without = outcomes.len() - with;
    if outcomes.len() < params.min_rows {
        return Err(FitError::NotFitted(format!(
            "{} customers to learn from, at least {} were asked for",
            outcomes.len(),
            params.min_rows
        )));
    }
    if with.min(without) < params.min_positives {
        return Err(FitError::NotFitted(format!(
            "the outcome came for {with} customers and did not for {without}, at least {} of each were asked for",
            params.min_positives
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
