//! Pareto/NBD: who buys at random, at a rate of one's own, until leaving at a time nobody sees.
//!
//! Schmittlein, Morrison and Colombo (1987), Counting Your Customers, Management Science 33(1); the notation is that of
//! Fader and Hardie (2005), "A Note on Deriving the Pareto/NBD Model". Rates of purchase are gamma distributed
//! (`r`, `α`), rates of leaving likewise (`s`, `β`); time is in weeks.

use super::bg_nbd::Rising;
use super::history::{History, Weighted};
use super::optimum::{Likelihood, Slope, summed};
use super::quadrature::{integral, integrals};

/// The parameters, in the order in which they are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ParetoNbd {
    pub r: f64,
    pub alpha: f64,
    pub s: f64,
    pub beta: f64,
}

/// What a history says of when the customer left: the logarithm of the likelihood, less what the purchases say, and
/// its derivatives.
struct TimeOfLeaving {
    log: f64,
    /// By `r`, `α`, `s` and `β`.
    slopes: [f64; 4],
}

/// Beyond so many e-folds nothing is left of an integrand.
const EFOLDS: f64 = 40.0;
/// As many as a panel of the quadrature takes without losing a digit.
const EFOLDS_OF_A_PANEL: f64 = 14.0;

impl ParetoNbd {
    pub const NAMES: [&'static str; 4] = ["r", "alpha", "s", "beta"];

    pub fn of([r, alpha, s, beta]: [f64; 4]) -> Self {
        ParetoNbd { r, alpha, s, beta }
    }

    /// Returns the probability that the customer has not left.
    pub fn probability_alive(&self, history: History) -> f64 {
        let span = self.span(history);
        let mut left = 0.0;
        for (begin, end) in span.panels() {
            left += integral(begin, end, |log_alpha| self.density(&span, log_alpha).0);
        }
        let stayed = (span.stays - span.most).exp();
        stayed / (stayed + left)
    }

    /// Where leaving is looked for: from the last purchase to now.
    fn span(&self, history: History) -> Span {
        let ParetoNbd { r, alpha, s, beta } = *self;
        let shape = r + f64::from(history.repeats);
        let (now, last) = (history.age(), history.last());
        let ln_alpha_now = (alpha + now).ln();
        let stays = -shape * ln_alpha_now - s * (beta + now).ln();
        let from = (alpha + last).ln();
        let steepness = shape + s * (alpha + last) / (beta + last);
        Span {
            shape,
            stays,
            from,
            // The integrand at the last purchase is its largest value.
            most: (-(shape) * from - s * (beta + last).ln()).max(stays),
            to: ln_alpha_now.min(from + EFOLDS / steepness.max(f64::MIN_POSITIVE)),
            steepness,
        }
    }

    /// The density of leaving at `u`, by the logarithm of `α + u`, and the logarithm of `β + u`.
    fn density(&self, span: &Span, log_alpha: f64) -> (f64, f64) {
        let at_alpha = log_alpha.exp();
        let ln_beta = (at_alpha - self.alpha + self.beta).ln();
        let exponent = -span.shape * log_alpha - (self.s + 1.0) * ln_beta - span.most;
        (self.s * exponent.exp() * at_alpha, ln_beta)
    }

    /// `(α+T)^−(r+x) (β+T)^−s + s ∫ (α+u)^−(r+x) (β+u)^−(s+1) du`, u from the last purchase to now: the closed form is
    /// a difference of two hypergeometric functions, in which digits are lost; the integral loses none. It is taken in
    /// the logarithm of `α + u`, in which the integrand falls evenly.
    fn time_of_leaving(&self, history: History) -> TimeOfLeaving {
        let ParetoNbd { alpha, s, beta, .. } = *self;
        let span = self.span(history);
        let now = history.age();
        let mut sums = [0.0; 5];
        for (begin, end) in span.panels() {
            let parts = integrals(begin, end, |log_alpha| {
                let (value, ln_beta) = self.density(&span, log_alpha);
                let at_alpha = log_alpha.exp();
                [
                    value,
                    -value * log_alpha,
                    -value * span.shape / at_alpha,
                    value * (1.0 / s - ln_beta),
                    -value * (s + 1.0) / (at_alpha - alpha + beta),
                ]
            });
            for (sum, part) in sums.iter_mut().zip(parts) {
                *sum += part;
            }
        }
        let stayed = (span.stays - span.most).exp();
        let total = stayed + sums[0];
        let of_staying =
            [-(alpha + now).ln(), -span.shape / (alpha + now), -(beta + now).ln(), -s / (beta + now)];
        TimeOfLeaving {
            log: span.most + total.ln(),
            slopes: std::array::from_fn(|i| (stayed * of_staying[i] + sums[i + 1]) / total),
        }
    }
}

/// The time in which a customer may have left, by the logarithm of `α` and it.
struct Span {
    /// Of the rate of purchases.
    shape: f64,
    /// The logarithm of what speaks for a customer who has not left.
    stays: f64,
    /// By which all is divided.
    most: f64,
    from: f64,
    to: f64,
    steepness: f64,
}

impl Span {
    /// As many pieces as the quadrature needs.
    fn panels(&self) -> impl Iterator<Item = (f64, f64)> + use<> {
        let (from, to) = (self.from, self.to);
        let panels =
            ((to - from) * self.steepness / EFOLDS_OF_A_PANEL).ceil().clamp(1.0, EFOLDS / EFOLDS_OF_A_PANEL);
        let width = (to - from) / panels;
        (0..panels as usize).map(move |n| (from + width * n as f64, from + width * (n + 1) as f64))
    }
}

/// Distinct histories and how many customers have each.
#[derive(Debug)]
pub(super) struct ParetoNbdLikelihood<'a> {
    histories: &'a [Weighted],
    customers: f64,
    most_repeats: usize,
}

