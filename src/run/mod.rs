//! A run: one execution of a pipeline for one as-of instant, published whole or not at all.
//!
//! `observe` looks at the world (release, ledger, source files, an unfinished run), `planner` makes a `plan`
//! of it and of the `request` without touching anything (`intake`: what of a source's files it takes up),
//! `execute` carries the plan out (`running` its steps; `watchdog` ends a run in which nothing moves), `step`
//! does one step, `ingest` that of a source (`source_reading`: files read, `replay`: refused records read
//! again, `judge`: what is wrong with its rows as a whole, `replaced`: rows of files that a newer one
//! replaces, `snapshot`: lists that become a history; its rows are `raw_rows` and `quarantine_rows`) and
//! `lists` that of the audiences, `quarantine` knows which refused records wait (`dismiss`: which need not)
//! and `retention` what is too old by each source's `retention_policy`, `history` writes down what happened
//! (`artifact` as JSON for other tools, `rebuilt_results` for a run that could not leave its own), `checks`
//! asks what must hold, `progress` is how others watch, `forget` runs the last night again without a person
//! (`forget_search` finds them, `erase` stages it).

mod artifact;
pub mod checks;
mod chosen_lines;
pub mod dismiss;
mod engine;
mod erase;
pub mod execute;
mod expected;
mod file_order;
mod fingerprint;
pub mod forget;
pub mod forget_search;
pub mod history;
mod ingest;
pub mod intake;
mod judge;
mod ledger;
mod lists;
mod model_time;
pub mod observe;
pub mod plan;
mod planner;
pub mod progress;
pub mod quarantine;
mod quarantine_rows;
pub mod raw_rows;
mod rebuilt_results;
mod replaced;
mod replay;
mod request;
mod retention;
mod retention_policy;
mod room;
mod running;
mod snapshot;
mod source_reading;
pub mod step;
mod watchdog;

pub use engine::{engine, engine_of};
pub use request::{Request, STALL_LIMIT};
