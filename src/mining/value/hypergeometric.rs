//! Gauss's hypergeometric function, as far as the models of purchases need it.

const MOST_TERMS: u64 = 1_000_000;

/// Returns the logarithm of ₂F₁(a, b; c; −z) for positive a, b, z and c > b: all its values lie between 0 and 1.
///
/// The argument −z is brought into the circle of convergence by Pfaff's transformation, of which there are two; the
/// one whose terms are all positive is taken unless the other's hardly alternate and are fewer.
pub(super) fn ln_2f1_of_negative(a: f64, b: f64, c: f64, z: f64) -> f64 {
    let w = z / (1.0 + z);
    // (1 + z)^−b · ₂F₁(c − a, b; c; w)
    if c - a > -1.0 {
        let sum = series(c - a, b, c, w);
        if sum > 0.0 && sum.is_finite() {
            return sum.ln() - b * z.ln_1p();
        }
    }
    // (1 + z)^−a · ₂F₁(a, c − b; c; w)
    ln_positive_series(a, c - b, c, w) - a * z.ln_1p()
}

fn series(a: f64, b: f64, c: f64, w: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for n in 0..MOST_TERMS {
        let n = n as f64;
        term *= (a + n) * (b + n) / ((c + n) * (n + 1.0)) * w;
        sum += term;
        if term.abs() <= f64::EPSILON * 0.1 * sum.abs() {
            break;
        }
    }
    sum
}

/// The sum of positive terms that may overflow: it is rescaled on the way.
fn ln_positive_series(a: f64, b: f64, c: f64, w: f64) -> f64 {
    const LARGE: f64 = 1e200;
    let (mut sum, mut term, mut log_scale) = (1.0, 1.0, 0.0);
    for n in 0..MOST_TERMS {
        let n = n as f64;
        let ratio = (a + n) * (b + n) / ((c + n) * (n + 1.0)) * w;
        term *= ratio;
        sum += term;
        if sum > LARGE {
            sum /= LARGE;
            term /= LARGE;
            log_scale += LARGE.ln();
        }
        if ratio < 1.0 && term <= f64::EPSILON * 0.1 * sum * (1.0 - ratio) {
            break;
        }
    }
    sum.ln() + log_scale
}

#[cfg(test)]
mod tests {
    use super::*;

    /// log(mpmath.hyp2f1(a, b, c, -z)) with 40 digits.
    const MPMATH: [(f64, f64, f64, f64, f64); 6] = [
        (1.243, 0.793, 3.219, 2.0, -0.402_357_654_043_857_8),
        (3.2, 0.8, 5.2, 0.5, -0.210_457_651_783_150_6),
        (300.5, 0.8, 303.2, 20.0, -2.428_784_857_713_865),
        (1.5, 1.0, 2.0, 1e4, -8.527_243_022_257_237),
        (20_001.0, 1e-4, 20_000.0, 0.1, -9.531_472_525_887_136e-6),
        (2.0, 5.0, 5.5, 3.0, -2.597_072_245_278_117),
    ];

    #[test]
    fn values_are_those_of_mpmath() {
        for (a, b, c, z, expected) in MPMATH {
            let found = ln_2f1_of_negative(a, b, c, z);
            assert!(
                (found - expected).abs() < 1e-10 * expected.abs().max(1.0),
                "{a} {b} {c} {z}: {found} {expected}"
            );
        }
    }
}
