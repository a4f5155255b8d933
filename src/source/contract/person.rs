//! `[sources.<name>.person]`: which persons the rows of a source belong to, and what remains of the rows
//! after an erasure.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;

use super::column::{Column, ColumnType};
use crate::config::Problem;
use crate::error::Error;
use crate::name::is_identifier;

/// Which persons the rows belong to, and what remains of the rows when one is forgotten.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonDeclaration {
    /// For each column that identifies a person what it identifies: a kind of key of `[identity]`, a source of
    /// records there, or `source.column` for the rows of another source.
    pub keys: BTreeMap<String, String>,
    /// The columns that become null when a person is forgotten, together with all undeclared ones; without it
    /// whole rows are removed.
    #[schemars(example = ["card", "email"])]
    pub anonymise: Option<Vec<String>>,
}

/// The persons that the rows of a source belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub keys: Vec<PersonKey>,
    pub on_forget: OnForget,
}

/// A column by which rows are a person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonKey {
    pub column: String,
    pub kind: KeyKind,
}

/// What the value of a column identifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyKind {
    /// A person, as `[identity]` knows them: by a key or by a record.
    Key(String),
    /// Rows of another source, which are a person's.
    Rows { source: String, column: String },
}

impl KeyKind {
    /// Returns the word under which such values are remembered.
    pub fn word(&self) -> String {
        match self {
            KeyKind::Key(kind) => kind.clone(),
            KeyKind::Rows { source, column } => format!("{source}.{column}"),
        }
    }
}

/// What happens to the rows of an erased person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnForget {
    Remove,
    /// The rows stay, for the books; columns become null, required ones too.
    Anonymise(Blanked),
}

/// The columns that identify, or may identify, the person of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blanked {
    /// As declared.
    pub columns: Vec<String>,
    /// The declared columns that are kept: their author checked what they contain.
    pub harmless: BTreeSet<String>,
}

impl Blanked {
    /// Returns whether the column becomes null. One that nobody declared, taken in with
    /// `on_drift = "evolve"` or left over from an earlier declaration, may hold anything.
    pub fn has(&self, column: &str) -> bool {
        !self.harmless.contains(column) && !column.starts_with('_')
    }
}

impl PersonDeclaration {
    /// `added` are columns that are not in the files.
    pub(in crate::source) fn check(
        &self,
        columns: &[Column],
        added: &[String],
        problems: &mut Vec<Problem>,
    ) -> Option<Person> {
        let before = problems.len();
        let column = |name: &str| columns.iter().find(|column| column.name == name);
        let mut keys = Vec::new();
        if self.keys.is_empty() {
            problems.push(Problem::new(
                ["person", "keys"],
                Error::config("no column says which person a row belongs to")
                    .hint("name a column and the kind of key that it holds: keys = { card = \"card\" }"),
            ));
        }
        for (name, word) in &self.keys {
            let place = ["person", "keys", name.as_str()];
            match column(name).map(|c| c.kind) {
                Some(ColumnType::Text | ColumnType::Integer) => {}
                Some(other) => problems.push(Problem::new(
                    place,
                    Error::config(format!("`{name}` is {other}, which cannot identify a person"))
                        .hint("name a column of type text or integer"),
                )),
                None => problems
                    .push(Problem::new(place, Error::config(format!("`{name}` is not a declared column")))),
            }
            match kind_of(word) {
                Some(kind) => keys.push(PersonKey { column: name.clone(), kind }),
                None => problems.push(Problem::new(
                    place,
                    Error::config(format!("`{word}` is neither a kind of key nor source.column"))
                        .hint("for example \"email\", or \"web_orders.order_id\""),
                )),
            }
        }
        if let Some(blanked) = &self.anonymise {
            for name in blanked {
                if column(name).is_none() {
                    let wrong = Error::config(format!("`{name}` is not a declared column"));
                    problems.push(Problem::new(["person", "anonymise"], wrong));
                }
            }
            for twin in columns.iter().filter(|column| !blanked.contains(&column.name)) {
                // Or the object around it, as text.
                let is_around = |name: &String| {
                    let within = |around: &String| name.strip_prefix(around.as_str()).is_some_and(is_below);
                    twin.source_names().iter().any(within)
                };
                let reads_the_same = |other: &&Column| {
                    let holds = other.from == twin.from || other.source_names().iter().any(is_around);
                    blanked.contains(&other.name) && holds
                };
                if let Some(other) = columns.iter().find(reads_the_same) {
                    problems.push(Problem::new(
                        ["person", "anonymise"],
                        Error::config(format!(
                            "`{}` is not anonymised, but it holds the same value as `{}`, which is",
                            twin.name, other.name
                        ))
                        .hint("add it to `anonymise`"),
                    ));
                }
            }
            for key in keys.iter().filter(|key| matches!(key.kind, KeyKind::Key(_))) {
                if !blanked.contains(&key.column) {
                    problems.push(Problem::new(
                        ["person", "anonymise"],
                        Error::config(format!(
                            "`{}` identifies a person and is not anonymised: the rows would still \
                             identify the person",
                            key.column
                        ))
                        .hint("add it to `anonymise`"),
                    ));
                }
            }
        }
        let on_forget = match &self.anonymise {
            None => OnForget::Remove,
            Some(blanked) => {
                let declared = columns.iter().map(|column| &column.name).chain(added);
                let harmless = declared.filter(|name| !blanked.contains(*name)).cloned().collect();
                OnForget::Anonymise(Blanked { columns: blanked.clone(), harmless })
            }
        };
        (problems.len() == before).then_some(Person { keys, on_forget })
    }
}

/// Returns whether a path goes on with a key below.
fn is_below(rest: &str) -> bool {
    rest.starts_with('.')
}

fn kind_of(word: &str) -> Option<KeyKind> {
    match word.split_once('.') {
        None => is_identifier(word).then(|| KeyKind::Key(word.to_owned())),
        Some((source, column)) => (is_identifier(source) && is_identifier(column))
            .then(|| KeyKind::Rows { source: source.to_owned(), column: column.to_owned() }),
    }
}
