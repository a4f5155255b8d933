//! k-means by linfa (Lloyd's iteration, k-means++ starts: Arthur & Vassilvitskii 2007), guarded, and gone on
//! with until no row changes its cluster.
//!
//! linfa panics on infinities, on no rows and on centroids of another width, gives a mean as its
//! inertia and counts that are not those of the centroids it returns: here all is checked before
//! and counted after.

use linfa::DatasetBase;
use linfa::traits::Fit;
use linfa_clustering::{KMeans, KMeansInit};
use linfa_nn::distance::Distance;
use ndarray::{Array2, ArrayView, Dimension};
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::error::{Context, Error, Result};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::score::{closeness, nearest};

/// How far centroids may still move, all together: comparable to scikit-learn's `tol=1e-4`.
const TOLERANCE: f64 = 1e-2;
const MOST_ITERATIONS: u64 = 300;

/// A partition of rows around centroids.
#[derive(Debug, Clone)]
pub struct Clustering {
    /// clusters × columns.
    pub centroids: Array2<f64>,
    /// The nearest centroid of each row, ties to the first.
    pub labels: Vec<usize>,
    /// Rows of each cluster.
    pub sizes: Vec<usize>,
    /// Sum of squared distances to the nearest centroid.
    pub inertia: f64,
}

impl Clustering {
    /// Puts every row to its nearest centroid.
    pub fn around(centroids: Array2<f64>, rows: &Array2<f64>) -> Clustering {
        let labels = assign(&centroids, rows);
        let mut sizes = vec![0; centroids.nrows()];
        let mut inertia = 0.0;
        for (row, &label) in rows.rows().into_iter().zip(&labels) {
            sizes[label] += 1;
            inertia += FastL2.rdistance(row, centroids.row(label));
        }
        Clustering { centroids, labels, sizes, inertia }
    }

    /// The mean of each cluster's rows, added in their order; an empty cluster's centroid.
    fn means(&self, rows: &Array2<f64>) -> Array2<f64> {
        let mut sums = Array2::<f64>::zeros(self.centroids.dim());
        for (row, &label) in rows.rows().into_iter().zip(&self.labels) {
            sums.row_mut(label).scaled_add(1.0, &row);
        }
        for (cluster, size) in self.sizes.iter().enumerate() {
            let mut mean = sums.row_mut(cluster);
            match size {
                0 => mean.assign(&self.centroids.row(cluster)),
                size => mean.mapv_inplace(|sum| sum / *size as f64),
            }
        }
        sums
    }

    /// The same clusters in another order: `order[new] = old`.
    #[must_use]
    pub fn reorder(&self, order: &[usize]) -> Clustering {
        let mut new_of = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            new_of[old] = new;
        }
        Clustering {
            centroids: self.centroids.select(ndarray::Axis(0), order),
            labels: self.labels.iter().map(|&old| new_of[old]).collect(),
            sizes: order.iter().map(|&old| self.sizes[old]).collect(),
            inertia: self.inertia,
        }
    }
}

/// The nearest centroid of each row.
pub fn assign(centroids: &Array2<f64>, rows: &Array2<f64>) -> Vec<usize> {
    let terms = closeness(centroids);
    rows.rows().into_iter().map(|row| nearest(&terms, row)).collect()
}

/// Finds `k` clusters of scaled rows from several random starts; fewer, when the rows are not
/// different enough for `k`.
pub fn fit(rows: &Array2<f64>, k: usize, starts: usize, seed: u64) -> FitResult<Clustering> {
    if rows.nrows() < k.max(1) {
        return Err(FitError::NotFitted(format!(
            "{k} segments were asked for, but there are only {} customers",
            rows.nrows()
        )));
    }
    if rows.ncols() == 0 {
        return Err(FitError::NotFitted("no feature varies between customers".to_owned()));
    }
    let clustering = run(rows, k, KMeansInit::KMeansPlusPlus, starts.max(1), seed)?;
    // Empty clusters appear when fewer than k different rows exist.
    let filled: Vec<usize> = (0..k).filter(|&cluster| clustering.sizes[cluster] > 0).collect();
    Ok(if filled.len() == k {
        clustering
    } else {
        Clustering::around(clustering.centroids.select(ndarray::Axis(0), &filled), rows)
    })
}

/// Moves given centroids to the rows at hand; a cluster keeps its place even when it is now empty.
pub fn refit(rows: &Array2<f64>, centroids: Array2<f64>) -> Result<Clustering> {
    if rows.nrows() == 0 || rows.ncols() != centroids.ncols() || centroids.iter().any(|v| !v.is_finite()) {
        return Err(Error::failed(format!(
            "centroids of {} columns cannot start a fit on {} rows of {} columns",
            centroids.ncols(),
            rows.nrows(),
            rows.ncols()
        )));
    }
    let k = centroids.nrows();
    run(rows, k, KMeansInit::Precomputed(centroids), 1, 0)
}

