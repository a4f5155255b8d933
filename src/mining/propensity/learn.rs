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

use datafusion::prelude::DataFrame;
use ndarray::{Array2, Axis, concatenate};

use super::declaration::PropensityParams;
use super::score::Scorer;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::mining::bootstrap::{self, Interval, Intervals};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::logistic::{self, Logistic};
use crate::mining::matrix::{self, Key, Matrix};
use crate::mining::metrics;
use crate::mining::scaling::{Rare, Scaling};

/// The column that says for whom the outcome came.
pub(super) const OUTCOME: &str = "__outcome";
/// How far the mean score may be from what happened, of customers nobody like whom was learnt from.
const TOLERATED: f64 = 0.05;
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

/// Customers in memory, a sample where there are many.
pub(super) struct Rows {
    /// When, and until when the outcome was open; `None` for labelled customers of today.
    window: Option<(Instant, Instant)>,
    features: Matrix,
    outcomes: Vec<bool>,
    /// Customers who are scored and not learnt from.
    not_eligible: Option<(Matrix, Vec<bool>)>,
}

/// Learns who is likely to have the outcome. Too few rows, outcomes or cut-offs make a model that is
/// `not_fitted`.
///
/// # Errors
/// When the frame of labelled customers cannot be read, lacks a column, holds a customer twice or an unknown
/// outcome.
pub(super) async fn fit(model: &str, params: &PropensityParams, labelled: Labelled) -> Result<FittedModel> {
    let samples = match labelled {
        Labelled::Cutoffs(past) => latest_held_out(past),
        Labelled::Customers(frame) => Some(held_apart(read(params, frame, params.sample).await?)),
    };
    let (name, params) = (model.to_owned(), params.clone());
    // Off the threads that other steps' streams run on.
    let fitted = tokio::task::spawn_blocking(move || fit_rows(&name, &params, samples))
        .await
        .doing("learn who is likely to have the outcome")?;
    FittedModel::of_fit(model, ModelKind::Propensity, fitted)
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
        features: Matrix {
            columns: all.features.columns.clone(),
            keys: rows.iter().map(|&row| all.features.keys[row].clone()).collect(),
            values: all.features.values.select(Axis(0), rows),
            seen: rows.len(),
        },
        outcomes: rows.iter().map(|&row| all.outcomes[row]).collect(),
        not_eligible: None,
    };
    Samples { training: vec![of(&kept)], held_out: of(&out) }
}

async fn read(params: &PropensityParams, frame: DataFrame, most: usize) -> Result<Rows> {
    let mut columns: Vec<String> = params.columns.iter().map(|c| c.column.clone()).collect();
    columns.push(OUTCOME.to_owned());
    let mut features = matrix::read(frame, &columns, most).await?;
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
    // Removing a column leaves a gap between rows.
    features.values = features.values.as_standard_layout().into_owned();
    Ok(Rows { window: None, features, outcomes, not_eligible: None })
}

