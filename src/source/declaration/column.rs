//! `[sources.<name>.columns]`: the exact mirror of the TOML, and its check.

use std::fmt;

use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::column_place::{AtDeclaration, FromDeclaration};

/// The columns in the order in which the TOML gives them.
#[derive(Debug, Clone, Default)]
pub struct ColumnDeclarations(pub Vec<(String, ColumnDeclaration)>);

/// `name = "type"`, or a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnTable {
    #[serde(rename = "type")]
    pub kind: String,
    /// The header, Parquet column or JSON path, former names too; for a CSV without header the
    /// position from 1.
    pub from: Option<FromDeclaration>,
    /// The characters of a fixed-width column.
    pub at: Option<AtDeclaration>,
    /// How dates and timestamps are written; of several the first that reads a text counts.
    pub format: Option<FormatDeclaration>,
    /// The currency sign or code before or after a number.
    pub currency: Option<String>,
    /// The last of the hundred years that two digits name.
    pub two_digit_years_to: Option<i64>,
    #[serde(default = "yes")]
    pub nullable: bool,
    pub timezone: Option<String>,
    /// The words for true and false, in any case of letters.
    #[serde(rename = "true")]
    pub yes: Option<Vec<String>>,
    #[serde(rename = "false")]
    pub no: Option<Vec<String>>,
}

fn yes() -> bool {
    true
}

/// One format, or several.
#[derive(Debug, Clone, Deserialize)]
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

impl<'de> Deserialize<'de> for ColumnDeclaration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TypeOrTable;
        impl<'de> Visitor<'de> for TypeOrTable {
            type Value = ColumnDeclaration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a type such as \"text\", or a table such as { type = \"date\", format = \"%d/%m/%Y\" }",
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
