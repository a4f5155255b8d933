//! Segments: customers grouped by k-means on scaled features, the same groups from night to night.
//!
//! Prefer a warm start (give last night's model): labels then move with the customers, not with
//! the luck of a start. A fit from scratch numbers its segments by falling size, ties by centroid;
//! a warm-started one keeps the numbers it was given, and names for as long as they are true. Who is set apart by
//! a rule takes no part in the fit.
//!
//! Fitting needs one pass over the features and the memory of `sample` rows; scoring is SQL.

use std::cmp::Ordering;

use datafusion::prelude::DataFrame;
use ndarray::{Array2, ArrayView1};

use super::declaration::{SegmentCount, SegmentParams};
use super::kmeans::{self, Clustering, squared_distance};
use super::naming::{self, Claim, Named, Vocabulary};
use super::position::{Place, Position, positions};
use super::{apart, choose_k};
use crate::error::{Context, Error, Result};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::matrix::{self, Matrix};
use crate::mining::scaling::{Rare, Scaling};

/// What scoring needs of a fitted segmentation, and what its profiles say.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Segmentation {
    pub scaling: Scaling,
    /// segments × columns, standardised.
    pub centroids: Array2<f64>,
    pub named: Vec<Named>,
    /// By segment and column, where the median lies among all customers, 0 to 1.
    pub ranks: Vec<Vec<Option<f64>>>,
}

/// Learns segments from the features of customers (`customer_id` and the declared columns).
///
/// `previous` is the model to start from, if any; it is used when it has the same columns and an
/// acceptable number of segments. Too few customers make a model that is `not_fitted`.
///
/// # Errors
/// When the features cannot be read, lack a column, or hold a customer twice.
pub async fn fit(
    model: &str,
    params: &SegmentParams,
    features: DataFrame,
    previous: Option<&FittedModel>,
    seed: u64,
) -> Result<FittedModel> {
    let columns: Vec<String> = params.columns.iter().map(|c| c.column.clone()).collect();
    let features = apart::others(&params.apart, features)?;
    let matrix = matrix::read(features, &columns, params.sample).await?;
    let (name, params, previous) = (model.to_owned(), params.clone(), previous.cloned());
    // Off the threads that other steps' streams run on.
    let fitted =
        tokio::task::spawn_blocking(move || fit_matrix(&name, &params, &matrix, previous.as_ref(), seed))
            .await
            .doing("find the segments")?;
    FittedModel::of_fit(model, ModelKind::Segments, fitted)
}

fn fit_matrix(
    model: &str,
    params: &SegmentParams,
    matrix: &Matrix,
    previous: Option<&FittedModel>,
    seed: u64,
) -> FitResult<FittedModel> {
    if matrix.rows() == 0 {
        return Err(FitError::NotFitted("there are no customers to segment".to_owned()));
    }
    let mut fitted = FittedModel::fitted(model, ModelKind::Segments);
    let (scaling, dropped) = Scaling::fit(&params.columns, matrix, params.winsorise, Rare::Drop);
    for column in dropped {
        fitted.remark(format!("the column `{column}` is left out: it hardly varies between customers"));
    }
    let rows = scaling.apply(matrix);
    if let Some(remark) = nothing_happened(matrix) {
        fitted.remark(remark);
    }
    let (start, last_named) = match previous.filter(|previous| previous.is_fitted()) {
        None => (None, Vec::new()),
        Some(previous) => match warm_start(previous, &scaling, params.count)? {
            Start::Warm { centroids, named } => (Some(centroids), named),
            Start::Cold { because } => {
                fitted.remark(format!("segments are numbered and named anew: {because}"));
                (None, Vec::new())
            }
        },
    };
    let clustering = match start {
        Some(start) => {
            let clustering = kmeans::refit(&rows, start.clone())?;
            for (segment, (was, is)) in start.rows().into_iter().zip(clustering.centroids.rows()).enumerate()
            {
                let moved = was.iter().zip(is).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt();
                fitted.set(Part::Metric, "drift", segment as i64 + 1, moved);
            }
            clustering
        }
        None => {
            let clustering = cold_start(params, &rows, seed, &mut fitted)?;
            clustering.reorder(&by_size(&clustering))
        }
    };
    let k = clustering.sizes.len();
    if let SegmentCount::Exactly(asked) = params.count
        && k < asked
    {
        fitted.remark(format!("{asked} segments were asked for, the customers differ enough for {k} only"));
    }
    let positions = positions_of(&scaling, matrix, &clustering);
    let taken: Vec<String> = apart::numbered(&params.apart).map(|(_, name)| name.to_owned()).collect();
    let vocabulary = Vocabulary { columns: &scaling.names(), words: &params.names };
    let named = naming::names(vocabulary, &positions, &last_named, &taken);
    set_figures(&mut fitted, matrix, &rows, &clustering);
    let rank = |position: &Option<Position>| position.map(Position::rank);
    let ranks = positions.iter().map(|positions| positions.iter().map(rank).collect()).collect();
    Segmentation { scaling, centroids: clustering.centroids, named, ranks }.store(&mut fitted);
    Ok(fitted)
}

