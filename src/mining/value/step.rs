//! The step of a value: fitted and judged at past cut-offs, fitted tonight, scored for everyone.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::Days;
use chrono_tz::Tz;
use datafusion::prelude::DataFrame;

use super::customers;
use super::declaration::ValueParams;
use super::fit::{self, FitReport};
use super::judge::{CAME, Followed, followed, judge};
use super::learning::{self, Learning};
use super::model::ValueModel;
use super::promise::ValuePromise;
use super::prospects::ProspectGroups;
use super::track_record::{out_of_band, track_record};
use super::{accuracy, groups, score};
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::mining::cutoffs::{Cutoffs, shift_days};
use crate::mining::feature_query::FeatureQuery;
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::forecast::Promise;
use crate::mining::heirs::{self, CUSTOMER_IDS};
use crate::mining::matrix::Matrix;
use crate::mining::refit::{Refit, kept};
use crate::name::TableName;
use crate::ops::models;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};
use crate::warehouse::stage::{Layout, Mode, Staged};

/// A value of a pipeline.
#[derive(Debug, Clone)]
pub struct Value {
    pub name: String,
    pub params: ValueParams,
    /// The query of the customers, where a table of them is named.
    pub customers: Option<FeatureQuery>,
    pub cutoffs: Option<Cutoffs>,
    /// Whether the customers are found by records.
    pub by_records: bool,
}

#[async_trait]
impl Step for Value {
    fn kind(&self) -> &'static str {
        "value"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        let mut reads = self.past_reads();
        reads.extend(self.params.customers.clone());
        let by_records = self.cutoffs.is_some() && self.by_records;
        reads.extend(by_records.then(|| CUSTOMER_IDS.parse().expect("it is the name of a table")));
        reads
    }

    fn writes(&self) -> Vec<MadeTable> {
        let mut made = vec![MadeTable::keyed(self.table("value"), &[crate::mining::KEY])];
        if self.cutoffs.is_some() {
            made.push(MadeTable::keyed(self.table("value_accuracy"), &accuracy::KEY));
        }
        made
    }

    fn remembers(&self) -> BTreeSet<TableName> {
        // A night without news keeps the model.
        [models::table()].into()
    }

    fn looks_back(&self, as_of: Instant, zone: Tz) -> Vec<Instant> {
        // An instant out of range fails the step, with its place.
        let cutoffs = self.cutoffs.as_ref();
        cutoffs
            .map_or_else(Vec::new, |c| c.instants(as_of, self.params.horizon_days, zone).unwrap_or_default())
    }

    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure> {
        let located = |error: Error| error.at(format!("[value.{}]", self.name));
        Ok(self.fit_and_score(context).await.map_err(located)?)
    }
}

impl Value {
    /// Returns a table that it makes: `mart.<name>_value` for `value`.
    pub fn table(&self, what: &str) -> TableName {
        TableName::new("mart", &format!("{}_{what}", self.name))
            .expect("a value's name was checked to be an identifier")
    }

    /// Returns what keeps its promises.
    pub fn promise(&self) -> Arc<dyn Promise> {
        Arc::new(ValuePromise {
            values: self.table("value"),
            accuracy: self.cutoffs.as_ref().map(|_| self.table("value_accuracy")),
            purchases: self.params.purchases.clone(),
            horizon_days: self.params.horizon_days,
        })
    }

    /// What is computed anew for a past cut-off.
    fn past_reads(&self) -> BTreeSet<TableName> {
        let mut reads = BTreeSet::from([self.params.purchases.events.clone()]);
        reads.extend(self.customers.iter().flat_map(|query| query.reads.iter().cloned()));
        reads
    }

