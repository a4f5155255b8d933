//! Customers as the models see them: from tables of purchases and of customers to one row each.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use chrono::NaiveDate;
use chrono_tz::Tz;
use datafusion::common::Column;
use datafusion::functions_aggregate::expr_fn::{min, sum};
use datafusion::logical_expr::{Expr, JoinType, cast, col, ident, lit};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::declaration::ValueParams;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::mining::{KEY, Purchases, heirs};
use crate::name::TableName;
use crate::sql_type::sql_type;
use crate::warehouse::catalog::{Catalog, Session};

/// The columns beside `customer_id`.
pub(super) mod columns {
    /// Text, null for customers of no group.
    pub const GROUP: &str = "__group";
    /// The local day of the first purchase.
    pub const FIRST_DAY: &str = "__first_day";
    /// Days with a purchase after the first; null for who never bought.
    pub const REPEATS: &str = "__repeats";
    /// Days from the first purchase to the last.
    pub const LAST_DAY: &str = "__last_day";
    /// Days from the first purchase to the instant.
    pub const AGE_DAYS: &str = "__age_days";
    /// What the purchases after the first day are worth.
    pub const REPEAT_AMOUNT: &str = "__repeat_amount";
    /// What all are worth.
    pub const AMOUNT: &str = "__amount";
    /// What serving the customer costs in a year.
    pub const COST: &str = "__cost";
    /// Days with a purchase in a later window, and what those are worth.
    pub const LATER_PURCHASES: &str = "__later_purchases";
    pub const LATER_AMOUNT: &str = "__later_amount";
}
use columns::*;

/// Returns the last local day that was seen at an instant.
pub(super) fn last_day(instant: Instant, zone: Tz) -> NaiveDate {
    (instant - chrono::Duration::microseconds(1)).with_timezone(&zone).date_naive()
}

/// Returns one row per customer as of an instant: those of `base`, or whoever has bought by then.
///
/// # Errors
/// A table, a column or an expression that does not fit; an amount that is not exact.
pub(super) async fn frame(
    params: &ValueParams,
    catalog: &Catalog,
    base: Option<DataFrame>,
    instant: Instant,
    zone: Tz,
) -> Result<DataFrame> {
    let buyers = buyers(params, catalog, instant, zone).await?;
    let Some(base) = base else {
        let mut picked = vec![ident("__buyer").alias(KEY), text(None).alias(GROUP), lit(0.0).alias(COST)];
        picked.extend(OF_PURCHASES.map(ident));
        return buyers.select(picked).doing("pick the customers who have bought");
    };
    let group = match &params.group {
        None => text(None),
        Some(group) => cast(of_customers(&base, group, "group")?, DataType::Utf8),
    };
    let cost = match &params.cost_to_serve {
        None => lit(0.0),
        Some(cost) => cast(of_customers(&base, cost, "cost_to_serve")?, DataType::Float64),
    };
    if !base.schema().has_column_with_unqualified_name(KEY) {
        return Err(Error::config(format!("the customers have no column `{KEY}`")));
    }
    let base = base
        .select(vec![ident(KEY), group.alias(GROUP), cost.alias(COST)])
        .doing("pick the customers, their group and what they cost")?;
    let mut picked = vec![ident(KEY), ident(GROUP), ident(COST)];
    picked.extend(OF_PURCHASES.map(ident));
    base.join(buyers, JoinType::Left, &[KEY], &["__buyer"], None)
        .and_then(|both| both.select(picked))
        .doing("join customers and purchases")
}

const OF_PURCHASES: [&str; 6] = [FIRST_DAY, REPEATS, LAST_DAY, AGE_DAYS, REPEAT_AMOUNT, AMOUNT];

/// Returns how many customers have bought and are not among `base`.
///
/// # Errors
/// As of [`frame`].
pub(super) async fn buyers_elsewhere(
    params: &ValueParams,
    catalog: &Catalog,
    base: DataFrame,
    instant: Instant,
    zone: Tz,
) -> Result<usize> {
    let buyers = buyers(params, catalog, instant, zone).await?;
    let doing = "look for purchases of customers who are not in the table of customers";
    buyers.join(base, JoinType::LeftAnti, &["__buyer"], &[KEY], None).doing(doing)?.count().await.doing(doing)
}

fn of_customers(base: &DataFrame, expression: &str, key: &str) -> Result<Expr> {
    base.parse_sql_expr(expression).map_err(|cause| {
        Error::config(format!("`{key}` does not fit the customers"))
            .caused_by(cause)
            .in_part(expression, expression)
    })
}

fn text(value: Option<&str>) -> Expr {
    lit(ScalarValue::Utf8(value.map(str::to_owned)))
}

