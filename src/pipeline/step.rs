//! What a step of a pipeline does, and the tables it reads and makes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::audience::Audience;
use crate::feature::{Cutoffs, Outcome};
use crate::identity::quality::Quality;
use crate::identity::{self, GoldenRecord, Households, Identity, Organisations};
use crate::mining::declaration::{ChurnParams, SegmentParams};
use crate::model::Model;
use crate::name::TableName;
use crate::source::Source;

/// What a step does. A new kind of step is one file and one arm.
#[derive(Debug, Clone)]
pub enum Step {
    Ingest(Arc<Source>),
    Model(Arc<Model>),
    Resolve(Box<Identity>),
    GoldenRecord(Box<GoldenRecord>),
    Households(Box<Households>),
    Organisations(Box<Organisations>),
    Quality(Box<Quality>),
    Segments { params: SegmentParams, features: Arc<Model> },
    Churn { params: ChurnParams, outcome: Outcome, cutoffs: Cutoffs, features: Arc<Model> },
    Audiences(Vec<Audience>),
}

impl Step {
    /// The word for `kind:` in selectors and for `ops.steps`.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::Ingest(_) => "ingest",
            Step::Model(_) => "model",
            Step::Resolve(_) => "resolve",
            Step::GoldenRecord(_) => "golden",
            Step::Households(_) => "household",
            Step::Organisations(_) => "company",
            Step::Quality(_) => "quality",
            Step::Segments { .. } => "segments",
            Step::Churn { .. } => "churn",
            Step::Audiences(_) => "audiences",
        }
    }

    /// The tables the step reads.
    pub fn reads(&self) -> BTreeSet<TableName> {
        match self {
            Step::Ingest(_) => BTreeSet::new(),
            Step::Model(model) => model.reads.clone(),
            Step::Resolve(identity) => identity.reads().cloned().collect(),
            Step::GoldenRecord(golden) => {
                [identity::table(identity::CUSTOMER_IDS), golden.records.clone()].into()
            }
            Step::Households(_) => [identity::table(identity::GOLDEN_RECORDS)].into(),
            Step::Organisations(organisations) => {
                let persons = organisations.contacts.iter().map(|_| identity::table(identity::CUSTOMER_IDS));
                organisations.reads().cloned().chain(persons).collect()
            }
            Step::Quality(quality) => quality.reads(),
            Step::Segments { params, .. } => [params.features.clone()].into(),
            Step::Churn { params, outcome, features, .. } => {
                // The features at past cut-offs are computed from what the feature model reads.
                let mut reads = features.reads.clone();
                reads.insert(params.features.clone());
                reads.insert(outcome.events.clone());
                reads
            }
            Step::Audiences(audiences) => audiences.iter().flat_map(Audience::reads).collect(),
        }
    }

    /// The tables the step makes.
    pub fn writes(&self) -> Vec<TableName> {
        let table = |schema, name| TableName::new(schema, name).expect("our own table names are valid");
        match self {
            Step::Ingest(source) => vec![raw_table(&source.name)],
            Step::Model(model) => vec![model.table.clone()],
            Step::Resolve(identity) => identity.writes(),
            Step::GoldenRecord(_) => vec![identity::table(identity::GOLDEN_RECORDS)],
            Step::Households(_) => vec![identity::table(identity::HOUSEHOLDS)],
            Step::Organisations(organisations) => {
                let mut tables = vec![identity::ORGANISATIONS, identity::ORGANISATION_IDS];
                tables.extend(organisations.contacts.iter().map(|_| identity::ORGANISATION_CONTACTS));
                tables.into_iter().map(identity::table).collect()
            }
            Step::Quality(quality) => quality.writes(),
            Step::Segments { .. } => vec![table("mart", "segments"), table("mart", "segment_profiles")],
            Step::Churn { .. } => vec![table("mart", "churn_scores")],
            Step::Audiences(_) => {
                crate::audience::MADE.iter().map(|(name, _)| crate::audience::table(*name)).collect()
            }
        }
    }
}

/// The table that a source's rows go to.
pub fn raw_table(source: &str) -> TableName {
    TableName::new("raw", source).expect("a source's name was checked to be an identifier")
}
