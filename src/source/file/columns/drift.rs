//! Schema drift: how a file's columns differ from the declared ones, and what the source's policy does about
//! it.
//!
//! Columns with names may be in any order. A column without a name (after a trailing delimiter) is never
//! read. A renamed column is one missing and one added column, reported together with the similar name. Types
//! are not compared here: values that do not fit are refused one by one.

use super::nearest_column::near;
use crate::error::{Error, Result};
use crate::source::contract::column::{Column, From};
use crate::source::contract::header_name::{has_hidden_marks, plain};
use crate::source::contract::policy::OnDrift;
use crate::source::file::FileSource;
use crate::source::file::format::Format;

/// Names that an error lists at most.
const SHOWN: usize = 40;

/// A file's columns compared with the declared ones.
#[derive(Debug, Default, PartialEq)]
pub struct Comparison {
    /// For each declared column its place among the file's, where the file has it.
    pub places: Vec<Option<usize>>,
    /// The places of the columns that are neither declared nor ignored.
    pub added: Vec<usize>,
    /// Accepted differences, for the run's warnings.
    pub remarks: Vec<String>,
}

/// Compares the named columns of a CSV or Parquet file with the declaration and applies the policy.
///
/// # Errors
/// What the policy does not accept, all of it: missing, renamed and undeclared columns; always a
/// declared name that occurs twice and a missing column that is required.
pub fn compare(source: FileSource<'_>, found: &[String]) -> Result<Comparison> {
    let mut errors = Vec::new();
    let mut comparison = Comparison::default();
    let mut missing = Vec::new();
    for (place, name) in found.iter().enumerate().filter(|(_, name)| has_hidden_marks(name)) {
        comparison.remarks.push(format!(
            "the name of column {} contains no-break spaces or invisible characters: read as `{}`",
            place + 1,
            plain(name)
        ));
    }
    let found: Vec<String> = found.iter().map(|name| plain(name).into_owned()).collect();
    // No more errors about names that already have one.
    let mut at_odds: Vec<&String> = Vec::new();
    let mut sought = 0;
    for column in &source.contract.columns {
        if matches!(column.from, From::Partition(_)) {
            comparison.places.push(None);
            continue;
        }
        sought += 1;
        let place = place_of(column, &found).unwrap_or_else(|error| {
            errors.push(error);
            at_odds.extend(column.source_names());
            None
        });
        if place.is_none() && !column.source_names().iter().any(|name| at_odds.contains(&name)) {
            missing.push(column);
        }
        comparison.places.push(place);
    }
    comparison.added = (0..found.len())
        .filter(|place| {
            let name = &found[*place];
            !comparison.places.contains(&Some(*place))
                && !source.contract.leaves_out(name)
                && !at_odds.contains(&name)
        })
        .collect();
    let found = found.as_slice();
    let added: Vec<(String, String)> = comparison
        .added
        .iter()
        .map(|place| (found[*place].clone(), format!("column {}", place + 1)))
        .collect();
    let strangers = missing.len() == sought;
    if strangers && sought > 0 && source.files.format == Format::Csv && !is_header(source, found) {
        return Err(perhaps_a_record(&missing, found.len()));
    }
    let renamed = renamed(&missing, &added);
    match source.contract.on_drift {
        OnDrift::Fail => {
            errors.extend(renamed.iter().map(|(column, name, place)| was_renamed(column, name, place)));
            let gone: Vec<&Column> =
                missing.iter().filter(|c| !renamed.iter().any(|(r, ..)| r.name == c.name)).copied().collect();
            if !gone.is_empty() {
                errors.push(missing_columns(&gone, found, source.contract.on_drift));
            }
            let new: Vec<_> = added
                .iter()
                .filter(|(name, _)| !renamed.iter().any(|(_, r, _)| r == name))
                .cloned()
                .collect();
            // If no column matches, this is the only error.
            if !new.is_empty() && !strangers {
                errors.push(undeclared(source, &new));
            }
        }
        OnDrift::Ignore | OnDrift::Evolve => {
            let required: Vec<&Column> = missing.iter().filter(|c| !c.nullable).copied().collect();
            if !required.is_empty() || strangers {
                let gone = if required.is_empty() { &missing } else { &required };
                errors.push(missing_columns(gone, found, source.contract.on_drift));
            }
            for column in &missing {
                let near = renamed.iter().find(|(r, ..)| r.name == column.name);
                comparison.remarks.push(match near {
                    Some((_, name, place)) => format!(
                        "no column {}, read as null; was it renamed to `{name}` ({place})?",
                        column.wanted()
                    ),
                    None => format!("no column {}, read as null", column.wanted()),
                });
            }
        }
    }
    Error::all(errors)?;
    Ok(comparison)
}

