//! The step of forecasts: promises kept on a rhythm, and what became of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, TimestampMicrosecondType};
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate};
use datafusion::logical_expr::{Expr, cast, ident, lit};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::declaration::Rhythm;
use super::judgement;
use super::promise::{ACCURACY, DuePromises, FORECASTS, Promise};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};
use crate::warehouse::stage::{Layout, Mode, Staged};

const KEY: [&str; 3] = ["forecast", "made_as_of", "vintage"];
/// The columns of a promise.
const COLUMNS: [&str; 12] = [
    "forecast",
    "made_as_of",
    "vintage",
    "horizon_end",
    "customers",
    "expected_purchases",
    "expected_margin",
    "margin_low",
    "margin_high",
    "expected_outcomes",
    "outcomes_low",
    "outcomes_high",
];

/// The forecasts of a pipeline.
#[derive(Debug, Clone)]
pub struct Forecasts {
    pub every: Rhythm,
    pub of: Vec<Arc<dyn Promise>>,
}

#[async_trait]
impl Step for Forecasts {
    fn kind(&self) -> &'static str {
        "forecasts"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        self.of.iter().flat_map(|of| of.reads()).collect()
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::keyed(table(FORECASTS), &KEY), MadeTable::keyed(table(ACCURACY), &KEY)]
    }

    fn remembers(&self) -> BTreeSet<TableName> {
        self.of.iter().flat_map(|of| of.remembers()).chain([table(FORECASTS)]).collect()
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let located = |error: Error| error.at("[forecasts]".to_owned());
        Ok(self.keep_and_judge(context).await.map_err(located)?)
    }
}

fn table(name: &str) -> TableName {
    name.parse().expect("it is the name of a table")
}

impl Forecasts {
    async fn keep_and_judge(&self, context: &StepContext) -> Result<StepOutput> {
        let (mut all, mut notes) = (None, Vec::new());
        for of in &self.of {
            let earlier = earlier(context, of.as_ref()).await?;
            let last = last_day(context, earlier.clone()).await?;
            let today = local_day(context, context.as_of.timestamp_micros())?;
            let mut kept: Vec<DataFrame> = earlier.into_iter().collect();
            if self.every.is_due(last, today) {
                kept.push(of.promised(context).await?);
                notes.push(format!("what mart.{} promises tonight is kept", of.name()));
            }
            for rows in kept {
                all = Some(together(all, rows)?);
            }
        }
        let Some(all) = all else { return Ok(StepOutput::default()) };
        let order = KEY.map(|column| ident(column).sort(true, true)).to_vec();
        let forecasts = all.sort(order).doing("order the promises")?;
        let (forecasts_table, accuracy_table) = (table(FORECASTS), table(ACCURACY));
        let staged =
            context.warehouse().stage(&forecasts_table, Mode::Replace, Layout::OneFile, forecasts).await?;
        let mut judged = None;
        for of in &self.of {
            let rows = self.judged(context, of.as_ref(), &staged).await?;
            judged = Some(together(judged, rows)?);
        }
        let (mut output, mut warnings) = (vec![staged], Vec::new());
        if let Some(judged) = judged {
            let accuracy = context.stage_frame(&accuracy_table, judged).await?;
            warnings = judgement::flagged(context, &accuracy).await?;
            output.push(accuracy);
        }
        Ok(StepOutput::of(output).with_notes(notes).with_warnings(warnings))
    }

    /// One forecast's promises whose horizon is over, with what came.
    async fn judged(&self, context: &StepContext, of: &dyn Promise, kept: &Staged) -> Result<DataFrame> {
        let session = context.catalog.session_with(std::iter::empty::<&TableName>(), [kept]).await?;
        let promises = session
            .table(&table(FORECASTS))
            .await?
            .filter(ident("forecast").eq(lit(of.name())).and(ident("horizon_end").lt_eq(lit(now(context)))))
            .doing("find the promises whose horizon is over")?;
        let instants = instants(promises.clone()).await?;
        let judged = match context.full_refresh {
            true => None,
            false => judged_earlier(context, of).await?,
        };
        let due = DuePromises { instants, promises: promises.clone(), judged };
        let came = of.came(context, &due).await?;
        judgement::beside(context, promises, came).await
    }
}

