//! What a value model promised at past cut-offs, and what came.

use maud::{Markup, html};

use super::expected::ordinal;
use super::fitted::FittedValue;
use crate::clock::Instant;
use crate::error::Result;
use crate::report::chart::interval::{Promise, Promises};
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;
use crate::report::small_groups::{Groups, LEAST_CUSTOMERS};

const COLUMNS: [Column; 9] = [
    ("cutoff", Holds::Instant),
    ("slice", Holds::Text),
    ("label", Holds::Text),
    ("customers", Holds::Count),
    ("expected_margin", Holds::Number),
    ("actual_margin", Holds::Number),
    ("margin_low", Holds::Number),
    ("margin_high", Holds::Number),
    ("interval_coverage", Holds::Number),
];
/// The share of the customers whose own interval is to hold what came.
const NOMINAL: f64 = 0.8;

/// What was promised of a part of the customers, and what came.
#[derive(Debug, Clone)]
struct Judged {
    cutoff: Instant,
    label: String,
    customers: i64,
    promise: Promise,
    coverage: Option<f64>,
}

pub(super) async fn part(reader: &mut Reader<'_>, model: &FittedValue) -> Result<Option<Markup>> {
    let table = model.table("value_accuracy");
    let sql = format!(
        "select cutoff, slice, label, customers, expected_margin, actual_margin, margin_low, margin_high, \
         interval_coverage from {table} where cutoff is not null order by cutoff, slice, label"
    );
    let rows = reader.rows(&table, &COLUMNS, &sql).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let of = |slice: &'static str| slice_of(&rows, slice);
    let total: Vec<Judged> =
        of("total")?.into_iter().filter(|judged| judged.customers >= LEAST_CUSTOMERS).collect();
    let Some(latest) = total.last().map(|judged| judged.cutoff) else { return Ok(None) };
    let at_latest = |slice: Vec<Judged>| -> Vec<Judged> {
        slice.into_iter().filter(|judged| judged.cutoff == latest).collect()
    };
    let (deciles, vintages, groups) =
        (at_latest(of("decile")?), at_latest(of("vintage")?), at_latest(of("group")?));
    let language = reader.language;
    let day = |judged: &Judged| language.day_of(judged.cutoff, reader.zone);
    let latest_day = language.day_of(latest, reader.zone);
    Ok(Some(html! {
        h3 { (language.text("Promises at past cut-offs, and what came", "Promesses faites à des dates passées, et ce qui est venu")) }
        p { (how_to_read(language)) }
        @if let Some(sentence) = ranks(language, model) { p { (sentence) } }
        (judged_table(language, language.text("In all", "En tout"), language.text("Promised on", "Promis le"), total, &day))
        @if !deciles.is_empty() {
            p { (language.text("Promised on ", "Promis le ")) (latest_day) (language.text(
                ", by tenth of the customers by what was promised of them.",
                ", par dixième des clients selon ce qui en était promis.",
            )) }
            (judged_table(
                language,
                language.text("By tenth", "Par dixième"),
                language.text("Tenth", "Dixième"),
                deciles,
                &|judged| ordinal(language, judged.label.trim_start_matches('0').parse().unwrap_or(0)),
            ))
        }
        @if !vintages.is_empty() {
            p { (kept_vintages(language, &vintages)) }
            details {
                summary { (language.text("By month of the first purchase", "Par mois du premier achat")) }
                (judged_table(
                    language,
                    language.text("By month of the first purchase", "Par mois du premier achat"),
                    language.text("First purchase", "Premier achat"),
                    vintages,
                    &|judged| language.month_of_label(&judged.label),
                ))
            }
        }
        @if !groups.is_empty() {
            details {
                summary { (language.text("By group of customers", "Par groupe de clients")) }
                (judged_table(
                    language,
                    language.text("By group of customers", "Par groupe de clients"),
                    language.text("Group", "Groupe"),
                    groups,
                    &|judged| judged.label.clone(),
                ))
            }
        }
    }))
}

fn slice_of(rows: &Rows, slice: &str) -> Result<Vec<Judged>> {
    let mut judged = Vec::new();
    for row in rows.numbers() {
        let Some(cutoff) = rows.instant("cutoff", row)? else { continue };
        if rows.text("slice", row)? != slice {
            continue;
        }
        judged.push(Judged {
            cutoff,
            label: rows.text("label", row)?.to_owned(),
            customers: rows.count("customers", row)?,
            promise: Promise {
                low: rows.amount("margin_low", row)?,
                high: rows.amount("margin_high", row)?,
                expected: rows.amount("expected_margin", row)?,
                came: rows.float("actual_margin", row)?,
            },
            coverage: rows.float("interval_coverage", row)?,
        });
    }
    Ok(judged)
}

fn how_to_read(language: Language) -> String {
    let nominal = language.percent_tick(NOMINAL, 0);
    language.text(
        format!(
            "The thin line is what was promised, the band where 95 in 100 such sums lie as far as chance goes, the mark \
             what came. Each customer's own interval is to hold {nominal}."
        ),
        format!(
            "Le trait fin est la promesse, la bande contient 95 de ces sommes sur 100 pour autant que le hasard en \
             décide, la marque est ce qui est venu. L'intervalle propre à chaque client doit en contenir {nominal}."
        ),
    )
}

fn ranks(language: Language, model: &FittedValue) -> Option<String> {
    let (promise, past) = model.rank_correlations?;
    let (promise, past) = (language.decimal(promise, 2), language.decimal(past, 2));
    Some(language.text(
        format!("The promise ranks customers by what came with a correlation of {promise}; past margin alone with {past}."),
        format!(
            "La promesse classe les clients selon ce qui est venu avec une corrélation de {promise} ; la marge passée \
             seule, avec {past}."
        ),
    ))
}

