//! The decisions about likely pairs, and what the run refused or ignored.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::reader::Reader;
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;

pub async fn part(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let sql = "select decision, pairs, least_weight, greatest_weight from mart.match_decisions
               order by pairs desc, decision";
    let Some(rows) = Rows::of(reader.catalog, "mart.match_decisions", sql).await? else { return Ok(None) };
    let mut lines = Vec::new();
    for row in rows.numbers() {
        let weight = |column| {
            let weight = rows.float(column, row)?;
            Result::Ok(weight.map(|weight| language.bits(weight)).unwrap_or_default())
        };
        lines.push(html! {
            tr {
                th scope="row" { (language.word(rows.text("decision", row)?)) }
                td { (language.count(rows.count("pairs", row)?)) }
                td { (weight("least_weight")?) }
                td { (weight("greatest_weight")?) }
            }
        });
    }
    let notes = notes(reader).await?;
    Ok(Some(html! {
        h3 { (language.text("Linked, refused, for review", "Liées, refusées, à revoir")) }
        p {
            (language.text(
                "Pairs with their reasons are in core.match_links.",
                "Les paires et leurs raisons sont dans core.match_links.",
            ))
        }
        @if lines.is_empty() {
            p { (language.text("No pair of records is similar enough.", "Aucune paire de fiches ne se ressemble assez.")) }
        } @else {
            (scrolled(language.text("Decisions about pairs", "Décisions sur les paires"), &html! {
                table {
                    thead { tr {
                        th class="word" scope="col" { (language.text("Decision", "Décision")) }
                        th scope="col" { (language.text("Pairs", "Paires")) }
                        th scope="col" { (language.text("Least bits", "Bits, minimum")) }
                        th scope="col" { (language.text("Most bits", "Bits, maximum")) }
                    } }
                    tbody { @for line in &lines { (line) } }
                }
            }))
        }
        @if !notes.is_empty() {
            p { (language.text("Messages of the run:", "Messages de l'exécution, en anglais :")) }
            ul class="notes" lang="en" { @for note in &notes { li { (note) } } }
        }
    }))
}

/// Returns the messages of the last run that resolved identities.
async fn notes(reader: &Reader<'_>) -> Result<Vec<String>> {
    let sql = "select note from ops.steps where kind = 'identity' and note is not null and status in ('done', 'reused')
               and run = (select max(run) from ops.steps where kind = 'identity' and status in ('done', 'reused'))";
    let Some(rows) = Rows::of(reader.catalog, "ops.steps", sql).await? else { return Ok(Vec::new()) };
    let mut notes = Vec::new();
    for row in rows.numbers() {
        notes.extend(rows.text("note", row)?.split("; ").map(str::to_owned));
    }
    Ok(notes)
}
