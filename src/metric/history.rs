//! `mart.metrics`: tonight's figures beside those of earlier nights, which nothing changes.
//!
//! Each night says all periods anew: what it said of a month stays, also when a later night knows better. A night that
//! is computed again takes the place of what it said; where it says the same, its rows keep the release that said it
//! first. An erasure does not change what earlier nights said: figures are sums, and name nobody.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Field, Schema, SchemaRef, TimeUnit};
use chrono::NaiveDate;
use datafusion::prelude::DataFrame;

use super::amount::{sum_type, sums, value_type, values};
use super::definition::Metric;
use super::figures::Figure;
use super::standing::Points;
use super::tables::{METRICS, mart};
use crate::error::{Context, Error, Result};
use crate::sql_text::quoted;
use crate::step::StepContext;

/// What tells its rows apart; in this order they are written.
pub(super) const KEY: [&str; 5] = ["metric", "as_of", "period", "dimension", "dimension_value"];
/// Which release said it; the last column, as the only one that two runs as of one instant differ in.
const RELEASE: &str = "release";
/// The instant in microseconds: whatever is declared of the table, every night of it is read.
const AT: &str = "cast(as_of as bigint)";

fn schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let field = |name: &str, kind| Field::new(name, kind, true);
    Arc::new(Schema::new(vec![
        field("metric", DataType::Utf8),
        field("as_of", instant),
        field("period", DataType::Date32),
        field("dimension", DataType::Utf8),
        field("dimension_value", DataType::Utf8),
        field("period_kind", DataType::Utf8),
        field("is_complete", DataType::Boolean),
        field("rows_counted", DataType::Int64),
        field("numerator", sum_type()),
        field("denominator", sum_type()),
        field("value", value_type()),
        field("unit", DataType::Utf8),
        field("definition", DataType::Utf8),
        field(RELEASE, DataType::Int64),
    ]))
}

/// Returns tonight's figures as rows, in the order of their key: `computed` are the metrics in the order of their names.
///
/// # Errors
/// None, unless the program makes columns that do not fit the table.
pub(super) fn rows(context: &StepContext, computed: &[(Metric, Vec<Figure>)]) -> Result<RecordBatch> {
    let all: Vec<(&Metric, &Figure)> = computed
        .iter()
        .flat_map(|(metric, figures)| figures.iter().map(move |figure| (metric, figure)))
        .collect();
    let text = |text: &dyn Fn(&Metric, &Figure) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(all.iter().map(|(metric, figure)| text(metric, figure))))
    };
    let as_of = vec![context.as_of.timestamp_micros(); all.len()];
    let (zone, run) = (context.timezone, i64::try_from(context.run).unwrap_or(i64::MAX));
    let days = all.iter().map(|(_, figure)| Date32Type::from_naive_date(figure.period));
    let over = all.iter().map(|(metric, figure)| Some(metric.is_over(figure.period, context.as_of, zone)));
    let columns: Vec<ArrayRef> = vec![
        text(&|metric, _| metric.name.clone()),
        Arc::new(TimestampMicrosecondArray::from(as_of).with_timezone("UTC")),
        Arc::new(Date32Array::from_iter_values(days)),
        text(&|_, figure| figure.dimension.clone()),
        text(&|_, figure| figure.dimension_value.clone()),
        text(&|metric, _| metric.period_word().to_owned()),
        Arc::new(over.collect::<BooleanArray>()),
        Arc::new(Int64Array::from_iter_values(all.iter().map(|(_, figure)| figure.rows))),
        sums(all.iter().map(|(_, figure)| Some(figure.numerator)))?,
        sums(all.iter().map(|(_, figure)| figure.denominator))?,
        values(all.iter().map(|(_, figure)| figure.value()))?,
        Arc::new(all.iter().map(|(metric, _)| metric.unit.clone()).collect::<StringArray>()),
        text(&|metric, _| metric.fingerprint()),
        Arc::new(Int64Array::from(vec![run; all.len()])),
    ];
    RecordBatch::try_new(schema(), columns).doing("write the figures of the metrics")
}

/// What earlier nights said.
pub(super) struct History<'c> {
    context: &'c StepContext,
    /// Whether any night has said anything.
    exists: bool,
}

