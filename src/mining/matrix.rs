//! From a frame to a matrix: the features of a bounded set of customers, in the order of their key.
//!
//! Memory holds the kept rows only, however many customers stream by. Which rows are kept, and
//! their order, depends on the keys alone: not on threads, partitions or the order of arrival.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::dataframe::DataFrame;
use datafusion::prelude::ident;
use futures::StreamExt;
use ndarray::Array2;

use super::KEY;
use crate::error::{Context, Error, Result};
use crate::sql_type::sql_type;
use crate::suggestion::did_you_mean;

/// The key of a customer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    Number(i64),
    Text(String),
}

/// Features of customers: `values` is rows × columns, NaN where a feature is unknown.
#[derive(Debug, Clone)]
pub struct Matrix {
    pub columns: Vec<String>,
    /// Ascending.
    pub keys: Vec<Key>,
    pub values: Array2<f64>,
    /// How many customers the frame held, of which `keys` are a sample.
    pub seen: usize,
}

impl Matrix {
    pub fn rows(&self) -> usize {
        self.keys.len()
    }
}

/// Reads columns of numbers (also decimals and booleans) of at most `most` customers.
///
/// Nulls, NaN and infinities all become NaN. When there are more customers, those of the smallest
/// key hashes are kept: a uniform sample, and nearly the same one the night after.
pub async fn read(frame: DataFrame, columns: &[String], most: usize) -> Result<Matrix> {
    check_columns(&frame, columns)?;
    let picked =
        std::iter::once(KEY).chain(columns.iter().map(String::as_str)).map(ident).collect::<Vec<_>>();
    let frame = frame.select(picked).doing("pick the features")?;
    let mut stream = frame.execute_stream().await.doing("read the features")?;
    let mut kept = Kept { most, width: columns.len(), limit: None, entries: Vec::new(), values: Vec::new() };
    let mut seen = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch.doing("read the features")?;
        seen += batch.num_rows();
        kept.take(&batch)?;
    }
    kept.prune();
    let order = {
        let mut order: Vec<&Candidate> = kept.entries.iter().collect();
        order.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        order
    };
    if let Some(twice) = order.windows(2).position(|pair| pair[0].key == pair[1].key) {
        return Err(Error::failed(format!(
            "the features hold the same {KEY} more than once (first at row {} in key order)",
            twice + 1
        ))
        .hint("one row per customer was expected: look at the joins of the features"));
    }
    let mut values = Vec::with_capacity(order.len() * columns.len());
    for candidate in &order {
        values.extend_from_slice(&kept.values[candidate.at..candidate.at + columns.len()]);
    }
    let values = Array2::from_shape_vec((order.len(), columns.len()), values)
        .doing("lay the features out as a matrix")?;
    let keys = order.into_iter().map(|candidate| candidate.key.clone()).collect();
    Ok(Matrix { columns: columns.to_vec(), keys, values, seen })
}

/// That the frame has the key and every column, as numbers.
pub(super) fn check_columns(frame: &DataFrame, columns: &[String]) -> Result<()> {
    let field = |name: &str| frame.schema().fields().iter().find(|field| field.name() == name);
    let mut errors = Vec::new();
    if field(KEY).is_none() {
        errors.push(Error::config(format!("the features have no column `{KEY}`")));
    }
    for column in columns {
        match field(column).map(|field| field.data_type()) {
            None => errors.push(
                Error::config(format!("the features have no column `{column}`"))
                    .in_value("columns", column)
                    .hint(
                        did_you_mean(column, frame.schema().fields().iter().map(|f| f.name().as_str()))
                            .unwrap_or_else(|| {
                                "fix `columns`, or add the feature to the features' SQL".to_owned()
                            }),
                    ),
            ),
            Some(kind) if kind.is_numeric() || matches!(kind, DataType::Boolean | DataType::Null) => {}
            Some(kind) => errors.push(
                Error::failed(format!("the feature `{column}` is {}, a number was expected", sql_type(kind)))
                    .hint("turn it into a number in the features' SQL"),
            ),
        }
    }
    Error::all(errors)
}

struct Candidate {
    hash: u64,
    key: Key,
    /// Where its values begin.
    at: usize,
}

impl Candidate {
    fn rank(&self, other: &Self) -> Ordering {
        self.hash.cmp(&other.hash).then_with(|| self.key.cmp(&other.key))
    }
}

/// The customers of the smallest hashes so far, at most twice as many as wanted.
struct Kept {
    most: usize,
    width: usize,
    /// Above this hash nobody can be wanted any more.
    limit: Option<u64>,
    entries: Vec<Candidate>,
    values: Vec<f64>,
}

impl Kept {
    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = Keys::of(batch.column(0))?;
        let columns = (1..=self.width)
            .map(|i| cast(batch.column(i), &DataType::Float64).doing("read the features as numbers"))
            .collect::<Result<Vec<_>>>()?;
        let columns: Vec<_> = columns.iter().map(|column| column.as_primitive::<Float64Type>()).collect();
        for row in 0..batch.num_rows() {
            let hash = keys.hash(row);
            if self.limit.is_some_and(|limit| hash > limit) {
                continue;
            }
            self.entries.push(Candidate { hash, key: keys.key(row), at: self.values.len() });
            self.values.extend(columns.iter().map(|column| {
                let known = column.is_valid(row) && column.value(row).is_finite();
                if known { column.value(row) } else { f64::NAN }
            }));
            if self.entries.len() >= self.most.saturating_mul(2).max(1024) {
                self.prune();
            }
        }
        Ok(())
    }

    fn prune(&mut self) {
        if self.entries.len() <= self.most {
            return;
        }
        self.entries.select_nth_unstable_by(self.most, Candidate::rank);
        self.entries.truncate(self.most);
        self.limit = self.entries.iter().map(|candidate| candidate.hash).max();
        let mut values = Vec::with_capacity(self.entries.len() * self.width);
        for candidate in &mut self.entries {
            let at = values.len();
            values.extend_from_slice(&self.values[candidate.at..candidate.at + self.width]);
            candidate.at = at;
        }
        self.values = values;
    }
}

