//! A run: one execution of a pipeline for one as-of instant, published whole or not at all.
//!
//! `observe` looks at the world (release, ledger, source files, an unfinished run), `plan` decides
//! without touching anything (`intake`: what of a source's files it takes up), `execute` carries the plan
//! out (`watchdog` ends a run in which nothing moves), `step` does one step, `ingest` that of a source (`judge`: what is wrong with its rows as a whole,
//! `replaced`: rows of files that a newer one replaces, `snapshot`: lists that become a history) and `lists` that of the audiences, `quarantine` knows
//! which refused records wait (`dismiss`: which need not) and `retention` what is too old, `history`
//! writes down what happened (`artifact` as JSON for other tools, `rebuilt_results` for a run that could
//! not leave its own), `checks` asks what must hold, `progress` is how others watch, `forget` runs the
//! last night again without a person (`erase` stages it).

mod artifact;
pub mod checks;
pub mod dismiss;
mod erase;
pub mod execute;
mod expected;
mod file_order;
mod fingerprint;
pub mod forget;
pub mod history;
pub mod ingest;
pub mod intake;
mod judge;
mod ledger;
mod lists;
mod model_time;
pub mod observe;
pub mod plan;
pub mod progress;
pub mod quarantine;
mod rebuilt_results;
mod replaced;
mod replay;
mod retention;
mod room;
mod snapshot;
pub mod step;
mod watchdog;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use crate::clock::Instant;
use crate::error::Result;
use crate::identity;
use crate::pipeline::Pipeline;
use crate::placeholder_value::PlaceholderValues;
use crate::warehouse::Warehouse;
use crate::warehouse::engine::{Engine, Limits};
use crate::warehouse::lock::Wait;

/// The engine for what users ask: DataFusion's functions and our own.
pub fn engine(limits: Limits, warehouse: &Warehouse) -> Result<Engine> {
    engine_with(limits, warehouse, &PlaceholderValues::default())
}

/// The engine for what a pipeline declares.
pub fn engine_of(pipeline: &Pipeline, limits: Limits, warehouse: &Warehouse) -> Result<Engine> {
    Ok(engine_with(limits, warehouse, &pipeline.placeholders())?.in_zone(pipeline.timezone))
}

fn engine_with(limits: Limits, warehouse: &Warehouse, placeholders: &PlaceholderValues) -> Result<Engine> {
    Ok(Engine::new(limits, warehouse)?.with_functions(identity::sql_functions(placeholders)))
}

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