impl<'a> ParetoNbdLikelihood<'a> {
    pub fn of(histories: &'a [Weighted]) -> Self {
        ParetoNbdLikelihood {
            histories,
            customers: histories.iter().map(|h| h.customers).sum(),
            most_repeats: histories.iter().map(|h| h.history.repeats).max().unwrap_or(0) as usize,
        }
    }
}

impl Likelihood for ParetoNbdLikelihood<'_> {
    fn slope(&self, logs: &[f64]) -> Slope {
        let along = [logs[0].exp(), logs[1].exp(), logs[2].exp(), logs[3].exp()];
        let [r, alpha, s, beta] = along;
        let model = ParetoNbd { r, alpha, s, beta };
        let rates = Rising::of(r, self.most_repeats);
        let [sum, gradient @ ..] = summed(self.histories, |histories| {
            let mut sums = [0.0; 5];
            for Weighted { history, customers } in histories {
                let repeats = history.repeats as usize;
                let TimeOfLeaving { log, slopes } = model.time_of_leaving(*history);
                sums[0] += customers * (rates.logs[repeats] + r * logs[1] + s * logs[3] + log);
                sums[1] += customers * (rates.slopes[repeats] + logs[1] + slopes[0]);
                sums[2] += customers * (r / alpha + slopes[1]);
                sums[3] += customers * (logs[3] + slopes[2]);
                sums[4] += customers * (s / beta + slopes[3]);
            }
            sums
        });
        Slope {
            log_likelihood: sum / self.customers,
            gradient: (0..4).map(|i| gradient[i] * along[i] / self.customers).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::value::optimum::assert_gradient;

    #[test]
    fn the_gradient_is_that_of_the_likelihood() {
        let histories = [(0, 0, 10), (0, 0, 0), (1, 3, 3), (4, 70, 300), (250, 900, 1000), (3, 5, 4000)].map(
            |(repeats, last_day, age_days)| Weighted {
                history: History { repeats, last_day, age_days },
                customers: 1.0 + f64::from(repeats),
            },
        );
        let likelihood = ParetoNbdLikelihood::of(&histories);
        assert_gradient(&likelihood, [-0.3, 1.2, 0.4, 0.9]);
    }

    /// Fader and Hardie (2005), "A Note on Deriving the Pareto/NBD Model", their closed form by hypergeometric functions,
    /// computed with mpmath.
    #[test]
    fn the_likelihood_is_that_of_the_closed_form() {
        let histories =
            [Weighted { history: History { repeats: 2, last_day: 213, age_days: 272 }, customers: 1.0 }];
        let logs = [0.553_f64, 10.578, 0.606, 11.669].map(f64::ln);
        let found = ParetoNbdLikelihood::of(&histories).slope(&logs).log_likelihood;
        assert!((found - (-9.554_122_824_149_03)).abs() < 1e-9, "{found}");
    }
}
