//! What a metric is: as the pipeline declares it, and as a row of `mart.metric_definitions`, by which it can be
//! explained without the pipeline at hand.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use super::period::Period;
use super::tables::{DEFINITIONS, mart};
use crate::clock::Instant;
use crate::day::{day_start, local_day};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;

/// A figure that is computed every night, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metric {
    pub name: String,
    pub description: String,
    pub unit: Option<String>,
    pub table: TableName,
    pub numerator: String,
    pub denominator: Option<String>,
    pub condition: Option<String>,
    pub time: Option<String>,
    /// None: the metric is of the state of the table.
    pub periods: Option<Periods>,
    pub dimensions: Vec<String>,
}

/// The periods of a night: so many, the present one the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periods {
    pub period: Period,
    pub count: u32,
}

impl Metric {
    /// Returns its SQL expressions by their keys.
    pub fn expressions(&self) -> Vec<(&'static str, &str)> {
        let mut expressions = vec![("numerator", self.numerator.as_str())];
        expressions.extend(self.denominator.as_deref().map(|sql| ("denominator", sql)));
        expressions.extend(self.condition.as_deref().map(|sql| ("where", sql)));
        expressions
    }

    /// Returns a text that is another where its figures could not be compared with those of before.
    pub(super) fn fingerprint(&self) -> String {
        let period = self.periods.map(|periods| periods.period.word());
        let parts = (&self.table, &self.numerator, &self.denominator, &self.condition, &self.time, period);
        hex::encode(&Sha256::digest(format!("{parts:?}"))[..6])
    }

    /// Returns the word for what its figures are of.
    pub(super) fn period_word(&self) -> &'static str {
        self.periods.map_or("state", |periods| periods.period.word())
    }

    /// Returns the first days of the periods of a night, the earliest first; of a state the day that it closes.
    pub(super) fn periods_as_of(&self, as_of: Instant, zone: Tz) -> Vec<chrono::NaiveDate> {
        let last_day = local_day(as_of - chrono::TimeDelta::microseconds(1), zone);
        let Some(Periods { period, count }) = self.periods else { return vec![last_day] };
        let present = period.start(last_day);
        (0..count).rev().map(|back| period.before(present, back)).collect()
    }

    /// Returns the first day after a period of it; of a state the day after.
    pub(super) fn end_of(&self, start: chrono::NaiveDate) -> chrono::NaiveDate {
        self.periods.map_or(Period::Day, |periods| periods.period).next(start)
    }

    /// Returns whether a period was over at an instant.
    pub(super) fn is_over(&self, start: chrono::NaiveDate, as_of: Instant, zone: Tz) -> bool {
        self.periods.is_none() || day_start(self.end_of(start), zone) <= as_of
    }

    /// Returns a period in words.
    pub(super) fn show_period(&self, start: chrono::NaiveDate) -> String {
        self.periods.map_or(Period::Day, |periods| periods.period).show(start)
    }
}

/// A metric as a release has it.
#[derive(Debug, Clone)]
pub struct Released {
    pub metric: Metric,
    /// The columns that tell the rows of its table apart.
    pub key: Vec<String>,
}

/// Returns the rows of `mart.metric_definitions`; `key` tells the rows of a table apart.
///
/// # Errors
/// None, unless the program makes columns that do not fit each other.
pub(super) fn rows(metrics: &[Metric], key: impl Fn(&TableName) -> Vec<String>) -> Result<RecordBatch> {
    let all = |text: &dyn Fn(&Metric) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(metrics.iter().map(text)))
    };
    let some = |text: &dyn Fn(&Metric) -> Option<String>| -> ArrayRef {
        Arc::new(metrics.iter().map(text).collect::<StringArray>())
    };
    let periods = metrics.iter().map(|metric| metric.periods.map(|periods| i64::from(periods.count)));
    let periods: ArrayRef = Arc::new(periods.collect::<Int64Array>());
    let key = |metric: &Metric| key(&metric.table).join(", ");
    RecordBatch::try_from_iter(vec![
        ("metric", all(&|metric| metric.name.clone())),
        ("description", all(&|metric| metric.description.clone())),
        ("unit", some(&|metric| metric.unit.clone())),
        ("table_name", all(&|metric| metric.table.to_string())),
        ("key_columns", all(&key)),
        ("numerator", all(&|metric| metric.numerator.clone())),
        ("denominator", some(&|metric| metric.denominator.clone())),
        ("condition", some(&|metric| metric.condition.clone())),
        ("time_column", some(&|metric| metric.time.clone())),
        ("period_kind", all(&|metric| metric.period_word().to_owned())),
        ("periods", periods),
        ("dimensions", all(&|metric| metric.dimensions.join(", "))),
        ("definition", all(&Metric::fingerprint)),
    ])
    .doing("write the definitions of the metrics")
}

