//! `[sources.<name>]` of a pipeline file: the exact mirror of the TOML, and its check.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use glob::Pattern;
use serde::Deserialize;

use super::column::{Column, ColumnType, From, Style};
use super::column_declaration::ColumnDeclarations;
use super::column_place::{FromDeclaration, is_path};
use super::delivery::{
    Delivery, DeliveryDeclaration, ExpectDeclaration, FreshnessDeclaration, LateDeclaration,
};
use super::drift::OnDrift;
use super::editions::Editions;
use super::encoding::Encoding;
use super::file_version::file_version;
use super::header_name::{composed, plain};
use super::person::{Person, PersonDeclaration};
use super::ragged::Ragged;
use super::retention::{Keep, KeepDeclaration};
use super::same_content::SameContent;
use super::snapshot::{self, Snapshot, SnapshotDeclaration};
use super::text::TextEncoding;
use crate::config::Problem;
use crate::error::Error;
use crate::name::is_identifier;

/// The column that says which element of its record a row is.
const ELEMENT: &str = "_element";

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
    /// What becomes of rows without the time that their table declares; refused when not said.
    pub undated: Option<Undated>,
    /// The share of refused records, 0 to 1, that a run bears.
    #[serde(default)]
    pub tolerance: f64,
    /// Whether there may be no file at all.
    #[serde(default)]
    pub optional: bool,
    /// What becomes of a file whose columns are not the declared ones; `fail` when not said.
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
    /// How many rows may tell of what happened before the last release.
    pub late: Option<LateDeclaration>,
    /// Whose rows these are.
    pub person: Option<PersonDeclaration>,
    /// How long rows are kept.
    pub keep: Option<KeepDeclaration>,
    /// What becomes of a file whose content came before under another name.
    pub same_content: Option<SameContent>,
    /// Whether each file is the whole list of its day.
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
    /// The currency sign or code that may stand beside a number.
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
    /// Whether bytes that speak against the encoding stop the source.
    #[serde(default = "yes")]
    pub encoding_check: bool,
    pub skip_lines: Option<usize>,
    pub footer_lines: Option<usize>,
    // How files are packed and laid out:
    /// Which members of zip archives are read: a glob.
    pub member: Option<String>,
    /// CSV and fixed width: whether cells may be missing at the end of a record.
    pub ragged: Option<Ragged>,
}

fn yes() -> bool {
    true
}

/// What becomes of a row that does not say when it became known, where its table declares the column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Undated {
    /// It goes to the quarantine.
    #[default]
    Refuse,
    /// It counts as known at every instant.
    Known,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv,
    /// An object a line.
    Jsonl,
    /// One array of objects, or one object after another, over any number of lines.
    Json,
    Parquet,
    Fixed,
}