    async fn fit_and_score(&self, context: &StepContext) -> Result<StepOutput> {
        let (mut notes, mut warnings) = (Vec::new(), Vec::new());
        let tonight = self.tonight(context, &mut warnings).await?;
        let refit = Refit::of(context, &self.name, ModelKind::Value, &self.reads(), &self).await?;
        let (fitted, staged) = match refit {
            Refit::NotDue(fitted) => {
                notes.push(kept(&fitted));
                let staged = self.score(context, &fitted, tonight).await?;
                (fitted, staged)
            }
            Refit::Due { inputs, previous } => {
                // Fitting and scoring read them: written down once, under a name that nobody reads.
                let (table, warehouse) = (self.table("value_customers"), context.warehouse());
                let scratch = warehouse.stage(&table, Mode::Replace, Layout::Scratch, tonight).await?;
                let fitted_and_scored = async {
                    let session =
                        context.catalog.session_with(std::iter::empty::<&TableName>(), [&scratch]).await?;
                    let tonight = session.table(&table).await?;
                    let mut fitted = self.fitted(context, tonight.clone(), &mut notes).await?;
                    inputs.note(&mut fitted);
                    notes.extend(accuracy::keep_last(&mut fitted, previous.as_ref()));
                    let staged = self.score(context, &fitted, tonight).await?;
                    Ok((fitted, staged))
                };
                let fitted_and_scored: Result<_> = fitted_and_scored.await;
                // Whatever failed, it does not stay.
                let deleted = warehouse.delete_staged(&scratch, &BTreeSet::new()).await;
                let (fitted, staged): (FittedModel, Vec<Staged>) = fitted_and_scored?;
                deleted?;
                warnings.extend(fitted.warnings());
                (fitted, staged)
            }
        };
        let mut staged = staged;
        staged.push(context.append_fitted(&fitted.to_batch()?).await?);
        Ok(StepOutput::of(staged).with_notes(notes).with_warnings(warnings))
    }

    /// Stages what a model says of everyone, and its track record.
    async fn score(
        &self,
        context: &StepContext,
        fitted: &FittedModel,
        tonight: DataFrame,
    ) -> Result<Vec<Staged>> {
        let model = match fitted.is_fitted() {
            true => Some(Arc::new(ValueModel::load(fitted, &self.params)?)),
            false => None,
        };
        let scores = score::score(model.as_ref(), self.params.discount_rate, tonight)?;
        let mut staged = vec![context.stage_frame(&self.table("value"), scores).await?];
        if self.cutoffs.is_some() {
            let session = context.catalog.session(std::iter::empty::<&TableName>(), None).await?;
            let rows = session.read_batch(accuracy::rows(fitted)?)?;
            staged.push(context.stage_frame(&self.table("value_accuracy"), rows).await?);
        }
        Ok(staged)
    }

    /// The customers of tonight.
    async fn tonight(&self, context: &StepContext, warnings: &mut Vec<String>) -> Result<DataFrame> {
        let StepContext { catalog, as_of, timezone, .. } = context;
        let base = match &self.params.customers {
            None => None,
            Some(table) => Some(catalog.session([table], Some(*as_of)).await?.table(table).await?),
        };
        if let Some(base) = &base {
            let elsewhere =
                customers::buyers_elsewhere(&self.params, catalog, base.clone(), *as_of, *timezone).await?;
            if elsewhere > 0 {
                warnings.push(format!(
                    "{elsewhere} customers with purchases are not in {}: they get no value and are not learnt from",
                    self.params.customers.as_ref().map(ToString::to_string).unwrap_or_default()
                ));
            }
        }
        customers::frame(&self.params, catalog, base, *as_of, *timezone).await
    }

    async fn fitted(
        &self,
        context: &StepContext,
        tonight: DataFrame,
        notes: &mut Vec<String>,
    ) -> Result<FittedModel> {
        let mut track = FittedModel::fitted(&self.name, ModelKind::Value);
        let prospects = self.judged(context, &mut track, notes).await?;
        let (learning, _) = self.learning(tonight, &[]).await?;
        let learning = Learning { prospects, ..learning };
        let fitted = self.fit(learning).await?;
        Ok(match fitted {
            Err(FitError::Failed(error)) => return Err(error),
            Err(error @ FitError::NotFitted(_)) => {
                let mut fitted = FittedModel::of_fit(&self.name, ModelKind::Value, Err(error))?;
                accuracy::keep(&mut fitted, &track);
                fitted
            }
            Ok((model, report)) => {
                model.store(&mut track);
                track.set(Part::Metric, "gradient", 0, report.gradient);
                track.set(Part::Metric, "starts_apart", 0, report.starts_apart);
                track.set(Part::Metric, "purchases_log_likelihood", 0, report.purchases_log_likelihood);
                track.set(Part::Metric, "amounts_log_likelihood", 0, report.amounts_log_likelihood);
                report.remarks.into_iter().for_each(|remark| track.remark(remark));
                track
            }
        })
    }