/// Says of how many customers all features are null or 0, in words, where they are many: k-means finds these
/// average or alike, whatever they have in common.
fn nothing_happened(matrix: &Matrix) -> Option<String> {
    let nothing = |row: ArrayView1<f64>| row.iter().all(|value| value.is_nan() || *value == 0.0);
    let count = matrix.values.rows().into_iter().filter(|row| nothing(*row)).count();
    let are_many = matrix.columns.len() > 1 && count * 100 >= matrix.rows();
    (count > 0 && are_many).then(|| {
        format!(
            "of {count} of {} customers every column is null or 0: where these are prospects or others of whom \
             nothing can be known, set them apart: apart = [{{ name = \"prospects: never bought\", where = \"…\" }}]",
            matrix.rows()
        )
    })
}

/// The positions by segment and column.
fn positions_of(scaling: &Scaling, matrix: &Matrix, clustering: &Clustering) -> Vec<Vec<Option<Position>>> {
    let segments = clustering.sizes.len();
    let mut found = vec![Vec::new(); segments];
    for scale in &scaling.columns {
        let Some(column) = matrix.columns.iter().position(|name| *name == scale.column) else { continue };
        let of_column = positions(matrix.values.column(column), &clustering.labels, segments);
        found.iter_mut().zip(of_column).for_each(|(of_segment, position)| of_segment.push(position));
    }
    found
}

fn set_figures(fitted: &mut FittedModel, matrix: &Matrix, rows: &Array2<f64>, clustering: &Clustering) {
    let k = clustering.sizes.len();
    let total: f64 = rows
        .rows()
        .into_iter()
        .map(|row| squared_distance(row.to_slice().unwrap_or_default(), &vec![0.0; row.len()]))
        .sum();
    let count = matrix.rows() as f64;
    for (name, value) in [
        ("customers", matrix.seen as f64),
        ("rows_fitted", count),
        ("segments", k as f64),
        ("inertia", clustering.inertia),
        ("silhouette", choose_k::silhouette(rows, &clustering.labels)),
        ("smallest_share", clustering.sizes.iter().min().copied().unwrap_or(0) as f64 / count),
    ] {
        fitted.set(Part::Metric, name, 0, value);
    }
    if total > 0.0 {
        // Scaled columns have mean 0, so this is the share of variance between segments.
        fitted.set(Part::Metric, "variance_explained", 0, 1.0 - clustering.inertia / total);
    }
    for (segment, size) in clustering.sizes.iter().enumerate() {
        fitted.set(Part::Metric, "share", segment as i64 + 1, *size as f64 / count);
    }
}

fn cold_start(
    params: &SegmentParams,
    rows: &Array2<f64>,
    seed: u64,
    fitted: &mut FittedModel,
) -> FitResult<Clustering> {
    let (low, high) = match params.count {
        SegmentCount::Exactly(k) => return kmeans::fit(rows, k, params.starts, seed),
        SegmentCount::Between(low, high) => (low, high),
    };
    let (mut candidates, taken) =
        choose_k::choose(rows, (low, high), params.starts, seed, params.smallest_share)?;
    for candidate in &candidates {
        let k = candidate.k as i64;
        fitted.set(Part::Metric, "silhouette_of_k", k, candidate.silhouette);
        fitted.set(Part::Metric, "stability_of_k", k, candidate.stability);
        fitted.set(Part::Metric, "smallest_share_of_k", k, candidate.smallest_share);
    }
    Ok(candidates.swap_remove(taken).clustering)
}

