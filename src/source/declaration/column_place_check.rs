//! Checks where a declared column is in the source's files, and that no two columns share a place.

use std::ops::Range;

use super::column::ColumnTable;
use super::column_place::{AtDeclaration, FromDeclaration, NthDeclaration, PartitionDeclaration, is_path};
use crate::config::Problem;
use crate::error::Error;
use crate::source::contract::column::{Column, From};
use crate::source::contract::header_name::{composed, plain};
use crate::source::declaration::SourceDeclaration;
use crate::source::file::fixed::characters;
use crate::source::file::format::Format;

/// What is wrong with a column's place: the key, the message, the hint.
type Wrong = (&'static str, String, &'static str);

const POSITIONS: &str = "write for example from = 1 for the first column";
const PATHS: &str = "write for example from = \"customer.email\"";
const NAMES: &str = "write for example from = [\"Email\", \"EmailAddress\"], the current name first";
const CHARACTERS: &str = "write for example at = [1, 5], the first and the last character, from 1";

impl SourceDeclaration {
    /// Returns where a declared column is.
    pub(super) fn place(&self, name: &str, table: &ColumnTable, problems: &mut Vec<Problem>) -> Option<From> {
        let place = match (self.format(), &table.at, &table.from) {
            (_, None, Some(FromDeclaration::Partition(folder))) => partition(folder),
            (Format::Fixed, Some(at), None) => stretch(*at).map(From::Characters),
            (Format::Fixed, None, None) => Err(("at", "a fixed-width column needs `at`".into(), CHARACTERS)),
            (Format::Fixed, _, Some(_)) => {
                Err(("from", "a fixed-width file has no column names".into(), CHARACTERS))
            }
            (_, Some(_), _) => Err((
                "at",
                format!("`at` cannot be used with the format {}", self.format()),
                "`at` is for format = \"fixed\"; use `from` instead",
            )),
            (Format::Csv, None, from) if self.header == Some(false) => position(from.as_ref()),
            (format, None, from) => named(format, name, from.as_ref()),
        };
        place
            .map_err(|(key, message, hint)| {
                let error = Error::config(message).hint(hint);
                problems.push(Problem::new(["columns", name, key], error));
            })
            .ok()
    }

    /// No two fixed-width columns, and no column and no ignored stretch, share a character.
    pub(super) fn overlaps(&self, columns: &[Column], problems: &mut Vec<Problem>) {
        if self.format() != Format::Fixed {
            return;
        }
        let mut taken: Vec<(&Range<usize>, &Column)> = columns
            .iter()
            .filter_map(|column| match &column.from {
                From::Characters(stretch) => Some((stretch, column)),
                _ => None,
            })
            .collect();
        taken.sort_by_key(|(stretch, _)| stretch.start);
        for pair in taken.windows(2) {
            let [(before, first), (after, second)] = pair else { continue };
            if before.end > after.start {
                problems.push(Problem::new(
                    ["columns", &second.name, "at"],
                    Error::config(format!(
                        "{} and {} share the character {}",
                        first.name,
                        second.name,
                        after.start + 1
                    ))
                    .hint("a character belongs to one column only; positions are counted from 1, not from 0"),
                ));
            }
        }
        for ignored in &self.ignore_columns {
            let wrong = match characters(ignored) {
                None => format!("`{ignored}` is not a range of characters"),
                Some(stretch) => {
                    match taken.iter().find(|(t, _)| t.start < stretch.end && stretch.start < t.end) {
                        Some((_, column)) => {
                            format!("`{ignored}` is both declared, as {}, and ignored", column.name)
                        }
                        None => continue,
                    }
                }
            };
            problems.push(Problem::new(
                ["ignore_columns"],
                Error::config(wrong)
                    .hint("write for example \"6-7\", \"12\", or \"33-\" for everything after character 32"),
            ));
        }
    }
}

