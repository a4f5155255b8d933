//! Drift: how a file's columns differ from the declared ones, and what the source's policy makes of it.
//!
//! Columns with names may stand in any order. A column without a name (what a trailing delimiter
//! makes) is never read. A renamed column is one missing and one added, and is told as such with the
//! near name. What a type made of a value is not looked at here: values that do not fit are refused
//! one by one.

use serde::Deserialize;

use super::column::{Column, ColumnType, From};
use super::declaration::Source;
use super::near::near;
use crate::error::{Error, Result};

/// What becomes of a file whose columns are not the declared ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnDrift {
    /// The file is not read; nothing is published.
    #[default]
    Fail,
    /// What is declared is read: an undeclared column is left out, a missing one is null.
    Ignore,
    /// As `Ignore`, but an undeclared column becomes a nullable column of the raw table.
    Evolve,
}

/// Names that an error lists at most.
const SHOWN: usize = 40;

/// A file's columns held against the declared ones.
#[derive(Debug, Default, PartialEq)]
pub struct Comparison {
    /// For each declared column its place among the file's, where the file has it.
    pub places: Vec<Option<usize>>,
    /// The places of the columns that are neither declared nor ignored.
    pub added: Vec<usize>,
    /// What was borne, for the run's warnings.
    pub remarks: Vec<String>,
}

/// Compares the named columns of a CSV or Parquet file with the declaration and applies the policy.
///
/// # Errors
/// What the policy does not bear, all of it: missing, renamed and undeclared columns; always a
/// declared name that occurs twice and a missing column that is required.
pub fn compare(source: &Source, found: &[String]) -> Result<Comparison> {
    let mut errors = Vec::new();
    let mut comparison = Comparison::default();
    let mut missing = Vec::new();
    for column in &source.columns {
        let name = column.source_name().trim();
        let mut there = found.iter().enumerate().filter(|(_, h)| h.trim() == name);
        let place = there.next().map(|(place, _)| place);
        if there.next().is_some() {
            errors.push(Error::failed(format!("the file has the column `{name}` more than once")));
        }
        if place.is_none() {
            missing.push(column);
        }
        comparison.places.push(place);
    }
    comparison.added = (0..found.len())
        .filter(|place| !comparison.places.contains(&Some(*place)) && !source.leaves_out(&found[*place]))
        .collect();
    let added: Vec<(String, String)> = comparison
        .added
        .iter()
        .map(|place| (found[*place].clone(), format!("column {}", place + 1)))
        .collect();
    let strangers = missing.len() == source.columns.len();
    let renamed = renamed(&missing, &added);
    match source.on_drift {
        OnDrift::Fail => {
            errors.extend(renamed.iter().map(|(column, name, place)| was_renamed(column, name, place)));
            let gone: Vec<&Column> =
                missing.iter().filter(|c| !renamed.iter().any(|(r, ..)| r.name == c.name)).copied().collect();
            if !gone.is_empty() {
                errors.push(not_there(&gone, found, source.on_drift));
            }
            let new: Vec<_> = added
                .iter()
                .filter(|(name, _)| !renamed.iter().any(|(_, r, _)| r == name))
                .cloned()
                .collect();
            // Of a file where nothing is as declared, that is all there is to say.
            if !new.is_empty() && !strangers {
                errors.push(undeclared(source, &new));
            }
        }
        OnDrift::Ignore | OnDrift::Evolve => {
            let required: Vec<&Column> = missing.iter().filter(|c| !c.nullable).copied().collect();
            if !required.is_empty() || strangers {
                let gone = if required.is_empty() { &missing } else { &required };
                errors.push(not_there(gone, found, source.on_drift));
            }
            for column in &missing {
                let near = renamed.iter().find(|(r, ..)| r.name == column.name);
                comparison.remarks.push(match near {
                    Some((_, name, place)) => format!(
                        "no column `{}`, read as null; was it renamed to `{name}` ({place})?",
                        column.source_name()
                    ),
                    None => format!("no column `{}`, read as null", column.source_name()),
                });
            }
        }
    }
    Error::all(errors)?;
    Ok(comparison)
}

