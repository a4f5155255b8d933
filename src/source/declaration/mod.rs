//! `[sources.<name>]` of a pipeline file: the exact mirror of the TOML.

pub mod check;
pub mod column;
pub mod column_check;
pub mod column_defaults;
pub mod column_place;
pub mod column_place_check;
pub mod format_clash;
pub mod snapshot_check;
pub mod style;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::source::contract::expectation::{ExpectDeclaration, LateDeclaration};
use crate::source::contract::person::PersonDeclaration;
use crate::source::contract::policy::{OnDrift, Undated};
use crate::source::contract::retention::KeepDeclaration;
use crate::source::contract::snapshot::SnapshotDeclaration;
use crate::source::file::csv::ragged::Ragged;
use crate::source::file::delivery::FreshnessDeclaration;
use crate::source::file::delivery::same_content::SameContent;
use crate::source::file::format::Format;
use column::ColumnDeclarations;

/// `[sources.<name>]` as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDeclaration {
    /// A file, a folder or a glob: a local path, `file://…` or `s3://…`.
    pub path: String,
    pub format: Format,
    pub columns: ColumnDeclarations,
    /// The columns that identify a record; without them, file and line do.
    #[serde(default)]
    pub key: Vec<String>,
    /// The column whose greatest value is the latest version of a record.
    pub version: Option<String>,
    /// What happens to rows without the time that their table declares; refused by default.
    pub undated: Option<Undated>,
    /// The share of refused records, 0 to 1, that a run accepts.
    #[serde(default)]
    pub tolerance: f64,
    /// Whether there may be no file at all.
    #[serde(default)]
    pub optional: bool,
    /// What happens to a file whose columns are not the declared ones; `fail` by default.
    pub on_drift: Option<OnDrift>,
    /// Columns of the files (in JSON lines: paths) that are known and not wanted.
    #[serde(default)]
    pub ignore_columns: Vec<String>,
    /// Where a file's name holds its date, for example `%Y-%m-%d`.
    pub date_in_name: Option<String>,
    /// How often a file is expected.
    pub expect: Option<ExpectDeclaration>,
    /// How old the newest file may be.
    pub freshness: Option<FreshnessDeclaration>,
    /// How many rows may be dated before the last release.
    pub late: Option<LateDeclaration>,
    /// Which persons the rows belong to.
    pub person: Option<PersonDeclaration>,
    /// How long rows are kept.
    pub keep: Option<KeepDeclaration>,
    /// What happens to a file whose content was already read under another name.
    pub same_content: Option<SameContent>,
    /// Whether each file is the complete list of its day.
    pub snapshot: Option<SnapshotDeclaration>,
    /// Where a file's name holds which edition it is, for example `sales_{period}_v{version}.csv`.
    pub replaces: Option<String>,
    /// Of JSON and Parquet: the path of an array in a record; each of its elements is a row.
    pub rows: Option<String>,
    /// Where local times were written, and local days are counted.
    pub timezone: Option<String>,
    /// Texts that mean "no value"; the empty text when not declared.
    pub null: Option<Vec<String>>,
    /// The decimal mark, `.` or `,`.
    pub decimal: Option<String>,
    /// The sign between groups of three digits.
    pub thousands: Option<String>,
    /// The currency sign or code before or after a number.
    pub currency: Option<String>,
    /// The last of the hundred years that two digits name.
    pub two_digit_years_to: Option<i64>,
    /// What abbreviations of zones stand for: `{ PST = "-08:00" }`.
    #[serde(default)]
    pub zone_abbreviations: BTreeMap<String, String>,
    // CSV only:
    pub delimiter: Option<String>,
    pub quote: Option<String>,
    /// What makes the character after it a part of the value.
    pub escape: Option<String>,
    pub header: Option<bool>,
    pub comment: Option<String>,
    // CSV, JSON and fixed width:
    pub encoding: Option<String>,
    /// Whether bytes that contradict the encoding stop the source.
    #[serde(default = "yes")]
    pub encoding_check: bool,
    pub skip_lines: Option<usize>,
    pub footer_lines: Option<usize>,
    // How files are compressed and laid out:
    /// Which members of zip archives are read: a glob.
    pub member: Option<String>,
    /// CSV and fixed width: whether cells may be missing at the end of a record.
    pub ragged: Option<Ragged>,
}

fn yes() -> bool {
    true
}
