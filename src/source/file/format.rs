//! The formats that files can have.

use std::fmt;

use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    /// one object per line.
    Jsonl,
    /// One array of objects, or one object after another, over any number of lines.
    Json,
    Parquet,
    Fixed,
}

impl Format {
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
