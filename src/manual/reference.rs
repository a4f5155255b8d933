//! The chapter `reference`: every key of every file that a user writes, rendered from their schemas.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use crate::pipeline::FileKind;
use crate::sql_text::one_line;

const INTRODUCTION: &str = "# Reference

Every key of the files that you write: its type, its default, and what it does.

A key without a default may be left out unless it is marked *required*; unknown keys are errors. Editors check and complete
these files by the schemas that `sillage schema` prints. Unit tests of models (`<table>.test.toml`) are described in the
chapter `models`.
";

/// The files, each with its title and where it is.
const FILES: [(FileKind, &str, &str); 4] = [
    (FileKind::Pipeline, "Pipeline", "`pipelines/<name>.toml`"),
    (
        FileKind::Source,
        "Source",
        "`[sources.<name>]` of the pipeline file, or a file `<name>.toml` of its own",
    ),
    (
        FileKind::Properties,
        "Table",
        "`sql/<pipeline>/<schema>/<table>.toml`, beside the SQL of the table or alone",
    ),
    (
        FileKind::Audience,
        "Audience",
        "`[audiences.<name>]` of the pipeline file, or a file `<name>.toml` of its own",
    ),
];

/// Returns the chapter as Markdown.
pub fn reference() -> String {
    let mut text = INTRODUCTION.to_owned();
    let mut written = BTreeSet::new();
    // What has a file of its own is described there.
    for (kind, _, _) in FILES {
        written.extend(kind.schema()["title"].as_str().map(str::to_owned));
    }
    for (kind, title, place) in FILES {
        let schema = kind.schema();
        let _ = write!(text, "\n## {title}\n\n{place}.\n");
        let mut file = File { definitions: &schema["definitions"], written: &mut written, text: &mut text };
        file.table(&schema, "");
    }
    text
}

struct File<'s> {
    definitions: &'s Value,
    /// The definitions that are described already.
    written: &'s mut BTreeSet<String>,
    text: &'s mut String,
}

impl<'s> File<'s> {
    /// Writes the keys of a table, and after them the tables below it.
    fn table(&mut self, schema: &'s Value, path: &str) {
        let Some(keys) = schema["properties"].as_object() else { return };
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        self.text.push_str("\n| key | type | default | what it is |\n|---|---|---|---|\n");
        let mut below = Vec::new();
        for (key, value) in keys {
            let kind = self.kind(value);
            let default = match (required.contains(&key.as_str()), value.get("default")) {
                (true, _) => "*required*".to_owned(),
                (false, Some(default)) if !is_empty(default) => format!("`{}`", toml(default)),
                _ => String::new(),
            };
            let _ = writeln!(self.text, "| `{key}` | {kind} | {default} | {} |", self.about(value));
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            self.tables_in(value, &path, &mut below);
        }
        for (name, path) in below {
            if self.written.insert(name.clone()) {
                let table = &self.definitions[&name];
                let _ = write!(self.text, "\n### `{path}`\n");
                if let Some(about) = table["description"].as_str() {
                    let _ = write!(self.text, "\n{}\n", one_line(about));
                }
                self.table(table, &path);
            }
        }
    }

    /// Collects the tables with keys of their own that may stand at a key.
    fn tables_in(&self, value: &'s Value, path: &str, found: &mut Vec<(String, String)>) {
        if let Some(name) = definition(value) {
            let table = &self.definitions[&name];
            if table.get("properties").is_some() {
                found.push((name, path.to_owned()));
            } else {
                self.tables_in(table, path, found);
            }
        }
        for list in ["allOf", "anyOf", "oneOf"] {
            for choice in value[list].as_array().into_iter().flatten() {
                self.tables_in(choice, path, found);
            }
        }
        if value.get("items").is_some() {
            self.tables_in(&value["items"], path, found);
        }
        if value["additionalProperties"].is_object() {
            self.tables_in(&value["additionalProperties"], &format!("{path}.<name>"), found);
        }
    }

    /// Returns the type in words.
    fn kind(&self, value: &Value) -> String {
        let mut kinds = Vec::new();
        self.kinds(value, &mut kinds);
        kinds.dedup();
        kinds.join(" or ")
    }

