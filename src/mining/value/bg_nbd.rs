//! BG/NBD: who buys at random, at a rate of one's own, and after each purchase may leave for good.
//!
//! Fader, Hardie and Lee (2005), "Counting your customers" the easy way, Marketing Science 24(2). Rates are
//! gamma distributed (`r`, `α`), chances to leave after a purchase beta distributed (`a`, `b`); time is in weeks.
//! The likelihood depends on a customer's history alone, so it is summed over the distinct ones.

use super::history::{DAYS_A_WEEK, History, Weighted};
use super::optimum::{Likelihood, Slope, summed};

/// The parameters, in the order in which they are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BgNbd {
    pub r: f64,
    pub alpha: f64,
    pub a: f64,
    pub b: f64,
}

impl BgNbd {
    pub const NAMES: [&'static str; 4] = ["r", "alpha", "a", "b"];

    pub fn of([r, alpha, a, b]: [f64; 4]) -> Self {
        BgNbd { r, alpha, a, b }
    }

    /// Returns the probability that the customer has not left; of one without a repeat it is 1 by the model, which
    /// lets nobody leave but after a purchase.
    pub fn probability_alive(&self, history: History) -> f64 {
        if history.repeats == 0 {
            return 1.0;
        }
        let x = f64::from(history.repeats);
        let since_last = ((self.alpha + history.age()) / (self.alpha + history.last())).ln();
        let odds = (self.a / (self.b + x - 1.0)).ln() + (self.r + x) * since_last;
        1.0 / (1.0 + odds.exp())
    }
}

/// Distinct histories and how many customers have each.
#[derive(Debug)]
pub(super) struct BgNbdLikelihood<'a> {
    histories: &'a [Weighted],
    customers: f64,
    most_repeats: usize,
    most_days: usize,
}

impl<'a> BgNbdLikelihood<'a> {
    pub fn of(histories: &'a [Weighted]) -> Self {
        let most =
            |f: fn(&History) -> u32| histories.iter().map(|h| f(&h.history)).max().unwrap_or(0) as usize;
        BgNbdLikelihood {
            histories,
            customers: histories.iter().map(|h| h.customers).sum(),
            most_repeats: most(|h| h.repeats),
            most_days: most(|h| h.age_days),
        }
    }
}

impl Likelihood for BgNbdLikelihood<'_> {
    fn slope(&self, logs: &[f64]) -> Slope {
        let [r, alpha, a, b] = [logs[0].exp(), logs[1].exp(), logs[2].exp(), logs[3].exp()];
        // Γ(r + x) / Γ(r) and its like are sums over the purchases: one table serves all customers.
        let (rates, stays, all) = (
            Rising::of(r, self.most_repeats),
            Rising::of(b, self.most_repeats),
            Rising::of(a + b, self.most_repeats),
        );
        let log_time: Vec<f64> =
            (0..=self.most_days).map(|day| (alpha + day as f64 / DAYS_A_WEEK).ln()).collect();
        let (ln_a, ln_alpha) = (logs[2], logs[1]);
        let [sum, gradient @ ..] = summed(self.histories, |histories| {
            let mut sums = [0.0; 5];
            for Weighted { history, customers } in histories {
                let repeats = history.repeats as usize;
                let x = f64::from(history.repeats);
                let (ln_now, ln_last) =
                    (log_time[history.age_days as usize], log_time[history.last_day as usize]);
                let stayed = -(r + x) * ln_now;
                // How much of the likelihood is that the customer left at the last purchase.
                let (log_sum, left) = if repeats == 0 {
                    (stayed, 0.0)
                } else {
                    let gone = ln_a - (b + x - 1.0).ln() - (r + x) * ln_last;
                    let less = (-(stayed - gone).abs()).exp();
                    let left = if gone > stayed { 1.0 / (1.0 + less) } else { less / (1.0 + less) };
                    (stayed.max(gone) + less.ln_1p(), left)
                };
                sums[0] += customers
                    * (rates.logs[repeats] + r * ln_alpha + stays.logs[repeats] - all.logs[repeats]
                        + log_sum);
                let (now, last) = (1.0 / (alpha + history.age()), 1.0 / (alpha + history.last()));
                sums[1] +=
                    customers * (rates.slopes[repeats] + ln_alpha - (1.0 - left) * ln_now - left * ln_last);
                sums[2] += customers * (r / alpha - (r + x) * ((1.0 - left) * now + left * last));
                sums[3] += customers * (left / a - all.slopes[repeats]);
                let of_last = if repeats == 0 { 0.0 } else { left / (b + x - 1.0) };
                sums[4] += customers * (stays.slopes[repeats] - all.slopes[repeats] - of_last);
            }
            sums
        });
        let along = [r, alpha, a, b];
        Slope {
            log_likelihood: sum / self.customers,
            gradient: (0..4).map(|i| gradient[i] * along[i] / self.customers).collect(),
        }
    }
}

/// `ln Γ(c + x) − ln Γ(c)` and its derivative, for x from 0 on.
pub(super) struct Rising {
    pub logs: Vec<f64>,
    pub slopes: Vec<f64>,
}

impl Rising {
    pub fn of(c: f64, most: usize) -> Rising {
        let mut rising = Rising { logs: vec![0.0], slopes: vec![0.0] };
        let (mut log, mut slope) = (0.0, 0.0);
        for k in 0..most {
            let term = c + k as f64;
            log += term.ln();
            slope += 1.0 / term;
            rising.logs.push(log);
            rising.slopes.push(slope);
        }
        rising
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::value::future::PurchaseModel;
    use crate::mining::value::optimum::assert_gradient;

    /// The parameters of the paper, for CDNOW.
    const PAPER: BgNbd = BgNbd { r: 0.243, alpha: 4.414, a: 0.793, b: 2.426 };

    /// Fader, Hardie and Lee (2005), "Implementing the BG/NBD Model for Customer Base Analysis in Excel": customer 0001
    /// with 2 repeats, the last after 30.43 of 38.86 weeks, is expected to buy 1.226 times in 39 weeks.
    #[test]
    fn the_example_of_the_authors_comes_out() {
        let history = History { repeats: 2, last_day: 213, age_days: 272 };
        let model = PurchaseModel::BgNbd(PAPER);
        let expected = model.probability_alive(history) * model.future(history).expected(39.0, 0.0).0;
        assert!((expected - 1.226).abs() < 0.001, "{expected}");
    }

    #[test]
    fn the_gradient_is_that_of_the_likelihood() {
        let histories = [(0, 0, 10), (0, 0, 0), (1, 3, 3), (4, 70, 300), (250, 900, 1000)].map(
            |(repeats, last_day, age_days)| Weighted {
                history: History { repeats, last_day, age_days },
                customers: 1.0 + f64::from(repeats),
            },
        );
        let likelihood = BgNbdLikelihood::of(&histories);
        assert_gradient(&likelihood, [-0.7, 1.5, 0.2, 1.1]);
    }

    #[test]
    fn who_bought_once_cannot_have_left() {
        assert_eq!(PAPER.probability_alive(History { repeats: 0, last_day: 0, age_days: 10_000 }), 1.0);
        let long_ago = History { repeats: 30, last_day: 30, age_days: 3_000 };
        assert!(PAPER.probability_alive(long_ago) < 1e-6);
    }
}
