//! The pipeline over empty inputs, in memory: what is wrong with it without a warehouse and without data.
//!
//! A raw table has the columns of its source's declaration, and those that a release holds beside them. A model's columns come from planning its SQL over
//! empty inputs; those of any other step from running the step over empty inputs. So a column that is not there,
//! a type that does not fit and SQL that may come out otherwise on another day are found before anything is read,
//! and unit tests see the types of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use super::checks;
use super::engine::engine_of;
use crate::audience::{self, BOUNCES, CONSENTS};
use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::name::{StepName, TableName};
use crate::ops;
use crate::pipeline::{DeclaredStep, Pipeline};
use crate::source::OnDrift;
use crate::step::StepContext;
use crate::step::past::Past;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::{Engine, Limits};
use crate::warehouse::stage::Mode;
use crate::warehouse::visibility::KnownSince;

/// The columns that raw tables have or will have.
pub type RawColumns = BTreeMap<TableName, SchemaRef>;

/// The columns by table, and the engine that found them.
pub struct Rehearsal {
    pub warehouse: Warehouse,
    pub engine: Engine,
    catalog: Arc<Catalog>,
    columns: BTreeMap<TableName, SchemaRef>,
}

/// Rehearses every step of a pipeline, and then the checks.
///
/// # Errors
/// Every step that cannot be planned, every check that cannot be asked.
pub async fn rehearse(pipeline: &Pipeline, raw: &RawColumns, limits: Limits) -> Result<()> {
    let all: Vec<StepName> = pipeline.steps.keys().cloned().collect();
    let (rehearsal, errors) = Rehearsal::of_steps(pipeline, &all, raw, limits).await?;
    Error::all(errors.into_values().collect())?;
    let made = rehearsal.columns.keys().cloned().collect();
    Error::all(checks::run(pipeline, &made, &rehearsal.catalog, None, limits.steps_at_once()).await.errored)
}

/// Rehearses these steps before a run performs them.
///
/// # Errors
/// Every one of them that cannot be planned; what others lead to is not theirs, and what reads a source that takes
/// in new columns is only known once these are.
pub async fn rehearse_steps(
    pipeline: &Pipeline,
    steps: &[StepName],
    released: &Catalog,
    limits: Limits,
) -> Result<()> {
    let mut raw = RawColumns::new();
    let mut evolving = Vec::new();
    for ingest in pipeline.ingests() {
        let table = ingest.source.raw_table();
        if ingest.source.contract.on_drift == OnDrift::Evolve {
            evolving.push(StepName::from(&table));
        }
        if let Some(found) = released.table(&table).await? {
            raw.insert(table, found.schema.clone());
        }
    }
    let (_, errors) = Rehearsal::of_steps(pipeline, steps, &raw, limits).await?;
    let is_known = |step: &StepName| {
        let upstream = pipeline.graph.upstream([step]);
        steps.contains(step) && !evolving.iter().any(|source| upstream.contains(source))
    };
    Error::all(errors.into_iter().filter(|(step, _)| is_known(step)).map(|(_, error)| error).collect())
}

impl Rehearsal {
    /// Rehearses these models and all they read, directly or not.
    ///
    /// # Errors
    /// Every model among them whose SQL cannot be planned.
    pub async fn of(pipeline: &Pipeline, models: &BTreeSet<TableName>, limits: Limits) -> Result<Self> {
        let wanted: Vec<StepName> = models.iter().map(StepName::from).collect();
        let (rehearsal, errors) = Rehearsal::of_steps(pipeline, &wanted, &RawColumns::new(), limits).await?;
        Error::all(errors.into_values().collect())?;
        Ok(rehearsal)
    }

