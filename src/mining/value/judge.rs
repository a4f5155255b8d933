//! Whether a model keeps what it promises: fitted at a past cut-off, asked about the horizon after it, and held against
//! what came.

use std::collections::BTreeMap;

use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use super::customers::columns;
use super::history::History;
use super::model::ValueModel;
use super::score::Kept;
use crate::clock::Instant;
use crate::mining::bootstrap::{Interval, interval};
use crate::mining::matrix::{Key, Matrix};

/// A customer of a cut-off, and what came within the horizon.
#[derive(Debug, Clone)]
pub(super) struct Followed {
    pub key: Key,
    pub group: Option<String>,
    /// `None` of who had not bought.
    pub history: Option<History>,
    pub repeat_amount: f64,
    /// What all purchases until the cut-off were worth.
    pub amount: f64,
    pub later_purchases: f64,
    pub later_amount: f64,
}

/// What was promised of a part of the customers, and what came.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accuracy {
    pub cutoff: Instant,
    /// `total`, `decile`, `vintage` or `group`.
    pub slice: String,
    pub label: String,
    pub customers: u64,
    pub expected_purchases: f64,
    pub actual_purchases: f64,
    pub expected_margin: f64,
    pub actual_margin: f64,
    /// 95 of 100 such sums lie between, as far as chance goes: the model itself may be wrong beyond it.
    pub band: (f64, f64),
    /// The share of the customers whose margin lies in their own interval, which is to hold 80 of 100.
    pub interval_coverage: f64,
}

/// The figures of a cut-off.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures {
    /// Rank correlation of the expected margin, and of the past one, with what came.
    pub spearman: Option<f64>,
    pub spearman_of_past_margin: Option<f64>,
    /// How much the first is above the second: 95 of 100 resamples lie between.
    pub spearman_gain: Option<Interval>,
    /// The greatest distance of the randomised probability integral transform from the diagonal.
    pub pit_distance: f64,
    /// The share of vintages whose sum lies in its band.
    pub vintages_in_band: Option<f64>,
    /// Customers who had not bought and were not judged.
    pub without_purchase: usize,
}

const DECILES: usize = 10;
const RESAMPLES: usize = 200;
const SEED: u64 = 20_260_101;
/// A sample holds the smallest hashes: this spreads them.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Standard deviations to each side of 95 of 100.
const NINETY_FIVE: f64 = 1.959_964;

/// Reads customers from a matrix with the columns in the order of [`READ`].
pub(super) fn followed(matrix: &Matrix) -> Vec<Followed> {
    let groups = matrix.texts[0].as_deref().unwrap_or_default();
    let rows = matrix.values.rows().into_iter().zip(&matrix.keys);
    rows.map(|(row, key)| Followed {
        key: key.clone(),
        group: (!row[0].is_nan()).then(|| groups.get(row[0] as usize).cloned()).flatten(),
        history: (!row[1].is_nan()).then(|| History {
            repeats: row[1] as u32,
            last_day: row[2] as u32,
            age_days: row[3] as u32,
        }),
        repeat_amount: row[4],
        amount: row[5],
        later_purchases: row[6],
        later_amount: row[7],
    })
    .collect()
}

/// The columns of the matrix that [`followed`] reads.
pub(super) const READ: [&str; 8] = [
    columns::GROUP,
    columns::REPEATS,
    columns::LAST_DAY,
    columns::AGE_DAYS,
    columns::REPEAT_AMOUNT,
    columns::AMOUNT,
    columns::LATER_PURCHASES,
    columns::LATER_AMOUNT,
];

/// A customer with what the model said.
struct Judged<'a> {
    of: &'a Followed,
    history: History,
    purchases: f64,
    margin: f64,
    variance: f64,
    covered: bool,
    /// Where what came stands in the distribution, 0 to 1.
    transform: f64,
}

