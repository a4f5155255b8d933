//! The most important figures.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::number::{grouped, percent};
use crate::report::rows::Rows;
use crate::warehouse::catalog::Catalog;

pub async fn part(catalog: &Catalog) -> Result<Option<Markup>> {
    let sizes = Rows::of(
        catalog,
        "mart.customer_sizes",
        "select cast(coalesce(sum(records * customers), 0) as bigint) as records,
                cast(coalesce(sum(customers), 0) as bigint) as customers,
                cast(coalesce(sum(case when records > 1 then records * customers end), 0) as bigint) as joined
         from mart.customer_sizes",
    )
    .await?;
    let Some(sizes) = sizes else { return Ok(None) };
    let (records, customers, joined) =
        (sizes.count("records", 0)?, sizes.count("customers", 0)?, sizes.count("joined", 0)?);
    let persons = Rows::of(
        catalog,
        "mart.completeness",
        "select cast(coalesce(sum(records), 0) as bigint) as records
         from (select source, max(records) as records from mart.completeness group by source)",
    )
    .await?;
    let pairs = Rows::of(
        catalog,
        "mart.match_decisions",
        "select cast(coalesce(sum(pairs) filter (where decision = 'linked'), 0) as bigint) as linked,
                cast(coalesce(sum(pairs) filter (where decision = 'review'), 0) as bigint) as review
         from mart.match_decisions",
    )
    .await?;
    let accuracy = Rows::of(
        catalog,
        "mart.match_accuracy",
        "select precision, recall from mart.match_accuracy where measure = 'pairs'",
    )
    .await?;
    let mut figures = vec![
        ("records of all channels", grouped(records)),
        ("customers found in them", grouped(customers)),
        ("of the records share a customer with another", percent(share(joined, records))),
    ];
    if let Some(persons) = persons {
        figures.push(("records with attributes of a person", grouped(persons.count("records", 0)?)));
    }
    if let Some(pairs) = pairs {
        figures.push(("pairs linked by similarity", grouped(pairs.count("linked", 0)?)));
        figures.push(("pairs for review", grouped(pairs.count("review", 0)?)));
    }
    if let Some(accuracy) = accuracy.filter(|rows| rows.len() == 1) {
        for (name, column) in [
            ("precision of pairs, compared with the truth", "precision"),
            (
                "recall of pairs, compared \
             with the truth",
                "recall",
            ),
        ] {
            if let Some(rate) = accuracy.float(column, 0)? {
                figures.push((name, percent(rate)));
            }
        }
    }
    Ok(Some(html! {
        dl class="tiles" {
            @for (name, figure) in &figures {
                div { dt { (name) } dd { (figure) } }
            }
        }
    }))
}

fn share(part: i64, whole: i64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
