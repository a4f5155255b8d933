//! How many segments: as many as are real, within the range the marketer gave.
//!
//! The silhouette alone picks the fewest on real purchase data, since few big clusters are always
//! well apart. So each k of the range is judged by three figures:
//!
//! - smallest share: a segment of fewer customers than asked is no use to anybody;
//! - stability: mean adjusted Rand index between the fit and fits on bootstrap samples
//!   (Hennig 2007), since a segment that resampling dissolves will dissolve next month too;
//! - silhouette (Rousseeuw 1987) on a thinned-out sample.
//!
//! Among the k whose smallest share is large enough, the largest is taken whose stability and
//! silhouette both reach nine tenths of the best in the range; where none does, the one with the
//! largest product of the two; where no k has large enough segments, the smallest k.

use ndarray::{Array2, Axis};
use rand::Rng;
use rand_xoshiro::Xoshiro256Plus;
use rand_xoshiro::rand_core::SeedableRng;

use super::kmeans::{self, Clustering, assign, squared_distance};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::metrics::adjusted_rand_index;

/// How a k did.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub k: usize,
    pub clustering: Clustering,
    pub smallest_share: f64,
    pub stability: f64,
    pub silhouette: f64,
}

/// Rows on which resampling is tried, and on which silhouettes are measured (quadratic).
const RESAMPLED_ROWS: usize = 10_000;
const SILHOUETTE_ROWS: usize = 1_000;
const RESAMPLES: usize = 5;
const NEAR_BEST: f64 = 0.9;

/// All candidates of the range and the index of the one to take.
pub fn choose(
    rows: &Array2<f64>,
    (low, high): (usize, usize),
    starts: usize,
    seed: u64,
    smallest_share: f64,
) -> FitResult<(Vec<Candidate>, usize)> {
    let mut candidates: Vec<Candidate> = Vec::new();
    for k in low..=high.min(rows.nrows()).max(low) {
        let clustering = match kmeans::fit(rows, k, starts, seed) {
            Ok(clustering) => clustering,
            Err(FitError::NotFitted(_)) if !candidates.is_empty() => break,
            Err(error) => return Err(error),
        };
        let smallest = clustering.sizes.iter().min().copied().unwrap_or(0);
        candidates.push(Candidate {
            // Fewer than asked where the rows are not different enough.
            k: clustering.sizes.len(),
            smallest_share: smallest as f64 / rows.nrows() as f64,
            stability: stability(rows, &clustering, seed)?,
            silhouette: silhouette(rows, &clustering.labels),
            clustering,
        });
    }
    candidates.dedup_by_key(|candidate| candidate.k);
    let taken = take(&candidates, smallest_share);
    Ok((candidates, taken))
}

fn take(candidates: &[Candidate], smallest_share: f64) -> usize {
    let large: Vec<usize> =
        (0..candidates.len()).filter(|&i| candidates[i].smallest_share >= smallest_share).collect();
    let best = |figure: fn(&Candidate) -> f64| {
        large.iter().map(|&i| figure(&candidates[i])).fold(f64::NEG_INFINITY, f64::max)
    };
    let (stability, silhouette) = (best(|c| c.stability), best(|c| c.silhouette));
    let near_best = |i: &&usize| {
        candidates[**i].stability >= NEAR_BEST * stability
            && candidates[**i].silhouette >= NEAR_BEST * silhouette
    };
    let product = |i: usize| candidates[i].stability * candidates[i].silhouette;
    large
        .iter()
        .rev()
        .find(near_best)
        .or_else(|| large.iter().max_by(|&&a, &&b| product(a).total_cmp(&product(b))))
        .copied()
        .unwrap_or(0)
}

/// Every so-many-th row, at most so many: rows are in key order, so this depends on keys alone.
fn thinned(rows: usize, most: usize) -> Vec<usize> {
    let taken = rows.min(most);
    (0..taken).map(|i| i * rows / taken).collect()
}

