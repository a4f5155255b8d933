//! Where a channel's records come from: connectors, declared types, quarantine.
//!
//! A source is declared (`declaration` and `column_declaration`, checked by `declaration_check` and
//! `column_check` into a `definition` with its `policy`), its files are found (`location`; each is a
//! `source_file`) and expected (`delivery`), one may say what another said or replace it (`content`,
//! `same_content`, `editions`, `snapshot`), its rows are kept for a while (`retention`), their columns are held
//! against the declared ones (`survey`, `drift`, `evolution`), and each is read as a stream of typed rows and
//! refused records (`stream`). Bytes come in windows from any object store (`fetch`, `window`), are unpacked
//! (`packed` by their `form`; zip archives by `members` and `archive`), become UTF-8 (`text`), are parsed
//! by format (`csv` with `records` and `ragged`, `fixed`, `json` with `json_records` and `json_object`,
//! `parquet` with `parquet_columns` and `parquet_cells`), and go value by value into Arrow columns (`decoder`
//! with `number`, `calendar`, `time_format` and `zone`). `rows` gathers them, one a record or one per
//! element of it (`unfold`), with what folders tell (`partition`); what a refused record holds can be
//! asked for later (`record_values`). Nothing here knows the warehouse. A value is never rounded, replaced
//! or guessed: what does not fit its declaration is refused with its place and a reason that does not tell
//! the value (`fault`, put into words by `fault_reason`).

mod archive;
mod archive_member;
mod calendar;
mod column;
mod column_check;
mod column_declaration;
mod column_defaults;
mod column_place;
mod column_place_check;
mod content;
mod csv;
mod declaration;
mod declaration_check;
mod defaults;
mod decoder;
mod definition;
pub mod delivery;
mod doubt;
mod drift;
mod editions;
mod encoding;
mod encoding_check;
mod encoding_guess;
mod escaped_records;
mod evolution;
mod fault;
mod fault_reason;
mod fetch;
mod field_stretch;
mod field_text;
mod file_format;
mod file_version;
mod fixed;
mod form;
mod format_clash;
mod header_name;
mod in_memory;
mod json;
mod json_nested;
mod json_object;
mod json_path;
mod json_records;
mod json_shape;
mod json_value;
mod local_folder;
mod location;
mod members;
mod name_pattern;
mod near;
mod number;
mod packed;
mod parquet;
mod parquet_cells;
mod parquet_columns;
mod parquet_number;
mod partition;
mod person;
mod place;
mod policy;
mod quarantine;
mod ragged;
mod record_span;
mod record_values;
mod records;
mod remark;
pub mod retention;
mod row_place;
mod rows;
mod same_content;
mod skipped_files;
pub mod snapshot;
mod snapshot_check;
mod source_file;
mod stream;
mod strftime;
mod style_declaration;
mod survey;
mod tally;
mod text;
mod time_field;
mod time_format;
mod time_parts;
mod time_plan;
mod unfold;
mod window;
mod zone;

#[cfg(test)]
mod tests;

pub use column::{Column, ColumnType, From};
pub use column_declaration::{ColumnDeclaration, ColumnDeclarations, ColumnTable, FormatDeclaration};
pub use column_place::{AtDeclaration, FromDeclaration, NthDeclaration, PartitionDeclaration};
pub use content::{content, is_packed};
pub use declaration::SourceDeclaration;
pub use defaults::SourceDefaults;
pub use definition::{Source, raw_table};
pub use editions::{Edition, Editions};
pub use file_format::Format;
pub use in_memory::read_in_memory;
pub use location::list;
pub use person::{Blanked, KeyKind, OnForget, Person, PersonDeclaration, PersonKey};
pub use policy::{OnDrift, Undated};
pub use quarantine::{is_cut, quarantine_schema};
pub use remark::{Remark, messages};
pub use rows::Piece;
pub use same_content::{SameContent, is_moved};
pub use snapshot::Snapshot;
pub use source_file::{Content, Listing, SourceFile};
pub use stream::{has_records, read};
pub use survey::{Survey, survey};
