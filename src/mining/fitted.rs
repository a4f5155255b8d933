//! A fitted model as rows: what was learnt, on what, how well, or why not.
//!
//! Grain: one row per (model, part, name, position). The rows are all there is to a model: read
//! back, they score exactly as they did, and warm-start the next fit.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};

use super::fit_error::{FitError, FitResult};
use crate::error::{Context, Error, Result};
use crate::ops::models::{self, ModelRow};
use crate::step::StepContext;

/// The method that made a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModelKind {
    Segments,
    Propensity,
    Uplift,
    Value,
}

impl ModelKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ModelKind::Segments => "segments",
            ModelKind::Propensity => "propensity",
            ModelKind::Uplift => "uplift",
            ModelKind::Value => "value",
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ModelKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "segments" => Ok(ModelKind::Segments),
            "propensity" => Ok(ModelKind::Propensity),
            "uplift" => Ok(ModelKind::Uplift),
            "value" => Ok(ModelKind::Value),
            other => Err(Error::failed(format!("`{other}` is not a kind of fitted model"))),
        }
    }
}

/// What a row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// `fitted` or `not_fitted`, with the reason.
    Status,
    /// What scoring needs.
    Parameter,
    /// How well it went.
    Metric,
    /// Scores beside outcomes, by decile.
    Calibration,
    /// What was learnt, in the units of the data.
    Coefficient,
}

impl Part {
    pub fn as_str(self) -> &'static str {
        match self {
            Part::Status => "status",
            Part::Parameter => "parameter",
            Part::Metric => "metric",
            Part::Calibration => "calibration",
            Part::Coefficient => "coefficient",
        }
    }
}

impl FromStr for Part {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Part::Status, Part::Parameter, Part::Metric, Part::Calibration, Part::Coefficient]
            .into_iter()
            .find(|part| part.as_str() == text)
            .ok_or_else(|| Error::failed(format!("`{text}` is not a part of a fitted model")))
    }
}

/// One thing a model knows: a number, words about it, or both.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Entry {
    pub value: Option<f64>,
    pub note: Option<String>,
}

/// What mining learnt, or why it could not.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedModel {
    model: String,
    kind: ModelKind,
    entries: BTreeMap<(Part, String, i64), Entry>,
}

impl FittedModel {
    pub(super) fn fitted(model: &str, kind: ModelKind) -> Self {
        let mut fitted = FittedModel { model: model.to_owned(), kind, entries: BTreeMap::new() };
        fitted.set(Part::Status, "fitted", 0, 1.0);
        fitted
    }

    /// Returns what a fit gave: a model, or one that says why it could not be fitted.
    ///
    /// # Errors
    /// When the fit failed.
    pub(super) fn of_fit(model: &str, kind: ModelKind, fit: FitResult<FittedModel>) -> Result<Self> {
        match fit {
            Ok(fitted) => Ok(fitted),
            Err(FitError::NotFitted(reason)) => Ok(FittedModel::not_fitted(model, kind, reason)),
            Err(FitError::Failed(error)) => Err(error),
        }
    }

    fn not_fitted(model: &str, kind: ModelKind, reason: String) -> Self {
        let mut fitted = FittedModel { model: model.to_owned(), kind, entries: BTreeMap::new() };
        fitted.note(Part::Status, "not_fitted", 0, reason);
        fitted
    }

    /// The model's name in the pipeline.
    pub fn model(&self) -> &str {
        &self.model
    }

    pub fn kind(&self) -> ModelKind {
        self.kind
    }

    /// Returns whether the model was fitted.
    ///
    /// # Errors
    /// The reason why there was nothing to learn from.
    pub fn status(&self) -> std::result::Result<(), &str> {
        match self.entries.get(&(Part::Status, "not_fitted".to_owned(), 0)) {
            None => Ok(()),
            Some(entry) => Err(entry.note.as_deref().unwrap_or("no reason was kept")),
        }
    }

    pub fn is_fitted(&self) -> bool {
        self.status().is_ok()
    }

    /// A figure of the fit, such as `auc`; `None` where it does not apply.
    pub fn metric(&self, name: &str) -> Option<f64> {
        self.value(Part::Metric, name, 0)
    }

    /// All entries in their total order.
    pub fn entries(&self) -> impl Iterator<Item = (Part, &str, i64, &Entry)> {
        self.entries.iter().map(|((part, name, position), entry)| (*part, name.as_str(), *position, entry))
    }

    /// Remarks that a person should see: dropped columns, a cold start, an unjudged hold-out.
    pub fn remarks(&self) -> impl Iterator<Item = &str> {
        self.entries()
            .filter(|(part, name, ..)| *part == Part::Metric && *name == "remark")
            .filter_map(|e| e.3.note.as_deref())
    }

    pub(super) fn set(&mut self, part: Part, name: &str, position: i64, value: f64) {
        self.entries.entry((part, name.to_owned(), position)).or_default().value = Some(value);
    }

    pub(super) fn note(&mut self, part: Part, name: &str, position: i64, note: impl Into<String>) {
        self.entries.entry((part, name.to_owned(), position)).or_default().note = Some(note.into());
    }

    pub(super) fn remark(&mut self, remark: impl Into<String>) {
        let position = self.remarks().count() as i64 + 1;
        self.note(Part::Metric, "remark", position, remark);
    }

    /// Removes an entry.
    pub(super) fn forget(&mut self, part: Part, name: &str, position: i64) {
        self.entries.remove(&(part, name.to_owned(), position));
    }

    pub(super) fn value(&self, part: Part, name: &str, position: i64) -> Option<f64> {
        self.entries.get(&(part, name.to_owned(), position))?.value
    }

