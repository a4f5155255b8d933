//! A step of a run: what every kind of step says of itself, and what it works in.
//!
//! Each kind is a type of its domain that implements [`Step`]: `mining` knows how segments are found,
//! `identity` how customers are. Graph, selector, plan, execution, history and artifacts know this trait
//! alone, so a new kind of step is its own files, one arm of `pipeline::DeclaredStep` and the section of
//! the pipeline file that declares it.

mod context;
pub mod determinism;
mod output;
pub mod past;
mod then;
pub mod ties;

pub use context::{Recall, StepContext};
pub use output::{Recalled, StepFailure, StepOutput};
pub use then::Then;

use std::collections::BTreeSet;
use std::fmt::Debug;

use async_trait::async_trait;
use chrono_tz::Tz;
use sha2::{Digest, Sha256};

use crate::clock::Instant;
use crate::error::Error;
use crate::name::TableName;

/// A step of the graph: it reads tables and makes tables.
///
/// `Debug` tells every declared value and nothing else, the same in every run of one build: what a step
/// says of itself is part of the fingerprint by which a later run takes its tables over.
#[async_trait]
pub trait Step: Debug + Send + Sync {
    /// Returns what the pipeline file calls it; the word for `kind:` in selectors and for `ops.steps`.
    fn kind(&self) -> &'static str;

    /// Returns the tables it reads, which other steps make.
    fn reads(&self) -> BTreeSet<TableName>;

    /// Returns the tables it makes with their keys, the one it is named for first.
    fn writes(&self) -> Vec<MadeTable>;

    /// Returns the names of the tables it makes.
    fn tables_made(&self) -> Vec<TableName> {
        self.writes().into_iter().map(|made| made.name).collect()
    }

    /// Returns the tables of the last release, beside those it makes, that its result depends on: fitted
    /// models to start from, memories.
    fn remembers(&self) -> BTreeSet<TableName> {
        BTreeSet::new()
    }

    /// Returns what of the declaration a run as of this instant will leave aside: warnings of its plan.
    fn foresees(&self, as_of: Instant, zone: Tz) -> Vec<String> {
        let _ = (as_of, zone);
        Vec::new()
    }

    /// Returns the instants of the past whose tables a run as of this instant may ask for.
    fn looks_back(&self, as_of: Instant, zone: Tz) -> Vec<Instant> {
        let _ = (as_of, zone);
        Vec::new()
    }

    /// Makes the tables and stages them.
    ///
    /// # Errors
    /// Whatever keeps a table from being made; nothing of what was staged on the way is published, but for
    /// what the failure carries.
    async fn perform(&self, context: &StepContext) -> Result<StepOutput, StepFailure>;

    /// Returns its tables as a night of the past would have made them: `then` is of that instant, its catalog
    /// holds what the step reads as it was, and `changed` says whether any of that differs from tonight's.
    /// A kind that is not made anew leaves tonight's tables, of which only rows known by then are seen.
    ///
    /// # Errors
    /// Whatever keeps a table from being made.
    async fn recall(&self, then: &StepContext, changed: bool) -> Result<Recalled, Error> {
        let _ = (then, changed);
        Ok(Recalled::AsTonight)
    }
}

/// Returns a digest of what is declared of a step: another one where anything of it changes.
pub fn declared_as(step: &dyn Step) -> String {
    hex::encode(Sha256::digest(format!("{step:?}")))
}

/// A table that a step makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeTable {
    pub name: TableName,
    /// The columns that tell its rows apart; empty where the pipeline file says so, or nobody.
    pub key: Vec<String>,
}

impl MadeTable {
    /// Returns a table whose key is declared, if at all, in the pipeline file.
    pub fn new(name: TableName) -> Self {
        MadeTable { name, key: Vec::new() }
    }

    /// Returns a table with the key that this kind of step gives it.
    pub fn keyed(name: TableName, key: &[&str]) -> Self {
        MadeTable { name, key: key.iter().map(|column| (*column).to_owned()).collect() }
    }
}
