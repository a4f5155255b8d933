//! Logistic regression by linfa, made exact; what did not converge is recognised.
//!
//! The loss is scikit-learn's: `Σ log(1+e^(−y·z)) + α/2·|w|²` with an unpenalised intercept, so
//! `α = 1/C`. linfa's L-BFGS is slow on badly conditioned problems and says nothing when it stops
//! early; so columns go in divided by √n, the intercept is a column of ours, and from where linfa
//! stops a few Newton steps go on to the optimum, whose gradient is the proof. linfa calls the
//! larger class positive: the sign is put right.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, ShapeBuilder};

use super::fit_error::{FitError, FitResult};
use super::score::{linear, probability};
use crate::error::Error;

/// The value of the intercept's column before the division by √n.
const INTERCEPT: f64 = 4.0;
const MOST_LINFA_ITERATIONS: u64 = 200;
const MOST_NEWTON_STEPS: usize = 100;
/// Largest component of the gradient, per row, at what is called the optimum.
const FLAT: f64 = 1e-10;

/// A fitted logistic regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    pub intercept: f64,
    pub weights: Vec<f64>,
    /// Largest component of the gradient per row: how near to the optimum.
    pub gradient: f64,
    pub newton_steps: usize,
}

impl Logistic {
    /// The probabilities of the outcome, row by row.
    pub fn predict(&self, rows: &Array2<f64>) -> Vec<f64> {
        rows.rows().into_iter().map(|row| probability(linear(self.intercept, &self.weights, row))).collect()
    }
}

/// Fits outcomes on scaled rows (finite, rows × columns); `alpha` above 0.
pub fn fit(rows: &Array2<f64>, outcomes: &[bool], alpha: f64) -> FitResult<Logistic> {
    if rows.nrows() != outcomes.len() || rows.iter().any(|v| !v.is_finite()) {
        return Err(Error::failed("the scaled features and their outcomes do not fit together").into());
    }
    if rows.ncols() == 0 {
        return Err(FitError::NotFitted("no feature varies between customers".to_owned()));
    }
    let positives = outcomes.iter().filter(|y| **y).count();
    if positives == 0 || positives == outcomes.len() {
        let all = if positives == 0 { "none" } else { "each" };
        return Err(FitError::NotFitted(format!(
            "the outcome came for {all} of {} customers: there is no difference to learn",
            outcomes.len()
        )));
    }
    let problem = Problem { rows, outcomes, alpha };
    // The intercept last. Where linfa gives up, Newton alone starts from the base rate.
    let rate = positives as f64 / outcomes.len() as f64;
    let from_base_rate = || {
        let mut start = vec![0.0; rows.ncols()];
        start.push((rate / (1.0 - rate)).ln());
        start
    };
    let start = by_linfa(rows, outcomes, alpha).unwrap_or_else(from_base_rate);
    problem.newton(start)
}

fn by_linfa(rows: &Array2<f64>, outcomes: &[bool], alpha: f64) -> Option<Vec<f64>> {
    let (n, d) = rows.dim();
    let root = (n as f64).sqrt();
    // Column-major: linfa multiplies by the transpose as often as by the matrix.
    let mut scaled = Array2::<f64>::zeros((n, d + 1).f());
    for column in 0..d {
        scaled.column_mut(column).zip_mut_with(&rows.column(column), |to, from| *to = from / root);
    }
    scaled.column_mut(d).fill(INTERCEPT / root);
    let dataset = DatasetBase::new(scaled, Array1::from_iter(outcomes.iter().copied()));
    let model = LogisticRegression::default()
        .with_intercept(false)
        .alpha(alpha / n as f64)
        .gradient_tolerance(1e-6 * root)
        .max_iterations(MOST_LINFA_ITERATIONS)
        .fit(&dataset)
        .ok()?;
    let sign = if model.labels().pos.class { 1.0 } else { -1.0 };
    let mut found: Vec<f64> = model.params().iter().map(|w| sign * w / root).collect();
    if let Some(intercept) = found.last_mut() {
        *intercept *= INTERCEPT;
    }
    found.iter().all(|w| w.is_finite()).then_some(found)
}

