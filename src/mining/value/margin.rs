//! What a customer will bring within a horizon, as a distribution: a number of purchases, each of a worth that is
//! known as far as the customer's earlier ones tell it.
//!
//! Given `n` purchases, their sum is a gamma variable of shape `p·n` over a scale of the customer's own, which after
//! `x` repeats is gamma distributed with shape `s = p·x + q` and rate `γ + earlier sum`. In units of that rate the sum is a
//! beta prime variable with `p·n` and `s`; where `w` is its part of itself and one, its density in the logarithm is
//! `w^(p·n) (1 − w)^s / B(p·n, s)`. Summed over `n` that is a polynomial in `w^p`, which is taken along a grid. The rate is
//! the only thing that differs between customers of one history, so one table serves them all, and no draw is needed.

use statrs::function::beta::ln_beta;
use statrs::function::gamma::digamma;

use super::gamma_gamma::{Amounts, GammaGamma};

/// The distribution of the margin of a customer who has not left, in units of `γ + earlier sum`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MarginTable {
    /// The probability of no purchase.
    nothing: f64,
    /// The logarithm of the first grid point, and the distance between two.
    from: f64,
    step: f64,
    /// The probability of some purchases that bring at most so much; there are many tables, and seven digits do.
    cumulative: Vec<f32>,
    mean: f64,
    /// Where it has no end, that of the grid.
    mean_square: f64,
}

/// The margin of one customer, who may have left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Margin<'a> {
    table: &'a MarginTable,
    alive: f64,
    /// What the table is in units of.
    unit: f64,
}

/// Probabilities of numbers of purchases that change no quantile.
const NEGLIGIBLE: f64 = 1e-7;
/// Of more numbers of purchases neighbours are taken together.
const MOST_NUMBERS: usize = 32;
/// A power of more e-folds may leave the range of numbers.
const SAFE_EFOLDS: f64 = 600.0;
const POINTS: usize = 256;
/// Standard deviations of the logarithm that the grid reaches below and above its mean.
const BELOW: f64 = 8.0;
const ABOVE: f64 = 7.0;

impl MarginTable {
    /// Returns the distribution; `purchases` holds the probability of each number from 0 on, of a customer with so many
    /// repeats who has not left.
    pub fn of(purchases: &[f64], worth: GammaGamma, repeats: u32) -> Self {
        let shape = worth.p * f64::from(repeats) + worth.q;
        let numbers = Numbers::of(purchases);
        let grid = Grid::of(&numbers, worth.p, shape);
        let density = density(&numbers, &grid, worth.p, shape);
        let some: f64 = numbers.probabilities.iter().sum();
        let sum: f64 = grid.step * density.iter().sum::<f64>();
        // What a point more or less makes of the whole is rounding.
        let scale = if sum > 0.0 { grid.step * some / sum } else { 0.0 };
        let mut below = 0.0;
        let cumulative = density.iter().map(|density| {
            // Half of a point's part lies below it.
            let upto = below + 0.5 * density;
            below += density;
            (scale * upto) as f32
        });
        let cumulative = cumulative.collect();
        let (mut mean_number, mut mean_square_number) = (0.0, 0.0);
        for (number, probability) in purchases.iter().enumerate() {
            mean_number += number as f64 * probability;
            mean_square_number += (number * number) as f64 * probability;
        }
        let p = worth.p;
        let on_grid = |power: f64| -> f64 {
            let points = density.iter().enumerate();
            grid.step * points.map(|(n, density)| density * (power * grid.point(n)).exp()).sum::<f64>()
        };
        MarginTable {
            nothing: purchases.first().copied().unwrap_or(1.0),
            from: grid.from,
            step: grid.step,
            cumulative,
            mean: if shape > 1.0 { p * mean_number / (shape - 1.0) } else { on_grid(1.0) },
            mean_square: if shape > 2.0 {
                (p * p * mean_square_number + p * mean_number) / ((shape - 1.0) * (shape - 2.0))
            } else {
                on_grid(2.0)
            },
        }
    }

    /// Returns the margin of a customer with these earlier amounts; `None` where they sum so far below 0 that they say
    /// nothing.
    pub fn margin(&self, worth: GammaGamma, amounts: Amounts, alive: f64) -> Option<Margin<'_>> {
        let unit = worth.gamma + amounts.sum;
        (unit > 0.0).then_some(Margin { table: self, alive, unit })
    }

    /// The probability of some purchases that bring at most so much.
    fn some_up_to(&self, log: f64) -> f64 {
        let place = (log - self.from) / self.step;
        if place <= 0.0 {
            return 0.0;
        }
        let at = place as usize;
        match (self.cumulative.get(at), self.cumulative.get(at + 1)) {
            (Some(low), Some(high)) => {
                let (low, high) = (f64::from(*low), f64::from(*high));
                low + (high - low) * (place - at as f64)
            }
            _ => self.cumulative.last().copied().map_or(0.0, f64::from),
        }
    }
}

