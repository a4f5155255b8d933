//! What customers will bring: in all, and by tenths of the customers.

use maud::{Markup, html};

use super::fitted::FittedValue;
use crate::error::Result;
use crate::report::chart::waterfall::Waterfall;
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::scrolled::scrolled;
use crate::report::small_groups::{Groups, is_small};
use crate::report::tiles::tiles;

/// Of whom a table of values has a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Customers,
    Contracts,
}

impl Of {
    async fn table(reader: &Reader<'_>, table: &str) -> Result<Of> {
        let is_of_contracts = reader.has_column(table, "expected_renewals").await?;
        Ok(if is_of_contracts { Of::Contracts } else { Of::Customers })
    }

    /// Returns the columns that are read: the value, what is expected to come, the chance that it goes on.
    fn columns(self) -> [Column; 3] {
        match self {
            Of::Customers => [
                ("value", Holds::Number),
                ("expected_purchases", Holds::Number),
                ("probability_alive", Holds::Number),
            ],
            Of::Contracts => [
                ("value", Holds::Number),
                ("expected_renewals", Holds::Number),
                ("probability_active", Holds::Number),
            ],
        }
    }

    fn names<'t>(self, of_customers: &'t str, of_contracts: &'t str) -> &'t str {
        match self {
            Of::Customers => of_customers,
            Of::Contracts => of_contracts,
        }
    }
}

/// A tenth of the customers.
struct Tenth {
    number: i64,
    customers: i64,
    value: f64,
    purchases: f64,
    /// Of those who have bought: how many are likely to be customers still.
    alive: f64,
    bought: i64,
}

/// Returns what all customers together will bring; `None` where nobody has a value.
///
/// # Errors
/// The table cannot be read.
pub(super) async fn total(reader: &mut Reader<'_>, model: &FittedValue) -> Result<Option<f64>> {
    let table = model.table("value");
    // Sums of decimals are the same in any order.
    let sql = format!(
        "select count(value) as customers, cast(sum(cast(value as decimal(38, 6))) as double) as value from {table}"
    );
    let of = Of::table(reader, &table).await?;
    let rows = reader.rows(&table, &of.columns(), &sql).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    if is_small(rows.count("customers", 0)?) { Ok(None) } else { rows.float("value", 0) }
}

pub(super) async fn part(reader: &mut Reader<'_>, model: &FittedValue) -> Result<Option<Markup>> {
    let language = reader.language;
    let table = model.table("value");
    let of = Of::table(reader, &table).await?;
    let [_, (events, _), (chance, _)] = of.columns();
    // Rows that are alike in all three add the same to whichever tenth they are in.
    let sql = format!(
        "with ranked as (
           select value, {events} as events, {chance} as chance,
             ntile(10) over (order by value desc, {events} desc, {chance} desc) as tenth
           from {table} where value is not null
         )
         select tenth, count(*) as customers,
           cast(sum(cast(value as decimal(38, 6))) as double) as value,
           cast(sum(cast(events as decimal(38, 6))) as double) as purchases,
           cast(sum(cast(chance as decimal(38, 6))) as double) as alive,
           count(chance) as bought
         from ranked group by tenth order by tenth"
    );
    let rows = reader.rows(&table, &of.columns(), &sql).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let mut tenths = Vec::new();
    for row in rows.numbers() {
        tenths.push(Tenth {
            number: rows.count("tenth", row)?,
            customers: rows.count("customers", row)?,
            value: rows.amount("value", row)?,
            purchases: rows.amount("purchases", row)?,
            alive: rows.amount("alive", row)?,
            bought: rows.count("bought", row)?,
        });
    }
    let customers: i64 = tenths.iter().map(|tenth| tenth.customers).sum();
    if is_small(customers) {
        return Ok(None);
    }
    let worth: f64 = tenths.iter().map(|tenth| tenth.value).sum();
    let mut figures = vec![
        (language.text("value to come", "valeur à venir"), language.headline(worth)),
        (
            of.names(
                language.text("customers with a value", "clients ayant une valeur"),
                language.text("contracts with a value", "contrats ayant une valeur"),
            ),
            language.count(customers),
        ),
        (
            of.names(
                language.text("value of one, on average", "valeur moyenne d'un client"),
                language.text("value of one, on average", "valeur moyenne d'un contrat"),
            ),
            language.decimal(worth / customers as f64, 2),
        ),
    ];
    let best = tenths.first().filter(|tenth| worth > 0.0 && !is_small(tenth.customers));
    if let Some(best) = best {
        figures.push((
            language.text("of it from the best tenth", "dus au meilleur dixième"),
            language.percent(best.value / worth),
        ));
    }
    Ok(Some(html! {
        p class="quiet" { (horizon(language, model)) }
        (tiles(&figures))
        (by_tenth(language, of, tenths))
    }))
}

fn horizon(language: Language, model: &FittedValue) -> String {
    let Some(days) = model.horizon_days else { return String::new() };
    let days = language.count(days);
    language.text(
        format!("What customers will bring within {days} days, less what serving them will cost."),
        format!("Ce que les clients rapporteront en {days} jours, moins ce que coûtera leur service."),
    )
}

fn by_tenth(language: Language, of: Of, tenths: Vec<Tenth>) -> Markup {
    let groups = Groups::of(tenths, |tenth| tenth.customers);
    let scale = Waterfall::over(groups.shown.iter().map(|tenth| tenth.value));
    let decimals = decimals_up_to(groups.shown.iter().map(|tenth| tenth.value.abs()).fold(0.0, f64::max));
    let title = of.names(
        language.text("Value by tenth of the customers", "Valeur par dixième des clients"),
        language.text("Value by tenth of the contracts", "Valeur par dixième des contrats"),
    );
    html! {
        @if !groups.shown.is_empty() {
            h3 { (title) }
            (scrolled(title, &html! {
                table {
                    thead { tr {
                        th class="word" scope="col" { (language.text("Tenth", "Dixième")) }
                        td class="chart" {}
                        th scope="col" { (language.text("Value", "Valeur")) }
                        th scope="col" { (of.names(language.text("Of one", "D'un client"), language.text("Of one", "D'un contrat"))) }
                        th class="wide" scope="col" { (of.names(language.text("Purchases of one", "Achats d'un client"), language.text("Renewals of one", "Reconductions d'un contrat"))) }
                        th scope="col" { (of.names(language.text("Still customers", "Encore clients"), language.text("Still running", "Encore en cours"))) }
                    } }
                    tbody {
                        @for tenth in &groups.shown {
                            @let customers = tenth.customers as f64;
                            tr {
                                th scope="row" { (ordinal(language, tenth.number)) }
                                td class="chart" { (scale.step(0.0, tenth.value)) }
                                td { (language.decimal(tenth.value, decimals)) }
                                td { (language.decimal(tenth.value / customers, 2)) }
                                td class="wide" { (language.decimal(tenth.purchases / customers, 2)) }
                                td {
                                    @if is_small(tenth.bought) || tenth.bought == 0 { "–" }
                                    @else { (language.percent(tenth.alive / tenth.bought as f64)) }
                                }
                            }
                        }
                    }
                }
            }))
        }
        @if let Some(note) = language.small_groups(groups.together.len()) { p class="quiet" { (note) } }
    }
}

/// Names a tenth: 1 is the best.
pub(super) fn ordinal(language: Language, number: i64) -> String {
    match number {
        1 => language.text("1, the best", "1, le meilleur").to_owned(),
        number => number.to_string(),
    }
}
