//! How often the linkage was right, if a truth is known.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::lines::{self, Chart, Line};
use crate::report::language::Language;
use crate::report::reader::Reader;
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;

const SQL: &str = "
    select measure, match_weight, match_probability, threshold, true_positives, false_positives,
           false_negatives, precision, recall, f1, expected
    from mart.match_accuracy order by position";

pub async fn part(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let Some(rows) = Rows::of(reader.catalog, "mart.match_accuracy", SQL).await? else { return Ok(None) };
    let accuracy = Accuracy { rows, language: reader.language };
    let language = reader.language;
    let (mut links, mut whole, mut bands) = (Vec::new(), Vec::new(), Vec::new());
    for row in accuracy.rows.numbers() {
        match accuracy.rows.text("measure", row)? {
            "band" => bands.push(accuracy.band(row)?),
            "links" => links.push(accuracy.link(row)?),
            measure => whole.push(accuracy.whole(measure, row)?),
        }
    }
    let first = language.text("Measure", "Mesure");
    Ok(Some(html! {
        h3 { (language.text("Compared with the truth", "Comparé à la vérité")) }
        p {
            (language.text(
                "For the records in the truth. Precision: the share of joined pairs that belong together. Recall: \
                 the share of pairs that belong together and were joined.",
                "Pour les fiches de la vérité. Précision : part des paires réunies qui vont ensemble. Rappel : part \
                 des paires qui vont ensemble et ont été réunies.",
            ))
        }
        (scrolled(
            language.text("Customers compared with the truth", "Clients comparés à la vérité"),
            &accuracy.table(first, &whole),
        ))
        @if !links.is_empty() { (accuracy.of_links(&links)?) }
        @if !bands.is_empty() { (accuracy.of_bands(&bands)) }
    }))
}

struct Accuracy {
    rows: Rows,
    language: Language,
}

impl Accuracy {
    fn rate(&self, column: &str, row: usize) -> Result<String> {
        let rate = self.rows.float(column, row)?;
        Ok(rate.map_or_else(|| "–".to_owned(), |rate| self.language.percent(rate)))
    }

    fn of_links(&self, links: &[Markup]) -> Result<Markup> {
        let language = self.language;
        let drawn = self.drawn()?;
        Ok(html! {
            p {
                (language.text(
                    "Links only, before keys join records and limits refuse links, by threshold of the match weight. \
                     Pairs that they miss are not similar, or were found by no blocking rule.",
                    "Liens seuls, avant que des clés ne réunissent des fiches et que des limites ne refusent des \
                     liens, selon le seuil du poids. Les paires qui leur manquent ne se ressemblent pas, ou aucune \
                     règle de blocage ne les a trouvées.",
                ))
            }
            @if let Some(drawn) = drawn { (drawn) }
            details {
                summary { (language.text("The figures", "Les chiffres")) }
                (scrolled(
                    language.text("Links compared with the truth", "Liens comparés à la vérité"),
                    &self.table(language.text("Bits", "Bits"), links),
                ))
            }
        })
    }

    fn drawn(&self) -> Result<Option<Markup>> {
        let language = self.language;
        let (mut mark, mut least) = (None, 1.0_f64);
        let rates = [
            ("precision", language.text("precision", "précision"), "one"),
            ("recall", language.text("recall", "rappel"), "two"),
            ("f1", "F1", "three"),
        ];
        let mut lines =
            rates.map(|(_, name, class)| Line { name: name.to_owned(), class, points: Vec::new() });
        for row in self.rows.numbers() {
            if self.rows.text("measure", row)? != "links" {
                continue;
            }
            let weight = self.rows.amount("match_weight", row)?;
            if self.rows.text("threshold", row)? == "link" {
                mark = Some(weight);
            }
            for (line, (column, ..)) in lines.iter_mut().zip(rates) {
                if let Some(rate) = self.rows.float(column, row)? {
                    line.points.push((weight, rate));
                    least = least.min(rate);
                }
            }
        }
        let (ticks, link) = (lines::quarters(below(least)), language.word("link"));
        Ok(lines::chart(&Chart {
            id: "accuracy",
            title: language.text(
                "Precision, recall and F1 of links, by match weight",
                "Précision, rappel et F1 des liens, selon le poids",
            ),
            description: language.text(
                "A higher threshold gives fewer and more certain links: precision rises, recall falls. The figures \
                 are in the table below.",
                "Un seuil plus haut donne des liens moins nombreux et plus sûrs : la précision monte, le rappel \
                 baisse. Les chiffres sont dans le tableau ci-dessous.",
            ),
            x_label: threshold_of_weight(language),
            mark: mark.map(|weight| (weight, link.as_ref())),
            y_ticks: &ticks,
            x_steps: &lines::ROUND,
            show_x: &|tick| signed(language, tick),
            show_y: &|share| language.percent_tick(share, decimals_from(ticks[0])),
            lines: &lines,
        }))
    }

