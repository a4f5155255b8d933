//! Ingest: the files of a source become rows of its raw table, each record once or refused with its reason.
//!
//! ```text
//! observe           the files as they lie there, and what is known of them
//! intake            which of them a run takes up, and why (pure)
//!   file_expectations whether they came as declared
//!   file_order        what their order does to the rows of a key
//! definition        a source as a step, with what a run takes up
//! step              performing it: read, judge, stage
//!   target            the raw table as it is to be, evolution: columns that nobody declared
//!   reading           rows, refused records, the register of files
//!   replay            refused records read again, by chosen_lines
//!   replaced_rows     rows of files that a newer one replaces
//!   snapshot          lists that become a history
//!   row_expectations  what is wrong with the rows as a whole
//!   retention         rows that are too old, by retention_policy
//! erase             the step of a source while a person is forgotten
//! raw_rows          rows as raw tables have them
//! ```

mod chosen_lines;
mod definition;
mod erase;
mod evolution;
mod file_expectations;
mod file_order;
mod intake;
mod observe;
mod raw_rows;
mod reading;
mod replaced_rows;
mod replay;
mod retention;
mod retention_policy;
mod row_expectations;
mod snapshot;
mod step;
mod target;

pub use definition::Ingest;
pub use erase::{EraseRows, count_erased};
pub use intake::{Asked, Intake, intake};
pub use observe::SourceObservation;
pub use retention::{Expired, expire_refusals};
