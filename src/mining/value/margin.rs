//! What a customer will bring within a horizon, as a distribution: a number of purchases, each of a worth that is
//! known as far as the customer's earlier ones tell it.
//!
//! Given `n` purchases, their sum is a gamma variable of shape `p·n` over a scale of the customer's own, which after
//! `x` repeats is gamma distributed with shape `p·x + q` and rate `γ + earlier sum`. In units of that rate the sum is a
//! beta prime variable with `p·n` and `p·x + q`: its density in the logarithm is an exponential, and is summed over `n`
//! and along a grid. The rate is the only thing that differs between customers of one history, so one table serves
//! them all, and no draw is needed.

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
    /// The probability of some purchases that bring at most so much.
    cumulative: Vec<f64>,
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
const POINTS: usize = 256;
/// Standard deviations of the logarithm that the grid reaches below and above its mean.
const BELOW: f64 = 8.0;
const ABOVE: f64 = 7.0;

impl MarginTable {
    /// Returns the distribution; `purchases` holds the probability of each number from 0 on, of a customer with so many
    /// repeats who has not left.
    pub fn of(purchases: &[f64], worth: GammaGamma, repeats: u32) -> Self {
        let shape = worth.p * f64::from(repeats) + worth.q;
        let numbers = numbers(purchases);
        let (from, step) = grid(&numbers, worth.p, shape);
        let mut density = vec![0.0; POINTS];
        for (number, probability) in &numbers {
            let purchases_shape = worth.p * number;
            let log_constant = probability.ln() - ln_beta(purchases_shape, shape);
            for (point, density) in density.iter_mut().enumerate() {
                let log = from + step * point as f64;
                // ln(1 + e^log) without overflow.
                let log_one_more = log.max(0.0) + (-log.abs()).exp().ln_1p();
                *density +=
                    (log_constant + purchases_shape * log - (purchases_shape + shape) * log_one_more).exp();
            }
        }
        let some: f64 = numbers.iter().map(|(_, probability)| probability).sum();
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = density
            .iter()
            .map(|density| {
                // Half of a point's part lies below it.
                let below = sum + 0.5 * step * density;
                sum += step * density;
                below
            })
            .collect();
        // What a point more or less makes of the whole is rounding.
        if sum > 0.0 {
            cumulative.iter_mut().for_each(|c| *c *= some / sum);
        }
        let moment = |of: fn(f64) -> f64| numbers.iter().map(|(n, p)| p * of(*n)).sum::<f64>();
        let (mean_number, mean_square_number) = (moment(|n| n), moment(|n| n * n));
        let p = worth.p;
        let on_grid = |power: f64| -> f64 {
            let points = density.iter().enumerate();
            step * points.map(|(n, density)| density * (power * (from + step * n as f64)).exp()).sum::<f64>()
        };
        MarginTable {
            nothing: purchases.first().copied().unwrap_or(1.0),
            from,
            step,
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
            (Some(low), Some(high)) => low + (high - low) * (place - at as f64),
            _ => self.cumulative.last().copied().unwrap_or(0.0),
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
        let at = cumulative.partition_point(|c| *c < wanted).min(cumulative.len() - 1).max(1);
        let (low, high) = (cumulative[at - 1], cumulative[at]);
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

/// Numbers of purchases from 1 on with their probabilities; where there are many, neighbours stand together at
/// their mean.
fn numbers(purchases: &[f64]) -> Vec<(f64, f64)> {
    let some = purchases.get(1..).unwrap_or_default();
    let likely = some.iter().filter(|p| **p > NEGLIGIBLE).count();
    let width = likely.div_ceil(MOST_NUMBERS).max(1);
    let together = some.chunks(width).enumerate().filter_map(|(chunk, of_chunk)| {
        let probability: f64 = of_chunk.iter().sum();
        let first = 1.0 + (chunk * width) as f64;
        let mean =
            of_chunk.iter().enumerate().map(|(i, p)| (first + i as f64) * p).sum::<f64>() / probability;
        (probability > NEGLIGIBLE).then_some((mean, probability))
    });
    together.collect()
}

/// Returns the first point and the distance between two, in the logarithm: of a beta prime variable mean and variance of
/// the logarithm are differences and sums of digamma and trigamma functions.
fn grid(numbers: &[(f64, f64)], p: f64, shape: f64) -> (f64, f64) {
    let (mut total, mut mean, mut square) = (0.0, 0.0, 0.0);
    for (number, probability) in numbers {
        let of_mean = digamma(p * number) - digamma(shape);
        let of_variance = trigamma(p * number) + trigamma(shape);
        total += probability;
        mean += probability * of_mean;
        square += probability * (of_variance + of_mean * of_mean);
    }
    if total <= 0.0 {
        return (0.0, 1.0);
    }
    mean /= total;
    let deviation = (square / total - mean * mean).max(0.0).sqrt().max(1e-6);
    (mean - BELOW * deviation, (BELOW + ABOVE) * deviation / (POINTS - 1) as f64)
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
