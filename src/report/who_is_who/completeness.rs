//! Completeness of each channel, as a table with darker cells for higher shares.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::language::Language;
use crate::report::reader::Reader;
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;

/// Attributes in the order in which people read them; others come after.
const ORDER: [&str; 9] =
    ["first_name", "last_name", "birth_date", "email", "phone", "street", "house_number", "postcode", "city"];
/// The darkest cell: text stays readable on it.
const DARKEST: f64 = 0.42;

struct Cell {
    filled: i64,
    distinct: i64,
    share: f64,
}

pub async fn part(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let sql = "select source, attribute, records, filled, distinct_values, share from mart.completeness
               order by source, attribute";
    let Some(rows) =
        Rows::of(reader.catalog, "mart.completeness", sql).await?.filter(|rows| !rows.is_empty())
    else {
        return Ok(None);
    };
    let mut sources: BTreeMap<&str, i64> = BTreeMap::new();
    let mut attributes: BTreeMap<(usize, &str), BTreeMap<&str, Cell>> = BTreeMap::new();
    for row in rows.numbers() {
        let (source, attribute) = (rows.text("source", row)?, rows.text("attribute", row)?);
        sources.insert(source, rows.count("records", row)?);
        let place = ORDER.iter().position(|a| *a == attribute).unwrap_or(ORDER.len());
        let cell = Cell {
            filled: rows.count("filled", row)?,
            distinct: rows.count("distinct_values", row)?,
            share: rows.float("share", row)?.unwrap_or(0.0),
        };
        attributes.entry((place, attribute)).or_default().insert(source, cell);
    }
    let title = language.text("Completeness of each channel", "Complétude de chaque canal");
    Ok(Some(html! {
        h3 { (title) }
        p {
            (language.text(
                "Share of a channel's person records with a usable value; below it, the number of distinct values.",
                "Part des fiches de personnes d'un canal qui ont une valeur utilisable ; en dessous, le nombre de \
                 valeurs distinctes.",
            ))
        }
        (scrolled(title, &html! {
            table class="figures" {
                thead { tr {
                    th class="word" scope="col" { (language.text("Attribute", "Attribut")) }
                    @for (source, records) in &sources {
                        th scope="col" { (source) br; span class="quiet" { (language.count(*records)) } }
                    }
                } }
                tbody {
                    @for ((_, attribute), cells) in &attributes {
                        tr {
                            th scope="row" { (language.name(attribute)) }
                            @for source in sources.keys() {
                                @match cells.get(source) {
                                    Some(cell) => (shaded(cell, language)),
                                    None => td {},
                                }
                            }
                        }
                    }
                }
            }
        }))
    }))
}

fn shaded(cell: &Cell, language: Language) -> Markup {
    html! {
        td class="heat" style=(format!("--tint:{:.3}", cell.share.clamp(0.0, 1.0) * DARKEST)) {
            @if cell.filled == 0 {
                span class="quiet" { (language.text("none", "aucune")) }
            } @else {
                (language.percent(cell.share)) br; span class="quiet" { (language.count(cell.distinct)) }
            }
        }
    }
}
