//! The step of a value: fitted and judged at past cut-offs, fitted tonight, scored for everyone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Int64Type};
use async_trait::async_trait;
use chrono::Days;
use chrono_tz::Tz;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{cast, ident, lit};
use datafusion::prelude::DataFrame;

use super::customers::{self, columns};
use super::declaration::ValueParams;
use super::fit::{self, FitReport, Learning};
use super::gamma_gamma::Amounts;
use super::history::{History, Weighted};
use super::judge::{Followed, READ, followed, judge};
use super::model::ValueModel;
use super::prospects::ProspectGroups;
use super::{accuracy, score};
use crate::clock::{Instant, show_instant};
use crate::error::{Context, Error, Result};
use crate::mining::cutoffs::{Cutoffs, shift_days};
use crate::mining::feature_query::FeatureQuery;
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::forecast::ForecastOf;
use crate::mining::heirs::{self, CUSTOMER_IDS};
use crate::mining::matrix::{self, Kinds};
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

/// More groups than these are not groups.
const MOST_GROUPS: usize = 100;

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
    pub fn forecast(&self) -> ForecastOf {
        ForecastOf {
            name: format!("{}_value", self.name),
            values: self.table("value"),
            accuracy: self.cutoffs.as_ref().map(|_| self.table("value_accuracy")),
            purchases: self.params.purchases.clone(),
            horizon_days: self.params.horizon_days,
        }
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
            Refit::Due { inputs, .. } => {
                // Fitting and scoring read them: written down once, under a name that nobody reads.
                let (table, warehouse) = (self.table("value_customers"), context.warehouse());
                let scratch = warehouse.stage(&table, Mode::Replace, Layout::Scratch, tonight).await?;
                let fitted_and_scored = async {
                    let session =
                        context.catalog.session_with(std::iter::empty::<&TableName>(), [&scratch]).await?;
                    let tonight = session.table(&table).await?;
                    let mut fitted = self.fitted(context, tonight.clone(), &mut notes).await?;
                    inputs.note(&mut fitted);
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
        let learning = Learning { prospects, ..self.learning(tonight).await? };
        let fitted = self.fit(learning).await?;
        Ok(match fitted {
            Err(FitError::Failed(error)) => return Err(error),
            Err(error @ FitError::NotFitted(_)) => {
                FittedModel::of_fit(&self.name, ModelKind::Value, Err(error))?
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
                judge(&model, &customers, instant, |age_days| {
                    let first = first_seen.checked_sub_days(Days::new(u64::from(age_days)));
                    first.map(|day| day.format("%Y-%m").to_string()).unwrap_or_default()
                })
            });
            let (of_cutoff, figures) = judged.await.doing("judge what customers brought")?;
            if let Some(total) =
                of_cutoff.iter().find(|accuracy| accuracy.slice == "total" && !accuracy.is_in_band())
            {
                track.remark(format!(
                    "promised at {} for {} days: {:.0} ({:.0} to {:.0}); {:.0} came: chance alone does not explain it",
                    show_instant(*cutoff),
                    self.params.horizon_days,
                    total.expected_margin,
                    total.band.0,
                    total.band.1,
                    total.actual_margin
                ));
            }
            accuracy::store_figures(track, position as i64 + 1, *cutoff, &figures);
            accuracies.extend(of_cutoff);
        }
        accuracy::store(track, &accuracies);
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
            let learning = self.learning(of_then.clone()).await?;
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
            let names: Vec<String> = READ.iter().map(|name| (*name).to_owned()).collect();
            let matrix = matrix::read_kinds(came, &names, self.params.sample, Kinds::NumbersAndTexts).await?;
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

    async fn learning(&self, frame: DataFrame) -> Result<Learning> {
        let buyers = frame.filter(ident(columns::REPEATS).is_not_null()).doing("find who has bought")?;
        let histories = histories(buyers.clone()).await?;
        if histories.len() > MOST_GROUPS {
            let group = self.params.group.clone().unwrap_or_default();
            return Err(Error::config(format!(
                "`{group}` has {} values, at most {MOST_GROUPS} groups were expected",
                histories.len()
            ))
            .in_value("group", &group)
            .hint("take rare values together in the SQL of the customers"));
        }
        let again = buyers.filter(ident(columns::REPEATS).gt(lit(0))).doing("find who has bought again")?;
        let names = [columns::GROUP, columns::REPEATS, columns::REPEAT_AMOUNT].map(str::to_owned);
        let matrix = matrix::read_kinds(again, &names, self.params.sample, Kinds::NumbersAndTexts).await?;
        let texts = matrix.texts[0].as_deref().unwrap_or_default();
        let mut amounts: BTreeMap<Option<String>, Vec<Amounts>> = BTreeMap::new();
        for row in matrix.values.rows() {
            let group = (!row[0].is_nan()).then(|| texts.get(row[0] as usize).cloned()).flatten();
            let of = Amounts { repeats: row[1] as u32, sum: row[2] };
            amounts.entry(group).or_default().push(of);
        }
        Ok(Learning { histories, amounts, prospects: ProspectGroups::default() })
    }
}

/// The distinct histories of each group: few however many customers there are.
async fn histories(buyers: DataFrame) -> Result<BTreeMap<Option<String>, Vec<Weighted>>> {
    let doing = "count the histories of purchases";
    let by = [columns::GROUP, columns::REPEATS, columns::LAST_DAY, columns::AGE_DAYS].map(ident);
    let counted = buyers.aggregate(by.to_vec(), vec![count(lit(1)).alias("__customers")]).doing(doing)?;
    let whole = |name: &str| cast(ident(name), DataType::Int64);
    let counted = counted
        .select(vec![
            cast(ident(columns::GROUP), DataType::Utf8).alias(columns::GROUP),
            whole(columns::REPEATS),
            whole(columns::LAST_DAY),
            whole(columns::AGE_DAYS),
            whole("__customers"),
        ])
        .doing(doing)?;
    let mut sorted: BTreeMap<(Option<String>, History), f64> = BTreeMap::new();
    for batch in counted.collect().await.doing(doing)? {
        let groups = batch.column(0).as_string::<i32>();
        let number = |column: usize, row: usize| batch.column(column).as_primitive::<Int64Type>().value(row);
        for (row, group) in groups.iter().enumerate() {
            let history = History {
                repeats: number(1, row) as u32,
                last_day: number(2, row) as u32,
                age_days: number(3, row) as u32,
            };
            *sorted.entry((group.map(str::to_owned), history)).or_default() += number(4, row) as f64;
        }
    }
    let mut histories: BTreeMap<Option<String>, Vec<Weighted>> = BTreeMap::new();
    for ((group, history), customers) in sorted {
        histories.entry(group).or_default().push(Weighted { history, customers });
    }
    Ok(histories)
}
