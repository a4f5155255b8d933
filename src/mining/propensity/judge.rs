//! How good a model is on customers whom it has not seen: its figures on the hold-out, and what is to be said of them.

use super::declaration::PropensityParams;
use crate::mining::bootstrap::{self, Interval, Intervals};
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::metrics;

/// How far the mean score may be from what happened, of customers nobody like whom was learnt from.
const TOLERATED: f64 = 0.05;

/// Writes down how many customers there were, and for how many of them the outcome came.
pub(super) fn set_counts(fitted: &mut FittedModel, of: &str, outcomes: &[bool]) {
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
pub(super) fn report_not_eligible(fitted: &mut FittedModel, scores: &[f64], outcomes: &[bool]) {
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

/// Writes down what the declared campaign earns on the hold-out, and to what share of the customers it should go:
/// `mpc` and `mpc_share` with the declared share that accepts, `empc` and `empc_share` with what is known of it.
pub(super) fn report_campaign(
    fitted: &mut FittedModel,
    params: &PropensityParams,
    scores: &[f64],
    outcomes: &[bool],
) {
    let Some(campaign) = params.retention_campaign else { return };
    for (name, best) in
        [("mpc", campaign.known(scores, outcomes)), ("empc", campaign.expected(scores, outcomes))]
    {
        let Some(best) = best else { continue };
        fitted.set(Part::Metric, name, 0, best.profit);
        fitted.set(Part::Metric, &format!("{name}_share"), 0, best.share);
    }
}

/// Writes down the figures of a hold-out, and whether they may be chance.
pub(super) fn report(fitted: &mut FittedModel, scores: &[f64], outcomes: &[bool]) {
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
