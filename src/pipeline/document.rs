//! The text of a pipeline file, and the line on which each key stands.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::sql_origins::SqlOrigins;
use crate::config::Problem;
use crate::error::{Error, Result};
use crate::suggestion::did_you_mean;

/// A parsed file. Sections are deserialised one by one, so that one wrong section does not hide
/// what is wrong with the others.
pub struct Document<'t> {
    /// As messages name it.
    path: String,
    text: &'t str,
    /// Where its lines end, ascending.
    line_ends: Vec<usize>,
    root: DeTable<'t>,
    origins: SqlOrigins,
}

impl<'t> Document<'t> {
    /// Reads the text of a file, which messages call `path`.
    ///
    /// # Errors
    /// A text that is not TOML: every syntax error, at its line.
    pub fn parse(path: &str, text: &'t str) -> Result<Self> {
        let (root, mut errors) = DeTable::parse_recoverable(text);
        errors.sort_by_key(|e| e.span().map(|s| s.start));
        let line_ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect();
        let root = root.into_inner();
        let origins = SqlOrigins::of(path, text, &root);
        let document = Document { path: path.to_owned(), text, line_ends, root, origins };
        let errors = errors
            .into_iter()
            .map(|e| {
                let line = e.span().map(|s| document.line_of(s.start));
                Error::config(format!("this is not TOML: {}", e.message().trim_end()))
                    .at_line(&document.path, line)
            })
            .collect();
        Error::all(errors)?;
        Ok(document)
    }

    /// The top-level keys in the order of the alphabet.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.root.keys().map(|k| k.get_ref().as_ref())
    }

    pub fn value(&self, key: &str) -> Option<&Spanned<DeValue<'t>>> {
        self.root.get(key)
    }

    /// Returns the whole file as one value.
    pub fn whole(&self) -> Spanned<DeValue<'t>> {
        Spanned::new(0..0, DeValue::Table(self.root.clone()))
    }

    /// Returns the text, or the list of texts, at a top-level key; `None` where something else stands there.
    pub fn texts(&self, key: &str) -> Option<Vec<String>> {
        match self.value(key)?.get_ref() {
            DeValue::String(text) => Some(vec![text.clone().into_owned()]),
            DeValue::Array(entries) => {
                entries.iter().map(|entry| entry.get_ref().as_str().map(str::to_owned)).collect()
            }
            _ => None,
        }
    }

    /// Returns whether all of the key stands in the file.
    pub fn has(&self, key: &[String]) -> bool {
        let mut table = Some(&self.root);
        key.iter().all(|part| {
            let value = table.and_then(|table| table.get(part.as_str()));
            table = value.and_then(|value| value.get_ref().as_table());
            value.is_some()
        })
    }

    /// The texts of the file, to find the places of SQL.
    pub fn sql_origins(&self) -> &SqlOrigins {
        &self.origins
    }

    /// As messages name the file.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Adds `file:line` of the deepest part of the key that exists.
    pub fn at_key(&self, key: &[String], error: Error) -> Error {
        error.at_line(&self.path, self.line_of_key(key))
    }

    /// An entry of a list is named by its number.
    fn line_of_key(&self, key: &[String]) -> Option<usize> {
        let mut line = None;
        let mut inside: Option<&DeValue<'_>> = None;
        for part in key {
            let table = inside.map_or(Some(&self.root), DeValue::as_table);
            let found = match table {
                Some(table) => table.get_key_value(part.as_str()).map(|(name, value)| (name.span(), value)),
                None => {
                    let entries = inside.and_then(DeValue::as_array);
                    let entry = entries.zip(part.parse().ok()).and_then(|(list, n): (_, usize)| list.get(n));
                    entry.map(|entry| (entry.span(), entry))
                }
            };
            let Some((span, value)) = found else { break };
            // `[a.b]` has its own line; an implied `a` would point to the start of the file.
            line = Some(self.line_of(span.start));
            inside = Some(value.get_ref());
        }
        line
    }

    /// Returns where the deepest part of the key that exists stands in the text.
    pub fn offset_of(&self, key: &[&str]) -> usize {
        let (mut offset, mut table) = (0, Some(&self.root));
        for part in key {
            let Some((name, value)) = table.and_then(|t| t.get_key_value(*part)) else { break };
            offset = name.span().start;
            table = value.get_ref().as_table();
        }
        offset
    }

    /// A section's problem as an error with its place.
    pub fn locate(&self, problem: Problem) -> Error {
        let key = dotted(&problem.key);
        let error = if key.is_empty() { problem.error } else { problem.error.at(key) };
        match error.unplaced_sql().and_then(|sql| self.origins.below(&problem.key, sql)) {
            Some(origin) => error.in_sql(&origin),
            None => self.at_key(&problem.key, error),
        }
    }

    /// A deserialiser's error with its place.
    pub fn serde_error(&self, key: &[String], error: &toml::de::Error) -> Error {
        let line = match error.span() {
            Some(span) if span.end > 0 => Some(self.line_of(span.start)),
            _ => self.line_of_key(key),
        };
        // What is unknown or missing is itself a key.
        let is_of_value =
            !["unknown field", "missing field"].iter().any(|of| error.message().starts_with(of));
        let deeper = error.span().filter(|_| is_of_value);
        let below = deeper.map(|span| self.keys_below(key, &span)).unwrap_or_default();
        let (error, key) = (in_words(error.message()), dotted(&[key, &below].concat()));
        // A part of a pipeline has no section around it.
        let error = if key.is_empty() { error } else { error.at(key) };
        error.at_line(&self.path, line)
    }

    /// Returns the keys below one that lead to the value which holds a span of the text.
    fn keys_below(&self, key: &[String], span: &Range<usize>) -> Vec<String> {
        let mut table = Some(&self.root);
        for part in key {
            table =
                table.and_then(|table| table.get(part.as_str())).and_then(|value| value.get_ref().as_table());
        }
        let mut below = Vec::new();
        while let Some((name, value)) = table.and_then(|table| {
            table.iter().find(|(_, value)| value.span().start <= span.start && span.end <= value.span().end)
        }) {
            below.push(name.get_ref().clone().into_owned());
            table = value.get_ref().as_table();
        }
        below
    }

    /// `file:line` of a byte of the text.
    pub fn place_at(&self, offset: usize) -> String {
        format!("{}:{}", self.path, self.line_of(offset))
    }

    /// Adds `file:line` of a byte of the text.
    pub fn at_offset(&self, offset: usize, error: Error) -> Error {
        error.at_line(&self.path, Some(self.line_of(offset)))
    }

    /// The text from a byte on, as it is written.
    pub fn written(&self, span: std::ops::Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    fn line_of(&self, offset: usize) -> usize {
        1 + self.line_ends.partition_point(|end| *end < offset)
    }
}

