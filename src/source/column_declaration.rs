//! `[sources.<name>.columns]`: the exact mirror of the TOML, and its check.

use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;
use serde::de::{self, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::calendar::TimeFormat;
use super::column::{Column, ColumnType, From, Style};
use super::declaration::{Format, SourceDeclaration};
use super::number::NumberStyle;
use crate::config::Problem;
use crate::error::Error;
use crate::name::is_identifier;

/// The columns in the order in which the TOML gives them.
#[derive(Debug, Clone, Default)]
pub struct ColumnDeclarations(pub Vec<(String, ColumnDeclaration)>);

/// `name = "type"`, or a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnTable {
    #[serde(rename = "type")]
    pub kind: String,
    /// The header, Parquet column or JSON path; for a CSV without header the position from 1.
    pub from: Option<FromDeclaration>,
    pub format: Option<String>,
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

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected a column's name or its position")]
pub enum FromDeclaration {
    Position(i64),
    Name(String),
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
                    format: None,
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

const YES: [&str; 7] = ["true", "1", "oui", "yes", "vrai", "t", "y"];
const NO: [&str; 7] = ["false", "0", "non", "no", "faux", "f", "n"];

impl SourceDeclaration {
    pub(super) fn shared(&self, problems: &mut Vec<Problem>) -> Shared {
        let point = match self.decimal.as_deref() {
            None | Some(".") => b'.',
            Some(",") => b',',
            Some(other) => {
                problems.push(Problem::new(
                    ["decimal"],
                    Error::config(format!("the decimal mark is \".\" or \",\", not \"{other}\"")),
                ));
                b'.'
            }
        };
        let thousands = self.thousands.as_deref().filter(|sign| !sign.is_empty());
        if let Some(sign) = thousands {
            let mut characters = sign.chars();
            let one = characters.next().filter(|_| characters.next().is_none());
            if one.is_none_or(|c| c.is_ascii_alphanumeric() || c == '-' || c == '+' || c == char::from(point))
            {
                problems.push(Problem::new(
                    ["thousands"],
                    Error::config(
                        "the thousands sign is one character, neither digit nor sign nor decimal mark",
                    ),
                ));
            }
        }
        let number = NumberStyle { point, thousands: thousands.map(|sign| sign.as_bytes().into()) };
        let zone = zone(["timezone"].map(str::to_owned).to_vec(), self.timezone.as_deref(), problems);
        if self.columns.0.is_empty() {
            problems.push(Problem::new(
                ["columns"],
                Error::config("no column is declared")
                    .hint("declare at least one, for example id = \"text\""),
            ));
        }
        let nulls = match &self.null {
            Some(texts) => texts.iter().map(|text| text.as_bytes().into()).collect(),
            None => vec![Box::from(b"".as_slice())],
        };
        Shared { number, zone: zone.unwrap_or(Tz::UTC), nulls }
    }

    pub(super) fn column(
        &self,
        name: &str,
        table: &ColumnTable,
        shared: &Shared,
        problems: &mut Vec<Problem>,
    ) -> Option<Column> {
        let before = problems.len();
        let key = |last: &str| vec!["columns".to_owned(), name.to_owned(), last.to_owned()];
        if !is_identifier(name) || name.starts_with('_') {
            problems.push(Problem::new(
                ["columns", name],
                Error::config(format!("`{name}` cannot name a column")).hint(
                    "use lower-case letters, digits and underscores, starting with a letter, and say where it is with `from`",
                ),
            ));
        }
        let kind = column_type(&table.kind).map_err(|e| problems.push(Problem::new(key("type"), e))).ok();
        let timed = matches!(kind, Some(ColumnType::Timestamp));
        let time = match &table.format {
            Some(_) if kind.is_some() && !matches!(kind, Some(ColumnType::Date | ColumnType::Timestamp)) => {
                problems.push(Problem::new(
                    key("format"),
                    Error::config(format!("a format means nothing for the type {}", table.kind)),
                ));
                TimeFormat::Iso
            }
            Some(format) => TimeFormat::parse(format, timed).unwrap_or_else(|why| {
                problems.push(Problem::new(
                    key("format"),
                    Error::config(format!("the format `{format}` {why}")).hint(
                        "for example %d/%m/%Y or %Y-%m-%d %H:%M:%S; for timestamps also unix or unix_ms",
                    ),
                ));
                TimeFormat::Iso
            }),
            None => TimeFormat::Iso,
        };
        let zone = zone(key("timezone"), table.timezone.as_deref(), problems);
        let words = |given: &Option<Vec<String>>, usual: &[&str]| match given {
            Some(words) => words.iter().map(|word| word.to_lowercase()).collect(),
            None => usual.iter().map(|&word| word.to_owned()).collect::<Vec<_>>(),
        };
        let (mut yes, mut no) = (words(&table.yes, &YES), words(&table.no, &NO));
        // A declared word wins over a usual one of the other side.
        if table.yes.is_some() && table.no.is_none() {
            no.retain(|word| !yes.contains(word));
        }
        if table.no.is_some() && table.yes.is_none() {
            yes.retain(|word| !no.contains(word));
        }
        if yes.iter().any(|word| no.contains(word)) {
            problems.push(Problem::new(key("true"), Error::config("a word means both true and false")));
        }
        if (table.yes.is_some() || table.no.is_some()) && kind.is_some_and(|k| k != ColumnType::Boolean) {
            problems.push(Problem::new(
                key(if table.yes.is_some() { "true" } else { "false" }),
                Error::config(format!("words for true and false mean nothing for the type {}", table.kind)),
            ));
        }
        let from = self.from(name, table, problems);
        if problems.len() > before {
            return None;
        }
        Some(Column {
            name: name.to_owned(),
            kind: kind?,
            from: from?,
            nullable: table.nullable
                && !self.key.iter().any(|key| key == name)
                && self.version.as_deref() != Some(name),
            style: Arc::new(Style {
                nulls: shared.nulls.clone(),
                number: shared.number.clone(),
                time,
                format: table.format.clone(),
                zone: zone.unwrap_or(shared.zone),
                yes,
                no,
            }),
        })
    }

    fn from(&self, name: &str, table: &ColumnTable, problems: &mut Vec<Problem>) -> Option<From> {
        let headless = self.format == Format::Csv && self.header == Some(false);
        let position = |position: i64| usize::try_from(position - 1).ok().map(From::Position);
        let (found, message) = match &table.from {
            None if headless => (None, "a file without header needs the position of each column"),
            None => (Some(From::Name(name.to_owned())), ""),
            Some(FromDeclaration::Position(p)) if headless => (position(*p), "positions count from 1"),
            Some(FromDeclaration::Name(text)) if headless => match text.trim().parse() {
                Ok(p) => (position(p), "positions count from 1"),
                Err(_) => (None, "a file without header has positions, no names"),
            },
            Some(FromDeclaration::Position(p)) => (Some(From::Name(p.to_string())), ""),
            Some(FromDeclaration::Name(text)) if self.format == Format::Jsonl => {
                let whole = !text.is_empty() && text.split('.').all(|key| !key.is_empty());
                (whole.then(|| From::Name(text.clone())), "a JSON path is keys joined by dots")
            }
            Some(FromDeclaration::Name(text)) => (Some(From::Name(text.clone())), ""),
        };
        if found.is_none() {
            problems.push(Problem::new(
                ["columns", name, "from"],
                Error::config(message).hint(if headless {
                    "write for example from = 1 for the first column"
                } else {
                    "write for example from = \"customer.email\""
                }),
            ));
        }
        found
    }
}

/// What all columns of a source share.
pub(super) struct Shared {
    pub zone: Tz,
    number: NumberStyle,
    nulls: Vec<Box<[u8]>>,
}

impl Shared {
    pub fn usual(&self) -> Arc<Style> {
        Arc::new(Style {
            nulls: self.nulls.clone(),
            number: self.number.clone(),
            time: TimeFormat::Iso,
            format: None,
            zone: self.zone,
            yes: YES.map(str::to_owned).to_vec(),
            no: NO.map(str::to_owned).to_vec(),
        })
    }
}

fn zone(key: Vec<String>, name: Option<&str>, problems: &mut Vec<Problem>) -> Option<Tz> {
    let name = name?;
    name.parse()
        .map_err(|_| {
            problems.push(Problem::new(
                key,
                Error::config(format!("`{name}` is not a time zone"))
                    .hint("use a name of the IANA database, for example Europe/Paris"),
            ));
        })
        .ok()
}

fn column_type(text: &str) -> Result<ColumnType, Error> {
    let text = text.trim();
    let unknown = || {
        Error::config(format!("`{text}` is not a type"))
            .hint("use text, integer, decimal(12,2), float, boolean, date or timestamp")
    };
    Ok(match text {
        "text" => ColumnType::Text,
        "integer" => ColumnType::Integer,
        "float" => ColumnType::Float,
        "boolean" => ColumnType::Boolean,
        "date" => ColumnType::Date,
        "timestamp" => ColumnType::Timestamp,
        _ => {
            let inner =
                text.strip_prefix("decimal(").and_then(|t| t.strip_suffix(')')).ok_or_else(unknown)?;
            let (precision, scale) = inner.split_once(',').ok_or_else(unknown)?;
            let precision: u8 = precision.trim().parse().map_err(|_| unknown())?;
            let scale: u8 = scale.trim().parse().map_err(|_| unknown())?;
            if !(1..=38).contains(&precision) || scale > precision {
                return Err(Error::config(format!("`{text}` cannot be kept"))
                    .hint("a decimal has 1 to 38 digits, of which at most all are decimal places"));
            }
            ColumnType::Decimal { precision, scale }
        }
    })
}
