//! Contracts as the model sees them: from the table of contracts to one row each, as of an instant.
//!
//! What lies after the instant is not looked at, whatever the table says of it: a contract that ends later runs.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{cast, ident, lit};
use datafusion::prelude::DataFrame;

use super::declaration::{ContractParams, TenureColumns};
use super::model::Horizon;
use super::period::PERIODS_BETWEEN;
use super::shifted_beta_geometric::Tenure;
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::mining::KEY;
use crate::mining::cutoffs::shift_days;
use crate::mining::value::customers::last_day;
use crate::mining::value::groups;
use crate::sql_type::sql_type;
use crate::warehouse::catalog::{Catalog, Session};

/// The columns of a contract.
pub(super) mod columns {
    pub const CONTRACT: &str = "__contract";
    /// Text, null for contracts of no group.
    pub const GROUP: &str = "__group";
    /// The first day; null where the table has no days.
    pub const START: &str = "__start";
    /// The renewals that have passed; null where nothing is known.
    pub const RENEWALS: &str = "__renewals";
    /// The renewal at which it ended; null while it runs.
    pub const LASTED: &str = "__lasted";
    /// What a period brings.
    pub const MARGIN: &str = "__margin";
    /// What is learnt from: the renewals that have passed, and whether it ended at the last of them. What ended within a
    /// period that is not over is learnt from when that is over, like those that run on.
    pub const SEEN: &str = "__seen";
    pub const GONE: &str = "__gone";
}
use columns::*;

/// Returns one row per contract that had begun by an instant, with `customer_id` where the table has it.
///
/// # Errors
/// A table, a column or an expression that does not fit.
pub(super) async fn frame(
    params: &ContractParams,
    catalog: &Catalog,
    instant: Instant,
    zone: Tz,
) -> Result<DataFrame> {
    let contracts = &params.contracts;
    let session = catalog.session([&contracts.table], Some(instant)).await?;
    session.register_functions([contracts.period.function()]);
    let rows = session.table(&contracts.table).await?;
    for (key, column) in [("id", Some(&contracts.id)), ("group", params.group.as_ref())] {
        if let Some(column) = column.filter(|c| !rows.schema().has_column_with_unqualified_name(c)) {
            let error = Error::config(format!("{} has no column `{column}`", contracts.table));
            return Err(error.in_value(key, column));
        }
    }
    let has_customer = contracts.id != KEY && rows.schema().has_column_with_unqualified_name(KEY);
    let customer = if has_customer { format!("{KEY}, ") } else { String::new() };
    let group =
        params.group.as_ref().map_or("cast(null as varchar)".to_owned(), |g| format!("cast({g} as varchar)"));
    let (today, tomorrow) = (last_day(instant, zone), last_day(instant, zone) + Days::new(1));
    let of_tenure = match &contracts.tenure {
        TenureColumns::Days { start, end } => {
            let [start, end] = [start, end].map(|day| local_day_sql(params, &session, day));
            of_days(&start.await?, &end.await?, today, tomorrow)
        }
        TenureColumns::Counted { tenure, ended } => of_counts(tenure, ended),
    };
    let sql = format!(
        "with contracts as (
           select {id} as {CONTRACT}, {customer}{group} as {GROUP}, cast(({margin}) as double) as {MARGIN}, {columns}
           from {table}
         ),
         known as ({known})
         select *, least(coalesce({LASTED}, {RENEWALS}), {RENEWALS}) as {SEEN},
           coalesce({LASTED} <= {RENEWALS}, false) as {GONE}
         from known",
        id = contracts.id,
        margin = contracts.margin,
        table = contracts.table,
        columns = of_tenure.columns,
        known = of_tenure.known.replace("{picked}", &format!("{CONTRACT}, {customer}{GROUP}, {MARGIN}")),
    );
    planned(params, &session, &sql).await
}

/// The part of the query that says how long a contract has run.
struct OfTenure {
    columns: String,
    known: String,
}

fn of_days(start: &str, end: &str, today: NaiveDate, tomorrow: NaiveDate) -> OfTenure {
    OfTenure {
        columns: format!("{start} as {START}, case when {end} <= date '{today}' then {end} end as __end"),
        known: format!(
            "select {{picked}}, {START},
               case when __end is null or __end >= {START} then {PERIODS_BETWEEN}({START}, date '{tomorrow}') end
                 as {RENEWALS},
               case when __end >= {START} then {PERIODS_BETWEEN}({START}, __end) + 1 end as {LASTED}
             from contracts where {START} is null or {START} <= date '{today}'"
        ),
    }
}

fn of_counts(tenure: &str, ended: &str) -> OfTenure {
    let known = "__tenure >= 0 and __ended is not null";
    OfTenure {
        columns: format!(
            "cast(null as date) as {START}, cast(({tenure}) as bigint) as __tenure, ({ended}) as __ended"
        ),
        known: format!(
            "select {{picked}}, {START},
               case when {known} then case when __ended then greatest(__tenure, 1) else __tenure end end as {RENEWALS},
               case when {known} and __ended then greatest(__tenure, 1) end as {LASTED}
             from contracts"
        ),
    }
}

