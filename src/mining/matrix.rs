//! From a frame to a matrix: the features of a bounded set of customers, in the order of their key.
//!
//! Memory holds the kept rows only, however many customers stream by. Which rows are kept, and
//! their order, depends on the keys alone: not on threads, partitions or the order of arrival.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::dataframe::DataFrame;
use datafusion::prelude::ident;
use futures::StreamExt;
use ndarray::{Array2, Axis, concatenate};

use super::KEY;
use super::feature_column::FeatureColumn;
use super::texts::Texts;
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
    /// By column, the texts that its values number from 0, in alphabetical order; `None` for a column of numbers.
    pub texts: Vec<Option<Vec<String>>>,
    /// How many customers the frame held, of which `keys` are a sample.
    pub seen: usize,
}

impl Matrix {
    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    /// Returns some of the rows, in the order given.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Matrix {
        Matrix {
            columns: self.columns.clone(),
            keys: rows.iter().map(|&row| self.keys[row].clone()).collect(),
            values: self.values.select(Axis(0), rows),
            texts: self.texts.clone(),
            seen: rows.len(),
        }
    }

    /// Returns matrices of the same columns one under the other; a customer may stand in each of them.
    ///
    /// # Errors
    /// Matrices of other columns.
    pub fn stack(parts: &[&Matrix]) -> Result<Matrix> {
        let Some(first) = parts.first() else {
            let (columns, keys, texts) = (Vec::new(), Vec::new(), Vec::new());
            return Ok(Matrix { columns, keys, values: Array2::zeros((0, 0)), texts, seen: 0 });
        };
        let views: Vec<_> = parts.iter().map(|part| part.values.view()).collect();
        let mut values = concatenate(Axis(0), &views).doing("stack the cut-offs")?;
        let mut texts = Vec::new();
        for column in 0..first.columns.len() {
            let of_part = |part: &&Matrix| part.texts[column].clone();
            let Some(all) = parts.iter().map(of_part).collect::<Option<Vec<_>>>() else {
                texts.push(None);
                continue;
            };
            let union: Vec<String> =
                all.iter().flatten().cloned().collect::<BTreeSet<_>>().into_iter().collect();
            let mut row = 0;
            for (part, own) in parts.iter().zip(&all) {
                let places: Vec<f64> =
                    own.iter().map(|text| union.binary_search(text).unwrap_or_default() as f64).collect();
                for _ in 0..part.rows() {
                    let value = &mut values[[row, column]];
                    *value = if value.is_nan() { *value } else { places[*value as usize] };
                    row += 1;
                }
            }
            texts.push(Some(union));
        }
        Ok(Matrix {
            columns: first.columns.clone(),
            keys: parts.iter().flat_map(|part| part.keys.iter().cloned()).collect(),
            values,
            texts,
            seen: parts.iter().map(|part| part.seen).sum(),
        })
    }
}

/// What columns may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kinds {
    Numbers,
    NumbersAndTexts,
}

/// Reads columns of numbers (also decimals and booleans) of at most `most` customers.
///
/// Nulls, NaN and infinities all become NaN. When there are more customers, those of the smallest
/// key hashes are kept: a uniform sample, and nearly the same one the night after.
pub async fn read(frame: DataFrame, columns: &[String], most: usize) -> Result<Matrix> {
    read_kinds(frame, columns, most, Kinds::Numbers).await
}

/// Reads the same, and columns of text where these may be: their values are numbered.
pub async fn read_kinds(frame: DataFrame, columns: &[String], most: usize, kinds: Kinds) -> Result<Matrix> {
    read_beside(frame, columns, most, kinds, |_| Ok(())).await
}