fn stretch(at: AtDeclaration) -> Result<Range<usize>, Wrong> {
    /// Beyond any line, and short enough to count with.
    const FARTHEST: i64 = 1_000_000;
    let (first, last) = match at {
        AtDeclaration::One(only) => (only, only),
        AtDeclaration::Stretch([first, last]) => (first, last),
    };
    if first < 1 || last < first || last > FARTHEST {
        let message = format!("characters {first} to {last} are not a valid range");
        return Err(("at", message, CHARACTERS));
    }
    match (usize::try_from(first - 1), usize::try_from(last)) {
        (Ok(start), Ok(end)) => Ok(start..end),
        _ => Err(("at", "characters are counted from 1".into(), CHARACTERS)),
    }
}

/// Returns the folder whose name gives the value.
fn partition(folder: &PartitionDeclaration) -> Result<From, Wrong> {
    let name = folder.partition.trim();
    if name.is_empty() || name.contains(['=', '/']) {
        let message = "the name of a partition is what its folders have before `=`".to_owned();
        return Err((
            "from",
            message,
            "write for example from = { partition = \"day\" } for day=2026-01-31/",
        ));
    }
    Ok(From::Partition(name.to_owned()))
}

/// Returns the place in a file without a header.
fn position(from: Option<&FromDeclaration>) -> Result<From, Wrong> {
    let wrong = |message: &str| Err(("from", message.to_owned(), POSITIONS));
    let position = match from {
        None => return wrong("a file without header needs the position of each column"),
        Some(FromDeclaration::Position(position)) => *position,
        Some(FromDeclaration::Name(text)) => match text.trim().parse() {
            Ok(position) => position,
            Err(_) => return wrong("a file without header has positions instead of names"),
        },
        Some(FromDeclaration::Nth(_) | FromDeclaration::Names(_) | FromDeclaration::Partition(_)) => {
            return wrong("a file without header has positions instead of names");
        }
    };
    match usize::try_from(position).ok().and_then(|position| position.checked_sub(1)) {
        Some(place) => Ok(From::Position(place)),
        None => wrong("positions are counted from 1"),
    }
}

/// Returns the name, or names, where files have them.
fn named(format: Format, name: &str, from: Option<&FromDeclaration>) -> Result<From, Wrong> {
    let one = |text: &str| -> Result<String, Wrong> {
        if !format.is_json() {
            return Ok(plain(text).into_owned());
        }
        match is_path(text) {
            true => Ok(composed(text).into_owned()),
            false => Err(("from", "a JSON path is a list of keys joined by dots".into(), PATHS)),
        }
    };
    match from {
        None => Ok(From::Name(name.to_owned())),
        Some(FromDeclaration::Position(number)) => Ok(From::Name(number.to_string())),
        Some(FromDeclaration::Name(text)) => one(text).map(From::Name),
        Some(FromDeclaration::Names(texts)) => {
            let names = texts.iter().map(|text| one(text)).collect::<Result<Vec<_>, _>>()?;
            let twice = names.iter().enumerate().any(|(place, name)| names[..place].contains(name));
            match names.len() {
                0 => Err(("from", "the list of names is empty".into(), NAMES)),
                _ if twice => Err(("from", "the list contains a name twice".into(), NAMES)),
                1 => Ok(names.into_iter().next().map_or(From::Name(name.to_owned()), From::Name)),
                _ => Ok(From::Names(names)),
            }
        }
        Some(FromDeclaration::Partition(folder)) => partition(folder),
        Some(FromDeclaration::Nth(_)) if format != Format::Csv => Err((
            "from",
            format!("`nth` cannot be used with the format {format}"),
            "only a CSV file can have two columns with the same name",
        )),
        Some(FromDeclaration::Nth(NthDeclaration { name, nth })) => {
            match usize::try_from(*nth).ok().filter(|nth| *nth > 0) {
                Some(nth) => Ok(From::Nth { name: plain(name).into_owned(), nth }),
                None => Err((
                    "from",
                    "columns with the same name are counted from 1".into(),
                    "write for example from = { name = \"Email\", nth = 2 }",
                )),
            }
        }
    }
}
