//! A feature that a model reads, as sections name it.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::config::Problem;
use crate::error::Error;
use crate::mining::KEY;
use crate::name::is_identifier;

/// A feature that a model reads, and whether it is read through a logarithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureColumn {
    pub column: String,
    /// `sign(x)·ln(1+|x|)` before standardising: for amounts and counts with a long tail.
    pub log: bool,
}

/// `{ column = "…", log = true }`
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FeatureColumnTable {
    /// A column of the features.
    #[schemars(example = &"orders_total")]
    column: String,
    /// Whether it is read through a logarithm, `sign(x)·ln(1+|x|)`: for amounts and counts with a long tail.
    #[serde(default)]
    log: bool,
}

impl JsonSchema for FeatureColumn {
    fn schema_name() -> Cow<'static, str> {
        "FeatureColumn".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<FeatureColumnTable>();
        json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}

impl<'de> Deserialize<'de> for FeatureColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;
        // Not an untagged enum: that would hide which key is unknown.
        impl<'de> Visitor<'de> for Form {
            type Value = FeatureColumn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column name or { column = \"…\", log = true }")
            }

            fn visit_str<E>(self, column: &str) -> Result<FeatureColumn, E> {
                Ok(FeatureColumn { column: column.to_owned(), log: false })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<FeatureColumn, A::Error> {
                let table = FeatureColumnTable::deserialize(MapAccessDeserializer::new(map))?;
                Ok(FeatureColumn { column: table.column, log: table.log })
            }
        }
        deserializer.deserialize_any(Form)
    }
}

pub(super) fn check_columns(columns: &[FeatureColumn], problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    if columns.is_empty() {
        problems.push(Problem::new(
            ["columns"],
            Error::config("no column is listed").hint("list the features to work with"),
        ));
    }
    for FeatureColumn { column, .. } in columns {
        if !is_identifier(column) {
            problems.push(Problem::new(
                ["columns"],
                Error::config(format!("`{column}` is not a column name"))
                    .hint("write it in lower-case letters, digits and underscores"),
            ));
        } else if column == KEY {
            problems.push(Problem::new(
                ["columns"],
                Error::config(format!("`{column}` tells customers apart, it says nothing about them"))
                    .hint("list features only"),
            ));
        } else if !seen.insert(column) {
            problems.push(Problem::new(["columns"], Error::config(format!("`{column}` is listed twice"))));
        }
    }
}
