//! A pipeline: a TOML file with its parts, checked whole, and the graph of its steps.
//!
//! `load` reads the files: `project` finds them, `document` knows where every key stands in one of them and
//! `documents` in which of them it stands. `file` and `properties` mirror the TOML exactly, `check` turns it into a
//! `definition` of declared `step`s or into all that is wrong with it, `graph` works out who reads whose
//! table, `sql_origins` knows where conditions stand, `truth_isolation` keeps what judges the linkage out of its sight,
//! `selector` picks steps, `schema` says what may stand in the files.
//! Checking does no I/O; reading the files is [`load`]'s.

mod check;
mod definition;
pub mod document;
mod documents;
mod file;
mod graph;
mod load;
pub mod placeholder;
pub mod project;
mod properties;
mod schema;
pub mod selector;
mod sql_origins;
mod step;
mod truth_isolation;

pub use definition::{Pipeline, TableRules};
pub use load::{load, of_text};
pub use schema::FileKind;
pub use step::DeclaredStep;
