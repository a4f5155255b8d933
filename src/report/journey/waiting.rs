//! Who waits: the time on the telephone, the answer and the effort, by what customers will bring.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::language::Language;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::scrolled::scrolled;
use crate::report::small_groups::Groups;

const COLUMNS: [Column; 8] = [
    ("period", Holds::Text),
    ("value_decile", Holds::Text),
    ("callers", Holds::Count),
    ("calls", Holds::Count),
    ("waited_s_mean", Holds::Number),
    ("waited_s_p90", Holds::Number),
    ("share_resolved", Holds::Number),
    ("calls_per_issue", Holds::Number),
];
/// Tenths in their order, then who has none.
const SQL: &str = "
    select value_decile, callers, calls, waited_s_mean, waited_s_p90, share_resolved, calls_per_issue
    from mart.waiting_by_value where period = 'last 365 days'
    order by coalesce(try_cast(value_decile as bigint), 99), value_decile";

/// A tenth of the customers.
struct Tenth {
    name: String,
    callers: i64,
    calls: i64,
    mean: Option<f64>,
    ninety: Option<f64>,
    resolved: Option<f64>,
    effort: Option<f64>,
}

pub(super) async fn part(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let rows = reader.rows("mart.waiting_by_value", &COLUMNS, SQL).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let mut tenths = Vec::new();
    for row in rows.numbers() {
        tenths.push(Tenth {
            name: rows.text("value_decile", row)?.to_owned(),
            callers: rows.count("callers", row)?,
            calls: rows.count("calls", row)?,
            mean: rows.float("waited_s_mean", row)?,
            ninety: rows.float("waited_s_p90", row)?,
            resolved: rows.float("share_resolved", row)?,
            effort: rows.float("calls_per_issue", row)?,
        });
    }
    let title = language.text("Who waits?", "Qui attend ?");
    Ok(Some(html! {
        h3 { (title) }
        p {
            (language.text(
                "Calls of the last 365 days, by tenth of the customers by what they will bring: how long they waited, \
                 whether the question was answered, and how many calls an issue took.",
                "Appels des 365 derniers jours, par dixième des clients selon ce qu'ils rapporteront : combien de temps \
                 ils ont attendu, si la question a eu sa réponse, et combien d'appels il a fallu par demande.",
            ))
        }
        (table(language, title, tenths))
    }))
}

fn table(language: Language, title: &str, tenths: Vec<Tenth>) -> Markup {
    let groups = Groups::of(tenths, |tenth| tenth.callers);
    let most = groups.shown.iter().filter_map(|tenth| tenth.mean).fold(0.0, f64::max);
    let seconds = |seconds: Option<f64>| {
        seconds.map_or_else(|| "–".to_owned(), |seconds| format!("{}\u{a0}s", language.decimal(seconds, 0)))
    };
    html! {
        (scrolled(title, &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { (language.text("Tenth by value", "Dixième par valeur")) }
                    td class="chart" {}
                    th scope="col" { (language.text("Waited", "Attente")) }
                    th class="wide" scope="col" { (language.text("9 in 10 at most", "9 sur 10 au plus")) }
                    th scope="col" { (language.text("Answered", "Réponse obtenue")) }
                    th scope="col" { (language.text("Calls an issue", "Appels par demande")) }
                    th class="wide" scope="col" { (language.text("Calls", "Appels")) }
                } }
                tbody {
                    @for tenth in &groups.shown {
                        tr {
                            th scope="row" { (named(language, &tenth.name)) }
                            td class="chart" { (bar::of_share(tenth.mean.unwrap_or(0.0) / most)) }
                            td { (seconds(tenth.mean)) }
                            td class="wide" { (seconds(tenth.ninety)) }
                            td {
                                (tenth.resolved.map_or_else(|| "–".to_owned(), |share| language.percent(share)))
                            }
                            td {
                                (tenth.effort.map_or_else(|| "–".to_owned(), |calls| language.decimal(calls, 2)))
                            }
                            td class="wide" { (language.count(tenth.calls)) }
                        }
                    }
                }
            }
        }))
        @if let Some(note) = language.small_groups(groups.together.len()) { p class="quiet" { (note) } }
    }
}

fn named(language: Language, tenth: &str) -> String {
    if tenth == "1" {
        language.text("1, the best", "1, le meilleur").to_owned()
    } else {
        language.name(tenth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_with_few_callers_are_not_shown() {
        let tenth = |name: &str, callers, mean| Tenth {
            name: name.to_owned(),
            callers,
            calls: 3 * callers,
            mean,
            ninety: None,
            resolved: Some(0.5),
            effort: Some(1.25),
        };
        let tenths = vec![
            tenth("1", 40, Some(95.4)),
            tenth("2", 3, Some(777.0)),
            tenth("3", 2, None),
            tenth("never bought", 0, None),
        ];
        let shown = table(Language::French, "Qui attend ?", tenths).into_string();
        for expected in ["1, le meilleur", "95\u{a0}s", "50,0\u{202f}%", "1,25", "jamais acheté"] {
            assert!(shown.contains(expected), "{expected}: {shown}");
        }
        assert!(!shown.contains("777") && !shown.contains("NaN"), "{shown}");
    }
}
