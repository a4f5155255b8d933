//! The plan of a run: what would be done and why. `planner` makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::intake::Intake;
use crate::clock::{Instant, show_instant};
use crate::name::StepName;

/// What a run will do.
#[derive(Debug)]
pub struct Plan {
    pub pipeline: String,
    pub run: u64,
    pub as_of: Instant,
    /// Why this instant.
    pub as_of_from: AsOfFrom,
    /// The release it builds on.
    pub base: Option<u64>,
    pub fingerprint: String,
    pub beginning: Beginning,
    /// In the order of the graph.
    pub steps: Vec<Arc<PlannedStep>>,
    pub(super) asked: Pinned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsOfFrom {
    Request,
    Resumed,
    /// The last night is done again.
    Release,
    Pipeline,
    Now,
}

/// What becomes of a run that was cut off or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    Fresh,
    /// Those of its finished steps that would come out the same are kept.
    TakeUp {
        run: u64,
        failed: bool,
        finished: BTreeSet<StepName>,
    },
    /// It is not taken up, for this reason; its staged files go with the next release.
    Discard {
        run: u64,
        because: String,
    },
}

#[derive(Debug)]
pub struct PlannedStep {
    pub name: StepName,
    pub kind: &'static str,
    /// Hash of all that its tables follow from.
    pub fingerprint: String,
    pub reads: Vec<String>,
    /// Of a source: what it takes up.
    pub intake: Intake,
}

/// The part of a plan that a run which takes it up must repeat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// What was asked for, for `retry`.
    pub select: Vec<String>,
    pub exclude: Vec<String>,
    pub full_refresh: bool,
    pub backfill: bool,
    #[serde(default)]
    pub forgetting: bool,
    #[serde(default)]
    pub replay: BTreeSet<String>,
    /// The files it set out to take up, by source.
    pub files: BTreeMap<String, Vec<String>>,
}

impl Plan {
    /// Whether no source has anything that was not read yet.
    pub fn nothing_new(&self) -> bool {
        self.steps.iter().all(|step| step.intake.is_nothing())
    }

    /// What a run that takes this one up must repeat.
    pub fn pinned(&self) -> Pinned {
        let mut files = BTreeMap::new();
        for step in self.steps.iter().filter(|s| s.kind == "ingest") {
            let source = step.name.as_str().trim_start_matches("raw.").to_owned();
            files.insert(source, step.intake.taken_up().map(str::to_owned).collect());
        }
        Pinned { files, ..self.asked.clone() }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match self.as_of_from {
            AsOfFrom::Request => "--as-of",
            AsOfFrom::Resumed => "the run that is resumed",
            AsOfFrom::Release => "the last release",
            AsOfFrom::Pipeline => "the pipeline's as_of",
            AsOfFrom::Now => "now",
        };
        writeln!(f, "run {} of {} as of {} ({from})", self.run, self.pipeline, show_instant(self.as_of))?;
        match self.base {
            Some(base) => writeln!(f, "builds on release {base}")?,
            None => writeln!(f, "the first release of this warehouse")?,
        }
        match &self.beginning {
            Beginning::Fresh => {}
            Beginning::TakeUp { run, failed, finished } => {
                let ended = if *failed { "failed" } else { "was cut off" };
                writeln!(f, "takes up run {run}, which {ended}; {} steps are done", finished.len())?;
            }
            Beginning::Discard { run, because } => {
                writeln!(f, "drops run {run}, which was cut off: {because}")?;
            }
        }
        let width = self.steps.iter().map(|s| s.name.as_str().len()).max().unwrap_or(0);
        for step in &self.steps {
            let done = matches!(&self.beginning, Beginning::TakeUp { finished, .. } if finished.contains(&step.name));
            let why = if done { "done before" } else { &step.intake.why };
            write!(f, "  {:9} {:width$}  {why}", step.kind, step.name)?;
            if !step.reads.is_empty() {
                write!(f, "  (reads {})", step.reads.join(", "))?;
            }
            writeln!(f)?;
            for warning in &step.intake.warnings {
                writeln!(f, "  warning   {}: {warning}", step.name)?;
            }
            for note in &step.intake.notes {
                writeln!(f, "  note      {}: {note}", step.name)?;
            }
        }
        Ok(())
    }
}
