//! Planted segments are found, assigned by SQL as by the matrix, and said to be what they are.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow::util::pretty::pretty_format_batches;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};

use datafusion::logical_expr::{ident, lit, when};

use super::*;
use crate::mining::KEY;
use crate::mining::feature_column::FeatureColumn;
use crate::mining::feature_words::Words;
use crate::mining::metrics::adjusted_rand_index;
use crate::mining::segments::assignment::score;
use crate::mining::segments::declaration::ApartSection;
use crate::mining::segments::profile::profiles;
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
        names: [("a".to_owned(), Words::LowHigh([String::new(), "frequent".to_owned()]))].into(),
        apart: Vec::new(),
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
        let params = params(count);
        let fitted = fit("segments", &params, frame.clone(), None, 42).await.unwrap();
        assert_eq!(fitted.metric("segments"), Some(3.0));
        let found = labels(score(&fitted, &params, frame.clone()).unwrap()).await;
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
        let scored = shown(score(&fitted, &params, frame.clone()).unwrap(), KEY).await;
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
    assert_eq!(labels(score(&fitted, &params, frame).unwrap()).await, expected);
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
    let (was, is) =
        (score(&first, &params, tomorrow.clone()).unwrap(), score(&second, &params, tomorrow).unwrap());
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
    assert!(profiles.contains("| rather frequent "), "{profiles}");
    assert!(profiles.contains("mean_c"), "{profiles}");
}

#[tokio::test]
async fn too_few_customers_are_a_reason_not_an_error() {
    let (frame, _) = planted(1, 3);
    let params = params(SegmentCount::Exactly(8));
    let fitted = fit("segments", &params, frame.clone(), None, 1).await.unwrap();
    assert_eq!(fitted.status(), Err("8 segments were asked for, but there are only 3 customers"));
    let scored = score(&fitted, &params, frame.clone()).unwrap();
    assert_eq!(scored.clone().filter(ident("segment_id").is_null()).unwrap().count().await.unwrap(), 3);
    assert_eq!(profiles(&fitted, &params, frame.clone()).unwrap().count().await.unwrap(), 0);
    let nobody = frame.limit(0, Some(0)).unwrap();
    assert!(!fit("segments", &params, nobody, None, 1).await.unwrap().is_fitted());
}

#[tokio::test]
async fn the_plan_grows_with_the_columns_not_with_their_uses() {
    let (frame, _) = planted(1, 600);
    let params = params(SegmentCount::Exactly(12));
    let fitted = fit("segments", &params, frame.clone(), None, 1).await.unwrap();
    let scored = score(&fitted, &params, frame).unwrap();
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
    let params = params(SegmentCount::Exactly(1));
    let fitted = fit("segments", &params, frame.clone(), None, 1).await.unwrap();
    assert_eq!(labels(score(&fitted, &params, frame).unwrap()).await, [1; 30]);
}

#[tokio::test]
async fn who_is_set_apart_is_a_segment_of_its_own_and_no_part_of_the_fit() {
    let (frame, _) = planted(2, 600);
    let mut params = params(SegmentCount::Exactly(2));
    params.apart = ["a > 3", "a > 2 or b is null"]
        .map(|condition| ApartSection { name: format!("where {condition}"), condition: condition.to_owned() })
        .into();
    let fitted = fit("segments", &params, frame.clone(), None, 42).await.unwrap();
    // A third of the customers have `a` around 4.
    assert_eq!(fitted.metric("rows_fitted"), Some(400.0));
    let assigned = score(&fitted, &params, frame.clone()).unwrap();
    let named = |name: &str| assigned.clone().filter(ident("segment_name").eq(lit(name))).unwrap();
    let planted = frame.clone().filter(ident("a").gt(lit(3.0))).unwrap();
    assert_eq!(named("where a > 3").count().await.unwrap(), planted.count().await.unwrap());
    let profiles = shown(profiles(&fitted, &params, frame.clone()).unwrap(), "segment_id").await;
    assert!(profiles.contains("| 51         | where a > 3 ") && profiles.contains("| 52 "), "{profiles}");
    // Also where there is nothing to fit: the rule needs no model.
    let few = frame.clone().filter(ident("a").gt(lit(3.0))).unwrap();
    let fitted = fit("segments", &params, few.clone(), None, 42).await.unwrap();
    assert!(!fitted.is_fitted());
    assert_eq!(
        labels(score(&fitted, &params, few.clone()).unwrap()).await,
        vec![51; few.count().await.unwrap()]
    );
    // What does not fit the features is said.
    params.apart[0].condition = "orders = 0".to_owned();
    let error = fit("segments", &params, frame, None, 42).await.unwrap_err().to_string();
    assert!(error.contains("the condition for the segment \"where a > 3\" does not fit"), "{error}");
}

#[tokio::test]
async fn a_segment_that_holds_nobody_tonight_keeps_its_row() {
    let (frame, _) = planted(1, 600);
    let params = params(SegmentCount::Exactly(3));
    let fitted = fit("segments", &params, frame.clone(), None, 42).await.unwrap();
    let one = frame.filter(ident("customer_id").eq(lit(0))).unwrap();
    let profiles = profiles(&fitted, &params, one).unwrap();
    assert_eq!(profiles.clone().count().await.unwrap(), 3);
    assert_eq!(profiles.filter(ident("customers").eq(lit(0))).unwrap().count().await.unwrap(), 2);
}

#[tokio::test]
async fn customers_of_whom_nothing_is_known_are_counted_in_a_remark() {
    let (frame, _) = planted(1, 600);
    let params = params(SegmentCount::Exactly(3));
    let nothing = ident("customer_id").lt(lit(30));
    let mut zeroed = frame;
    for column in ["a", "b", "c"] {
        let value = when(nothing.clone(), lit(0.0)).otherwise(ident(column)).unwrap();
        zeroed = zeroed.with_column(column, value).unwrap();
    }
    let fitted = fit("segments", &params, zeroed, None, 42).await.unwrap();
    let remarks: Vec<&str> = fitted.remarks().collect();
    assert!(remarks[0].starts_with("of 30 of 600 customers every column is null or 0"), "{remarks:?}");
}

#[tokio::test]
async fn a_name_outlives_a_night_with_other_customers() {
    let (frame, _) = planted(2, 600);
    let params = params(SegmentCount::Exactly(3));
    let first = fit("segments", &params, frame, None, 1).await.unwrap();
    let (tomorrow, _) = planted(2, 570);
    let second = fit("segments", &params, tomorrow, Some(&first), 99).await.unwrap();
    let names = |fitted: &FittedModel| {
        Segmentation::load(fitted).unwrap().named.into_iter().map(|named| named.name).collect::<Vec<_>>()
    };
    assert_eq!(names(&first), names(&second));
}
