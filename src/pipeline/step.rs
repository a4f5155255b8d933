//! The kinds of step that a pipeline file declares.

use std::sync::Arc;

use crate::audience::Audiences;
use crate::identity::quality::Quality;
use crate::identity::{GoldenRecord, Households, Identity, Organisations};
use crate::ingest::Ingest;
use crate::metric::Metrics;
use crate::mining::forecast::Forecasts;
use crate::mining::propensity::Propensity;
use crate::mining::segments::Segmentations;
use crate::mining::uplift::Uplift;
use crate::mining::value::{ContractValue, Value};
use crate::model::ModelStep;
use crate::step::Step;

/// A step of any kind. A new kind of step is a type of its domain and one arm here.
#[derive(Debug, Clone)]
pub enum DeclaredStep {
    Ingest(Arc<Ingest>),
    Model(Arc<ModelStep>),
    Identity(Arc<Identity>),
    GoldenRecord(Arc<GoldenRecord>),
    Households(Arc<Households>),
    Organisations(Arc<Organisations>),
    Quality(Arc<Quality>),
    Segments(Arc<Segmentations>),
    Propensity(Arc<Propensity>),
    Uplift(Arc<Uplift>),
    Value(Arc<Value>),
    ContractValue(Arc<ContractValue>),
    Forecasts(Arc<Forecasts>),
    Metrics(Arc<Metrics>),
    Audiences(Arc<Audiences>),
}

impl DeclaredStep {
    /// Returns the step as graph, plan and run know it.
    pub fn step(&self) -> Arc<dyn Step> {
        match self {
            DeclaredStep::Ingest(step) => step.clone(),
            DeclaredStep::Model(step) => step.clone(),
            DeclaredStep::Identity(step) => step.clone(),
            DeclaredStep::GoldenRecord(step) => step.clone(),
            DeclaredStep::Households(step) => step.clone(),
            DeclaredStep::Organisations(step) => step.clone(),
            DeclaredStep::Quality(step) => step.clone(),
            DeclaredStep::Segments(step) => step.clone(),
            DeclaredStep::Propensity(step) => step.clone(),
            DeclaredStep::Uplift(step) => step.clone(),
            DeclaredStep::Value(step) => step.clone(),
            DeclaredStep::ContractValue(step) => step.clone(),
            DeclaredStep::Forecasts(step) => step.clone(),
            DeclaredStep::Metrics(step) => step.clone(),
            DeclaredStep::Audiences(step) => step.clone(),
        }
    }
}