/// Returns whether a line of which no declared column has a name says by any word that it is a header all the
/// same: a column that was renamed, another delimiter. The values of a record are in no message.
fn is_header(source: FileSource<'_>, found: &[String]) -> bool {
    // `order_id`, `Order-ID` and `orderid` are one word.
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric() && !"_-".contains(c));
        let words = words.map(|word| word.replace(['_', '-'], "").to_lowercase());
        words.filter(|word| !word.is_empty()).collect()
    };
    let together = |text: &str| words(text).concat();
    let found_words: Vec<String> = found.iter().flat_map(|name| words(name)).collect();
    let declared = source.contract.columns.iter().flat_map(Column::source_names);
    let alike = |declared: &String| {
        let name = together(declared);
        found.iter().any(|found| together(found) == name) || found_words.contains(&name)
    };
    let near_ones = source
        .contract
        .columns
        .iter()
        .filter(|column| column.source_names().iter().any(|name| near(name, found).is_some()));
    declared.into_iter().any(alike) || near_ones.count() >= 2
}

/// Nothing in the first line is a declared name: it may be a record, and is not shown.
fn perhaps_a_record(missing: &[&Column], fields: usize) -> Error {
    let names: Vec<String> = missing.iter().map(|column| column.wanted()).collect();
    let fields = if fields == 1 { "1 field".to_owned() } else { format!("{fields} fields") };
    Error::failed(format!(
        "the file has no column{} {}; its first line has {fields}, none of which is similar to a declared name",
        if names.len() == 1 { "" } else { "s" },
        list(&names)
    ))
    .hint(
        "is the header missing (header = false)? Is `delimiter` right? Otherwise give the column names of \
         the file with from = \"…\"; the line is not shown, since it may be personal data",
    )
}

/// Returns a name of a file as a message shows it: what looks like a value is none.
fn shown(name: &str, format: Format) -> String {
    match looks_like_a_value(name, format) {
        true => "(a name that looks like a value, not shown)".to_owned(),
        false => format!("`{name}`"),
    }
}

/// Returns whether a name looks like a value, such as an address or a text; in JSON keys may be data,
/// numbers too.
pub(super) fn looks_like_a_value(name: &str, format: Format) -> bool {
    const LONGEST: usize = 80;
    const DIGITS: usize = 7;
    let digits = name.chars().filter(char::is_ascii_digit).count();
    name.contains('@') || name.chars().count() > LONGEST || (format.is_json() && digits >= DIGITS)
}

/// Returns the place of a declared column among the file's, where the file has it.
fn place_of(column: &Column, found: &[String]) -> Result<Option<usize>> {
    let places = |name: &String| -> Vec<usize> {
        found.iter().enumerate().filter(|(_, other)| *other == name).map(|(place, _)| place).collect()
    };
    if let From::Nth { name, nth } = &column.from {
        return Ok(places(name).get(nth - 1).copied());
    }
    let there: Vec<(&String, Vec<usize>)> = column
        .source_names()
        .iter()
        .map(|name| (name, places(name)))
        .filter(|(_, places)| !places.is_empty())
        .collect();
    match there.as_slice() {
        [] => Ok(None),
        [(_, places)] if places.len() == 1 => Ok(places.first().copied()),
        [(name, places)] => Err(ambiguous_name(column, name, places)),
        several => Err(several_names(column, several)),
    }
}

fn ambiguous_name(column: &Column, name: &str, places: &[usize]) -> Error {
    let places: Vec<String> = places.iter().map(|place| (place + 1).to_string()).collect();
    Error::failed(format!(
        "the file has the column `{name}` more than once: columns {}",
        places.join(" and ")
    ))
    .hint(format!(
        "choose one: {} with from = {{ name = \"{name}\", nth = 1 }} takes the first, nth = 2 the second; \
         list `{name}` in ignore_columns to ignore the others",
        column.name
    ))
}

