//! The warehouse: Delta tables in a folder or an object store, published release by release.
//!
//! ```text
//! warehouse/
//!   raw/pos/  core/orders/  mart/segments/ …   Delta tables
//!   ops/runs/ ops/steps/ …                     the history, as tables
//!   bi/mart/segments.parquet                   the shelf
//!   _sillage/  format.json  lock/  journal/  releases/  shelf/  artifacts/
//!              exported/  erasing/  purge/  receipts/  spill/
//!              backup.json (in a copy that is being made)
//! ```
//!
//! Invariants: a table's files are written before any log speaks of them (`stage`); logs are
//! committed only under the lock and after the intent is in the journal (`publish`); what own
//! readers see is what the last release file lists (`release`), never "the newest version".

mod analyzer;
mod artifact;
mod as_of;
pub mod backup;
mod bounded_functions;
pub mod catalog;
mod delta;
pub mod description;
pub mod engine;
pub mod export_register;
pub mod format;
pub mod journal;
pub mod lineage;
mod local_day;
mod location;
pub mod lock;
pub mod migration;
mod named_files;
mod object;
mod open;
pub mod publish;
mod purge;
pub mod release;
pub mod row_removal;
pub mod row_versions;
pub mod shelf;
pub mod snapshot_history;
pub mod stage;
mod stored_types;
pub mod table;
pub mod time_column;
pub mod time_value;
mod unjournaled;
pub mod upkeep;
pub mod vacuum;
pub mod visibility;

pub use location::Warehouse;
