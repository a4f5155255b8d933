//! `ops.quarantine`: refused records, and what became of them.
//!
//! Grain: one row per record and run that refused it, read it again or dismissed it.

mod rows;
mod status;

pub use rows::{
    DISMISSED_BECAUSE, DISMISSED_BY, Lines, RecordState, SHOWN_REFUSALS, SILLAGE, places, positions, rows,
    schema, table,
};
pub use status::{open, query, session};
