//! The match weights chart: how strongly each comparison level speaks for or against one person.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::language::Language;
use crate::report::reader::Reader;
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;

pub async fn part(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let sql = "select comparison, level_name, term, m, u, bits, links from mart.match_weights
               where level >= 0 order by position, level desc";
    let Some(rows) =
        Rows::of(reader.catalog, "mart.match_weights", sql).await?.filter(|rows| !rows.is_empty())
    else {
        return Ok(None);
    };
    let mut most: f64 = 0.0;
    let mut comparisons: Vec<(&str, Vec<usize>)> = Vec::new();
    for row in rows.numbers() {
        most = most.max(rows.float("bits", row)?.unwrap_or(0.0).abs());
        let name = rows.text("comparison", row)?;
        match comparisons.last_mut().filter(|(last, _)| *last == name) {
            Some((_, levels)) => levels.push(row),
            None => comparisons.push((name, vec![row])),
        }
    }
    let mut groups = Vec::new();
    for (name, levels) in comparisons {
        groups.push(group((&rows, language), name, &levels, most)?);
    }
    let title = language.text("Match weights", "Poids des comparaisons");
    let (of_one, of_two) = (
        language.text(
            "Share of pairs of one person at this level",
            "Part des paires d'une même personne à ce niveau",
        ),
        language.text(
            "Share of pairs of two persons at this level",
            "Part des paires de deux personnes à ce niveau",
        ),
    );
    Ok(Some(html! {
        h3 { (title) }
        p {
            (language.text(
                "In bits: one bit more doubles the odds that two records belong to one person, one bit less halves \
                 them. A pair begins at what two random records say, and every comparison adds its own. If the \
                 weight depends on the frequency of the value, a rare value has more than is shown here.",
                "En bits : un bit de plus double les chances que deux fiches soient d'une même personne, un bit de \
                 moins les divise par deux. Une paire part de ce que disent deux fiches au hasard, et chaque \
                 comparaison ajoute le sien. Si le poids dépend de la fréquence de la valeur, une valeur rare a plus \
                 que ce qui est affiché.",
            ))
        }
        (scrolled(title, &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { (language.text("Level", "Niveau")) }
                    td class="chart" {}
                    th scope="col" { "Bits" }
                    th class="wide" scope="col" { abbr title=(of_one) { "m" } }
                    th class="wide" scope="col" { abbr title=(of_two) { "u" } }
                    th scope="col" { (language.text("Links", "Liens")) }
                } }
                @for group in &groups { (group) }
            }
        }))
    }))
}

fn group((rows, language): (&Rows, Language), name: &str, levels: &[usize], most: f64) -> Result<Markup> {
    let mut lines = Vec::new();
    for row in levels {
        let value = rows.float("bits", *row)?.unwrap_or(0.0);
        let (m, u) = (rows.float("m", *row)?, rows.float("u", *row)?);
        let prior = m.is_none();
        lines.push(html! {
            tr {
                th scope="row" {
                    (language.word(rows.text("level_name", *row)?))
                    @if !rows.text("term", *row)?.is_empty() { span class="quiet" { (language.text(" (by frequency)", " (selon la fréquence)")) } }
                }
                td class="chart" { (bar::around_zero(value, most)) }
                td { (language.bits(value)) }
                td class="wide" { @if let Some(m) = m { (language.share(m)) } }
                td class="wide" { @if let Some(u) = u { (language.share(u)) } }
                td { @if !prior { (language.count(rows.count("links", *row)?)) } }
            }
        });
    }
    Ok(html! {
        tbody class="group" {
            tr { th colspan="6" scope="rowgroup" { (language.name(name)) } }
            @for line in lines { (line) }
        }
    })
}