    pub(super) fn text(&self, part: Part, name: &str, position: i64) -> Option<&str> {
        self.entries.get(&(part, name.to_owned(), position))?.note.as_deref()
    }

    /// A number that scoring needs.
    pub(super) fn parameter(&self, name: &str, position: i64) -> Result<f64> {
        self.value(Part::Parameter, name, position).ok_or_else(|| {
            Error::failed(format!("the fitted model `{}` has no parameter `{name}` [{position}]", self.model))
                .hint("fit it anew with --full-refresh")
        })
    }

    /// The entries of one part and name, by position.
    pub(super) fn series<'a>(&'a self, part: Part, name: &'a str) -> impl Iterator<Item = (i64, &'a Entry)> {
        self.entries()
            .filter(move |(p, n, ..)| *p == part && *n == name)
            .map(|(_, _, position, e)| (position, e))
    }

    /// Returns the model as rows for `ops.models`, in total order.
    ///
    /// # Errors
    /// None, unless the program makes columns that do not fit the table.
    pub fn to_batch(&self) -> Result<RecordBatch> {
        let rows: Vec<ModelRow> = self
            .entries()
            .map(|(part, name, position, entry)| ModelRow {
                part: part.as_str(),
                name: name.to_owned(),
                position,
                value: entry.value,
                note: entry.note.clone(),
            })
            .collect();
        models::rows(&self.model, self.kind.as_str(), &rows)
    }

    /// Returns the model as the last run of the pipeline wrote it, of those that were not of a later instant;
    /// `None` when none did.
    pub(super) async fn last(context: &StepContext, model: &str, kind: ModelKind) -> Result<Option<Self>> {
        let table = models::table();
        if context.catalog.table(&table).await?.is_none() {
            return Ok(None);
        }
        let doing = "look for the last fitted model";
        let session = context.catalog.session([&table], Some(context.as_of)).await?;
        let sql = models::last_rows_by_then_sql(model, kind.as_str(), &context.pipeline);
        let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
        Ok(FittedModel::from_batches(&batches)?.into_iter().next())
    }

    /// Returns what a run should say of the fit: why there is no model, or its remarks.
    pub(super) fn warnings(&self) -> Vec<String> {
        match self.status() {
            Err(reason) => vec![format!("not fitted: {reason}")],
            Ok(()) => self.remarks().map(str::to_owned).collect(),
        }
    }

    /// The models in rows that [`FittedModel::to_batch`] made, by name. Further columns are ignored;
    /// the rows must be of one run, since a model's name is taken once.
    ///
    /// # Errors
    /// Rows without a column, with an unknown kind or part, or of one model more than once.
    pub fn from_batches(batches: &[RecordBatch]) -> Result<Vec<FittedModel>> {
        let mut models: BTreeMap<String, FittedModel> = BTreeMap::new();
        for batch in batches {
            let column = |name: &str, as_type: &DataType| -> Result<ArrayRef> {
                let column = batch.column_by_name(name).ok_or_else(|| {
                    Error::failed(format!("the rows of fitted models have no column `{name}`"))
                })?;
                cast(column, as_type).doing(format!("read the column `{name}` of the fitted models"))
            };
            let [model, kind, part, name, note] =
                ["model", "kind", "part", "name", "note"].map(|name| column(name, &DataType::Utf8));
            let (model, kind, part, name, note) = (model?, kind?, part?, name?, note?);
            let (model, kind, part, name, note): (
                &StringArray,
                &StringArray,
                &StringArray,
                &StringArray,
                &StringArray,
            ) = (model.as_string(), kind.as_string(), part.as_string(), name.as_string(), note.as_string());
            let position = column("position", &DataType::Int64)?;
            let position = position.as_primitive::<Int64Type>();
            let value = column("value", &DataType::Float64)?;
            let value = value.as_primitive::<Float64Type>();
            for row in 0..batch.num_rows() {
                let kind: ModelKind = kind.value(row).parse()?;
                let fitted = models.entry(model.value(row).to_owned()).or_insert_with(|| FittedModel {
                    model: model.value(row).to_owned(),
                    kind,
                    entries: BTreeMap::new(),
                });
                let key = (part.value(row).parse()?, name.value(row).to_owned(), position.value(row));
                let entry = Entry {
                    value: value.is_valid(row).then(|| value.value(row)),
                    note: note.is_valid(row).then(|| note.value(row).to_owned()),
                };
                if fitted.entries.insert(key, entry).is_some() {
                    return Err(Error::failed(format!(
                        "the rows hold the fitted model `{}` more than once",
                        fitted.model
                    ))
                    .hint("read the rows of one run"));
                }
            }
        }
        Ok(models.into_values().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_comes_back_from_its_rows_to_the_last_bit() {
        let mut churn = FittedModel::fitted("churn", ModelKind::Propensity);
        churn.set(Part::Parameter, "intercept", 0, 0.1 + 0.2);
        churn.set(Part::Metric, "auc", 0, f64::MIN_POSITIVE);
        churn.remark("the column `x` is constant");
        let lost = FittedModel::not_fitted("segments", ModelKind::Segments, "3 customers".into());
        let batches = [lost.to_batch().unwrap(), churn.to_batch().unwrap()];
        assert_eq!(FittedModel::from_batches(&batches).unwrap(), [churn.clone(), lost.clone()]);
        assert_eq!(lost.status(), Err("3 customers"));
        assert_eq!(churn.remarks().collect::<Vec<_>>(), ["the column `x` is constant"]);
    }

    #[test]
    fn rows_of_two_runs_are_not_one_model() {
        let batch = FittedModel::fitted("churn", ModelKind::Propensity).to_batch().unwrap();
        let error = FittedModel::from_batches(&[batch.clone(), batch]).unwrap_err();
        assert!(error.message().contains("more than once"));
    }
}
