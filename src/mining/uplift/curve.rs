//! The figures of the judged campaign as tables: `mart.<name>_uplift_curve` and `mart.<name>_uplift_deciles`.
//!
//! They are kept with the fitted model in `ops.models`, so that a night that keeps the model has them too.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};

use super::judge::PERCENTS;
use crate::error::{Context, Result};
use crate::mining::fitted::{FittedModel, Part};

/// The columns that tell the rows of the curve apart, and those of the deciles.
pub const CURVE_KEY: [&str; 1] = ["contacted_percent"];
pub const DECILES_KEY: [&str; 1] = ["decile"];

/// Returns the curve: for every hundredth of the customers who might be contacted, the best first, the outcomes that the
/// contacts bring for each customer of the campaign, those that picking at random would bring, and the profit. No row where
/// the model is not judged.
///
/// # Errors
/// None, unless the program makes columns of different lengths.
pub fn curve(fitted: &FittedModel) -> Result<RecordBatch> {
    let percents: Vec<i64> = fitted.series(Part::Calibration, "gain").map(|(percent, _)| percent).collect();
    let all = fitted.value(Part::Calibration, "gain", PERCENTS);
    let at_random = percents.iter().map(|percent| Some(all? * *percent as f64 / PERCENTS as f64));
    let columns: [(&str, ArrayRef); 4] = [
        (CURVE_KEY[0], Arc::new(Int64Array::from(percents.clone()))),
        ("outcomes_per_customer", numbers(fitted, "gain", &percents)),
        ("at_random_per_customer", Arc::new(at_random.collect::<Float64Array>())),
        ("profit_per_customer", numbers(fitted, "profit", &percents)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .doing("write the curve of an uplift")
}

/// Returns the tenths of the judged campaign, 1 being the customers of whom the most was expected: how many were contacted
/// and kept back, what came, and what the contact changed with an interval of 95%. No row where the model is not judged.
///
/// # Errors
/// None, unless the program makes columns of different lengths.
pub fn deciles(fitted: &FittedModel) -> Result<RecordBatch> {
    let places: Vec<i64> =
        fitted.series(Part::Calibration, "tenth_treated").map(|(place, _)| place).collect();
    let whole = |name: &str| -> ArrayRef {
        let values = places.iter().map(|place| fitted.value(Part::Calibration, name, *place));
        Arc::new(values.map(|value| value.map(|value| value as i64)).collect::<Int64Array>())
    };
    let columns: [(&str, ArrayRef); 9] = [
        (DECILES_KEY[0], Arc::new(Int64Array::from(places.clone()))),
        ("treated", whole("tenth_treated")),
        ("controls", whole("tenth_controls")),
        ("treated_rate", numbers(fitted, "tenth_treated_rate", &places)),
        ("control_rate", numbers(fitted, "tenth_control_rate", &places)),
        ("expected_uplift", numbers(fitted, "tenth_expected", &places)),
        ("uplift", numbers(fitted, "tenth_uplift", &places)),
        ("uplift_low", numbers(fitted, "tenth_low", &places)),
        ("uplift_high", numbers(fitted, "tenth_high", &places)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .doing("write the deciles of an uplift")
}

fn numbers(fitted: &FittedModel, name: &str, places: &[i64]) -> ArrayRef {
    let values = places.iter().map(|place| fitted.value(Part::Calibration, name, *place));
    Arc::new(values.collect::<Float64Array>())
}
