//! How often the linkage was right, if a truth is known.

use maud::{Markup, html};

use super::scrolled::scrolled;
use crate::error::Result;
use crate::report::curve::{self, Chart, Line};
use crate::report::number::{bits, grouped, percent};
use crate::report::rows::Rows;
use crate::warehouse::catalog::Catalog;

const RATES: [(&str, &str, &str); 3] =
    [("precision", "precision", "one"), ("recall", "recall", "two"), ("f1", "F1", "three")];

pub async fn part(catalog: &Catalog) -> Result<Option<Markup>> {
    let sql = "select measure, match_weight, match_probability, threshold, true_positives, false_positives,
                      false_negatives, precision, recall, f1, expected
               from mart.match_accuracy order by position";
    let Some(rows) = Rows::of(catalog, "mart.match_accuracy", sql).await? else { return Ok(None) };
    let (mut links, mut whole, mut mark, mut least) = (Vec::new(), Vec::new(), None, 1.0_f64);
    let mut bands = Vec::new();
    let mut lines = RATES.map(|(_, name, class)| Line { name, class, points: Vec::new() });
    for row in rows.numbers() {
        let measure = rows.text("measure", row)?;
        if measure == "band" {
            bands.push(band(&rows, row)?);
            continue;
        }
        if measure != "links" {
            let (name, of) = match measure {
                "pairs" => ("pairs of records", "two records of one customer are of one person"),
                _ => ("whole customers", "all records of a person, and no other"),
            };
            whole.push(line(&rows, row, &html! { (name) br; span class="quiet" { (of) } })?);
            continue;
        }
        let weight = rows.float("match_weight", row)?.unwrap_or(0.0);
        let threshold = rows.text("threshold", row)?;
        if threshold == "link" {
            mark = Some((weight, "link"));
        }
        for (line, (column, _, _)) in lines.iter_mut().zip(RATES) {
            if let Some(rate) = rows.float(column, row)? {
                line.points.push((weight, rate));
                least = least.min(rate);
            }
        }
        let probability = percent(rows.float("match_probability", row)?.unwrap_or(0.0));
        links.push(line(
            &rows,
            row,
            &html! { (bits(weight)) " " span class="quiet" { (probability) @if !threshold.is_empty() { ", " (threshold) } } },
        )?);
    }
    let drawn = curve::chart(&Chart {
        id: "accuracy",
        title: "Precision, recall and F1 of links, by match weight",
        description: "A higher threshold gives fewer and more certain links: precision rises, recall \
         falls. The figures are in the table below.",
        x_label: "threshold of the match weight, bits",
        mark,
        from: below(least),
        lines: &lines,
    });
    Ok(Some(html! {
        h3 { "Compared with the truth" }
        p {
            "For the records in the truth. Precision: the share of joined pairs that belong together. "
            "Recall: the share of pairs that belong together and were joined."
        }
        (scrolled("Customers compared with the truth", &table("Measure", &whole)))
        @if !links.is_empty() {
            p {
                "Links only, before keys join records and limits refuse links, by threshold of the match \
                 weight. Pairs that they miss "
                "are not similar, or were found by no blocking rule."
            }
            @if let Some(drawn) = drawn { (drawn) }
            details {
                summary { "The figures" }
                (scrolled("Links compared with the truth", &table("Bits", &links)))
            }
        }
        @if !bands.is_empty() {
            p {
                "Do the probabilities mean what they say? Of the pairs of a band, about so many should be of one \
                 person as their probabilities say on average."
            }
            (scrolled("Probabilities compared with the truth", &html! {
                table {
                    thead { tr {
                        th class="word" scope="col" { "From" }
                        th scope="col" { "Pairs" }
                        th scope="col" { "Expected" }
                        th scope="col" { "Observed" }
                    } }
                    tbody { @for band in &bands { (band) } }
                }
            }))
        }
    }))
}

fn band(rows: &Rows, row: usize) -> Result<Markup> {
    let rate = |column| rows.float(column, row).map(|rate| rate.map_or_else(|| "–".to_owned(), percent));
    let pairs = rows.count("true_positives", row)? + rows.count("false_positives", row)?;
    Ok(html! {
        tr {
            th scope="row" { (rate("match_probability")?) }
            td { (grouped(pairs)) }
            td { (rate("expected")?) }
            td { (rate("precision")?) }
        }
    })
}

fn table(first: &str, lines: &[Markup]) -> Markup {
    html! {
        table {
            thead { tr {
                th class="word" scope="col" { (first) }
                th scope="col" { "Precision" }
                th scope="col" { "Recall" }
                th scope="col" { "F1" }
                th class="wide" scope="col" { "Right" }
                th class="wide" scope="col" { "Wrong" }
                th class="wide" scope="col" { "Missed" }
            } }
            tbody { @for line in lines { (line) } }
        }
    }
}

fn line(rows: &Rows, row: usize, name: &Markup) -> Result<Markup> {
    let rate = |column| rows.float(column, row).map(|rate| rate.map_or_else(|| "–".to_owned(), percent));
    let count = |column| rows.count(column, row).map(grouped);
    Ok(html! {
        tr {
            th scope="row" { (name) }
            td { (rate("precision")?) }
            td { (rate("recall")?) }
            td { (rate("f1")?) }
            td class="wide" { (count("true_positives")?) }
            td class="wide" { (count("false_positives")?) }
            td class="wide" { (count("false_negatives")?) }
        }
    })
}

/// Returns a round share below all points, so that the curves fill their chart.
fn below(least: f64) -> f64 {
    [0.99, 0.98, 0.96, 0.9, 0.8, 0.6].into_iter().find(|from| *from < least).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_begins_below_every_point() {
        assert_eq!([below(0.995), below(0.97), below(0.6), below(0.0)], [0.99, 0.96, 0.0, 0.0]);
    }
}
