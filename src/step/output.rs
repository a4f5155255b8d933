//! What a step leaves: of tonight, and of a night of the past.

use datafusion::prelude::DataFrame;

use crate::error::Error;
use crate::ops::steps::StepMetrics;
use crate::warehouse::stage::Staged;

/// What a finished step leaves.
#[derive(Debug, Default)]
pub struct StepOutput {
    /// The tables, the one that the step is named for first.
    pub staged: Vec<Staged>,
    pub metrics: StepMetrics,
}

impl StepOutput {
    /// Returns the output of a step that made these tables, counted by what was written of the first.
    pub fn of(staged: Vec<Staged>) -> Self {
        let mut output = StepOutput { staged, metrics: StepMetrics::default() };
        let mut made = output.staged.iter().filter(|staged| staged.table.schema() != "ops");
        if let Some(main) = made.next() {
            output.metrics.rows = main.rows;
            output.metrics.bytes = main.bytes + made.map(|staged| staged.bytes).sum::<u64>();
        }
        output
    }

    /// Returns the output with what is worth knowing.
    #[must_use]
    pub fn with_notes(mut self, notes: Vec<String>) -> Self {
        self.metrics.notes = notes;
        self
    }

    /// Returns the output with what is not as it was declared, and was borne.
    #[must_use]
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.metrics.warnings = warnings;
        self
    }
}

/// A step that failed, and what is still worth publishing with the record of the failed run.
#[derive(Debug)]
pub struct StepFailure {
    pub error: Error,
    pub staged: Vec<Staged>,
}

impl From<Error> for StepFailure {
    fn from(error: Error) -> Self {
        StepFailure { error, staged: Vec::new() }
    }
}

/// What a step's tables were at an instant of the past.
#[derive(Debug)]
pub enum Recalled {
    /// Tonight's, of which only rows known by then are seen.
    AsTonight,
    /// The rows of the one table it makes.
    Query(Box<DataFrame>),
    /// Tables that were made anew, and what the run should say of it; they are deleted afterwards.
    Made { staged: Vec<Staged>, note: Option<String> },
}

impl Recalled {
    /// Returns what a step left that was performed again.
    pub fn made(output: StepOutput) -> Recalled {
        Recalled::Made { staged: output.staged, note: None }
    }
}
