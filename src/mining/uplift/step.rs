//! The step of an uplift: learnt from past campaigns, scored today.

use std::collections::BTreeSet;

use async_trait::async_trait;
use datafusion::prelude::DataFrame;
use ndarray::Axis;

use super::contacts::{self, Contacts, OUTCOME, Span, TREATED};
use super::curve;
use super::declaration::UpliftParams;
use super::fit::{self, Campaign, Fit};
use super::learner::Trials;
use super::needed::Needed;
use super::score::score;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::mining::KEY;
use crate::mining::feature_query::{FeatureQuery, not_of_then};
use crate::mining::fitted::{FittedModel, ModelKind};
use crate::mining::heirs::{self, CUSTOMER_IDS};
use crate::mining::matrix::{self, Kinds, Matrix};
use crate::mining::propensity::{Seen, unseen};
use crate::mining::refit::{Refit, kept};
use crate::name::TableName;
use crate::ops::models;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput, Then};

/// An uplift of a pipeline.
#[derive(Debug, Clone)]
pub struct Uplift {
    pub name: String,
    pub params: UpliftParams,
    pub learning: UpliftLearning,
}

/// What is asked about the past.
#[derive(Debug, Clone)]
pub struct UpliftLearning {
    pub features: FeatureQuery,
    /// Whether the customers of the features are found by records.
    pub by_records: bool,
    /// Raw tables below the features that do not say when their rows became known.
    pub undated: Vec<TableName>,
}

/// What a night says, and what it warns of.
#[derive(Default)]
struct Said {
    notes: Vec<String>,
    warnings: Vec<String>,
}

#[async_trait]
impl Step for Uplift {
    fn kind(&self) -> &'static str {
        "uplift"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        // The features at past campaigns are computed from what the feature model reads.
        let UpliftLearning { features, by_records, .. } = &self.learning;
        let mut reads = BTreeSet::from([self.params.features.clone(), self.params.contacts.table.clone()]);
        reads.extend(features.reads.iter().cloned());
        reads.extend(self.params.outcome.events().cloned());
        reads.extend(by_records.then(|| CUSTOMER_IDS.parse().expect("it is the name of a table")));
        reads
    }

    fn writes(&self) -> Vec<MadeTable> {
        vec![
            MadeTable::keyed(self.table("uplift"), &[KEY]),
            MadeTable::keyed(self.table("uplift_curve"), &curve::CURVE_KEY),
            MadeTable::keyed(self.table("uplift_deciles"), &curve::DECILES_KEY),
        ]
    }

    fn remembers(&self) -> BTreeSet<TableName> {
        // A night without news keeps the model.
        [models::table()].into()
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let located = |error: Error| error.at(format!("[uplift.{}]", self.name));
        Ok(self.learn_and_score(context).await.map_err(located)?)
    }
}

impl Uplift {
    /// Returns a table that it makes: `mart.<name>_uplift` for `uplift`.
    pub fn table(&self, what: &str) -> TableName {
        TableName::new("mart", &format!("{}_{what}", self.name))
            .expect("an uplift's name was checked to be an identifier")
    }

