//! The rows of a file that begin at chosen lines.

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Int64Type;

use crate::error::{Context, Error, Result};
use crate::ops::quarantine::Lines;

/// The rows that begin within one of the stretches of lines, which are in order; each is passed to `tell` with
/// the stretch's place and its line.
pub(super) fn of_lines(
    batch: &RecordBatch,
    column: &str,
    stretches: &[Lines],
    mut tell: impl FnMut(usize, i64),
) -> Result<RecordBatch> {
    let lines = batch
        .column_by_name(column)
        .and_then(|c| c.as_primitive_opt::<Int64Type>())
        .ok_or_else(|| Error::failed("rows came without their lines"))?;
    let chosen = lines.values().iter().map(|&line| {
        let place = stretches.partition_point(|(first, _)| *first <= line).checked_sub(1);
        let place = place.filter(|place| line <= stretches[*place].1);
        if let Some(place) = place {
            tell(place, line);
        }
        Some(place.is_some())
    });
    let chosen: BooleanArray = chosen.collect();
    filter_record_batch(batch, &chosen).doing("choose the refused records")
}
