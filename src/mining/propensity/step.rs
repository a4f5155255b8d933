//! The step of a propensity: learnt at past cut-offs, scored today.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::logical_expr::ident;
use datafusion::prelude::DataFrame;

use super::declaration::{EventOutcome, PropensityParams};
use super::learn::{Fit, Labelled, LabelledCutoff, OUTCOME, SCORE, fit};
use super::promise::PropensityPromise;
use super::rows::Rows;
use super::score::score;
use super::unseen;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::mining::KEY;
use crate::mining::cutoffs::Cutoffs;
use crate::mining::drift::{self, Bins, Reference};
use crate::mining::feature_query::{FeatureQuery, not_of_then};
use crate::mining::fitted::{FittedModel, ModelKind};
use crate::mining::forecast::Promise;
use crate::mining::heirs::{self, CUSTOMER_IDS};
use crate::mining::refit::{Refit, kept};
use crate::name::TableName;
use crate::ops::{holdout_scores, models};
use crate::sql_type::sql_type;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput, Then};
use crate::warehouse::catalog::Session;

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
    Past(Box<PastLearning>),
    /// From the features of today, a column of which carries the label.
    Label(String),
}

/// What is asked about the past.
#[derive(Debug, Clone)]
pub struct PastLearning {
    pub outcome: EventOutcome,
    pub cutoffs: Cutoffs,
    pub features: FeatureQuery,
    /// Whether the customers of the features are found by records.
    pub by_records: bool,
    /// Raw tables below the features that do not say when their rows became known.
    pub undated: Vec<TableName>,
}

impl Propensity {
    /// Returns the table of its scores: one row per customer of the features.
    pub fn table(&self) -> TableName {
        TableName::new("mart", &format!("{}_scores", self.name))
            .expect("a propensity's name was checked to be an identifier")
    }

    /// Returns what keeps its promises; `None` where a column carries the label, which says nothing of what is to come.
    pub fn promise(&self) -> Option<Arc<dyn Promise>> {
        let Learning::Past(past) = &self.learning else { return None };
        Some(Arc::new(PropensityPromise {
            model: self.name.clone(),
            scores: self.table(),
            outcome: past.outcome.clone(),
            features: past.features.clone(),
            scored: self.params.scored_when().map(str::to_owned),
            by_records: past.by_records,
        }))
    }
}

