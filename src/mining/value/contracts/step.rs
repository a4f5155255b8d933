//! The step of a value of contracts: fitted and judged at past cut-offs, fitted tonight, scored for every contract.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use chrono_tz::Tz;
use datafusion::prelude::DataFrame;

use super::declaration::ContractParams;
use super::fit::{FitReport, fit};
use super::frame;
use super::judge::{Followed, followed, judge};
use super::model::{ContractModel, Horizon};
use super::promise::ContractPromise;
use super::score::score;
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::mining::cutoffs::{Cutoffs, shift_days};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::forecast::Promise;
use crate::mining::refit::{Refit, kept};
use crate::mining::value::accuracy;
use crate::mining::value::track_record::{out_of_band, track_record};
use crate::name::TableName;
use crate::ops::models;
use crate::step::{MadeTable, Step, StepContext, StepFailure, StepOutput};
use crate::warehouse::stage::Staged;

/// A value of contracts of a pipeline.
#[derive(Debug, Clone)]
pub struct ContractValue {
    pub name: String,
    pub params: ContractParams,
    pub cutoffs: Option<Cutoffs>,
}

#[async_trait]
impl Step for ContractValue {
    fn kind(&self) -> &'static str {
        "value"
    }

    fn reads(&self) -> BTreeSet<TableName> {
        [self.params.contracts.table.clone()].into()
    }

    fn writes(&self) -> Vec<MadeTable> {
        let mut made = vec![MadeTable::keyed(self.table("value"), &[&self.params.contracts.id])];
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

impl ContractValue {
    /// Returns a table that it makes: `mart.<name>_value` for `value`.
    pub fn table(&self, what: &str) -> TableName {
        TableName::new("mart", &format!("{}_{what}", self.name))
            .expect("a value's name was checked to be an identifier")
    }

    /// Returns what keeps its promises; `None` where contracts have no days, by which they could be judged.
    pub fn promise(&self) -> Option<Arc<dyn Promise>> {
        self.params.has_days().then(|| -> Arc<dyn Promise> {
            Arc::new(ContractPromise {
                values: self.table("value"),
                accuracy: self.cutoffs.as_ref().map(|_| self.table("value_accuracy")),
                params: self.params.clone(),
            })
        })
    }

    async fn fit_and_score(&self, context: &StepContext) -> Result<StepOutput> {
        let (mut notes, mut warnings) = (Vec::new(), Vec::new());
        let contracts = frame::frame(&self.params, &context.catalog, context.as_of, context.timezone).await?;
        warnings.extend(frame::unknown(&self.params, contracts.clone()).await?);
        let refit = Refit::of(context, &self.name, ModelKind::Value, &self.reads(), &self).await?;
        let fitted = match refit {
            Refit::NotDue(fitted) => {
                notes.push(kept(&fitted));
                fitted
            }
            Refit::Due { inputs, previous } => {
                let mut fitted = self.fitted(context, contracts.clone(), &mut notes).await?;
                inputs.note(&mut fitted);
                notes.extend(accuracy::keep_last(&mut fitted, previous.as_ref()));
                warnings.extend(fitted.warnings());
                fitted
            }
        };
        let mut staged = self.score(context, &fitted, contracts).await?;
        staged.push(context.append_fitted(&fitted.to_batch()?).await?);
        Ok(StepOutput::of(staged).with_notes(notes).with_warnings(warnings))
    }

    /// Stages what a model says of every contract, and its track record.
    async fn score(
        &self,
        context: &StepContext,
        fitted: &FittedModel,
        contracts: DataFrame,
    ) -> Result<Vec<Staged>> {
        let model = match fitted.is_fitted() {
            true => Some(Arc::new(ContractModel::load(fitted, &self.params)?)),
            false => None,
        };
        let horizon = frame::horizon(&self.params, context.as_of, context.timezone)?;
        let scores = score(model.as_ref(), contracts, &self.params.contracts.id, horizon)?;
        let mut staged = vec![context.stage_frame(&self.table("value"), scores).await?];
        if self.cutoffs.is_some() {
            let session = context.catalog.session(std::iter::empty::<&TableName>(), None).await?;
            let rows = session.read_batch(accuracy::rows(fitted)?)?;
            staged.push(context.stage_frame(&self.table("value_accuracy"), rows).await?);
        }
        Ok(staged)
    }

    async fn fitted(
        &self,
        context: &StepContext,
        contracts: DataFrame,
        notes: &mut Vec<String>,
    ) -> Result<FittedModel> {
        let mut track = FittedModel::fitted(&self.name, ModelKind::Value);
        self.judged(context, &mut track, notes).await?;
        Ok(match self.fit(contracts).await? {
            Err(FitError::Failed(error)) => return Err(error),
            Err(error @ FitError::NotFitted(_)) => {
                let mut fitted = FittedModel::of_fit(&self.name, ModelKind::Value, Err(error))?;
                accuracy::keep(&mut fitted, &track);
                fitted
            }
            Ok((model, report)) => {
                model.store(&self.params, &mut track);
                track.set(Part::Metric, "gradient", 0, report.gradient);
                track.set(Part::Metric, "starts_apart", 0, report.starts_apart);
                track.set(Part::Metric, "log_likelihood", 0, report.log_likelihood);
                track.set(Part::Metric, "survival_distance", 0, report.survival_distance);
                report.remarks.into_iter().for_each(|remark| track.remark(remark));
                track
            }
        })
    }

    async fn fit(&self, contracts: DataFrame) -> Result<FitResult<(ContractModel, FitReport)>> {
        let tenures = frame::tenures(&self.params, contracts).await?;
        Ok(fit(&self.params, &tenures))
    }

    /// Judges the model at each cut-off.
    async fn judged(
        &self,
        context: &StepContext,
        track: &mut FittedModel,
        notes: &mut Vec<String>,
    ) -> Result<()> {
        let Some(cutoffs) = &self.cutoffs else { return Ok(()) };
        let instants = cutoffs.instants(context.as_of, self.params.horizon_days, context.timezone)?;
        if instants.is_empty() {
            track.remark("no cut-off has its horizon behind it: the model is not judged".to_owned());
        }
        let mut accuracies = Vec::new();
        for (position, cutoff) in instants.iter().enumerate() {
            let (fitted, contracts, seen) = self.at_cutoff(context, *cutoff, notes).await?;
            if contracts.len() < seen {
                track.remark(format!(
                    "at {} a sample of {} of {seen} contracts is judged: sums are theirs",
                    show_instant(*cutoff),
                    contracts.len()
                ));
            }
            let model = match fitted {
                Ok((model, _)) => model,
                Err(FitError::Failed(error)) => return Err(error),
                Err(FitError::NotFitted(reason)) => {
                    track.remark(format!("not judged at {}: {reason}", show_instant(*cutoff)));
                    continue;
                }
            };
            let horizon: Horizon = frame::horizon(&self.params, *cutoff, context.timezone)?;
            let instant = *cutoff;
            let judged = tokio::task::spawn_blocking(move || {
                track_record(instant, &judge(&model, &contracts, horizon))
            });
            let (of_cutoff, figures) = judged.await.doing("judge what contracts brought")?;
            if let Some(remark) = out_of_band(&of_cutoff, self.params.horizon_days) {
                track.remark(remark);
            }
            accuracy::store_figures(track, position as i64 + 1, *cutoff, &figures);
            accuracies.extend(of_cutoff);
        }
        accuracy::store(track, &accuracies, context.as_of);
        Ok(())
    }

    /// The model of what was known at a cut-off, a sample of the contracts that ran then with what came, and how many
    /// there were.
    async fn at_cutoff(
        &self,
        context: &StepContext,
        cutoff: Instant,
        notes: &mut Vec<String>,
    ) -> Result<(FitResult<(ContractModel, FitReport)>, Vec<Followed>, usize)> {
        let then = context.past.at(context, &self.reads(), cutoff).await?;
        let read = async {
            let zone = context.timezone;
            let of_then = frame::frame(&self.params, then.catalog(), cutoff, zone).await?;
            let fitted = self.fit(of_then.clone()).await?;
            let end = shift_days(cutoff, i64::from(self.params.horizon_days), zone)?;
            let (followed, seen) = followed(&self.params, of_then, &context.catalog, end, zone).await?;
            Ok((fitted, followed, seen))
        };
        let read: Result<_> = read.await;
        notes.extend(then.note());
        // Whatever failed, nothing of then stays.
        let deleted = then.forget().await;
        let read = read.map_err(|error: Error| error.at(format!("as of {}", show_instant(cutoff))))?;
        deleted?;
        Ok(read)
    }
}
