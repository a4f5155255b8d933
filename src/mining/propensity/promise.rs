//! What tonight's scores promise: for how many customers the outcome will come, and for how many of those it came.
//!
//! The sum of the chances is what is expected. The band is that of a sum of independent outcomes (its variance is the sum
//! of p·(1 − p)), widened by how far the deciles of the hold-out lay from what was said of them beyond chance.
//!
//! Whom it was promised of is found as learning finds it: the features are computed anew as of the promise. That is done
//! once, in the first run after the window; later runs keep what was found.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast as cast_array;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use async_trait::async_trait;
use datafusion::logical_expr::{JoinType, cast, ident};
use datafusion::prelude::DataFrame;

use super::declaration::EventOutcome;
use super::learn::OUTCOME;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::mining::cutoffs::shift_days;
use crate::mining::feature_query::FeatureQuery;
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::forecast::{ALL, DuePromises, NINETY_FIVE, Promise, timestamp, vintage_sql};
use crate::mining::heirs::{self, CUSTOMER_IDS};
use crate::mining::{KEY, Purchases, condition};
use crate::name::TableName;
use crate::ops::models;
use crate::sql_text::quoted;
use crate::step::{StepContext, Then};
use crate::warehouse::catalog::{Catalog, Session};

/// A propensity whose promises are kept.
#[derive(Debug, Clone)]
pub(super) struct PropensityPromise {
    /// The propensity's name.
    pub model: String,
    pub scores: TableName,
    pub outcome: EventOutcome,
    pub features: FeatureQuery,
    /// SQL condition over the features: who gets a score.
    pub scored: Option<String>,
    pub by_records: bool,
}

/// How many customers of a vintage, and of all, had the outcome.
type Found = BTreeMap<(Instant, String), f64>;

#[async_trait]
impl Promise for PropensityPromise {
    fn name(&self) -> String {
        self.scores.table().to_owned()
    }

    fn reads(&self) -> BTreeSet<TableName> {
        let mut reads = BTreeSet::from([self.scores.clone(), self.outcome.events.clone()]);
        reads.extend(self.features.reads.iter().cloned());
        reads.extend(self.by_records.then(|| CUSTOMER_IDS.parse().expect("it is the name of a table")));
        reads
    }

    fn remembers(&self) -> BTreeSet<TableName> {
        [models::table()].into()
    }

    async fn promised(&self, context: &StepContext) -> Result<DataFrame> {
        let relative = self.model_error(context).await?;
        let end = shift_days(context.as_of, i64::from(self.outcome.window_days), context.timezone)?;
        let events = self.events();
        let session = context.catalog.session([&self.scores, &events.events], Some(context.as_of)).await?;
        // Sums of decimals are the same in any order.
        let sql = format!(
            "with firsts as ({firsts}),
             customers as (
               select
                 {vintage} as vintage,
                 cast({model}_probability as decimal(38, 12)) as outcomes,
                 cast({model}_probability * (1 - {model}_probability) as decimal(38, 12)) as variance
               from {scores} as scores
               left join firsts on firsts.{KEY} = scores.{KEY}
               where {model}_probability is not null
             ),
             summed as (
               select unnest(make_array('{ALL}', vintage)) as vintage, outcomes, variance from customers
             ),
             promised as (
               select
                 vintage, count(*) as customers, cast(sum(outcomes) as double) as outcomes,
                 cast(sum(variance) as double) as variance
               from summed group by vintage
             )
             select
               {name} as forecast,
               {made} as made_as_of,
               vintage,
               {end} as horizon_end,
               customers,
               cast(null as double) as expected_purchases,
               cast(null as double) as expected_margin,
               cast(null as double) as margin_low,
               cast(null as double) as margin_high,
               outcomes as expected_outcomes,
               greatest(outcomes - {NINETY_FIVE} * sqrt(variance + outcomes * outcomes * {relative}), 0.0)
                 as outcomes_low,
               least(outcomes + {NINETY_FIVE} * sqrt(variance + outcomes * outcomes * {relative}),
                 cast(customers as double)) as outcomes_high
             from promised",
            firsts = self.firsts_sql(&events, &context.catalog, &session).await?,
            vintage = vintage_sql("first_on"),
            model = self.model,
            scores = self.scores,
            name = quoted(&self.name()),
            made = timestamp(context.as_of),
            end = timestamp(end),
        );
        events.query(&session, &sql).await
    }

    async fn came(&self, context: &StepContext, due: &DuePromises) -> Result<DataFrame> {
        let mut found = match &due.judged {
            Some(judged) => found_earlier(judged.clone()).await?,
            None => Found::new(),
        };
        for (made, _) in &due.instants {
            if !found.contains_key(&(*made, ALL.to_owned())) {
                found.extend(self.came_since(context, *made).await?);
            }
        }
        let session = context.catalog.session(std::iter::empty::<&TableName>(), None).await?;
        session.read_batch(rows(&found)?)
    }
}

impl PropensityPromise {
    /// The events that the outcome is made of, as purchases are read.
    fn events(&self) -> Purchases {
        Purchases {
            events: self.outcome.events.clone(),
            amount: "1".to_owned(),
            condition: self.outcome.condition.clone(),
        }
    }

    /// The local day of each customer's first event.
    async fn firsts_sql(&self, events: &Purchases, catalog: &Catalog, session: &Session) -> Result<String> {
        Ok(format!(
            "select {KEY}, min({day}) as first_on from {table} where {KEY} is not null and ({condition}) group by {KEY}",
            day = events.day_sql(catalog, session).await?,
            table = events.events,
            condition = events.counts(),
        ))
    }