fn stability(rows: &Array2<f64>, clustering: &Clustering, seed: u64) -> FitResult<f64> {
    let picked = thinned(rows.nrows(), RESAMPLED_ROWS);
    let rows = rows.select(Axis(0), &picked);
    let labels: Vec<usize> = picked.iter().map(|&i| clustering.labels[i]).collect();
    let mut rng = Xoshiro256Plus::seed_from_u64(seed);
    let mut total = 0.0;
    for round in 0..RESAMPLES {
        let draw: Vec<usize> = (0..rows.nrows()).map(|_| rng.gen_range(0..rows.nrows())).collect();
        let resample = rows.select(Axis(0), &draw);
        let seed = seed.wrapping_add(round as u64 + 1);
        match kmeans::fit(&resample, clustering.sizes.len(), 1, seed) {
            Ok(other) => total += adjusted_rand_index(&labels, &assign(&other.centroids, &rows)),
            // A resample too poor for so many clusters agrees with nothing.
            Err(FitError::NotFitted(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(total / RESAMPLES as f64)
}

/// Mean silhouette of a sample of the rows; 0 where there is but one cluster.
pub fn silhouette(rows: &Array2<f64>, labels: &[usize]) -> f64 {
    let picked = thinned(rows.nrows(), SILHOUETTE_ROWS);
    let rows = rows.select(Axis(0), &picked);
    let labels: Vec<usize> = picked.iter().map(|&i| labels[i]).collect();
    let clusters = labels.iter().max().map_or(0, |most| most + 1);
    let mut sizes = vec![0usize; clusters];
    for &label in &labels {
        sizes[label] += 1;
    }
    let row = |i: usize| rows.row(i).to_slice().unwrap_or_default();
    let mut total = 0.0;
    for i in 0..labels.len() {
        let mut sums = vec![0.0; clusters];
        for j in 0..labels.len() {
            sums[labels[j]] += squared_distance(row(i), row(j)).sqrt();
        }
        let own = labels[i];
        let other = (0..clusters)
            .filter(|&c| c != own && sizes[c] > 0)
            .map(|c| sums[c] / sizes[c] as f64)
            .fold(f64::INFINITY, f64::min);
        // Alone in its cluster, or no other cluster: 0 by convention.
        if sizes[own] > 1 && other.is_finite() {
            let inner = sums[own] / (sizes[own] - 1) as f64;
            let wider = inner.max(other);
            total += if wider > 0.0 { (other - inner) / wider } else { 0.0 };
        }
    }
    if labels.is_empty() { 0.0 } else { total / labels.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mining::test_data::blobs;

    #[test]
    fn the_number_of_planted_blobs_is_chosen() {
        for k in [3, 4] {
            let (rows, _) = blobs(240, k, 4);
            let (candidates, taken) = choose(&rows, (2, 6), 3, 7, 0.02).unwrap();
            assert_eq!(candidates[taken].k, k, "{candidates:?}");
        }
    }

    #[test]
    fn a_segment_too_small_rules_its_k_out() {
        let candidate = |k, smallest_share, stability, silhouette| Candidate {
            k,
            clustering: Clustering::around(Array2::zeros((1, 1)), &Array2::zeros((1, 1))),
            smallest_share,
            stability,
            silhouette,
        };
        let all = [candidate(2, 0.3, 1.0, 0.5), candidate(3, 0.1, 0.95, 0.46), candidate(4, 0.01, 1.0, 0.9)];
        assert_eq!(take(&all, 0.02), 1);
        assert_eq!(take(&all, 0.2), 0);
        assert_eq!(take(&all, 0.4), 0);
        assert_eq!(take(&all, 0.0), 2);
    }

    #[test]
    fn a_silhouette_is_that_of_scikit_learn() {
        // sklearn.metrics.silhouette_score([[0],[1],[10],[12],[5]], [0,0,1,1,0])
        let rows = ndarray::array![[0.0], [1.0], [10.0], [12.0], [5.0]];
        let found = silhouette(&rows, &[0, 0, 1, 1, 0]);
        assert!((found - 0.6554545454545455).abs() < 1e-12, "{found}");
    }

    #[test]
    fn few_rows_end_the_range_early() {
        let (rows, _) = blobs(4, 2, 2);
        let (candidates, _) = choose(&rows, (2, 9), 1, 1, 0.0).unwrap();
        assert!(candidates.last().unwrap().k <= 4);
        assert!(choose(&rows, (5, 9), 1, 1, 0.0).is_err());
    }
}
