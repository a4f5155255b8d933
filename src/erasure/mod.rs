//! Erasure: taking a person out of every table, and keeping them out.
//!
//! A person asks by any identifier (`identifier`); what else is theirs, every key and record that the
//! identity step united, is gathered as the [`Subject`]. Each identifying value is remembered as a
//! keyed hash only (`suppression`), and that one list does the whole work: the rows of raw tables, the
//! rows that tomorrow's exports bring and the records in quarantine are all held against it (`rows`,
//! `record`); everything else in the warehouse follows from raw tables and is computed anew. Files that
//! sillage wrote elsewhere are held against the plain values while these are known (`export`). What was
//! done is told by a [`Receipt`], which names nobody.

mod export;
mod identifier;
mod receipt;
mod record;
mod rows;
mod subject;
mod suppression;

pub use export::clean_file;
pub use identifier::Identifier;
pub use receipt::{CleanedFile, Receipt, Replica};
pub use record::{Blanked, RecordSearch};
pub use rows::{Theirs, forget_rows, is_theirs};
pub use subject::{Asked, Subject};
pub use suppression::{SuppressionKey, Suppressions, schema, table};
