//! `[sources.<name>]` of a pipeline file: the exact mirror of the TOML.

pub mod check;
pub mod column;
pub mod column_check;
pub mod column_defaults;
pub mod column_place;
pub mod column_place_check;
pub mod defaults;
pub mod format_clash;
pub mod snapshot_check;
pub mod style;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::CheckDeclaration;
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
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceDeclaration {
    /// A file, a folder or a glob: a path from the folder of the project, `s3://…`, or `${NAME}/…` from the
    /// environment.
    #[schemars(example = &"exports/orders/*.csv")]
    pub path: String,
    /// How the files are written; may stand in `[source_defaults]`.
    #[schemars(example = &"csv")]
    pub format: Option<Format>,
    /// What the source contains, in a sentence.
    #[schemars(example = &"Tickets of the tills, a file a day")]
    pub description: Option<String>,
    /// The columns in the order of the raw table: a type, or a table of keys.
    pub columns: ColumnDeclarations,
    /// The columns that identify a record, of which a later row is a new version; without it a record is its
    /// file and line.
    #[serde(default)]
    #[schemars(example = ["order_id"])]
    pub key: Vec<String>,
    /// The column whose greatest value is the latest version of a record.
    #[schemars(example = &"updated_at")]
    pub version: Option<String>,
    /// The column that says when an event occurred, or arrived: a model sees rows before the instant of its run.
    #[schemars(example = &"ordered_at")]
    pub time: Option<String>,
    /// The column that says from when a state held.
    #[schemars(example = &"since")]
    pub valid_from: Option<String>,
    /// Whether the rows contain nothing from the future: a catalogue, a calendar.
    #[serde(default, rename = "static")]
    #[schemars(extend("default" = false))]
    pub is_static: bool,
    /// What must hold of the raw table, in every run.
    #[serde(default)]
    pub checks: Vec<CheckDeclaration>,
    /// Words by which sources are selected: `--select tag:crm`.
    #[serde(default)]
    #[schemars(example = ["crm"])]
    pub tags: Vec<String>,
    /// Who answers for the source: a team or a role.
    #[schemars(example = &"web team")]
    pub owner: Option<String>,
    /// What happens to rows without the time that the source declares.
    #[schemars(extend("default" = "refuse"))]
    pub undated: Option<Undated>,
    /// The share of refused records, 0 to 1, that a run accepts.
    #[schemars(example = 0.01, extend("default" = 0))]
    pub tolerance: Option<f64>,
    /// Whether there may be no file at all.
    #[schemars(extend("default" = false))]
    pub optional: Option<bool>,
    /// What happens to a file whose columns are not the declared ones.
    #[schemars(extend("default" = "fail"))]
    pub on_drift: Option<OnDrift>,
    /// Columns of the files (in JSON lines: paths) that are known and not wanted.
    #[serde(default)]
    #[schemars(example = ["Comment"])]
    pub ignore_columns: Vec<String>,
    /// Where a file's name holds its date.
    #[schemars(example = &"%Y-%m-%d")]
    pub date_in_name: Option<String>,
    /// How often a file is expected.
    #[schemars(example = &"daily")]
    pub expect: Option<ExpectDeclaration>,
    /// How old the newest file may be.
    pub freshness: Option<FreshnessDeclaration>,
    /// How many rows may be dated before the last release.
    pub late: Option<LateDeclaration>,
    /// Which persons the rows belong to.
    pub person: Option<PersonDeclaration>,
    /// How long rows are kept.
    #[schemars(example = &"3 years")]
    pub keep: Option<KeepDeclaration>,
    /// What happens to a file whose content was already read under another name; without a key it stops the run
    /// until the source says so.
    pub same_content: Option<SameContent>,
    /// Whether each file is the complete list of its day, from which a missing key has left.
    #[schemars(example = true)]
    pub snapshot: Option<SnapshotDeclaration>,
    /// Where a file's name holds its period and its edition: the highest edition of a period counts.
    #[schemars(example = &"sales_{period}_v{version}.csv")]
    pub replaces: Option<String>,
    /// Of JSON and Parquet: the path of an array in a record; each of its elements is a row.
    #[schemars(example = &"line_items")]
    pub rows: Option<String>,
    /// Where local times were written, and local days are counted.
    #[schemars(example = &"Europe/Paris", extend("default" = "UTC"))]
    pub timezone: Option<String>,
    /// Texts that mean "no value".
    #[schemars(example = ["", "NULL"], extend("default" = [""]))]
    pub null: Option<Vec<String>>,
    /// The decimal mark, `.` or `,`.
    #[schemars(example = &",", extend("default" = "."))]
    pub decimal: Option<String>,
    /// The sign between groups of three digits.
    #[schemars(example = &" ")]
    pub thousands: Option<String>,
    /// The currency sign or code before or after a number.
    #[schemars(example = &"€")]
    pub currency: Option<String>,
    /// The last of the hundred years that two digits name.
    #[schemars(example = 2049)]
    pub two_digit_years_to: Option<i64>,
    /// What abbreviations of zones stand for.
    pub zone_abbreviations: Option<BTreeMap<String, String>>,
    // CSV only:
    /// CSV: the sign between fields.
    #[schemars(example = &";", extend("default" = ","))]
    pub delimiter: Option<String>,
    /// CSV: the sign around fields; empty for none.
    #[schemars(extend("default" = "\""))]
    pub quote: Option<String>,
    /// CSV: the sign that makes the character after it a part of the value.
    #[schemars(example = &"\\")]
    pub escape: Option<String>,
    /// CSV: whether the first record names the columns.
    #[schemars(extend("default" = true))]
    pub header: Option<bool>,
    /// CSV and fixed width: the sign with which lines begin that are not records.
    #[schemars(example = &"#")]
    pub comment: Option<String>,
    // CSV, JSON and fixed width:
    /// Text: its encoding, by its WHATWG or code-page name.
    #[schemars(example = &"windows-1252", extend("default" = "utf-8"))]
    pub encoding: Option<String>,
    /// Text: whether bytes that contradict the encoding stop the source.
    #[schemars(extend("default" = true))]
    pub encoding_check: Option<bool>,
    /// Text: how many lines stand before the header.
    #[schemars(example = 3, extend("default" = 0))]
    pub skip_lines: Option<usize>,
    /// Text: how many lines stand after the last record.
    #[schemars(example = 1, extend("default" = 0))]
    pub footer_lines: Option<usize>,
    // How files are compressed and laid out:
    /// Which members of zip archives are read: a glob.
    #[schemars(example = &"**/*.csv")]
    pub member: Option<String>,
    /// CSV and fixed width: whether cells may be missing at the end of a record.
    #[schemars(extend("default" = "refuse"))]
    pub ragged: Option<Ragged>,
}

impl SourceDeclaration {
    /// Returns the format; that of most files where none is declared, which is an error of its own.
    pub(super) fn format(&self) -> Format {
        self.format.unwrap_or(Format::Csv)
    }
}
