//! Two shares and what they differ by: intervals, and how many customers it takes to see a difference.

use statrs::function::erf::{erfc, erfc_inv};

use super::qini::Counts;
use crate::mining::bootstrap::Interval;

/// The size of a two-sided test, and the chance that it sees the effect which it is planned for.
pub const ALPHA: f64 = 0.05;
pub const POWER: f64 = 0.8;

/// How many customers an experiment needs in each group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    pub treated: f64,
    pub controls: f64,
}

/// An experiment on two shares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The share of those kept back who have the outcome.
    pub base: f64,
    /// What the contact adds to it.
    pub effect: f64,
    /// Of all customers, those who are contacted.
    pub treated_share: f64,
    pub alpha: f64,
    pub power: f64,
}

impl Plan {
    /// Returns how many customers are needed for a two-sided test of size `alpha` to see the effect with the chance
    /// `power`: the normal approximation with the pooled variance under no effect (Fleiss, Levin and Paik 2003, 4.14,
    /// without the correction for continuity). `None` for an effect of 0, or one that leaves 0 to 1.
    pub fn size(&self) -> Option<Size> {
        let Plan { base, effect, treated_share, alpha, power } = *self;
        let (with, ratio) = (base + effect, (1.0 - treated_share) / treated_share);
        if effect == 0.0 || !(0.0..=1.0).contains(&with) || !(ratio.is_finite() && ratio > 0.0) {
            return None;
        }
        let pooled = (with + ratio * base) / (1.0 + ratio);
        let under_none = (pooled * (1.0 - pooled) * (1.0 + 1.0 / ratio)).sqrt();
        let under_effect = (with * (1.0 - with) + base * (1.0 - base) / ratio).sqrt();
        let sum = normal_quantile(1.0 - alpha / 2.0) * under_none + normal_quantile(power) * under_effect;
        let treated = (sum / effect).powi(2);
        Some(Size { treated, controls: ratio * treated })
    }
}

/// Returns the interval of 95% of a share (Wilson 1927).
pub fn wilson(counts: Counts) -> Interval {
    let z = normal_quantile(1.0 - ALPHA / 2.0);
    let (n, p) = (counts.customers as f64, counts.rate());
    let middle = (p + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt() / (1.0 + z * z / n);
    (middle - half, middle + half)
}

/// Returns by how much the share of one group is above that of another, with an interval of 95% (Newcombe 1998,
/// method 10). `None` where a group is empty.
pub fn difference(one: Counts, other: Counts) -> Option<(f64, Interval)> {
    if one.customers == 0 || other.customers == 0 {
        return None;
    }
    let (p1, p2) = (one.rate(), other.rate());
    let ((low1, high1), (low2, high2)) = (wilson(one), wilson(other));
    let below = ((p1 - low1).powi(2) + (high2 - p2).powi(2)).sqrt();
    let above = ((high1 - p1).powi(2) + (p2 - low2).powi(2)).sqrt();
    Some((p1 - p2, (p1 - p2 - below, p1 - p2 + above)))
}

/// Returns the chance that so many of all, or fewer or more likely counts, are drawn where this share was meant to be: the
/// sample ratio test, two-sided, by the normal approximation.
pub fn sample_ratio_p(drawn: u64, all: u64, share: f64) -> f64 {
    let (n, deviation) = (all as f64, drawn as f64 - all as f64 * share);
    two_sided_p(deviation / (n * share * (1.0 - share)).sqrt())
}

/// Returns the chance of a normal deviate as far from 0.
pub fn two_sided_p(z: f64) -> f64 {
    erfc(z.abs() / std::f64::consts::SQRT_2)
}

fn normal_quantile(share: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * share)
}

#[cfg(test)]
mod tests {
    //! References: statsmodels, `samplesize_proportions_2indep_onetail` at half of alpha and
    //! `confint_proportions_2indep(method="newcomb")`; scipy.
    use super::*;

    fn counts(outcomes: u64, customers: u64) -> Counts {
        Counts { customers, outcomes }
    }

    #[test]
    fn the_size_of_an_experiment_is_that_of_statsmodels() {
        for (effect, base, treated_share, power, alpha, expected) in [
            (0.02, 0.3, 0.5, 0.8, 0.05, 8_393.197_842_663_09),
            (0.039, 0.41, 0.7, 0.8, 0.05, 4_219.621_991_927_668),
            (0.01, 0.05, 0.8, 0.9, 0.01, 39_300.861_495_040_6),
            (-0.03, 0.2, 0.4, 0.8, 0.05, 2_201.320_021_495_576),
        ] {
            let size = Plan { base, effect, treated_share, alpha, power }.size().unwrap();
            assert!((size.treated / expected - 1.0).abs() < 1e-6, "{size:?} is not {expected}");
            let share = size.treated / (size.treated + size.controls);
            assert!((share - treated_share).abs() < 1e-12);
        }
    }

    #[test]
    fn no_experiment_sees_nothing_or_more_than_all() {
        let plan = Plan { base: 0.9, effect: 0.2, treated_share: 0.5, alpha: ALPHA, power: POWER };
        assert_eq!(plan.size(), None);
        assert_eq!(Plan { effect: 0.0, ..plan }.size(), None);
        assert_eq!(Plan { effect: 0.05, treated_share: 1.0, ..plan }.size(), None);
    }

    #[test]
    fn differences_have_newcombes_interval() {
        for (one, other, low, high) in [
            (counts(56, 70), counts(48, 80), 0.052_431_472_402_364_98, 0.333_872_654_036_906_14),
            (counts(9, 10), counts(3, 10), 0.170_522_723_934_502_9, 0.809_017_973_535_488),
            (counts(10, 10), counts(0, 20), 0.679_086_037_141_914_5, 1.0),
            (counts(0, 10), counts(0, 10), -0.277_532_799_862_889_26, 0.277_532_799_862_889_26),
            (counts(130, 1000), counts(90, 800), -0.013_207_602_235_060_047, 0.047_477_887_574_376_695),
        ] {
            let (found, interval) = difference(one, other).unwrap();
            assert!((found - (one.rate() - other.rate())).abs() < 1e-15);
            assert!((interval.0 - low).abs() < 1e-9 && (interval.1 - high).abs() < 1e-9, "{interval:?}");
        }
        assert_eq!(difference(counts(0, 0), counts(1, 2)), None);
    }

    #[test]
    fn a_ratio_that_was_not_meant_is_unlikely() {
        // 2 * scipy.stats.norm.sf(abs(720 - 700) / sqrt(1000 * .7 * .3))
        assert!((sample_ratio_p(720, 1000, 0.7) - 0.167_546_277_488_617_06).abs() < 1e-9);
        assert!(sample_ratio_p(800, 1000, 0.7) < 1e-9);
        assert!((sample_ratio_p(700, 1000, 0.7) - 1.0).abs() < 1e-12);
    }
}
