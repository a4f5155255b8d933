//! Gamma-Gamma: what a purchase of a customer is worth, between the customer's own mean and everybody's.
//!
//! Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value". The worth of a purchase is gamma distributed
//! (`p`, `ν`) with a scale of one's own, `ν` gamma distributed (`q`, `γ`). Learnt from customers with repeats whose
//! mean is above 0.

use statrs::function::gamma::{digamma, ln_gamma};

use super::optimum::{Likelihood, Slope, summed};

/// The parameters, in the order in which they are fitted; `γ` is in the unit of the amounts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GammaGamma {
    pub p: f64,
    pub q: f64,
    pub gamma: f64,
}

/// What a customer's purchases after the first are worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Amounts {
    pub repeats: u32,
    /// The sum over them.
    pub sum: f64,
}

impl GammaGamma {
    pub const NAMES: [&'static str; 3] = ["p", "q", "gamma"];

    pub fn of([p, q, gamma]: [f64; 3]) -> Self {
        GammaGamma { p, q, gamma }
    }

    /// Returns its parameters, in their order.
    pub fn parameters(self) -> [f64; 3] {
        [self.p, self.q, self.gamma]
    }

    /// Returns the expected worth of a further purchase: the customer's own mean, drawn to everybody's the more
    /// the fewer purchases there are. It is linear in the mean, so that a mean of 0 or below has an expectation
    /// too. Not finite where `q` is 1 or less and there is no repeat.
    pub fn expected(&self, amounts: Amounts) -> f64 {
        let scale = self.gamma + amounts.sum;
        self.p * scale / (self.p * f64::from(amounts.repeats) + self.q - 1.0)
    }
}

/// Customers in order of their repeats, amounts in units of their mean.
#[derive(Debug)]
pub(super) struct GammaGammaLikelihood {
    customers: Vec<Amounts>,
    /// The mean amount of a purchase, by which all are divided.
    pub unit: f64,
}

impl GammaGammaLikelihood {
    /// Returns the likelihood of customers with repeats whose amounts sum to more than 0; others are left out.
    pub fn of(customers: impl IntoIterator<Item = Amounts>) -> Self {
        let customers = usable(customers);
        let means: f64 = customers.iter().map(|amounts| amounts.sum / f64::from(amounts.repeats)).sum();
        let unit = if customers.is_empty() { 1.0 } else { means / customers.len() as f64 };
        Self::of_unit(customers, unit)
    }

    /// Returns the same, amounts divided by a given unit.
    pub fn of_unit(customers: impl IntoIterator<Item = Amounts>, unit: f64) -> Self {
        let mut customers = usable(customers);
        customers.iter_mut().for_each(|amounts| amounts.sum /= unit);
        GammaGammaLikelihood { customers, unit }
    }

    pub fn len(&self) -> usize {
        self.customers.len()
    }
}

fn usable(customers: impl IntoIterator<Item = Amounts>) -> Vec<Amounts> {
    let mut customers: Vec<Amounts> =
        customers.into_iter().filter(|amounts| amounts.repeats > 0 && amounts.sum > 0.0).collect();
    customers.sort_by(|a, b| a.repeats.cmp(&b.repeats).then(a.sum.total_cmp(&b.sum)));
    customers
}

impl Likelihood for GammaGammaLikelihood {
    fn slope(&self, logs: &[f64]) -> Slope {
        let [p, q, gamma] = [logs[0].exp(), logs[1].exp(), logs[2].exp()];
        let (ln_gamma_q, psi_q, ln_gamma_scale) = (ln_gamma(q), digamma(q), logs[2]);
        let [sum, gradient @ ..] = summed(&self.customers, |customers| {
            let mut sums = [0.0; 4];
            for of_one in customers.chunk_by(|a, b| a.repeats == b.repeats) {
                let x = f64::from(of_one[0].repeats);
                let constant = ln_gamma(p * x + q) - ln_gamma(p * x) - ln_gamma_q + q * ln_gamma_scale;
                let (psi_all, psi_p) = (digamma(p * x + q), digamma(p * x));
                for Amounts { sum: total, .. } in of_one {
                    let (ln_total, ln_scale) = (total.ln(), (gamma + total).ln());
                    sums[0] += constant + p * x * ln_total - (ln_total - x.ln()) - (p * x + q) * ln_scale;
                    sums[1] += x * (psi_all - psi_p + ln_total - ln_scale);
                    sums[2] += psi_all - psi_q + ln_gamma_scale - ln_scale;
                    sums[3] += q / gamma - (p * x + q) / (gamma + total);
                }
            }
            sums
        });
        let (count, along) = (self.customers.len() as f64, [p, q, gamma]);
        Slope {
            log_likelihood: sum / count,
            gradient: (0..3).map(|i| gradient[i] * along[i] / count).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::value::optimum::assert_gradient;

    /// Fader and Hardie (2013): customer 0001 of CDNOW spent 22.35 on average in 2 repeats and is expected to spend 24.66.
    #[test]
    fn the_example_of_the_authors_comes_out() {
        let model = GammaGamma { p: 6.25, q: 3.74, gamma: 15.44 };
        let expected = model.expected(Amounts { repeats: 2, sum: 2.0 * 22.35 });
        assert!((expected - 24.66).abs() < 0.01, "{expected}");
    }

    #[test]
    fn the_gradient_is_that_of_the_likelihood() {
        let amounts = [(1, 12.0), (2, 9.5), (2, 80.0), (40, 900.0), (1, 0.01)];
        let likelihood = GammaGammaLikelihood::of(amounts.map(|(repeats, sum)| Amounts { repeats, sum }));
        assert_gradient(&likelihood, [1.1, 0.9, -0.4]);
    }

    #[test]
    fn amounts_of_nothing_are_left_out_and_have_an_expectation() {
        let amounts = [(1, 0.0), (3, -5.0), (2, 10.0)].map(|(repeats, sum)| Amounts { repeats, sum });
        assert_eq!(GammaGammaLikelihood::of(amounts).len(), 1);
        let model = GammaGamma { p: 6.25, q: 3.74, gamma: 15.44 };
        let of = |sum: f64| model.expected(Amounts { repeats: 2, sum });
        assert!(of(0.0) > 0.0 && of(-5.0) < of(0.0) && of(0.0) < of(10.0));
    }
}