    async fn learn_and_score(&self, context: &StepContext) -> Result<StepOutput> {
        let session = context.catalog.session([&self.params.features], Some(context.as_of)).await?;
        let today = session.table(&self.params.features).await?;
        let mut said = Said::default();
        let contacts =
            Contacts::open(&self.params, &context.catalog, context.as_of, context.timezone).await?;
        let spans = contacts.campaigns().await?;
        // Which campaigns are over changes with time, without any news.
        let over: Vec<&Span> = spans.iter().filter(|span| span.known_at <= context.as_of).collect();
        let declared = (self, &over);
        let refit = Refit::of(context, &self.name, ModelKind::Uplift, &self.reads(), &declared).await?;
        let fitted = match refit {
            Refit::NotDue(fitted) => {
                said.notes.push(kept(&fitted));
                fitted
            }
            Refit::Due { inputs, .. } => {
                let Fit { mut fitted, seen } = self.fitted(context, &contacts, &spans, &mut said).await?;
                self.report_unseen(&mut fitted, &seen, today.clone()).await?;
                inputs.note(&mut fitted);
                said.warnings.extend(fitted.warnings());
                fitted
            }
        };
        let scores = score(&fitted, today, self.params.scored.as_deref())?;
        let rows = context.catalog.session(std::iter::empty::<&TableName>(), None).await?;
        let of_curve = rows.read_batch(curve::curve(&fitted)?)?;
        let of_deciles = rows.read_batch(curve::deciles(&fitted)?)?;
        let staged = vec![
            context.stage_frame(&self.table("uplift"), scores).await?,
            context.stage_frame(&self.table("uplift_curve"), of_curve).await?,
            context.stage_frame(&self.table("uplift_deciles"), of_deciles).await?,
            context.append_fitted(&fitted.to_batch()?).await?,
        ];
        Ok(StepOutput::of(staged).with_notes(said.notes).with_warnings(said.warnings))
    }

    async fn report_unseen(&self, fitted: &mut FittedModel, seen: &Seen, today: DataFrame) -> Result<()> {
        unseen::report(fitted, seen, today, self.params.scored.as_deref()).await
    }

    async fn fitted(
        &self,
        context: &StepContext,
        contacts: &Contacts<'_>,
        spans: &[Span],
        said: &mut Said,
    ) -> Result<Fit> {
        let learnt_from = self.learnt_from(context.as_of, spans, said);
        if learnt_from.is_empty() {
            return self.no_experiment(context.as_of, contacts, spans).await;
        }
        said.warnings.extend(not_of_then(&self.learning.features.table, &self.learning.undated));
        let mut campaigns = Vec::with_capacity(learnt_from.len());
        let most = self.params.sample.div_ceil(learnt_from.len());
        for span in learnt_from {
            campaigns.push(self.campaign(context, contacts, span, most, said).await?);
        }
        let (name, params, seed) = (self.name.clone(), self.params.clone(), context.seed);
        // Off the threads that other steps' streams run on.
        tokio::task::spawn_blocking(move || fit::fit(&name, &params, campaigns, seed))
            .await
            .doing("learn what a contact changes")?
    }

