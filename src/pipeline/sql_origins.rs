//! Where the SQL texts of a pipeline file stand in it, byte by byte.
//!
//! A condition is a value of the TOML, with escapes and over several lines. What is wrong in it is reported at its
//! line and column of the file.

use std::iter::Peekable;
use std::str::CharIndices;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Error, SqlOrigin, Wanted};

/// The texts that are values, and the names of keys, of a pipeline's files.
#[derive(Debug, Clone, Default)]
pub struct SqlOrigins {
    files: Vec<File>,
    values: Vec<Value>,
}

#[derive(Debug, Clone)]
struct File {
    path: String,
    text: Arc<str>,
}

#[derive(Debug, Clone)]
struct Value {
    /// Which of the files it stands in.
    file: usize,
    key: Vec<String>,
    text: String,
    /// The byte of the file at which it begins: a value at its first quote.
    begin: usize,
    /// Whether it is the name of a key, and no SQL.
    is_key: bool,
}

impl SqlOrigins {
    /// Collects the texts of a file that was read.
    pub(super) fn of(path: &str, file: &str, root: &DeTable<'_>) -> Self {
        let mut values = Vec::new();
        collect(root, &[], &mut values);
        SqlOrigins { files: vec![File { path: path.to_owned(), text: file.into() }], values }
    }

    /// Adds the texts of a part of the pipeline that has files of its own.
    pub(super) fn add(&mut self, key: &[String], part: &SqlOrigins) {
        let first = self.files.len();
        self.files.extend(part.files.iter().cloned());
        self.values.extend(part.values.iter().map(|value| Value {
            file: first + value.file,
            key: [key, &value.key].concat(),
            ..value.clone()
        }));
    }

    /// Adds the place in the file to an error about one of its texts; of several that are the same, the one
    /// whose section the error names.
    pub fn place(&self, error: Error) -> Error {
        error.in_sql_of(&|Wanted { text, key, context }| {
            let words: Vec<&str> =
                context.split(|c: char| !(c.is_alphanumeric() || "_.".contains(c))).collect();
            let named = |value: &Value| {
                let parts = value.key.iter().filter(|part| words.contains(&part.as_str())).count();
                // What a source says of its raw table is named by the table.
                let raw = match value.key.as_slice() {
                    [section, name, ..] if section == "sources" => Some(format!("raw.{name}")),
                    _ => None,
                };
                parts + usize::from(raw.is_some_and(|raw| words.contains(&raw.as_str())))
            };
            let is_wanted = |value: &&Value| {
                value.text == text
                    && key.map_or(!value.is_key, |key| value.key.iter().any(|part| part == key))
            };
            // Of those that are named as often the first.
            let same = self.values.iter().rev().filter(is_wanted);
            same.max_by_key(|value| named(value)).map(|value| self.origin(value))
        })
    }

    /// The origin of a text below a key.
    pub(super) fn below(&self, key: &[String], sql: &str) -> Option<SqlOrigin> {
        let is_it = |value: &&Value| !value.is_key && value.text == sql && value.key.starts_with(key);
        let value = self.values.iter().find(is_it);
        value.map(|value| self.origin(value))
    }

    fn origin(&self, value: &Value) -> SqlOrigin {
        let File { path, text } = &self.files[value.file];
        SqlOrigin::value(path, text, bytes(text, value.begin))
    }
}

