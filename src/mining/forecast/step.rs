//! The step of forecasts: promises kept on a rhythm, and what became of them.

use std::collections::BTreeSet;

use arrow::array::AsArray;
use arrow::datatypes::TimestampMicrosecondType;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate};
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::DataFrame;

use super::declaration::Rhythm;
use super::promised_value::{FORECASTS, ForecastOf};
use super::promises::timestamp;
use super::{judgement, promises};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};
use crate::warehouse::stage::{Layout, Mode};

const ACCURACY: &str = "mart.forecast_accuracy";
const KEY: [&str; 3] = ["forecast", "made_as_of", "vintage"];

/// The forecasts of a pipeline.
#[derive(Debug, Clone)]
pub struct Forecasts {
    pub every: Rhythm,
    pub of: Vec<ForecastOf>,
}

#[async_trait]
impl Step for Forecasts {
    fn kind(&self) -> &'static str {
        "forecasts"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        let of_one = |of: &ForecastOf| {
            [Some(of.values.clone()), of.accuracy.clone(), Some(of.purchases.events.clone())]
                .into_iter()
                .flatten()
        };
        self.of.iter().flat_map(of_one).collect()
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::keyed(table(FORECASTS), &KEY), MadeTable::keyed(table(ACCURACY), &KEY)]
    }

    fn remembers(&self) -> BTreeSet<TableName> {
        [table(FORECASTS)].into()
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
            let earlier = self.earlier(context, of).await?;
            let last = last_day(context, earlier.clone()).await?;
            let today = local_day(context, context.as_of.timestamp_micros())?;
            let mut kept: Vec<DataFrame> = earlier.into_iter().collect();
            if self.every.is_due(last, today) {
                kept.push(promises::of(context, of).await?);
                notes.push(format!("what {} promises tonight is kept", of.values));
            }
            for rows in kept {
                all = Some(match all {
                    None => rows,
                    Some(before) => DataFrame::union(before, rows).doing("gather the promises")?,
                });
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
            let promises = context
                .catalog
                .session_with(std::iter::empty::<&TableName>(), [&staged])
                .await?
                .table(&forecasts_table)
                .await?;
            let rows = judgement::of(context, of, promises).await?;
            judged = Some(match judged {
                None => rows,
                Some(before) => DataFrame::union(before, rows).doing("gather what came of the promises")?,
            });
        }
        let mut output = vec![staged];
        if let Some(judged) = judged {
            output.push(context.stage_frame(&accuracy_table, judged).await?);
        }
        Ok(StepOutput::of(output).with_notes(notes))
    }

    /// The promises of earlier instants; a run as of an earlier instant than some leaves these aside.
    async fn earlier(&self, context: &StepContext, of: &ForecastOf) -> Result<Option<DataFrame>> {
        let forecasts = table(FORECASTS);
        if context.catalog.table(&forecasts).await?.is_none() {
            return Ok(None);
        }
        let session = context.catalog.session([&forecasts], None).await?;
        let sql = format!("select * from {forecasts} where made_as_of < {}", timestamp(context.as_of));
        let doing = "read the promises of earlier runs";
        let rows = session.sql(&sql).await.doing(doing)?;
        rows.filter(ident("forecast").eq(lit(of.name.as_str()))).doing(doing).map(Some)
    }
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
