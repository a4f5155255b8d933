//! What came within the horizons that are over, beside what was promised.

use datafusion::prelude::DataFrame;

use super::promised_value::{FORECASTS, ForecastOf};
use super::promises::{NO_PURCHASE, timestamp};
use crate::error::Result;
use crate::mining::KEY;
use crate::sql_text::quoted;
use crate::step::StepContext;

/// Returns the promises of a value whose horizon is over, with what came, by tonight's customers and their purchases.
/// `promises` is the whole of `core.forecasts`, tonight's included.
///
/// # Errors
/// A table of purchases that cannot be read.
pub(super) async fn of(context: &StepContext, of: &ForecastOf, promises: DataFrame) -> Result<DataFrame> {
    let purchases = &of.purchases;
    let session = context.catalog.session([&purchases.events], Some(context.as_of)).await?;
    session.register_view(&FORECASTS.parse()?, promises)?;
    let at = purchases.instant_sql(&context.catalog, &session).await?;
    let sql = format!(
        "with promises as (
           select * from {FORECASTS} where forecast = {name} and horizon_end <= {now}
         ),
         days as (
           select {KEY}, {at} as at, sum({amount}) as amount from {events}
           where {KEY} is not null and ({condition}) group by 1, 2
         ),
         firsts as (
           select {KEY}, min(at) as first_at, substr(cast(local_day(min(at)) as varchar), 1, 7) as vintage
           from days group by {KEY}
         ),
         instants as (select distinct made_as_of, horizon_end from promises),
         later as (
           select
             instants.made_as_of,
             case when firsts.first_at >= instants.made_as_of then '{NO_PURCHASE}' else firsts.vintage end as vintage,
             days.amount
           from days
           join firsts on firsts.{KEY} = days.{KEY}
           join instants on days.at >= instants.made_as_of and days.at < instants.horizon_end
         ),
         -- Whom nothing was promised of is no part of what came.
         promised as (
           select later.made_as_of, later.vintage, later.amount
           from later
           join promises on promises.made_as_of = later.made_as_of and promises.vintage = later.vintage
         ),
         came as (
           select made_as_of, vintage, cast(sum(amount) as double) as actual_margin from promised group by 1, 2
           union all
           select made_as_of, 'all', cast(sum(amount) as double) from promised group by 1
         )
         select
           promises.forecast,
           promises.made_as_of,
           promises.vintage,
           promises.horizon_end,
           promises.customers,
           promises.expected_margin,
           promises.margin_low,
           promises.margin_high,
           coalesce(came.actual_margin, 0.0) as actual_margin,
           coalesce(came.actual_margin, 0.0) between promises.margin_low and promises.margin_high as is_in_band
         from promises
         left join came on came.made_as_of = promises.made_as_of and came.vintage = promises.vintage",
        name = quoted(&of.name),
        now = timestamp(context.as_of),
        amount = purchases.amount,
        condition = purchases.counts(),
        events = purchases.events,
    );
    purchases.query(&session, &sql).await
}
