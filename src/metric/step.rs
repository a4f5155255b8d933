//! The step of the metrics: tonight's figures, and where the objectives stand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::Date32Type;
use async_trait::async_trait;

use super::amount::{of_float, values};
use super::definition::{self, Metric};
use super::figures::{Figure, figures};
use super::history::{self, History, PointsOf};
use super::objective::Objective;
use super::standing::{Points, Standing, standing};
use super::tables::{ALL, DEFINITIONS, METRICS, OBJECTIVES, mart};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};

/// The metrics and objectives of a pipeline, each in the order of their names.
#[derive(Debug, Clone)]
pub struct Metrics {
    pub metrics: Vec<Metric>,
    pub objectives: Vec<Objective>,
    /// What tells records of sources apart, by their raw tables.
    pub record_keys: BTreeMap<TableName, Vec<String>>,
}

/// The metrics with tonight's figures.
type Computed = Vec<(Metric, Vec<Figure>)>;

#[async_trait]
impl Step for Metrics {
    fn kind(&self) -> &'static str {
        "metrics"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        self.metrics.iter().map(|metric| metric.table.clone()).collect()
    }

    fn writes(&self) -> Vec<MadeTable> {
        let mut tables = vec![
            MadeTable::keyed(mart(METRICS), &history::KEY),
            MadeTable::keyed(mart(DEFINITIONS), &["metric"]),
        ];
        if !self.objectives.is_empty() {
            tables.push(MadeTable::keyed(mart(OBJECTIVES), &["objective"]));
        }
        tables
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let (mut computed, mut notes, mut errors) = (Computed::new(), Vec::new(), Vec::new());
        for metric in &self.metrics {
            match figures(context, metric).await {
                Ok(found) => {
                    notes.extend(found.notes);
                    computed.push((metric.clone(), found.figures));
                }
                Err(error) => errors.push(error.at(format!("[metrics.{}]", metric.name))),
            }
        }
        Error::all(errors)?;
        let history = History::of(context);
        let all = history.with(history::rows(context, &computed)?).await?;
        let mut staged = vec![context.stage_frame(&mart(METRICS), all).await?];
        let session = context.catalog.session([], None).await?;
        let definitions =
            session.read_batch(definition::rows(&self.metrics, |table| self.key(table, context))?)?;
        staged.push(context.stage_frame(&mart(DEFINITIONS), definitions).await?);
        if !self.objectives.is_empty() {
            let standings = self.standings(context, &history, &computed).await?;
            notes.extend(unknown_values(&standings, &computed));
            let rows = session.read_batch(rows(context, &standings)?)?;
            staged.push(context.stage_frame(&mart(OBJECTIVES), rows).await?);
        }
        Ok(StepOutput::of(staged).with_notes(notes))
    }
}

/// An objective with its metric and where it stands.
type Stood<'s> = (&'s Objective, &'s Metric, Standing);

impl Metrics {
    /// Returns the columns that tell the rows of a table apart.
    fn key(&self, table: &TableName, context: &StepContext) -> Vec<String> {
        let declared = context.keys.get(table).filter(|key| !key.is_empty());
        declared.or_else(|| self.record_keys.get(table)).cloned().unwrap_or_default()
    }

    async fn standings<'s>(
        &'s self,
        context: &StepContext,
        history: &History<'_>,
        computed: &Computed,
    ) -> Result<Vec<Stood<'s>>> {
        let wanted: BTreeSet<&str> = self.objectives.iter().map(|o| o.metric.as_str()).collect();
        let metrics: Vec<&Metric> =
            self.metrics.iter().filter(|m| wanted.contains(m.name.as_str())).collect();
        let mut points = history.points(&metrics).await?;
        let mut standings = Vec::new();
        for objective in &self.objectives {
            let metric = metrics.iter().find(|metric| metric.name == objective.metric);
            let Some(metric) = metric else {
                return Err(Error::failed(format!("there is no metric {}", objective.metric)));
            };
            let of = points_of(objective);
            let figures = computed.iter().filter(|(computed, _)| computed.name == metric.name);
            let mut known: Points = points.remove(&of).unwrap_or_default();
            for figure in figures.flat_map(|(_, figures)| figures) {
                let is_it = figure.dimension == of.1 && figure.dimension_value == of.2;
                if is_it && metric.is_over(figure.period, context.as_of, context.timezone) {
                    known.insert(figure.period, figure.value());
                }
            }
            let stands = standing(objective, metric, &known, context.as_of, context.timezone);
            // Several objectives may be of one metric.
            points.insert(of, known);
            standings.push((objective, *metric, stands));
        }
        Ok(standings)
    }
}

