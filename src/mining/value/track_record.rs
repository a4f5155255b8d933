//! What a model promised at a past cut-off beside what came: in total, by decile, vintage and group, with how well it
//! ranks and how true its distributions are.

use std::collections::BTreeMap;

use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::clock::{Instant, show_instant};
use crate::mining::bootstrap::{Interval, interval};
use crate::mining::matrix::Key;

/// A customer, or a contract, with what the model promised of it at a cut-off and what came within the horizon.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub key: Key,
    pub group: Option<String>,
    /// The month in which it began.
    pub vintage: String,
    /// Promised: purchases, or renewals, and what they bring.
    pub purchases: f64,
    pub margin: f64,
    pub variance: f64,
    /// Whether what came lies in its own interval.
    pub covered: bool,
    /// Where what came stands in the distribution, 0 to 1.
    pub transform: f64,
    /// What it had brought until the cut-off.
    pub past_margin: f64,
    pub later_purchases: f64,
    pub later_margin: f64,
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
}

const DECILES: usize = 10;
const RESAMPLES: usize = 200;
const SEED: u64 = 20_260_101;
/// A sample holds the smallest hashes: this spreads them.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
/// Standard deviations to each side of 95 of 100.
const NINETY_FIVE: f64 = 1.959_964;

/// Returns the track record of a cut-off, slice by slice, and its figures.
pub(super) fn track_record(cutoff: Instant, judged: &[Judged]) -> (Vec<Accuracy>, Figures) {
    let mut accuracies = Vec::new();
    if judged.is_empty() {
        return (accuracies, Figures::default());
    }
    let mut slice = |slice: &str, label: &str, of: &[&Judged]| {
        accuracies.push(accuracy(cutoff, slice, label, of));
    };
    slice("total", "all", &judged.iter().collect::<Vec<_>>());
    let mut order: Vec<&Judged> = judged.iter().collect();
    order.sort_by(|a, b| b.margin.total_cmp(&a.margin).then_with(|| a.key.cmp(&b.key)));
    for decile in 0..DECILES {
        let part = &order[order.len() * decile / DECILES..order.len() * (decile + 1) / DECILES];
        if !part.is_empty() {
            slice("decile", &format!("{:02}", decile + 1), part);
        }
    }
    for (label, of) in parts(judged, |judged| Some(judged.vintage.clone())) {
        slice("vintage", &label, &of);
    }
    for (label, of) in parts(judged, |judged| judged.group.clone()) {
        slice("group", &label, &of);
    }
    let figures = figures(judged, &accuracies);
    (accuracies, figures)
}

/// Returns a number from 0 to 1 that is a customer's own: of a probability that stands at one point, any place within it
/// is as good.
pub(super) fn own_place(key: &Key) -> f64 {
    key.hash().wrapping_mul(GOLDEN) as f64 / u64::MAX as f64
}

/// Returns what is to be said where what came in all lies outside its band; `None` where it lies within.
pub(super) fn out_of_band(of_cutoff: &[Accuracy], horizon_days: u32) -> Option<String> {
    let total = of_cutoff.iter().find(|accuracy| accuracy.slice == "total" && !accuracy.is_in_band())?;
    Some(format!(
        "promised at {} for {horizon_days} days: {:.0} ({:.0} to {:.0}); {:.0} came: chance alone does not explain it",
        show_instant(total.cutoff),
        total.expected_margin,
        total.band.0,
        total.band.1,
        total.actual_margin
    ))
}

fn parts(judged: &[Judged], label: impl Fn(&Judged) -> Option<String>) -> BTreeMap<String, Vec<&Judged>> {
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
        actual_purchases: sum(|judged| judged.later_purchases),
        expected_margin,
        actual_margin: sum(|judged| judged.later_margin),
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
    let came: Vec<f64> = judged.iter().map(|j| j.later_margin).collect();
    let said: Vec<f64> = judged.iter().map(|j| j.margin).collect();
    let past: Vec<f64> = judged.iter().map(|j| j.past_margin).collect();
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

/// By resampling customers; their ranks among all are kept.
fn gain(said: &[f64], past: &[f64], came: &[f64]) -> Option<Interval> {
    let [said, past, came] = [said, past, came].map(|values| centred(&ranks(values)));
    let rows: Vec<[f64; 3]> = said.iter().zip(&past).zip(&came).map(|((s, p), c)| [*s, *p, *c]).collect();
    let mut random = Xoshiro256Plus::seed_from_u64(SEED);
    let mut gains = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let mut sums = Sums::default();
        for _ in 0..rows.len() {
            sums.add(rows[random.gen_range(0..rows.len())]);
        }
        let both = sums.correlation(0).zip(sums.correlation(1));
        gains.extend(both.map(|(said, past)| said - past));
    }
    interval(gains, RESAMPLES)
}

fn correlation_of_ranks(a: &[f64], b: &[f64]) -> Option<f64> {
    let (a, b) = (centred(&ranks(a)), centred(&ranks(b)));
    let mut sums = Sums::default();
    a.iter().zip(&b).for_each(|(a, b)| sums.add([*a, 0.0, *b]));
    sums.correlation(0)
}

/// Around their mean, so that sums of squares lose no digits.
fn centred(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

/// What correlations of two columns with a third are made of.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    rows: f64,
    sums: [f64; 3],
    squares: [f64; 3],
    with_third: [f64; 2],
}

impl Sums {
    fn add(&mut self, row: [f64; 3]) {
        self.rows += 1.0;
        for (column, value) in row.into_iter().enumerate() {
            self.sums[column] += value;
            self.squares[column] += value * value;
        }
        self.with_third[0] += row[0] * row[2];
        self.with_third[1] += row[1] * row[2];
    }

    /// The correlation of a column with the third; `None` where one of them does not vary.
    fn correlation(&self, column: usize) -> Option<f64> {
        let square = |n: usize| self.squares[n] - self.sums[n] * self.sums[n] / self.rows;
        let both = self.with_third[column] - self.sums[column] * self.sums[2] / self.rows;
        let product = square(column) * square(2);
        (product > 0.0).then(|| both / product.sqrt())
    }
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
