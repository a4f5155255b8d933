//! `[sources.<name>]` of a pipeline file: the exact mirror of the TOML.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::column_declaration::ColumnDeclarations;
use super::delivery::{ExpectDeclaration, FreshnessDeclaration, LateDeclaration};
use super::file_format::Format;
use super::person::PersonDeclaration;
use super::policy::{OnDrift, Undated};
use super::ragged::Ragged;
use super::retention::KeepDeclaration;
use super::same_content::SameContent;
use super::snapshot::SnapshotDeclaration;
use crate::check::CheckDeclaration;

/// `[sources.<name>]` as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceDeclaration {
    /// A file, a folder or a glob: a local path, `file://…` or `s3://…`.
    pub path: String,
    /// How the files are written; may come from `[source_defaults]`.
    pub format: Option<Format>,
    /// What the source contains, in a sentence.
    pub description: Option<String>,
    pub columns: ColumnDeclarations,
    /// The columns that identify a record; without them, file and line do.
    #[serde(default)]
    pub key: Vec<String>,
    /// The column whose greatest value is the latest version of a record.
    pub version: Option<String>,
    /// The column that says when an event occurred, or arrived: a model sees rows before the instant of its run.
    pub time: Option<String>,
    /// The column that says from when a state held.
    pub valid_from: Option<String>,
    /// Your promise that the rows contain nothing from the future.
    #[serde(default, rename = "static")]
    pub is_static: bool,
    /// What must hold of the raw table, in every run.
    #[serde(default)]
    pub checks: Vec<CheckDeclaration>,
    /// Words by which sources are selected: `--select tag:crm`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Who answers for the source: a team or a role.
    pub owner: Option<String>,
    /// What happens to rows without the time that their table declares; refused by default.
    pub undated: Option<Undated>,
    /// The share of refused records, 0 to 1, that a run accepts.
    pub tolerance: Option<f64>,
    /// Whether there may be no file at all.
    pub optional: Option<bool>,
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
    pub zone_abbreviations: Option<BTreeMap<String, String>>,
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
    pub encoding_check: Option<bool>,
    pub skip_lines: Option<usize>,
    pub footer_lines: Option<usize>,
    // How files are compressed and laid out:
    /// Which members of zip archives are read: a glob.
    pub member: Option<String>,
    /// CSV and fixed width: whether cells may be missing at the end of a record.
    pub ragged: Option<Ragged>,
}

impl SourceDeclaration {
    /// Returns the format; that of most files where none is declared, which is an error of its own.
    pub(super) fn format(&self) -> Format {
        self.format.unwrap_or(Format::Csv)
    }
}