struct Problem<'a> {
    rows: &'a Array2<f64>,
    outcomes: &'a [bool],
    alpha: f64,
}

/// The loss and its derivatives, per row.
struct Slope {
    loss: f64,
    gradient: Vec<f64>,
    /// Lower triangle, row-major.
    hessian: Vec<f64>,
}

impl Problem<'_> {
    fn slope(&self, w: &[f64]) -> Slope {
        let d = self.rows.ncols();
        let m = d + 1;
        let n = self.outcomes.len() as f64;
        let (mut loss, mut gradient, mut hessian) = (0.0, vec![0.0; m], vec![0.0; m * m]);
        let mut with_one = vec![1.0; m];
        for (row, &outcome) in self.rows.rows().into_iter().zip(self.outcomes) {
            let z = linear(w[d], &w[..d], row);
            let y = f64::from(u8::from(outcome));
            loss += (-z.abs()).exp().ln_1p() + z.max(0.0) - y * z;
            let p = probability(z);
            with_one.iter_mut().zip(row).for_each(|(to, from)| *to = *from);
            let (residual, weight) = (p - y, p * (1.0 - p));
            for i in 0..m {
                gradient[i] += residual * with_one[i];
                let scaled = weight * with_one[i];
                let line = &mut hessian[i * m..i * m + i + 1];
                line.iter_mut().zip(&with_one).for_each(|(h, x)| *h += scaled * x);
            }
        }
        for i in 0..d {
            loss += 0.5 * self.alpha * w[i] * w[i];
            gradient[i] += self.alpha * w[i];
            hessian[i * m + i] += self.alpha;
        }
        gradient.iter_mut().for_each(|g| *g /= n);
        hessian.iter_mut().for_each(|h| *h /= n);
        Slope { loss: loss / n, gradient, hessian }
    }

    /// Newton's method with halved steps; the loss is convex, so a flat gradient is the optimum.
    fn newton(&self, mut w: Vec<f64>) -> FitResult<Logistic> {
        let steepest = |slope: &Slope| slope.gradient.iter().fold(0.0f64, |most, g| most.max(g.abs()));
        let mut slope = self.slope(&w);
        let mut steps = 0;
        while steepest(&slope) > FLAT && steps < MOST_NEWTON_STEPS {
            let direction = solve(&slope.hessian, &slope.gradient);
            let mut length = 1.0;
            let (next, at) = loop {
                let next: Vec<f64> = w.iter().zip(&direction).map(|(w, s)| w - length * s).collect();
                let at = self.slope(&next);
                if at.loss <= slope.loss || length < 1e-9 {
                    break (next, at);
                }
                length *= 0.5;
            };
            steps += 1;
            // At the limit of precision a step no longer helps.
            if steepest(&at) >= steepest(&slope) && at.loss >= slope.loss {
                break;
            }
            (w, slope) = (next, at);
        }
        let gradient = steepest(&slope);
        if !w.iter().all(|v| v.is_finite()) || gradient > 1e-7 {
            return Err(FitError::NotFitted(format!(
                "the regression did not converge (gradient {gradient:.1e} per row after {steps} steps)"
            )));
        }
        let intercept = w.pop().unwrap_or_default();
        Ok(Logistic { intercept, weights: w, gradient, newton_steps: steps })
    }
}

