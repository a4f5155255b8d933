//! Extracts the values of a refused record, using its source's declaration.
//!
//! The record was refused because it does not fit, so as much as possible is read: a line with broken quotes
//! is split at its delimiters, and JSON that ends too soon gives the values before the end.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::FileSource;
use super::csv::{quoting, splitter};
use super::fixed::stretches;
use super::format::Format;
use crate::source::contract::column::From;
use crate::source::definition::Source;
use crate::source::row::field_text::field;
use crate::source::row::record_span::Found;

impl Source {
    /// Returns what is in a refused record's text: fields of a line, texts, keys and numbers of JSON
    /// however deep, decoded. What is in a value as JSON is parsed too.
    pub fn values_of_record(&self, record: &str) -> Vec<String> {
        let source = self.as_files();
        let mut values = match source.files.format {
            Format::Csv => fields(source, record),
            Format::Fixed => declared_stretches(source, record),
            Format::Jsonl | Format::Json => Vec::new(),
            Format::Parquet => shown(record),
        };
        let mut inner = Vec::new();
        for text in values.iter().map(String::as_str).chain([record]) {
            if text.trim_start().starts_with(['{', '[', '"']) {
                json_values(text, &mut inner);
            }
        }
        values.append(&mut inner);
        values
    }
}

fn fields(source: FileSource<'_>, record: &str) -> Vec<String> {
    let (splitter, quoting) = (splitter(source), quoting(source));
    let (text, mut at, mut values) = (record.as_bytes(), 0, Vec::new());
    let (mut spans, mut scratch) = (Vec::new(), Vec::new());
    while at < text.len() {
        spans.clear();
        let next = match splitter.split(text, at, true, &mut spans) {
            Found::Record { next, .. } => {
                let fields = spans.iter().map(|span| {
                    String::from_utf8_lossy(field(text, *span, quoting, &mut scratch)).into_owned()
                });
                values.extend(fields);
                next
            }
            Found::Broken { end, next, .. } => {
                let quote = char::from(quoting.quote);
                let fields = record[at..end].split(char::from(source.files.dialect.delimiter));
                let unquoted = fields.map(|field| field.trim().trim_matches(quote));
                values.extend(unquoted.map(|field| field.replace([quote, '\\'], "")));
                next
            }
            Found::Blank { next } => next,
            Found::More => break,
        };
        at = next.max(at + 1);
    }
    values
}

fn declared_stretches(source: FileSource<'_>, record: &str) -> Vec<String> {
    let columns = source.contract.columns.iter().filter_map(|column| match &column.from {
        From::Characters(stretch) => Some(stretch),
        _ => None,
    });
    stretches(record, columns)
}

/// Returns the values of a row of Parquet, which is shown as `name: value, name: value`.
fn shown(record: &str) -> Vec<String> {
    let pairs = record.split(", ");
    pairs.map(|pair| pair.split_once(": ").map_or(pair, |(_, value)| value).to_owned()).collect()
}

/// Adds every text, key and number of JSON, as far as it can be read; a key that comes twice gives both.
fn json_values(text: &str, values: &mut Vec<String>) {
    let mut reader = serde_json::Deserializer::from_str(text);
    // What does not read any further has given what came before.
    while Values(values).deserialize(&mut reader).is_ok() {
        if reader.end().is_ok() {
            break;
        }
    }
}

/// Gathers what it meets.
struct Values<'v>(&'v mut Vec<String>);

impl<'de> DeserializeSeed<'de> for Values<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Values<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.push(text.to_owned());
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.push(number.to_string());
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.push(number.to_string());
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Values(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<(), A::Error> {
        while let Some(key) = pairs.next_key::<String>()? {
            self.0.push(key);
            pairs.next_value_seed(Values(self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::source::SourceDeclaration;

    fn values(declared: &str, record: &str) -> Vec<String> {
        let declared: SourceDeclaration = toml::from_str(&format!("path = \"x\"\n{declared}")).unwrap();
        declared.check("shop").unwrap().values_of_record(record)
    }

    #[test]
    fn a_line_is_split_as_declared() {
        let csv = |dialect: &str| format!("format = \"csv\"\n{dialect}\ncolumns = {{ a = \"text\" }}");
        for delimiter in ["~", "^", "|", "/", "&", "#", ";", "\\t"] {
            let declared = csv(&format!("delimiter = \"{delimiter}\""));
            let sign = if delimiter == "\\t" { "\t" } else { delimiter };
            let record = ["7", "o'brien@example.org", "x"].join(sign);
            assert_eq!(values(&declared, &record), ["7", "o'brien@example.org", "x"], "{delimiter}");
        }
        assert_eq!(values(&csv("quote = \"'\""), "1,'o''brien@x.org'"), ["1", "o'brien@x.org"]);
        assert_eq!(values(&csv("escape = \"\\\\\""), "1,a\\,b"), ["1", "a,b"]);
        assert_eq!(values(&csv(""), "1,\"ada@x.org\" y,2"), ["1", "ada@x.org y", "2"]);
        assert_eq!(
            values(&csv(""), "1,\"{\"\"mail\"\": \"\"a\\u0040b.org\"\"}\"").last().unwrap(),
            "a@b.org"
        );
    }

    #[test]
    fn json_gives_all_it_says_decoded() {
        let declared = "format = \"jsonl\"\ncolumns = { a = \"text\" }";
        let found = values(declared, r#"{"a":{"mail":"ada\u0040x.org","mail":"b"},"c":[7,{"d@e.org":null}]"#);
        for value in ["ada@x.org", "b", "7", "d@e.org"] {
            assert!(found.iter().any(|found| found == value), "{value} in {found:?}");
        }
    }

    #[test]
    fn characters_are_cut_as_declared() {
        let declared = "format = \"fixed\"\n[columns]\nmail = { type = \"text\", at = [1, 9] }\n\
                        card = { type = \"text\", at = [10, 13] }";
        assert_eq!(values(declared, "ada@x.orgK999"), ["ada@x.org", "K999"]);
    }
}