impl Margin<'_> {
    /// Returns the probability that the margin is at most this.
    pub fn cumulative(&self, margin: f64) -> f64 {
        if margin < 0.0 {
            return 0.0;
        }
        let some = if margin > 0.0 { self.table.some_up_to((margin / self.unit).ln()) } else { 0.0 };
        (self.nothing() + self.alive * some).min(1.0)
    }

    /// Returns the probability of no purchase.
    pub fn nothing(&self) -> f64 {
        1.0 - self.alive + self.alive * self.table.nothing
    }

    /// Returns the margin below which this share of the probability lies; 0 where it is that of no purchase.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = (share - self.nothing()) / self.alive;
        if wanted <= 0.0 || !wanted.is_finite() {
            return 0.0;
        }
        let cumulative = &self.table.cumulative;
        let at = cumulative.partition_point(|c| f64::from(*c) < wanted).min(cumulative.len() - 1).max(1);
        let (low, high) = (f64::from(cumulative[at - 1]), f64::from(cumulative[at]));
        let within = if high > low { ((wanted - low) / (high - low)).clamp(0.0, 1.0) } else { 0.0 };
        let log = self.table.from + self.table.step * ((at - 1) as f64 + within);
        self.unit * log.exp()
    }

    /// Returns the variance.
    pub fn variance(&self) -> f64 {
        let mean = self.alive * self.table.mean;
        let square = self.alive * self.table.mean_square;
        self.unit * self.unit * (square - mean * mean).max(0.0)
    }
}

/// Numbers of purchases, evenly apart, with their probabilities; where there are many, neighbours stand together at
/// their middle.
struct Numbers {
    first: f64,
    apart: f64,
    probabilities: Vec<f64>,
}

impl Numbers {
    /// Returns the numbers from 1 on that are probable.
    fn of(purchases: &[f64]) -> Numbers {
        let some = purchases.get(1..).unwrap_or_default();
        let is_likely = |p: &f64| *p > NEGLIGIBLE;
        let Some(begin) = some.iter().position(is_likely) else {
            return Numbers { first: 1.0, apart: 1.0, probabilities: Vec::new() };
        };
        let end = some.iter().rposition(is_likely).map_or(begin, |last| last) + 1;
        let width = (end - begin).div_ceil(MOST_NUMBERS).max(1);
        Numbers {
            first: 1.0 + begin as f64 + (width - 1) as f64 / 2.0,
            apart: width as f64,
            probabilities: some[begin..end].chunks(width).map(|of_chunk| of_chunk.iter().sum()).collect(),
        }
    }

    fn iter(&self) -> impl Iterator<Item = (f64, f64)> {
        self.probabilities.iter().enumerate().map(|(n, p)| (self.first + self.apart * n as f64, *p))
    }
}

/// Points evenly apart in the logarithm.
struct Grid {
    from: f64,
    step: f64,
    mean: f64,
}

impl Grid {
    /// Returns the grid that holds the distribution: of a beta prime variable mean and variance of the logarithm are
    /// differences and sums of digamma and trigamma functions.
    fn of(numbers: &Numbers, p: f64, shape: f64) -> Grid {
        let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
        let (digamma_of_shape, trigamma_of_shape) = (digamma(shape), trigamma(shape));
        for (number, probability) in numbers.iter() {
            let of_mean = digamma(p * number) - digamma_of_shape;
            let of_variance = trigamma(p * number) + trigamma_of_shape;
            total += probability;
            mean += probability * of_mean;
            square += probability * (of_variance + of_mean * of_mean);
        }
        if total <= 0.0 {
            return Grid { from: 0.0, step: 1.0, mean: 0.0 };
        }
        mean /= total;
        let deviation = (square / total - mean * mean).max(0.0).sqrt().max(1e-6);
        Grid { from: mean - BELOW * deviation, step: (BELOW + ABOVE) * deviation / (POINTS - 1) as f64, mean }
    }

    fn point(&self, n: usize) -> f64 {
        self.from + self.step * n as f64
    }
}

/// The logarithms of `w` and `1 − w` where `w / (1 − w)` has this logarithm.
fn log_parts(log: f64) -> (f64, f64) {
    // ln(1 + e^log) without overflow.
    let log_one_more = log.max(0.0) + (-log.abs()).exp().ln_1p();
    (log - log_one_more, -log_one_more)
}