/// Returns the metrics of a release by name; none where it has none.
///
/// # Errors
/// A table that cannot be read, or that does not hold what sillage writes there.
pub(super) async fn released(catalog: &Catalog) -> Result<BTreeMap<String, Released>> {
    let (table, doing) = (mart(DEFINITIONS), "read the definitions of the metrics");
    let mut found = BTreeMap::new();
    if catalog.table(&table).await?.is_none() {
        return Ok(found);
    }
    let session = catalog.session([&table], None).await?;
    let sql = format!("select * from {table} order by metric");
    for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
        for row in 0..batch.num_rows() {
            let released = of_row(&batch, row)
                .ok_or_else(|| Error::failed(format!("{table} does not hold what sillage writes there")))?;
            found.insert(released.metric.name.clone(), released);
        }
    }
    Ok(found)
}

fn of_row(batch: &RecordBatch, row: usize) -> Option<Released> {
    let text = |name: &str| -> Option<String> {
        let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let list = |name: &str| -> Option<Vec<String>> {
        let all = text(name)?;
        Some(all.split(", ").filter(|part| !part.is_empty()).map(str::to_owned).collect())
    };
    let count = batch.column_by_name("periods")?.as_primitive_opt::<Int64Type>()?;
    let periods = match text("period_kind")?.as_str() {
        "state" => None,
        word => {
            let count = u32::try_from(count.value(row)).ok()?;
            Some(Periods { period: Period::of_word(word)?, count })
        }
    };
    let metric = Metric {
        name: text("metric")?,
        description: text("description")?,
        unit: text("unit"),
        table: text("table_name")?.parse().ok()?,
        numerator: text("numerator")?,
        denominator: text("denominator"),
        condition: text("condition"),
        time: text("time_column"),
        periods,
        dimensions: list("dimensions")?,
    };
    Some(Released { metric, key: list("key_columns")? })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn sales() -> Metric {
        Metric {
            name: "sales".to_owned(),
            description: "Sales of the month".to_owned(),
            unit: Some("€".to_owned()),
            table: "core.orders".parse().unwrap(),
            numerator: "net_amount".to_owned(),
            denominator: None,
            condition: None,
            time: Some("ordered_at".to_owned()),
            periods: Some(Periods { period: Period::Month, count: 3 }),
            dimensions: vec!["channel".to_owned(), "shop".to_owned()],
        }
    }

    #[test]
    fn a_definition_comes_back_from_its_row() {
        let state = Metric { name: "known".to_owned(), periods: None, time: None, unit: None, ..sales() };
        let metrics = [sales(), state];
        let rows = rows(&metrics, |_| vec!["order_id".to_owned()]).unwrap();
        for (n, metric) in metrics.iter().enumerate() {
            let released = of_row(&rows, n).unwrap();
            assert_eq!((&released.metric, released.key), (metric, vec!["order_id".to_owned()]));
        }
        assert_ne!(metrics[0].fingerprint(), metrics[1].fingerprint());
    }

    #[test]
    fn the_present_period_is_that_of_the_last_day_that_is_seen() {
        let first_of_july = day_start("2026-07-01".parse().unwrap(), Tz::Europe__Paris);
        let days = |metric: &Metric| -> Vec<String> {
            metric.periods_as_of(first_of_july, Tz::Europe__Paris).iter().map(ToString::to_string).collect()
        };
        assert_eq!(days(&sales()), ["2026-04-01", "2026-05-01", "2026-06-01"]);
        assert_eq!(days(&Metric { periods: None, ..sales() }), ["2026-06-30"]);
        let june = "2026-06-01".parse().unwrap();
        assert!(sales().is_over(june, first_of_july, Tz::Europe__Paris));
        assert!(!sales().is_over(june, first_of_july - chrono::TimeDelta::seconds(1), Tz::Europe__Paris));
    }
}
