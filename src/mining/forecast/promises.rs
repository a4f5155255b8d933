//! What the values of tonight promise, summed by vintage: the month of a customer's first purchase, or of the first day of
//! a contract.

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use datafusion::prelude::DataFrame;

use super::promise::{NINETY_FIVE, timestamp, vintage_sql};
use crate::error::{Context, Result};
use crate::mining::cutoffs::shift_days;
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::step::StepContext;

/// Values of a night: a table with the columns `expected_margin` and `margin_sd`.
#[derive(Debug, Clone)]
pub struct ValuesOfTonight<'a> {
    pub table: &'a TableName,
    /// Of values that are judged at past cut-offs.
    pub accuracy: Option<&'a TableName>,
    pub horizon_days: u32,
    /// SQL condition: which rows promise something.
    pub condition: &'a str,
    /// The column of the day whose month is the vintage.
    pub begun_on: &'a str,
    /// The column of the purchases, or renewals, that are expected.
    pub count: &'a str,
}

/// Vintages of fewer customers say nothing of the model.
const LEAST_CUSTOMERS: u32 = 30;

/// Returns the promises of values: one row per vintage and one of all. The band holds what chance leaves open, and how
/// far vintages lay from what was promised at past cut-offs beyond it.
///
/// # Errors
/// A table of values that cannot be read.
pub async fn of_values(context: &StepContext, of: &ValuesOfTonight<'_>) -> Result<DataFrame> {
    let model_error = model_error(context, of).await?;
    let end = shift_days(context.as_of, i64::from(of.horizon_days), context.timezone)?;
    let session = context.catalog.session([of.table], Some(context.as_of)).await?;
    // Sums of decimals are the same in any order.
    let sql = format!(
        "with customers as (
           select
             {vintage} as vintage,
             cast({count} as decimal(38, 6)) as purchases,
             cast(expected_margin as decimal(38, 6)) as margin,
             cast(margin_sd * margin_sd as decimal(38, 6)) as variance
           from {values}
           where expected_margin is not null and ({condition})
         ),
         summed as (
           select unnest(make_array('all', vintage)) as vintage, purchases, margin, variance from customers
         ),
         promised as (
           select
             vintage, count(*) as customers, cast(sum(purchases) as double) as purchases,
             cast(sum(margin) as double) as margin, cast(sum(variance) as double) as variance
           from summed group by vintage
         )
         select
           {name} as forecast,
           {made} as made_as_of,
           vintage,
           {end} as horizon_end,
           customers,
           purchases as expected_purchases,
           margin as expected_margin,
           margin - {NINETY_FIVE} * sqrt(variance + margin * margin * {relative}) as margin_low,
           margin + {NINETY_FIVE} * sqrt(variance + margin * margin * {relative}) as margin_high,
           cast(null as double) as expected_outcomes,
           cast(null as double) as outcomes_low,
           cast(null as double) as outcomes_high
         from promised",
        vintage = vintage_sql(of.begun_on),
        count = of.count,
        condition = of.condition,
        values = of.table,
        name = quoted(of.table.table()),
        made = timestamp(context.as_of),
        end = timestamp(end),
        relative = model_error * model_error,
    );
    session.sql(&sql).await.doing(format!("sum what {} promises", of.table))
}

/// Returns how far vintages lay from what was promised, beyond chance: the standard deviation relative to the promise; 0
/// where no past cut-off was judged.
async fn model_error(context: &StepContext, of: &ValuesOfTonight<'_>) -> Result<f64> {
    let Some(accuracy) = of.accuracy else { return Ok(0.0) };
    let session = context.catalog.session([accuracy], None).await?;
    let sql = format!(
        "select expected_margin, actual_margin, (margin_high - margin_low) / 2 / {NINETY_FIVE} as chance
         from {accuracy}
         where slice = 'vintage' and customers >= {LEAST_CUSTOMERS} and expected_margin > 0
         order by cutoff, label"
    );
    let doing = "read how far promises were off";
    let (mut squares, mut vintages) = (0.0, 0.0);
    for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
        let column = |n: usize| batch.column(n).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let [expected, actual, chance] = [0, 1, 2].map(|n| column(n).value(row) / column(0).value(row));
            squares += (actual - expected).powi(2) - chance * chance;
            vintages += 1.0;
        }
    }
    Ok(if vintages > 0.0 { (squares / vintages).max(0.0).sqrt() } else { 0.0 })
}
