//! What a model promised at past cut-offs and what came, as a table: `mart.<name>_value_accuracy`.
//!
//! It is kept with the fitted model in `ops.models`, so that a night that keeps the model has it too.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};

use super::track_record::{Accuracy, Figures};
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Result};
use crate::mining::fitted::{FittedModel, Part};

/// The columns that tell its rows apart.
pub(super) const KEY: [&str; 3] = ["cutoff", "slice", "label"];

/// As of which run it was judged.
const JUDGED_AS_OF: &str = "judged_as_of";

const NUMBERS: [&str; 8] = [
    "customers",
    "expected_purchases",
    "actual_purchases",
    "expected_margin",
    "actual_margin",
    "margin_low",
    "margin_high",
    "interval_coverage",
];

/// Writes down what was promised and what came, as it was judged as of an instant.
pub(super) fn store(fitted: &mut FittedModel, accuracies: &[Accuracy], judged_as_of: Instant) {
    for (row, accuracy) in accuracies.iter().enumerate() {
        let row = row as i64;
        let micros = accuracy.cutoff.timestamp_micros() as f64;
        fitted.set(Part::Calibration, "cutoff", row, micros);
        fitted.set(Part::Calibration, JUDGED_AS_OF, row, judged_as_of.timestamp_micros() as f64);
        fitted.note(Part::Calibration, "cutoff", row, show_instant(accuracy.cutoff));
        fitted.note(Part::Calibration, "slice", row, accuracy.slice.as_str());
        fitted.note(Part::Calibration, "label", row, accuracy.label.as_str());
        let values = [
            Some(accuracy.customers as f64),
            Some(accuracy.expected_purchases),
            Some(accuracy.actual_purchases),
            Some(accuracy.expected_margin),
            Some(accuracy.actual_margin),
            Some(accuracy.band.0),
            Some(accuracy.band.1),
            Some(accuracy.interval_coverage),
        ];
        for (name, value) in NUMBERS.into_iter().zip(values) {
            if let Some(value) = value {
                fitted.set(Part::Calibration, name, row, value);
            }
        }
    }
}

/// Writes down the track record of another fit of the model, where there is none.
pub(super) fn keep(fitted: &mut FittedModel, other: &FittedModel) {
    if fitted.series(Part::Calibration, "slice").next().is_some() {
        return;
    }
    let rows = other.entries().filter(|(part, ..)| *part == Part::Calibration);
    for (part, name, position, entry) in rows {
        if let Some(value) = entry.value {
            fitted.set(part, name, position, value);
        }
        if let Some(note) = &entry.note {
            fitted.note(part, name, position, note.as_str());
        }
    }
}

/// Writes down the track record of the last run where the model could not be fitted, so that what it promised does not
/// vanish with it; returns what the run says of it.
pub(super) fn keep_last(fitted: &mut FittedModel, last: Option<&FittedModel>) -> Option<String> {
    if fitted.is_fitted() {
        return None;
    }
    keep(fitted, last?);
    let micros = fitted.value(Part::Calibration, JUDGED_AS_OF, 0)?;
    let judged = Instant::from_timestamp_micros(micros as i64)?;
    Some(format!("the track record of {} is kept", show_instant(judged)))
}

/// Writes down the figures of a cut-off, at its place among them from 1 on.
pub(super) fn store_figures(fitted: &mut FittedModel, position: i64, cutoff: Instant, figures: &Figures) {
    fitted.note(Part::Parameter, "cutoff", position, show_instant(cutoff));
    let (low, high) = figures.spearman_gain.unzip();
    let values = [
        ("spearman", figures.spearman),
        ("spearman_of_past_margin", figures.spearman_of_past_margin),
        ("spearman_gain_low", low),
        ("spearman_gain_high", high),
        ("pit_distance", Some(figures.pit_distance)),
        ("vintages_in_band", figures.vintages_in_band),
    ];
    for (name, value) in values {
        if let Some(value) = value {
            fitted.set(Part::Metric, name, position, value);
        }
    }
}

/// Returns the rows of the table.
///
/// # Errors
/// None, unless the program makes columns of different lengths.
pub(super) fn rows(fitted: &FittedModel) -> Result<RecordBatch> {
    let count = fitted.series(Part::Calibration, "slice").count() as i64;
    let text = |name: &str| -> ArrayRef {
        Arc::new((0..count).map(|row| fitted.text(Part::Calibration, name, row)).collect::<StringArray>())
    };
    let instants = |name: &str| -> ArrayRef {
        let micros = (0..count).map(|row| fitted.value(Part::Calibration, name, row).map(|at| at as i64));
        Arc::new(micros.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![("cutoff", instants("cutoff")), ("slice", text("slice")), ("label", text("label"))];
    for name in NUMBERS {
        let values = (0..count).map(|row| fitted.value(Part::Calibration, name, row));
        let column: ArrayRef = match name {
            "customers" => Arc::new(values.map(|v| v.map(|v| v as i64)).collect::<Int64Array>()),
            _ => Arc::new(values.collect::<Float64Array>()),
        };
        columns.push((name, column));
    }
    let is_in_band = (0..count).map(|row| {
        let [low, actual, high] = ["margin_low", "actual_margin", "margin_high"]
            .map(|name| fitted.value(Part::Calibration, name, row));
        Some(low? <= actual? && actual? <= high?)
    });
    columns.push(("is_in_band", Arc::new(is_in_band.collect::<BooleanArray>())));
    columns.push((JUDGED_AS_OF, instants(JUDGED_AS_OF)));
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .doing("write the accuracy of a value model")
}
