//! JSON schemas of the files that a user writes, made from the structures that parse them.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::file::PipelineFile;
use super::properties::TableProperties;
use crate::audience::AudienceDeclaration;
use crate::source::SourceDeclaration;

/// The kinds of file, each with a schema of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// `pipelines/<name>.toml`
    Pipeline,
    /// A source in a file of its own.
    Source,
    /// An audience in a file of its own.
    Audience,
    /// `sql/<pipeline>/<schema>/<table>.toml`
    Properties,
}

impl FileKind {
    /// Returns the JSON schema (draft 7, which editors of TOML read) of such a file.
    pub fn schema(self) -> Value {
        match self {
            FileKind::Pipeline => schema::<PipelineFile>(),
            FileKind::Source => schema::<SourceDeclaration>(),
            FileKind::Audience => schema::<AudienceDeclaration>(),
            FileKind::Properties => schema::<TableProperties>(),
        }
    }
}

fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft07().with_transform(WithoutNull);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// A key that may be left out cannot be null: TOML has none.
#[derive(Debug, Clone)]
struct WithoutNull;

impl Transform for WithoutNull {
    fn transform(&mut self, schema: &mut Schema) {
        let is_null = |value: &Value| value == "null" || value.get("type").is_some_and(|kind| kind == "null");
        if let Some(object) = schema.as_object_mut() {
            if let Some(Value::Array(kinds)) = object.get_mut("type") {
                kinds.retain(|kind| !is_null(kind));
                if let [only] = kinds.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|choice| !is_null(choice));
                // What is left is the schema itself, with the description and the examples of the key.
                if let [only] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.insert("allOf".to_owned(), Value::Array(vec![only]));
                }
            }
        }
        transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::file::KEYS;

    const KINDS: [FileKind; 4] =
        [FileKind::Pipeline, FileKind::Source, FileKind::Audience, FileKind::Properties];

    /// Every object of a schema that has keys, with a name for messages.
    fn tables(schema: &Value) -> Vec<(String, &Value)> {
        let named = schema["definitions"].as_object().into_iter().flatten();
        let mut tables: Vec<(String, &Value)> = named.map(|(name, table)| (name.clone(), table)).collect();
        tables.push(("the file".to_owned(), schema));
        tables.retain(|(_, table)| table.get("properties").is_some());
        tables
    }

    #[test]
    fn every_key_is_described() {
        let mut missing = Vec::new();
        for kind in KINDS {
            for (table, schema) in tables(&kind.schema()) {
                for (key, value) in schema["properties"].as_object().unwrap() {
                    if value.get("description").is_none() {
                        missing.push(format!("{kind:?}: {table}: {key}"));
                    }
                }
            }
        }
        assert!(missing.is_empty(), "{}", missing.join("\n"));
    }

    #[test]
    fn an_unknown_key_is_wrong_in_every_table() {
        for kind in KINDS {
            for (table, schema) in tables(&kind.schema()) {
                assert_eq!(schema["additionalProperties"], false, "{kind:?}: {table}");
            }
        }
    }

    #[test]
    fn the_schema_of_the_pipeline_file_has_the_keys_that_are_read() {
        let schema = FileKind::Pipeline.schema();
        let mut keys: Vec<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        let mut read = KEYS.to_vec();
        read.sort_unstable();
        assert_eq!(keys, read);
    }

    #[test]
    fn nothing_is_null() {
        for kind in KINDS {
            let schema = kind.schema().to_string();
            for null in ["\"type\":\"null\"", ",\"null\"]"] {
                assert!(!schema.contains(null), "{kind:?}");
            }
        }
    }
}
