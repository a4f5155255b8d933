//! Segments: customers grouped by k-means on scaled features, the same groups from night to night.
//!
//! Prefer a warm start (give last night's model): labels then move with the customers, not with
//! the luck of a start. A fit from scratch numbers its segments by falling size, ties by centroid;
//! a warm-started one keeps the numbers it was given. Names are made anew each night, since they
//! must be true of tonight's centroids.
//!
//! Fitting needs one pass over the features and the memory of `sample` rows; scoring is SQL.

use std::cmp::Ordering;

use arrow::datatypes::DataType;
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{Expr, WindowFunctionDefinition, cast, ident, lit, try_cast};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;
use ndarray::Array2;

use super::declaration::{SegmentCount, SegmentParams};
use super::kmeans::{self, Clustering, squared_distance};
use super::{choose_k, naming};
use crate::error::{Context, Error, Result};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::matrix::{self, Matrix};
use crate::mining::scaling::{Rare, Scaling};
use crate::mining::{KEY, score};

/// What scoring needs of a fitted segmentation.
#[derive(Debug, Clone, PartialEq)]
struct Segmentation {
    scaling: Scaling,
    /// segments × columns, standardised.
    centroids: Array2<f64>,
    names: Vec<String>,
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
    let start = match previous.filter(|previous| previous.is_fitted()) {
        None => None,
        Some(previous) => match warm_start(previous, &scaling, params.count)? {
            Start::Warm(centroids) => Some(centroids),
            Start::Cold { because } => {
                fitted.remark(format!("segments are numbered anew: {because}"));
                None
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
    let names = naming::names(&scaling.names(), &clustering.centroids, &params.names);
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
        ("silhouette", choose_k::silhouette(&rows, &clustering.labels)),
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
    Segmentation { scaling, centroids: clustering.centroids, names }.store(&mut fitted);
    Ok(fitted)
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
    /// The previous centroids in tonight's units.
    Warm(Array2<f64>),
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
    Ok(Start::Warm(Array2::from_shape_fn(last.centroids.dim(), |(segment, column)| {
        let (was, is) = (&last.scaling.columns[column], &scaling.columns[column]);
        (was.unstandardise(last.centroids[[segment, column]]) - is.mean) / is.sd
    })))
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

/// The segment of every customer: `customer_id`, `segment_id` Int64 from 1, `segment_name` text.
/// Both are null when the model is not fitted. Rows come in no order.
pub fn score(fitted: &FittedModel, features: DataFrame) -> Result<DataFrame> {
    score_beside(fitted, features, &[])
}

fn score_beside(fitted: &FittedModel, features: DataFrame, beside: &[Expr]) -> Result<DataFrame> {
    let mut kept = vec![(KEY.to_owned(), ident(KEY))];
    kept.extend(beside.iter().map(|expr| (expr.schema_name().to_string(), expr.clone())));
    if !fitted.is_fitted() {
        let unknown = [
            lit(ScalarValue::Int64(None)).alias("segment_id"),
            lit(ScalarValue::Utf8(None)).alias("segment_name"),
        ];
        let exprs = kept.into_iter().map(|(name, expr)| expr.alias(name)).chain(unknown).collect::<Vec<_>>();
        return features.select(exprs).doing("write the segments as SQL");
    }
    let segmentation = Segmentation::load(fitted)?;
    matrix::check_columns(&features, &segmentation.scaling.names())?;
    let names: Vec<String> = kept.iter().map(|(name, _)| name.clone()).collect();
    let scaled = segmentation.scaling.project(features, kept)?;
    score::nearest_sql(scaled, &names, &segmentation.centroids, &segmentation.names)
}

/// What the segments are like: `segment_id`, `segment_name`, `customers` Int64, `share` of all
/// customers, and `mean_<column>` of each column declared, over those customers where it is known.
///
/// Means are sums of decimals (nine places) divided at the end: the same whatever the threads.
/// A segment that holds nobody has no row; a model that is not fitted has none at all.
pub fn profiles(fitted: &FittedModel, params: &SegmentParams, features: DataFrame) -> Result<DataFrame> {
    let columns: Vec<String> = params.columns.iter().map(|c| c.column.clone()).collect();
    matrix::check_columns(&features, &columns)?;
    let doing = "write the profiles of the segments as SQL";
    let decimal = DataType::Decimal128(38, 9);
    let exact: Vec<Expr> = columns
        .iter()
        .map(|c| try_cast(cast(ident(c), DataType::Float64), decimal.clone()).alias(format!("__exact_{c}")))
        .collect();
    let beside: Vec<Expr> = exact;
    let scored = score_beside(fitted, features, &beside)?;
    let number = |expr: Expr| cast(expr, DataType::Float64);
    let mut aggregates = vec![count(lit(1_i64)).alias("customers")];
    for column in &columns {
        let exact = ident(format!("__exact_{column}"));
        aggregates.push(sum(exact.clone()).alias(format!("__sum_{column}")));
        aggregates.push(count(exact).alias(format!("__known_{column}")));
    }
    let all = Expr::from(WindowFunction::new(
        WindowFunctionDefinition::AggregateUDF(sum_udaf()),
        vec![ident("customers")],
    ))
    .alias("__all");
    let mut shown = vec![
        ident("segment_id"),
        ident("segment_name"),
        ident("customers"),
        (number(ident("customers")) / number(ident("__all"))).alias("share"),
    ];
    for column in &columns {
        let mean = number(ident(format!("__sum_{column}"))) / number(ident(format!("__known_{column}")));
        shown.push(mean.alias(format!("mean_{column}")));
    }
    scored
        .filter(ident("segment_id").is_not_null())
        .and_then(|scored| scored.aggregate(vec![ident("segment_id"), ident("segment_name")], aggregates))
        .and_then(|counted| counted.window(vec![all]))
        .and_then(|counted| counted.select(shown))
        .doing(doing)
}

impl Segmentation {
    fn store(&self, fitted: &mut FittedModel) {
        self.scaling.store(fitted);
        for (segment, (centroid, name)) in self.centroids.rows().into_iter().zip(&self.names).enumerate() {
            let id = segment as i64 + 1;
            fitted.note(Part::Parameter, "segment", id, name.as_str());
            for (column, value) in centroid.iter().enumerate() {
                fitted.set(Part::Parameter, &format!("centroid.{id}"), column as i64 + 1, *value);
            }
        }
    }

    fn load(fitted: &FittedModel) -> Result<Self> {
        if fitted.kind() != ModelKind::Segments {
            return Err(Error::failed(format!("the fitted model `{}` is no segmentation", fitted.model())));
        }
        let scaling = Scaling::load(fitted)?;
        let names: Vec<String> = fitted
            .series(Part::Parameter, "segment")
            .map(|(_, e)| e.note.clone().unwrap_or_default())
            .collect();
        let mut centroids = Array2::zeros((names.len(), scaling.columns.len()));
        for ((segment, column), value) in centroids.indexed_iter_mut() {
            *value = fitted.parameter(&format!("centroid.{}", segment + 1), column as i64 + 1)?;
        }
        Ok(Segmentation { scaling, centroids, names })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
    use arrow::util::pretty::pretty_format_batches;
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;
    use crate::mining::feature_column::FeatureColumn;
    use crate::mining::metrics::adjusted_rand_index;
    use crate::mining::test_data::blobs;

    fn params(count: SegmentCount) -> SegmentParams {
        SegmentParams {
            features: "mart.customer_features".parse().unwrap(),
            columns: ["a", "b", "c"].map(|c| FeatureColumn { column: c.into(), log: c == "c" }).into(),
            count,
            sample: 1000,
            starts: 3,
            winsorise: 0.01,
            smallest_share: 0.02,
            names: [("a".to_owned(), [String::new(), "frequent".to_owned()])].into(),
        }
    }

    /// Customers 0.. around three centres in turn, as a frame.
    fn planted(threads: usize, rows: usize) -> (DataFrame, Vec<usize>) {
        let (points, truth) = blobs(rows, 3, 3);
        let mut columns: Vec<(&str, ArrayRef)> =
            vec![(KEY, Arc::new(Int64Array::from_iter_values(0..rows as i64)))];
        for (name, column) in ["a", "b", "c"].into_iter().zip(points.columns()) {
            columns.push((name, Arc::new(Float64Array::from_iter_values(column.iter().copied()))));
        }
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let config = SessionConfig::new().with_target_partitions(threads).with_batch_size(50);
        let context = SessionContext::new_with_config(config);
        (context.read_batch(batch).unwrap(), truth)
    }

    async fn shown(frame: DataFrame, order: &str) -> String {
        let sorted = frame.sort(vec![ident(order).sort(true, true)]).unwrap().collect().await.unwrap();
        pretty_format_batches(&sorted).unwrap().to_string()
    }

    async fn labels(scored: DataFrame) -> Vec<usize> {
        let batches = scored.sort(vec![ident(KEY).sort(true, true)]).unwrap().collect().await.unwrap();
        batches
            .iter()
            .flat_map(|batch| {
                let ids = batch.column_by_name("segment_id").unwrap();
                ids.as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()
            })
            .map(|id| id as usize)
            .collect()
    }

    #[tokio::test]
    async fn planted_segments_are_recovered_and_everybody_has_one() {
        let (frame, truth) = planted(2, 600);
        for count in [SegmentCount::Exactly(3), SegmentCount::Between(2, 6)] {
            let fitted = fit("segments", &params(count), frame.clone(), None, 42).await.unwrap();
            assert_eq!(fitted.metric("segments"), Some(3.0));
            let found = labels(score(&fitted, frame.clone()).unwrap()).await;
            assert!(adjusted_rand_index(&found, &truth) > 0.95);
        }
    }

    #[tokio::test]
    async fn the_same_seed_gives_the_same_bytes_whatever_the_threads() {
        let mut seen = Vec::new();
        for threads in [1, 2] {
            let (frame, _) = planted(threads, 600);
            let params = params(SegmentCount::Exactly(4));
            let fitted = fit("segments", &params, frame.clone(), None, 42).await.unwrap();
            let scored = shown(score(&fitted, frame.clone()).unwrap(), KEY).await;
            let profiles = shown(profiles(&fitted, &params, frame).unwrap(), "segment_id").await;
            seen.push((fitted, scored, profiles));
        }
        assert_eq!(seen[0], seen[1]);
    }

    #[tokio::test]
    async fn sql_puts_everybody_where_the_matrix_does() {
        let (frame, _) = planted(2, 600);
        let params = params(SegmentCount::Exactly(5));
        let columns: Vec<String> = params.columns.iter().map(|c| c.column.clone()).collect();
        let matrix = matrix::read(frame.clone(), &columns, 1000).await.unwrap();
        let fitted = fit("segments", &params, frame.clone(), None, 1).await.unwrap();
        let model = Segmentation::load(&fitted).unwrap();
        let expected: Vec<usize> =
            kmeans::assign(&model.centroids, &model.scaling.apply(&matrix)).iter().map(|i| i + 1).collect();
        assert_eq!(labels(score(&fitted, frame).unwrap()).await, expected);
    }

    #[tokio::test]
    async fn a_warm_start_keeps_the_numbers() {
        let (frame, _) = planted(2, 600);
        let params = params(SegmentCount::Between(2, 6));
        let first = fit("segments", &params, frame.clone(), None, 1).await.unwrap();
        // Tomorrow has other customers and another seed.
        let (tomorrow, _) = planted(2, 500);
        let rows = FittedModel::from_batches(&[first.to_batch().unwrap()]).unwrap();
        let second = fit("segments", &params, tomorrow.clone(), rows.first(), 99).await.unwrap();
        let (was, is) = (score(&first, tomorrow.clone()).unwrap(), score(&second, tomorrow).unwrap());
        assert_eq!(labels(was).await, labels(is).await);
        let drift = second.value(Part::Metric, "drift", 1).unwrap();
        assert!(drift < 0.2, "{drift}");
        assert_eq!(second.remarks().count(), 0);
    }

    #[tokio::test]
    async fn a_profile_adds_up() {
        let (frame, _) = planted(2, 600);
        let params = params(SegmentCount::Exactly(3));
        let fitted = fit("segments", &params, frame.clone(), None, 42).await.unwrap();
        let profiles = shown(profiles(&fitted, &params, frame).unwrap(), "segment_id").await;
        assert_eq!(profiles.matches("| 200 ").count(), 3, "{profiles}");
        assert_eq!(profiles.matches("0.3333333333333333").count(), 3, "{profiles}");
        assert!(profiles.contains("| frequent "), "{profiles}");
        assert!(profiles.contains("mean_c"), "{profiles}");
    }

    #[tokio::test]
    async fn too_few_customers_are_a_reason_not_an_error() {
        let (frame, _) = planted(1, 3);
        let params = params(SegmentCount::Exactly(8));
        let fitted = fit("segments", &params, frame.clone(), None, 1).await.unwrap();
        assert_eq!(fitted.status(), Err("8 segments were asked for, but there are only 3 customers"));
        let scored = score(&fitted, frame.clone()).unwrap();
        assert_eq!(scored.clone().filter(ident("segment_id").is_null()).unwrap().count().await.unwrap(), 3);
        assert_eq!(profiles(&fitted, &params, frame.clone()).unwrap().count().await.unwrap(), 0);
        let nobody = frame.limit(0, Some(0)).unwrap();
        assert!(!fit("segments", &params, nobody, None, 1).await.unwrap().is_fitted());
    }

    #[tokio::test]
    async fn the_plan_grows_with_the_columns_not_with_their_uses() {
        let (frame, _) = planted(1, 600);
        let fitted =
            fit("segments", &params(SegmentCount::Exactly(12)), frame.clone(), None, 1).await.unwrap();
        let scored = score(&fitted, frame).unwrap();
        let logical = scored.clone().into_optimized_plan().unwrap().display_indent().to_string();
        let physical = scored.create_physical_plan().await.unwrap();
        let physical = displayable(physical.as_ref()).indent(false).to_string();
        for plan in [logical, physical] {
            // A logarithm of one column is taken once, and twelve centroids use it by its name.
            assert_eq!(plan.matches("ln(").count(), 1, "{plan}");
            assert!(plan.matches("__z2").count() < 40, "{plan}");
        }
    }

    #[tokio::test]
    async fn one_segment_is_everybody() {
        let (frame, _) = planted(1, 30);
        let fitted =
            fit("segments", &params(SegmentCount::Exactly(1)), frame.clone(), None, 1).await.unwrap();
        assert_eq!(labels(score(&fitted, frame).unwrap()).await, [1; 30]);
    }
}