impl<'c> History<'c> {
    /// Returns the history as the last release has it.
    pub(super) fn of(context: &'c StepContext) -> History<'c> {
        let exists = context.catalog.released().any(|table| *table == mart(METRICS));
        History { context, exists }
    }

    async fn asked(&self, sql: &str) -> Result<DataFrame> {
        let table = mart(METRICS);
        let released = self.context.catalog.as_released();
        let session = released.session([&table], None).await?;
        session.sql(sql).await.doing("read the figures of earlier nights")
    }

    /// Returns the rows of all nights, with tonight's.
    ///
    /// # Errors
    /// A table that cannot be read, or that does not hold what sillage writes there.
    pub(super) async fn with(&self, tonight: RecordBatch) -> Result<DataFrame> {
        let doing = "put tonight's figures beside the earlier ones";
        if !self.exists {
            let session = self.context.catalog.session([], None).await?;
            return session.read_batch(tonight);
        }
        let names = schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>().join(", ");
        let table = mart(METRICS);
        let (order, at) = (KEY.join(", "), self.context.as_of.timestamp_micros());
        let same = format!("select {names} from {table} where {AT} = {at} order by {order}");
        let said = self.asked(&same).await?.collect().await.doing(doing)?;
        let said = concat_batches(&schema(), said.iter().map(as_written).collect::<Result<Vec<_>>>()?.iter())
            .doing(doing)?;
        let last = schema().fields().len() - 1;
        let tonight = if said.columns()[..last] == tonight.columns()[..last] { said } else { tonight };
        let earlier = self.asked(&format!("select {names} from {table} where {AT} <> {at}")).await?;
        let session = self.context.catalog.session([], None).await?;
        earlier.union(session.read_batch(tonight)?).doing(doing)
    }

    /// Returns what nights before tonight's last said of each period that was over then, by metric, dimension and value;
    /// of these metrics as they are defined now.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn points(&self, metrics: &[&Metric]) -> Result<BTreeMap<PointsOf, Points>> {
        let mut points: BTreeMap<PointsOf, Points> = BTreeMap::new();
        if !self.exists || metrics.is_empty() {
            return Ok(points);
        }
        let defined: Vec<String> = metrics
            .iter()
            .map(|m| format!("(metric = {} and definition = {})", quoted(&m.name), quoted(&m.fingerprint())))
            .collect();
        let at = self.context.as_of.timestamp_micros();
        let sql = format!(
            "select metric, dimension, dimension_value, period, value from {}
             where {AT} < {at} and is_complete and ({})
             order by as_of, metric, period, dimension, dimension_value",
            mart(METRICS),
            defined.join(" or ")
        );
        for batch in self.asked(&sql).await?.collect().await.doing("read the figures of earlier nights")? {
            read_points(&batch, &mut points)
                .ok_or_else(|| Error::failed("mart.metrics does not hold what sillage writes there"))?;
        }
        Ok(points)
    }
}

/// Whose points: a metric, a dimension and its value.
pub(super) type PointsOf = (String, String, String);

fn read_points(batch: &RecordBatch, points: &mut BTreeMap<PointsOf, Points>) -> Option<()> {
    let [metrics, dimensions, dimension_values] = [0, 1, 2].map(|n| batch.column(n).as_string_opt::<i32>());
    let (metrics, dimensions, dimension_values) = (metrics?, dimensions?, dimension_values?);
    let periods = batch.column(3).as_primitive_opt::<Date32Type>()?;
    let found = batch.column(4).as_primitive_opt::<Decimal128Type>()?;
    for row in 0..batch.num_rows() {
        let of = [metrics, dimensions, dimension_values].map(|column| column.value(row).to_owned());
        let period: NaiveDate = periods.value_as_date(row)?;
        let value = found.is_valid(row).then(|| found.value(row));
        points.entry(of.into()).or_default().insert(period, value);
    }
    Some(())
}

/// Returns the rows under the schema that is written.
fn as_written(batch: &RecordBatch) -> Result<RecordBatch> {
    RecordBatch::try_new(schema(), batch.columns().to_vec()).doing("read the figures of earlier nights")
}
