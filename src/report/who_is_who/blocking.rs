//! Which blocking rule found which pairs, and which others would find more.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::reader::Reader;
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;

const RULES: &str = "
    select rule, pairs, added_pairs, links, largest_block, skipped_blocks, block_limit
    from mart.blocking_rules order by position";
const PROPOSALS: &str = "
    select rule, pairs, true_pairs, skipped_blocks from mart.blocking_proposals
    where pays order by position limit 5";

pub async fn part(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let rows = Rows::of(reader.catalog, "mart.blocking_rules", RULES).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
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
                td { (language.count(added)) }
                td { (language.count(rows.count("links", row)?)) }
                td class="wide" { (language.count(rows.count("largest_block", row)?)) }
                td class="wide" { (language.count(rows.count("skipped_blocks", row)?)) }
            }
        });
    }
    let pairs = language.counted(
        rows.sum("added_pairs")?,
        language.text("pair", "paire"),
        language.text("pairs", "paires"),
    );
    let skipped = rows.sum("skipped_blocks")?;
    let too_large = language.counted(
        skipped,
        language.text(
            "block was too large to be compared pair by pair.",
            "bloc était trop grand pour être comparé paire par paire.",
        ),
        language.text(
            "blocks were too large to be compared pair by pair.",
            "blocs étaient trop grands pour être comparés paire par paire.",
        ),
    );
    let title = language.text("Which pairs were compared", "Quelles paires ont été comparées");
    Ok(Some(html! {
        h3 { (title) }
        p {
            (pairs)
            (language.text(
                ", each found first by one of these rules. ",
                ", chacune trouvée d'abord par une de ces règles. ",
            ))
            @if skipped > 0 { (too_large) }
        }
        (scrolled(title, &html! {
            table {
                thead { tr {
                    th class="word" scope="col" {
                        (language.text("Blocking rule: equal| ", "Règle de blocage : égalité de| "))
                    }
                    td class="chart" {}
                    th scope="col" { (language.text("Pairs added", "Paires ajoutées")) }
                    th scope="col" { (language.text("Links", "Liens")) }
                    th class="wide" scope="col" { (language.text("Largest block", "Plus grand bloc")) }
                    th class="wide" scope="col" { (language.text("Blocks skipped", "Blocs ignorés")) }
                } }
                tbody { @for line in &lines { (line) } }
            }
        }))
        (proposals(reader).await?)
    }))
}

/// Rules that would pay; nothing where there is none.
async fn proposals(reader: &Reader<'_>) -> Result<Markup> {
    let language = reader.language;
    let rows = Rows::of(reader.catalog, "mart.blocking_proposals", PROPOSALS).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(html! {}) };
    let mut lines = Vec::new();
    for row in rows.numbers() {
        lines.push(html! {
            tr {
                th scope="row" { (rows.text("rule", row)?) }
                td { (language.count(rows.count("pairs", row)?)) }
                td { (language.count(rows.amount("true_pairs", row)?.round() as i64)) }
                td class="wide" { (language.count(rows.count("skipped_blocks", row)?)) }
            }
        });
    }
    Ok(html! {
        p {
            (language.text(
                "Each of these rules alone would find pairs of one person that no rule compares.",
                "Chacune de ces règles, seule, trouverait des paires d'une même personne qu'aucune règle ne compare.",
            ))
        }
        (scrolled(
            language.text("Blocking rules that would find more", "Règles de blocage qui trouveraient davantage"),
            &html! {
                table {
                    thead { tr {
                        th class="word" scope="col" {
                            (language.text("Further blocking rule", "Autre règle de blocage"))
                        }
                        th scope="col" { (language.text("Pairs added", "Paires ajoutées")) }
                        th scope="col" { (language.text("Of one person, about", "D'une même personne, environ")) }
                        th class="wide" scope="col" { (language.text("Blocks skipped", "Blocs ignorés")) }
                    } }
                    tbody { @for line in &lines { (line) } }
                }
            },
        ))
    })
}
