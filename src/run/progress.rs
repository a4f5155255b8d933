//! How others watch a run. The run tells; who listens decides how to show it.

use std::time::Duration;

use crate::clock::Instant;
use crate::name::StepName;
use crate::ops::steps::StepStatus;

/// What happens in a run, as it happens. No row values.
#[derive(Debug, Clone)]
pub enum Event {
    RunBegins {
        run: u64,
        pipeline: String,
        as_of: Instant,
        steps: usize,
    },
    /// A run that was cut off after its intent is published first.
    RolledForward {
        release: u64,
    },
    /// A run that was cut off, or failed, is resumed.
    Resumed {
        run: u64,
        failed: bool,
        /// Its steps that need not be done again.
        finished: usize,
    },
    Discarded {
        run: u64,
        because: String,
    },
    StepBegins {
        step: StepName,
        kind: &'static str,
    },
    StepEnds {
        step: StepName,
        kind: &'static str,
        status: StepStatus,
        rows: u64,
        wall: Duration,
        note: Option<String>,
    },
    Warning {
        step: StepName,
        message: String,
    },
    /// Worth knowing, nothing to fix.
    Note {
        step: StepName,
        message: String,
    },
    ChecksRun {
        passed: usize,
        warned: usize,
        failed: usize,
    },
    CheckBroken {
        table: String,
        check: String,
        failures: u64,
        stops: bool,
        /// Some of the rows, by the key of the table.
        rows: Vec<String>,
    },
    Published {
        release: u64,
        tables: usize,
        /// As the user wrote its location.
        warehouse: String,
        wall: Duration,
    },
}

pub trait Progress: Send + Sync {
    fn tell(&self, event: Event);
}

/// Nobody watches.
pub struct Silent;

impl Progress for Silent {
    fn tell(&self, _: Event) {}
}
