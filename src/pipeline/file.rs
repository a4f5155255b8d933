//! The exact mirror of the pipeline file: what may stand in it, nothing of what it means.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeValue, ValueDeserializer};

use super::document::{Document, unknown_name};
use crate::audience::AudienceDeclaration;
use crate::check::CheckDeclaration;
use crate::error::Error;
use crate::identity::quality::QualityDeclaration;
use crate::identity::{
    GoldenRecordDeclaration, HouseholdsDeclaration, IdentityDeclaration, OrganisationsDeclaration,
};
use crate::mining::propensity::PropensitySection;
use crate::mining::segments::SegmentSection;
use crate::source::SourceDeclaration;

/// A pipeline file, as far as it could be read.
#[derive(Debug, Default)]
pub struct PipelineFile {
    pub name: Option<String>,
    pub description: Option<String>,
    pub schedule: Option<String>,
    pub timezone: Option<String>,
    pub warehouse: Option<String>,
    pub seed: Option<u64>,
    pub as_of: Option<String>,
    /// Folder of the models, from the file's own folder.
    pub models: Option<String>,
    pub sources: BTreeMap<String, SourceDeclaration>,
    pub identity: Option<IdentityDeclaration>,
    pub golden_record: Option<GoldenRecordDeclaration>,
    pub households: Option<HouseholdsDeclaration>,
    pub organisations: Option<OrganisationsDeclaration>,
    pub match_quality: Option<QualityDeclaration>,
    pub tables: BTreeMap<String, TableDeclaration>,
    pub segments: BTreeMap<String, SegmentSection>,
    pub propensity: BTreeMap<String, PropensitySection>,
    pub audiences: BTreeMap<String, AudienceDeclaration>,
}

/// `[tables."schema.table"]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDeclaration {
    #[serde(default)]
    pub key: Vec<String>,
    /// When an event occurred, or arrived.
    pub time: Option<String>,
    /// From when a state held.
    pub valid_from: Option<String>,
    /// It says nothing of the future.
    #[serde(default, rename = "static")]
    pub is_static: bool,
    #[serde(default)]
    pub checks: Vec<CheckDeclaration>,
}

const KEYS: [&str; 18] = [
    "name",
    "description",
    "schedule",
    "timezone",
    "warehouse",
    "seed",
    "as_of",
    "models",
    "sources",
    "identity",
    "golden_record",
    "households",
    "organisations",
    "match_quality",
    "tables",
    "segments",
    "propensity",
    "audiences",
];

impl PipelineFile {
    /// Reads every section on its own; what could not be read is reported and left out.
    pub fn read(document: &Document) -> (Self, Vec<Error>) {
        let mut errors = Vec::new();
        for key in document.keys().filter(|key| !KEYS.contains(key)) {
            let error = unknown_name(format!("unknown key `{key}`"), key, &KEYS);
            errors.push(document.at_key(&[key.to_owned()], error));
        }
        let mut reader = Reader { document, errors };
        let file = PipelineFile {
            name: reader.one("name"),
            description: reader.one("description"),
            schedule: reader.one("schedule"),
            timezone: reader.one("timezone"),
            warehouse: reader.one("warehouse"),
            seed: reader.one("seed"),
            as_of: reader.one("as_of"),
            models: reader.one("models"),
            sources: reader.each("sources"),
            identity: reader.one("identity"),
            golden_record: reader.one("golden_record"),
            households: reader.one("households"),
            organisations: reader.one("organisations"),
            match_quality: reader.one("match_quality"),
            tables: reader.each("tables"),
            segments: reader.each("segments"),
            propensity: reader.each("propensity"),
            audiences: reader.each("audiences"),
        };
        (file, reader.errors)
    }
}

struct Reader<'d, 't> {
    document: &'d Document<'t>,
    errors: Vec<Error>,
}

impl<'t> Reader<'_, 't> {
    fn one<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let value = self.document.value(key)?;
        self.value(&[key.to_owned()], value)
    }

    /// A table of named sections.
    fn each<T: DeserializeOwned>(&mut self, key: &str) -> BTreeMap<String, T> {
        let Some(value) = self.document.value(key) else {
            return BTreeMap::new();
        };
        let is_section = |value: &Spanned<DeValue>| value.get_ref().as_table().is_some();
        let sections = value.get_ref().as_table().filter(|table| table.values().all(is_section));
        let Some(table) = sections else {
            let error =
                Error::config(format!("`{key}` holds named sections")).hint(format!("write [{key}.<name>]"));
            self.errors.push(self.document.at_key(&[key.to_owned()], error));
            return BTreeMap::new();
        };
        let mut sections = BTreeMap::new();
        for (name, value) in table {
            let name = name.get_ref().as_ref().to_owned();
            if let Some(section) = self.value(&[key.to_owned(), name.clone()], value) {
                sections.insert(name, section);
            }
        }
        sections
    }

    fn value<T: DeserializeOwned>(&mut self, key: &[String], value: &Spanned<DeValue<'t>>) -> Option<T> {
        let mut rest = value.clone();
        let mut wrong = false;
        loop {
            let error = match T::deserialize(ValueDeserializer::from(rest.clone())) {
                Ok(read) => return (!wrong).then_some(read),
                Err(error) => error,
            };
            // What is missing now may be what was taken out as wrong.
            if wrong && error.message().starts_with("missing field") {
                return None;
            }
            self.errors.push(self.document.serde_error(key, &error));
            wrong = true;
            // Without the part that is wrong, the next wrong one shows.
            match error.span() {
                Some(span) if take_out(rest.get_mut(), &span) => {}
                _ => return None,
            }
        }
    }
}

/// Takes the innermost key or entry that holds the span out of the value; whether there was one.
///
/// The span of a `[section]` is its header alone, so what holds is looked for inside out.
fn take_out(value: &mut DeValue<'_>, span: &Range<usize>) -> bool {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    match value {
        DeValue::Table(table) => {
            let wrong = table.iter_mut().find_map(|(key, value)| {
                if holds(key.span()) {
                    return Some(Some(key.clone()));
                }
                if take_out(value.get_mut(), span) {
                    return Some(None);
                }
                holds(value.span()).then(|| Some(key.clone()))
            });
            match wrong {
                Some(Some(key)) => table.remove(&key).is_some(),
                Some(None) => true,
                None => false,
            }
        }
        DeValue::Array(entries) => {
            let Some(place) = entries.iter().position(|entry| holds(entry.span())) else {
                return false;
            };
            if !take_out(entries.as_mut()[place].get_mut(), span) {
                let others = entries.iter().enumerate().filter(|(n, _)| *n != place);
                *entries = others.map(|(_, entry)| entry.clone()).collect();
            }
            true
        }
        _ => false,
    }
}
