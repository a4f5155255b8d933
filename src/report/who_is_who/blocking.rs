//! Which blocking rule found which pairs, and which others would find more.

use maud::{Markup, html};

use super::scrolled::scrolled;
use crate::error::Result;
use crate::report::bar;
use crate::report::number::{counted, grouped};
use crate::report::rows::Rows;
use crate::warehouse::catalog::Catalog;

pub async fn part(catalog: &Catalog) -> Result<Option<Markup>> {
    let sql = "select rule, pairs, added_pairs, links, largest_block, skipped_blocks, block_limit
               from mart.blocking_rules order by position";
    let Some(rows) = Rows::of(catalog, "mart.blocking_rules", sql).await?.filter(|rows| !rows.is_empty())
    else {
        return Ok(None);
    };
    let mut most = 1;
    for row in rows.numbers() {
        most = most.max(rows.count("added_pairs", row)?);
    }
    let mut lines = Vec::new();
    for row in rows.numbers() {
        let added = rows.count("added_pairs", row)?;
        lines.push(html! {
            tr {
                th scope="row" { (rows.text("rule", row)?) }
                td class="chart" { (bar::of_share(added as f64 / most as f64)) }
                td { (grouped(added)) }
                td { (grouped(rows.count("links", row)?)) }
                td class="wide" { (grouped(rows.count("largest_block", row)?)) }
                td class="wide" { (grouped(rows.count("skipped_blocks", row)?)) }
            }
        });
    }
    let skipped = rows.sum("skipped_blocks")?;
    Ok(Some(html! {
        h3 { "Which pairs were compared" }
        p {
            (counted(rows.sum("added_pairs")?, "pair", "pairs")) ", each found first by one of these rules. "
            @if skipped > 0 {
                (counted(skipped, "block was", "blocks were")) " too large to be compared pair by pair."
            }
        }
        (scrolled("Which pairs were compared", &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { "Blocking rule: equal| " }
                    td class="chart" {}
                    th scope="col" { "Pairs added" }
                    th scope="col" { "Links" }
                    th class="wide" scope="col" { "Largest block" }
                    th class="wide" scope="col" { "Blocks skipped" }
                } }
                tbody { @for line in &lines { (line) } }
            }
        }))
        (proposals(catalog).await?)
    }))
}

/// Rules that would pay; nothing where there is none.
async fn proposals(catalog: &Catalog) -> Result<Markup> {
    let sql = "select rule, pairs, true_pairs, skipped_blocks from mart.blocking_proposals
               where pays order by position limit 5";
    let Some(rows) = Rows::of(catalog, "mart.blocking_proposals", sql).await?.filter(|rows| !rows.is_empty())
    else {
        return Ok(html! {});
    };
    let mut lines = Vec::new();
    for row in rows.numbers() {
        lines.push(html! {
            tr {
                th scope="row" { (rows.text("rule", row)?) }
                td { (grouped(rows.count("pairs", row)?)) }
                td { (grouped(rows.float("true_pairs", row)?.unwrap_or_default().round() as i64)) }
                td class="wide" { (grouped(rows.count("skipped_blocks", row)?)) }
            }
        });
    }
    Ok(html! {
        p { "Each of these rules alone would find pairs of one person that no rule compares." }
        (scrolled("Blocking rules that would find more", &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { "Further blocking rule" }
                    th scope="col" { "Pairs added" }
                    th scope="col" { "Of one person, about" }
                    th class="wide" scope="col" { "Blocks skipped" }
                } }
                tbody { @for line in &lines { (line) } }
            }
        }))
    })
}
