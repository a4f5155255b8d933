//! Integrals by Gauss and Legendre, with a fixed number of points: the same sum in every run.

use std::f64::consts::PI;
use std::sync::OnceLock;

const POINTS: usize = 20;

/// Returns the integral of a smooth function over an interval.
pub(super) fn integral(from: f64, to: f64, mut f: impl FnMut(f64) -> f64) -> f64 {
    let [integral] = integrals(from, to, |x| [f(x)]);
    integral
}

/// Returns the integrals of several smooth functions over an interval, taken at the same points.
pub(super) fn integrals<const N: usize>(from: f64, to: f64, mut f: impl FnMut(f64) -> [f64; N]) -> [f64; N] {
    let (half, middle) = ((to - from) / 2.0, (to + from) / 2.0);
    let mut sums = [0.0; N];
    // Plain loops: this is where the fits spend their time, also in builds without optimisation.
    for (point, weight) in rule() {
        let values = f(middle + half * point);
        let weight = half * weight;
        let mut k = 0;
        while k < N {
            sums[k] += weight * values[k];
            k += 1;
        }
    }
    sums
}

/// The points of [-1, 1] and their weights: the roots of the Legendre polynomial, by Newton's method.
fn rule() -> &'static [(f64, f64); POINTS] {
    static RULE: OnceLock<[(f64, f64); POINTS]> = OnceLock::new();
    RULE.get_or_init(|| {
        std::array::from_fn(|i| {
            let n = POINTS as f64;
            let mut x = (PI * (i as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (mut value, mut before) = (1.0, 0.0);
                for k in 0..POINTS {
                    let k = k as f64;
                    (value, before) = (((2.0 * k + 1.0) * x * value - k * before) / (k + 1.0), value);
                }
                slope = n * (x * value - before) / (x * x - 1.0);
                let step = value / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_of_high_degree_is_exact() {
        let found = integral(0.0, 2.0, |x| x.powi(31));
        assert!((found / (2f64.powi(32) / 32.0) - 1.0).abs() < 1e-13, "{found}");
    }
}