    /// Returns how far sums of outcomes lay from what was said beyond chance: the square of the standard deviation
    /// relative to the sum; 0 where no hold-out was judged.
    async fn model_error(&self, context: &StepContext) -> Result<f64> {
        let Some(fitted) = FittedModel::last(context, &self.model, ModelKind::Propensity).await? else {
            return Ok(0.0);
        };
        let (mut beyond, mut all) = (0.0, 0.0);
        for (decile, customers) in fitted.series(Part::Calibration, "customers") {
            let of = |name: &str| fitted.value(Part::Calibration, name, decile);
            let Some(((customers, said), came)) =
                customers.value.zip(of("mean_score")).zip(of("outcome_rate"))
            else {
                continue;
            };
            let expected = customers * said;
            beyond += (customers * came - expected).powi(2) - expected * (1.0 - said);
            all += expected * expected;
        }
        Ok(if all > 0.0 { (beyond / all).max(0.0) } else { 0.0 })
    }

    /// Returns for whom of those who were scored at an instant the outcome came.
    async fn came_since(&self, context: &StepContext, made: Instant) -> Result<Found> {
        let mut tables = self.features.reads.clone();
        tables.insert(self.outcome.events.clone());
        let then = context.past.at(context, &tables, made).await?;
        let counted = self.counted(context, &then, made).await;
        // Whatever failed, nothing of then stays.
        let deleted = then.forget().await;
        let counted = counted.map_err(|error| error.at(format!("as of {}", show_instant(made))))?;
        deleted?;
        Ok(counted)
    }

    async fn counted(&self, context: &StepContext, then: &Then, made: Instant) -> Result<Found> {
        let doing = "count for whom the outcome came";
        let zone = context.timezone;
        let mut customers = self.features.over(then.catalog(), made).await?;
        if let Some(scored) = &self.scored {
            let scored = condition::over(&customers, scored, "who is scored")?;
            customers = customers.filter(scored).doing(doing)?;
        }
        let customers = customers.select(vec![ident(KEY)]).doing(doing)?;
        let heirs = heirs::of(then, &context.catalog).await?;
        let labelled = self.outcome.label(&context.catalog, customers, heirs, made, zone).await?;
        let events = self.events();
        let session = then.catalog().session([&events.events], Some(made)).await?;
        let firsts = self.firsts_sql(&events, then.catalog(), &session).await?;
        let firsts =
            events.query(&session, &format!("select {KEY} as __whose, first_on from ({firsts})")).await?;
        let both = labelled
            .join(firsts, JoinType::Left, &[KEY], &["__whose"], None)
            .and_then(|both| {
                both.select(vec![ident("first_on"), cast(ident(OUTCOME), DataType::Int64).alias("outcome")])
            })
            .doing(doing)?;
        session.register_view(&COUNTED.parse()?, both)?;
        let sql = format!(
            "select {vintage} as vintage, sum(outcome) as outcomes from {COUNTED} group by 1
             union all
             select '{ALL}', coalesce(sum(outcome), 0) from {COUNTED}",
            vintage = vintage_sql("first_on")
        );
        let mut found = Found::new();
        for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
            let vintages = cast_array(batch.column(0), &DataType::Utf8).doing(doing)?;
            let (vintages, outcomes) =
                (vintages.as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
            for row in 0..batch.num_rows() {
                found.insert((made, vintages.value(row).to_owned()), outcomes.value(row) as f64);
            }
        }
        Ok(found)
    }
}

/// Customers of then with what came, as a table that a session knows.
const COUNTED: &str = "core.what_came";

/// What earlier runs found.
async fn found_earlier(judged: DataFrame) -> Result<Found> {
    let doing = "read what came of earlier promises";
    if !judged.schema().has_column_with_unqualified_name("actual_outcomes") {
        return Ok(Found::new());
    }
    let columns = ["made_as_of", "vintage", "actual_outcomes"].map(ident).to_vec();
    let known = judged
        .filter(ident("actual_outcomes").is_not_null())
        .and_then(|known| known.select(columns))
        .doing(doing)?;
    let mut found = Found::new();
    for batch in known.collect().await.doing(doing)? {
        let instants = batch.column(0).as_primitive::<TimestampMicrosecondType>();
        let vintages = cast_array(batch.column(1), &DataType::Utf8).doing(doing)?;
        let outcomes = batch.column(2).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let made = Instant::from_timestamp_micros(instants.value(row))
                .ok_or_else(|| Error::failed("the instant of a promise is out of range"))?;
            found.insert((made, vintages.as_string::<i32>().value(row).to_owned()), outcomes.value(row));
        }
    }
    Ok(found)
}

fn rows(found: &Found) -> Result<RecordBatch> {
    let instants = found.keys().map(|(made, _)| made.timestamp_micros());
    let instants = TimestampMicrosecondArray::from_iter_values(instants).with_timezone("UTC");
    let columns: [(&str, ArrayRef); 4] = [
        ("made_as_of", Arc::new(instants)),
        (
            "vintage",
            Arc::new(found.keys().map(|(_, vintage)| Some(vintage.as_str())).collect::<StringArray>()),
        ),
        ("actual_margin", Arc::new(Float64Array::new_null(found.len()))),
        ("actual_outcomes", Arc::new(found.values().copied().map(Some).collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .doing("write down what came of promises")
}
