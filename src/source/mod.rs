//! Where a channel's records come from: connectors, declared types, quarantine.
//!
//! A source is declared (`declaration`), its files are found (`location`) and expected (`delivery`),
//! its rows are kept for a while (`retention`), their columns are held against the declared ones (`survey`, `drift`), and each is read as a stream
//! of typed rows and refused records (`stream`). Bytes come in windows from any object store
//! (`window`), become UTF-8 (`text`), are taken apart by format (`csv` with `records`, `json` with
//! `json_text`, `parquet`), and go value by value into Arrow columns (`decoder` with `number`,
//! `calendar`, `time_format` and `zone`). Nothing here knows the warehouse. A value is never rounded, replaced or guessed: what
//! does not fit its declaration is refused with its place and a reason that does not tell the value.

mod at_hand;
mod calendar;
mod column;
mod column_declaration;
mod csv;
mod declaration;
mod decoder;
pub mod delivery;
mod doubt;
mod drift;
mod encoding;
mod encoding_check;
mod encoding_guess;
mod escaped_records;
mod fault;
mod field_text;
mod file_version;
mod format_clash;
mod json;
mod json_text;
mod location;
mod name_pattern;
mod near;
mod number;
mod parquet;
mod person;
mod quarantine;
mod records;
pub mod retention;
mod rows;
mod stream;
mod strftime;
mod style_declaration;
mod survey;
mod text;
mod time_format;
mod time_parts;
mod window;
mod zone;

#[cfg(test)]
mod tests;

pub use at_hand::read_at_hand;
pub use column::{Column, ColumnType, From};
pub use column_declaration::{
    ColumnDeclaration, ColumnDeclarations, ColumnTable, FormatDeclaration, FromDeclaration,
};
pub use declaration::{Format, Source, SourceDeclaration, Undated};
pub use drift::OnDrift;
pub use location::{SourceFile, digest, list};
pub use person::{KeyKind, OnForget, Person, PersonDeclaration, PersonKey};
pub use quarantine::quarantine_schema;
pub use stream::{Piece, read};
pub use survey::{Survey, survey};
