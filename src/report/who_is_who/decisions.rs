//! The decisions about likely pairs, and what the run refused or ignored.

use maud::{Markup, html};

use super::scrolled::scrolled;
use crate::error::Result;
use crate::report::number::{bits, grouped};
use crate::report::rows::Rows;
use crate::warehouse::catalog::Catalog;

pub async fn part(catalog: &Catalog) -> Result<Option<Markup>> {
    let sql = "select decision, pairs, least_weight, greatest_weight from mart.match_decisions
               order by pairs desc, decision";
    let Some(rows) = Rows::of(catalog, "mart.match_decisions", sql).await? else { return Ok(None) };
    let mut lines = Vec::new();
    for row in rows.numbers() {
        let weight = |column| rows.float(column, row).map(|weight| weight.map(bits).unwrap_or_default());
        lines.push(html! {
            tr {
                th scope="row" { (rows.text("decision", row)?) }
                td { (grouped(rows.count("pairs", row)?)) }
                td { (weight("least_weight")?) }
                td { (weight("greatest_weight")?) }
            }
        });
    }
    let notes = notes(catalog).await?;
    Ok(Some(html! {
        h3 { "Linked, refused, for review" }
        p { "Pairs with their reasons are in core.match_links." }
        @if lines.is_empty() {
            p { "No pair of records is similar enough." }
        } @else {
            (scrolled("Decisions about pairs", &html! {
                table {
                    thead { tr {
                        th class="word" scope="col" { "Decision" }
                        th scope="col" { "Pairs" }
                        th scope="col" { "Least bits" }
                        th scope="col" { "Most bits" }
                    } }
                    tbody { @for line in &lines { (line) } }
                }
            }))
        }
        @if !notes.is_empty() {
            p { "Messages of the run:" }
            ul class="notes" { @for note in &notes { li { (note) } } }
        }
    }))
}

/// Returns the messages of the last run that resolved identities.
async fn notes(catalog: &Catalog) -> Result<Vec<String>> {
    let sql = "select note from ops.steps where kind = 'identity' and note is not null and status in ('done', 'reused')
               and run = (select max(run) from ops.steps where kind = 'identity' and status in ('done', 'reused'))";
    let Some(rows) = Rows::of(catalog, "ops.steps", sql).await? else { return Ok(Vec::new()) };
    let mut notes = Vec::new();
    for row in rows.numbers() {
        notes.extend(rows.text("note", row)?.split("; ").map(str::to_owned));
    }
    Ok(notes)
}
