//! What came within the horizons that are over, beside what was promised.
//!
//! A model whose latest judged sum lies outside its own band is flagged. It stays in force: who replaces it decides so.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use datafusion::prelude::DataFrame;

use super::promise::{ALL, FORECASTS};
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::step::StepContext;
use crate::warehouse::stage::Staged;

/// What came, as a table that a session knows while promises are judged.
const CAME: &str = "core.what_came";

/// Returns promises whose horizon is over with what came of them, one forecast's.
///
/// # Errors
/// None, unless the frames lack a column.
pub(super) async fn beside(context: &StepContext, promises: DataFrame, came: DataFrame) -> Result<DataFrame> {
    let session = context.catalog.session(std::iter::empty::<&TableName>(), Some(context.as_of)).await?;
    session.register_view(&FORECASTS.parse()?, promises)?;
    session.register_view(&CAME.parse()?, came)?;
    let sql = format!(
        "with judged as (
           select
             promises.*,
             case when promises.expected_margin is not null then coalesce(came.actual_margin, 0.0) end as actual_margin,
             case when promises.expected_outcomes is not null then coalesce(came.actual_outcomes, 0.0) end
               as actual_outcomes
           from {FORECASTS} as promises
           left join {CAME} as came on came.made_as_of = promises.made_as_of and came.vintage = promises.vintage
         ),
         banded as (
           select
             *,
             case when expected_outcomes is not null then actual_outcomes between outcomes_low and outcomes_high
               else actual_margin between margin_low and margin_high end as is_in_band,
             max(made_as_of) over (partition by forecast) as latest
           from judged
         )
         select
           forecast, made_as_of, vintage, horizon_end, customers,
           expected_margin, margin_low, margin_high, actual_margin,
           expected_outcomes, outcomes_low, outcomes_high, actual_outcomes,
           is_in_band,
           vintage = '{ALL}' and made_as_of = latest and not is_in_band as is_flagged
         from banded"
    );
    session.sql(&sql).await.doing("hold what came against what was promised")
}

/// Returns a warning for each forecast that is flagged.
///
/// # Errors
/// A table that cannot be read.
pub(super) async fn flagged(context: &StepContext, accuracy: &Staged) -> Result<Vec<String>> {
    let session = context.catalog.session_with(std::iter::empty::<&TableName>(), [accuracy]).await?;
    let doing = "look for promises that were not kept";
    let sql = format!(
        "select forecast, made_as_of, horizon_end,
           coalesce(expected_margin, expected_outcomes), coalesce(margin_low, outcomes_low),
           coalesce(margin_high, outcomes_high), coalesce(actual_margin, actual_outcomes)
         from {} where is_flagged order by forecast",
        accuracy.table
    );
    let mut warnings = Vec::new();
    for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
        let names = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).doing(doing)?;
        let names = names.as_string::<i32>();
        let instant = |n: usize, row: usize| {
            let micros = batch.column(n).as_primitive::<TimestampMicrosecondType>().value(row);
            Instant::from_timestamp_micros(micros).map(show_instant).unwrap_or_default()
        };
        let number = |n: usize, row: usize| batch.column(n).as_primitive::<Float64Type>().value(row);
        for row in 0..names.len() {
            warnings.push(format!(
                "flagged, and in force as before: {} promised {:.0} ({:.0} to {:.0}) from {} until {}, and {:.0} came",
                names.value(row),
                number(3, row),
                number(4, row),
                number(5, row),
                instant(1, row),
                instant(2, row),
                number(6, row),
            ));
        }
    }
    Ok(warnings)
}
