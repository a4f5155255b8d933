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

/// The texts that are values of a file.
#[derive(Debug, Clone, Default)]
pub struct SqlOrigins {
    path: String,
    file: Arc<str>,
    values: Vec<Value>,
}

#[derive(Debug, Clone)]
struct Value {
    key: Vec<String>,
    text: String,
    /// The byte of the file at which its first quote stands.
    begin: usize,
}

impl SqlOrigins {
    /// Collects the texts of a file that was read.
    pub(super) fn of(path: &str, file: &str, root: &DeTable<'_>) -> Self {
        let mut values = Vec::new();
        collect(root, &[], &mut values);
        SqlOrigins { path: path.to_owned(), file: file.into(), values }
    }

    /// Adds the place in the file to an error about one of its texts; of several that are the same, the one
    /// whose section the error names.
    pub fn place(&self, error: Error) -> Error {
        error.in_sql_of(&|Wanted { text, key, context }| {
            let words: Vec<&str> =
                context.split(|c: char| !(c.is_alphanumeric() || "_.".contains(c))).collect();
            let named =
                |value: &Value| value.key.iter().filter(|part| words.contains(&part.as_str())).count();
            let is_wanted = |value: &&Value| {
                value.text == text && key.is_none_or(|key| value.key.iter().any(|part| part == key))
            };
            // Of those that are named as often the first.
            let same = self.values.iter().rev().filter(is_wanted);
            same.max_by_key(|value| named(value)).map(|value| self.origin(value))
        })
    }

    /// The origin of a text below a key.
    pub(super) fn below(&self, key: &[String], sql: &str) -> Option<SqlOrigin> {
        let value = self.values.iter().find(|value| value.text == sql && value.key.starts_with(key));
        value.map(|value| self.origin(value))
    }

    fn origin(&self, value: &Value) -> SqlOrigin {
        SqlOrigin::value(&self.path, &self.file, bytes(&self.file, value.begin))
    }
}

fn collect(table: &DeTable<'_>, above: &[String], values: &mut Vec<Value>) {
    for (name, value) in table {
        let mut key = above.to_vec();
        key.push(name.get_ref().as_ref().to_owned());
        collect_value(value, key, values);
    }
}

fn collect_value(value: &Spanned<DeValue<'_>>, key: Vec<String>, values: &mut Vec<Value>) {
    match value.get_ref() {
        DeValue::String(text) => {
            values.push(Value { key, text: text.as_ref().to_owned(), begin: value.span().start });
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
        _ => ("\"", true),
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