    /// Returns what was found, and the errors by step.
    async fn of_steps(
        pipeline: &Pipeline,
        wanted: &[StepName],
        raw: &RawColumns,
        limits: Limits,
    ) -> Result<(Self, BTreeMap<StepName, Error>)> {
        let warehouse = Warehouse::in_memory()?;
        let engine = engine_of(pipeline, limits, &warehouse)?;
        let catalog = Arc::new(Catalog::new(warehouse.clone(), engine.clone(), None, pipeline.visibility()));
        let context = StepContext {
            pipeline: pipeline.name.clone(),
            timezone: pipeline.timezone,
            seed: pipeline.seed,
            keys: Arc::new(pipeline.keys()),
            catalog: catalog.clone(),
            run: 0,
            // Planning needs a value for `$as_of`, whichever.
            as_of: pipeline.as_of.unwrap_or(Instant::UNIX_EPOCH),
            last_as_of: None,
            full_refresh: true,
            erasing: false,
            suppressions: None,
            past: Arc::new(Past::default()),
        };
        let mut rehearsal = Rehearsal { warehouse, engine, catalog, columns: BTreeMap::new() };
        let needed = pipeline.graph.upstream(wanted);
        let (mut lost, mut errors) = (BTreeSet::new(), BTreeMap::new());
        for name in pipeline.graph.order().into_iter().filter(|name| needed.contains(name)) {
            // What a model without columns feeds has none either; it is reported once.
            if pipeline.graph.needs(&name).any(|input| lost.contains(input)) {
                lost.insert(name);
                continue;
            }
            if let Err(error) = rehearsal.step(pipeline, &context, &name, raw).await {
                lost.insert(name.clone());
                errors.insert(name.clone(), pipeline.sql_origins.place(error).at(format!("step {name}")));
            }
        }
        Ok((rehearsal, errors))
    }

    /// Returns the columns of a table; none when no test may name it.
    pub fn columns(&self, table: &TableName) -> Option<&SchemaRef> {
        self.columns.get(table)
    }

    async fn step(
        &mut self,
        pipeline: &Pipeline,
        context: &StepContext,
        name: &StepName,
        raw: &RawColumns,
    ) -> Result<()> {
        let declared = &pipeline.steps[name];
        for read in declared.step().reads().iter().filter(|read| read.schema() == "ops") {
            if let Some(schema) = ops::schema(read)
                && !self.columns.contains_key(read)
            {
                self.empty(context, read, &schema).await?;
            }
        }
        match declared {
            DeclaredStep::Ingest(ingest) => {
                let table = ingest.source.raw_table();
                let schema = grown(&ingest.schema(), raw.get(&table));
                self.empty(context, &table, &schema).await
            }
            DeclaredStep::Model(step) => {
                let frame = step.frame(context).await?;
                let emptied = self.empty(context, &step.model.table, frame.schema().inner()).await;
                emptied.map_err(|error| step.model.place(error))?;
                // Of the consents and bounces the audiences say what is missing.
                let is_theirs = [CONSENTS, BOUNCES].map(audience::table).contains(&step.model.table);
                match pipeline.rules(&step.model.table).known {
                    KnownSince::At(time) if !is_theirs => time.require_in(&step.model.table, frame.schema()),
                    _ => Ok(()),
                }
            }
            other => {
                let output = other.step().perform(context).await.map_err(|failure| failure.error)?;
                for staged in output.staged.iter().filter(|staged| staged.table.schema() != "ops") {
                    self.columns.insert(staged.table.clone(), staged.schema.clone());
                    context.catalog.add_staged(staged).await?;
                }
                Ok(())
            }
        }
    }

    /// Makes the table known with its columns, as a warehouse keeps them, and no rows.
    async fn empty(&mut self, context: &StepContext, table: &TableName, schema: &SchemaRef) -> Result<()> {
        let staged = self.warehouse.stager(table, Mode::Replace, schema)?.finish().await?;
        self.columns.insert(table.clone(), staged.schema.clone());
        context.catalog.add_staged(&staged).await
    }
}

/// Returns the columns of a raw table with those that it has and that nobody declares: an export brought them one day.
fn grown(declared: &SchemaRef, found: Option<&SchemaRef>) -> SchemaRef {
    let Some(found) = found else { return declared.clone() };
    let more = found.fields().iter().filter(|field| declared.field_with_name(field.name()).is_err());
    let fields: Vec<FieldRef> = declared.fields().iter().chain(more).cloned().collect();
    Arc::new(Schema::new(fields))
}