    /// Returns the latest campaigns with a control group whose outcomes are known, the oldest first.
    fn learnt_from<'s>(&self, as_of: Instant, spans: &'s [Span], said: &mut Said) -> Vec<&'s Span> {
        let has_groups = |span: &&Span| span.treated > 0 && span.controls > 0;
        for span in spans.iter().filter(has_groups).filter(|span| span.known_at > as_of) {
            said.notes.push(format!(
                "the campaign {} is not learnt from yet: its outcomes are known at {}",
                span.name,
                show_instant(span.known_at)
            ));
        }
        let all: Vec<&Span> = spans.iter().filter(has_groups).filter(|span| span.known_at <= as_of).collect();
        let without = spans.iter().filter(|span| !has_groups(span)).count();
        let older = all.len().saturating_sub(self.params.campaigns);
        for (count, why) in
            [(without, "have no control group"), (older, "are older than the latest that are asked for")]
        {
            if count > 0 {
                said.notes
                    .push(format!("{count} of {} campaigns {why}: nothing is learnt from them", spans.len()));
            }
        }
        all[older..].to_vec()
    }

    /// Returns a model that says that nothing can be learnt, and what experiment would do.
    async fn no_experiment(&self, as_of: Instant, contacts: &Contacts<'_>, spans: &[Span]) -> Result<Fit> {
        let (treated, controls): (u64, u64) =
            spans.iter().fold((0, 0), |(t, c), span| (t + span.treated, c + span.controls));
        let table = &self.params.contacts.table;
        let reason = match (treated, controls) {
            (0, 0) => format!("{table} has no contact yet"),
            (_, 0) => format!(
                "no experiment: of {treated} contacts of {} campaigns in {table} nobody was kept back, so what a contact \
                 changes cannot be seen",
                spans.len()
            ),
            (0, _) => format!("no experiment: in {table} all of {controls} customers were kept back"),
            _ => "no campaign with a control group has outcomes that are known yet".to_owned(),
        };
        let latest = spans.iter().rfind(|span| span.known_at <= as_of);
        let (treated, control) = match latest {
            Some(span) => contacts.groups(&span.name).await?,
            None => Default::default(),
        };
        let needed = Needed::of(&self.params, treated, control);
        Ok(Fit { fitted: needed.not_fitted(&self.name, &reason)?, seen: Seen::new() })
    }

    /// Reads the customers of a campaign with the features as of its first contact.
    async fn campaign(
        &self,
        context: &StepContext,
        contacts: &Contacts<'_>,
        span: &Span,
        most: usize,
        said: &mut Said,
    ) -> Result<Campaign> {
        // One after the other: the tables of then take room.
        let then = context.past.at(context, &self.learning.features.reads, span.first).await?;
        let read = self.read(context, contacts, &then, span, most, said).await;
        said.notes.extend(then.note());
        // Whatever failed, nothing of then stays.
        let deleted = then.forget().await;
        let trials = read.map_err(|error| error.at(format!("campaign {}", span.name)))?;
        deleted?;
        Ok(Campaign { name: span.name.clone(), at: span.first, known_at: span.known_at, trials })
    }

    async fn read(
        &self,
        context: &StepContext,
        contacts: &Contacts<'_>,
        then: &Then,
        span: &Span,
        most: usize,
        said: &mut Said,
    ) -> Result<Trials> {
        let known = self.learning.features.over(then.catalog(), span.first).await?;
        let heirs = heirs::of(then, &context.catalog).await?;
        let members = contacts::of_then(contacts.of_campaign(&span.name).await?, heirs)?;
        let counts = contacts::members(members.clone()).await?;
        let trials = self.trials(contacts::with_features(known, members)?, most).await?;
        if counts.of_both_groups > 0 {
            said.notes.push(format!(
                "campaign {}: {} customers were contacted and kept back, they are left out",
                span.name, counts.of_both_groups
            ));
        }
        let unknown = (counts.customers - counts.of_both_groups).saturating_sub(trials.features.seen as u64);
        if unknown > 0 {
            said.notes.push(format!(
                "campaign {}: {unknown} of {} customers had no features then, they are left out",
                span.name, counts.customers
            ));
        }
        if !self.learning.undated.is_empty()
            && let Some(united) = heirs::united_from_several(then).await?
        {
            said.notes.push(format!("as of {} {united}", show_instant(span.first)));
        }
        Ok(trials)
    }

    /// Reads customers with their features, a share of the sample.
    async fn trials(&self, frame: DataFrame, most: usize) -> Result<Trials> {
        matrix::refuse_logarithms_of_text(&self.params.columns, &frame)?;
        let mut columns: Vec<String> = self.params.columns.iter().map(|c| c.column.clone()).collect();
        columns.extend([TREATED.to_owned(), OUTCOME.to_owned()]);
        let mut features = matrix::read_kinds(frame, &columns, most, Kinds::NumbersAndTexts).await?;
        let outcomes = take_last(&mut features);
        let treated = take_last(&mut features);
        let contacted = treated.iter().filter(|treated| **treated).count();
        let share = contacted as f64 / treated.len() as f64;
        Ok(Trials { features, outcomes, treated_share: vec![share; treated.len()], treated })
    }
}

/// Takes the last column off a matrix, which holds 1 and 0.
fn take_last(matrix: &mut Matrix) -> Vec<bool> {
    let last = matrix.columns.len() - 1;
    let taken = matrix.values.column(last).iter().map(|value| *value == 1.0).collect();
    matrix.values.remove_index(Axis(1), last);
    matrix.columns.pop();
    matrix.texts.pop();
    // Removing a column leaves a gap between rows.
    matrix.values = matrix.values.as_standard_layout().into_owned();
    taken
}
