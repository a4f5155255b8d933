//! The match weights chart: how strongly each comparison level speaks for or against one person.

use maud::{Markup, html};

use super::scrolled::scrolled;
use crate::error::Result;
use crate::report::bar;
use crate::report::number::{bits, grouped, share};
use crate::report::rows::Rows;
use crate::warehouse::catalog::Catalog;

pub async fn part(catalog: &Catalog) -> Result<Option<Markup>> {
    let sql = "select comparison, level_name, term, m, u, bits, links from mart.match_weights
               where level >= 0 order by position, level desc";
    let Some(rows) = Rows::of(catalog, "mart.match_weights", sql).await?.filter(|rows| !rows.is_empty())
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
        groups.push(group(&rows, name, &levels, most)?);
    }
    Ok(Some(html! {
        h3 { "Match weights" }
        p {
            "In bits: one bit more doubles the odds that two records belong to one person, one bit less \
             halves them. "
            "A pair begins at what two random records say, and every comparison adds its own. "
            "If the weight depends on the frequency of the value, a rare value has more than is shown here."
        }
        (scrolled("Match weights", &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { "Level" }
                    td class="chart" {}
                    th scope="col" { "Bits" }
                    th class="wide" scope="col" { abbr title="Share of pairs of one person at this level" { "m" } }
                    th class="wide" scope="col" { abbr title="Share of pairs of two persons at this level" { "u" } }
                    th scope="col" { "Links" }
                } }
                @for group in &groups { (group) }
            }
        }))
    }))
}

fn group(rows: &Rows, name: &str, levels: &[usize], most: f64) -> Result<Markup> {
    let mut lines = Vec::new();
    for row in levels {
        let value = rows.float("bits", *row)?.unwrap_or(0.0);
        let (m, u) = (rows.float("m", *row)?, rows.float("u", *row)?);
        let prior = m.is_none();
        lines.push(html! {
            tr {
                th scope="row" {
                    (rows.text("level_name", *row)?)
                    @if !rows.text("term", *row)?.is_empty() { span class="quiet" { " (by frequency)" } }
                }
                td class="chart" { (bar::around_zero(value, most)) }
                td { (bits(value)) }
                td class="wide" { @if let Some(m) = m { (share(m)) } }
                td class="wide" { @if let Some(u) = u { (share(u)) } }
                td { @if !prior { (grouped(rows.count("links", *row)?)) } }
            }
        });
    }
    Ok(html! {
        tbody class="group" {
            tr { th colspan="6" scope="rowgroup" { (name.replace('_', " ")) } }
            @for line in lines { (line) }
        }
    })
}