/// What a fit starts from.
enum Start {
    Warm {
        /// The previous ones in tonight's units.
        centroids: Array2<f64>,
        named: Vec<Named>,
    },
    Cold {
        because: String,
    },
}

fn warm_start(previous: &FittedModel, scaling: &Scaling, count: SegmentCount) -> Result<Start> {
    let last = Segmentation::load(previous)?;
    let read =
        |scaling: &Scaling| scaling.columns.iter().map(|c| (c.column.clone(), c.log)).collect::<Vec<_>>();
    if read(&last.scaling) != read(scaling) {
        return Ok(Start::Cold { because: "the columns are not those of the last fit".to_owned() });
    }
    let k = last.centroids.nrows();
    let accepted = match count {
        SegmentCount::Exactly(asked) => k == asked,
        SegmentCount::Between(low, high) => (low..=high).contains(&k),
    };
    if !accepted {
        return Ok(Start::Cold { because: format!("the last fit had {k} segments") });
    }
    let centroids = Array2::from_shape_fn(last.centroids.dim(), |(segment, column)| {
        let (was, is) = (&last.scaling.columns[column], &scaling.columns[column]);
        (was.unstandardise(last.centroids[[segment, column]]) - is.mean) / is.sd
    });
    Ok(Start::Warm { centroids, named: last.named })
}

fn by_size(clustering: &Clustering) -> Vec<usize> {
    let mut order: Vec<usize> = (0..clustering.sizes.len()).collect();
    order.sort_by(|&a, &b| {
        let centroids = || clustering.centroids.row(a).into_iter().zip(clustering.centroids.row(b));
        clustering.sizes[b].cmp(&clustering.sizes[a]).then_with(|| {
            centroids()
                .map(|(x, y)| x.total_cmp(y))
                .find(|o| *o != Ordering::Equal)
                .unwrap_or(Ordering::Equal)
        })
    });
    order
}

impl Segmentation {
    fn store(&self, fitted: &mut FittedModel) {
        self.scaling.store(fitted);
        for (segment, (centroid, named)) in self.centroids.rows().into_iter().zip(&self.named).enumerate() {
            let id = segment as i64 + 1;
            fitted.note(Part::Parameter, "segment", id, named.name.as_str());
            for (claim, position) in named.claims.iter().zip(1_i64..) {
                fitted.set(Part::Parameter, &format!("claim.{id}"), position, claim.place.number());
                fitted.note(Part::Parameter, &format!("claim.{id}"), position, claim.column.as_str());
            }
            for (column, value) in centroid.iter().enumerate() {
                fitted.set(Part::Parameter, &format!("centroid.{id}"), column as i64 + 1, *value);
            }
            for (column, rank) in self.ranks[segment].iter().enumerate() {
                if let Some(rank) = rank {
                    fitted.set(Part::Parameter, &format!("rank.{id}"), column as i64 + 1, *rank);
                }
            }
        }
    }

    pub fn load(fitted: &FittedModel) -> Result<Self> {
        if fitted.kind() != ModelKind::Segments {
            return Err(Error::failed(format!("the fitted model `{}` is no segmentation", fitted.model())));
        }
        let scaling = Scaling::load(fitted)?;
        let named: Vec<Named> = fitted
            .series(Part::Parameter, "segment")
            .map(|(id, entry)| Named {
                name: entry.note.clone().unwrap_or_default(),
                claims: fitted
                    .series(Part::Parameter, &format!("claim.{id}"))
                    .filter_map(|(_, claim)| {
                        Some(Claim { column: claim.note.clone()?, place: Place::of_number(claim.value?)? })
                    })
                    .collect(),
            })
            .collect();
        let mut centroids = Array2::zeros((named.len(), scaling.columns.len()));
        for ((segment, column), value) in centroids.indexed_iter_mut() {
            *value = fitted.parameter(&format!("centroid.{}", segment + 1), column as i64 + 1)?;
        }
        let rank = |segment: usize, column: usize| {
            fitted.value(Part::Parameter, &format!("rank.{}", segment + 1), column as i64 + 1)
        };
        let ranks = (0..named.len())
            .map(|segment| (0..scaling.columns.len()).map(|column| rank(segment, column)).collect())
            .collect();
        Ok(Segmentation { scaling, centroids, named, ranks })
    }
}

#[cfg(test)]
mod tests;
