//! Customers by number of records.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::language::Language;
use crate::report::reader::Reader;
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;

/// From so many records on, sizes are told by range.
const RANGES: [(i64, i64); 13] = [
    (1, 1),
    (2, 2),
    (3, 3),
    (4, 4),
    (5, 5),
    (6, 7),
    (8, 9),
    (10, 14),
    (15, 19),
    (20, 49),
    (50, 99),
    (100, 999),
    (1_000, i64::MAX),
];

pub async fn part(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let sql = "select records, customers, by_links, by_keys from mart.customer_sizes order by records";
    let Some(rows) =
        Rows::of(reader.catalog, "mart.customer_sizes", sql).await?.filter(|rows| !rows.is_empty())
    else {
        return Ok(None);
    };
    let mut ranges = Vec::new();
    for (from, to) in RANGES {
        let within: Vec<usize> = {
            let mut within = Vec::new();
            for row in rows.numbers() {
                if (from..=to).contains(&rows.count("records", row)?) {
                    within.push(row);
                }
            }
            within
        };
        let sum = |column: &str| within.iter().map(|row| rows.count(column, *row)).sum::<Result<i64>>();
        if !within.is_empty() {
            ranges.push((named(from, to, language), sum("customers")?, sum("by_keys")?, sum("by_links")?));
        }
    }
    let all = rows.sum("customers")?.max(1);
    let most = ranges.iter().map(|range| range.1).max().unwrap_or(1);
    let largest = rows.count("records", rows.len() - 1)?;
    let title = language.text("Customers by their records", "Clients selon leurs fiches");
    let largest =
        language.counted(largest, language.text("record", "fiche"), language.text("records", "fiches"));
    Ok(Some(html! {
        h3 { (title) }
        p {
            (language.text("The largest customer has ", "Le plus grand client a ")) (largest)
            (language.text(
                ". A customer counts as joined by links if at least two of its records were linked by similarity, \
                 otherwise as joined by equal keys only.",
                ". Un client compte comme réuni par des liens si au moins deux de ses fiches ont été liées par \
                 ressemblance, sinon comme réuni par des clés égales seulement.",
            ))
        }
        (scrolled(title, &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { (language.text("Records", "Fiches")) }
                    td class="chart" {}
                    th scope="col" { (language.text("Customers", "Clients")) }
                    th class="wide" scope="col" { (language.text("Share", "Part")) }
                    th scope="col" { (language.text("By keys", "Par clés")) }
                    th scope="col" { (language.text("By links", "Par liens")) }
                } }
                tbody {
                    @for (name, customers, by_keys, by_links) in &ranges {
                        tr {
                            th scope="row" { (name) }
                            td class="chart" { (bar::of_share(*customers as f64 / most as f64)) }
                            td { (language.count(*customers)) }
                            td class="wide" { (language.percent(*customers as f64 / all as f64)) }
                            td { (language.count(*by_keys)) }
                            td { (language.count(*by_links)) }
                        }
                    }
                }
            }
        }))
    }))
}

fn named(from: i64, to: i64, language: Language) -> String {
    let (least, most) = (language.count(from), language.count(to));
    match to {
        _ if from == to => least,
        i64::MAX => language.text(format!("{least} and more"), format!("{least} et plus")),
        _ => language.text(format!("{least} to {most}"), format!("{least} à {most}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_in_one_range() {
        assert_eq!(RANGES[0].0, 1);
        assert!(RANGES.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
        assert_eq!(RANGES[RANGES.len() - 1].1, i64::MAX);
        assert_eq!(named(6, 7, Language::English), "6 to 7");
        assert_eq!(named(1_000, i64::MAX, Language::French), "1\u{202f}000 et plus");
    }
}