/// Holds a model against what came of the customers of a cut-off; `vintage` names the vintage of an age in days.
pub(super) fn judge(
    model: &ValueModel,
    followed: &[Followed],
    cutoff: Instant,
    vintage: impl Fn(u32) -> String,
) -> (Vec<Accuracy>, Figures) {
    let kept = Kept::default();
    let judged: Vec<Judged> = followed.iter().filter_map(|of| judged(model, &kept, of)).collect();
    let without_purchase = followed.len() - judged.len();
    let mut accuracies = Vec::new();
    if judged.is_empty() {
        return (accuracies, Figures { without_purchase, ..Figures::default() });
    }
    let mut slice = |slice: &str, label: &str, of: &[&Judged]| {
        accuracies.push(accuracy(cutoff, slice, label, of));
    };
    slice("total", "all", &judged.iter().collect::<Vec<_>>());
    let mut order: Vec<&Judged> = judged.iter().collect();
    order.sort_by(|a, b| b.margin.total_cmp(&a.margin).then_with(|| a.of.key.cmp(&b.of.key)));
    for decile in 0..DECILES {
        let part = &order[order.len() * decile / DECILES..order.len() * (decile + 1) / DECILES];
        if !part.is_empty() {
            slice("decile", &format!("{:02}", decile + 1), part);
        }
    }
    for (label, of) in parts(&judged, |judged| Some(vintage(judged.history.age_days))) {
        slice("vintage", &label, &of);
    }
    for (label, of) in parts(&judged, |judged| judged.of.group.clone()) {
        slice("group", &label, &of);
    }
    let figures = Figures { without_purchase, ..figures(&judged, &accuracies) };
    (accuracies, figures)
}

fn judged<'a>(model: &ValueModel, kept: &Kept, of: &'a Followed) -> Option<Judged<'a>> {
    let history = of.history?;
    let place = model.place(of.group.as_deref());
    let group = model.group(place);
    let expectation = kept.expectation(model, place, history);
    let outlook = model.outlook(group, &expectation, history, of.repeat_amount, 0.0);
    let margin = model.margin(group, &expectation, history, of.repeat_amount);
    // Of a probability that stands at one point, any place within it is as good: one by the hash of the customer.
    let random = of.key.hash().wrapping_mul(GOLDEN) as f64 / u64::MAX as f64;
    let transform = match margin {
        Some(margin) if of.later_amount <= 0.0 => random * margin.nothing(),
        Some(margin) => margin.cumulative(of.later_amount),
        None => random,
    };
    Some(Judged {
        of,
        history,
        purchases: outlook.purchases,
        margin: outlook.margin,
        variance: margin.map_or(0.0, |margin| margin.variance()),
        covered: outlook.margin_low <= of.later_amount.max(0.0) && of.later_amount <= outlook.margin_high,
        transform,
    })
}

fn parts<'j, 'a>(
    judged: &'j [Judged<'a>],
    label: impl Fn(&Judged) -> Option<String>,
) -> BTreeMap<String, Vec<&'j Judged<'a>>> {
    let mut parts: BTreeMap<String, Vec<&Judged>> = BTreeMap::new();
    for judged in judged {
        if let Some(label) = label(judged) {
            parts.entry(label).or_default().push(judged);
        }
    }
    parts
}

fn accuracy(cutoff: Instant, slice: &str, label: &str, of: &[&Judged]) -> Accuracy {
    let sum = |value: fn(&Judged) -> f64| of.iter().map(|judged| value(judged)).sum::<f64>();
    let expected_margin = sum(|judged| judged.margin);
    let half = NINETY_FIVE * sum(|judged| judged.variance).sqrt();
    let covered = of.iter().filter(|judged| judged.covered).count();
    Accuracy {
        cutoff,
        slice: slice.to_owned(),
        label: label.to_owned(),
        customers: of.len() as u64,
        expected_purchases: sum(|judged| judged.purchases),
        actual_purchases: sum(|judged| judged.of.later_purchases),
        expected_margin,
        actual_margin: sum(|judged| judged.of.later_amount),
        band: (expected_margin - half, expected_margin + half),
        interval_coverage: covered as f64 / of.len() as f64,
    }
}

