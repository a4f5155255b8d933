//! Sources whose rows come from files: which files, how they are found, unpacked and parsed.

pub mod bytes;
pub mod columns;
pub mod csv;
pub mod delivery;
pub mod file_rows;
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

use glob::Pattern;

use crate::source::contract::Contract;
use csv::ragged::Ragged;
use delivery::Delivery;
use delivery::edition_pattern::Editions;
use delivery::file_version::file_version;
use delivery::same_content::SameContent;
use format::Format;
use text::TextEncoding;

/// The files that rows come from, and how they are laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct Files {
    /// The location, a file, a folder or a glob, as the working folder reaches it.
    pub path: String,
    /// The location as it is written, by which messages find its line.
    pub declared_path: String,
    /// Whether there may be no file at all.
    pub optional: bool,
    pub format: Format,
    pub(super) dialect: Dialect,
    /// The path of the array whose elements are the rows; without it records are.
    pub rows: Option<String>,
    /// The members of zip archives that are read; all if not given.
    pub(super) member: Option<Pattern>,
    pub delivery: Delivery,
    pub same_content: Option<SameContent>,
    pub replaces: Option<Editions>,
}

/// How the text of a file is laid out.
#[derive(Debug, Clone, PartialEq)]
pub struct Dialect {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub header: bool,
    pub comment: Option<u8>,
    pub skip_lines: usize,
    pub footer_lines: usize,
    pub encoding: TextEncoding,
    pub ragged: Ragged,
}

/// What reading the files of a source takes: its name, what its rows are, and how the files are laid out.
#[derive(Debug, Clone, Copy)]
pub struct FileSource<'s> {
    pub name: &'s str,
    pub contract: &'s Contract,
    pub files: &'s Files,
}

impl Files {
    /// Returns the version that a file gives its rows, which sorts as the files follow one another.
    pub fn version_of(&self, file: &str) -> String {
        file_version(file, self.delivery.date_of(file))
    }
}