/// The key as the file writes it: `tables."core.orders".checks`.
fn dotted(key: &[String]) -> String {
    let plain = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    key.iter()
        .filter(|part| !part.is_empty())
        .map(|part| if plain(part) { part.clone() } else { format!("\"{part}\"") })
        .collect::<Vec<_>>()
        .join(".")
}

/// A key that is not known: "did you mean", or all that could stand there.
pub fn unknown_name(message: String, name: &str, known: &[&str]) -> Error {
    let hint = did_you_mean(name, known.iter().copied());
    Error::config(message).hint(hint.unwrap_or_else(|| format!("known keys are {}", known.join(", "))))
}

/// A deserialiser's message without the names that Rust gives to types, nor forty names where one was meant.
fn in_words(message: &str) -> Error {
    let message = message.trim_end();
    let unknown = |what: &str| message.strip_prefix(what).and_then(|rest| rest.split_once(", expected "));
    // `one of a, b`, `a or b`, `a`: each name between backquotes.
    let names = |expected: &'_ str| -> Vec<String> {
        expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    if let Some((name, expected)) = unknown("unknown field ") {
        let known = names(expected);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        return unknown_name(format!("unknown key {name}"), name.trim_matches('`'), &known);
    }
    if let Some((name, expected)) = unknown("unknown variant ") {
        let error = Error::config(format!("found {name}, expected {expected}"));
        let known = names(expected);
        return match did_you_mean(name.trim_matches('`'), known.iter().map(String::as_str)) {
            Some(hint) => error.hint(hint),
            None => error,
        };
    }
    let mut words = message.to_owned();
    for (theirs, ours) in [
        ("invalid type: ", "found "),
        ("invalid value: ", "found "),
        ("missing field ", "missing key "),
        ("expected u64", "expected a whole number from 0"),
        ("expected usize", "expected a whole number from 0"),
        ("expected i64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list"),
        ("expected an array of length ", "expected a list of length "),
        ("found sequence", "found a list"),
        ("found map", "found a table"),
        ("found string ", "found the text "),
        ("found integer ", "found the number "),
        ("found floating point ", "found the number "),
        ("found boolean ", "found "),
    ] {
        words = words.replace(theirs, ours);
    }
    // The name that Rust gives to a table.
    if let Some((found, _)) = words.split_once("expected struct ") {
        words = format!("{found}expected a table");
    }
    Error::config(words)
}
