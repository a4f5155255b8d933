//! The columns of every table that a test may name, without a warehouse.
//!
//! A raw table has the columns of its source's declaration. A model's columns come from planning its SQL over
//! empty inputs; those of any other step from running the step over empty inputs, in memory. So a test sees
//! the types of a run, and a model that a run could not plan is found here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use crate::clock::Instant;
use crate::error::{Error, Result};
use crate::name::{StepName, TableName};
use crate::ops;
use crate::pipeline::{DeclaredStep, Pipeline};
use crate::run;
use crate::step::StepContext;
use crate::step::past::Past;
use crate::warehouse::Warehouse;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::engine::{Engine, Limits};
use crate::warehouse::stage::Mode;

/// The columns by table, and the engine that found them.
pub struct Types {
    pub warehouse: Warehouse,
    pub engine: Engine,
    columns: BTreeMap<TableName, SchemaRef>,
}

impl Types {
    /// Returns the types of these models and of all they read, directly or not.
    ///
    /// # Errors
    /// Every model among them whose SQL cannot be planned.
    pub async fn of(pipeline: &Arc<Pipeline>, models: &BTreeSet<TableName>, limits: Limits) -> Result<Types> {
        let warehouse = Warehouse::in_memory()?;
        let engine = run::engine_of(pipeline, limits, &warehouse)?;
        let catalog = Arc::new(Catalog::new(warehouse.clone(), engine.clone(), None, pipeline.visibility()));
        let context = StepContext {
            pipeline: pipeline.name.clone(),
            timezone: pipeline.timezone,
            seed: pipeline.seed,
            keys: Arc::new(pipeline.keys()),
            catalog,
            run: 0,
            // Planning needs a value for `$as_of`, whichever.
            as_of: pipeline.as_of.unwrap_or(Instant::UNIX_EPOCH),
            last_as_of: None,
            full_refresh: true,
            erasing: false,
            suppressions: None,
            past: Arc::new(Past::default()),
        };
        let mut types = Types { warehouse, engine, columns: BTreeMap::new() };
        let wanted: Vec<StepName> = models.iter().map(StepName::from).collect();
        let needed = pipeline.graph.upstream(&wanted);
        let (mut lost, mut errors) = (BTreeSet::new(), Vec::new());
        for name in pipeline.graph.order().into_iter().filter(|name| needed.contains(name)) {
            // What a model without columns feeds has none either; it is reported once.
            if pipeline.graph.needs(&name).any(|input| lost.contains(input)) {
                lost.insert(name);
                continue;
            }
            if let Err(error) = types.learn(pipeline, &context, &name).await {
                errors.push(error.at(format!("step {name}")));
                lost.insert(name);
            }
        }
        Error::all(errors)?;
        Ok(types)
    }

    /// Returns the columns of a table; none when no test may name it.
    pub fn columns(&self, table: &TableName) -> Option<&SchemaRef> {
        self.columns.get(table)
    }

    async fn learn(&mut self, pipeline: &Pipeline, context: &StepContext, name: &StepName) -> Result<()> {
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
                self.empty(context, &ingest.source.raw_table(), &ingest.schema()).await
            }
            DeclaredStep::Model(step) => {
                let frame = step.frame(context).await?;
                self.empty(context, &step.model.table, frame.schema().inner()).await
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
