//! The files of a pipeline: the pipeline file, and the parts of it that have files of their own.

use std::collections::BTreeMap;

use super::document::Document;
use super::sql_origins::SqlOrigins;
use crate::config::Problem;
use crate::error::Error;

/// The sections whose entries are properties of tables, which never stand in the pipeline file itself.
pub const TABLES: &str = "tables";

/// The pipeline file with its parts.
///
/// A part is found by the key at which the pipeline file would hold it: `sources.orders` or
/// `tables."core.orders"`. What is wrong below that key is reported in the part's own file.
pub struct Documents<'t> {
    main: Document<'t>,
    parts: BTreeMap<(&'static str, String), Document<'t>>,
}

impl<'t> Documents<'t> {
    /// Returns the pipeline file alone.
    pub fn of(main: Document<'t>) -> Self {
        Documents { main, parts: BTreeMap::new() }
    }

    /// Adds a part.
    ///
    /// # Errors
    /// The path of a file that is this part already.
    pub fn add(&mut self, section: &'static str, name: &str, part: Document<'t>) -> Result<(), String> {
        let key = (section, name.to_owned());
        if let Some(there) = self.parts.get(&key) {
            return Err(there.path().to_owned());
        }
        self.parts.insert(key, part);
        Ok(())
    }

    /// Returns the pipeline file itself.
    pub fn main(&self) -> &Document<'t> {
        &self.main
    }

    /// Returns the parts of a section with their names, by name.
    pub fn parts(&self, section: &str) -> impl Iterator<Item = (&str, &Document<'t>)> {
        let of_section = self.parts.iter().filter(move |((of, _), _)| *of == section);
        of_section.map(|((_, name), document)| (name.as_str(), document))
    }

    /// Returns the document in which a key stands, and the key as it is written there.
    fn document_of<'k>(&self, key: &'k [String]) -> (&Document<'t>, &'k [String]) {
        let part = match key {
            [section, name, ..] => self.parts.iter().find(|((of, part), _)| of == section && part == name),
            _ => None,
        };
        part.map_or((&self.main, key), |(_, document)| (document, &key[2..]))
    }

    /// Returns whether a key stands in its file.
    pub fn has(&self, key: &[String]) -> bool {
        let (document, key) = self.document_of(key);
        document.has(key)
    }

    /// Adds `file:line` of the deepest part of the key that exists.
    pub fn at_key(&self, key: &[String], error: Error) -> Error {
        let (document, key) = self.document_of(key);
        document.at_key(key, error)
    }

    /// Returns a section's problem as an error with its place.
    pub fn locate(&self, problem: Problem) -> Error {
        let (document, key) = self.document_of(&problem.key);
        document.locate(Problem { key: key.to_vec(), error: problem.error })
    }

    /// Returns the texts of all files, to find the places of SQL.
    pub fn sql_origins(&self) -> SqlOrigins {
        let mut origins = self.main.sql_origins().clone();
        for ((section, name), part) in &self.parts {
            origins.add(&[(*section).to_owned(), name.clone()], part.sql_origins());
        }
        origins
    }
}
