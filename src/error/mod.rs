//! What went wrong, where, and a hint at the fix: the one error type of sillage.
//!
//! An error is written for the person who meets it at 3 a.m.: the message says what was found and
//! what was expected, the places say where (pipeline, step, file, line), the hint says what to do.
//! Row values never enter a message: they may be personal data. Nor do values of the environment and what
//! in a URL lets somebody in (`secret`).
//!
//! ```text
//! error_type  the error, and how it is shown
//! foreign     what a library's error tells, in plain words
//! planning    what the engine says of SQL that it cannot plan
//! sql_place   where in a SQL text a mistake is
//! context     how a library's error becomes ours
//! ```

mod context;
mod error_type;
mod foreign;
mod planning;
mod sql_place;

pub use context::Context;
pub use error_type::{Error, Kind, Result};
pub use sql_place::{SqlOrigin, Wanted};
