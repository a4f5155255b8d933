//! Undeclared columns that the policy `evolve` adds: their names, and the source that reads them.

use super::drift::looks_like_a_value;
use crate::error::{Error, Result};
use crate::source::contract::column::{Column, ColumnType, From};
use crate::source::definition::Source;
use crate::source::file::FileSource;

/// An undeclared column and that the policy takes in.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// As the file calls it.
    pub from: String,
    /// As the raw table calls it.
    pub name: String,
    pub kind: ColumnType,
}

/// Returns the columns to take in, under names that a table can have.
///
/// # Errors
/// A name without letters and digits, and one that is taken.
pub(super) fn added_columns(source: FileSource<'_>, found: Vec<(String, ColumnType)>) -> Result<Vec<Added>> {
    let mut added: Vec<Added> = Vec::new();
    let mut errors = Vec::new();
    for (from, kind) in found {
        let name = column_name(&from);
        let by = source
            .contract
            .columns
            .iter()
            .find(|c| c.name == name)
            .map(|c| c.source_name().to_owned())
            .or_else(|| added.iter().find(|a| a.name == name).map(|a| a.from.clone()))
            .or_else(|| source.contract.adds(&name).then(|| name.clone()));
        if looks_like_a_value(&from, source.files.format) {
            errors.push(
                Error::failed(format!(
                    "the name of an added column looks like a value and is not shown (it has {} characters)",
                    from.chars().count()
                ))
                .hint(
                    "are the keys of the file data, or is the header missing? Declare the columns, or \
                 set on_drift = \"ignore\"",
                ),
            );
            continue;
        }
        let wrong = match by {
            _ if name.is_empty() => Some(format!("the name of the column `{from}` has no letter or digit")),
            Some(by) => Some(format!("the column `{from}` would be named `{name}`, like `{by}`")),
            None => None,
        };
        match wrong {
            Some(wrong) => errors.push(
                Error::failed(wrong).hint("declare it with another name, or list it in ignore_columns"),
            ),
            None => added.push(Added { from, name, kind }),
        }
    }
    Error::all(errors)?;
    Ok(added)
}

/// Returns a file's name for a column as a table writes it: `Fidélité (niveau)` is `fidelite_niveau`.
fn column_name(from: &str) -> String {
    let mut name = String::new();
    for letter in from.chars().flat_map(char::to_lowercase) {
        match without_mark(letter) {
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

/// Returns a Latin letter without its mark.
fn without_mark(letter: char) -> Option<&'static str> {
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
    /// Returns the source with undeclared columns. `columns` are all that the raw table will have,
    /// `file` where one file has them; a column that the file lacks is null.
    #[must_use]
    pub fn evolved(&self, columns: &[(String, ColumnType)], file: &[Added]) -> Source {
        let mut source = self.clone();
        for (name, kind) in columns {
            let from = file.iter().find(|a| a.name == *name).map_or(name, |a| &a.from);
            source.contract.columns.push(Column {
                name: name.clone(),
                kind: *kind,
                from: From::Name(from.clone()),
                nullable: true,
                style: self.contract.usual.clone(),
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