fn fit_rows(model: &str, params: &PropensityParams, samples: Option<Samples>) -> FitResult<FittedModel> {
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
    let (train, outcomes) = stack(&training)?;
    require_enough(params, training.len(), &outcomes)?;
    let judged = learn(params, &train, &outcomes)?;
    let scores = judged.logistic.predict(&judged.scaling.apply(&held_out.features));
    report(&mut fitted, &scores, &held_out.outcomes);
    if let Some((features, outcomes)) = &held_out.not_eligible {
        let scores = judged.logistic.predict(&judged.scaling.apply(features));
        report_not_eligible(&mut fitted, &scores, outcomes);
    }
    set_counts(&mut fitted, "train", &outcomes);

    past.push(held_out);
    for (index, (rows, (cutoff, _))) in
        past.iter().filter_map(|rows| rows.window.map(|window| (rows, window))).enumerate()
    {
        let position = index as i64 + 1;
        fitted.note(Part::Parameter, "cutoff", position, show_instant(cutoff));
        fitted.set(Part::Metric, "customers_of_cutoff", position, rows.features.seen as f64);
        if let Some(rate) = metrics::base_rate(&rows.outcomes) {
            fitted.set(Part::Metric, "base_rate_of_cutoff", position, rate);
        }
    }
    let (all, outcomes) = stack(&past.iter().collect::<Vec<_>>())?;
    let Learnt { logistic, scaling, dropped } = learn(params, &all, &outcomes)?;
    for column in dropped {
        fitted.remark(format!("the column `{column}` is left out: it does not vary between customers"));
    }
    set_counts(&mut fitted, "final", &outcomes);
    fitted.set(Part::Metric, "gradient", 0, logistic.gradient);
    Scorer { scaling, intercept: logistic.intercept, weights: logistic.weights }.store(&mut fitted);
    Ok(fitted)
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

/// A regression, the scaling its rows went through, and the columns that do not vary.
struct Learnt {
    logistic: Logistic,
    scaling: Scaling,
    dropped: Vec<String>,
}

fn learn(params: &PropensityParams, rows: &Matrix, outcomes: &[bool]) -> FitResult<Learnt> {
    let (scaling, dropped) = Scaling::fit(&params.columns, rows, params.winsorise, Rare::Keep);
    let scaled = scaling.apply(rows);
    let logistic = logistic::fit(&scaled, outcomes, params.alpha)?;
    Ok(Learnt { logistic, scaling, dropped })
}

/// Cut-offs one under the other, oldest first; a customer may stand in each of them.
fn stack(past: &[&Rows]) -> Result<(Matrix, Vec<bool>)> {
    let columns = past.first().map(|rows| rows.features.columns.clone()).unwrap_or_default();
    let parts: Vec<_> = past.iter().map(|rows| rows.features.values.view()).collect();
    let values = if parts.is_empty() {
        Array2::zeros((0, 0))
    } else {
        concatenate(Axis(0), &parts).doing("stack the cut-offs")?
    };
    let matrix = Matrix {
        columns,
        keys: past.iter().flat_map(|rows| rows.features.keys.iter().cloned()).collect(),
        values,
        seen: past.iter().map(|rows| rows.features.seen).sum(),
    };
    Ok((matrix, past.iter().flat_map(|rows| rows.outcomes.iter().copied()).collect()))
}

fn set_counts(fitted: &mut FittedModel, of: &str, outcomes: &[bool]) {
    fitted.set(Part::Metric, &format!("rows_{of}"), 0, outcomes.len() as f64);
    fitted.set(Part::Metric, &format!("positives_{of}"), 0, outcomes.iter().filter(|y| **y).count() as f64);
}

/// Adds a warning where the interval of the AUC or of the lift reaches what chance would give.
fn remark_if_weak(fitted: &mut FittedModel, auc: Option<Interval>, lift: Option<Interval>) {
    let may_be_chance =
        |interval: Option<Interval>, chance: f64| interval.is_some_and(|(low, _)| low <= chance);
    if !may_be_chance(auc, 0.5) && !may_be_chance(lift, 1.0) {
        return;
    }
    let figure = |name: &str| {
        let of = |name: &str| fitted.metric(name).unwrap_or(f64::NAN);
        format!("{:.2} ({:.2} to {:.2})", of(name), of(&format!("{name}_low")), of(&format!("{name}_high")))
    };
    let remark = format!(
        "hardly better than chance: on the hold-out AUC {}, lift of the top tenth {}",
        figure("auc"),
        figure("top_decile_lift")
    );
    fitted.remark(remark);
    fitted.set(Part::Metric, "weak", 0, 1.0);
}

/// Judges whom the model scores though nobody like them was learnt from.
fn report_not_eligible(fitted: &mut FittedModel, scores: &[f64], outcomes: &[bool]) {
    let Some(came) = metrics::base_rate(outcomes) else { return };
    let customers = outcomes.len() as f64;
    let expected = scores.iter().sum::<f64>() / customers;
    fitted.set(Part::Metric, "customers_not_eligible", 0, customers);
    fitted.set(Part::Metric, "mean_score_not_eligible", 0, expected);
    fitted.set(Part::Metric, "outcome_rate_not_eligible", 0, came);
    // Beyond what so few may differ by chance.
    let chance = 2.0 * (came * (1.0 - came) / customers).sqrt();
    if (expected - came).abs() > TOLERATED + chance {
        fitted.remark(format!(
            "{customers} customers of the hold-out are scored but not eligible: their mean score is \
             {expected:.2}, and the outcome came for {came:.2} of them; learn from whom you score"
        ));
    }
}

fn report(fitted: &mut FittedModel, scores: &[f64], outcomes: &[bool]) {
    set_counts(fitted, "holdout", outcomes);
    let bins = metrics::calibration(scores, outcomes);
    let figures = [
        ("auc", metrics::auc(scores, outcomes)),
        ("brier", metrics::brier(scores, outcomes)),
        ("base_rate", metrics::base_rate(outcomes)),
        ("top_decile_lift", metrics::top_decile_lift(scores, outcomes)),
        ("calibration_error", metrics::expected_calibration_error(&bins)),
    ];
    for (name, figure) in figures {
        if let Some(value) = figure {
            fitted.set(Part::Metric, name, 0, value);
        }
    }
    let Intervals { auc, brier, top_decile_lift } = bootstrap::intervals(scores, outcomes);
    for (name, interval) in [("auc", auc), ("brier", brier), ("top_decile_lift", top_decile_lift)] {
        if let Some((low, high)) = interval {
            fitted.set(Part::Metric, &format!("{name}_low"), 0, low);
            fitted.set(Part::Metric, &format!("{name}_high"), 0, high);
        }
    }
    remark_if_weak(fitted, auc, top_decile_lift);
    if fitted.metric("auc").is_none() {
        fitted.remark("the hold-out has one outcome only: the model is not judged on it");
    }
    for (index, bin) in bins.iter().enumerate() {
        let decile = index as i64 + 1;
        fitted.set(Part::Calibration, "customers", decile, bin.customers as f64);
        fitted.set(Part::Calibration, "mean_score", decile, bin.mean_score);
        fitted.set(Part::Calibration, "outcome_rate", decile, bin.outcome_rate);
    }
}

#[cfg(test)]
mod tests;
