//! One step: what each kind reads, does and stages.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::logical_expr::col;
use datafusion::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use super::plan::PlannedStep;
use crate::clock::Instant;
use crate::erasure::{ErasedRows, Suppressions};
use crate::error::{Context, Error, Result};
use crate::feature::{Cutoffs, FeatureQuery, Outcome};
use crate::identity::quality::{self, Quality};
use crate::identity::{self, Identity, Made};
use crate::mining::churn::LabelledCutoff;
use crate::mining::declaration::{ChurnParams, SegmentParams};
use crate::mining::fitted::FittedModel;
use crate::mining::{churn, segments};
use crate::model::{Model, determinism};
use crate::name::TableName;
use crate::pipeline::{Pipeline, Step};
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

/// What a finished step leaves.
#[derive(Debug)]
pub struct Done {
    pub staged: Vec<Staged>,
    pub figures: Figures,
}

impl From<Made> for Done {
    fn from(made: Made) -> Self {
        let Made { staged, notes, warnings } = made;
        Done { staged, figures: Figures { notes, warnings, ..Figures::default() } }
    }
}

/// The step's figures, kept in the journal and in `ops.steps`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Figures {
    /// Rows of the table it is named for.
    pub rows: u64,
    pub refused: u64,
    /// Source files read.
    pub files: u64,
    pub bytes: u64,
    pub began_at: Option<Instant>,
    pub wall_ms: u64,
    pub warnings: Vec<String>,
    /// Rows that tell of what happened before the last release's instant.
    pub late: u64,
    /// Rows whose key came before, in this night or an earlier one: the latest counts.
    pub repeated: u64,
    /// Rows that left the table: older than the source keeps them.
    pub expired: u64,
    /// Records that had been refused and fit now.
    pub replayed: u64,
    /// Rows of forgotten persons, kept out or blanked.
    pub forgotten: ErasedRows,
    /// Worth knowing, nothing to mend.
    pub notes: Vec<String>,
}

/// A step that failed, and what is still worth publishing with the record of the failed run.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    pub staged: Vec<Staged>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure { error, staged: Vec::new() }
    }
}

/// What every step works in.
#[derive(Debug, Clone)]
pub struct Workshop {
    pub pipeline: Arc<Pipeline>,
    pub catalog: Arc<Catalog>,
    pub run: u64,
    pub as_of: Instant,
    /// That of the last release whose tables were published.
    pub last_as_of: Option<Instant>,
    pub full_refresh: bool,
    /// A person is taken out of the raw tables, and no file is read.
    pub forgetting: bool,
    /// Who must not come back; `None` when nobody was ever forgotten.
    pub suppressions: Option<Arc<Suppressions>>,
}

impl Workshop {
    pub(super) fn warehouse(&self) -> &Warehouse {
        self.catalog.warehouse()
    }

    /// Does the step and stages what it makes; staged tables are not yet in the catalog.
    pub async fn perform(&self, planned: &PlannedStep) -> Result<Done, Failure> {
        let step = &self.pipeline.steps[&planned.name];
        let mut done = match step {
            Step::Ingest(source) if self.forgetting => self.forget_in(source).await?,
            Step::Ingest(source) => self.ingest(source, planned).await?,
            Step::Model(model) => self.model(model).await?,
            Step::Resolve(identity) => self.resolve(identity).await?,
            Step::GoldenRecord(golden) => identity::golden_record(&self.catalog, golden).await?.into(),
            Step::Households(households) => identity::households(&self.catalog, households).await?.into(),
            Step::Organisations(organisations) => {
                identity::organisations(&self.catalog, organisations).await?.into()
            }
            Step::Quality(quality) => self.quality(quality).await?,
            Step::Segments { params, .. } => self.segments(params).await?,
            Step::Churn { params, outcome, cutoffs, features } => {
                self.churn(params, outcome, cutoffs, features).await?
            }
            Step::Audiences(audiences) => self.audiences(audiences).await?,
        };
        let mut tables = done.staged.iter().filter(|s| s.table.schema() != "ops");
        // A source counts what it read, not what it wrote: that may be older rows once more.
        let counted = matches!(step, Step::Ingest(_));
        if let Some(main) = tables.next().filter(|_| !counted) {
            done.figures.rows = main.rows;
            done.figures.bytes = main.bytes + tables.map(|s| s.bytes).sum::<u64>();
        }
        Ok(done)
    }

