//! The step of the audiences: decisions one audience after the other, then the lists and the waterfall.

use std::collections::BTreeSet;

use async_trait::async_trait;
use futures::StreamExt;

use super::decision::{Decided, ListSelection};
use super::definition::{Audience, definitions};
use super::null_conditions::unknown_conditions;
use super::reach;
use super::segment_names::require_known;
use super::tables::{DECISIONS, DEFINITIONS, LISTS, MADE, WATERFALL, table};
use super::waterfall::{lists, waterfall};
use super::weak_models;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::ops::models;
use crate::step::determinism::{require_deterministic, require_no_clock};
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};
use crate::warehouse::stage::{Layout, Mode, Staged, Stager};

/// All audiences of a pipeline, as one step.
#[derive(Debug, Clone)]
pub struct Audiences(pub Vec<Audience>);

#[async_trait]
impl Step for Audiences {
    fn kind(&self) -> &'static str {
        "audiences"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        self.0.iter().flat_map(Audience::reads).collect()
    }

    fn writes(&self) -> Vec<MadeTable> {
        MADE.iter().map(|(name, key)| MadeTable::keyed(table(*name), key)).collect()
    }

    fn remembers(&self) -> BTreeSet<TableName> {
        // Whether the models whose scores are read are weak.
        let reads_scores = self.0.iter().any(|audience| !audience.scores.is_empty());
        reads_scores.then(models::table).into_iter().collect()
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let catalog = &context.catalog;
        let (audiences, unreached) = reach::resolve(catalog, &self.0, context.as_of).await?;
        let audiences = audiences.as_slice();
        require_known(catalog, audiences).await?;
        let weak = weak_models::weak_models(context, audiences).await?;
        let drawing = ListSelection::begin(catalog, audiences, context.as_of).await?;
        let decisions = decisions(audiences, context, &drawing).await?;
        // Lists and waterfall are read from what was decided, not decided again.
        catalog.add_staged(&decisions).await?;
        let notes = unknown_conditions(catalog, audiences).await?;
        let lists = context.stage_frame(&table(LISTS), lists(catalog, audiences).await?).await?;
        let waterfall =
            context.stage_frame(&table(WATERFALL), waterfall(catalog, audiences, &weak).await?).await?;
        let definitions =
            context.stage_frame(&table(DEFINITIONS), definitions(catalog, audiences).await?).await?;
        let weak = weak_models::warnings(audiences, &weak);
        let warnings = [weak, drawing.warnings(audiences), unreached].concat();
        Ok(StepOutput::of(vec![decisions, lists, waterfall, definitions])
            .with_notes(notes)
            .with_warnings(warnings))
    }
}

/// One file in the order of audience and customer, as every mart is in that of its key.
async fn decisions(audiences: &[Audience], context: &StepContext, drawing: &ListSelection) -> Result<Staged> {
    let mut planned = Vec::new();
    let mut errors = Vec::new();
    for audience in audiences {
        match drawing.decide(&context.catalog, audience).await {
            Ok(decided) => planned.push((audience, decided)),
            Err(error) => errors.push(error),
        }
    }
    for (audience, decided) in &planned {
        let plan = decided.frame.logical_plan();
        let checked = require_no_clock(plan).and_then(|()| require_deterministic(plan, "a list"));
        if let Err(error) = checked {
            errors.push(error.at(format!("audience {}", audience.name)));
        }
    }
    Error::all(errors)?;
    planned.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let mut stager: Option<Stager> = None;
    for (audience, decided) in planned {
        match write(context, &decided, &mut stager).await {
            Ok(rows) if rows == decided.customers => {}
            Ok(rows) => {
                return Err(Error::failed(format!(
                    "{rows} decisions about {} customers: a defect in sillage or the SQL engine",
                    decided.customers
                ))
                .at(format!("audience {}", audience.name)));
            }
            Err(error) => return Err(drawing.failing_condition(&context.catalog, audience, error).await),
        }
    }
    stager.ok_or_else(|| Error::failed("the pipeline has no audience"))?.finish().await
}

/// Computes and writes the decisions about one audience; returns how many there are.
async fn write(context: &StepContext, decided: &Decided, stager: &mut Option<Stager>) -> Result<u64> {
    let doing = "compute the rows";
    let frame = decided.frame.clone();
    let mut rows = frame.execute_stream().await.doing("plan the decisions")?;
    let stager = match stager {
        Some(stager) => stager,
        none => {
            let decisions = table(DECISIONS);
            let schema = rows.schema();
            none.insert(context.warehouse().stager_as(&decisions, Mode::Replace, Layout::OneFile, &schema)?)
        }
    };
    let mut count = 0;
    while let Some(batch) = rows.next().await {
        let batch = batch.doing(doing)?;
        count += batch.num_rows() as u64;
        stager.write(&batch).await?;
    }
    Ok(count)
}
