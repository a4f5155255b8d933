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
    root: DeTable<'t>,
}

impl<'t> Document<'t> {
    /// Parses; every syntax error is told.
    pub fn parse(path: &str, text: &'t str) -> Result<Self> {
        let (root, errors) = DeTable::parse_recoverable(text);
        let document = Document { path: path.to_owned(), text, root: root.into_inner() };
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

    /// A section's problem as an error with its place.
    pub fn locate(&self, problem: Problem) -> Error {
        let place = self.place_of(&problem.key);
        let told = problem.key.iter().filter(|k| !k.is_empty()).cloned().collect::<Vec<_>>().join(".");
        let error = if told.is_empty() { problem.error } else { problem.error.at(told) };
        error.at(place)
    }

    /// A deserialiser's error with its place.
    pub fn serde_error(&self, key: &[String], error: &toml::de::Error) -> Error {
        let place = match error.span() {
            Some(span) if span.end > 0 => self.place(Some(self.line_of(span.start))),
            _ => self.place_of(key),
        };
        Error::config(error.message().trim_end().to_owned()).at(key.join(".")).at(place)
    }

    fn line_of(&self, offset: usize) -> usize {
        1 + self.text.as_bytes()[..offset.min(self.text.len())].iter().filter(|b| **b == b'\n').count()
    }

    fn place(&self, line: Option<usize>) -> String {
        line.map_or_else(|| self.path.clone(), |line| format!("{}:{line}", self.path))
    }
}
