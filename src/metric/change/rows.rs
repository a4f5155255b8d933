//! The rows of a metric's table in two releases, side by side: which are the same, which came late, were corrected, or
//! are another customer's by now.
//!
//! Of a metric by period a row is a fact that happened at its time. Rows of the earlier period from before the earlier
//! release's instant belong to it as they are known now: those that it did not have are late; others that differ are
//! corrected, unless they differ as their customer does. Of a metric of the state rows are what is so on a night, and
//! may differ because it is so no longer. Of them only those count as known better that are of customers who were
//! merged or split since, and those that the table's time dates before the earlier instant.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use chrono::NaiveDate;
use datafusion::prelude::DataFrame;

use super::bridge::{Cell, Cells, Populations};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::metric::counted::{Counted, column, dimension_value};
use crate::metric::definition::Metric;
use crate::metric::tables::ALL;
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};

/// The column by which a row is a customer's.
const CUSTOMER: &str = "customer_id";
const ZERO: &str = "cast(0 as decimal(38, 4))";

/// A release that is compared: its tables, its instant, and the period of the metric.
pub(super) struct Side<'c> {
    pub catalog: &'c Catalog,
    pub instant: Instant,
    pub period: Option<NaiveDate>,
}

/// What was found.
pub(super) struct Found {
    pub populations: Populations,
    /// How many rows of the earlier release each cause concerns.
    pub concerned: BTreeMap<String, i64>,
    /// What could not be told, and why.
    pub remarks: Vec<String>,
}

/// What is compared, and how rows are told apart.
pub(super) struct Comparison<'q> {
    pub metric: &'q Metric,
    pub key: &'q [String],
    pub dimension: Option<&'q str>,
    pub from: Side<'q>,
    pub to: Side<'q>,
}

fn log() -> TableName {
    TableName::new("core", "customer_id_changes").expect("the name of the table is valid")
}

fn view(name: &str) -> TableName {
    TableName::new("ops", name).expect("the name of the view is valid")
}