    pub(super) async fn stage_batch(&self, table: &TableName, batch: RecordBatch) -> Result<Staged> {
        let mut stager = self.warehouse().stager(table, Mode::Append, &batch.schema())?;
        stager.write(&batch).await?;
        stager.finish().await
    }

    async fn model(&self, model: &Model) -> Result<Done> {
        let frame = self.frame(model).await?;
        let staged = self
            .stage_frame(&model.table, frame)
            .await
            .map_err(|e| e.at(model.path.display().to_string()))?;
        Ok(Done { staged: vec![staged], figures: Figures::default() })
    }

    /// The model's query, planned over what the catalog has as of the run's instant.
    pub async fn frame(&self, model: &Model) -> Result<DataFrame> {
        let place = |e: Error| e.at(model.path.display().to_string());
        let frame = self.query_of(model).await?;
        determinism::require_no_clock(frame.logical_plan()).map_err(place)?;
        self.require_dated(model, frame.logical_plan()).await.map_err(place)?;
        if model.table.schema() == "mart" {
            determinism::require_deterministic(frame.logical_plan()).map_err(place)?;
        }
        Ok(frame)
    }

    /// The model's query, as it is written.
    pub(super) async fn query_of(&self, model: &Model) -> Result<DataFrame> {
        let place = |e: Error| e.at(model.path.display().to_string());
        let session = self.catalog.session(&model.reads, Some(self.as_of)).await.map_err(place)?;
        session.sql(&model.sql).await.doing("plan the model").map_err(place)
    }

    /// Stages a whole table: a mart in the total order of its key as one file, others as they come.
    pub(super) async fn stage_frame(&self, table: &TableName, frame: DataFrame) -> Result<Staged> {
        if table.schema() != "mart" {
            return self.warehouse().stage(table, Mode::Replace, Layout::Parallel, frame).await;
        }
        let key = self.pipeline.rules(table).key;
        for column in &key {
            if !frame.schema().has_column_with_unqualified_name(column) {
                return Err(Error::config(format!(
                    "{table} has no column `{column}`, which is declared as its key"
                ))
                .hint(format!("its columns are {}", column_names(&frame).join(", "))));
            }
        }
        let order =
            key.iter().map(|k| col(datafusion::common::Column::from_name(k)).sort(true, true)).collect();
        let frame = frame.sort(order).doing(format!("order {table} by its key"))?;
        self.warehouse().stage(table, Mode::Replace, Layout::OneFile, frame).await
    }

    async fn resolve(&self, identity: &Identity) -> Result<Done> {
        let list = self.suppressions.clone();
        let is_forgotten = move |source: &str, record_id: &str| {
            list.as_ref().is_some_and(|list| list.holds(source, record_id))
        };
        let night = identity::Night {
            pipeline: &self.pipeline.name,
            as_of: self.as_of,
            zone: self.pipeline.timezone,
            full_refresh: self.full_refresh,
            is_forgotten: self.forgetting.then_some(&is_forgotten),
        };
        let resolution = identity::resolve(&self.catalog, identity, &night).await?;
        let mut done = Done::from(resolution.made);
        if let Some(rows) = resolution.fitted {
            done.staged.push(self.stage_model_rows(&rows).await?);
        }
        Ok(done)
    }

    async fn quality(&self, quality: &Quality) -> Result<Done> {
        let judged = quality::judge(&self.catalog, quality, &self.pipeline.name, self.as_of).await?;
        let mut staged = Vec::new();
        for (table, frame) in judged.tables {
            staged.push(self.stage_frame(&table, frame).await?);
        }
        let figures = Figures { notes: judged.notes, warnings: judged.warnings, ..Figures::default() };
        Ok(Done { staged, figures })
    }

    async fn segments(&self, params: &SegmentParams) -> Result<Done> {
        const MODEL: &str = "segments";
        let session = self.catalog.session([&params.features], Some(self.as_of)).await?;
        let previous = self.last_fitted(MODEL).await?;
        let features = session.table(&params.features).await?;
        let fitted =
            segments::fit(MODEL, params, features.clone(), previous.as_ref(), self.pipeline.seed).await?;
        let assigned = segments::score(&fitted, features.clone())?;
        let profiles = segments::profiles(&fitted, params, features)?;
        let staged = vec![
            self.stage_frame(&TableName::new("mart", "segments")?, assigned).await?,
            self.stage_frame(&TableName::new("mart", "segment_profiles")?, profiles).await?,
            self.stage_fitted(&fitted).await?,
        ];
        Ok(Done { staged, figures: Figures { warnings: remarks(&fitted), ..Figures::default() } })
    }