#[async_trait]
impl Step for Propensity {
    fn kind(&self) -> &'static str {
        "propensity"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        let mut reads = BTreeSet::from([self.params.features.clone()]);
        if let Learning::Past(past) = &self.learning {
            // The features at past cut-offs are computed from what the feature model reads.
            reads.extend(past.features.reads.iter().cloned());
            reads.insert(past.outcome.events.clone());
            reads.extend(past.by_records.then(|| CUSTOMER_IDS.parse().expect("it is the name of a table")));
        }
        reads
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![MadeTable::keyed(self.table(), &[KEY])]
    }

    fn remembers(&self) -> BTreeSet<TableName> {
        // A night without news keeps the model.
        [models::table()].into()
    }

    fn foresees(&self, as_of: Instant, zone: Tz) -> Vec<String> {
        let Learning::Past(past) = &self.learning else { return Vec::new() };
        let days = past.outcome.window_days;
        // An instant out of range fails the run, with its place.
        let open = past.cutoffs.open(as_of, days, zone).unwrap_or_default();
        let said = open.into_iter().map(|(cutoff, known_at)| {
            format!(
                "the cut-off {} is not learnt from yet: its {days} days are over at {}, after this run's {}",
                show_instant(cutoff),
                show_instant(known_at),
                show_instant(as_of)
            )
        });
        said.collect()
    }

    fn looks_back(&self, as_of: Instant, zone: Tz) -> Vec<Instant> {
        let Learning::Past(past) = &self.learning else { return Vec::new() };
        // An instant out of range fails the step, with its place.
        past.cutoffs.instants(as_of, past.outcome.window_days, zone).unwrap_or_default()
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
        let (mut notes, mut warnings) = (Vec::new(), Vec::new());
        let declared = (self, self.fixed_cutoffs(context)?);
        let mut holdout = None;
        let refit = Refit::of(context, &self.name, ModelKind::Propensity, &self.reads(), &declared).await?;
        let last_run = match &refit {
            Refit::NotDue(fitted) => Some(fitted.clone()),
            Refit::Due { previous, .. } => previous.clone(),
        };
        let mut fitted = match refit {
            Refit::NotDue(fitted) => {
                notes.push(kept(&fitted));
                fitted
            }
            Refit::Due { inputs, previous } => {
                let labelled = self.labelled(context, &today, &mut notes, &mut warnings).await?;
                let Fit { mut fitted, seen, held_out } =
                    fit(&self.name, &self.params, labelled, previous).await?;
                unseen::report(&mut fitted, &seen, today.clone(), self.params.scored_when()).await?;
                inputs.note(&mut fitted);
                warnings.extend(fitted.warnings());
                holdout = Some(held_out);
                fitted
            }
        };
        let scores = score(&fitted, today, &self.name, &self.params)?;
        warnings.extend(self.drift(&mut fitted, &session, last_run.as_ref()).await?);
        let mut staged = vec![
            context.stage_frame(&self.table(), scores).await?,
            context.append_fitted(&fitted.to_batch()?).await?,
        ];
        if let Some(scores) = holdout.filter(|scores| !scores.is_empty()) {
            let rows =
                holdout_scores::rows(context.run, &context.pipeline, &self.name, context.as_of, &scores)?;
            staged.push(context.append(&holdout_scores::table(), &rows).await?);
        }
        Ok(StepOutput::of(staged).with_notes(notes).with_warnings(warnings))
    }

    /// Writes down how far those learnt from tonight, were it a cut-off, are from those whom the model learnt from.
    /// Returns what the run should say of it.
    async fn drift(
        &self,
        fitted: &mut FittedModel,
        session: &Session,
        last_run: Option<&FittedModel>,
    ) -> Result<Option<String>> {
        if !fitted.is_fitted() {
            return Ok(None);
        }
        let reference = Reference::load(fitted)?;
        let today = session.table(&self.params.features).await?;
        let Some((of_score, of_columns)) = reference.bins.split_last() else { return Ok(None) };
        let eligible = self.eligible(today)?;
        let mut tonight = Bins::count_all(of_columns, eligible.clone()).await?;
        let everybody = PropensityParams { eligible: None, scored: None, reasons: 0, ..self.params.clone() };
        let scores = score(fitted, eligible, SCORE, &everybody)?;
        let scores = scores
            .select(vec![ident(format!("{SCORE}_probability")).alias(SCORE)])
            .doing("read tonight's scores")?;
        tonight.extend(Bins::count_all(std::slice::from_ref(of_score), scores).await?);
        Ok(drift::report(fitted, &reference, &tonight, last_run))
    }

    /// Returns the declared instants whose outcome is known by now: with time there are more, without any news.
    fn fixed_cutoffs(&self, context: &StepContext) -> Result<Vec<Instant>> {
        match &self.learning {
            Learning::Past(past) if matches!(past.cutoffs, Cutoffs::At(_)) => {
                past.cutoffs.instants(context.as_of, past.outcome.window_days, context.timezone)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Returns whom to learn from, with what came of them.
    async fn labelled(
        &self,
        context: &StepContext,
        today: &DataFrame,
        notes: &mut Vec<String>,
        warnings: &mut Vec<String>,
    ) -> Result<Labelled> {
        Ok(match &self.learning {
            Learning::Past(past) => {
                warnings.extend(not_of_then(&past.features.table, &past.undated));
                Labelled::Cutoffs(self.at_cutoffs(context, past, notes).await?)
            }
            Learning::Label(label) => Labelled::Customers(self.with_label(today.clone(), label)?),
        })
    }

    async fn at_cutoffs(
        &self,
        context: &StepContext,
        past: &PastLearning,
        notes: &mut Vec<String>,
    ) -> Result<Vec<Rows>> {
        let PastLearning { outcome, cutoffs, features, undated, .. } = past;
        let instants = cutoffs.instants(context.as_of, outcome.window_days, context.timezone)?;
        let mut rows = Vec::with_capacity(instants.len());
        let mut served = 0;
        for cutoff in &instants {
            // One after the other: the tables of then take room.
            let then = context.past.at(context, &features.reads, *cutoff).await?;
            let judges = Some(cutoff) == instants.last();
            let read = async {
                let labelled = self.labelled_at(context, &then, outcome, features, *cutoff, judges).await?;
                let united = match undated.is_empty() {
                    true => None,
                    false => heirs::united_from_several(&then).await?,
                };
                Ok((labelled.read(&self.params, instants.len()).await?, united))
            };
            let read: Result<(Rows, Option<String>)> = read.await;
            // Views are computed as they are read.
            match then.note() {
                Some(note) => notes.push(note),
                None => served += 1,
            }
            // Whatever failed, nothing of then stays.
            let deleted = then.forget().await;
            let (read, united) = read?;
            deleted?;
            rows.push(read);
            if let Some(united) = united {
                notes.push(format!("as of {} {united}", show_instant(*cutoff)));
            }
        }
        if served > 0 {
            notes.push(format!(
                "as of {served} of {} cut-offs tonight's tables serve: nothing that they are made of is younger",
                instants.len()
            ));
        }
        Ok(rows)
    }

    async fn labelled_at(
        &self,
        context: &StepContext,
        then: &Then,
        outcome: &EventOutcome,
        features: &FeatureQuery,
        cutoff: Instant,
        judges: bool,
    ) -> Result<LabelledCutoff> {
        let zone = context.timezone;
        let known = features.over(then.catalog(), cutoff).await?;
        let heirs = heirs::of(then, &context.catalog).await?;
        let label = async |customers: DataFrame| {
            outcome.label(&context.catalog, customers, heirs.clone(), cutoff, zone).await
        };
        let not_eligible = match self.not_eligible(known.clone()).filter(|_| judges) {
            Some(customers) => Some(label(customers?).await?),
            None => None,
        };
        let frame = label(self.eligible(known)?).await?;
        Ok(LabelledCutoff { cutoff, window_end: outcome.window_end(cutoff, zone)?, frame, not_eligible })
    }

    /// Returns the customers of today whose label is known.
    fn with_label(&self, today: DataFrame, label: &str) -> Result<DataFrame> {
        require_yes_or_no(&today, label)?;
        let mut columns: Vec<_> = today.schema().fields().iter().map(|field| ident(field.name())).collect();
        columns.push(ident(label).alias(OUTCOME));
        let known = today
            .filter(ident(label).is_not_null())
            .and_then(|known| known.select(columns))
            .doing(format!("read the outcome from the column `{label}`"))?;
        self.eligible(known)
    }

    /// Returns the customers who are scored and not eligible; `None` where all are eligible.
    fn not_eligible(&self, known: DataFrame) -> Option<Result<DataFrame>> {
        let eligible = self.params.eligible.as_ref()?;
        let scored = self.params.scored.as_ref()?;
        let condition = format!("({scored}) and ({eligible}) is not true");
        let others = known.parse_sql_expr(&condition).and_then(|condition| known.clone().filter(condition));
        Some(others.doing("find whom the model scores and does not learn from"))
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
    let kind = sql_type(kind);
    Err(Error::config(format!("the outcome `{label}` is {kind}, true or false was expected")).hint(format!(
        "make it a condition in the SQL of the features, for example {label} = 'yes' as {label}"
    )))
}