fn several_names(column: &Column, there: &[(&String, Vec<usize>)]) -> Error {
    let names: Vec<String> = there
        .iter()
        .map(|(name, places)| {
            let places: Vec<String> = places.iter().map(|place| (place + 1).to_string()).collect();
            format!("`{name}` (column {})", places.join(", "))
        })
        .collect();
    Error::failed(format!(
        "the file has {}, which are all declared as names of {}",
        names.join(" and "),
        column.name
    ))
    .hint(
        "a file may have only one of the names: declare the others as separate columns, or remove them \
         from `from`",
    )
}

/// The error for keys of a file of JSON lines that the declaration does not name; `absent` are the
/// declared columns that occur in no line.
pub(in crate::source) fn undeclared_keys(
    source: FileSource<'_>,
    keys: &[(String, i64)],
    absent: &[&Column],
) -> Result<()> {
    let place = if source.files.format == Format::Json { "record" } else { "line" };
    let added: Vec<(String, String)> =
        keys.iter().map(|(name, line)| (name.clone(), format!("first in {place} {line}"))).collect();
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

/// Returns each missing column that has a near name among the added ones, with that name and its place.
fn renamed<'c>(missing: &[&'c Column], added: &[(String, String)]) -> Vec<(&'c Column, String, String)> {
    let mut left: Vec<String> = added.iter().map(|(name, _)| name.clone()).collect();
    let mut pairs = Vec::new();
    for &column in missing {
        // That the second of two columns of a name is gone is not a renaming of the first.
        if matches!(column.from, From::Nth { .. }) {
            continue;
        }
        let nearest = column.source_names().iter().find_map(|name| near(name, &left));
        let Some(name) = nearest.map(str::to_owned) else { continue };
        let place = added.iter().find(|(n, _)| *n == name).map(|(_, place)| place.clone());
        left.retain(|other| *other != name);
        pairs.push((column, name, place.unwrap_or_default()));
    }
    pairs
}

fn was_renamed(column: &Column, name: &str, place: &str) -> Error {
    Error::failed(format!(
        "the file has no column {}, but an undeclared column `{name}` ({place})",
        column.wanted()
    ))
    .hint(format!(
        "was it renamed? Then declare {} with from = [\"{name}\", \"{}\"] to read files with either name",
        column.name,
        column.source_names().join("\", \"")
    ))
}

fn missing_columns(missing: &[&Column], found: &[String], policy: OnDrift) -> Error {
    let names: Vec<String> = missing.iter().map(|c| c.wanted()).collect();
    let required =
        if policy != OnDrift::Fail && missing.iter().all(|c| !c.nullable) { " required" } else { "" };
    let error = Error::failed(format!(
        "the file has no{required} column{} {}; it has {}",
        if missing.len() == 1 { "" } else { "s" },
        list(&names),
        list(&found.iter().map(|name| shown(name, Format::Csv)).collect::<Vec<_>>())
    ));
    if found.len() == 1 {
        return error.hint(
            "there is only one column: is `delimiter` right? Otherwise add it to the export, or declare \
             from = \"…\"",
        );
    }
    let first = missing.first().map_or("", |column| column.source_name());
    if !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit()) {
        return error.hint(format!(
            "`from = {first}` means a column named `{first}`; positions are used only with header = \
             false; of two columns with the same name from = {{ name = \"…\", nth = 2 }} is the second"
        ));
    }
    match near(first, found) {
        Some(close) if policy != OnDrift::Fail => {
            error.hint(format!("did you mean `{close}`? Then declare the column with from = \"{close}\""))
        }
        _ if policy == OnDrift::Fail && missing.iter().all(|c| c.nullable) => error.hint(
            "add it to the export, or give its name in the file with from = \"…\"; on_drift = \"ignore\" \
             reads a missing column as null",
        ),
        _ => error.hint("add it to the export, or give its name in the file with from = \"…\""),
    }
}

fn undeclared(source: FileSource<'_>, added: &[(String, String)]) -> Error {
    let shown: Vec<String> = added
        .iter()
        .take(SHOWN)
        .map(|(name, place)| format!("{} ({place})", shown(name, source.files.format)))
        .collect();
    let more = added.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Error::failed(format!(
        "the file has {} that {} not declared: {}{more}",
        if added.len() == 1 { "a column" } else { "columns" },
        if added.len() == 1 { "is" } else { "are" },
        shown.join(", ")
    ))
    .hint(
        "declare it among the columns of the source, or list it in ignore_columns; on_drift = \"ignore\" skips \
         such columns, \"evolve\" adds them",
    )
}

fn list(names: &[String]) -> String {
    let mut text = names[..names.len().min(SHOWN)].join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    text
}
