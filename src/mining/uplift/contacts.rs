//! The campaigns of a table of contacts: when each was, who was contacted and who was kept back, and what came of them.

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use chrono_tz::Tz;
use datafusion::functions_aggregate::expr_fn::{count, max, min, sum};
use datafusion::logical_expr::{JoinType, cast as cast_expr, ident, lit, when};
use datafusion::prelude::DataFrame;

use super::declaration::{UpliftOutcome, UpliftParams};
use super::qini::Counts;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::mining::cutoffs::shift_days;
use crate::mining::event_time::EventTime;
use crate::mining::{KEY, heirs};
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};

/// The columns of who was in a campaign.
pub const CUSTOMER: &str = "__customer";
/// 1 for who was contacted, 0 for who was kept back; who was both has not the same in the two.
pub const TREATED: &str = "__treated";
pub const ALWAYS_TREATED: &str = "__always_treated";
/// 1 for whom the outcome came.
pub const OUTCOME: &str = "__outcome";

/// A campaign as its contacts show it.
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    pub name: String,
    pub first: Instant,
    /// When the outcomes of all contacts are known.
    pub known_at: Instant,
    /// Rows of contacts, and of customers who were kept back.
    pub treated: u64,
    pub controls: u64,
}

/// Contacts and what came of them, as known at the run's instant.
pub struct Contacts<'a> {
    params: &'a UpliftParams,
    session: Session,
    /// The time of a contact, and of an event that is an outcome.
    time: EventTime,
    event_time: Option<EventTime>,
    zone: Tz,
}

/// Who was in a campaign but cannot be learnt from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Members {
    pub customers: u64,
    /// Those of them who were contacted and kept back.
    pub of_both_groups: u64,
}

impl<'a> Contacts<'a> {
    /// Opens the contacts.
    ///
    /// # Errors
    /// Tables that are not there, or that do not say when their rows happened.
    pub async fn open(params: &'a UpliftParams, catalog: &Catalog, as_of: Instant, zone: Tz) -> Result<Self> {
        let mut tables = vec![&params.contacts.table];
        tables.extend(params.outcome.events());
        let session = catalog.session(tables, Some(as_of)).await?;
        let time = EventTime::of(&params.contacts.table, catalog, &session).await?;
        let event_time = match params.outcome.events() {
            Some(events) => Some(EventTime::of(events, catalog, &session).await?),
            None => None,
        };
        Ok(Contacts { params, session, time, event_time, zone })
    }

    /// Returns the campaigns, the oldest first.
    ///
    /// # Errors
    /// Conditions that do not fit the table.
    pub async fn campaigns(&self) -> Result<Vec<Span>> {
        let contacts = &self.params.contacts;
        let (first, last) = (
            self.time.over(&format!("min({})", self.time.column)),
            self.time.over(&format!("max({})", self.time.column)),
        );
        let sql = format!(
            "select cast({campaign} as varchar), {first}, {last}, \
             sum(case when ({treated}) then 1 else 0 end), sum(case when ({treated}) then 0 else 1 end) \
             from {table} where {rows} group by 1",
            campaign = contacts.campaign,
            treated = contacts.treated,
            table = contacts.table,
            rows = self.rows(),
        );
        let doing = format!("look for campaigns in {}", contacts.table);
        let batches = self.query(&sql, &doing).await?.collect().await.doing(&doing)?;
        let mut campaigns = Vec::new();
        for batch in &batches {
            let as_type = |column: usize, kind: &DataType| cast(batch.column(column), kind).doing(&doing);
            let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            let (name, first, last) =
                (as_type(0, &DataType::Utf8)?, as_type(1, &instant)?, as_type(2, &instant)?);
            let (treated, controls) = (as_type(3, &DataType::Int64)?, as_type(4, &DataType::Int64)?);
            let name = name.as_string::<i32>();
            let at = |column: &arrow::array::ArrayRef, row: usize| {
                let micros = column.as_primitive::<TimestampMicrosecondType>();
                (micros.is_valid(row)).then(|| Instant::from_timestamp_micros(micros.value(row))).flatten()
            };
            let number = |column: &arrow::array::ArrayRef, row: usize| {
                column.as_primitive::<Int64Type>().value(row) as u64
            };
            for row in 0..batch.num_rows() {
                let (Some(first), Some(last)) = (at(&first, row), at(&last, row)) else { continue };
                campaigns.push(Span {
                    name: name.value(row).to_owned(),
                    first,
                    known_at: shift_days(last, i64::from(self.params.outcome.window_days()), self.zone)?,
                    treated: number(&treated, row),
                    controls: number(&controls, row),
                });
            }
        }
        campaigns.sort_by(|a, b| a.first.cmp(&b.first).then_with(|| a.name.cmp(&b.name)));
        Ok(campaigns)
    }

