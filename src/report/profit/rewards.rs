//! What was given to customers, and how much of it to those without profit.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::scrolled::scrolled;
use crate::report::small_groups::{Groups, is_small};

const COLUMNS: [Column; 8] = [
    ("kind", Holds::Text),
    ("programme", Holds::Text),
    ("customers", Holds::Count),
    ("amount", Holds::Number),
    ("customers_without_profit", Holds::Count),
    ("amount_without_profit", Holds::Number),
    ("amount_to_unknown", Holds::Number),
    ("share_without_profit", Holds::Number),
];
const SQL: &str = "
    select kind, programme, customers, amount, customers_without_profit, amount_without_profit, amount_to_unknown
    from mart.reward_audit order by kind desc, amount_without_profit desc, programme";

/// What was given in a programme.
struct Programme {
    kind: String,
    name: String,
    customers: i64,
    amount: f64,
    customers_without_profit: i64,
    amount_without_profit: f64,
    amount_to_unknown: f64,
}

pub(super) async fn part(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let rows = reader.rows("mart.reward_audit", &COLUMNS, SQL).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let mut programmes = Vec::new();
    for row in rows.numbers() {
        programmes.push(Programme {
            kind: rows.text("kind", row)?.to_owned(),
            name: rows.text("programme", row)?.to_owned(),
            customers: rows.count("customers", row)?,
            amount: rows.amount("amount", row)?,
            customers_without_profit: rows.count("customers_without_profit", row)?,
            amount_without_profit: rows.amount("amount_without_profit", row)?,
            amount_to_unknown: rows.amount("amount_to_unknown", row)?,
        });
    }
    let sentence = in_words(language, &programmes);
    let groups = Groups::of(programmes, |programme| programme.customers);
    let title =
        language.text("Rewards to customers without profit", "Récompenses à des clients sans bénéfice");
    Ok(Some(html! {
        h3 { (title) }
        @if let Some(sentence) = sentence { p { (sentence) } }
        (scrolled(title, &table(language, &groups.shown)))
        @if let Some(note) = language.small_groups(groups.together.len()) { p class="quiet" { (note) } }
    }))
}

fn in_words(language: Language, programmes: &[Programme]) -> Option<String> {
    let rewards = || programmes.iter().filter(|programme| programme.kind == "reward");
    let given: f64 = rewards().map(|programme| programme.amount).sum();
    let wasted: f64 = rewards().map(|programme| programme.amount_without_profit).sum();
    let is_of_few = rewards().any(|programme| is_small(programme.customers_without_profit));
    if given <= 0.0 || is_of_few {
        return None;
    }
    let share = language.percent(wasted / given);
    let (given, wasted) = (language.headline(given), language.headline(wasted));
    Some(language.text(
        format!(
            "Of {given} given as cheques and presents, {wasted} ({share}) went to customers who cost more than they \
             brought even without them."
        ),
        format!(
            "Sur {given} donnés en chèques et cadeaux, {wasted} ({share}) sont allés à des clients qui coûtaient plus \
             qu'ils ne rapportaient, même sans eux."
        ),
    ))
}

fn table(language: Language, programmes: &[Programme]) -> Markup {
    let decimals = decimals_up_to(programmes.iter().map(|programme| programme.amount).fold(0.0, f64::max));
    html! {
        table {
            thead { tr {
                th class="word" scope="col" { (language.text("Programme", "Programme")) }
                td class="chart" {}
                th scope="col" { (language.text("Wasted share", "Part perdue")) }
                th scope="col" { (language.text("To customers without profit", "À des clients sans bénéfice")) }
                th class="wide" scope="col" { (language.text("Given", "Donné")) }
                th class="wide" scope="col" { (language.text("Customers without profit", "Clients sans bénéfice")) }
                th class="wide" scope="col" { (language.text("To nobody known", "À des inconnus")) }
            } }
            tbody {
                @for programme in programmes {
                    @let few = is_small(programme.customers_without_profit) || programme.amount <= 0.0;
                    @let share = if few { 0.0 } else { programme.amount_without_profit / programme.amount };
                    tr {
                        th scope="row" { (language.name(&programme.name)) }
                        td class="chart" { (bar::of_loss(share)) }
                        td { @if few { "–" } @else { (language.percent(share)) } }
                        td {
                            (language.amount_of(
                                programme.customers_without_profit,
                                programme.amount_without_profit,
                                decimals,
                            ))
                        }
                        td class="wide" { (language.decimal(programme.amount, decimals)) }
                        td class="wide" { (language.customers(programme.customers_without_profit)) }
                        td class="wide" { (language.decimal(programme.amount_to_unknown, decimals)) }
                    }
                }
            }
        }
    }
}
