//! What is asked of a run.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Instant;
use crate::warehouse::engine::Limits;
use crate::warehouse::lock::Wait;

/// What was asked of a run.
#[derive(Debug, Clone)]
pub struct Request {
    pub mode: Mode,
    pub as_of: Option<Instant>,
    /// Allows an instant older than the last release's.
    pub backfill: bool,
    /// Allows an instant that has not come yet.
    pub future: bool,
    pub select: Vec<String>,
    pub exclude: Vec<String>,
    /// Reads every source anew.
    pub full_refresh: bool,
    /// For a warehouse that another run holds.
    pub wait: Wait,
    pub limits: Limits,
    /// How long nothing may move before the run is given up.
    pub stall_limit: Duration,
}

/// What a run is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Takes up what sources have that is new.
    Night,
    /// Does what was asked of the run that was cut off or failed, in place of what is asked of this one.
    Retry,
    /// Reads the refused records of these sources again, beside what is new.
    Replay(BTreeSet<String>),
    /// Takes a person out: no file is read, and the instant is the last release's.
    Forget,
}

impl Mode {
    /// Returns whether the refused records of the source are read again.
    pub fn replays(&self, source: &str) -> bool {
        self.replayed().any(|replayed| replayed == source)
    }

    /// Returns the sources whose refused records are read again.
    pub fn replayed(&self) -> impl Iterator<Item = &str> {
        let sources = match self {
            Mode::Replay(sources) => Some(sources),
            Mode::Night | Mode::Retry | Mode::Forget => None,
        };
        sources.into_iter().flatten().map(String::as_str)
    }
}

/// How long nothing may move in a run whose request does not say it.
pub const STALL_LIMIT: Duration = Duration::from_secs(30 * 60);

impl Request {
    /// Returns the request of a plain night: everything, on every core.
    pub fn all() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Request {
            mode: Mode::Night,
            as_of: None,
            backfill: false,
            future: false,
            select: Vec::new(),
            exclude: Vec::new(),
            full_refresh: false,
            wait: Wait::No,
            limits: Limits { threads, memory: None },
            stall_limit: STALL_LIMIT,
        }
    }
}