impl Accuracy {
    /// Returns whether what came lies in the band.
    pub fn is_in_band(&self) -> bool {
        self.band.0 <= self.actual_margin && self.actual_margin <= self.band.1
    }
}

fn figures(judged: &[Judged], accuracies: &[Accuracy]) -> Figures {
    let came: Vec<f64> = judged.iter().map(|j| j.of.later_amount).collect();
    let said: Vec<f64> = judged.iter().map(|j| j.margin).collect();
    let past: Vec<f64> = judged.iter().map(|j| j.of.amount).collect();
    let (spearman, of_past) = (correlation_of_ranks(&said, &came), correlation_of_ranks(&past, &came));
    let vintages: Vec<bool> =
        accuracies.iter().filter(|a| a.slice == "vintage").map(Accuracy::is_in_band).collect();
    let inside = vintages.iter().filter(|inside| **inside).count();
    Figures {
        spearman,
        spearman_of_past_margin: of_past,
        spearman_gain: gain(&said, &past, &came),
        pit_distance: distance_from_uniform(judged.iter().map(|j| j.transform).collect()),
        vintages_in_band: (!vintages.is_empty()).then(|| inside as f64 / vintages.len() as f64),
        without_purchase: 0,
    }
}

/// Kolmogorov's distance.
fn distance_from_uniform(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len() as f64;
    let distances = values.iter().enumerate().map(|(i, value)| {
        let (below, upto) = (i as f64 / n, (i as f64 + 1.0) / n);
        (value - below).abs().max((value - upto).abs())
    });
    distances.fold(0.0, f64::max)
}

/// Ranks from 1 on; equals share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let mut end = start;
        while end < order.len() && values[order[end]] == values[order[start]] {
            end += 1;
        }
        let rank = (start + 1 + end) as f64 / 2.0;
        order[start..end].iter().for_each(|&row| ranks[row] = rank);
        start = end;
    }
    ranks
}

fn correlation_of_ranks(a: &[f64], b: &[f64]) -> Option<f64> {
    let ones = vec![1.0; a.len()];
    correlation(&ranks(a), &ranks(b), &ones)
}

fn correlation(a: &[f64], b: &[f64], times: &[f64]) -> Option<f64> {
    let total: f64 = times.iter().sum();
    let mean = |values: &[f64]| values.iter().zip(times).map(|(v, t)| v * t).sum::<f64>() / total;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut both, mut of_a, mut of_b) = (0.0, 0.0, 0.0);
    for ((a, b), times) in a.iter().zip(b).zip(times) {
        both += times * (a - mean_a) * (b - mean_b);
        of_a += times * (a - mean_a) * (a - mean_a);
        of_b += times * (b - mean_b) * (b - mean_b);
    }
    let product = of_a * of_b;
    (product > 0.0).then(|| both / product.sqrt())
}

/// By resampling customers; their ranks among all are kept.
fn gain(said: &[f64], past: &[f64], came: &[f64]) -> Option<Interval> {
    let (said, past, came) = (ranks(said), ranks(past), ranks(came));
    let mut random = Xoshiro256Plus::seed_from_u64(SEED);
    let mut gains = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let mut times = vec![0.0; came.len()];
        for _ in 0..came.len() {
            times[random.gen_range(0..came.len())] += 1.0;
        }
        let both = correlation(&said, &came, &times).zip(correlation(&past, &came, &times));
        gains.extend(both.map(|(said, past)| said - past));
    }
    interval(gains, RESAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }

    /// By scipy.stats.spearmanr.
    #[test]
    fn the_correlation_of_ranks_is_scipys() {
        let found = correlation_of_ranks(&[1.0, 2.0, 3.0, 4.0, 5.0], &[5.0, 6.0, 7.0, 8.0, 7.0]).unwrap();
        assert!((found - 0.820_782_681_668_123_6).abs() < 1e-12, "{found}");
    }

    #[test]
    fn the_distance_from_uniform_is_the_greatest() {
        assert!((distance_from_uniform(vec![0.1, 0.2, 0.3, 0.4]) - 0.6).abs() < 1e-12);
    }
}