fn collect(table: &DeTable<'_>, above: &[String], values: &mut Vec<Value>) {
    for (name, value) in table {
        let mut key = above.to_vec();
        let text = name.get_ref().as_ref().to_owned();
        let begin = name.span().start;
        values.push(Value { file: 0, key: key.clone(), text: text.clone(), begin, is_key: true });
        key.push(text);
        collect_value(value, key, values);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, key: Vec<String>, values: &mut Vec<Value>) {
    match value.get_ref() {
        DeValue::String(text) => {
            let (text, begin) = (text.as_ref().to_owned(), value.span().start);
            values.push(Value { file: 0, key, text, begin, is_key: false });
        }
        DeValue::Table(table) => collect(table, &key, values),
        DeValue::Array(entries) => {
            for (n, entry) in entries.iter().enumerate() {
                collect_value(entry, [&key[..], &[n.to_string()]].concat(), values);
            }
        }
        _ => {}
    }
}

/// For each byte of a TOML text its byte of the file, and the one at which it ends.
fn bytes(file: &str, begin: usize) -> Vec<usize> {
    let written = file.get(begin..).unwrap_or_default();
    let (quotes, escapes) = match written {
        w if w.starts_with("\"\"\"") => ("\"\"\"", true),
        w if w.starts_with("'''") => ("'''", false),
        w if w.starts_with('\'') => ("'", false),
        w if w.starts_with('"') => ("\"", true),
        // The name of a key, without quotes.
        w => {
            let end = w.find(|c: char| !(c.is_ascii_alphanumeric() || "_-".contains(c))).unwrap_or(w.len());
            return (begin..=begin + end).collect();
        }
    };
    let mut inner = begin + quotes.len();
    if quotes.len() == 3 {
        // The line break behind the quotes is no part of the text.
        let rest = &file[inner..];
        inner += if rest.starts_with("\r\n") { 2 } else { usize::from(rest.starts_with('\n')) };
    }
    let text = file.get(inner..).unwrap_or_default();
    let mut bytes = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, letter)) = chars.next() {
        if text[at..].starts_with(quotes) && !(quotes.len() == 3 && text[at + 3..].starts_with(&quotes[..1]))
        {
            bytes.push(inner + at);
            break;
        }
        let length = match letter {
            '\\' if escapes => escaped(&mut chars),
            letter => letter.len_utf8(),
        };
        bytes.extend((0..length).map(|n| inner + at + if letter == '\\' { 0 } else { n }));
    }
    bytes
}

/// How many bytes an escape makes; what it is written with is passed over.
fn escaped(chars: &mut Peekable<CharIndices<'_>>) -> usize {
    let Some((_, kind)) = chars.next() else { return 0 };
    let digits = match kind {
        'u' => 4,
        'U' => 8,
        'x' => 2,
        // A line that goes on in the next.
        '\n' | '\r' | ' ' | '\t' => {
            while chars.next_if(|(_, c)| c.is_ascii_whitespace()).is_some() {}
            return 0;
        }
        _ => return 1,
    };
    let number: String = chars.by_ref().take(digits).map(|(_, digit)| digit).collect();
    u32::from_str_radix(&number, 16).ok().and_then(char::from_u32).map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_of_a_text_has_its_byte_of_the_file() {
        for (written, text) in [
            ("\"a > 1\"", "a > 1"),
            ("'a > \"1\"'", "a > \"1\""),
            ("\"a = \\\"é\\\" x\"", "a = \"é\" x"),
            ("\"\"\"\na >\n  1\"\"\"", "a >\n  1"),
            ("\"\"\"a \\\n   > 1\"\"\"", "a > 1"),
            ("\"\\u00e9 > \\\\\"", "é > \\"),
            ("'''\na''b'''", "a''b"),
        ] {
            let file = format!("x = {written}\ny = 2\n");
            let bytes = bytes(&file, 4);
            assert_eq!(bytes.len(), text.len() + 1, "{written}");
            for (n, byte) in text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()) {
                assert_eq!(file.as_bytes()[bytes[n]], byte, "{written} at {n}");
            }
        }
    }

    #[test]
    fn of_two_texts_that_are_the_same_the_named_one_is_meant() {
        let file = "[audiences.a]\nwhere = \"x > 1\"\n[audiences.b]\nwhere = \"x > 1\"\n";
        let root = DeTable::parse(file).unwrap();
        let origins = SqlOrigins::of("p.toml", file, root.get_ref());
        let error =
            Error::config("there is no column `x`").about("x").in_part("x > 1", "x > 1").at("audience b");
        let shown = origins.place(error).to_string();
        assert!(shown.contains("p.toml:4:10") && shown.contains("4 | where = \"x > 1\""), "{shown}");
        let other = Error::config("wrong").in_part("y", "y");
        assert!(!origins.place(other).to_string().contains("p.toml"));
    }
}
