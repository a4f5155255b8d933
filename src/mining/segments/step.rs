//! The step of the segments: every segmentation of a pipeline, from its features to its tables.

use std::collections::BTreeSet;

use async_trait::async_trait;
use datafusion::logical_expr::{ident, lit};
use datafusion::prelude::DataFrame;

use super::assignment::score;
use super::declaration::SegmentParams;
use super::profile::profiles;
use super::segmentation::fit;
use crate::error::{Context, Error, Result};
use crate::mining::KEY;
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::refit::{Refit, kept};
use crate::name::TableName;
use crate::ops::models;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput, declared_as};

/// A segmentation of a pipeline.
#[derive(Debug, Clone)]
pub struct Segmentation {
    pub name: String,
    pub params: SegmentParams,
}

impl Segmentation {
    fn table(&self) -> TableName {
        mart(&format!("segments_{}", self.name))
    }

    /// Returns its name in `ops.models`.
    fn model(&self) -> String {
        format!("segments_{}", self.name)
    }
}

/// The segmentations of a pipeline, in the order of its file: the first is also `mart.segments`.
#[derive(Debug, Clone)]
pub struct Segmentations(pub Vec<Segmentation>);

fn mart(table: &str) -> TableName {
    TableName::new("mart", table).expect("a segmentation's name was checked to be an identifier")
}

#[async_trait]
impl Step for Segmentations {
    fn kind(&self) -> &'static str {
        "segments"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        self.0.iter().map(|segmentation| segmentation.params.features.clone()).collect()
    }

    fn writes(&self) -> Vec<MadeTable> {
        let mut tables = vec![MadeTable::keyed(mart("segments"), &[KEY])];
        tables.extend(self.0.iter().map(|segmentation| MadeTable::keyed(segmentation.table(), &[KEY])));
        tables.push(MadeTable::keyed(mart("segment_profiles"), &["segmentation", "segment_id"]));
        tables
    }

    fn remembers(&self) -> BTreeSet<TableName> {
        // A warm start; a night without news keeps the model.
        [models::table()].into()
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let (mut assigned, mut fitted_models) = (Vec::new(), Vec::new());
        let mut profiled: Option<DataFrame> = None;
        let (mut notes, mut warnings) = (Vec::new(), Vec::new());
        for segmentation in &self.0 {
            let located = |error: Error| error.at(format!("[segments.{}]", segmentation.name));
            let segmented = segmented(segmentation, context).await.map_err(located)?;
            let Segmented { scores, profiles, mut fitted, .. } = segmented;
            fitted.note(Part::Parameter, models::DECLARED, 0, declared_as(self));
            let of_it = |message: String| match self.0.len() {
                1 => message,
                _ => format!("{}: {message}", segmentation.name),
            };
            notes.extend(segmented.notes.into_iter().map(of_it));
            warnings.extend(segmented.warnings.into_iter().map(of_it));
            let scored = context.stage_frame(&segmentation.table(), scores).await.map_err(located)?;
            if assigned.is_empty() {
                // The first is the plain one too: copied, not scored again.
                let session = context.catalog.session_of_all_rows(&scored).await?;
                let copy = session.table(&scored.table).await?;
                assigned.push(context.stage_frame(&mart("segments"), copy).await?);
            }
            assigned.push(scored);
            fitted_models.push(context.append_fitted(&fitted.to_batch()?).await?);
            // Means of a column that only one segmentation reads are null for the others.
            profiled = Some(match profiled {
                None => profiles,
                Some(others) => others.union_by_name(profiles).doing("put the profiles together")?,
            });
        }
        let profiles = profiled.ok_or_else(|| Error::failed("the pipeline has no segmentation"))?;
        let profiles = context.stage_frame(&mart("segment_profiles"), profiles).await?;
        let staged = assigned.into_iter().chain([profiles]).chain(fitted_models).collect();
        Ok(StepOutput::of(staged).with_notes(notes).with_warnings(warnings))
    }
}

struct Segmented {
    scores: DataFrame,
    profiles: DataFrame,
    fitted: FittedModel,
    notes: Vec<String>,
    warnings: Vec<String>,
}

async fn segmented(segmentation: &Segmentation, context: &StepContext) -> Result<Segmented> {
    let (params, model) = (&segmentation.params, segmentation.model());
    let session = context.catalog.session([&params.features], Some(context.as_of)).await?;
    let features = session.table(&params.features).await?;
    let tables = BTreeSet::from([params.features.clone()]);
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    let fitted = match Refit::of(context, &model, ModelKind::Segments, &tables, segmentation).await? {
        Refit::NotDue(fitted) => {
            notes.push(kept(&fitted));
            fitted
        }
        Refit::Due { previous, inputs } => {
            let mut fitted = fit(&model, params, features.clone(), previous.as_ref(), context.seed).await?;
            inputs.note(&mut fitted);
            warnings = fitted.warnings();
            fitted
        }
    };
    let scores = score(&fitted, params, features.clone())?;
    let profiles = profiles(&fitted, params, features)?;
    let mut columns = vec![lit(segmentation.name.as_str()).alias("segmentation")];
    columns.extend(profiles.schema().fields().iter().map(|field| ident(field.name())));
    let profiles = profiles.select(columns).doing("write the profiles of the segments as SQL")?;
    Ok(Segmented { scores, profiles, fitted, notes, warnings })
}
