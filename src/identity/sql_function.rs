//! Pure functions of text as SQL functions.
//!
//! They take text as views: other text types become views without a copy, and pairs of records are joined and
//! filtered as views, sixteen bytes per text whatever its length.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, StringArray, StringBuilder,
};
use arrow::datatypes::DataType;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{ScalarUDF, Volatility, create_udf};

/// `f` of a text; null of null. It is computed once of the texts of a batch that are the same.
pub fn text(name: &str, f: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> ScalarUDF {
    udf(name, 1, DataType::Utf8, move |columns| {
        let mut known: HashMap<&str, Option<String>> = HashMap::new();
        let mut made = StringBuilder::new();
        for text in columns[0].as_string_view() {
            made.append_option(text.and_then(|text| known.entry(text).or_insert_with(|| f(text)).as_deref()));
        }
        Arc::new(made.finish())
    })
}

/// `f` of a text and of another, which counts as empty where it is null.
pub(super) fn text_and_text(
    name: &str,
    f: impl Fn(&str, &str) -> Option<String> + Send + Sync + 'static,
) -> ScalarUDF {
    udf(name, 2, DataType::Utf8, move |columns| {
        let (texts, others) = (columns[0].as_string_view(), columns[1].as_string_view());
        let both = texts.iter().zip(others);
        Arc::new(both.map(|(text, other)| f(text?, other.unwrap_or_default())).collect::<StringArray>())
    })
}

/// Returns a number from a text; null of null.
pub(super) fn whole_of_text(name: &str, f: impl Fn(&str) -> i64 + Send + Sync + 'static) -> ScalarUDF {
    udf(name, 1, DataType::Int64, move |columns| {
        Arc::new(columns[0].as_string_view().iter().map(|t| t.map(&f)).collect::<Int64Array>())
    })
}

/// Returns a measure of two texts; null where one is null.
pub fn measure(name: &str, f: impl Fn(&str, &str) -> f64 + Send + Sync + 'static) -> ScalarUDF {
    udf(name, 2, DataType::Float64, move |columns| {
        Arc::new(pairs(columns).map(|pair| pair.map(|(l, r)| f(l, r))).collect::<Float64Array>())
    })
}

/// Returns a distance of two texts; null where one is null, or where it has no meaning.
pub fn distance(name: &str, f: impl Fn(&str, &str) -> Option<i64> + Send + Sync + 'static) -> ScalarUDF {
    udf(name, 2, DataType::Int64, move |columns| {
        Arc::new(pairs(columns).map(|pair| pair.and_then(|(l, r)| f(l, r))).collect::<Int64Array>())
    })
}

/// Returns whether something holds between two texts; null where one is null.
pub fn relation(name: &str, f: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> ScalarUDF {
    udf(name, 2, DataType::Boolean, move |columns| {
        Arc::new(pairs(columns).map(|pair| pair.map(|(l, r)| f(l, r))).collect::<BooleanArray>())
    })
}

fn pairs(columns: &[ArrayRef]) -> impl Iterator<Item = Option<(&str, &str)>> {
    let (left, right) = (columns[0].as_string_view(), columns[1].as_string_view());
    (0..left.len())
        .map(move |n| (left.is_valid(n) && right.is_valid(n)).then(|| (left.value(n), right.value(n))))
}

fn udf(
    name: &str,
    texts: usize,
    made: DataType,
    f: impl Fn(&[ArrayRef]) -> ArrayRef + Send + Sync + 'static,
) -> ScalarUDF {
    let function = make_scalar_function(move |columns| Ok(f(columns)), Vec::new());
    create_udf(name, vec![DataType::Utf8View; texts], made, Volatility::Immutable, Arc::new(function))
}