    fn of_bands(&self, bands: &[Markup]) -> Markup {
        let language = self.language;
        html! {
            p {
                (language.text(
                    "Do the probabilities mean what they say? Of the pairs of a band, about so many should be of one \
                     person as their probabilities say on average.",
                    "Les probabilités disent-elles vrai ? Parmi les paires d'une tranche, la part de celles d'une \
                     même personne devrait être proche de leur probabilité moyenne.",
                ))
            }
            (scrolled(
                language.text("Probabilities compared with the truth", "Probabilités comparées à la vérité"),
                &html! {
                    table {
                        thead { tr {
                            th class="word" scope="col" { (language.text("From", "À partir de")) }
                            th scope="col" { (language.text("Pairs", "Paires")) }
                            th scope="col" { (language.text("Expected", "Attendu")) }
                            th scope="col" { (language.text("Observed", "Observé")) }
                        } }
                        tbody { @for band in bands { (band) } }
                    }
                },
            ))
        }
    }

    fn band(&self, row: usize) -> Result<Markup> {
        let pairs = self.rows.count("true_positives", row)? + self.rows.count("false_positives", row)?;
        Ok(html! {
            tr {
                th scope="row" { (self.rate("match_probability", row)?) }
                td { (self.language.count(pairs)) }
                td { (self.rate("expected", row)?) }
                td { (self.rate("precision", row)?) }
            }
        })
    }

    fn link(&self, row: usize) -> Result<Markup> {
        let language = self.language;
        let threshold = language.word(self.rows.text("threshold", row)?);
        let probability = language.percent(self.rows.amount("match_probability", row)?);
        self.line(
            row,
            &html! {
                (language.bits(self.rows.amount("match_weight", row)?)) " "
                span class="quiet" { (probability) @if !threshold.is_empty() { ", " (threshold) } }
            },
        )
    }

    fn whole(&self, measure: &str, row: usize) -> Result<Markup> {
        let (name, of) = match measure {
            "pairs" => (
                self.language.text("pairs of records", "paires de fiches"),
                self.language.text(
                    "two records of one customer are of one person",
                    "deux fiches d'un client sont d'une même personne",
                ),
            ),
            _ => (
                self.language.text("whole customers", "clients entiers"),
                self.language.text(
                    "all records of a person, and no other",
                    "toutes les fiches d'une personne, et aucune autre",
                ),
            ),
        };
        self.line(row, &html! { (name) br; span class="quiet" { (of) } })
    }

    fn table(&self, first: &str, lines: &[Markup]) -> Markup {
        let language = self.language;
        html! {
            table {
                thead { tr {
                    th class="word" scope="col" { (first) }
                    th scope="col" { (language.text("Precision", "Précision")) }
                    th scope="col" { (language.text("Recall", "Rappel")) }
                    th scope="col" { "F1" }
                    th class="wide" scope="col" { (language.text("Right", "Justes")) }
                    th class="wide" scope="col" { (language.text("Wrong", "Fausses")) }
                    th class="wide" scope="col" { (language.text("Missed", "Manquées")) }
                } }
                tbody { @for line in lines { (line) } }
            }
        }
    }

    fn line(&self, row: usize, name: &Markup) -> Result<Markup> {
        let count = |column| self.rows.count(column, row).map(|count| self.language.count(count));
        Ok(html! {
            tr {
                th scope="row" { (name) }
                td { (self.rate("precision", row)?) }
                td { (self.rate("recall", row)?) }
                td { (self.rate("f1", row)?) }
                td class="wide" { (count("true_positives")?) }
                td class="wide" { (count("false_positives")?) }
                td class="wide" { (count("false_negatives")?) }
            }
        })
    }
}

/// What stands below a chart over thresholds.
pub(super) fn threshold_of_weight(language: Language) -> &'static str {
    language.text("threshold of the match weight, bits", "seuil du poids, en bits")
}

/// Returns a tick of a whole number of bits.
pub(super) fn signed(language: Language, tick: f64) -> String {
    language.decimal(tick, 0)
}

/// Returns the decimals of percents from a share on: quarters of a narrow range need a digit more.
pub(super) fn decimals_from(share: f64) -> usize {
    usize::from(1.0 - share < 0.2) + usize::from(1.0 - share < 0.02)
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

    #[test]
    fn a_narrow_range_has_a_digit_more() {
        assert_eq!([0.0, 0.9, 0.99].map(decimals_from), [0, 1, 2]);
    }
}