/// Reads the same while `beside` sees every batch, the key and then the columns: what is learnt from all customers and
/// what from a sample is read once.
pub(super) async fn read_beside(
    frame: DataFrame,
    columns: &[String],
    most: usize,
    kinds: Kinds,
    mut beside: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<Matrix> {
    check_kinds(&frame, columns, kinds)?;
    let texts = columns.iter().map(|column| is_text(&frame, column).then(Texts::default)).collect();
    let picked =
        std::iter::once(KEY).chain(columns.iter().map(String::as_str)).map(ident).collect::<Vec<_>>();
    let frame = frame.select(picked).doing("pick the features")?;
    let mut stream = frame.execute_stream().await.doing("read the features")?;
    let mut kept = Kept { most, columns, limit: None, entries: Vec::new(), values: Vec::new(), texts };
    let mut seen = 0;
    while let Some(batch) = stream.next().await {
        let batch = batch.doing("read the features")?;
        seen += batch.num_rows();
        beside(&batch)?;
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
    let mut values = Array2::from_shape_vec((order.len(), columns.len()), values)
        .doing("lay the features out as a matrix")?;
    let keys = order.into_iter().map(|candidate| candidate.key.clone()).collect();
    let sorted = |(index, texts): (usize, Option<Texts>)| {
        let mut column = values.column_mut(index);
        let used = column.iter().filter(|value| !value.is_nan()).map(|value| *value as usize);
        let (texts, places) = texts?.sorted(used.collect::<Vec<_>>().into_iter());
        column.mapv_inplace(|value| if value.is_nan() { value } else { places[value as usize] as f64 });
        Some(texts)
    };
    let texts = kept.texts.into_iter().enumerate().map(sorted).collect();
    Ok(Matrix { columns: columns.to_vec(), keys, values, texts, seen })
}

/// Returns whether the frame has the column as text.
pub(super) fn is_text(frame: &DataFrame, column: &str) -> bool {
    let kind = frame.schema().fields().iter().find(|field| field.name() == column);
    kind.is_some_and(|field| match field.data_type() {
        DataType::Dictionary(_, value) => value.is_string(),
        kind => kind.is_string(),
    })
}

/// Refuses columns of text that are to be read through a logarithm.
pub(super) fn refuse_logarithms_of_text(declared: &[FeatureColumn], frame: &DataFrame) -> Result<()> {
    let wrong = declared.iter().filter(|feature| feature.log && is_text(frame, &feature.column));
    let error = |feature: &FeatureColumn| {
        Error::config(format!("the feature `{}` is text: it has no logarithm", feature.column))
            .in_value("columns", &feature.column)
            .hint(format!("write \"{}\" without log = true", feature.column))
    };
    Error::all(wrong.map(error).collect())
}

/// That the frame has the key and every column, as numbers.
pub(super) fn check_columns(frame: &DataFrame, columns: &[String]) -> Result<()> {
    check_kinds(frame, columns, Kinds::Numbers)
}

fn check_kinds(frame: &DataFrame, columns: &[String], kinds: Kinds) -> Result<()> {
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
            Some(_) if kinds == Kinds::NumbersAndTexts && is_text(frame, column) => {}
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
struct Kept<'c> {
    most: usize,
    columns: &'c [String],
    /// Above this hash nobody can be wanted any more.
    limit: Option<u64>,
    entries: Vec<Candidate>,
    values: Vec<f64>,
    /// Of the columns that are text.
    texts: Vec<Option<Texts>>,
}

/// A column of a batch.
enum Values {
    Numbers(Float64Array),
    Texts(StringArray),
}

impl Kept<'_> {
    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = Keys::of(batch.column(0))?;
        let columns = self.columns_of(batch)?;
        for row in 0..batch.num_rows() {
            let hash = keys.hash(row);
            if self.limit.is_some_and(|limit| hash > limit) {
                continue;
            }
            self.entries.push(Candidate { hash, key: keys.key(row), at: self.values.len() });
            for (index, column) in columns.iter().enumerate() {
                self.values.push(match (column, &mut self.texts[index]) {
                    (Values::Numbers(column), _) if column.is_valid(row) && column.value(row).is_finite() => {
                        column.value(row)
                    }
                    (Values::Texts(column), Some(texts)) if column.is_valid(row) => {
                        texts.number(&self.columns[index], column.value(row))? as f64
                    }
                    _ => f64::NAN,
                });
            }
            if self.entries.len() >= self.most.saturating_mul(2).max(1024) {
                self.prune();
            }
        }
        Ok(())
    }

    fn columns_of(&self, batch: &RecordBatch) -> Result<Vec<Values>> {
        let read = |(index, texts): (usize, &Option<Texts>)| {
            let column = batch.column(index + 1);
            Ok(match texts {
                None => {
                    let numbers = cast(column, &DataType::Float64).doing("read the features as numbers")?;
                    Values::Numbers(numbers.as_primitive::<Float64Type>().clone())
                }
                Some(_) => {
                    let texts = cast(column, &DataType::Utf8).doing("read the features as text")?;
                    Values::Texts(texts.as_string::<i32>().clone())
                }
            })
        };
        self.texts.iter().enumerate().map(read).collect()
    }

    fn prune(&mut self) {
        if self.entries.len() <= self.most {
            return;
        }
        self.entries.select_nth_unstable_by(self.most, Candidate::rank);
        self.entries.truncate(self.most);
        self.limit = self.entries.iter().map(|candidate| candidate.hash).max();
        let mut values = Vec::with_capacity(self.entries.len() * self.columns.len());
        for candidate in &mut self.entries {
            let at = values.len();
            values.extend_from_slice(&self.values[candidate.at..candidate.at + self.columns.len()]);
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

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Number(number) => number.fmt(f),
            Key::Text(text) => f.write_str(text),
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
    async fn texts_are_numbered_in_their_order_whatever_the_threads() {
        let sql = "SELECT value AS customer_id, CASE value % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'shop' END AS t
                   FROM generate_series(1, 300) ORDER BY md5(CAST(value AS varchar))";
        for partitions in [1, 2] {
            let frame = numbers(partitions, sql).await;
            let matrix = read_kinds(frame, &["t".into()], 500, Kinds::NumbersAndTexts).await.unwrap();
            assert_eq!(matrix.texts, [Some(vec!["shop".to_owned(), "web".to_owned()])]);
            assert_eq!((matrix.values[[0, 0]], matrix.values[[2, 0]]), (0.0, 1.0));
            assert!(matrix.values[[1, 0]].is_nan());
        }
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