/// Customers with purchases visible at an instant.
async fn buyers(params: &ValueParams, catalog: &Catalog, instant: Instant, zone: Tz) -> Result<DataFrame> {
    let session = catalog.session([&params.purchases.events], Some(instant)).await?;
    require_exact(&params.purchases, &session).await?;
    let today = days_of_epoch(last_day(instant, zone));
    let sql = format!(
        "with days as ({days})
         select
           {KEY} as __buyer,
           min(day) as {FIRST_DAY},
           count(*) - 1 as {REPEATS},
           cast(cast(max(day) as int) - cast(min(day) as int) as bigint) as {LAST_DAY},
           cast({today} - cast(min(day) as int) as bigint) as {AGE_DAYS},
           cast(sum(amount) - first_value(amount order by day) as double) as {REPEAT_AMOUNT},
           cast(sum(amount) as double) as {AMOUNT}
         from days group by {KEY}",
        days = days_sql(&params.purchases, catalog, &session).await?
    );
    params.purchases.query(&session, &sql).await
}

/// One row per customer and local day with a purchase.
async fn days_sql(purchases: &Purchases, catalog: &Catalog, session: &Session) -> Result<String> {
    Ok(format!(
        "select {KEY}, {day} as day, sum({amount}) as amount from {events}
         where {KEY} is not null and ({condition}) group by 1, 2",
        day = purchases.day_sql(catalog, session).await?,
        amount = purchases.amount,
        events = purchases.events,
        condition = purchases.counts(),
    ))
}

/// Sums of decimals do not depend on their order, sums of floating-point numbers do.
async fn require_exact(purchases: &Purchases, session: &Session) -> Result<()> {
    let sql = format!("select {} as amount from {}", purchases.amount, purchases.events);
    let amounts = purchases.query(session, &sql).await?;
    let kind = amounts.schema().field(0).data_type().clone();
    if kind.is_decimal() || kind.is_integer() {
        return Ok(());
    }
    Err(Error::config(format!(
        "the amount of a purchase is {}, a decimal or a whole number was expected",
        sql_type(&kind)
    ))
    .in_part(&purchases.amount, &purchases.amount)
    .hint(format!(
        "write cast({} as decimal(18, 2)): sums of decimals are exact in any order",
        purchases.amount
    )))
}

/// Returns the rows with what came for them from one instant to another: days with a purchase and what they are worth,
/// 0 where nothing came. `heirs` says which customer of tonight has records of which of then; a purchase of one who has
/// records of several of then counts for the first of them.
///
/// # Errors
/// As of [`frame`].
pub(super) async fn with_what_came(
    params: &ValueParams,
    tonight: &Catalog,
    customers: DataFrame,
    heirs: Option<DataFrame>,
    (from, to): (Instant, Instant),
    zone: Tz,
) -> Result<DataFrame> {
    let time = params.purchases.time(tonight)?;
    let session = tonight.session(BTreeSet::from([&params.purchases.events]), Some(to)).await?;
    let doing = "read what came after the cut-off";
    // Only purchases that were not known at the cut-off.
    let all = session.table(&params.purchases.events).await?;
    let before = time.known_before(&params.purchases.events, all.schema(), from, zone)?;
    let later = all.filter(before.is_not_true()).doing(doing)?;
    let session = tonight.session(std::iter::empty::<&TableName>(), Some(to)).await?;
    session.register_view(&params.purchases.events, later)?;
    let sql = format!(
        "select {KEY} as __later, count(*) as __count, sum(amount) as __sum from ({}) group by 1",
        days_sql(&params.purchases, tonight, &session).await?
    );
    let came = params.purchases.query(&session, &sql).await?;
    let came = match heirs {
        None => came,
        Some(heirs) => of_then(came, heirs)?,
    };
    let mut picked: Vec<Expr> =
        customers.schema().fields().iter().map(|f| col(Column::from_name(f.name()))).collect();
    let or_nothing = |column: &str, called: &str| {
        let number = cast(ident(column), DataType::Float64);
        datafusion::functions::expr_fn::coalesce(vec![number, lit(0.0)]).alias(called)
    };
    picked.push(or_nothing("__count", LATER_PURCHASES));
    picked.push(or_nothing("__sum", LATER_AMOUNT));
    customers
        .join(came, JoinType::Left, &[KEY], &["__later"], None)
        .and_then(|both| both.select(picked))
        .doing(doing)
}

/// Purchases of customers of tonight, for those of then.
fn of_then(came: DataFrame, heirs: DataFrame) -> Result<DataFrame> {
    let doing = "find for whom the purchases came";
    let first = heirs
        .aggregate(vec![ident(heirs::TONIGHT)], vec![min(ident(heirs::THEN)).alias("__first")])
        .doing(doing)?;
    came.join(first, JoinType::Left, &["__later"], &[heirs::TONIGHT], None)
        .and_then(|both| {
            let whose = datafusion::functions::expr_fn::coalesce(vec![ident("__first"), ident("__later")]);
            both.select(vec![whose.alias("__whose"), ident("__count"), ident("__sum")])
        })
        .and_then(|both| {
            let sums = vec![sum(ident("__count")).alias("__count"), sum(ident("__sum")).alias("__sum")];
            both.aggregate(vec![ident("__whose").alias("__later")], sums)
        })
        .doing(doing)
}

fn days_of_epoch(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}