fn kept_vintages(language: Language, vintages: &[Judged]) -> String {
    let large: Vec<&Judged> = vintages.iter().filter(|judged| judged.customers >= LEAST_CUSTOMERS).collect();
    let kept = large.iter().filter(|judged| judged.promise.is_kept()).count();
    let outside: Vec<String> = large
        .iter()
        .filter(|judged| !judged.promise.is_kept())
        .map(|judged| language.month_of_label(&judged.label))
        .collect();
    let (all, names) = (large.len(), outside.join(", "));
    let sentence = language.text(
        format!("{kept} of {all} months of first purchase lie within chance."),
        format!("{kept} mois de premier achat sur {all} restent dans les limites du hasard."),
    );
    match outside.len() {
        0 => sentence,
        _ => {
            language.text(format!("{sentence} Outside: {names}."), format!("{sentence} En dehors : {names}."))
        }
    }
}

fn judged_table(
    language: Language,
    title: &str,
    first: &str,
    judged: Vec<Judged>,
    name: &dyn Fn(&Judged) -> String,
) -> Markup {
    let groups = Groups::of(judged, |judged| judged.customers);
    let scale = Promises::over(groups.shown.iter().map(|judged| &judged.promise));
    let decimals =
        decimals_up_to(groups.shown.iter().map(|judged| judged.promise.expected).fold(0.0, f64::max));
    html! {
        (scrolled(title, &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { (first) }
                    td class="chart" {}
                    th scope="col" { (language.text("Promised", "Promis")) }
                    th scope="col" { (language.text("Came", "Venu")) }
                    th scope="col" { (language.text("Off by", "Écart")) }
                    th class="wide" scope="col" { (language.text("In own interval", "Dans l'intervalle propre")) }
                    th class="wide" scope="col" { (language.text("Customers", "Clients")) }
                } }
                tbody {
                    @for judged in &groups.shown {
                        tr class=(if judged.promise.is_kept() { "kept" } else { "off" }) {
                            th scope="row" { (name(judged)) }
                            td class="chart" { (scale.drawn(&judged.promise)) }
                            td { (language.decimal(judged.promise.expected, decimals)) }
                            td { (shown(language, judged.promise.came, decimals)) }
                            td { (off_by(language, &judged.promise)) }
                            td class="wide" { (judged.coverage.map(|share| language.percent(share)).unwrap_or_default()) }
                            td class="wide" { (language.count(judged.customers)) }
                        }
                    }
                }
            }
        }))
        @if let Some(note) = language.small_groups(groups.together.len()) { p class="quiet" { (note) } }
    }
}

/// Returns an amount; `–` where there is none.
pub(super) fn shown(language: Language, amount: Option<f64>, decimals: usize) -> String {
    amount.map_or_else(|| "–".to_owned(), |amount| language.decimal(amount, decimals))
}

/// Returns how far what came lies from the promise, relative to it, with a word where chance does not explain it.
pub(super) fn off_by(language: Language, promise: &Promise) -> String {
    let Some(came) = promise.came else { return language.text("open", "en cours").to_owned() };
    let off = came / promise.expected - 1.0;
    if !off.is_finite() {
        return "–".to_owned();
    }
    let sign = if off > 0.0 { "+" } else { "" };
    let mark = if promise.is_kept() { "" } else { "\u{a0}!" };
    format!("{sign}{}{mark}", language.percent_tick(off, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(label: &str, customers: i64, came: f64) -> Judged {
        Judged {
            cutoff: Instant::UNIX_EPOCH,
            label: label.to_owned(),
            customers,
            promise: Promise { low: 90.0, high: 110.0, expected: 100.0, came: Some(came) },
            coverage: Some(0.79),
        }
    }

    #[test]
    fn vintages_beyond_chance_are_named_unless_they_are_of_a_few() {
        let vintages =
            [judged("2025-01", 50, 95.0), judged("2025-02", 40, 80.0), judged("2025-03", 3, 500.0)];
        assert_eq!(
            kept_vintages(Language::English, &vintages),
            "1 of 2 months of first purchase lie within chance. Outside: February\u{a0}2025."
        );
        assert_eq!(
            kept_vintages(Language::French, &vintages[..1]),
            "1 mois de premier achat sur 1 restent dans les limites du hasard."
        );
    }

    #[test]
    fn what_came_is_held_against_the_promise() {
        let of = |came| off_by(Language::English, &Promise { low: 90.0, high: 110.0, expected: 100.0, came });
        assert_eq!([of(Some(105.0)), of(Some(80.0)), of(None)], ["+5.0%", "−20.0%\u{a0}!", "open"]);
        let nothing = Promise { low: 0.0, high: 0.0, expected: 0.0, came: Some(0.0) };
        assert_eq!(off_by(Language::English, &nothing), "–");
    }

    #[test]
    fn a_vintage_of_a_few_customers_has_no_row() {
        let rows =
            vec![judged("2025-01", 50, 95.0), judged("2025-02", 40, 99.0), judged("2025-03", 3, 123.0)];
        let shown =
            judged_table(Language::English, "t", "f", rows, &|judged| judged.label.clone()).into_string();
        assert!(shown.contains("2025-01") && !shown.contains("2025-03") && !shown.contains("123"), "{shown}");
        assert!(!shown.contains("2025-02"), "the sum of all would tell of the few: {shown}");
    }
}