fn points_of(objective: &Objective) -> PointsOf {
    let (dimension, value) = objective.of.clone().unwrap_or_else(|| (ALL.to_owned(), ALL.to_owned()));
    (objective.metric.clone(), dimension, value)
}

/// Objectives of values that no row has tonight: a misspelt value would never be reached.
fn unknown_values(standings: &[Stood<'_>], computed: &Computed) -> Vec<String> {
    let mut notes = Vec::new();
    for (objective, metric, _) in standings {
        let Some((dimension, value)) = &objective.of else { continue };
        let figures = computed.iter().filter(|(computed, _)| computed.name == metric.name);
        let known: BTreeSet<&str> = figures
            .flat_map(|(_, figures)| figures)
            .filter(|figure| figure.dimension == *dimension)
            .map(|figure| figure.dimension_value.as_str())
            .collect();
        if !known.contains(value.as_str()) {
            let all = known.into_iter().take(12).collect::<Vec<_>>().join(", ");
            notes.push(format!(
                "objective {}: no row has {dimension} = \"{value}\" tonight; its values are {all}",
                objective.name
            ));
        }
    }
    notes
}

fn rows(context: &StepContext, standings: &[Stood<'_>]) -> Result<RecordBatch> {
    let text = |text: &dyn Fn(&Stood<'_>) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(standings.iter().map(text)))
    };
    let days = |day: &dyn Fn(&Stood<'_>) -> Option<chrono::NaiveDate>| -> ArrayRef {
        Arc::new(standings.iter().map(|s| day(s).map(Date32Type::from_naive_date)).collect::<Date32Array>())
    };
    let counts = |count: &dyn Fn(&Stood<'_>) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(standings.iter().map(count)))
    };
    let decimals = |value: &dyn Fn(&Stood<'_>) -> Option<i128>| values(standings.iter().map(value));
    let as_of = vec![context.as_of.timestamp_micros(); standings.len()];
    let as_of: ArrayRef = Arc::new(TimestampMicrosecondArray::from(as_of).with_timezone("UTC"));
    let units: ArrayRef = Arc::new(standings.iter().map(|s| s.1.unit.clone()).collect::<StringArray>());
    let months = |stood: &Stood<'_>| stood.2.months_left.and_then(|months| of_float(months, 1)).map(tenths);
    RecordBatch::try_from_iter_with_nullable(
        [
            ("objective", text(&|(objective, ..)| objective.name.clone())),
            ("description", text(&|(objective, ..)| objective.description.clone())),
            ("status", text(&|(.., standing)| standing.status.word().to_owned())),
            ("summary", text(&|(objective, metric, standing)| standing.in_words(objective, metric))),
            ("metric", text(&|(objective, ..)| objective.metric.clone())),
            ("dimension", text(&|(objective, ..)| points_of(objective).1)),
            ("dimension_value", text(&|(objective, ..)| points_of(objective).2)),
            ("unit", units),
            ("direction", text(&|(objective, ..)| objective.direction.word().to_owned())),
            ("target", decimals(&|(objective, ..)| Some(objective.target))?),
            ("due", days(&|(objective, ..)| objective.by)),
            ("as_of", as_of),
            ("period", days(&|(.., standing)| standing.period)),
            ("value", decimals(&|(.., standing)| standing.value)?),
            ("margin", decimals(&|(.., standing)| standing.margin)?),
            ("trend_per_month", decimals(&|(.., standing)| standing.trend)?),
            ("trend_periods", counts(&|(.., standing)| standing.trend_points)),
            ("projected", decimals(&|(.., standing)| standing.projected)?),
            ("months_left", values(standings.iter().map(months))?),
            ("needed_per_month", decimals(&|(.., standing)| standing.needed)?),
            ("periods_kept", counts(&|(.., standing)| standing.kept)),
            ("periods_judged", counts(&|(.., standing)| standing.judged)),
        ]
        .map(|(name, column)| (name, column, true)),
    )
    .doing("write the objectives")
}

/// Returns tenths as a value.
fn tenths(number: i128) -> i128 {
    number * 100_000
}
