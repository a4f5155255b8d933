//! What tonight's values of contracts promise, and which renewals came of earlier promises.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::Days;
use datafusion::prelude::DataFrame;

use super::declaration::{ContractParams, TenureColumns};
use super::frame::{local_day_sql, planned};
use super::period::PERIODS_BETWEEN;
use crate::error::Result;
use crate::mining::forecast::{
    ALL, DuePromises, Promise, ValuesOfTonight, of_values, timestamp, vintage_sql,
};
use crate::mining::value::customers::last_day;
use crate::name::TableName;
use crate::step::StepContext;

/// A value of contracts whose promises are kept.
#[derive(Debug, Clone)]
pub(super) struct ContractPromise {
    pub values: TableName,
    pub accuracy: Option<TableName>,
    pub params: ContractParams,
}

#[async_trait]
impl Promise for ContractPromise {
    fn name(&self) -> String {
        self.values.table().to_owned()
    }

    fn reads(&self) -> BTreeSet<TableName> {
        let accuracy = self.accuracy.clone();
        [self.values.clone(), self.params.contracts.table.clone()].into_iter().chain(accuracy).collect()
    }

    async fn promised(&self, context: &StepContext) -> Result<DataFrame> {
        let of = ValuesOfTonight {
            table: &self.values,
            accuracy: self.accuracy.as_ref(),
            horizon_days: self.params.horizon_days,
            condition: "basis = 'running'",
            begun_on: "started_on",
            count: "expected_renewals",
        };
        of_values(context, &of).await
    }

    /// Renewals by tonight's table, each worth what a period brings tonight. Of a contract that ended the renewals before.
    async fn came(&self, context: &StepContext, due: &DuePromises) -> Result<DataFrame> {
        let contracts = &self.params.contracts;
        let session = context.catalog.session([&contracts.table], Some(context.as_of)).await?;
        session.register_functions([contracts.period.function()]);
        let TenureColumns::Days { start, end } = &contracts.tenure else {
            return planned(&self.params, &session, NOTHING).await;
        };
        let start = local_day_sql(&self.params, &session, start).await?;
        let end = local_day_sql(&self.params, &session, end).await?;
        let zone = context.timezone;
        let instants = due.instants.iter().map(|(made, ends)| {
            let (made_day, end_day) = (last_day(*made, zone), last_day(*ends, zone));
            format!(
                "select {} as made_as_of, date '{made_day}' as made_day, date '{}' as begin_day, date '{end_day}' as \
                 end_day, date '{}' as after_day",
                timestamp(*made),
                made_day + Days::new(1),
                end_day + Days::new(1)
            )
        });
        let instants: Vec<String> = instants.collect();
        if instants.is_empty() {
            return planned(&self.params, &session, NOTHING).await;
        }
        let sql = format!(
            "with instants as ({instants}),
             contracts as (
               select {start} as start_day, {end} as end_day, cast(({margin}) as decimal(38, 6)) as margin from {table}
             ),
             running as (
               select
                 made_as_of,
                 {vintage} as vintage,
                 margin,
                 {PERIODS_BETWEEN}(start_day, begin_day) as renewed,
                 case when contracts.end_day <= instants.end_day then {PERIODS_BETWEEN}(start_day, contracts.end_day)
                   else {PERIODS_BETWEEN}(start_day, after_day) end as lived
               from contracts
               join instants on start_day <= made_day and (contracts.end_day is null or contracts.end_day > made_day)
             ),
             came as (
               select made_as_of, vintage, margin * cast(greatest(lived - renewed, 0) as int) as amount from running
             )
             select made_as_of, vintage, cast(sum(amount) as double) as actual_margin,
               cast(null as double) as actual_outcomes
             from came group by 1, 2
             union all
             select made_as_of, '{ALL}', cast(sum(amount) as double), cast(null as double) from came group by 1",
            instants = instants.join(" union all "),
            margin = contracts.margin,
            table = contracts.table,
            vintage = vintage_sql("start_day"),
        );
        planned(&self.params, &session, &sql).await
    }
}

/// No promise is due.
const NOTHING: &str = "select cast(null as timestamp) as made_as_of, cast(null as varchar) as vintage,
  cast(null as double) as actual_margin, cast(null as double) as actual_outcomes where false";
