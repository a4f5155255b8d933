//! How good an uplift is on a campaign that it has not seen: its figures, and what is to be said of them.

use super::declaration::UpliftParams;
use super::proportions::difference;
use super::qini::{Counts, Ranked, gain_at, groups};
use crate::mining::fitted::{FittedModel, Part};

/// Parts of a hundred at which the curve is written down.
pub const PERCENTS: i64 = 100;
const TENTHS: usize = 10;

/// Writes down the figures of a campaign whose customers are ranked by what a contact was said to change.
pub fn report(fitted: &mut FittedModel, params: &UpliftParams, ranked: &Ranked, seed: u64) {
    let (treated, control) = ranked.groups();
    let mut set = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            fitted.set(Part::Metric, name, 0, value);
        }
    };
    set("treated_judged", Some(treated.customers as f64));
    set("controls_judged", Some(control.customers as f64));
    let effect = difference(treated, control);
    set("effect", effect.map(|(effect, _)| effect));
    set("effect_low", effect.map(|(_, (low, _))| low));
    set("effect_high", effect.map(|(_, (_, high))| high));
    let (qini, interval) = (ranked.qini(), ranked.interval(seed));
    set("qini", qini);
    set("qini_low", interval.map(|(low, _)| low));
    set("qini_high", interval.map(|(_, high)| high));
    set("seed", Some(seed as f64));
    if qini.is_none() {
        fitted.remark("the customers who judge are all of one group: the model is not judged");
    }
    if let (Some(qini), Some((low, high))) = (qini, interval.filter(|(low, _)| *low <= 0.0)) {
        fitted.set(Part::Metric, "weak", 0, 1.0);
        fitted.remark(format!(
            "hardly better than contacting at random: on {} Qini {qini:.4} ({low:.4} to {high:.4})",
            fitted.text(Part::Metric, "judged_on", 0).unwrap_or("the hold-out").to_owned()
        ));
    }
    curve(fitted, params, ranked);
    tenths_of(fitted, ranked);
}

/// Writes down the gain at every hundredth of the customers, and where the profit is largest.
fn curve(fitted: &mut FittedModel, params: &UpliftParams, ranked: &Ranked) {
    let Some(curve) = ranked.curve() else { return };
    let mut best = (0, 0.0);
    for percent in 0..=PERCENTS {
        let share = percent as f64 / PERCENTS as f64;
        let gain = gain_at(&curve, share);
        let profit = params.margin * gain - params.cost * share;
        fitted.set(Part::Calibration, "gain", percent, gain);
        fitted.set(Part::Calibration, "profit", percent, profit);
        if profit > best.1 {
            best = (percent, profit);
        }
    }
    fitted.set(Part::Metric, "best_share", 0, best.0 as f64 / PERCENTS as f64);
    fitted.set(Part::Metric, "best_profit_per_customer", 0, best.1);
    if best.0 == 0 {
        fitted.remark("no share of the customers was worth its contacts: the best list is an empty one");
    }
}

/// Writes down what the contact changed in each tenth of the customers, the best first.
fn tenths_of(fitted: &mut FittedModel, ranked: &Ranked) {
    let rows = ranked.rows();
    let tenths = rows.len().min(TENTHS);
    for tenth in 0..tenths {
        let members = &rows[tenth * rows.len() / tenths..(tenth + 1) * rows.len() / tenths];
        let (treated, control) = groups(members);
        let position = tenth as i64 + 1;
        let mut set = |name: &str, value: f64| {
            if value.is_finite() {
                fitted.set(Part::Calibration, name, position, value);
            }
        };
        set("tenth_treated", treated.customers as f64);
        set("tenth_controls", control.customers as f64);
        set("tenth_treated_rate", Counts::rate(treated));
        set("tenth_control_rate", Counts::rate(control));
        set("tenth_expected", members.iter().map(|row| row.score).sum::<f64>() / members.len() as f64);
        if let Some((effect, (low, high))) = difference(treated, control) {
            set("tenth_uplift", effect);
            set("tenth_low", low);
            set("tenth_high", high);
        }
    }
}

/// Returns the least uplift of each tenth but the last of those who were learnt from, the best first.
pub fn tenths(mut uplift: Vec<f64>) -> Vec<f64> {
    uplift.sort_by(|a, b| b.total_cmp(a));
    let last = |tenth: usize| (tenth * uplift.len() / TENTHS).checked_sub(1);
    (1..TENTHS).filter_map(|tenth| uplift.get(last(tenth)?).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_begins_with_the_best() {
        let uplift: Vec<f64> = (0..20).map(f64::from).collect();
        assert_eq!(tenths(uplift), [18.0, 16.0, 14.0, 12.0, 10.0, 8.0, 6.0, 4.0, 2.0]);
        assert!(tenths(Vec::new()).is_empty());
    }
}