    async fn churn(
        &self,
        params: &ChurnParams,
        outcome: &Outcome,
        cutoffs: &Cutoffs,
        features: &Model,
    ) -> Result<Done> {
        const MODEL: &str = "churn";
        let zone = self.pipeline.timezone;
        let query = FeatureQuery { table: &features.table, sql: &features.sql, reads: &features.reads };
        let mut labelled = Vec::new();
        for cutoff in cutoffs.instants(self.as_of, outcome, zone)? {
            let known = query.as_of(&self.catalog, cutoff).await?;
            let eligible = match &params.eligible {
                Some(condition) => known
                    .parse_sql_expr(condition)
                    .and_then(|condition| known.clone().filter(condition))
                    .doing(format!("apply eligible = \"{condition}\""))?,
                None => known,
            };
            let frame = outcome.label(&self.catalog, eligible, cutoff, zone).await?;
            let window_end = outcome.window_end(cutoff, zone)?;
            labelled.push(LabelledCutoff { cutoff, window_end, frame });
        }
        let fitted = churn::fit(MODEL, params, labelled).await?;
        let session = self.catalog.session([&params.features], Some(self.as_of)).await?;
        let scores = churn::score(&fitted, session.table(&params.features).await?, params.scored_when())?;
        let staged = vec![
            self.stage_frame(&TableName::new("mart", "churn_scores")?, scores).await?,
            self.stage_fitted(&fitted).await?,
        ];
        Ok(Done { staged, figures: Figures { warnings: remarks(&fitted), ..Figures::default() } })
    }

    /// The model of the last night, for a warm start.
    async fn last_fitted(&self, model: &str) -> Result<Option<FittedModel>> {
        let table = TableName::new("ops", "models")?;
        if self.catalog.table(&table).await?.is_none() {
            return Ok(None);
        }
        let session = self.catalog.session([&table], None).await?;
        let columns =
            FittedModel::schema().fields().iter().map(|f| format!("\"{}\"", f.name())).collect::<Vec<_>>();
        let sql = format!(
            "select {columns} from ops.models where model = '{model}' and pipeline = '{pipeline}' and run = \
             (select max(run) from ops.models where model = '{model}' and pipeline = '{pipeline}')",
            columns = columns.join(", "),
            pipeline = self.pipeline.name
        );
        let batches = session
            .sql(&sql)
            .await
            .doing("look for the last fitted model")?
            .collect()
            .await
            .doing("look for the last fitted model")?;
        Ok(FittedModel::from_batches(&batches)?.into_iter().next())
    }

    async fn stage_fitted(&self, fitted: &FittedModel) -> Result<Staged> {
        self.stage_model_rows(&fitted.to_batch()?).await
    }

    /// Rows for `ops.models`, to which the columns of the run are added.
    async fn stage_model_rows(&self, batch: &RecordBatch) -> Result<Staged> {
        let rows = batch.num_rows();
        let mut columns: Vec<arrow::array::ArrayRef> = vec![
            Arc::new(Int64Array::from(vec![self.run as i64; rows])),
            Arc::new(StringArray::from(vec![self.pipeline.name.as_str(); rows])),
            Arc::new(
                TimestampMicrosecondArray::from(vec![self.as_of.timestamp_micros(); rows])
                    .with_timezone("UTC"),
            ),
        ];
        columns.extend(batch.columns().iter().cloned());
        let batch = RecordBatch::try_new(fitted_schema(), columns).doing("write the fitted model")?;
        self.stage_batch(&TableName::new("ops", "models")?, batch).await
    }
}

/// The columns of `ops.models`.
pub fn fitted_schema() -> SchemaRef {
    let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields: Vec<Arc<Field>> = vec![
        Arc::new(Field::new("run", DataType::Int64, true)),
        Arc::new(Field::new("pipeline", DataType::Utf8, true)),
        Arc::new(Field::new("as_of", instant, true)),
    ];
    fields.extend(FittedModel::schema().fields().iter().cloned());
    Arc::new(Schema::new(fields))
}

fn column_names(frame: &DataFrame) -> Vec<String> {
    frame.schema().fields().iter().map(|f| f.name().clone()).collect()
}

fn remarks(fitted: &FittedModel) -> Vec<String> {
    match fitted.status() {
        Err(reason) => vec![format!("not fitted: {reason}")],
        Ok(()) => fitted.remarks().map(str::to_owned).collect(),
    }
}
