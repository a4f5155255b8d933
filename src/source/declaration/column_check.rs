//! Turns a declared column into a checked column, or into all errors in it.

use std::sync::Arc;

use chrono_tz::Tz;

use super::column::ColumnTable;
use super::column_defaults::{NO, Shared, YES};
use super::style::short_years;
use crate::config::Problem;
use crate::error::Error;
use crate::name::is_identifier;
use crate::source::contract::column::{Column, ColumnType, Style};
use crate::source::declaration::SourceDeclaration;
use crate::source::file::format::Format;
use crate::source::value::zone::WholeDay;
use crate::suggestion::did_you_mean;

impl SourceDeclaration {
    pub(super) fn shared(&self, problems: &mut Vec<Problem>) -> Shared {
        let number = self.number_style(problems);
        let zone = zone(["timezone"].map(str::to_owned).to_vec(), self.timezone.as_deref(), problems);
        if self.columns.0.is_empty() {
            problems.push(Problem::new(
                ["columns"],
                Error::config("no column is declared")
                    .hint("declare at least one, for example id = \"text\""),
            ));
        }
        let nulls = match (&self.null, &self.escape) {
            (Some(texts), _) => texts.iter().map(|text| text.as_bytes().into()).collect(),
            (None, None) => vec![Box::from(b"".as_slice())],
            // Exports that escape write so what has no value.
            (None, Some(escape)) => vec![Box::from(b"".as_slice()), format!("{escape}N").into_bytes().into()],
        };
        let may_escape = self.format() == Format::Csv
            && self.escape.is_none()
            && nulls.iter().any(|null| **null == *b"\\N");
        Shared {
            may_escape,
            number,
            zone: zone.unwrap_or(Tz::UTC),
            nulls,
            last_short_year: short_years(["two_digit_years_to"], self.two_digit_years_to, problems),
            abbreviations: self.zone_offsets(problems),
        }
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
                Error::config(format!("`{name}` is not a valid column name")).hint(
                    "use lower-case letters, digits and underscores, starting with a letter, and give the \
                     name in the file with `from`",
                ),
            ));
        }
        let kind = column_type(&table.kind)
            .map_err(|e| {
                let e = match is_source_key(name) {
                    // TOML puts what follows [columns] into it.
                    true => Error::config(e.message())
                        .hint(format!("`{name}` is a key of the source: write it above [columns]")),
                    false => e,
                };
                problems.push(Problem::new(key("type"), e));
            })
            .ok();
        let time = table.time_format(kind, shared, &key, problems);
        let number = table.number_style(kind, shared, &key, problems);
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
            problems.push(Problem::new(
                key("true"),
                Error::config(
                    "the same word is listed for true and \
             for false",
                ),
            ));
        }
        if (table.yes.is_some() || table.no.is_some()) && kind.is_some_and(|k| k != ColumnType::Boolean) {
            problems.push(Problem::new(
                key(if table.yes.is_some() { "true" } else { "false" }),
                Error::config(format!(
                    "words for true and false cannot be used with the type {}",
                    table.kind
                )),
            ));
        }
        let from = self.place(name, table, problems);
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
                number,
                time,
                format: table.format.as_ref().map(|format| format.all().join(" or ")),
                zone: zone.unwrap_or(shared.zone),
                whole_day: WholeDay::default(),
                may_escape: shared.may_escape,
                yes,
                no,
            }),
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

/// Returns whether a source has a key of this name.
fn is_source_key(name: &str) -> bool {
    let schema = schemars::schema_for!(SourceDeclaration);
    schema.get("properties").is_some_and(|keys| keys.get(name).is_some())
}

fn column_type(text: &str) -> Result<ColumnType, Error> {
    let text = text.trim();
    let unknown = || {
        let word = text.split('(').next().unwrap_or_default();
        Error::config(format!("`{text}` is not a type")).hint(
            did_you_mean(word, ["text", "integer", "decimal", "float", "boolean", "date", "timestamp"])
                .unwrap_or_else(|| {
                    "use text, integer, decimal(12,2), float, boolean, date or timestamp".to_owned()
                }),
        )
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
                return Err(Error::config(format!("`{text}` is out of range"))
                    .hint("a decimal has 1 to 38 digits, and at most as many decimal places"));
            }
            ColumnType::Decimal { precision, scale }
        }
    })
}
