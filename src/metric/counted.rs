//! What each row of a metric's table adds to it, as SQL: the expressions of the declaration, their types checked.

use arrow::datatypes::{DataType, Schema};

use super::amount::SUM_SCALE;
use super::definition::Metric;
use super::tables::NONE;
use crate::error::{Context, Error, Result};
use crate::sql_text::{in_short, quoted};
use crate::step::determinism::{require_deterministic, require_no_clock};
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::Session;

/// The expressions of a metric over the columns of its table, each with the type it is to have.
#[derive(Debug)]
pub(super) struct Counted {
    /// `decimal(38,4)`, null where nothing is known.
    pub numerator: String,
    /// The same; null where the metric has none.
    pub denominator: String,
    /// Whether a row is counted; never null.
    pub condition: String,
    /// The first day of the row's period; null where the row does not say when.
    pub period: Option<String>,
    /// Whether the time of a row is a whole day.
    pub is_day: bool,
}

impl Counted {
    /// Returns what the rows of a table that the session knows add to the metric.
    ///
    /// # Errors
    /// SQL that does not plan over the table, amounts that are no decimals, a time that is none.
    pub(super) async fn of(session: &Session, metric: &Metric) -> Result<Counted> {
        let numerator = amount(session, metric, "numerator", &metric.numerator).await?;
        let denominator = match &metric.denominator {
            Some(sql) => amount(session, metric, "denominator", sql).await?,
            None => "cast(null as decimal(38, 4))".to_owned(),
        };
        let condition = match &metric.condition {
            Some(sql) => condition(session, metric, sql).await?,
            None => "true".to_owned(),
        };
        let frame = session.table(&metric.table).await?;
        let schema = frame.schema().as_arrow();
        let is_day = match &metric.time {
            None => false,
            Some(time) => is_day(metric, time, schema)?,
        };
        let period = metric.time.as_ref().zip(metric.periods).map(|(time, periods)| {
            let word = quoted(periods.period.word());
            let day = if is_day { column(time) } else { format!("local_day({})", column(time)) };
            format!("cast(date_trunc({word}, {day}) as date)")
        });
        for dimension in &metric.dimensions {
            require_dimension(metric, dimension, schema)?;
        }
        Ok(Counted { numerator, denominator, condition, period, is_day })
    }
}

/// Returns a column as SQL.
pub(super) fn column(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Returns the value of a dimension as text; rows that have none have [`NONE`].
pub(super) fn dimension_value(dimension: &str) -> String {
    format!("coalesce(cast({} as varchar), {})", column(dimension), quoted(NONE))
}

/// Returns the type of an expression over the table.
async fn type_of(session: &Session, metric: &Metric, key: &str, sql: &str) -> Result<DataType> {
    // On lines of its own: a comment may end it.
    let query = format!("select (\n{sql}\n) as found from {}", metric.table);
    let planned =
        session.sql(&query).await.doing(format!("understand `{key}` of the metric {}", metric.name));
    let planned = planned.map_err(|error| error.in_part(&query, sql))?;
    let plan = planned.logical_plan();
    require_no_clock(plan)
        .and_then(|()| require_deterministic(plan, "a metric"))
        .map_err(|error| error.in_part(&query, sql))?;
    Ok(planned.schema().field(0).data_type().clone())
}

async fn amount(session: &Session, metric: &Metric, key: &'static str, sql: &str) -> Result<String> {
    let wrong = |found: &str, hint: &str| {
        Error::config(format!("`{}` {found}", in_short(sql))).in_part(sql, sql).hint(hint.to_owned())
    };
    let decimal = |sql: &str| format!("cast((\n{sql}\n) as decimal(38, {SUM_SCALE}))");
    match type_of(session, metric, key, sql).await? {
        DataType::Boolean => {
            Ok(decimal(&format!("case when (\n{sql}\n) then 1 when not (\n{sql}\n) then 0 end")))
        }
        kind if kind.is_integer() => Ok(decimal(sql)),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) if scale <= SUM_SCALE => {
            Ok(decimal(sql))
        }
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => Err(wrong(
            &format!("has {scale} decimals, and a metric sums at most {SUM_SCALE}"),
            "say how it is rounded: round(x, 4), or cast(x as decimal(18, 4))",
        )),
        kind if kind.is_floating() => Err(wrong(
            "is a float, whose sum depends on the order of rows",
            "sum decimals: cast(x as decimal(18, 4))",
        )),
        kind => Err(wrong(
            &format!("is {kind}, and a metric sums whole numbers and decimals"),
            "count rows by 1, or those of which a condition holds by the condition",
        )),
    }
}

async fn condition(session: &Session, metric: &Metric, sql: &str) -> Result<String> {
    match type_of(session, metric, "where", sql).await? {
        DataType::Boolean => Ok(format!("coalesce((\n{sql}\n), false)")),
        kind => Err(Error::config(format!("`{}` is {kind}, and no condition", in_short(sql)))
            .in_part(sql, sql)
            .hint("write what holds of the rows that count: not is_return")),
    }
}

fn known<'s>(metric: &Metric, key: &'static str, name: &str, schema: &'s Schema) -> Result<&'s DataType> {
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let found = schema.field_with_name(name).map(|field| field.data_type());
    found.map_err(|_| {
        Error::config(format!("{} has no column `{name}`", metric.table))
            .in_value(key, name)
            .hint(did_you_mean_or_list(name, names, "its columns are"))
    })
}

fn is_day(metric: &Metric, time: &str, schema: &Schema) -> Result<bool> {
    match known(metric, "time", time, schema)? {
        DataType::Timestamp(..) => Ok(false),
        DataType::Date32 | DataType::Date64 => Ok(true),
        kind => Err(Error::config(format!("`{time}` is {kind}, which says no time"))
            .in_value("time", time)
            .hint("name an instant or a day")),
    }
}

fn require_dimension(metric: &Metric, dimension: &str, schema: &Schema) -> Result<()> {
    let kind = known(metric, "dimensions", dimension, schema)?;
    let is_text = matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let is_date = matches!(kind, DataType::Date32 | DataType::Date64);
    if is_text || is_date || kind.is_integer() || *kind == DataType::Boolean {
        return Ok(());
    }
    Err(Error::config(format!("`{dimension}` is {kind}, which is no dimension"))
        .in_value("dimensions", dimension)
        .hint("a dimension has few values: texts, whole numbers, days, true or false"))
}
