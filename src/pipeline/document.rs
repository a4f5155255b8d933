//! The text of a pipeline file, and the line on which each key stands.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::Problem;
use crate::error::{Error, Result};

/// A parsed file. Sections are deserialised one by one, so that one wrong section does not hide
/// what is wrong with the others.
pub struct Document<'t> {
    /// As messages name it.
    path: String,
    text: &'t str,
    /// Where its lines end, ascending.
    line_ends: Vec<usize>,
    root: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// Parses; every syntax error is told.
    pub fn parse(path: &str, text: &'t str) -> Result<Self> {
        let (root, mut errors) = DeTable::parse_recoverable(text);
        errors.sort_by_key(|e| e.span().map(|s| s.start));
        let line_ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect();
        let document = Document { path: path.to_owned(), text, line_ends, root: root.into_inner() };
        let errors = errors
            .into_iter()
            .map(|e| {
                let line = e.span().map(|s| document.line_of(s.start));
                Error::config(format!("this is not TOML: {}", e.message().trim_end()))
                    .at(document.place(line))
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

    /// `file:line` of the deepest part of the key that exists.
    pub fn place_of(&self, key: &[String]) -> String {
        let mut line = None;
        let mut table = Some(&self.root);
        for part in key {
            let Some((name, value)) = table.and_then(|t| t.get_key_value(part.as_str())) else {
                break;
            };
            // `[a.b]` has its own line; an implied `a` would point to the start of the file.
            line = Some(self.line_of(name.span().start));
            table = value.get_ref().as_table();
        }
        self.place(line)
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
        let place = self.place_of(&problem.key);
        let told = dotted(&problem.key);
        let error = if told.is_empty() { problem.error } else { problem.error.at(told) };
        error.at(place)
    }

    /// A deserialiser's error with its place.
    pub fn serde_error(&self, key: &[String], error: &toml::de::Error) -> Error {
        let place = match error.span() {
            Some(span) if span.end > 0 => self.place(Some(self.line_of(span.start))),
            _ => self.place_of(key),
        };
        Error::config(in_words(error.message())).at(dotted(key)).at(place)
    }

    /// `file:line` of a byte of the text.
    pub fn place_at(&self, offset: usize) -> String {
        self.place(Some(self.line_of(offset)))
    }

    /// The text from a byte on, as it is written.
    pub fn written(&self, span: std::ops::Range<usize>) -> &'t str {
        self.text.get(span).unwrap_or_default()
    }

    fn line_of(&self, offset: usize) -> usize {
        1 + self.line_ends.partition_point(|end| *end < offset)
    }

    fn place(&self, line: Option<usize>) -> String {
        line.map_or_else(|| self.path.clone(), |line| format!("{}:{line}", self.path))
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

/// A deserialiser's message without the names that Rust gives to types.
fn in_words(message: &str) -> String {
    let mut words = message.trim_end().to_owned();
    for (theirs, ours) in [
        ("invalid type: ", "found "),
        ("invalid value: ", "found "),
        ("unknown field ", "unknown key "),
        ("missing field ", "missing key "),
        ("unknown variant ", "found "),
        ("expected u64", "expected a whole number from 0"),
        ("expected usize", "expected a whole number from 0"),
        ("expected i64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected a sequence", "expected a list"),
        ("found sequence", "found a list"),
        ("found map", "found a table"),
        ("found string ", "found the text "),
        ("found integer ", "found the number "),
        ("found floating point ", "found the number "),
        ("found boolean ", "found "),
    ] {
        words = words.replace(theirs, ours);
    }
    words
}
