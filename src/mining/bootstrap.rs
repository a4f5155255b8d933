//! How sure the figures of a model are: intervals by resampling customers (Efron 1979, the percentile method).

use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

/// Resamples; the ends of the interval move by about a twentieth of its width with the next thousand.
const RESAMPLES: usize = 500;
/// The share of resamples below and above the interval.
const TAIL: f64 = 0.025;
const SEED: u64 = 20_260_101;

/// From and to: in 95 of 100 samples of such customers the figure lies between.
pub type Interval = (f64, f64);

/// The intervals of a propensity's figures; `None` where hardly any resample has both outcomes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Intervals {
    pub auc: Option<Interval>,
    pub brier: Option<Interval>,
    pub top_decile_lift: Option<Interval>,
}

/// Resamples the customers of a hold-out, the same way in every run.
pub fn intervals(scores: &[f64], outcomes: &[bool]) -> Intervals {
    let rows = scores.len();
    if rows == 0 {
        return Intervals::default();
    }
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
    let sorted: Vec<(f64, bool)> = order.into_iter().map(|row| (scores[row], outcomes[row])).collect();
    let mut random = Xoshiro256Plus::seed_from_u64(SEED);
    let mut times = vec![0u32; rows];
    let (mut aucs, mut briers, mut lifts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RESAMPLES {
        times.fill(0);
        for _ in 0..rows {
            times[random.gen_range(0..rows)] += 1;
        }
        aucs.extend(auc(&sorted, &times));
        briers.push(brier(&sorted, &times));
        lifts.extend(top_decile_lift(&sorted, &times));
    }
    Intervals {
        auc: interval(aucs, RESAMPLES),
        brier: interval(briers, RESAMPLES),
        top_decile_lift: interval(lifts, RESAMPLES),
    }
}

/// By how much the figures of one model exceed those of another on the same customers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Differences {
    pub auc: Option<Interval>,
    pub brier: Option<Interval>,
}

/// Resamples the customers of a hold-out whom two models have scored, the same customers for both.
pub fn differences(scores: &[f64], than: &[f64], outcomes: &[bool]) -> Differences {
    let rows = outcomes.len();
    if rows == 0 {
        return Differences::default();
    }
    let sorted = |scores: &[f64]| {
        let mut order: Vec<usize> = (0..rows).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let sorted: Vec<(f64, bool)> = order.iter().map(|&row| (scores[row], outcomes[row])).collect();
        (order, sorted)
    };
    let models = [sorted(scores), sorted(than)];
    let mut random = Xoshiro256Plus::seed_from_u64(SEED);
    let (mut times, mut in_order) = (vec![0u32; rows], vec![0u32; rows]);
    let (mut aucs, mut briers) = (Vec::new(), Vec::new());
    for _ in 0..RESAMPLES {
        times.fill(0);
        for _ in 0..rows {
            times[random.gen_range(0..rows)] += 1;
        }
        let mut figures = |(order, sorted): &(Vec<usize>, Vec<(f64, bool)>)| {
            in_order.iter_mut().zip(order).for_each(|(to, row)| *to = times[*row]);
            (auc(sorted, &in_order), brier(sorted, &in_order))
        };
        let ((auc, brier), (auc_of_other, brier_of_other)) = (figures(&models[0]), figures(&models[1]));
        aucs.extend(auc.zip(auc_of_other).map(|(a, b)| a - b));
        briers.push(brier - brier_of_other);
    }
    Differences { auc: interval(aucs, RESAMPLES), brier: interval(briers, RESAMPLES) }
}

/// Returns the interval of a figure from its values in so many resamples; `None` where it had none in half of them.
pub(super) fn interval(mut values: Vec<f64>, resamples: usize) -> Option<Interval> {
    if values.len() < resamples / 2 {
        return None;
    }
    values.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    Some((at(TAIL), at(1.0 - TAIL)))
}

/// The area under the ROC curve of rows in ascending order of their scores, each so many times.
fn auc(sorted: &[(f64, bool)], times: &[u32]) -> Option<f64> {
    let (mut positives, mut negatives, mut doubled) = (0u64, 0u64, 0u128);
    let mut start = 0;
    while start < sorted.len() {
        let (mut tied_positives, mut tied_negatives, mut end) = (0u64, 0u64, start);
        while end < sorted.len() && sorted[end].0 == sorted[start].0 {
            let count = u64::from(times[end]);
            if sorted[end].1 {
                tied_positives += count;
            } else {
                tied_negatives += count;
            }
            end += 1;
        }
        doubled += u128::from(tied_positives) * u128::from(2 * negatives + tied_negatives);
        positives += tied_positives;
        negatives += tied_negatives;
        start = end;
    }
    let pairs = u128::from(positives) * u128::from(negatives);
    (pairs > 0).then(|| doubled as f64 / (2 * pairs) as f64)
}

