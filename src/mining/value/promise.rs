//! What tonight's values promise, and what came of earlier promises, by tonight's customers and their purchases.

use std::collections::BTreeSet;

use async_trait::async_trait;
use datafusion::prelude::DataFrame;

use crate::error::Result;
use crate::mining::forecast::{
    ALL, DuePromises, FORECASTS, NO_PURCHASE, Promise, ValuesOfTonight, of_values,
};
use crate::mining::{KEY, Purchases};
use crate::name::TableName;
use crate::step::StepContext;

/// A value whose promises are kept.
#[derive(Debug, Clone)]
pub(super) struct ValuePromise {
    pub values: TableName,
    /// Of a value that is judged at past cut-offs.
    pub accuracy: Option<TableName>,
    pub purchases: Purchases,
    pub horizon_days: u32,
}

#[async_trait]
impl Promise for ValuePromise {
    fn name(&self) -> String {
        self.values.table().to_owned()
    }

    fn reads(&self) -> BTreeSet<TableName> {
        let accuracy = self.accuracy.clone();
        [self.values.clone(), self.purchases.events.clone()].into_iter().chain(accuracy).collect()
    }

    async fn promised(&self, context: &StepContext) -> Result<DataFrame> {
        let of = ValuesOfTonight {
            table: &self.values,
            accuracy: self.accuracy.as_ref(),
            horizon_days: self.horizon_days,
            condition: "true",
            begun_on: "first_purchase_on",
            count: "expected_purchases",
        };
        of_values(context, &of).await
    }

    async fn came(&self, context: &StepContext, due: &DuePromises) -> Result<DataFrame> {
        let purchases = &self.purchases;
        let session = context.catalog.session([&purchases.events], Some(context.as_of)).await?;
        session.register_view(&FORECASTS.parse()?, due.promises.clone())?;
        let at = purchases.instant_sql(&context.catalog, &session).await?;
        let sql = format!(
            "with days as (
               select {KEY}, {at} as at, sum({amount}) as amount from {events}
               where {KEY} is not null and ({condition}) group by 1, 2
             ),
             firsts as (
               select {KEY}, min(at) as first_at, substr(cast(local_day(min(at)) as varchar), 1, 7) as vintage
               from days group by {KEY}
             ),
             instants as (select distinct made_as_of, horizon_end from {FORECASTS}),
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
               join {FORECASTS} as promises
                 on promises.made_as_of = later.made_as_of and promises.vintage = later.vintage
             )
             select made_as_of, vintage, cast(sum(amount) as double) as actual_margin, cast(null as double) as actual_outcomes
             from promised group by 1, 2
             union all
             select made_as_of, '{ALL}', cast(sum(amount) as double), cast(null as double) from promised group by 1",
            amount = purchases.amount,
            condition = purchases.counts(),
            events = purchases.events,
        );
        purchases.query(&session, &sql).await
    }
}
