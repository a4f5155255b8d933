//! Erasure: removes a person from every table, and keeps the person out.
//!
//! A person asks with any identifier (`ops::Identifier`); every key and record that identity resolution joined
//! with it is collected as the [`ErasedPerson`]. Each identifying value is stored only as a keyed hash
//! (`ops::suppressions`). The rows of raw tables, the rows of future deliveries and the records in quarantine are
//! all compared with this list (`rows`, `record`); everything else in the warehouse is computed again from
//! raw tables. Files that sillage wrote elsewhere are compared with the plain values while these are known
//! (`export`, by way of `delimited` and `workbook`). The [`Receipt`] says what was done, without any name.

mod delimited;
mod erased_person;
mod export;
mod identifying_values;
mod receipt;
mod record;
mod rows;
mod workbook;

pub use erased_person::{ErasedPerson, ErasureRequest};
pub use export::clean_file;
pub use receipt::{CleanedFile, Receipt, Replica};
pub use record::{BlankedRecords, RecordSearch};
pub use rows::{ErasedRows, forget_rows, is_of_erased_person};
