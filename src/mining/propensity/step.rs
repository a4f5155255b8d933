//! The step of a propensity: learnt at past cut-offs, scored today.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use datafusion::logical_expr::ident;
use datafusion::prelude::DataFrame;

use super::cutoffs::Cutoffs;
use super::declaration::{EventOutcome, PropensityParams};
use super::features::FeatureQuery;
use super::learn::{Labelled, LabelledCutoff, OUTCOME, fit};
use super::score::score;
use crate::error::{Context, Error, Result};
use crate::mining::KEY;
use crate::name::TableName;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};

/// A propensity of a pipeline.
#[derive(Debug, Clone)]
pub struct Propensity {
    pub name: String,
    pub params: PropensityParams,
    pub learning: Learning,
}

/// Where it is learnt.
#[derive(Debug, Clone)]
pub enum Learning {
    /// At past cut-offs, from what came after them.
    Past { outcome: EventOutcome, cutoffs: Cutoffs, features: FeatureQuery },
    /// From the features of today, a column of which carries the label.
    Label(String),
}

impl Propensity {
    /// Returns the table of its scores: one row per customer of the features.
    pub fn table(&self) -> TableName {
        TableName::new("mart", &format!("{}_scores", self.name))
            .expect("a propensity's name was checked to be an identifier")
    }
}

#[async_trait]
impl Step for Propensity {
    fn kind(&self) -> &'static str {
        "propensity"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        let mut reads = BTreeSet::from([self.params.features.clone()]);
        if let Learning::Past { outcome, features, .. } = &self.learning {
            // The features at past cut-offs are computed from what the feature model reads.
            reads.extend(features.reads.iter().cloned());
            reads.insert(outcome.events.clone());
        }
        reads
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::keyed(self.table(), &[KEY])]
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let located = |error: Error| error.at(format!("[propensity.{}]", self.name));
        Ok(self.learn_and_score(context).await.map_err(located)?)
    }
}

impl Propensity {
    async fn learn_and_score(&self, context: &StepContext) -> Result<StepOutput> {
        let session = context.catalog.session([&self.params.features], Some(context.as_of)).await?;
        let today = session.table(&self.params.features).await?;
        let labelled = match &self.learning {
            Learning::Past { outcome, cutoffs, features } => {
                Labelled::Cutoffs(self.at_cutoffs(context, outcome, cutoffs, features).await?)
            }
            Learning::Label(label) => Labelled::Customers(self.labelled(today.clone(), label)?),
        };
        let fitted = fit(&self.name, &self.params, labelled).await?;
        let called = format!("{}_probability", self.name);
        let scores = score(&fitted, today, &called, self.params.scored_when())?;
        let staged = vec![
            context.stage_frame(&self.table(), scores).await?,
            context.append_fitted(&fitted.to_batch()?).await?,
        ];
        Ok(StepOutput::of(staged).with_warnings(fitted.warnings()))
    }

    async fn at_cutoffs(
        &self,
        context: &StepContext,
        outcome: &EventOutcome,
        cutoffs: &Cutoffs,
        features: &FeatureQuery,
    ) -> Result<Vec<LabelledCutoff>> {
        let zone = context.timezone;
        let mut labelled = Vec::new();
        for cutoff in cutoffs.instants(context.as_of, outcome.window_days, zone)? {
            let known = self.eligible(features.as_of(&context.catalog, cutoff).await?)?;
            let frame = outcome.label(&context.catalog, known, cutoff, zone).await?;
            let window_end = outcome.window_end(cutoff, zone)?;
            labelled.push(LabelledCutoff { cutoff, window_end, frame });
        }
        Ok(labelled)
    }

    /// Returns the customers of today whose label is known.
    fn labelled(&self, today: DataFrame, label: &str) -> Result<DataFrame> {
        require_yes_or_no(&today, label)?;
        let mut columns: Vec<_> = today.schema().fields().iter().map(|field| ident(field.name())).collect();
        columns.push(ident(label).alias(OUTCOME));
        let known = today
            .filter(ident(label).is_not_null())
            .and_then(|known| known.select(columns))
            .doing(format!("read the outcome from the column `{label}`"))?;
        self.eligible(known)
    }

    fn eligible(&self, known: DataFrame) -> Result<DataFrame> {
        let Some(condition) = &self.params.eligible else { return Ok(known) };
        known
            .parse_sql_expr(condition)
            .and_then(|condition| known.clone().filter(condition))
            .doing(format!("apply eligible = \"{condition}\""))
            .map_err(|e| e.in_part(condition, condition))
    }
}

/// Refuses a label that is neither true or false nor a number; one that is no column is found when it is read.
fn require_yes_or_no(features: &DataFrame, label: &str) -> Result<()> {
    let Ok(field) = features.schema().field_with_unqualified_name(label) else { return Ok(()) };
    let kind = field.data_type();
    if *kind == DataType::Boolean || kind.is_numeric() {
        return Ok(());
    }
    Err(Error::config(format!("the outcome `{label}` is {kind}, true or false was expected")).hint(format!(
        "make it a condition in the SQL of the features, for example {label} = 'yes' as {label}"
    )))
}