    /// Fits off the threads that other steps' streams run on.
    async fn fit(&self, learning: Learning) -> Result<FitResult<(ValueModel, FitReport)>> {
        let params = self.params.clone();
        tokio::task::spawn_blocking(move || fit::fit(&params, &learning))
            .await
            .doing("learn what customers will bring")
    }

    /// Judges the model at each cut-off; returns what came of those who had not bought at the latest.
    async fn judged(
        &self,
        context: &StepContext,
        track: &mut FittedModel,
        notes: &mut Vec<String>,
    ) -> Result<ProspectGroups> {
        let mut prospects = ProspectGroups::default();
        let Some(cutoffs) = &self.cutoffs else { return Ok(prospects) };
        let instants = cutoffs.instants(context.as_of, self.params.horizon_days, context.timezone)?;
        if instants.is_empty() {
            track.remark("no cut-off has its horizon behind it: the model is not judged".to_owned());
        }
        let mut accuracies = Vec::new();
        for (position, cutoff) in instants.iter().enumerate() {
            // The prospects of the latest cut-off are known only after it.
            let (learning, customers, seen) = self.at_cutoff(context, *cutoff, notes).await?;
            if customers.len() < seen {
                track.remark(format!(
                    "at {} a sample of {} of {seen} customers is judged: sums are theirs",
                    show_instant(*cutoff),
                    customers.len()
                ));
            }
            prospects = ProspectGroups::default();
            for of in customers.iter().filter(|of| of.history.is_none()) {
                prospects.add(of.group.clone(), of.later_purchases, of.later_amount);
            }
            let model = match self.fit(learning).await? {
                Ok((model, _)) => model,
                Err(FitError::Failed(error)) => return Err(error),
                Err(FitError::NotFitted(reason)) => {
                    track.remark(format!("not judged at {}: {reason}", show_instant(*cutoff)));
                    continue;
                }
            };
            let (instant, zone) = (*cutoff, context.timezone);
            let first_seen = customers::last_day(instant, zone);
            let judged = tokio::task::spawn_blocking(move || {
                let judged = judge(&model, &customers, |age_days| {
                    let first = first_seen.checked_sub_days(Days::new(u64::from(age_days)));
                    first.map(|day| day.format("%Y-%m").to_string()).unwrap_or_default()
                });
                track_record(instant, &judged)
            });
            let (of_cutoff, figures) = judged.await.doing("judge what customers brought")?;
            if let Some(remark) = out_of_band(&of_cutoff, self.params.horizon_days) {
                track.remark(remark);
            }
            accuracy::store_figures(track, position as i64 + 1, *cutoff, &figures);
            accuracies.extend(of_cutoff);
        }
        accuracy::store(track, &accuracies, context.as_of);
        Ok(prospects)
    }

    /// What was known at a cut-off, a sample of the customers of then with what came, and how many there were.
    async fn at_cutoff(
        &self,
        context: &StepContext,
        cutoff: Instant,
        notes: &mut Vec<String>,
    ) -> Result<(Learning, Vec<Followed>, usize)> {
        let then = context.past.at(context, &self.past_reads(), cutoff).await?;
        let read = async {
            let zone = context.timezone;
            let base = match &self.customers {
                None => None,
                Some(query) => Some(query.over(then.catalog(), cutoff).await?),
            };
            let of_then = customers::frame(&self.params, then.catalog(), base, cutoff, zone).await?;
            let heirs = heirs::of(&then, &context.catalog).await?;
            let end = shift_days(cutoff, i64::from(self.params.horizon_days), zone)?;
            let came = customers::with_what_came(
                &self.params,
                &context.catalog,
                of_then,
                heirs,
                (cutoff, end),
                zone,
            )
            .await?;
            let (learning, matrix) = self.learning(came, &CAME).await?;
            Ok((learning, followed(&matrix), matrix.seen))
        };
        let read: Result<_> = read.await;
        notes.extend(then.note());
        // Whatever failed, nothing of then stays.
        let deleted = then.forget().await;
        let read = read.map_err(|error: Error| error.at(format!("as of {}", show_instant(cutoff))))?;
        deleted?;
        Ok(read)
    }

    /// Reads the customers of a frame, with columns beside.
    async fn learning(&self, frame: DataFrame, beside: &[&str]) -> Result<(Learning, Matrix)> {
        let (learning, matrix) = learning::read(frame, beside, self.params.sample).await?;
        groups::at_most(learning.histories.len(), self.params.group.as_deref(), "customers")?;
        Ok((learning, matrix))
    }
}
