//! Reads a test file: the TOML next to a model, with the place of every entry.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::grid::Grid;
use crate::clock::{Instant, parse_instant};
use crate::error::Error;
use crate::name::TableName;
use crate::pipeline::document::{Document, unknown_name};

/// The tests of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct TestFile {
    pub table: TableName,
    pub tests: Vec<TestDeclaration>,
}

/// `[[test]]`
#[derive(Debug, Clone, PartialEq)]
pub struct TestDeclaration {
    pub name: String,
    /// `file:line`
    pub place: String,
    /// Without one nothing is hidden and `$as_of` has no value.
    pub as_of: Option<Instant>,
    pub given: BTreeMap<TableName, Given>,
    pub expect: Grid,
    /// Whether the rows must come in the order of `expect`.
    pub ordered: bool,
    /// By how much a float may differ; `None`: by rounding alone.
    pub tolerance: Option<f64>,
}

/// The rows of one table that the model reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    pub place: String,
    pub rows: Grid,
}

const FILE_KEYS: [&str; 2] = ["as_of", "test"];
const TEST_KEYS: [&str; 6] = ["name", "as_of", "given", "expect", "ordered", "tolerance"];

/// Reads the text of a test file, which messages call `shown`.
///
/// # Errors
/// Everything that is wrong with it: a text that is not TOML, no test, unknown keys,
/// missing or impossible values.
pub fn read(shown: &str, text: &str, table: TableName, zone: Tz) -> Result<TestFile, Vec<Error>> {
    let document = Document::parse(shown, text).map_err(|e| vec![e])?;
    let mut reader = Reader { document: &document, zone, errors: Vec::new() };
    let tests = reader.tests();
    if reader.errors.is_empty() { Ok(TestFile { table, tests }) } else { Err(reader.errors) }
}

struct Reader<'d, 't> {
    document: &'d Document<'t>,
    zone: Tz,
    errors: Vec<Error>,
}

impl<'t> Reader<'_, 't> {
    fn wrong(&mut self, offset: usize, error: Error) {
        self.errors.push(self.document.at_offset(offset, error));
    }

    fn tests(&mut self) -> Vec<TestDeclaration> {
        for key in self.document.keys().filter(|key| !FILE_KEYS.contains(key)) {
            self.errors.push(self.document.at_key(&[key.to_owned()], unknown_key(key, &FILE_KEYS)));
        }
        let as_of = self.document.value("as_of").and_then(|value| self.instant(value));
        let Some(value) = self.document.value("test") else {
            self.wrong(
                0,
                Error::config("the file has no test").hint("add [[test]] with name, given and expect"),
            );
            return Vec::new();
        };
        let Some(entries) = value.get_ref().as_array() else {
            self.wrong(
                value.span().start,
                Error::config("`test` must be a list of tests").hint("write [[test]], with two brackets"),
            );
            return Vec::new();
        };
        let mut tests: Vec<TestDeclaration> = Vec::new();
        for entry in entries.iter() {
            let place = entry.span().start;
            let Some(table) = entry.get_ref().as_table() else {
                self.wrong(place, Error::config("a test must be a table").hint("write [[test]]"));
                continue;
            };
            if let Some(test) = self.test(table, place, as_of) {
                if tests.iter().any(|other| other.name == test.name) {
                    self.wrong(place, Error::config(format!("two tests are named \"{}\"", test.name)));
                }
                tests.push(test);
            }
        }
        tests
    }

    fn test(&mut self, table: &DeTable<'t>, at: usize, as_of: Option<Instant>) -> Option<TestDeclaration> {
        for key in table.keys().filter(|key| !TEST_KEYS.contains(&key.get_ref().as_ref())) {
            self.wrong(key.span().start, unknown_key(key.get_ref(), &TEST_KEYS));
        }
        let name = match table.get("name").map(|value| (value, value.get_ref().as_str())) {
            Some((_, Some(name))) if !name.trim().is_empty() => Some(name.to_owned()),
            Some((value, _)) => {
                self.wrong(value.span().start, Error::config("the name of a test must be a text"));
                None
            }
            None => {
                self.wrong(
                    at,
                    Error::config("the test has no name").hint(
                        "add name = \"what the test \
                 shows\"",
                    ),
                );
                None
            }
        };
        let as_of = match table.get("as_of") {
            Some(value) => self.instant(value),
            None => as_of,
        };
        let given = table.get("given").map(|value| self.given(value)).unwrap_or_default();
        let expect = match table.get("expect") {
            Some(value) => self.grid(value, "expect"),
            None => {
                self.wrong(
                    at,
                    Error::config("the test has no `expect`")
                        .hint("add expect = [{ column = value }]; [] means that the result has no rows"),
                );
                None
            }
        };
        let ordered = match table.get("ordered").map(|value| (value, value.get_ref().as_bool())) {
            None => Some(false),
            Some((_, Some(ordered))) => Some(ordered),
            Some((value, None)) => {
                self.wrong(value.span().start, Error::config("`ordered` must be true or false"));
                None
            }
        };
        let tolerance = table.get("tolerance").and_then(|value| {
            let text = match value.get_ref() {
                DeValue::Float(number) => number.as_str(),
                DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
                _ => "",
            };
            match text.parse::<f64>() {
                Ok(tolerance) if tolerance.is_finite() && tolerance >= 0.0 => Some(tolerance),
                _ => {
                    self.wrong(
                        value.span().start,
                        Error::config("`tolerance` must be a number, at least 0")
                            .hint("it is how much a float may differ from the expected value"),
                    );
                    None
                }
            }
        });
        Some(TestDeclaration {
            name: name?,
            place: self.document.place_at(at),
            as_of,
            given,
            expect: expect?,
            ordered: ordered?,
            tolerance,
        })
    }

    fn given(&mut self, value: &Spanned<DeValue<'t>>) -> BTreeMap<TableName, Given> {
        let mut given = BTreeMap::new();
        let Some(tables) = value.get_ref().as_table() else {
            self.wrong(
                value.span().start,
                Error::config("`given` holds tables").hint("write given.\"schema.table\" = [ … ]"),
            );
            return given;
        };
        for (key, value) in tables {
            // Without quotes TOML splits given.core.orders at its dots.
            match value.get_ref().as_table() {
                Some(inner) if !key.get_ref().contains('.') => {
                    for (table, value) in inner {
                        let name = format!("{}.{}", key.get_ref(), table.get_ref());
                        self.give(&mut given, &name, table.span().start, value);
                    }
                }
                _ => self.give(&mut given, key.get_ref(), key.span().start, value),
            }
        }
        given
    }

    fn give(
        &mut self,
        given: &mut BTreeMap<TableName, Given>,
        name: &str,
        at: usize,
        value: &Spanned<DeValue<'t>>,
    ) {
        let table = match name.parse::<TableName>() {
            Ok(table) => table,
            Err(error) => return self.wrong(at, error),
        };
        if let Some(rows) = self.grid(value, name) {
            let place = self.document.place_at(at);
            if given.insert(table, Given { place, rows }).is_some() {
                self.wrong(at, Error::config(format!("{name} is given twice")));
            }
        }
    }

    fn grid(&mut self, value: &Spanned<DeValue<'t>>, of: &str) -> Option<Grid> {
        match Grid::read(self.document, value) {
            Ok(grid) => Some(grid),
            Err(errors) => {
                self.errors.extend(errors.into_iter().map(|e| e.hint(format!("these are the rows of {of}"))));
                None
            }
        }
    }

    fn instant(&mut self, value: &Spanned<DeValue<'t>>) -> Option<Instant> {
        let text = match value.get_ref() {
            DeValue::String(text) => text.clone().into_owned(),
            DeValue::Datetime(moment) => moment.to_string(),
            _ => String::new(),
        };
        match parse_instant(&text, self.zone) {
            Ok(instant) => Some(instant),
            Err(error) => {
                self.wrong(value.span().start, error);
                None
            }
        }
    }
}