/// Solves `H·x = g` by Cholesky; `hessian` is the lower triangle, row-major. A direction without
/// curvature gets a tiny one, so that columns that repeat each other share their weight.
fn solve(hessian: &[f64], gradient: &[f64]) -> Vec<f64> {
    let m = gradient.len();
    let mut l = hessian.to_vec();
    for j in 0..m {
        for i in j..m {
            let mut sum = l[i * m + j];
            for k in 0..j {
                sum -= l[i * m + k] * l[j * m + k];
            }
            l[i * m + j] = if i == j { sum.max(1e-14).sqrt() } else { sum / l[j * m + j] };
        }
    }
    let mut x = gradient.to_vec();
    for i in 0..m {
        for k in 0..i {
            x[i] -= l[i * m + k] * x[k];
        }
        x[i] /= l[i * m + i];
    }
    for i in (0..m).rev() {
        for k in i + 1..m {
            x[i] -= l[k * m + i] * x[k];
        }
        x[i] /= l[i * m + i];
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::planted::uniform;

    /// 300 rows, 3 standardised columns, 33 positives.
    fn planted() -> (Array2<f64>, Vec<bool>) {
        let u = uniform(4 * 300, 11);
        let mut x = Array2::from_shape_fn((300, 3), |(r, c)| match c {
            0 => u[4 * r],
            1 => u[4 * r + 1] * 3.0 - 1.0,
            _ => u[4 * r + 2] + 0.5 * u[4 * r],
        });
        let y = (0..300)
            .map(|r| {
                let z = -3.0 + 2.0 * x[[r, 0]] + x[[r, 1]] - 1.5 * x[[r, 2]];
                u[4 * r + 3] < probability(z)
            })
            .collect();
        for mut column in x.columns_mut() {
            let (mean, sd) = (column.mean().unwrap(), column.std(0.0));
            column.mapv_inplace(|v| (v - mean) / sd);
        }
        (x, y)
    }

    #[test]
    fn coefficients_are_those_of_scikit_learn() {
        // LogisticRegression(C=1/alpha, tol=1e-12, max_iter=10000) on the same numbers.
        let (x, y) = planted();
        assert_eq!(y.iter().filter(|y| **y).count(), 33);
        for (alpha, expected) in [
            (1.0, [-2.533047907839322, 0.3123481257287933, 1.0069524488190864, -0.4336100056481407]),
            (20.0, [-2.2221441157633848, 0.14103156122811847, 0.5365516590427036, -0.2129967860213496]),
        ] {
            let found = fit(&x, &y, alpha).unwrap();
            assert!(found.gradient <= FLAT);
            for (a, b) in std::iter::once(&found.intercept).chain(&found.weights).zip(expected) {
                assert!((a - b).abs() < 1e-6, "{found:?}");
            }
        }
    }

    #[test]
    fn linfa_alone_comes_near_with_the_right_sign() {
        let (x, y) = planted();
        let found = by_linfa(&x, &y, 1.0).unwrap();
        let exact = fit(&x, &y, 1.0).unwrap();
        // The minority is what is predicted; linfa's own positive class is the majority.
        assert!(found[1] > 0.0 && exact.weights[1] > 0.0);
        for (a, b) in found.iter().zip(exact.weights.iter().chain([&exact.intercept])) {
            assert!((a - b).abs() < 0.05, "{found:?} {exact:?}");
        }
    }

    #[test]
    fn one_class_is_a_reason_and_separation_is_none() {
        let (x, _) = planted();
        let FitError::NotFitted(reason) = fit(&x, &[false; 300], 1.0).unwrap_err() else {
            panic!("a failure")
        };
        assert!(reason.contains("none of 300"), "{reason}");
        let apart: Vec<bool> = x.column(0).iter().map(|v| *v > 0.0).collect();
        assert!(fit(&x, &apart, 1.0).unwrap().weights[0] > 1.0);
        assert!(fit(&x, &[true], 1.0).is_err());
    }

    #[test]
    fn columns_that_repeat_each_other_share_their_weight() {
        let (x, y) = planted();
        let twice = ndarray::concatenate![ndarray::Axis(1), x, x];
        let found = fit(&twice, &y, 1.0).unwrap();
        assert!((found.weights[1] - found.weights[4]).abs() < 1e-6, "{found:?}");
    }
}
