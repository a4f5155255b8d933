//! What it would be worth if five more of a hundred customers stayed each year.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::scrolled::scrolled;
use crate::report::small_groups::Groups;

const COLUMNS: [Column; 6] = [
    ("dimension", Holds::Text),
    ("dimension_value", Holds::Text),
    ("customers", Holds::Count),
    ("retention", Holds::Number),
    ("effect_per_customer", Holds::Number),
    ("effect", Holds::Number),
];
const SQL: &str = "
    select dimension, dimension_value, customers, retention, effect_per_customer, effect
    from mart.retention_effect
    order by dimension, effect desc nulls last, dimension_value";
/// The dimension of everybody.
const ALL: &str = "all";

/// A group of customers.
struct Effect {
    name: String,
    customers: i64,
    retention: Option<f64>,
    of_one: Option<f64>,
    in_all: Option<f64>,
}

pub(super) async fn part(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let rows = reader.rows("mart.retention_effect", &COLUMNS, SQL).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let mut dimensions: BTreeMap<&str, Vec<Effect>> = BTreeMap::new();
    for row in rows.numbers() {
        dimensions.entry(rows.text("dimension", row)?).or_default().push(Effect {
            name: rows.text("dimension_value", row)?.to_owned(),
            customers: rows.count("customers", row)?,
            retention: rows.float("retention", row)?,
            of_one: rows.float("effect_per_customer", row)?,
            in_all: rows.float("effect", row)?,
        });
    }
    let of_all = dimensions.remove(ALL).and_then(|all| all.first().and_then(|all| all.in_all));
    Ok(Some(html! {
        h3 { (language.text("If five more of a hundred stayed", "Si cinq de plus sur cent restaient")) }
        @if let Some(effect) = of_all { p { (in_words(language, effect)) } }
        @for (dimension, effects) in dimensions.into_iter().rev() { (table(language, dimension, effects)) }
    }))
}

fn in_words(language: Language, effect: f64) -> String {
    let effect = language.headline(effect);
    language.text(
        format!(
            "Five points more retention each year would be worth {effect} of margin to come, at tonight's margin and \
             retention of each customer."
        ),
        format!(
            "Cinq points de fidélité de plus par an vaudraient {effect} de marge à venir, à marge et fidélité de chaque \
             client égales à celles d'aujourd'hui."
        ),
    )
}

fn table(language: Language, dimension: &str, effects: Vec<Effect>) -> Markup {
    let groups = Groups::of(effects, |effect| effect.customers);
    let most = groups.shown.iter().filter_map(|effect| effect.in_all).fold(0.0, f64::max);
    let decimals = decimals_up_to(most);
    let title = language.name(dimension);
    let shown = |amount: Option<f64>, decimals| {
        amount.map_or_else(|| "–".to_owned(), |amount| language.decimal(amount, decimals))
    };
    html! {
        (scrolled(&title, &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { (title) }
                    td class="chart" {}
                    th scope="col" { (language.text("Worth", "Vaudrait")) }
                    th scope="col" { (language.text("For one", "Par client")) }
                    th scope="col" { (language.text("Buy again within a year", "Rachètent dans l'année")) }
                    th class="wide" scope="col" { (language.text("Customers", "Clients")) }
                } }
                tbody {
                    @for effect in &groups.shown {
                        tr {
                            th scope="row" { (language.word(&effect.name)) }
                            td class="chart" { (bar::of_share(effect.in_all.unwrap_or(0.0) / most)) }
                            td { (shown(effect.in_all, decimals)) }
                            td { (shown(effect.of_one, 2)) }
                            td {
                                (effect.retention.map_or_else(|| "–".to_owned(), |share| language.percent(share)))
                            }
                            td class="wide" { (language.count(effect.customers)) }
                        }
                    }
                }
            }
        }))
        @if let Some(note) = language.small_groups(groups.together.len()) { p class="quiet" { (note) } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_a_dash_and_small_groups_are_left_out() {
        let effect = |name: &str, customers, in_all| Effect {
            name: name.to_owned(),
            customers,
            retention: None,
            of_one: in_all,
            in_all,
        };
        let effects =
            vec![effect("web", 50, Some(1234.0)), effect("letters", 4, Some(77.0)), effect("shop", 9, None)];
        let shown = table(Language::English, "acquisition_channel", effects).into_string();
        assert!(shown.contains("1,234") && !shown.contains("77") && !shown.contains("NaN"), "{shown}");
        assert!(!shown.contains("shop"), "the smallest other goes with the small one: {shown}");
    }
}