fn unknown_key(key: &str, known: &[&str]) -> Error {
    unknown_name(format!("unknown key `{key}`"), key, known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<TestFile, Vec<Error>> {
        super::read("x.test.toml", text, "core.x".parse().unwrap(), Tz::UTC)
    }

    #[test]
    fn rows_come_as_tables_or_as_csv() {
        let file = read(
            "as_of = 2026-07-01\n\
             [[test]]\nname = \"one\"\nexpect = []\n\
             given.\"core.a\" = [{ x = 1 }, { y = \"t\", x = 2.50 }]\n\
             given.core.b = \"\"\"\n  x, y\n  1,\n\"\"\"\n\
             [[test]]\nname = \"two\"\nas_of = \"2026-01-01\"\nexpect = [{ n = 1 }]\nordered = true\ntolerance = 0.01\n",
        )
        .unwrap();
        let [one, two] = file.tests.as_slice() else { panic!() };
        assert_eq!(one.as_of, Some(parse_instant("2026-07-01", Tz::UTC).unwrap()));
        assert_eq!(two.as_of, Some(parse_instant("2026-01-01", Tz::UTC).unwrap()));
        assert_eq!((two.ordered, two.tolerance), (true, Some(0.01)));
        let a = &one.given[&"core.a".parse().unwrap()];
        assert_eq!(a.place, "x.test.toml:5");
        assert_eq!(a.rows.columns.iter().map(|c| c.0.as_str()).collect::<Vec<_>>(), ["x", "y"]);
        let b = &one.given[&"core.b".parse().unwrap()];
        assert_eq!(b.rows.rows[0][0].place, "x.test.toml:8");
    }

    #[test]
    fn everything_wrong_is_reported_with_its_line() {
        let errors = read(
            "[[test]]\nnme = \"one\"\nexpect = 3\n[[test]]\nname = \"a\"\nexpect = []\ngiven.orders = []\n\
             [[test]]\nname = \"a\"\nexpect = [{ x = [1] }]\nordered = 1\n",
        )
        .unwrap_err();
        let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
        for (line, words) in [
            (2, "unknown key `nme`"),
            (1, "has no name"),
            (3, "rows cannot be written as a number"),
            (7, "`orders` is not a table name"),
            (10, "a value cannot be written as a list"),
            (11, "`ordered` must be true or false"),
        ] {
            let found =
                messages.iter().any(|t| t.contains(words) && t.contains(&format!("x.test.toml:{line}")));
            assert!(found, "{line} {words}: {messages:#?}");
        }
        assert!(read("").unwrap_err()[0].to_string().contains("has no test"));
        assert!(read("[test]\n").unwrap_err()[0].to_string().contains("two brackets"));
        assert!(read("[[test]\n").unwrap_err()[0].to_string().contains("not TOML"));
    }
}
