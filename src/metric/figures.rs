//! Tonight's figures of a metric: its sums by period, in all and by each value of its dimensions.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type};
use chrono::NaiveDate;

use super::amount::{fitting, value};
use super::counted::{Counted, column, dimension_value};
use super::definition::Metric;
use super::tables::{ALL, NONE};
use crate::error::{Context, Error, Result};
use crate::sql_text::quoted;
use crate::step::StepContext;
use crate::warehouse::catalog::Session;

/// More values than this are no dimension, and may tell persons apart.
const MOST_VALUES: usize = 1000;

/// A figure: what a metric is in a period, for a value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Figure {
    pub period: NaiveDate,
    pub dimension: String,
    pub dimension_value: String,
    pub rows: i64,
    /// Both as whole numbers of their last digit.
    pub numerator: i128,
    pub denominator: Option<i128>,
}

impl Figure {
    /// Returns the value of the metric; none where nothing can be divided by.
    pub(super) fn value(&self) -> Option<i128> {
        value(self.numerator, self.denominator)
    }
}

/// The figures of a metric, and what is worth knowing of them.
#[derive(Debug)]
pub(super) struct Figures {
    /// By period, dimension and value.
    pub figures: Vec<Figure>,
    pub notes: Vec<String>,
}

/// Returns tonight's figures.
///
/// # Errors
/// SQL that does not plan, sums that have too many digits, a dimension of too many values.
pub(super) async fn figures(context: &StepContext, metric: &Metric) -> Result<Figures> {
    let session = context.catalog.session([&metric.table], Some(context.as_of)).await?;
    let counted = Counted::of(&session, metric).await?;
    let periods = metric.periods_as_of(context.as_of, context.timezone);
    let mut all = Vec::new();
    let mut notes = Vec::new();
    for dimension in [None].into_iter().chain(metric.dimensions.iter().map(Some)) {
        let sums = sums(&session, metric, &counted, dimension.map(String::as_str), &periods).await?;
        if dimension.is_none() {
            notes = sums.notes(metric, &periods);
        }
        let said =
            sums.said(metric, &periods, |period| metric.is_over(period, context.as_of, context.timezone));
        all.extend(sums.into_figures(metric, dimension.map(String::as_str), &said)?);
    }
    all.sort_by(|a, b| key(a).cmp(&key(b)));
    Ok(Figures { figures: all, notes })
}

fn key(figure: &Figure) -> (NaiveDate, &str, &str) {
    (figure.period, &figure.dimension, &figure.dimension_value)
}

/// The sums of some rows.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    rows: i64,
    numerator: i128,
    denominator: i128,
    without_numerator: i64,
    without_denominator: i64,
}

/// Sums by period and value of a dimension; of rows that do not say when, without a period.
struct Sums(BTreeMap<(Option<NaiveDate>, String), Sum>);

async fn sums(
    session: &Session,
    metric: &Metric,
    counted: &Counted,
    dimension: Option<&str>,
    periods: &[NaiveDate],
) -> Result<Sums> {
    let state = periods.last().copied().unwrap_or_default();
    let period = counted.period.clone().unwrap_or_else(|| format!("date '{state}'"));
    let split = dimension.map_or_else(|| quoted(ALL), dimension_value);
    let Counted { numerator, denominator, condition, .. } = counted;
    let sql = format!(
        "select period, dimension_value, count(*) as counted,
                sum(numerator) as numerator, sum(denominator) as denominator,
                count(*) filter (where numerator is null) as without_numerator,
                count(*) filter (where denominator is null) as without_denominator
         from (
           select {period} as period, {split} as dimension_value,
                  {numerator} as numerator, {denominator} as denominator
           from {} where {condition}
         ) as counted
         group by period, dimension_value",
        metric.table
    );
    let doing = || format!("compute the metric {}", metric.name);
    let batches = session.sql(&sql).await.doing(doing())?.collect().await.doing(doing())?;
    let mut sums = BTreeMap::new();
    for batch in &batches {
        read(batch, &mut sums).ok_or_else(|| Error::failed(format!("could not {}: a defect", doing())))?;
    }
    if let Some(dimension) = dimension {
        let values: BTreeSet<&String> = sums.keys().map(|(_, value)| value).collect();
        if values.len() > MOST_VALUES {
            return Err(too_many(metric, dimension, values.len()));
        }
        require_no_text_none(session, metric, dimension, &values).await?;
    }
    Ok(Sums(sums))
}

fn read(batch: &RecordBatch, sums: &mut BTreeMap<(Option<NaiveDate>, String), Sum>) -> Option<()> {
    let periods = batch.column(0).as_primitive_opt::<Date32Type>()?;
    let values = batch.column(1).as_string_opt::<i32>()?;
    let [rows, _, _, no_numerator, no_denominator] =
        [2, 3, 4, 5, 6].map(|column| batch.column(column).as_primitive_opt::<Int64Type>());
    let [numerators, denominators] =
        [3, 4].map(|column| batch.column(column).as_primitive_opt::<Decimal128Type>());
    let (rows, no_numerator, no_denominator) = (rows?, no_numerator?, no_denominator?);
    let (numerators, denominators) = (numerators?, denominators?);
    for row in 0..batch.num_rows() {
        let period = if periods.is_valid(row) { periods.value_as_date(row) } else { None };
        // A sum of nothing is null.
        let or_0 = |column: &arrow::array::Decimal128Array| {
            if column.is_valid(row) { column.value(row) } else { 0 }
        };
        let sum = Sum {
            rows: rows.value(row),
            numerator: or_0(numerators),
            denominator: or_0(denominators),
            without_numerator: no_numerator.value(row),
            without_denominator: no_denominator.value(row),
        };
        sums.insert((period, values.value(row).to_owned()), sum);
    }
    Some(())
}

