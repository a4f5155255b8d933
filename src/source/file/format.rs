//! The formats that files can have.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Records of fields with a delimiter between them.
    Csv,
    /// One object per line.
    Jsonl,
    /// One array of objects, or one object after another, over any number of lines.
    Json,
    /// Columns with types of their own.
    Parquet,
    /// Lines in which each field has its place.
    Fixed,
}

impl Format {
    /// Returns whether a key that only some formats have can be used with this one.
    pub(in crate::source) fn knows(self, key: &str) -> bool {
        match key {
            "delimiter" | "quote" | "escape" | "header" => self == Format::Csv,
            "comment" | "ragged" => matches!(self, Format::Csv | Format::Fixed),
            "encoding" | "encoding_check" | "skip_lines" | "footer_lines" | "member" => {
                self != Format::Parquet
            }
            _ => true,
        }
    }

    pub(in crate::source) fn is_json(self) -> bool {
        matches!(self, Format::Jsonl | Format::Json)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Csv => "csv",
            Format::Jsonl => "jsonl",
            Format::Json => "json",
            Format::Parquet => "parquet",
            Format::Fixed => "fixed",
        })
    }
}
