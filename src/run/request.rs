//! What is asked of a run.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::clock::Instant;
use crate::warehouse::engine::Limits;
use crate::warehouse::lock::Wait;

/// What was asked of a run.
#[derive(Debug, Clone)]
pub struct Request {
    pub as_of: Option<Instant>,
    /// Allows an instant older than the last release's.
    pub backfill: bool,
    pub select: Vec<String>,
    pub exclude: Vec<String>,
    /// Reads every source anew.
    pub full_refresh: bool,
    /// The sources whose refused records are read again.
    pub replay: BTreeSet<String>,
    /// A person is taken out: no file is read, and the instant is the last release's.
    pub forgetting: bool,
    /// What was asked of the run that was cut off or failed, instead of all of the above.
    pub retry: bool,
    /// For a warehouse that another run holds.
    pub wait: Wait,
    pub limits: Limits,
    /// How long nothing may move before the run is given up.
    pub stall_limit: Duration,
}

/// How long nothing may move in a run that does not say it.
pub const STALL_LIMIT: Duration = Duration::from_secs(30 * 60);

impl Request {
    /// A plain run: everything, on every core.
    pub fn all() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Request {
            as_of: None,
            backfill: false,
            select: Vec::new(),
            exclude: Vec::new(),
            full_refresh: false,
            replay: BTreeSet::new(),
            forgetting: false,
            retry: false,
            wait: Wait::No,
            limits: Limits { threads, memory: None },
            stall_limit: STALL_LIMIT,
        }
    }
}