fn brier(sorted: &[(f64, bool)], times: &[u32]) -> f64 {
    let squares = sorted
        .iter()
        .zip(times)
        .map(|((score, outcome), times)| f64::from(*times) * (score - f64::from(u8::from(*outcome))).powi(2));
    squares.sum::<f64>() / sorted.len() as f64
}

fn top_decile_lift(sorted: &[(f64, bool)], times: &[u32]) -> Option<f64> {
    let positives: u64 = sorted.iter().zip(times).filter(|(row, _)| row.1).map(|(_, t)| u64::from(*t)).sum();
    let top = sorted.len().div_ceil(10) as u64;
    let (mut taken, mut caught) = (0u64, 0u64);
    for ((_, outcome), times) in sorted.iter().zip(times).rev() {
        let count = u64::from(*times).min(top - taken);
        taken += count;
        caught += if *outcome { count } else { 0 };
        if taken == top {
            break;
        }
    }
    (positives > 0).then(|| (caught as f64 / top as f64) / (positives as f64 / sorted.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::metrics;
    use crate::mining::test_data::uniform;

    /// Scores of 2,000 customers, a third of whom have the outcome, and these rather above.
    fn hold_out() -> (Vec<f64>, Vec<bool>) {
        let u = uniform(4000, 3);
        let outcomes: Vec<bool> = (0..2000).map(|n| u[2 * n] < 0.33).collect();
        let scores = (0..2000).map(|n| (u[2 * n + 1] + if outcomes[n] { 0.3 } else { 0.0 }) / 1.3).collect();
        (scores, outcomes)
    }

    #[test]
    fn once_each_is_the_figure_itself() {
        let (scores, outcomes) = hold_out();
        let mut sorted: Vec<(f64, bool)> = scores.iter().copied().zip(outcomes.iter().copied()).collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        let once = vec![1; sorted.len()];
        assert_eq!(auc(&sorted, &once), metrics::auc(&scores, &outcomes));
        assert!((brier(&sorted, &once) - metrics::brier(&scores, &outcomes).unwrap()).abs() < 1e-12);
        let lift = metrics::top_decile_lift(&scores, &outcomes).unwrap();
        assert!((top_decile_lift(&sorted, &once).unwrap() - lift).abs() < 1e-12);
    }

    /// The standard error of Hanley and McNeil (1982), which knows the area and the two counts alone.
    #[test]
    fn the_interval_is_as_wide_as_theory_says() {
        let (scores, outcomes) = hold_out();
        let area = metrics::auc(&scores, &outcomes).unwrap();
        let positives = outcomes.iter().filter(|outcome| **outcome).count() as f64;
        let negatives = outcomes.len() as f64 - positives;
        let (q1, q2) = (area / (2.0 - area), 2.0 * area * area / (1.0 + area));
        let variance = area * (1.0 - area)
            + (positives - 1.0) * (q1 - area * area)
            + (negatives - 1.0) * (q2 - area * area);
        let error = (variance / (positives * negatives)).sqrt();
        let (low, high) = intervals(&scores, &outcomes).auc.unwrap();
        let width = (high - low) / (2.0 * 1.96 * error);
        assert!((0.85..1.15).contains(&width), "{width} times as wide");
        assert!(low < area && area < high);
    }

    #[test]
    fn a_model_is_no_better_than_itself_and_better_than_one_with_noise() {
        let (scores, outcomes) = hold_out();
        let none = differences(&scores, &scores, &outcomes);
        assert_eq!((none.auc, none.brier), (Some((0.0, 0.0)), Some((0.0, 0.0))));
        let noise = uniform(2000, 11);
        let noisy: Vec<f64> = scores.iter().zip(noise).map(|(score, u)| 0.5 * score + 0.5 * u).collect();
        let (low, high) = differences(&scores, &noisy, &outcomes).auc.unwrap();
        let difference = metrics::auc(&scores, &outcomes).unwrap() - metrics::auc(&noisy, &outcomes).unwrap();
        assert!(0.0 < low && low < difference && difference < high, "{low} {difference} {high}");
        // Of two models that agree much the difference is surer than either of them.
        let (from, to) = intervals(&scores, &outcomes).auc.unwrap();
        assert!(high - low < to - from);
    }

    #[test]
    fn of_one_outcome_there_is_no_area() {
        let found = intervals(&[0.2, 0.4, 0.9], &[false, false, false]);
        assert_eq!((found.auc, found.top_decile_lift), (None, None));
        assert!(found.brier.is_some());
        assert_eq!(intervals(&[], &[]), Intervals::default());
    }
}
