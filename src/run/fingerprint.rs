//! What a step's tables follow from, as a hash: two runs whose steps have the same fingerprint
//! would stage the same rows, so the later may take the earlier's files.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::observe::Observation;
use super::request::Request;
use crate::clock::Instant;
use crate::name::{StepName, TableName};
use crate::pipeline::Pipeline;
use crate::step::Step;

/// Hash of what was asked for as a whole: the pipeline, its models and the selection.
pub fn of_request(pipeline: &Pipeline, request: &Request, chosen: &BTreeSet<StepName>) -> String {
    let mut hash = Hash::new();
    hash.part(&pipeline.fingerprint);
    hash.part(&request.full_refresh);
    hash.part(&request.mode);
    for step in chosen {
        hash.part(&step.as_str());
    }
    // Paths may come from the environment.
    for source in pipeline.sources() {
        hash.part(&source.files().path);
    }
    hash.end()
}

/// What all steps of a run have in common.
pub struct Common<'a> {
    pub pipeline: &'a Pipeline,
    pub seen: &'a Observation,
    pub as_of: Instant,
    pub full_refresh: bool,
}

impl Common<'_> {
    /// The step's fingerprint; `made` has those of the steps before it that the run performs.
    pub fn of_step(&self, name: &StepName, step: &dyn Step, made: &BTreeMap<StepName, String>) -> String {
        let mut hash = Hash::new();
        hash.part(&env!("CARGO_PKG_VERSION"));
        hash.part(&self.as_of);
        hash.part(&self.pipeline.name);
        hash.part(&self.pipeline.seed);
        hash.part(&self.pipeline.timezone);
        hash.part(&self.full_refresh);
        hash.part(&step.kind());
        // What a step says of itself is what it does and takes up, in an order of its own.
        hash.part(&step);
        for needed in self.pipeline.graph.needs(name) {
            hash.part(&(needed, made.get(needed)));
        }
        let mut tables: BTreeSet<TableName> = step.reads();
        tables.extend(step.tables_made());
        tables.extend(step.remembers());
        for table in &tables {
            let rules = self.pipeline.rules(table);
            let version = self.seen.release.as_ref().and_then(|release| release.tables.get(table));
            hash.part(&(table, &rules.key, &rules.known, version));
        }
        hash.end()
    }
}

/// Debug output tells every field apart and is the same in every run of one build.
struct Hash(Sha256);

impl Hash {
    fn new() -> Self {
        Hash(Sha256::new())
    }

    fn part(&mut self, part: &impl std::fmt::Debug) {
        self.0.update(format!("{part:?}\0"));
    }

    fn end(self) -> String {
        hex::encode(&self.0.finalize()[..16])
    }
}