/// The error for keys of a file of JSON lines that the declaration does not name; `absent` are the
/// declared columns that occur in no line.
pub fn undeclared_keys(source: &Source, keys: &[(String, i64)], absent: &[&Column]) -> Result<()> {
    let added: Vec<(String, String)> =
        keys.iter().map(|(name, line)| (name.clone(), format!("first in line {line}"))).collect();
    let renamed = renamed(absent, &added);
    let mut errors: Vec<Error> =
        renamed.iter().map(|(column, name, place)| was_renamed(column, name, place)).collect();
    let new: Vec<_> =
        added.iter().filter(|(name, _)| !renamed.iter().any(|(_, r, _)| r == name)).cloned().collect();
    if !new.is_empty() {
        errors.push(undeclared(source, &new));
    }
    Error::all(errors)
}

/// Each missing column that has a near name among the added ones, with that name and its place.
fn renamed<'c>(missing: &[&'c Column], added: &[(String, String)]) -> Vec<(&'c Column, String, String)> {
    let mut left: Vec<String> = added.iter().map(|(name, _)| name.clone()).collect();
    let mut pairs = Vec::new();
    for &column in missing {
        let Some(name) = near(column.source_name(), &left).map(str::to_owned) else { continue };
        let place = added.iter().find(|(n, _)| *n == name).map(|(_, place)| place.clone());
        left.retain(|other| *other != name);
        pairs.push((column, name, place.unwrap_or_default()));
    }
    pairs
}

fn was_renamed(column: &Column, name: &str, place: &str) -> Error {
    Error::failed(format!(
        "the file has no column `{}`, and one that is not declared: `{name}` ({place})",
        column.source_name()
    ))
    .hint(format!("was it renamed? Then declare {} with from = \"{name}\"", column.name))
}

fn not_there(missing: &[&Column], found: &[String], policy: OnDrift) -> Error {
    let names: Vec<String> = missing.iter().map(|c| c.source_name().to_owned()).collect();
    let required =
        if policy != OnDrift::Fail && missing.iter().all(|c| !c.nullable) { " required" } else { "" };
    let error = Error::failed(format!(
        "the file has no{required} column{} {}; it has {}",
        if names.len() == 1 { "" } else { "s" },
        list(&names),
        list(found)
    ));
    if found.len() == 1 {
        return error.hint(
            "one column only: is `delimiter` right? Else add it to the export, or declare from = \"…\"",
        );
    }
    match near(&names[0], found) {
        Some(close) if policy != OnDrift::Fail => {
            error.hint(format!("is `{close}` meant? Then declare the column with from = \"{close}\""))
        }
        _ if policy == OnDrift::Fail && missing.iter().all(|c| c.nullable) => error.hint(
            "add it to the export, or say where it is with from = \"…\"; on_drift = \"ignore\" reads a missing column as null",
        ),
        _ => error.hint("add it to the export, or say where it is with from = \"…\""),
    }
}

fn undeclared(source: &Source, added: &[(String, String)]) -> Error {
    let shown: Vec<String> =
        added.iter().take(SHOWN).map(|(name, place)| format!("`{name}` ({place})")).collect();
    let more = added.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Error::failed(format!(
        "the file has {} that {} not declared: {}{more}",
        if added.len() == 1 { "a column" } else { "columns" },
        if added.len() == 1 { "is" } else { "are" },
        shown.join(", ")
    ))
    .hint(format!(
        "declare it under [sources.{}.columns] or name it in ignore_columns; on_drift = \"ignore\" reads \
         without such columns, \"evolve\" takes them in",
        source.name
    ))
}

fn list(names: &[String]) -> String {
    let mut text = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}