fn too_many(metric: &Metric, dimension: &str, values: usize) -> Error {
    Error::config(format!(
        "the dimension `{dimension}` of the metric {} has {values} values, at most {MOST_VALUES} were expected",
        metric.name
    ))
    .in_value("dimensions", dimension)
    .hint("take a column with few values, such as a channel or a segment; a query lists single customers")
}

/// Rows without a value and rows that say they have none would be one.
async fn require_no_text_none(
    session: &Session,
    metric: &Metric,
    dimension: &str,
    values: &BTreeSet<&String>,
) -> Result<()> {
    if !values.contains(&NONE.to_owned()) {
        return Ok(());
    }
    let (table, column) = (&metric.table, column(dimension));
    let sql = format!("select 1 from {table} where cast({column} as varchar) = {} limit 1", quoted(NONE));
    let doing = "look for values of a dimension";
    if session.sql(&sql).await.doing(doing)?.count().await.doing(doing)? == 0 {
        return Ok(());
    }
    Err(Error::failed(format!(
        "`{dimension}` of {table} has the value \"{NONE}\", which is kept for rows without one"
    ))
    .in_value("dimensions", dimension)
    .hint("give it another name in the model"))
}

impl Sums {
    /// Returns what of the rows is not as it should be.
    fn notes(&self, metric: &Metric, periods: &[NaiveDate]) -> Vec<String> {
        let mut notes = Vec::new();
        let mut note = |rows: i64, what: String| {
            if rows > 0 {
                notes.push(format!("{}: {rows} rows {what}", metric.name));
            }
        };
        let count = |keep: &dyn Fn(Option<NaiveDate>) -> bool, of: &dyn Fn(&Sum) -> i64| -> i64 {
            self.0.iter().filter(|((period, _), _)| keep(*period)).map(|(_, sum)| of(sum)).sum()
        };
        let of_tonight = |period: Option<NaiveDate>| period.is_some_and(|period| periods.contains(&period));
        note(
            count(&of_tonight, &|sum| sum.without_numerator),
            "have no numerator and add nothing to it".to_owned(),
        );
        if metric.denominator.is_some() {
            let without = count(&of_tonight, &|sum| sum.without_denominator);
            note(without, "have no denominator and add nothing to it".to_owned());
        }
        if let Some(time) = metric.time.as_ref().filter(|_| metric.periods.is_some()) {
            let last = periods.last().copied();
            let undated = count(&|period| period.is_none(), &|sum| sum.rows);
            note(undated, format!("have no {time} and are in no period"));
            let later = count(&|period| period.is_some() && period > last, &|sum| sum.rows);
            note(later, "are of periods to come and are not counted".to_owned());
        }
        notes
    }

    /// Returns the periods of which there is something to say: those from the first one with rows on, and the present one
    /// where it has any. What there was not yet is not 0; a state of nothing is.
    fn said(
        &self,
        metric: &Metric,
        periods: &[NaiveDate],
        is_over: impl Fn(NaiveDate) -> bool,
    ) -> Vec<NaiveDate> {
        if metric.periods.is_none() {
            return periods.to_vec();
        }
        let with_rows: BTreeSet<NaiveDate> = self.0.keys().filter_map(|(period, _)| *period).collect();
        let begun = periods.iter().filter(|period| with_rows.first().is_some_and(|first| *period >= first));
        begun.filter(|period| with_rows.contains(*period) || is_over(**period)).copied().collect()
    }

    /// Returns a figure for each of the periods, and for each value that any of them has.
    fn into_figures(
        self,
        metric: &Metric,
        dimension: Option<&str>,
        periods: &[NaiveDate],
    ) -> Result<Vec<Figure>> {
        let Sums(sums) = self;
        let of_them = |period: &Option<NaiveDate>| period.is_some_and(|period| periods.contains(&period));
        let mut values: BTreeSet<String> =
            sums.keys().filter(|(period, _)| of_them(period)).map(|(_, value)| value.clone()).collect();
        if dimension.is_none() {
            values.insert(ALL.to_owned());
        }
        let mut figures = Vec::new();
        for period in periods {
            for value in &values {
                let sum = sums.get(&(Some(*period), value.clone())).copied().unwrap_or_default();
                let located = |error: Error| error.at(format!("metric {}", metric.name));
                let denominator = fitting(sum.denominator).map_err(located)?;
                figures.push(Figure {
                    period: *period,
                    dimension: dimension.unwrap_or(ALL).to_owned(),
                    dimension_value: value.clone(),
                    rows: sum.rows,
                    numerator: fitting(sum.numerator).map_err(located)?,
                    denominator: metric.denominator.is_some().then_some(denominator),
                });
            }
        }
        Ok(figures)
    }
}
