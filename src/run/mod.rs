//! A run: one execution of a pipeline for one as-of instant, published whole or not at all.
//!
//! ```text
//! request     what is asked
//! rehearsal   the pipeline over empty inputs: what is wrong with it before anything is read
//! observe     the release, the files of sources, a run that was cut off or failed
//! preview     a plan that is shown (new_files: the columns of new files, named_segments: the segments audiences name)
//! planner     makes a plan of both, without touching anything (fingerprint: what a step's tables follow from)
//! plan        what would be done, and why
//! execute     carries it out, from the lock to the release
//!   running     its steps, each as soon as what it reads is there
//!   watchdog    ends a run in which nothing moves
//!   checks      what must hold
//!   record      what is written down of it
//!   artifact    the same as JSON for other tools (rebuilt_results: for a run that could not leave its own)
//! unplanned   the record of a run that failed before it had a plan
//! unpublished the tables of a run that failed or was cut off
//! progress    how others watch
//! forget      the last night again without a person (erasure_preview finds them, erase stages it)
//! dismiss     refused records that no longer matter
//! ```

mod artifact;
pub mod checks;
mod disk_space;
pub mod dismiss;
mod engine;
mod erase;
pub mod erasure_preview;
pub mod execute;
mod fingerprint;
pub mod forget;
mod named_segments;
mod new_files;
mod observe;
pub mod plan;
mod planner;
pub mod preview;
pub mod progress;
mod rebuilt_results;
mod record;
pub mod rehearsal;
mod request;
mod running;
mod unplanned;
mod unpublished;
mod watchdog;

pub use engine::{engine, engine_of};
pub use request::{Mode, Request, STALL_LIMIT};
pub use unpublished::{Unpublished, unpublished};
