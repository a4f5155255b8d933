//! Columns that say what other columns say: how much of each the others explain.
//!
//! The variance inflation of a column is 1/(1 − R²) of its regression on all others. A column of which those
//! declared before it explain 99 in 100 parts is said to repeat them; so of two that are the same the second is.

use ndarray::Array2;

use super::cholesky::solve;

/// The share of its variance that others explain in a column that repeats them.
const REPEATS: f64 = 0.99;
/// What another contributes at least, in standard deviations, to be named.
const CONTRIBUTES: f64 = 0.1;
/// So that columns which are the same have a figure, and not a division by 0.
const RIDGE: f64 = 1e-9;

/// A column and those that it repeats, by index, the largest contribution first.
#[derive(Debug, Clone, PartialEq)]
pub struct Repeated {
    pub column: usize,
    pub of: Vec<usize>,
    pub r_squared: f64,
}

/// The correlations of columns whose mean is 0 and whose standard deviation is 1.
pub struct Correlations {
    columns: usize,
    /// Row-major.
    values: Vec<f64>,
}

impl Correlations {
    pub fn of(scaled: &Array2<f64>) -> Correlations {
        let m = scaled.ncols();
        let mut values = vec![0.0; m * m];
        for row in scaled.rows() {
            for i in 0..m {
                for j in 0..=i {
                    values[i * m + j] += row[i] * row[j];
                }
            }
        }
        let diagonal: Vec<f64> = (0..m).map(|i| values[i * m + i].sqrt()).collect();
        for i in 0..m {
            for j in 0..=i {
                let r = values[i * m + j] / (diagonal[i] * diagonal[j]);
                let r = if i == j { 1.0 + RIDGE } else { r };
                (values[i * m + j], values[j * m + i]) = (r, r);
            }
        }
        Correlations { columns: m, values }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        self.values[i * self.columns + j]
    }

    /// Returns the variance inflation of each column: 1 where the others say nothing of it.
    pub fn variance_inflation(&self) -> Vec<f64> {
        (0..self.columns)
            .map(|column| {
                let mut unit = vec![0.0; self.columns];
                unit[column] = 1.0;
                solve(&self.values, &unit)[column]
            })
            .collect()
    }

    /// Returns the columns that repeat others before them, in their order.
    pub fn repeated(&self) -> Vec<Repeated> {
        let (mut independent, mut found): (Vec<usize>, Vec<Repeated>) = (Vec::new(), Vec::new());
        for column in 0..self.columns {
            let among: Vec<f64> =
                independent.iter().flat_map(|&i| independent.iter().map(move |&j| self.at(i, j))).collect();
            let with: Vec<f64> = independent.iter().map(|&i| self.at(i, column)).collect();
            let weights = solve(&among, &with);
            let r_squared: f64 = weights.iter().zip(&with).map(|(w, r)| w * r).sum();
            if r_squared < REPEATS {
                independent.push(column);
                continue;
            }
            let mut of: Vec<(usize, f64)> =
                independent.iter().copied().zip(weights.iter().map(|w| w.abs())).collect();
            of.sort_by(|a, b| b.1.total_cmp(&a.1));
            let is_named =
                |(place, (_, weight)): &(usize, (usize, f64))| *place == 0 || *weight >= CONTRIBUTES;
            let of = of.into_iter().enumerate().filter(is_named).map(|(_, (index, _))| index).collect();
            found.push(Repeated { column, of, r_squared: r_squared.min(1.0) });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::test_data::uniform;

    /// Two columns, a copy of the first, and their sum with some noise.
    fn scaled(noise: f64) -> Array2<f64> {
        let u = uniform(3 * 400, 5);
        let mut x = Array2::from_shape_fn((400, 4), |(r, c)| match c {
            0 | 2 => u[3 * r],
            1 => u[3 * r + 1],
            _ => u[3 * r] + u[3 * r + 1] + noise * u[3 * r + 2],
        });
        for mut column in x.columns_mut() {
            let (mean, sd) = (column.mean().unwrap(), column.std(0.0));
            column.mapv_inplace(|v| (v - mean) / sd);
        }
        x
    }

    #[test]
    fn a_copy_and_a_sum_are_said_with_what_they_repeat() {
        let found = Correlations::of(&scaled(0.0)).repeated();
        assert_eq!(
            found.iter().map(|f| (f.column, f.of.clone())).collect::<Vec<_>>(),
            [(2, vec![0]), (3, vec![1, 0])]
        );
        // With noise of its own the sum is a column like others.
        assert_eq!(Correlations::of(&scaled(1.0)).repeated().len(), 1);
    }

    #[test]
    fn variance_inflation_is_that_of_a_regression_on_the_others() {
        let x = scaled(1.0).select(ndarray::Axis(1), &[0, 1, 3]);
        // 1 / (1 - R²) of each column on the other two, by numpy.linalg.lstsq on the same numbers.
        let found = Correlations::of(&x).variance_inflation();
        for (a, b) in found.iter().zip(VIF) {
            assert!((a - b).abs() < 1e-5, "{found:?}");
        }
        assert!(Correlations::of(&scaled(0.0)).variance_inflation()[2] > 1e6);
    }

    const VIF: [f64; 3] = [1.9645898222455918, 1.831697181046135, 2.615064813317322];
}