impl Format {
    pub fn is_json(self) -> bool {
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

/// A checked source: where its files are and what a record must be.
#[derive(Debug, Clone, PartialEq)]
pub struct Source {
    pub name: String,
    /// The location as declared.
    pub path: String,
    pub format: Format,
    pub columns: Vec<Column>,
    pub key: Vec<String>,
    /// A timestamp, a date or a number.
    pub version: Option<String>,
    pub undated: Undated,
    pub tolerance: f64,
    pub optional: bool,
    pub on_drift: OnDrift,
    pub delivery: Delivery,
    /// The path of the array whose elements are the rows; without it records are.
    pub rows: Option<String>,
    /// None where no row is anybody's.
    pub person: Option<Person>,
    pub keep: Option<Keep>,
    /// Of zip archives the members that are read; all when none is said.
    pub(super) member: Option<Pattern>,
    pub same_content: Option<SameContent>,
    /// None where files add to each other.
    pub snapshot: Option<Snapshot>,
    pub replaces: Option<Editions>,
    /// Undeclared columns that nobody minds.
    pub(super) ignored: Vec<String>,
    /// How the text of a column is read that nobody declared.
    pub(super) usual: Arc<Style>,
    pub(super) dialect: Dialect,
}

/// How the text of a file is laid out.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Dialect {
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

impl Source {
    /// The source, of whose columns only these are read, whatever others there are.
    #[must_use]
    pub fn of_columns(&self, names: &[String]) -> Source {
        let mut source = self.clone();
        source.columns.retain(|column| names.contains(&column.name));
        source.on_drift = OnDrift::Ignore;
        source
    }

    /// The columns of the raw table but for the run: those that reading yields and, of snapshots, when the
    /// row held.
    pub fn table_schema(&self) -> SchemaRef {
        let mut fields = self.schema().fields().to_vec();
        if self.snapshot.is_some() {
            fields.extend(snapshot::fields().map(Arc::new));
        }
        Arc::new(Schema::new(fields))
    }

    /// Whether the raw table has a column of this name that no file has.
    pub fn adds(&self, name: &str) -> bool {
        self.snapshot.is_some() && snapshot::fields().iter().any(|field| field.name() == name)
    }

    /// The rows that reading yields: the declared columns in their order, then `_file` (the file's
    /// short name) and `_line` (the 1-based line where the record starts; in Parquet and among JSON values its
    /// number); where rows are elements of a record also `_element` (which of them, from 1), and with a key
    /// `_version`, which orders the rows of different files.
    pub fn schema(&self) -> SchemaRef {
        let mut fields: Vec<Field> = self.columns.iter().map(Column::field).collect();
        fields.push(Field::new("_file", DataType::Utf8, false));
        fields.push(Field::new("_line", DataType::Int64, false));
        if self.rows.is_some() {
            fields.push(Field::new(ELEMENT, DataType::Int64, false));
        }
        if self.has_versions() {
            fields.push(Field::new("_version", DataType::Utf8, false));
        }
        Arc::new(Schema::new(fields))
    }

    /// Whether several rows may be versions of one record.
    pub fn has_versions(&self) -> bool {
        !self.key.is_empty() && self.snapshot.is_none()
    }

    /// Returns the version that a file gives its rows, which sorts as the files follow one another.
    pub fn version_of(&self, file: &str) -> String {
        file_version(file, self.delivery.date_of(file))
    }

    /// Whether a timestamp column is read by a format that names days only.
    pub fn names_only_days(&self, column: &str) -> bool {
        self.columns
            .iter()
            .any(|c| c.name == column && c.kind == ColumnType::Timestamp && c.names_only_days())
    }

    /// Takes days in the column, which says when events happened, as over.
    pub fn date_events(&mut self, column: &str) {
        self.columns.iter_mut().filter(|c| c.name == column).for_each(Column::date_events);
    }

    /// Refuses rows without a value in the column.
    pub fn require(&mut self, column: &str) {
        for required in self.columns.iter_mut().filter(|c| c.name == column) {
            required.nullable = false;
        }
    }
}

impl SourceDeclaration {
    /// Turns the declaration into a source, or tells everything that is wrong with it.
    pub fn check(&self, name: &str) -> Result<Source, Vec<Problem>> {
        let mut problems = Vec::new();
        if !is_identifier(name) || name.starts_with('_') {
            problems.push(Problem::new(
                Vec::<String>::new(),
                Error::config(format!("`{name}` cannot name a source"))
                    .hint("use lower-case letters, digits and underscores, starting with a letter"),
            ));
        }
        if self.path.trim().is_empty() {
            problems.push(Problem::new(["path"], Error::config("the path is empty")));
        }
        if !(0.0..=1.0).contains(&self.tolerance) {
            problems.push(Problem::new(
                ["tolerance"],
                Error::config(format!("the tolerance {} is no share", self.tolerance))
                    .hint("write the share of refused records that a run bears, for example 0.01 for 1%"),
            ));
        }
        let dialect = self.dialect(&mut problems);
        let shared = self.shared(&mut problems);
        let columns: Vec<Column> = self
            .columns
            .0
            .iter()
            .filter_map(|(name, c)| self.column(name, &c.0, &shared, &mut problems))
            .collect();
        self.drift(&columns, &mut problems);
        self.overlaps(&columns, &mut problems);
        self.unfolding(&mut problems);
        let member = self.members(&mut problems);
        self.versions(&columns, &mut problems);
        let delivery = DeliveryDeclaration {
            date_in_name: self.date_in_name.as_deref(),
            expect: self.expect.as_ref(),
            freshness: self.freshness.as_ref(),
            late: self.late.as_ref(),
        };
        let delivery = delivery.check(shared.zone, &mut problems);
        let keep = self.keep.as_ref().and_then(|declared| declared.check(shared.zone, &mut problems));
        for (section, by) in [
            ("expect", delivery.expect.as_ref().and_then(|expect| expect.by.as_ref())),
            ("keep", self.keep.as_ref().and_then(KeepDeclaration::by)),
        ] {
            self.counted_by(section, by, &columns, &mut problems);
        }
        let added: Vec<String> = match &self.snapshot {
            Some(_) => snapshot::fields().iter().map(|field| field.name().clone()).collect(),
            None => Vec::new(),
        };
        let person = self.person.as_ref().and_then(|person| person.check(&columns, &added, &mut problems));
        let snapshot = self.snapshot(shared.zone, person.as_ref(), &mut problems);
        let replaces = self.replaces.as_ref().and_then(|pattern| {
            Editions::parse(pattern)
                .map_err(|why| {
                    problems.push(Problem::new(
                        ["replaces"],
                        Error::config(format!("the pattern `{pattern}` {why}"))
                            .hint("for example \"sales_{period}_v{version}.csv\": the highest version of a period counts"),
                    ));
                })
                .ok()
        });
        for key in &self.key {
            let element = self.rows.is_some() && key == ELEMENT;
            if !element && !self.columns.0.iter().any(|(name, _)| name == key) {
                problems.push(Problem::new(
                    ["key"],
                    Error::config(format!("the key names `{key}`, which is not a declared column")),
                ));
            }
        }
        if problems.is_empty() {
            Ok(Source {
                name: name.to_owned(),
                path: self.path.clone(),
                format: self.format,
                columns,
                key: self.key.clone(),
                version: self.version.clone(),
                undated: self.undated.unwrap_or_default(),
                tolerance: self.tolerance,
                optional: self.optional,
                on_drift: self.on_drift.unwrap_or_default(),
                delivery,
                rows: self.rows.clone(),
                person,
                keep,
                member,
                ignored: self.ignore_columns.iter().map(|name| self.ignored(name)).collect(),
                same_content: self.same_content,
                snapshot,
                replaces,
                usual: shared.usual(),
                dialect,
            })
        } else {
            Err(problems)
        }
    }

    fn dialect(&self, problems: &mut Vec<Problem>) -> Dialect {
        let csv_only = [
            ("delimiter", self.delimiter.is_some()),
            ("quote", self.quote.is_some()),
            ("escape", self.escape.is_some()),
            ("header", self.header.is_some()),
        ];
        let records_only = [("comment", self.comment.is_some()), ("ragged", self.ragged.is_some())];
        let text_only = [
            ("encoding", self.encoding.is_some()),
            ("encoding_check", !self.encoding_check),
            ("skip_lines", self.skip_lines.is_some()),
            ("footer_lines", self.footer_lines.is_some()),
            ("member", self.member.is_some()),
        ];
        let misplaced = match self.format {
            Format::Csv => Vec::new(),
            Format::Fixed => csv_only.to_vec(),
            Format::Jsonl | Format::Json => [csv_only.as_slice(), &records_only].concat(),
            Format::Parquet => [csv_only.as_slice(), &records_only, &text_only].concat(),
        };
        for (key, given) in misplaced {
            if given {
                problems.push(Problem::new(
                    [key],
                    Error::config(format!("`{key}` means nothing for the format {}", self.format)),
                ));
            }
        }
        let delimiter = single("delimiter", self.delimiter.as_deref(), problems).unwrap_or(b',');
        let quote = match self.quote.as_deref() {
            Some("") => None,
            given => Some(single("quote", given, problems).unwrap_or(b'"')),
        };
        let comment = single("comment", self.comment.as_deref(), problems);
        let escape = single("escape", self.escape.as_deref(), problems);
        let signs = [Some(delimiter), quote, comment, escape];
        if signs.iter().enumerate().any(|(at, sign)| sign.is_some() && signs[..at].contains(sign)) {
            let error = Error::config("delimiter, quote, comment and escape must be different characters");
            problems.push(Problem::new(
                ["delimiter"],
                match escape.is_some() && escape == quote {
                    true => error.hint("doubled quotes are read without an escape"),
                    false => error,
                },
            ));
        }
        let label = self.encoding.as_deref().unwrap_or("utf-8");
        let encoding = Encoding::of(label).unwrap_or_else(|| {
            problems.push(Problem::new(
                ["encoding"],
                Error::config(format!("`{label}` is not a known encoding"))
                    .hint("for example utf-8, windows-1252, iso-8859-15, utf-16le, cp850, macintosh"),
            ));
            Encoding::UTF_8
        });
        Dialect {
            delimiter,
            quote,
            escape,
            header: self.header.unwrap_or(true),
            comment,
            skip_lines: self.skip_lines.unwrap_or(0),
            footer_lines: self.footer_lines.unwrap_or(0),
            encoding: TextEncoding {
                encoding,
                declared: self.encoding.is_some(),
                checked: self.encoding_check,
            },
            ragged: self.ragged.unwrap_or_default(),
        }
    }

    /// Rows are elements only where a record can hold any, and no column stands below their array.
    fn unfolding(&self, problems: &mut Vec<Problem>) {
        let Some(rows) = &self.rows else { return };
        if matches!(self.format, Format::Csv | Format::Fixed) || !is_path(rows) {
            let what = match is_path(rows) {
                true => format!("`rows` means nothing for the format {}", self.format),
                false => format!("`{rows}` is no path: names joined by dots"),
            };
            let hint = "it names an array in the records of a JSON or Parquet file, for example rows = \"line_items\"";
            problems.push(Problem::new(["rows"], Error::config(what).hint(hint)));
        }
        for (name, column) in &self.columns.0 {
            let names = column.0.from.as_ref().map_or(&[][..], FromDeclaration::names);
            let around = names.iter().filter(|name| name.starts_with("$.")).count();
            if around > 0 && around < names.len() {
                problems.push(Problem::new(
                    ["columns", name, "from"],
                    Error::config("a column stands in the element or around it, under all of its names")
                        .hint("declare two columns"),
                ));
            }
            for from in column.0.from.iter().flat_map(FromDeclaration::names) {
                let path = from.strip_prefix("$.").and_then(|path| path.strip_prefix(rows.as_str()));
                let Some(below) = path.and_then(|path| path.strip_prefix('.')) else { continue };
                let wrong = format!("`{from}` begins at the record and leads into the array of the rows");
                problems.push(Problem::new(
                    ["columns", name, "from"],
                    Error::config(wrong).hint(format!("write from = \"{below}\" for what an element holds")),
                ));
            }
        }
    }

    /// The name of an ignored column in the form in which names are compared.
    fn ignored(&self, name: &str) -> String {
        match self.format {
            Format::Jsonl | Format::Json => composed(name.trim()).into_owned(),
            _ => plain(name).into_owned(),
        }
    }

    fn members(&self, problems: &mut Vec<Problem>) -> Option<Pattern> {
        let text = self.member.as_deref()?;
        Pattern::new(&composed(text))
            .map_err(|e| {
                problems.push(Problem::new(
                    ["member"],
                    Error::config(format!("`{text}` is not a glob"))
                        .caused_by(e)
                        .hint("use * for any part of a name, ** for any folders, ? for one character"),
                ));
            })
            .ok()
    }

    /// What is said of undeclared columns makes sense.
    fn drift(&self, columns: &[Column], problems: &mut Vec<Problem>) {
        if self.format == Format::Csv && self.header == Some(false) {
            for (key, given) in
                [("on_drift", self.on_drift.is_some()), ("ignore_columns", !self.ignore_columns.is_empty())]
            {
                if given {
                    problems.push(Problem::new(
                        [key],
                        Error::config(format!("`{key}` means nothing for a file without header")).hint(
                            "without names there is nothing to compare: the declared positions are read",
                        ),
                    ));
                }
            }
        }
        if self.format == Format::Fixed && self.on_drift == Some(OnDrift::Evolve) {
            problems.push(Problem::new(
                ["on_drift"],
                Error::config("a fixed-width file has no names by which a column could be taken in")
                    .hint("on_drift = \"ignore\" leaves undeclared characters out"),
            ));
        }
        for ignored in &self.ignore_columns {
            let name = self.ignored(ignored);
            // Of columns of one name, one may be declared and the others ignored.
            let is_it = |c: &&Column| !matches!(c.from, From::Nth { .. }) && c.source_names().contains(&name);
            if let Some(column) = columns.iter().find(is_it) {
                problems.push(Problem::new(
                    ["ignore_columns"],
                    Error::config(format!("`{ignored}` is declared, as {}, and ignored", column.name))
                        .hint("take it out of one of the two"),
                ));
            }
        }
    }

    /// What orders the versions of a record is of a type that has an order.
    fn versions(&self, columns: &[Column], problems: &mut Vec<Problem>) {
        let Some(version) = &self.version else { return };
        let mut wrong = |error: Error| problems.push(Problem::new(["version"], error));
        if self.key.is_empty() {
            wrong(
                Error::config("`version` orders the rows of one key, but the source has no key")
                    .hint("say key = [\"…\"], the columns that identify a record"),
            );
        }
        let declared = self.columns.0.iter().any(|(name, _)| name == version);
        let found = match columns.iter().find(|c| c.name == *version) {
            Some(Column {
                kind:
                    ColumnType::Date | ColumnType::Timestamp | ColumnType::Integer | ColumnType::Decimal { .. },
                ..
            }) => return,
            Some(column) => format!("`version` names `{version}`, which is {}", column.kind),
            // Its own problem was told.
            None if declared => return,
            None => format!("`version` names `{version}`, which is not a declared column"),
        };
        wrong(Error::config(found).hint("name a column of type timestamp, date, integer or decimal"));
    }

    /// The column that periods, or ages, are counted by says when.
    fn counted_by(
        &self,
        section: &str,
        by: Option<&String>,
        columns: &[Column],
        problems: &mut Vec<Problem>,
    ) {
        let Some(by) = by else { return };
        let declared = self.columns.0.iter().any(|(name, _)| name == by);
        let wrong = match columns.iter().find(|c| c.name == *by) {
            Some(column) if matches!(column.kind, ColumnType::Date | ColumnType::Timestamp) => return,
            Some(column) => format!("`by` names `{by}`, which is {}", column.kind),
            // Its own problem was told.
            None if declared => return,
            None => format!("`by` names `{by}`, which is not a declared column"),
        };
        problems.push(Problem::new(
            [section, "by"],
            Error::config(wrong).hint("name a declared column of type date or timestamp"),
        ));
    }
}

/// One ASCII character, if given.
fn single(key: &str, given: Option<&str>, problems: &mut Vec<Problem>) -> Option<u8> {
    match given?.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n') => Some(*byte),
        _ => {
            problems.push(Problem::new(
                [key],
                Error::config(format!("`{key}` is one ASCII character")).hint("for example \";\" or \"\\t\""),
            ));
            None
        }
    }
}