    /// Returns who was in a campaign, under tonight's ids: `__customer`, `__treated`, `__always_treated`, `__outcome`.
    ///
    /// # Errors
    /// Conditions that do not fit the tables.
    pub async fn of_campaign(&self, campaign: &str) -> Result<DataFrame> {
        let contacts = &self.params.contacts;
        let treated = &contacts.treated;
        let outcome = match &self.params.outcome {
            UpliftOutcome::Column(column) => {
                format!("max(case when cast({column} as boolean) then 1 else 0 end)")
            }
            UpliftOutcome::Event { .. } => "0".to_owned(),
        };
        let members = format!(
            "select {KEY} as {CUSTOMER}, min({time}) as __at, max(case when ({treated}) then 1 else 0 end) as {TREATED}, \
             min(case when ({treated}) then 1 else 0 end) as {ALWAYS_TREATED}, {outcome} as {OUTCOME} from {table} \
             where {rows} and cast({column} as varchar) = {campaign} group by {KEY}",
            time = self.time.column,
            table = contacts.table,
            rows = self.rows(),
            column = contacts.campaign,
            campaign = quoted(campaign),
        );
        let doing = format!("read the contacts of the campaign {campaign}");
        let (UpliftOutcome::Event { events, window_days, condition }, Some(time)) =
            (&self.params.outcome, &self.event_time)
        else {
            let sql = format!("select {CUSTOMER}, {TREATED}, {ALWAYS_TREATED}, {OUTCOME} from ({members})");
            return self.query(&sql, &doing).await;
        };
        let sql = format!(
            "with members as ({members}), \
             came as (select {KEY} as __who, {event_at} as __when from {events} where ({condition}) and {KEY} is not null), \
             followed as (select distinct members.{CUSTOMER} as __followed from members \
               join came on came.__who = members.{CUSTOMER} \
               where came.__when >= {at} and came.__when < {end}) \
             select {CUSTOMER}, {TREATED}, {ALWAYS_TREATED}, \
               case when followed.__followed is null then 0 else 1 end as {OUTCOME} \
             from members left join followed on followed.__followed = members.{CUSTOMER}",
            event_at = time.instant(&time.column),
            condition = condition.as_deref().unwrap_or("true"),
            at = self.time.over("members.__at"),
            end = self.time.days_after("members.__at", *window_days),
        );
        self.query(&sql, &doing).await
    }

    /// Returns how many of the last campaign whose outcomes are known were contacted and kept back, and for how many it came.
    ///
    /// # Errors
    /// As of [`Contacts::of_campaign`].
    pub async fn groups(&self, campaign: &str) -> Result<(Counts, Counts)> {
        let doing = "count the outcomes of a campaign";
        let whole = |name: &str| cast_expr(ident(name), DataType::Int64);
        let counted = self
            .of_campaign(campaign)
            .await?
            .aggregate(
                vec![ident(TREATED)],
                vec![count(lit(1_i64)).alias("__customers"), sum(whole(OUTCOME)).alias("__outcomes")],
            )
            .and_then(|counted| {
                counted.select(vec![whole(TREATED), whole("__customers"), whole("__outcomes")])
            })
            .doing(doing)?;
        let (mut treated, mut control) = (Counts::default(), Counts::default());
        for batch in counted.collect().await.doing(doing)? {
            let number =
                |column: usize, row: usize| batch.column(column).as_primitive::<Int64Type>().value(row);
            for row in 0..batch.num_rows() {
                let group = if number(0, row) == 1 { &mut treated } else { &mut control };
                group.customers += number(1, row) as u64;
                group.outcomes += number(2, row) as u64;
            }
        }
        Ok((treated, control))
    }