/// Returns a day of the table as SQL: of an instant its local day.
///
/// # Errors
/// An expression that is neither a day nor an instant.
pub(super) async fn local_day_sql(
    params: &ContractParams,
    session: &Session,
    expression: &str,
) -> Result<String> {
    let sql = format!("select {expression} as day from {}", params.contracts.table);
    let days = planned(params, session, &sql).await?;
    match days.schema().field(0).data_type() {
        DataType::Date32 => Ok(format!("({expression})")),
        DataType::Timestamp(_, _) => Ok(format!("local_day({expression})")),
        kind => Err(Error::config(format!(
            "`{expression}` of a contract is {}, a day or an instant was expected",
            sql_type(kind)
        ))
        .in_part(expression, expression)),
    }
}

/// Plans a query over contracts, with the places of what was declared in its errors.
///
/// # Errors
/// SQL that does not plan.
pub(super) async fn planned(params: &ContractParams, session: &Session, sql: &str) -> Result<DataFrame> {
    let contracts = &params.contracts;
    let written = match &contracts.tenure {
        TenureColumns::Days { start, end } => [start, end, &contracts.margin],
        TenureColumns::Counted { tenure, ended } => [tenure, ended, &contracts.margin],
    };
    session
        .sql(sql)
        .await
        .doing(format!("read the contracts of {}", contracts.table))
        .map_err(|error| written.into_iter().fold(error, |error, part| error.in_part(sql, part)))
}

/// Returns the first day after an instant, and the first day after a horizon from there.
///
/// # Errors
/// A horizon that ends beyond the calendar.
pub(super) fn horizon(params: &ContractParams, instant: Instant, zone: Tz) -> Result<Horizon> {
    let end = shift_days(instant, i64::from(params.horizon_days), zone)?;
    let after = |instant| last_day(instant, zone) + Days::new(1);
    Ok(Horizon { begin: after(instant), end: after(end), days: params.horizon_days })
}

/// Returns what is said of contracts of which nothing is known; `None` where there are none.
///
/// # Errors
/// A frame that cannot be read.
pub(super) async fn unknown(params: &ContractParams, contracts: DataFrame) -> Result<Option<String>> {
    let doing = "count the contracts of which nothing is known";
    let unknown = contracts.filter(ident(RENEWALS).is_null().or(ident(MARGIN).is_null()));
    let unknown = unknown.doing(doing)?.count().await.doing(doing)?;
    let what = match params.has_days() {
        true => "have no first day, a last one before it, or no margin",
        false => "have no tenure, one below 0, no word of whether they ended, or no margin",
    };
    Ok((unknown > 0)
        .then(|| format!("{unknown} contracts of {} {what}: they get no value", params.contracts.table)))
}

/// Returns the distinct tenures of each group: few however many contracts there are.
///
/// # Errors
/// A frame that cannot be read; more groups than are groups.
pub(super) async fn tenures(
    params: &ContractParams,
    contracts: DataFrame,
) -> Result<BTreeMap<Option<String>, Vec<Tenure>>> {
    let doing = "count the tenures of contracts";
    let counted = contracts
        .filter(ident(SEEN).is_not_null())
        .and_then(|known| {
            known.aggregate(
                vec![ident(GROUP), ident(SEEN), ident(GONE)],
                vec![count(lit(1)).alias("__contracts")],
            )
        })
        .and_then(|counted| {
            counted.select(vec![
                cast(ident(GROUP), DataType::Utf8),
                cast(ident(SEEN), DataType::Int64),
                ident(GONE),
                cast(ident("__contracts"), DataType::Float64),
            ])
        })
        .doing(doing)?;
    let mut sorted: BTreeMap<(Option<String>, u32, bool), f64> = BTreeMap::new();
    for batch in counted.collect().await.doing(doing)? {
        let (names, periods) =
            (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        let (gone, counts) = (batch.column(2).as_boolean(), batch.column(3).as_primitive::<Float64Type>());
        for row in 0..batch.num_rows() {
            let group = names.is_valid(row).then(|| names.value(row).to_owned());
            let periods = u32::try_from(periods.value(row)).unwrap_or(u32::MAX);
            *sorted.entry((group, periods, gone.value(row))).or_default() += counts.value(row);
        }
    }
    let mut tenures: BTreeMap<Option<String>, Vec<Tenure>> = BTreeMap::new();
    for ((group, periods, ended), contracts) in sorted {
        tenures.entry(group).or_default().push(Tenure { periods, ended, contracts });
    }
    groups::at_most(tenures.len(), params.group.as_deref(), "contracts")?;
    Ok(tenures)
}