fn together(before: Option<DataFrame>, rows: DataFrame) -> Result<DataFrame> {
    match before {
        None => Ok(rows),
        Some(before) => before.union(rows).doing("gather the promises"),
    }
}

/// The promises of earlier instants; a run as of an earlier instant than some leaves these aside.
async fn earlier(context: &StepContext, of: &dyn Promise) -> Result<Option<DataFrame>> {
    let forecasts = table(FORECASTS);
    if context.catalog.table(&forecasts).await?.is_none() {
        return Ok(None);
    }
    let session = context.catalog.session([&forecasts], None).await?;
    let doing = "read the promises of earlier runs";
    let rows = session.table(&forecasts).await?;
    // Runs of an earlier version of the program kept fewer columns.
    let column = |name: &str| -> Expr {
        match rows.schema().has_column_with_unqualified_name(name) {
            true => ident(name),
            false => cast(lit(ScalarValue::Null), DataType::Float64).alias(name),
        }
    };
    let columns: Vec<Expr> = COLUMNS.into_iter().map(column).collect();
    let before = ident("made_as_of").lt(lit(now(context)));
    let rows = rows.filter(ident("forecast").eq(lit(of.name())).and(before)).doing(doing)?;
    rows.select(columns).doing(doing).map(Some)
}

/// What earlier runs found of promises.
async fn judged_earlier(context: &StepContext, of: &dyn Promise) -> Result<Option<DataFrame>> {
    let accuracy = table(ACCURACY);
    if context.catalog.table(&accuracy).await?.is_none() {
        return Ok(None);
    }
    let rows = context.catalog.session([&accuracy], None).await?.table(&accuracy).await?;
    rows.filter(ident("forecast").eq(lit(of.name()))).doing("read what came of earlier promises").map(Some)
}

fn now(context: &StepContext) -> ScalarValue {
    let micros = context.as_of.timestamp_micros();
    ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into()))
}

/// The instants of promises, and when their horizons ended: few.
async fn instants(promises: DataFrame) -> Result<Vec<(Instant, Instant)>> {
    let doing = "find the promises whose horizon is over";
    let instants = promises.select(vec![ident("made_as_of"), ident("horizon_end")]);
    let instants = instants.and_then(DataFrame::distinct).doing(doing)?;
    let mut found = BTreeSet::new();
    for batch in instants.collect().await.doing(doing)? {
        let [made, ends] = [0, 1].map(|n| batch.column(n).as_primitive::<TimestampMicrosecondType>());
        for row in 0..batch.num_rows() {
            let both = [made, ends].map(|column| Instant::from_timestamp_micros(column.value(row)));
            found.extend(both[0].zip(both[1]));
        }
    }
    Ok(found.into_iter().collect())
}

async fn last_day(context: &StepContext, earlier: Option<DataFrame>) -> Result<Option<NaiveDate>> {
    let Some(earlier) = earlier else { return Ok(None) };
    let doing = "look for the last promise";
    let last = earlier
        .select(vec![ident("made_as_of")])
        .and_then(|rows| rows.sort(vec![ident("made_as_of").sort(false, false)]))
        .and_then(|rows| rows.limit(0, Some(1)))
        .doing(doing)?;
    for batch in last.collect().await.doing(doing)? {
        if batch.num_rows() > 0 {
            let micros = batch.column(0).as_primitive::<TimestampMicrosecondType>().value(0);
            return local_day(context, micros).map(Some);
        }
    }
    Ok(None)
}

fn local_day(context: &StepContext, micros: i64) -> Result<NaiveDate> {
    DateTime::from_timestamp_micros(micros)
        .map(|instant| instant.with_timezone(&context.timezone).date_naive())
        .ok_or_else(|| Error::failed("the instant of a promise is out of range"))
}