    /// The rows that count.
    fn rows(&self) -> String {
        let contacts = &self.params.contacts;
        let mut rows = format!(
            "({}) and ({}) is not null and {} is not null and {KEY} is not null",
            contacts.condition.as_deref().unwrap_or("true"),
            contacts.treated,
            contacts.campaign,
        );
        if let UpliftOutcome::Column(column) = &self.params.outcome {
            rows.push_str(&format!(" and {column} is not null"));
        }
        rows
    }

    async fn query(&self, sql: &str, doing: &str) -> Result<DataFrame> {
        let located = |error: Error| {
            let error = error.in_part(sql, &self.params.contacts.treated);
            let error = match &self.params.contacts.condition {
                Some(condition) => error.in_part(sql, condition),
                None => error,
            };
            match &self.params.outcome {
                UpliftOutcome::Event { condition: Some(condition), .. } => error.in_part(sql, condition),
                _ => error,
            }
        };
        self.session.sql(sql).await.doing(doing).map_err(located)
    }
}

/// Returns the members of a campaign under the ids of then. What happened to the customer of tonight happened to all who were
/// united in it.
///
/// # Errors
/// None, unless the frames do not join.
pub fn of_then(members: DataFrame, heirs: Option<DataFrame>) -> Result<DataFrame> {
    let Some(heirs) = heirs else { return Ok(members) };
    let doing = "find who was in the campaign";
    let columns = |customer: &str| {
        vec![ident(customer).alias(CUSTOMER), ident(TREATED), ident(ALWAYS_TREATED), ident(OUTCOME)]
    };
    let of_records = members
        .clone()
        .join(heirs.clone(), JoinType::Inner, &[CUSTOMER], &[heirs::TONIGHT], None)
        .and_then(|both| both.select(columns(heirs::THEN)))
        .doing(doing)?;
    members
        .join(heirs, JoinType::LeftAnti, &[CUSTOMER], &[heirs::THEN], None)
        .and_then(|others| others.select(columns(CUSTOMER)))
        .and_then(|others| others.union(of_records))
        .and_then(|all| {
            all.aggregate(
                vec![ident(CUSTOMER)],
                vec![
                    max(ident(TREATED)).alias(TREATED),
                    min(ident(ALWAYS_TREATED)).alias(ALWAYS_TREATED),
                    max(ident(OUTCOME)).alias(OUTCOME),
                ],
            )
        })
        .doing(doing)
}

/// Counts the members of a campaign.
///
/// # Errors
/// Contacts that cannot be read.
pub async fn members(frame: DataFrame) -> Result<Members> {
    let doing = "count the customers of a campaign";
    let is_both =
        when(ident(TREATED).not_eq(ident(ALWAYS_TREATED)), lit(1_i64)).otherwise(lit(0_i64)).doing(doing)?;
    let counts = frame
        .aggregate(Vec::new(), vec![count(lit(1_i64)).alias("__all"), sum(is_both).alias("__both")])
        .doing(doing)?
        .collect()
        .await
        .doing(doing)?;
    let number = |column: usize| -> Result<u64> {
        let mut all = 0.0;
        for batch in &counts {
            let values = cast(batch.column(column), &DataType::Float64).doing(doing)?;
            all += values.as_primitive::<Float64Type>().iter().flatten().sum::<f64>();
        }
        Ok(all as u64)
    };
    Ok(Members { customers: number(0)?, of_both_groups: number(1)? })
}

/// Returns the features of those who were in one group, with `__treated` and `__outcome`.
///
/// # Errors
/// Features without the key of customers.
pub fn with_features(features: DataFrame, members: DataFrame) -> Result<DataFrame> {
    let mut columns: Vec<_> = features.schema().fields().iter().map(|field| ident(field.name())).collect();
    columns.extend([ident(TREATED), ident(OUTCOME)]);
    features
        .join(members, JoinType::Inner, &[KEY], &[CUSTOMER], None)
        .and_then(|joined| joined.filter(ident(TREATED).eq(ident(ALWAYS_TREATED))))
        .and_then(|joined| joined.select(columns))
        .doing("join the features and the contacts")
}