/// A column that nobody declared and that the policy takes in.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// As the file calls it.
    pub from: String,
    /// As the raw table calls it.
    pub name: String,
    pub kind: ColumnType,
}

/// The columns to take in, under names that a table can have.
///
/// # Errors
/// A name without letters and digits, and one that is taken.
pub fn taken_in(source: &Source, found: Vec<(String, ColumnType)>) -> Result<Vec<Added>> {
    let mut added: Vec<Added> = Vec::new();
    let mut errors = Vec::new();
    for (from, kind) in found {
        let name = column_name(&from);
        let by = source
            .columns
            .iter()
            .find(|c| c.name == name)
            .map(|c| c.source_name().to_owned())
            .or_else(|| added.iter().find(|a| a.name == name).map(|a| a.from.clone()))
            .or_else(|| source.adds(&name).then(|| name.clone()));
        let wrong = match by {
            _ if name.is_empty() => {
                Some(format!("the column `{from}` has no letter or digit to be called by"))
            }
            Some(by) => Some(format!("the column `{from}` would be called `{name}`, as `{by}` is already")),
            None => None,
        };
        match wrong {
            Some(wrong) => errors.push(
                Error::failed(wrong).hint("declare it under a name of its own, or name it in ignore_columns"),
            ),
            None => added.push(Added { from, name, kind }),
        }
    }
    Error::all(errors)?;
    Ok(added)
}

/// A file's name for a column as a table writes it: `Fidélité (niveau)` is `fidelite_niveau`.
pub fn column_name(from: &str) -> String {
    let mut name = String::new();
    for letter in from.chars().flat_map(char::to_lowercase) {
        match plain(letter) {
            Some(letters) => name.push_str(letters),
            None if letter.is_ascii_alphanumeric() => name.push(letter),
            None if name.ends_with('_') => {}
            None => name.push('_'),
        }
    }
    let name = name.trim_matches('_');
    // A name begins with a letter; those with `_` are the engine's.
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("c_{name}") } else { name.to_owned() }
}

/// A Latin letter without its mark.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => "a",
        'ç' => "c",
        'è' | 'é' | 'ê' | 'ë' => "e",
        'ì' | 'í' | 'î' | 'ï' => "i",
        'ñ' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => "o",
        'ù' | 'ú' | 'û' | 'ü' => "u",
        'ý' | 'ÿ' => "y",
        'ß' => "ss",
        'æ' => "ae",
        'œ' => "oe",
        _ => return None,
    })
}

impl Source {
    /// Whether an undeclared column of this name is to be passed over in silence.
    pub(super) fn leaves_out(&self, name: &str) -> bool {
        let name = name.trim();
        name.is_empty() || self.ignored.iter().any(|ignored| ignored == name)
    }

    /// The source with columns that nobody declared. `columns` are all that the raw table will have,
    /// `file` where one file has them; a column that the file lacks is null.
    #[must_use]
    pub fn evolved(&self, columns: &[(String, ColumnType)], file: &[Added]) -> Source {
        let mut source = self.clone();
        for (name, kind) in columns {
            let from = file.iter().find(|a| a.name == *name).map_or(name, |a| &a.from);
            source.columns.push(Column {
                name: name.clone(),
                kind: *kind,
                from: From::Name(from.clone()),
                nullable: true,
                style: self.usual.clone(),
            });
        }
        source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_becomes_a_name_that_sql_needs_no_quotes_for() {
        for (from, name) in [
            ("tier", "tier"),
            ("Fidélité (niveau)", "fidelite_niveau"),
            ("N° carte", "n_carte"),
            ("customer.phone", "customer_phone"),
            ("2026 bonus", "c_2026_bonus"),
            ("_run", "run"),
            ("Œuvre ", "oeuvre"),
            ("顧客", ""),
        ] {
            assert_eq!(column_name(from), name, "{from}");
        }
    }
}
