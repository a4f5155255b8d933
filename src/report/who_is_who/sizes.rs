//! Customers by number of records.

use maud::{Markup, html};

use super::scrolled::scrolled;
use crate::error::Result;
use crate::report::bar;
use crate::report::number::{grouped, percent};
use crate::report::rows::Rows;
use crate::warehouse::catalog::Catalog;

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

pub async fn part(catalog: &Catalog) -> Result<Option<Markup>> {
    let sql = "select records, customers, by_links, by_keys from mart.customer_sizes order by records";
    let Some(rows) = Rows::of(catalog, "mart.customer_sizes", sql).await?.filter(|rows| !rows.is_empty())
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
            ranges.push((named(from, to), sum("customers")?, sum("by_keys")?, sum("by_links")?));
        }
    }
    let all = rows.sum("customers")?;
    let most = ranges.iter().map(|range| range.1).max().unwrap_or(1);
    let largest = rows.count("records", rows.len() - 1)?;
    Ok(Some(html! {
        h3 { "Customers by their records" }
        p {
            "The largest customer has " (grouped(largest)) " records. A customer counts as joined by links if "
            "at least two of its records were linked by similarity, otherwise as joined by equal keys only."
        }
        (scrolled("Customers by their records", &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { "Records" }
                    td class="chart" {}
                    th scope="col" { "Customers" }
                    th class="wide" scope="col" { "Share" }
                    th scope="col" { "By keys" }
                    th scope="col" { "By links" }
                } }
                tbody {
                    @for (name, customers, by_keys, by_links) in &ranges {
                        tr {
                            th scope="row" { (name) }
                            td class="chart" { (bar::of_share(*customers as f64 / most as f64)) }
                            td { (grouped(*customers)) }
                            td class="wide" { (percent(*customers as f64 / all as f64)) }
                            td { (grouped(*by_keys)) }
                            td { (grouped(*by_links)) }
                        }
                    }
                }
            }
        }))
    }))
}

fn named(from: i64, to: i64) -> String {
    match to {
        _ if from == to => grouped(from),
        i64::MAX => format!("{} and more", grouped(from)),
        _ => format!("{} to {}", grouped(from), grouped(to)),
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
        assert_eq!(named(6, 7), "6 to 7");
        assert_eq!(named(1_000, i64::MAX), "1\u{202f}000 and more");
    }
}