    fn kinds(&self, value: &Value, kinds: &mut Vec<String>) {
        if let Some(name) = definition(value) {
            return self.kinds(&self.definitions[&name], kinds);
        }
        for list in ["allOf", "anyOf"] {
            for choice in value[list].as_array().into_iter().flatten() {
                self.kinds(choice, kinds);
            }
        }
        let words = words(value);
        if !words.is_empty() {
            return kinds
                .push(words.iter().map(|(word, _)| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "));
        }
        let kind = match value["type"].as_str() {
            Some("string") if value.get("pattern").is_some() => "table name".to_owned(),
            Some("string") => "text".to_owned(),
            Some("integer") => "whole number".to_owned(),
            Some("number") => "number".to_owned(),
            Some("boolean") => "`true`, `false`".to_owned(),
            Some("array") => match self.kind(&value["items"]) {
                items if items.is_empty() => "list".to_owned(),
                items => format!("list of {}", plural(&items)),
            },
            Some("object") => match &value["additionalProperties"] {
                Value::Object(_) => {
                    format!("table of {}", plural(&self.kind(&value["additionalProperties"])))
                }
                _ => "table".to_owned(),
            },
            _ => return,
        };
        kinds.push(kind);
    }

    /// Returns what the key is for, with what its words mean and an example.
    fn about(&self, value: &Value) -> String {
        let mut about = one_line(value["description"].as_str().unwrap_or_default());
        let target = definition(value).map(|name| &self.definitions[&name]);
        for (word, meaning) in target.map(words).unwrap_or_default() {
            if let Some(meaning) = meaning {
                let _ = write!(about, " `{word}`: {}", lower_first(&one_line(&meaning)));
            }
        }
        if let Some(example) = value["examples"].as_array().and_then(|examples| examples.first()) {
            let _ = write!(about, " Example: `{}`.", toml(example));
        }
        // A bar would end the cell.
        about.replace('|', "\\|")
    }
}

/// Returns the definition that a schema refers to.
fn definition(value: &Value) -> Option<String> {
    let reference = value["$ref"].as_str().or_else(|| match value["allOf"].as_array()?.as_slice() {
        [only] => only["$ref"].as_str(),
        _ => None,
    });
    Some(reference?.rsplit('/').next()?.to_owned())
}

/// Returns the words that a text must be one of, each with its meaning.
fn words(value: &Value) -> Vec<(String, Option<String>)> {
    let plain = value["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut words: Vec<(String, Option<String>)> = plain.map(|word| (word.to_owned(), None)).collect();
    for choice in value["oneOf"].as_array().into_iter().flatten() {
        let meaning = choice["description"].as_str().map(str::to_owned);
        let alone = choice["const"].as_str().into_iter();
        let listed = choice["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        words.extend(alone.chain(listed).map(|word| (word.to_owned(), meaning.clone())));
    }
    words
}

fn plural(kind: &str) -> String {
    let one = |kind: &str| match kind {
        "text" => "texts".to_owned(),
        "table" | "table name" | "number" | "whole number" => format!("{kind}s"),
        other => other.to_owned(),
    };
    kind.split(" or ").map(one).collect::<Vec<_>>().join(" or ")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(entries) => entries.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Returns a value as TOML writes it.
fn toml(value: &Value) -> String {
    toml::Value::try_from(value).expect("examples and defaults are values of TOML").to_string()
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SILLAGE_UPDATE_REFERENCE=1 cargo test reference` writes the file anew.
    #[test]
    fn the_chapter_is_what_the_structures_say() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/manual/reference.md");
        if std::env::var_os("SILLAGE_UPDATE_REFERENCE").is_some() {
            std::fs::write(path, reference()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == reference(), "run SILLAGE_UPDATE_REFERENCE=1 cargo test the_chapter_is");
    }

    #[test]
    fn a_key_has_its_type_its_default_and_an_example() {
        let text = reference();
        for line in [
            "| `tolerance` | number | `0` | The share of refused records, 0 to 1, that a run accepts. Example: `0.01`. |",
            "| `name` | text | *required* |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
