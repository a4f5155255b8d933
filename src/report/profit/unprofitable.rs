//! How many customers cost more than they bring, what that costs, and what makes them so.

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::scrolled::scrolled;
use crate::report::small_groups::{Groups, is_small};

const PROFIT_COLUMNS: [Column; 2] = [("period", Holds::Text), ("profit", Holds::Number)];
const PROFIT_SQL: &str = "
    select
      count(*) as customers,
      count(*) filter (where profit < 0) as unprofitable,
      sum(case when profit < 0 then profit else 0 end) as cost,
      sum(profit) as profit
    from mart.customer_profit where period = 'all'";
const DRIVER_COLUMNS: [Column; 4] = [
    ("profit", Holds::Number),
    ("driver", Holds::Text),
    ("one_change_is_enough", Holds::Flag),
    ("change_gain", Holds::Number),
];
const DRIVER_SQL: &str = "
    select
      driver,
      count(*) as customers,
      sum(profit) as cost,
      count(*) filter (where one_change_is_enough) as turned,
      sum(case when one_change_is_enough then change_gain else 0 end) as gain
    from mart.unprofitable_customers
    group by driver order by cost, driver";

pub(super) async fn part(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let profits = reader.rows("mart.customer_profit", &PROFIT_COLUMNS, PROFIT_SQL).await?;
    let mut sentence = None;
    if let Some(profits) = profits.filter(|rows| !rows.is_empty()) {
        let (customers, unprofitable) = (profits.count("customers", 0)?, profits.count("unprofitable", 0)?);
        let (cost, profit) = (profits.amount("cost", 0)?, profits.amount("profit", 0)?);
        sentence = in_words(language, (customers, unprofitable), cost, profit);
    }
    let drivers = drivers(reader).await?;
    if sentence.is_none() && drivers.is_none() {
        return Ok(None);
    }
    Ok(Some(html! {
        h3 { (language.text("Customers who cost more than they bring", "Les clients qui coûtent plus qu'ils ne rapportent")) }
        @if let Some(sentence) = sentence { p { (sentence) } }
        @if let Some(drivers) = drivers { (drivers) }
    }))
}

fn in_words(
    language: Language,
    (customers, unprofitable): (i64, i64),
    cost: f64,
    profit: f64,
) -> Option<String> {
    if customers == 0 {
        return None;
    }
    let all = language.count(customers);
    if unprofitable == 0 {
        return Some(language.text(
            format!("None of the {all} customers with an entry costs more than they bring."),
            format!("Aucun des {all} clients ayant une écriture ne coûte plus qu'il ne rapporte."),
        ));
    }
    if is_small(unprofitable) {
        let few = language.customers(unprofitable);
        return Some(language.text(
            format!("Of {all} customers with an entry, {few} cost more than they bring."),
            format!("Sur {all} clients ayant une écriture, {few} coûtent plus qu'ils ne rapportent."),
        ));
    }
    let share = language.percent(unprofitable as f64 / customers as f64);
    let (count, cost_shown) = (language.count(unprofitable), language.headline(-cost));
    let (profit, others) = (language.headline(profit), language.headline(profit - cost));
    Some(language.text(
        format!(
            "{count} of {all} customers with an entry ({share}) cost more than they brought: {cost_shown} in all. The \
             others bring {others}; together they leave {profit}."
        ),
        format!(
            "{count} clients sur {all} ayant une écriture ({share}) ont coûté plus qu'ils n'ont rapporté : {cost_shown} \
             en tout. Les autres rapportent {others} ; ensemble il reste {profit}."
        ),
    ))
}

/// What one driver costs.
struct Driver {
    name: String,
    customers: i64,
    cost: f64,
    turned: i64,
    gain: f64,
}

async fn drivers(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let rows = reader.rows("mart.unprofitable_customers", &DRIVER_COLUMNS, DRIVER_SQL).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let mut drivers = Vec::new();
    for row in rows.numbers() {
        drivers.push(Driver {
            name: rows.text("driver", row)?.to_owned(),
            customers: rows.count("customers", row)?,
            cost: rows.amount("cost", row)?,
            turned: rows.count("turned", row)?,
            gain: rows.amount("gain", row)?,
        });
    }
    let groups = Groups::of(drivers, |driver| driver.customers);
    let most = groups.shown.iter().map(|driver| driver.cost.abs()).fold(0.0, f64::max);
    let decimals = decimals_up_to(most);
    let title = language.text("What makes buyers unprofitable", "Ce qui rend des acheteurs déficitaires");
    let note = language.text(
        "Of those who have bought: the driver that costs most beyond what is usual, and how many would be at zero if \
         one driver were at what is usual.",
        "Parmi ceux qui ont acheté : le poste qui dépasse le plus l'usage, et combien seraient à zéro si un seul poste \
         revenait à l'usage.",
    );
    Ok(Some(html! {
        p { (note) }
        (scrolled(title, &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { (language.text("Costs too much", "Coûte trop")) }
                    td class="chart" {}
                    th scope="col" { (language.text("Loss", "Perte")) }
                    th scope="col" { (language.text("Customers", "Clients")) }
                    th class="wide" scope="col" { (language.text("One change is enough", "Un seul changement suffit")) }
                    th class="wide" scope="col" { (language.text("It would bring", "Il rapporterait")) }
                } }
                tbody {
                    @for driver in &groups.shown {
                        tr {
                            th scope="row" { (language.name(&driver.name)) }
                            td class="chart" { (bar::of_loss(driver.cost.abs() / most)) }
                            td { (language.decimal(driver.cost, decimals)) }
                            td { (language.count(driver.customers)) }
                            td class="wide" { (language.customers(driver.turned)) }
                            td class="wide" { (language.amount_of(driver.turned, driver.gain, decimals)) }
                        }
                    }
                }
            }
        }))
        @if let Some(note) = language.small_groups(groups.together.len()) { p class="quiet" { (note) } }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_unprofitable_cost_is_told_unless_they_are_few() {
        let said = |unprofitable| in_words(Language::English, (200, unprofitable), -150.0, 850.0).unwrap();
        assert_eq!(
            said(20),
            "20 of 200 customers with an entry (10.0%) cost more than they brought: 150.00 in all. The others bring \
             1,000; together they leave 850.00."
        );
        assert!(said(3).ends_with("<\u{202f}5 cost more than they bring.") && !said(3).contains("150"));
        assert!(said(0).starts_with("None of the 200"));
        assert_eq!(in_words(Language::English, (0, 0), 0.0, 0.0), None);
    }
}
