//! The plan of a run: what would be done and why. `planner` makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::request::Mode;
use crate::clock::{Instant, show_instant};
use crate::ingest::Intake;
use crate::name::StepName;
use crate::step::Step;

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
    pub resume: Resume,
    /// In the order of the graph.
    pub steps: Vec<Arc<PlannedStep>>,
    /// What it takes up of sources, by name.
    pub intakes: BTreeMap<String, Arc<Intake>>,
    pub(super) request: ResumeState,
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
pub enum Resume {
    /// There is none, or nothing of it is of use.
    Fresh,
    /// Those of its finished steps that would come out the same are kept.
    Continue { run: u64, failed: bool, finished: BTreeSet<StepName> },
    /// It is not resumed, for this reason; its staged files go with the next release.
    Discard { run: u64, because: String },
}

/// A step, and why it is done.
#[derive(Debug)]
pub struct PlannedStep {
    pub name: StepName,
    /// With what it takes up.
    pub step: Arc<dyn Step>,
    /// Hash of all that its tables follow from.
    pub fingerprint: String,
    pub why: String,
    /// What is not as declared, and is borne.
    pub warnings: Vec<String>,
    /// What is worth a line and as it should be.
    pub notes: Vec<String>,
}

/// What a run that resumes this one must know of it: kept in the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResumeState {
    pub mode: Mode,
    pub select: Vec<String>,
    pub exclude: Vec<String>,
    pub full_refresh: bool,
    pub backfill: bool,
    /// The files it set out to take up, by source.
    pub files: BTreeMap<String, Vec<String>>,
}

impl Plan {
    /// Returns whether no source has anything that was not read yet.
    pub fn nothing_new(&self) -> bool {
        self.intakes.values().all(|intake| intake.is_nothing())
    }

    /// Returns what its release says of the steps that were rehearsed: another where another sillage, another pipeline
    /// or other steps are asked for.
    pub fn rehearsed(&self) -> String {
        format!("{} {}", env!("CARGO_PKG_VERSION"), self.fingerprint)
    }

    /// Returns why a step is done, or that it was done before.
    pub fn why<'p>(&self, step: &'p PlannedStep) -> &'p str {
        let is_done =
            matches!(&self.resume, Resume::Continue { finished, .. } if finished.contains(&step.name));
        if is_done { "done before" } else { &step.why }
    }

    /// Returns what a run that resumes this one must know of it.
    pub fn resume_state(&self) -> ResumeState {
        let files = self
            .intakes
            .iter()
            .map(|(source, intake)| (source.clone(), intake.taken_up().map(str::to_owned).collect()))
            .collect();
        ResumeState { files, ..self.request.clone() }
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
        match &self.resume {
            Resume::Fresh => {}
            Resume::Continue { run, failed, finished } => {
                let ended = if *failed { "failed" } else { "was cut off" };
                writeln!(f, "resumes run {run}, which {ended}; {} steps are done", finished.len())?;
            }
            Resume::Discard { run, because } => {
                writeln!(f, "drops run {run}, which was cut off: {because}")?;
            }
        }
        let width = |of: fn(&PlannedStep) -> usize| self.steps.iter().map(|s| of(s)).max().unwrap_or(0);
        let (kinds, names) = (width(|s| s.step.kind().len()), width(|s| s.name.as_str().len()));
        for step in &self.steps {
            write!(f, "  {:kinds$} {:names$}  {}", step.step.kind(), step.name, self.why(step))?;
            let reads: Vec<String> = step.step.reads().iter().map(ToString::to_string).collect();
            if !reads.is_empty() {
                write!(f, "  (reads {})", reads.join(", "))?;
            }
            writeln!(f)?;
            for warning in &step.warnings {
                writeln!(f, "  warning   {}: {warning}", step.name)?;
            }
            for note in &step.notes {
                writeln!(f, "  note      {}: {note}", step.name)?;
            }
        }
        Ok(())
    }
}