enum Keys {
    Numbers(ArrayRef),
    Texts(ArrayRef),
}

impl Keys {
    fn of(column: &ArrayRef) -> Result<Self> {
        if column.null_count() > 0 {
            return Err(Error::failed(format!(
                "the features hold {} rows without {KEY}",
                column.null_count()
            ))
            .hint("leave out rows of unknown customers in the features' SQL"));
        }
        if column.data_type().is_integer() {
            Ok(Keys::Numbers(cast(column, &DataType::Int64).doing("read the customers' keys as numbers")?))
        } else {
            Ok(Keys::Texts(cast(column, &DataType::Utf8).doing("read the customers' keys as text")?))
        }
    }

    fn key(&self, row: usize) -> Key {
        match self {
            Keys::Numbers(keys) => Key::Number(keys.as_primitive::<Int64Type>().value(row)),
            Keys::Texts(keys) => Key::Text(keys.as_string::<i32>().value(row).to_owned()),
        }
    }

    fn hash(&self, row: usize) -> u64 {
        match self {
            Keys::Numbers(keys) => hash_of_number(keys.as_primitive::<Int64Type>().value(row)),
            Keys::Texts(keys) => hash_of_text(keys.as_string::<i32>().value(row)),
        }
    }
}

impl Key {
    /// Returns a hash of the key, the same in every night.
    pub fn hash(&self) -> u64 {
        match self {
            Key::Number(number) => hash_of_number(*number),
            Key::Text(text) => hash_of_text(text),
        }
    }
}

fn hash_of_number(number: i64) -> u64 {
    mix(number as u64)
}

/// FNV-1a, whose low bits alone are weak, mixed.
fn hash_of_text(text: &str) -> u64 {
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)))
}

/// The finaliser of SplitMix64 (Steele, Lea & Flood 2014).
fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    async fn numbers(partitions: usize, sql: &str) -> DataFrame {
        let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(7);
        SessionContext::new_with_config(config).sql(sql).await.unwrap()
    }

    const THOUSAND: &str = "SELECT 2000 - value AS customer_id, value * 1.5 AS x, value % 2 = 0 AS y FROM generate_series(1, 1000)";

    fn columns() -> Vec<String> {
        vec!["y".into(), "x".into()]
    }

    #[tokio::test]
    async fn rows_stand_in_key_order_and_columns_as_asked() {
        let matrix = read(numbers(2, THOUSAND).await, &columns(), 5000).await.unwrap();
        assert_eq!(matrix.values.dim(), (1000, 2));
        assert_eq!(matrix.keys[0], Key::Number(1000));
        assert_eq!(matrix.values.row(0).to_vec(), [1.0, 1500.0]);
        assert_eq!(matrix.seen, 1000);
    }

    #[tokio::test]
    async fn a_sample_depends_on_keys_alone() {
        let one = read(numbers(1, THOUSAND).await, &columns(), 100).await.unwrap();
        let shuffled = format!("SELECT * FROM ({THOUSAND}) ORDER BY md5(CAST(x AS varchar))");
        let other = read(numbers(2, &shuffled).await, &columns(), 100).await.unwrap();
        assert_eq!((one.rows(), one.seen), (100, 1000));
        assert_eq!(one.keys, other.keys);
        assert_eq!(one.values, other.values);
        // Uniform: the mean of a hundred of 1000..=1999 is near 1500 (standard error 27).
        let mean = one.keys.iter().map(|k| if let Key::Number(n) = k { *n } else { 0 }).sum::<i64>() / 100;
        assert!((1400..1600).contains(&mean), "{mean}");
    }

    #[tokio::test]
    async fn what_is_not_a_finite_number_is_unknown() {
        let sql = "SELECT * FROM (VALUES ('b', CAST('NaN' AS double)), ('a', CAST('inf' AS double)), ('c', NULL), ('d', 2.0)) t(customer_id, x)";
        let matrix = read(numbers(1, sql).await, &["x".into()], 10).await.unwrap();
        assert_eq!(matrix.keys[0], Key::Text("a".into()));
        assert_eq!(matrix.values.iter().filter(|v| v.is_nan()).count(), 3);
        assert_eq!(matrix.values[[3, 0]], 2.0);
    }

    #[tokio::test]
    async fn a_frame_that_does_not_fit_is_told_whole() {
        let frame = numbers(1, "SELECT 1 AS customer_id, 'a' AS t").await;
        let error = read(frame, &["t".into(), "u".into()], 10).await.unwrap_err();
        assert_eq!(error.count(), 2);
        assert!(error.to_string().contains("the feature `t` is text, a number was expected"), "{error}");
        let twice = numbers(1, "SELECT 1 AS customer_id, 2 AS x UNION ALL SELECT 1, 3").await;
        let error = read(twice, &["x".into()], 10).await.unwrap_err();
        assert!(error.message().contains("more than once"), "{error}");
    }
}
