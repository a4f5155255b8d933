//! What a customer will bring within a horizon, as a distribution: a number of purchases, each of a worth that is
//! known as far as the customer's earlier ones tell it.
//!
//! Given `n` purchases, their sum is a gamma variable of shape `p·n` whose scale is the customer's own; with what is
//! known of the scale after `x` repeats, `sum / (sum + γ + earlier sum)` is beta distributed with `p·n` and
//! `p·x + q`. So the distribution is a sum over `n`, and no draw is needed.

use statrs::function::beta::beta_reg;

use super::gamma_gamma::{Amounts, GammaGamma};

/// The distribution of a customer's margin.
#[derive(Debug, Clone)]
pub(super) struct MarginDistribution<'a> {
    /// The probability of each number of purchases, from 0 on.
    purchases: &'a [f64],
    p: f64,
    /// Of the customer's scale: shape and rate.
    shape: f64,
    rate: f64,
}

/// Probabilities of numbers of purchases that change no quantile.
const NEGLIGIBLE: f64 = 1e-6;
/// The width of the bracket at which a quantile is found, relative to it.
const PRECISION: f64 = 1e-5;
/// Of more numbers of purchases neighbours are taken together.
const MOST_NUMBERS: usize = 64;

impl<'a> MarginDistribution<'a> {
    /// Returns the distribution; `purchases` holds the probability of each number from 0 on. `None` where what the
    /// earlier purchases are worth says nothing, because their sum is far below 0.
    pub fn of(purchases: &'a [f64], worth: GammaGamma, amounts: Amounts) -> Option<Self> {
        let rate = worth.gamma + amounts.sum;
        (rate > 0.0).then_some(MarginDistribution {
            purchases,
            p: worth.p,
            shape: worth.p * f64::from(amounts.repeats) + worth.q,
            rate,
        })
    }

    /// Returns the probability that the margin is at most this.
    pub fn cumulative(&self, margin: f64) -> f64 {
        if margin < 0.0 {
            return 0.0;
        }
        let share = margin / (margin + self.rate);
        let some: f64 =
            self.numbers()
                .map(|(number, probability)| {
                    if share <= 0.0 {
                        0.0
                    } else {
                        probability * beta_reg(self.p * number, self.shape, share)
                    }
                })
                .sum();
        (self.nothing() + some).min(1.0)
    }

    /// Returns the margin below which this share of the probability lies; 0 where it is that of no purchase.
    pub fn quantile(&self, share: f64) -> f64 {
        if share <= self.nothing() {
            return 0.0;
        }
        // The bracket grows from the mean of the purchases to where it holds the quantile.
        let mut high = self.rate.max(f64::MIN_POSITIVE);
        let mut low = 0.0;
        for _ in 0..200 {
            if self.cumulative(high) >= share {
                break;
            }
            (low, high) = (high, high * 2.0);
        }
        while high - low > PRECISION * high {
            let middle = 0.5 * (low + high);
            if self.cumulative(middle) < share { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// Returns the variance; `None` where it has no end.
    pub fn variance(&self) -> Option<f64> {
        if self.shape <= 2.0 {
            return None;
        }
        let (mut mean, mut square) = (0.0, 0.0);
        for (number, probability) in self.numbers() {
            let gamma = self.p * number;
            mean += probability * gamma;
            square += probability * gamma * (gamma + 1.0);
        }
        mean *= self.rate / (self.shape - 1.0);
        square *= self.rate * self.rate / ((self.shape - 1.0) * (self.shape - 2.0));
        Some((square - mean * mean).max(0.0))
    }

    fn nothing(&self) -> f64 {
        self.purchases.first().copied().unwrap_or(1.0)
    }

    /// Numbers of purchases from 1 on with their probabilities; where there are many, neighbours stand together at
    /// their mean.
    fn numbers(&self) -> impl Iterator<Item = (f64, f64)> {
        let width = self.purchases.len().div_ceil(MOST_NUMBERS).max(1);
        self.purchases.get(1..).unwrap_or_default().chunks(width).enumerate().filter_map(
            move |(chunk, of_chunk)| {
                let probability: f64 = of_chunk.iter().sum();
                let first = 1.0 + (chunk * width) as f64;
                let mean = of_chunk.iter().enumerate().map(|(i, p)| (first + i as f64) * p).sum::<f64>()
                    / probability;
                (probability > NEGLIGIBLE).then_some((mean, probability))
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORTH: GammaGamma = GammaGamma { p: 6.25, q: 3.74, gamma: 15.44 };

    #[test]
    fn of_who_will_hardly_buy_nothing_is_certain() {
        let purchases = [0.95, 0.04, 0.01];
        let amounts = Amounts { repeats: 1, sum: 20.0 };
        let margin = MarginDistribution::of(&purchases, WORTH, amounts).unwrap();
        assert_eq!((margin.quantile(0.1), margin.quantile(0.9)), (0.0, 0.0));
        assert_eq!(margin.cumulative(-1.0), 0.0);
        assert!((margin.cumulative(0.0) - 0.95).abs() < 1e-12);
    }

    #[test]
    fn a_quantile_is_where_its_share_lies() {
        let purchases: Vec<f64> = (0..200).map(|_| 1.0 / 200.0).collect();
        let amounts = Amounts { repeats: 12, sum: 12.0 * 35.0 };
        let margin = MarginDistribution::of(&purchases, WORTH, amounts).unwrap();
        for share in [0.1, 0.5, 0.9, 0.999] {
            let found = margin.cumulative(margin.quantile(share));
            assert!((found - share).abs() < 1e-3, "{share}: {found}");
        }
    }

    /// One purchase of a customer without a past: a gamma over a gamma, so mean and variance are those of the paper.
    #[test]
    fn the_variance_is_that_of_a_single_purchase() {
        let margin = MarginDistribution::of(&[0.0, 1.0], WORTH, Amounts { repeats: 0, sum: 0.0 }).unwrap();
        let GammaGamma { p, q, gamma } = WORTH;
        let second = gamma * gamma * p * (p + 1.0) / ((q - 1.0) * (q - 2.0));
        let mean = gamma * p / (q - 1.0);
        assert!((margin.variance().unwrap() / (second - mean * mean) - 1.0).abs() < 1e-12);
    }
}
