//! Turns `[sources.<name>]` as written into a source, or into all errors in it.

use glob::Pattern;

use super::column::ColumnDeclaration;
use super::column_place::{FromDeclaration, is_path};
use crate::config::Problem;
use crate::error::Error;
use crate::name::is_identifier;
use crate::source::contract::Contract;
use crate::source::contract::column::{Column, ColumnType, From};
use crate::source::contract::expectation::{ExpectDeclaration, ExpectedRows};
use crate::source::contract::header_name::{composed, plain};
use crate::source::contract::policy::OnDrift;
use crate::source::contract::retention::KeepDeclaration;
use crate::source::contract::snapshot;
use crate::source::declaration::SourceDeclaration;
use crate::source::definition::{Origin, Source};
use crate::source::file::delivery::DeliveryDeclaration;
use crate::source::file::delivery::edition_pattern::Editions;
use crate::source::file::format::Format;
use crate::source::file::text::TextEncoding;
use crate::source::file::text::encoding::Encoding;
use crate::source::file::{Dialect, Files};
use crate::source::row::rows::ELEMENT;
use crate::suggestion::did_you_mean_or_list;

impl SourceDeclaration {
    /// Turns the declaration into a source.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn check(&self, name: &str) -> Result<Source, Vec<Problem>> {
        let mut problems = Vec::new();
        if !is_identifier(name) || name.starts_with('_') {
            problems.push(Problem::new(
                Vec::<String>::new(),
                Error::config(format!("`{name}` is not a valid source name"))
                    .hint("use lower-case letters, digits and underscores, starting with a letter"),
            ));
        }
        if self.path.trim().is_empty() {
            problems.push(Problem::new(["path"], Error::config("the path is empty")));
        }
        if self.format.is_none() {
            problems.push(Problem::new(
                Vec::<String>::new(),
                Error::config("missing key `format`").hint("write csv, jsonl, json, parquet or fixed"),
            ));
        }
        let tolerance = self.tolerance.unwrap_or(0.0);
        if !(0.0..=1.0).contains(&tolerance) {
            problems.push(Problem::new(
                ["tolerance"],
                Error::config(format!("the tolerance is {tolerance}, but it must be between 0 and 1"))
                    .hint("write the share of records that may be refused, for example 0.01 for 1%"),
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
        let expected_by = self.expect.as_ref().and_then(ExpectDeclaration::by);
        let delivery = DeliveryDeclaration {
            date_in_name: self.date_in_name.as_deref(),
            expect: self.expect.as_ref().filter(|_| expected_by.is_none()),
            freshness: self.freshness.as_ref(),
        };
        let delivery = delivery.check(&mut problems);
        let expect = self
            .expect
            .as_ref()
            .zip(expected_by)
            .map(|(declared, by)| ExpectedRows { by: by.clone(), expect: declared.check(&mut problems) });
        let late = self.late.as_ref().map(|declared| declared.check(&mut problems));
        let keep = self.keep.as_ref().and_then(|declared| declared.check(shared.zone, &mut problems));
        for (section, by) in
            [("expect", expected_by), ("keep", self.keep.as_ref().and_then(KeepDeclaration::by))]
        {
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
                    self.not_declared(format!("the key names `{key}`, which is not a declared column"), key),
                ));
            }
        }
        if problems.is_empty() {
            Ok(Source {
                name: name.to_owned(),
                contract: Contract {
                    columns,
                    key: self.key.clone(),
                    version: self.version.clone(),
                    undated: self.undated.unwrap_or_default(),
                    tolerance,
                    on_drift: self.on_drift.unwrap_or_default(),
                    ignored: self.ignore_columns.iter().map(|name| self.ignored(name)).collect(),
                    usual: shared.usual(),
                    person,
                    keep,
                    snapshot,
                    expect,
                    late,
                    zone: shared.zone,
                },
                origin: Origin::Files(Files {
                    path: self.path.clone(),
                    declared_path: self.path.clone(),
                    optional: self.optional.unwrap_or(false),
                    format: self.format(),
                    dialect,
                    rows: self.rows.clone(),
                    member,
                    delivery,
                    same_content: self.same_content,
                    replaces,
                }),
            })
        } else {
            Err(problems)
        }
    }

    fn dialect(&self, problems: &mut Vec<Problem>) -> Dialect {
        let format = self.format();
        for (key, given) in [
            ("delimiter", self.delimiter.is_some()),
            ("quote", self.quote.is_some()),
            ("escape", self.escape.is_some()),
            ("header", self.header.is_some()),
            ("comment", self.comment.is_some()),
            ("ragged", self.ragged.is_some()),
            ("encoding", self.encoding.is_some()),
            ("encoding_check", self.encoding_check.is_some()),
            ("skip_lines", self.skip_lines.is_some()),
            ("footer_lines", self.footer_lines.is_some()),
            ("member", self.member.is_some()),
        ] {
            if given && !format.knows(key) {
                problems.push(Problem::new(
                    [key],
                    Error::config(format!("`{key}` cannot be used with the format {format}")),
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
                    true => error.hint("doubled quotes are always read: remove `escape`"),
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
                checked: self.encoding_check.unwrap_or(true),
            },
            ragged: self.ragged.unwrap_or_default(),
        }
    }

    /// Rows are elements only where a record can hold any, and no column is below their array.
    fn unfolding(&self, problems: &mut Vec<Problem>) {
        let Some(rows) = &self.rows else { return };
        if matches!(self.format(), Format::Csv | Format::Fixed) || !is_path(rows) {
            let what = match is_path(rows) {
                true => format!("`rows` cannot be used with the format {}", self.format()),
                false => format!("`{rows}` is not a path of names joined by dots"),
            };
            let hint = "`rows` names an array in the records of a JSON or Parquet file, for example rows \
             = \"line_items\"";
            problems.push(Problem::new(["rows"], Error::config(what).hint(hint)));
        }
        for (name, column) in &self.columns.0 {
            let names = column.0.from.as_ref().map_or(&[][..], FromDeclaration::names);
            let around = names.iter().filter(|name| name.starts_with("$.")).count();
            if around > 0 && around < names.len() {
                problems.push(Problem::new(
                    ["columns", name, "from"],
                    Error::config("the names of a column must be all inside the element or all outside it")
                        .hint("declare two columns"),
                ));
            }
            for from in column.0.from.iter().flat_map(FromDeclaration::names) {
                let path = from.strip_prefix("$.").and_then(|path| path.strip_prefix(rows.as_str()));
                let Some(below) = path.and_then(|path| path.strip_prefix('.')) else { continue };
                let wrong = format!("`{from}` starts at the record but leads into the array of the rows");
                problems.push(Problem::new(
                    ["columns", name, "from"],
                    Error::config(wrong).hint(format!("write from = \"{below}\" for a value of an element")),
                ));
            }
        }
    }

    /// Returns the name of an ignored column in the form in which names are compared.
    fn ignored(&self, name: &str) -> String {
        match self.format() {
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

    /// Checks the keys about undeclared columns.
    fn drift(&self, columns: &[Column], problems: &mut Vec<Problem>) {
        if self.format() == Format::Csv && self.header == Some(false) {
            for (key, given) in
                [("on_drift", self.on_drift.is_some()), ("ignore_columns", !self.ignore_columns.is_empty())]
            {
                if given {
                    problems.push(Problem::new(
                        [key],
                        Error::config(format!("`{key}` cannot be used with a file without header")).hint(
                            "columns without names cannot be compared: the declared positions are read",
                        ),
                    ));
                }
            }
        }
        if self.format() == Format::Fixed && self.on_drift == Some(OnDrift::Evolve) {
            problems.push(Problem::new(
                ["on_drift"],
                Error::config("a fixed-width file has no column names, so no column can be added")
                    .hint("on_drift = \"ignore\" ignores undeclared characters"),
            ));
        }
        for ignored in &self.ignore_columns {
            let name = self.ignored(ignored);
            // Of columns of one name, one may be declared and the others ignored.
            let is_it = |c: &&Column| !matches!(c.from, From::Nth { .. }) && c.source_names().contains(&name);
            if let Some(column) = columns.iter().find(is_it) {
                problems.push(Problem::new(
                    ["ignore_columns"],
                    Error::config(format!("`{ignored}` is both declared, as {}, and ignored", column.name))
                        .hint("remove one of the two"),
                ));
            }
        }
    }

    /// Checks that the version column has a type with an order.
    fn versions(&self, columns: &[Column], problems: &mut Vec<Problem>) {
        let Some(version) = &self.version else { return };
        let mut wrong = |error: Error| problems.push(Problem::new(["version"], error));
        if self.key.is_empty() {
            wrong(
                Error::config("`version` orders the rows of one key, but the source has no key")
                    .hint("add key = [\"…\"], the columns that identify a record"),
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
            // Its own problem was reported.
            None if declared => return,
            None => format!("`version` names `{version}`, which is not a declared column"),
        };
        wrong(match columns.iter().any(|c| c.name == *version) {
            true => Error::config(found).hint("name a column of type timestamp, date, integer or decimal"),
            false => self.not_declared(found, version),
        });
    }

    /// An error about a name that is no column; perhaps it is the name in the files.
    fn not_declared(&self, message: String, name: &str) -> Error {
        let reads = |(_, column): &&(String, ColumnDeclaration)| {
            column.0.from.as_ref().is_some_and(|from| from.names().iter().any(|from| from == name))
        };
        let hint = match self.columns.0.iter().find(reads) {
            Some((column, _)) => format!("did you mean `{column}`, which reads `{name}` of the files?"),
            None => {
                let known = self.columns.0.iter().map(|(column, _)| column.as_str());
                did_you_mean_or_list(name, known, "the columns are")
            }
        };
        Error::config(message).hint(hint)
    }

    /// Checks that the column for periods, or ages, is a date or a timestamp.
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
            // Its own problem was reported.
            None if declared => return,
            None => format!("`by` names `{by}`, which is not a declared column"),
        };
        problems.push(Problem::new(
            [section, "by"],
            Error::config(wrong).hint("name a declared column of type date or timestamp"),
        ));
    }
}

/// Returns one ASCII character, if given.
fn single(key: &str, given: Option<&str>, problems: &mut Vec<Problem>) -> Option<u8> {
    match given?.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n') => Some(*byte),
        _ => {
            problems.push(Problem::new(
                [key],
                Error::config(format!("`{key}` must be one ASCII character")).hint(
                    "for example \";\" or \
                 \"\\t\"",
                ),
            ));
            None
        }
    }
}