fn run(rows: &Array2<f64>, k: usize, init: KMeansInit<f64>, starts: usize, seed: u64) -> Result<Clustering> {
    if rows.iter().any(|v| !v.is_finite()) {
        return Err(Error::failed("a scaled feature is not a finite number"));
    }
    let dataset = DatasetBase::from(rows.view());
    let model = KMeans::params_with(k, Xoshiro256Plus::seed_from_u64(seed), FastL2)
        .init_method(init)
        .n_runs(starts)
        .tolerance(TOLERANCE)
        .max_n_iterations(MOST_ITERATIONS)
        .fit(&dataset)
        .doing("find the segments")?;
    Ok(settled(model.centroids().clone(), rows))
}

/// Goes on until no row changes its cluster, so that a fit from these centroids on the same rows finds them
/// again: linfa stops when they move little. A cluster that loses all its rows stays where it was.
fn settled(centroids: Array2<f64>, rows: &Array2<f64>) -> Clustering {
    let mut clustering = Clustering::around(centroids, rows);
    for _ in 0..MOST_ITERATIONS {
        let means = clustering.means(rows);
        let next = Clustering::around(means, rows);
        let is_settled = next.labels == clustering.labels;
        clustering = next;
        if is_settled {
            break;
        }
    }
    clustering
}

/// Euclidean distance over contiguous rows; linfa's own goes through an iterator per element.
#[derive(Clone, Debug, PartialEq)]
struct FastL2;

impl Distance<f64> for FastL2 {
    fn distance<D: Dimension>(&self, a: ArrayView<f64, D>, b: ArrayView<f64, D>) -> f64 {
        self.rdistance(a, b).sqrt()
    }

    #[inline]
    fn rdistance<D: Dimension>(&self, a: ArrayView<f64, D>, b: ArrayView<f64, D>) -> f64 {
        match (a.as_slice(), b.as_slice()) {
            (Some(a), Some(b)) => squared_distance(a, b),
            _ => a.iter().zip(b.iter()).map(|(x, y)| (x - y) * (x - y)).sum(),
        }
    }

    fn rdist_to_dist(&self, rdist: f64) -> f64 {
        rdist.sqrt()
    }

    fn dist_to_rdist(&self, dist: f64) -> f64 {
        dist * dist
    }
}

/// Four sums at a time, which the compiler turns into vector instructions.
#[inline]
pub(super) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0f64; 4];
    let (fours_a, fours_b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = fours_a.remainder().iter().zip(fours_b.remainder()).map(|(x, y)| (x - y) * (x - y)).sum();
    for (x, y) in fours_a.zip(fours_b) {
        for i in 0..4 {
            let difference = x[i] - y[i];
            sums[i] += difference * difference;
        }
    }
    sums[0] + sums[1] + sums[2] + sums[3] + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::metrics::adjusted_rand_index;
    use crate::mining::test_data::blobs;

    #[test]
    fn planted_blobs_are_found() {
        let (rows, truth) = blobs(300, 3, 5);
        let found = fit(&rows, 3, 3, 42).unwrap();
        assert!(adjusted_rand_index(&found.labels, &truth) > 0.99);
        assert_eq!(found.sizes.iter().sum::<usize>(), 300);
        let by_hand: f64 = rows
            .rows()
            .into_iter()
            .zip(&found.labels)
            .map(|(r, &l)| r.iter().zip(found.centroids.row(l)).map(|(a, b)| (a - b).powi(2)).sum::<f64>())
            .sum();
        assert!((found.inertia - by_hand).abs() < 1e-9 * by_hand);
    }

    #[test]
    fn too_few_or_too_equal_rows_do_not_panic() {
        let three = Array2::from_shape_fn((3, 2), |(r, c)| (r * 2 + c) as f64);
        assert!(fit(&three, 5, 1, 1).is_err());
        assert!(fit(&Array2::zeros((0, 2)), 1, 1, 1).is_err());
        assert!(fit(&Array2::zeros((9, 0)), 1, 1, 1).is_err());
        let equal = fit(&Array2::ones((50, 2)), 4, 2, 1).unwrap();
        assert_eq!(equal.sizes, [50]);
        assert!(refit(&three, Array2::zeros((2, 3))).is_err());
        assert!(fit(&Array2::from_elem((9, 1), f64::INFINITY), 2, 1, 1).is_err());
    }
}