impl Comparison<'_> {
    /// Compares the rows.
    ///
    /// # Errors
    /// A table or a column that one of the releases does not have, SQL that does not plan over it.
    pub(super) async fn rows(&self) -> Result<Found> {
        let before = self.units(&self.from).await.map_err(|e| e.at("the earlier release"))?;
        let after = self.units(&self.to).await.map_err(|e| e.at("the later release"))?;
        let has_customers = before.1 && after.1;
        let has_log = self.to.catalog.table(&log()).await?.is_some();
        let logged: Vec<TableName> = has_log.then(log).into_iter().collect();
        let session = self.to.catalog.session(&logged, None).await?;
        session.register_view(&view("units_before"), before.0)?;
        session.register_view(&view("units_after"), after.0)?;
        let both = self.both(has_customers, has_log);
        let populations = self.populations(&session, &both).await?;
        let concerned = concerned(&session, &both).await?;
        let mut remarks = Vec::new();
        if self.metric.time.is_none() {
            remarks.push(format!(
                "late data cannot be told: the metric names no column that says when rows of {} happened",
                self.metric.table
            ));
        }
        if !has_customers {
            remarks.push(format!("no identities are merged: rows of {} name no customer", self.metric.table));
        }
        Ok(Found { populations, concerned, remarks })
    }

    /// Returns what each row of the table adds to the metric in a release, and whether rows name a customer.
    async fn units(&self, side: &Side<'_>) -> Result<(DataFrame, bool)> {
        let metric = self.metric;
        let session = side.catalog.session([&metric.table], Some(side.instant)).await?;
        let counted = Counted::of(&session, metric).await?;
        let table = session.table(&metric.table).await?;
        let has = |name: &str| table.schema().has_column_with_unqualified_name(name);
        if let Some(missing) = self.key.iter().find(|column| !has(column)) {
            return Err(Error::config(format!(
                "{} has no column `{missing}`, which is its key now",
                metric.table
            ))
            .hint("compare two releases since its key was declared"));
        }
        let key: Vec<String> =
            self.key.iter().enumerate().map(|(n, name)| format!("{} as k{n}", column(name))).collect();
        let customer = if has(CUSTOMER) { column(CUSTOMER) } else { "null".to_owned() };
        let in_period = |period: Option<NaiveDate>| match (&counted.period, period) {
            (Some(of_row), Some(period)) => format!("{of_row} = date '{period}'"),
            _ => "true".to_owned(),
        };
        let micros = self.from.instant.timestamp_micros();
        let known_before = match &metric.time {
            None => "false".to_owned(),
            Some(time) if counted.is_day => format!("cast(day_end({}) as bigint) < {micros}", column(time)),
            Some(time) => format!("cast({} as bigint) < {micros}", column(time)),
        };
        let split = self.dimension.map_or_else(|| quoted(ALL), dimension_value);
        let Counted { numerator, denominator, condition, .. } = &counted;
        let sql = format!(
            "select {}, cast({customer} as varchar) as customer, {split} as dimension_value,
                    coalesce({numerator}, {ZERO}) as numerator, coalesce({denominator}, {ZERO}) as denominator,
                    coalesce({condition} and {}, false) as is_own,
                    coalesce({condition} and {} and {known_before}, false) as is_of_before,
                    coalesce({known_before}, false) as is_known_before
             from {}",
            key.join(", "),
            in_period(side.period),
            in_period(self.from.period),
            metric.table
        );
        let frame = session.sql(&sql).await.doing(format!("read the rows of the metric {}", metric.name))?;
        Ok((frame, has(CUSTOMER)))
    }

    /// Returns a query of both releases' rows, each pair with what it counts as: `b` before, `a` after.
    fn both(&self, has_customers: bool, has_log: bool) -> String {
        let on: Vec<String> = (0..self.key.len()).map(|n| format!("b.k{n} = a.k{n}")).collect();
        let (from, to) = (self.from.instant.timestamp_micros(), self.to.instant.timestamp_micros());
        let is_keyed_by_customer = has_customers && self.key.iter().any(|column| column == CUSTOMER);
        let (with, join, is_merged) = if is_keyed_by_customer && has_log {
            let ids = |column: &str| {
                format!(
                    "select {column} as id from {} where cast(changed_at as bigint) > {from}
                     and cast(changed_at as bigint) <= {to}",
                    log()
                )
            };
            let with = format!("moved as ({} union {})", ids("former_id"), ids("customer_id"));
            (with, "left join moved on moved.id = coalesce(a.customer, b.customer)", "moved.id is not null")
        } else {
            ("moved as (select 1 as id)".to_owned(), "", "false")
        };
        let other_customer = match has_customers {
            true => "b.k0 is not null and a.k0 is not null and (b.customer is distinct from a.customer)",
            false => "false",
        };
        // Of a state only these are known better; all else has changed since.
        let (late, corrected, of_before) = match self.metric.periods {
            Some(_) => ("true", "true", "coalesce(a.is_of_before, false)"),
            None => ("coalesce(a.is_known_before, false)", "false", "coalesce(a.is_own, false)"),
        };
        format!(
            "with {with},
             both_sides as (
               select
                 case
                   when {is_merged} or ({other_customer}) then 'merged'
                   when b.k0 is null and {late} then 'late'
                   when b.k0 is not null and {corrected} then 'corrected'
                 end as cause,
                 coalesce(b.is_own, false) as was, {of_before} as is_now,
                 b.dimension_value as b_value, b.numerator as b_numerator, b.denominator as b_denominator,
                 a.dimension_value as a_value, a.numerator as a_numerator, a.denominator as a_denominator
               from ops.units_before as b
               full join ops.units_after as a on {}
               {join}
             )",
            on.join(" and ")
        )
    }

    async fn populations(&self, session: &Session, both: &str) -> Result<Populations> {
        let whole = |name: &str, view: &str| {
            format!(
                "select '{name}' as side, dimension_value, 1 as units, numerator, denominator
                 from ops.{view} where is_own"
            )
        };
        // No condition may stand behind the join: DataFusion 55.2 takes `cause is not null and is_now` for one that no
        // row without a partner meets, and makes an inner join of it.
        let changed = |sign: &str, side: &str, counts: &str| {
            let if_counted = |amount: &str| format!("case when {counts} then {sign}{amount} else {ZERO} end");
            format!(
                "select cause, {side}_value, case when {counts} then {sign}1 else 0 end, {}, {} from both_sides",
                if_counted(&format!("{side}_numerator")),
                if_counted(&format!("{side}_denominator")),
            )
        };
        let sql = format!(
            "{both}
             select side, dimension_value, sum(units), sum(numerator), sum(denominator)
             from ({} union all {} union all {} union all {}) as sides
             group by side, dimension_value order by side, dimension_value",
            whole("before", "units_before"),
            whole("after", "units_after"),
            changed("", "a", "is_now"),
            changed("-", "b", "was"),
        );
        let doing = || format!("compare the rows of {}", self.metric.table);
        let mut found: BTreeMap<String, Cells> = BTreeMap::new();
        for batch in session.sql(&sql).await.doing(doing())?.collect().await.doing(doing())? {
            read_cells(&batch, &mut found)
                .ok_or_else(|| Error::failed(format!("could not {}: a defect", doing())))?;
        }
        let mut take = |side: &str| found.remove(side).unwrap_or_default();
        Ok(Populations {
            is_quotient: self.metric.denominator.is_some(),
            before: take("before"),
            late: take("late"),
            corrected: take("corrected"),
            merged: take("merged"),
            after: take("after"),
        })
    }
}

fn read_cells(batch: &RecordBatch, found: &mut BTreeMap<String, Cells>) -> Option<()> {
    let (sides, values) = (batch.column(0).as_string_opt::<i32>()?, batch.column(1).as_string_opt::<i32>()?);
    let rows = batch.column(2).as_primitive_opt::<Int64Type>()?;
    let numerators = batch.column(3).as_primitive_opt::<Decimal128Type>()?;
    let denominators = batch.column(4).as_primitive_opt::<Decimal128Type>()?;
    // Rows that are the same in both have no cause, and a row that one side lacks has no value there.
    for row in (0..batch.num_rows()).filter(|row| sides.is_valid(*row) && values.is_valid(*row)) {
        let cell = Cell {
            rows: i128::from(rows.value(row)),
            numerator: numerators.value(row),
            denominator: denominators.value(row),
        };
        found.entry(sides.value(row).to_owned()).or_default().insert(values.value(row).to_owned(), cell);
    }
    Some(())
}

/// Returns how many rows each cause concerns: those that count otherwise than before.
async fn concerned(session: &Session, both: &str) -> Result<BTreeMap<String, i64>> {
    let sql = format!(
        "{both}
         select cause, count(*) filter (
           where (was or is_now) and (
             was <> is_now or (a_value is distinct from b_value) or (a_numerator is distinct from b_numerator)
             or (a_denominator is distinct from b_denominator)
           )
         )
         from both_sides
         group by cause order by cause"
    );
    let doing = "count the rows that differ";
    let mut counts = BTreeMap::new();
    for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
        let (causes, rows) =
            (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        let known = (0..batch.num_rows()).filter(|row| causes.is_valid(*row));
        counts.extend(known.map(|row| (causes.value(row).to_owned(), rows.value(row))));
    }
    Ok(counts)
}