/// The density along the grid: a polynomial by Horner's rule, its coefficients scaled to the middle of the distribution.
fn density(numbers: &Numbers, grid: &Grid, p: f64, shape: f64) -> [f64; POINTS] {
    let (log_middle, _) = log_parts(grid.mean);
    let logs: Vec<f64> = numbers
        .iter()
        .map(|(number, probability)| probability.ln() - ln_beta(p * number, shape) + p * number * log_middle)
        .collect();
    let greatest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let coefficients: Vec<f64> = logs.iter().map(|log| (log - greatest).exp()).collect();
    let (mut sums, mut powers, mut outer) = ([0.0; POINTS], [0.0; POINTS], [0.0; POINTS]);
    let most = SAFE_EFOLDS / coefficients.len().max(1) as f64;
    // Far below the middle only the first terms count, as long as they are numbers.
    let least = match logs.iter().all(|log| log - greatest > -SAFE_EFOLDS) {
        true => f64::NEG_INFINITY,
        false => -most,
    };
    for point in 0..POINTS {
        let (log_part, log_rest) = log_parts(grid.point(point));
        let from_middle = p * (log_part - log_middle);
        let log_power = numbers.apart * from_middle;
        let log_outer = greatest + numbers.first * from_middle + shape * log_rest;
        if (least..=most).contains(&log_power) {
            powers[point] = log_power.exp();
            outer[point] = log_outer.exp();
        } else {
            // Term by term, in logarithms: purchases so alike that powers of the part leave the range of numbers.
            let terms = logs.iter().enumerate();
            sums[point] =
                terms.map(|(n, log)| (log - greatest + log_power * n as f64 + log_outer).exp()).sum();
        }
    }
    let mut polynomial = [0.0; POINTS];
    for coefficient in coefficients.iter().rev() {
        for (sum, power) in polynomial.iter_mut().zip(&powers) {
            *sum = *sum * power + coefficient;
        }
    }
    for point in 0..POINTS {
        if outer[point] > 0.0 {
            sums[point] += polynomial[point] * outer[point];
        }
    }
    sums
}

/// The derivative of digamma: by recurrence to where its asymptotic series holds (Abramowitz and Stegun 6.4.12).
fn trigamma(mut x: f64) -> f64 {
    let mut sum = 0.0;
    while x < 10.0 {
        sum += 1.0 / (x * x);
        x += 1.0;
    }
    let inverse = 1.0 / x;
    let square = inverse * inverse;
    sum + inverse * (1.0 + inverse * 0.5 + square * (1.0 / 6.0 - square * (1.0 / 30.0 - square / 42.0)))
}

#[cfg(test)]
mod tests {
    use statrs::function::beta::beta_reg;

    use super::*;

    const WORTH: GammaGamma = GammaGamma { p: 6.25, q: 3.74, gamma: 15.44 };

    #[test]
    fn of_who_will_hardly_buy_nothing_is_certain() {
        let table = MarginTable::of(&[0.95, 0.04, 0.01], WORTH, 1);
        let margin = table.margin(WORTH, Amounts { repeats: 1, sum: 20.0 }, 1.0).unwrap();
        assert_eq!((margin.quantile(0.1), margin.quantile(0.9)), (0.0, 0.0));
        assert_eq!(margin.cumulative(-1.0), 0.0);
        assert!((margin.cumulative(0.0) - 0.95).abs() < 1e-12);
    }

    /// The distribution itself: a sum of incomplete beta functions.
    #[test]
    fn the_table_is_the_distribution() {
        let worths =
            [WORTH, GammaGamma { p: 0.4, q: 1.2, gamma: 3.0 }, GammaGamma { p: 900.0, q: 800.0, gamma: 5.0 }];
        for (worth, repeats) in
            worths.into_iter().flat_map(|worth| [0_u32, 3, 60].map(|repeats| (worth, repeats)))
        {
            let purchases = [0.3, 0.25, 0.2, 0.15, 0.1];
            let amounts = Amounts { repeats, sum: 12.0 * f64::from(repeats) };
            let table = MarginTable::of(&purchases, worth, repeats);
            let margin = table.margin(worth, amounts, 0.8).unwrap();
            let shape = worth.p * f64::from(repeats) + worth.q;
            for share in [0.45, 0.5, 0.7, 0.9, 0.99] {
                let found = margin.quantile(share);
                let part = found / (found + worth.gamma + amounts.sum);
                let some: f64 =
                    (1..5).map(|n| purchases[n] * beta_reg(worth.p * n as f64, shape, part)).sum();
                let exact = 0.2 + 0.8 * (0.3 + some);
                // Where all purchases are alike the sums of one, two and three stand apart, each narrower than the grid.
                let tolerance = if worth.p > 100.0 { 0.01 } else { 0.003 };
                assert!((exact - share).abs() < tolerance, "{worth:?} {repeats} {share}: {exact}");
                assert!((margin.cumulative(found) - share).abs() < tolerance);
            }
        }
    }

    /// One purchase of a customer without a past: a gamma over a gamma.
    #[test]
    fn the_variance_is_that_of_a_single_purchase() {
        let table = MarginTable::of(&[0.0, 1.0], WORTH, 0);
        let margin = table.margin(WORTH, Amounts { repeats: 0, sum: 0.0 }, 1.0).unwrap();
        let GammaGamma { p, q, gamma } = WORTH;
        let second = gamma * gamma * p * (p + 1.0) / ((q - 1.0) * (q - 2.0));
        let mean = gamma * p / (q - 1.0);
        assert!((margin.variance() / (second - mean * mean) - 1.0).abs() < 1e-12);
    }

    /// By scipy.special.polygamma(1, x).
    #[test]
    fn trigamma_is_scipys() {
        for (x, expected) in
            [(0.1, 101.433_299_150_792_75), (1.0, 1.644_934_066_848_226_4), (25.0, 0.040_810_663_257_225_6)]
        {
            assert!((trigamma(x) / expected - 1.0).abs() < 1e-9, "{x}: {}", trigamma(x));
        }
    }
}
