//! Erasure: taking a person out of every table, and keeping them out.
//!
//! A person asks by any identifier (`identifier`); what else is theirs, every key and record that the
//! identity step united, is gathered as the [`ErasedPerson`]. Each identifying value is remembered as a
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
mod erased_person;
mod suppression;

pub use export::clean_file;
pub use identifier::Identifier;
pub use receipt::{CleanedFile, Receipt, Replica};
pub use record::{BlankedRecords, RecordSearch};
pub use rows::{ErasedRows, forget_rows, is_of_erased_person};
pub use erased_person::{ErasureRequest, ErasedPerson};
pub use suppression::{SuppressionKey, Suppressions, schema, table};
