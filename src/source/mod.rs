//! Where a channel's records come from: connectors, declared types, quarantine.
//!
//! A source is declared and checked (`declaration`) into a `definition`: the `contract`, which says what its
//! rows are wherever they come from, and its origin. The origin is files (`file`): they are found (`listing`)
//! and expected (`delivery`, where one file may also say what another said or replace it), their columns are
//! held against the declared ones (`columns`), and each is read as a stream of typed rows and refused records
//! (`stream`). Its `bytes` come in windows from any object store and are unpacked, become UTF-8 (`text`), and
//! are parsed by format (`csv`, `fixed`, `json`, `parquet`). Values are read from text (`value`) into Arrow
//! columns, and these gathered into rows (`row`), one a record or one per element of it.
//!
//! Of `declaration`, `file`, `row`, `contract` and `value` each uses only those after it; a `definition` holds
//! parts of them, and what others call in `file` takes one. Nothing here knows the warehouse. A value is never
//! rounded, replaced or guessed: what does not fit its declaration is refused with its place and a reason that
//! does not tell the value.

mod contract;
mod declaration;
mod definition;
mod file;
mod row;
mod value;

#[cfg(test)]
mod tests;

pub use contract::Contract;
pub use contract::column::{Column, ColumnType, From};
pub use contract::expectation::{Expect, ExpectedRows, Late};
pub use contract::person::{Blanked, KeyKind, OnForget, Person, PersonDeclaration, PersonKey};
pub use contract::policy::{OnDrift, Undated};
pub use contract::snapshot::Snapshot;
pub use contract::{retention, snapshot};
pub use declaration::SourceDeclaration;
pub use declaration::column::{ColumnDeclaration, ColumnDeclarations, ColumnTable, FormatDeclaration};
pub use declaration::column_place::{AtDeclaration, FromDeclaration, NthDeclaration, PartitionDeclaration};
pub use declaration::defaults::SourceDefaults;
pub use definition::{Origin, Source, raw_table};
pub use file::Files;
pub use file::bytes::content::{content, is_packed};
pub use file::columns::survey::{Survey, survey};
pub use file::delivery::Delivery;
pub use file::delivery::edition_pattern::{Edition, Editions};
pub use file::delivery::same_content::{SameContent, is_moved};
pub use file::format::Format;
pub use file::in_memory::read_in_memory;
pub use file::listing::list;
pub use file::source_file::{Content, Listing, SourceFile};
pub use file::stream::{has_records, read};
pub use row::quarantine::{is_cut, quarantine_schema};
pub use row::remark::{Remark, messages};
pub use row::rows::Piece;
