//! Records with too little information to be linked, by threshold.

use maud::{Markup, html};

use super::scrolled::scrolled;
use crate::error::Result;
use crate::report::curve::{self, Chart, Line};
use crate::report::number::{bits, grouped, percent};
use crate::report::rows::Rows;
use crate::warehouse::catalog::Catalog;

pub async fn part(catalog: &Catalog) -> Result<Option<Markup>> {
    let sql = "select match_weight, match_probability, threshold, records, unlinkable, share
               from mart.unlinkables order by match_weight";
    let Some(rows) = Rows::of(catalog, "mart.unlinkables", sql).await?.filter(|rows| !rows.is_empty()) else {
        return Ok(None);
    };
    let (mut points, mut lines, mut link) = (Vec::new(), Vec::new(), None);
    for row in rows.numbers() {
        let weight = rows.float("match_weight", row)?.unwrap_or(0.0);
        let share = rows.float("share", row)?.unwrap_or(0.0);
        points.push((weight, share));
        let threshold = rows.text("threshold", row)?;
        if threshold == "link" {
            link = Some((weight, share, rows.count("unlinkable", row)?));
        }
        lines.push(html! {
            tr {
                th scope="row" { (bits(weight)) @if !threshold.is_empty() { " (" (threshold) ")" } }
                td { (percent(rows.float("match_probability", row)?.unwrap_or(0.0))) }
                td { (grouped(rows.count("unlinkable", row)?)) }
                td { (percent(share)) }
            }
        });
    }
    let all = rows.count("records", 0)?;
    let sentence = link.map(|(_, share, records)| match records {
        0 => format!("None of {} person records is below the link threshold.", grouped(all)),
        _ => format!(
            "{} of {} person records ({}) are below the link threshold: they have too little information.",
            grouped(records),
            grouped(all),
            percent(share)
        ),
    });
    let description = sentence.clone().unwrap_or_else(|| "The share rises with the threshold.".to_owned());
    let drawn = curve::chart(&Chart {
        id: "unlinkables",
        title: "Share of records that cannot be linked, by match weight",
        description: &description,
        x_label: "threshold of the match weight, bits",
        mark: link.map(|(weight, _, _)| (weight, "link")),
        from: 0.0,
        lines: &[Line { name: "", class: "one", points }],
    });
    Ok(Some(html! {
        h3 { "Records that cannot be linked" }
        p {
            "Each record is compared with itself: no other record can agree more. "
            @if let Some(sentence) = &sentence { (sentence) }
        }
        @if let Some(drawn) = drawn { (drawn) }
        details {
            summary { "The figures" }
            (scrolled("Records that cannot be linked", &html! {
                table {
                    thead { tr {
                        th class="word" scope="col" { "Bits" }
                        th scope="col" { "Probability" }
                        th scope="col" { "Records below" }
                        th scope="col" { "Share" }
                    } }
                    tbody { @for line in &lines { (line) } }
                }
            }))
        }
    }))
}
