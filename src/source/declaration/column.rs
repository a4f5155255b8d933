//! `[sources.<name>.columns]`: the exact mirror of the TOML, and its check.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::column_place::{AtDeclaration, FromDeclaration};

/// The columns in the order in which the TOML gives them.
#[derive(Debug, Clone, Default)]
pub struct ColumnDeclarations(pub Vec<(String, ColumnDeclaration)>);

/// `name = "type"`, or a table.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnTable {
    /// `text`, `integer`, `decimal(precision,scale)`, `float`, `boolean`, `date` or `timestamp`.
    #[serde(rename = "type")]
    #[schemars(example = &"decimal(12,2)")]
    pub kind: String,
    /// Where the values are: a header, a Parquet column or a path of JSON names; a list of the names it has
    /// had; for CSV without header the position from 1.
    #[schemars(example = &"Prix TTC")]
    pub from: Option<FromDeclaration>,
    /// Of fixed-width files: the first and the last character, from 1.
    #[schemars(example = [1, 8])]
    pub at: Option<AtDeclaration>,
    /// How dates and timestamps are written; of several formats the first that reads a text counts. ISO 8601
    /// when not given.
    #[schemars(example = &"%d/%m/%Y %H:%M")]
    pub format: Option<FormatDeclaration>,
    /// The currency sign or code before or after a number.
    #[schemars(example = &"€")]
    pub currency: Option<String>,
    /// The last of the hundred years that two digits name.
    #[schemars(example = 2049)]
    pub two_digit_years_to: Option<i64>,
    /// Whether a record may lack the value; a record without a required one is refused.
    #[serde(default = "yes")]
    #[schemars(extend("default" = true))]
    pub nullable: bool,
    /// Where local times of the column were written; the zone of the source when not given.
    #[schemars(example = &"Europe/Paris")]
    pub timezone: Option<String>,
    /// The words for true, in any case of letters.
    #[serde(rename = "true")]
    #[schemars(example = ["vendu"], extend("default" = ["true", "1", "oui", "yes", "vrai", "t", "y"]))]
    pub yes: Option<Vec<String>>,
    /// The words for false, in any case of letters.
    #[serde(rename = "false")]
    #[schemars(example = ["invendu"], extend("default" = ["false", "0", "non", "no", "faux", "f", "n"]))]
    pub no: Option<Vec<String>>,
    /// What the column contains.
    #[schemars(example = &"What was paid, with taxes")]
    pub description: Option<String>,
}

fn yes() -> bool {
    true
}

/// One format, or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a format such as \"%d/%m/%Y\", or a list of formats")]
pub enum FormatDeclaration {
    One(String),
    Several(Vec<String>),
}

impl FormatDeclaration {
    pub(super) fn all(&self) -> &[String] {
        match self {
            FormatDeclaration::One(format) => std::slice::from_ref(format),
            FormatDeclaration::Several(formats) => formats,
        }
    }
}

#[derive(Debug, Clone)]
pub struct ColumnDeclaration(pub ColumnTable);

impl JsonSchema for ColumnDeclaration {
    fn schema_name() -> Cow<'static, str> {
        "ColumnDeclaration".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<ColumnTable>();
        json_schema!({ "anyOf": [{ "type": "string" }, table] })
    }
}

impl JsonSchema for ColumnDeclarations {
    fn schema_name() -> Cow<'static, str> {
        "ColumnDeclarations".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let column = generator.subschema_for::<ColumnDeclaration>();
        json_schema!({ "type": "object", "additionalProperties": column })
    }
}

impl<'de> Deserialize<'de> for ColumnDeclaration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeOrTable;
        impl<'de> Visitor<'de> for TypeOrTable {
            type Value = ColumnDeclaration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a type such as \"text\", or a table such as { type = \"date\", format = \"%d/%m/%Y\" } (a key of the source stands above [columns])",
                )
            }

            fn visit_str<E: de::Error>(self, kind: &str) -> Result<Self::Value, E> {
                Ok(ColumnDeclaration(ColumnTable {
                    kind: kind.to_owned(),
                    from: None,
                    at: None,
                    format: None,
                    currency: None,
                    two_digit_years_to: None,
                    nullable: true,
                    timezone: None,
                    yes: None,
                    no: None,
                    description: None,
                }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                ColumnTable::deserialize(MapAccessDeserializer::new(map)).map(ColumnDeclaration)
            }
        }
        deserializer.deserialize_any(TypeOrTable)
    }
}

impl<'de> Deserialize<'de> for ColumnDeclarations {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = ColumnDeclarations;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of columns")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut columns = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    columns.push(entry);
                }
                Ok(ColumnDeclarations(columns))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
