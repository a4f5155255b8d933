//! Records with too little information to be linked, by threshold.

use maud::{Markup, html};

use super::accuracy::{decimals_from, signed, threshold_of_weight};
use crate::error::Result;
use crate::report::chart::lines::{self, Chart, Line};
use crate::report::language::Language;
use crate::report::reader::Reader;
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;

const SQL: &str = "
    select match_weight, match_probability, threshold, records, unlinkable, share
    from mart.unlinkables order by match_weight";

pub async fn part(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let rows = Rows::of(reader.catalog, "mart.unlinkables", SQL).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let (mut points, mut lines, mut link) = (Vec::new(), Vec::new(), None);
    for row in rows.numbers() {
        let weight = rows.amount("match_weight", row)?;
        let share = rows.amount("share", row)?;
        points.push((weight, share));
        let threshold = rows.text("threshold", row)?;
        if threshold == "link" {
            link = Some((weight, share, rows.count("unlinkable", row)?));
        }
        lines.push(html! {
            tr {
                th scope="row" {
                    (language.bits(weight)) @if !threshold.is_empty() { " (" (language.word(threshold)) ")" }
                }
                td { (language.percent(rows.amount("match_probability", row)?)) }
                td { (language.count(rows.count("unlinkable", row)?)) }
                td { (language.percent(share)) }
            }
        });
    }
    let all = rows.count("records", 0)?;
    let sentence = link.map(|(_, share, records)| sentence(language, records, all, share));
    let description = sentence.clone().unwrap_or_else(|| {
        language.text("The share rises with the threshold.", "La part croît avec le seuil.").to_owned()
    });
    let (name, link_word) = (String::new(), language.word("link"));
    let drawn = lines::chart(&Chart {
        id: "unlinkables",
        title: language.text(
            "Share of records that cannot be linked, by match weight",
            "Part des fiches qui ne peuvent être liées, selon le poids",
        ),
        description: &description,
        x_label: threshold_of_weight(language),
        mark: link.map(|(weight, _, _)| (weight, link_word.as_ref())),
        y_ticks: &lines::quarters(0.0),
        x_steps: &lines::ROUND,
        show_x: &|tick| signed(language, tick),
        show_y: &|share| language.percent_tick(share, decimals_from(0.0)),
        lines: &[Line { name, class: "one", points }],
    });
    let title = language.text("Records that cannot be linked", "Fiches qui ne peuvent être liées");
    Ok(Some(html! {
        h3 { (title) }
        p {
            (language.text(
                "Each record is compared with itself: no other record can agree more. ",
                "Chaque fiche est comparée à elle-même : aucune autre ne peut mieux concorder. ",
            ))
            @if let Some(sentence) = &sentence { (sentence) }
        }
        @if let Some(drawn) = drawn { (drawn) }
        details {
            summary { (language.text("The figures", "Les chiffres")) }
            (scrolled(title, &html! {
                table {
                    thead { tr {
                        th class="word" scope="col" { (language.text("Bits", "Bits")) }
                        th scope="col" { (language.text("Probability", "Probabilité")) }
                        th scope="col" { (language.text("Records below", "Fiches en dessous")) }
                        th scope="col" { (language.text("Share", "Part")) }
                    } }
                    tbody { @for line in &lines { (line) } }
                }
            }))
        }
    }))
}

fn sentence(language: Language, records: i64, all: i64, share: f64) -> String {
    let (below, all, share) = (language.count(records), language.count(all), language.percent(share));
    match records {
        0 => language.text(
            format!("None of {all} person records is below the link threshold."),
            format!("Aucune des {all} fiches de personnes n'est en dessous du seuil de lien."),
        ),
        _ => language.text(
            format!(
                "{below} of {all} person records ({share}) are below the link threshold: they have too little \
                 information."
            ),
            format!(
                "{below} des {all} fiches de personnes ({share}) sont en dessous du seuil de lien : elles en disent \
                 trop peu."
            ),
        ),
    }
}
