//! Shifted beta geometric: at each renewal a contract ends with a chance of its own.
//!
//! Fader and Hardie (2007), "How to Project Customer Retention", Journal of Interactive Marketing 21(1). The chances to
//! end are beta distributed (`α`, `β`): those who leave easily leave first, so that retention rises with tenure though
//! nobody's own does. What is to come of a contract that has been renewed is of Fader and Hardie (2010), "Customer-Base
//! Valuation in a Contractual Setting", Marketing Science 29(1). The likelihood depends on the tenure alone, so it is
//! summed over the distinct ones; what still runs is censored.

use crate::mining::value::bg_nbd::Rising;
use crate::mining::value::optimum::{Likelihood, Slope};

/// The parameters, in the order in which they are fitted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ShiftedBetaGeometric {
    pub alpha: f64,
    pub beta: f64,
}

/// Contracts of one tenure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tenure {
    /// Renewals that have passed; of what has ended the one at which it did.
    pub periods: u32,
    pub ended: bool,
    pub contracts: f64,
}

/// A term below this part of the sum changes no digit of it.
const NEGLIGIBLE: f64 = 1e-16;
const MOST_TERMS: u32 = 1_000_000;

impl ShiftedBetaGeometric {
    pub const NAMES: [&'static str; 2] = ["alpha", "beta"];

    pub fn of([alpha, beta]: [f64; 2]) -> Self {
        ShiftedBetaGeometric { alpha, beta }
    }

    /// What it is fitted along.
    pub const FITTED: [&'static str; 2] = ["alpha", "beta / alpha"];

    /// Returns the model of an optimum of [`TenureLikelihood`].
    pub fn fitted(parameters: &[f64]) -> Self {
        ShiftedBetaGeometric { alpha: parameters[0], beta: parameters[0] * parameters[1] }
    }

    /// Returns its parameters, in their order.
    pub fn parameters(self) -> [f64; 2] {
        [self.alpha, self.beta]
    }

    /// Returns the chance that a contract which was renewed so many times is renewed again.
    pub fn retention(self, renewed: u32) -> f64 {
        let stayed = self.beta + f64::from(renewed);
        stayed / (self.alpha + stayed)
    }

    /// Returns the chance that a contract which was renewed so many times still runs after one more renewal, after two,
    /// and so on.
    pub fn stays(self, renewed: u32, ahead: u32) -> Vec<f64> {
        let mut stays = 1.0;
        let after = (0..ahead).map(|more| {
            stays *= self.retention(renewed.saturating_add(more));
            stays
        });
        after.collect()
    }

    /// Returns how many renewals are to come of a contract which was renewed so many times, the next one counted in full
    /// and each later one by `discount` less: the discounted expected residual lifetime (DERL). `None` where that has no
    /// end.
    pub fn residual_lifetime(self, renewed: u32, discount: f64) -> Option<f64> {
        if discount >= 1.0 {
            // A telescoping sum; for α of 1 and below some stay for ever.
            return (self.alpha > 1.0).then(|| (self.beta + f64::from(renewed)) / (self.alpha - 1.0));
        }
        let (mut sum, mut term) = (0.0, self.retention(renewed));
        for more in 1..MOST_TERMS {
            sum += term;
            term *= discount * self.retention(renewed.saturating_add(more));
            if term <= NEGLIGIBLE * sum * (1.0 - discount) {
                break;
            }
        }
        Some(sum)
    }
}

/// Distinct tenures and how many contracts have each. It is fitted along `α`, which says how alike contracts are, and
/// `β / α`, which says how many stay at the first renewal: where all are alike `α` has no end, and the other has.
#[derive(Debug)]
pub(super) struct TenureLikelihood<'a> {
    tenures: &'a [Tenure],
    contracts: f64,
    most: usize,
}

impl<'a> TenureLikelihood<'a> {
    pub fn of(tenures: &'a [Tenure]) -> Self {
        TenureLikelihood {
            tenures,
            contracts: tenures.iter().map(|tenure| tenure.contracts).sum(),
            most: tenures.iter().map(|tenure| tenure.periods).max().unwrap_or(0) as usize,
        }
    }
}

impl Likelihood for TenureLikelihood<'_> {
    /// `S(t) = B(α, β + t) / B(α, β)` of what was renewed t times; `P(t) = α / (α + β + t − 1) · S(t − 1)` of what ended
    /// at the t-th renewal.
    fn slope(&self, logs: &[f64]) -> Slope {
        let [alpha, beta] = [logs[0].exp(), (logs[0] + logs[1]).exp()];
        let (stays, all) = (Rising::of(beta, self.most), Rising::of(alpha + beta, self.most));
        let (mut sum, mut gradient) = (0.0, [0.0; 2]);
        for Tenure { periods, ended, contracts } in self.tenures {
            let renewed = *periods as usize - usize::from(*ended);
            let mut log = stays.logs[renewed] - all.logs[renewed];
            let mut slopes = [-all.slopes[renewed], stays.slopes[renewed] - all.slopes[renewed]];
            if *ended {
                let hazard = 1.0 / (alpha + beta + renewed as f64);
                log += logs[0] + hazard.ln();
                slopes[0] += 1.0 / alpha - hazard;
                slopes[1] -= hazard;
            }
            sum += contracts * log;
            gradient[0] += contracts * slopes[0];
            gradient[1] += contracts * slopes[1];
        }
        let [of_alpha, of_beta] = [gradient[0] * alpha, gradient[1] * beta];
        Slope {
            log_likelihood: sum / self.contracts,
            gradient: vec![(of_alpha + of_beta) / self.contracts, of_beta / self.contracts],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::value::optimum::assert_gradient;

    /// Fader and Hardie (2007), the segment "High End", fitted on seven years.
    const HIGH_END: ShiftedBetaGeometric = ShiftedBetaGeometric { alpha: 0.668_089, beta: 3.806_101 };

    #[test]
    fn the_gradient_is_that_of_the_likelihood() {
        let tenures = [(1, true), (1, false), (2, true), (7, false), (300, true), (300, false)]
            .map(|(periods, ended)| Tenure { periods, ended, contracts: 1.0 + f64::from(periods) });
        assert_gradient(&TenureLikelihood::of(&tenures), [-0.4, 1.3]);
    }

    /// By scipy: B(α, β + t) / B(α, β) for the years 8 to 12.
    #[test]
    fn the_projection_of_the_paper_comes_out() {
        let stays = HIGH_END.stays(0, 12);
        for (found, expected) in
            stays[7..].iter().zip([0.460_440, 0.435_779, 0.414_172, 0.395_055, 0.377_999])
        {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    /// Fader and Hardie (2010), equation 6, with scipy's 2F1, at 10% a year.
    #[test]
    fn the_residual_lifetime_is_that_of_the_paper() {
        for (renewed, expected) in [(0, 5.414_48), (1, 5.901_38), (2, 6.293_89), (4, 6.896_70), (7, 7.529_63)]
        {
            let found = HIGH_END.residual_lifetime(renewed, 1.0 / 1.1).unwrap();
            assert!((found - expected).abs() < 1e-4, "{renewed}: {found} {expected}");
        }
    }

    #[test]
    fn without_a_discount_a_lifetime_may_have_no_end() {
        assert_eq!(HIGH_END.residual_lifetime(3, 1.0), None);
        let leaves = ShiftedBetaGeometric { alpha: 3.0, beta: 2.0 };
        let summed: f64 = leaves.stays(1, 100_000).iter().sum();
        assert!((leaves.residual_lifetime(1, 1.0).unwrap() - summed).abs() < 1e-3);
    }
}
