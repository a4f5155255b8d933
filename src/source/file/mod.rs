//! Sources whose rows come from files: which files, how they are found, unpacked and parsed.

pub mod bytes;
pub mod columns;
pub mod csv;
pub mod delivery;
pub mod fixed;
pub mod format;
pub mod in_memory;
pub mod json;
pub mod listing;
pub mod parquet;
pub mod record_values;
pub mod source_file;
pub mod stream;
pub mod text;
