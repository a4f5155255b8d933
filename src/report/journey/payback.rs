//! What winning customers costs by channel, and in which month they had brought it.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::scrolled::scrolled;
use crate::report::small_groups::{Groups, is_small};

const COLUMNS: [Column; 7] = [
    ("acquisition_channel", Holds::Text),
    ("cohort", Holds::Day),
    ("is_targeted", Holds::Flag),
    ("customers", Holds::Count),
    ("cost", Holds::Number),
    ("brought", Holds::Number),
    ("payback_month", Holds::Count),
];
const SQL: &str = "
    select acquisition_channel, cohort, is_targeted, customers, cost, brought, payback_month,
      payback_month is not null as is_paid_back
    from mart.acquisition_payback where cohort is not null
    order by acquisition_channel, cohort";

/// Who came by a channel in a month.
#[derive(Debug, Clone)]
struct Cohort {
    month: NaiveDate,
    customers: i64,
    cost: f64,
    brought: f64,
    /// After so many months they had brought what they cost.
    payback: Option<i64>,
}

/// Who came by a channel.
#[derive(Debug, Clone)]
struct Channel {
    name: String,
    is_targeted: Option<bool>,
    cohorts: Vec<Cohort>,
}

pub(super) async fn part(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let rows = reader.rows("mart.acquisition_payback", &COLUMNS, SQL).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let mut channels: BTreeMap<&str, Channel> = BTreeMap::new();
    for row in rows.numbers() {
        let Some(month) = rows.day("cohort", row)? else { continue };
        let name = rows.text("acquisition_channel", row)?;
        let channel = channels.entry(name).or_insert(Channel {
            name: name.to_owned(),
            is_targeted: None,
            cohorts: Vec::new(),
        });
        channel.is_targeted = channel.is_targeted.or(rows.flag("is_targeted", row)?);
        let is_paid_back = rows.flag("is_paid_back", row)? == Some(true);
        channel.cohorts.push(Cohort {
            month,
            customers: rows.count("customers", row)?,
            cost: rows.amount("cost", row)?,
            brought: rows.amount("brought", row)?,
            payback: if is_paid_back { Some(rows.count("payback_month", row)?) } else { None },
        });
    }
    let mut groups = Groups::of(channels.into_values().collect(), Channel::customers);
    groups.shown.sort_by(|a, b| b.customers().cmp(&a.customers()).then(a.name.cmp(&b.name)));
    let title = language.text("What winning a customer costs", "Ce que coûte un nouveau client");
    let by_month = language.text("Payback by month of arrival", "Amortissement par mois d'arrivée");
    Ok(Some(html! {
        h3 { (title) }
        p {
            (language.text(
                "By the channel by which they came. Payback is the month, 0 for the one in which they came, by whose end \
                 a month's customers had brought what winning them cost: the middle one of the months that are paid \
                 back, and how many are.",
                "Selon le canal par lequel ils sont venus. L'amortissement est le mois, 0 pour celui de l'arrivée, à la \
                 fin duquel les clients d'un mois avaient rapporté ce qu'ils avaient coûté : le mois médian parmi ceux \
                 qui sont amortis, et combien le sont.",
            ))
        }
        (scrolled(title, &table(language, &groups.shown)))
        @if let Some(note) = language.small_groups(groups.together.len()) { p class="quiet" { (note) } }
        @if !groups.shown.is_empty() {
            details {
                summary { (by_month) }
                (scrolled(by_month, &months(language, &groups.shown)))
            }
        }
    }))
}

impl Channel {
    fn customers(&self) -> i64 {
        self.cohorts.iter().map(|cohort| cohort.customers).sum()
    }

    fn cost(&self) -> f64 {
        self.cohorts.iter().map(|cohort| cohort.cost).sum()
    }

    fn brought(&self) -> f64 {
        self.cohorts.iter().map(|cohort| cohort.brought).sum()
    }

    fn cost_of_one(&self) -> f64 {
        let customers = self.customers();
        if customers > 0 { self.cost() / customers as f64 } else { 0.0 }
    }

    /// Returns the middle payback month of the cohorts that are paid back, the lower of two.
    fn payback(&self) -> Option<i64> {
        let mut months: Vec<i64> = self.cohorts.iter().filter_map(|cohort| cohort.payback).collect();
        months.sort_unstable();
        months.get(months.len().saturating_sub(1) / 2).copied()
    }

    fn paid_back(&self) -> usize {
        self.cohorts.iter().filter(|cohort| cohort.payback.is_some()).count()
    }

    fn kind(&self, language: Language) -> &'static str {
        match self.is_targeted {
            Some(true) => language.text("to chosen households", "à des foyers choisis"),
            Some(false) => language.text("to every letter box", "à toutes les boîtes"),
            None => "",
        }
    }
}

fn table(language: Language, channels: &[Channel]) -> Markup {
    let most = channels.iter().map(Channel::cost_of_one).fold(0.0, f64::max);
    let decimals = decimals_up_to(channels.iter().map(Channel::brought).fold(0.0, f64::max));
    html! {
        table {
            thead { tr {
                th class="word" scope="col" { (language.text("Channel", "Canal")) }
                td class="chart" {}
                th scope="col" { (language.text("Cost of one", "Coût d'un client")) }
                th scope="col" { (language.text("Customers", "Clients")) }
                th class="wide" scope="col" { (language.text("Cost", "Coût")) }
                th class="wide" scope="col" { (language.text("Brought", "Rapporté")) }
                th class="wide" scope="col" { (language.text("For each 1 spent", "Pour 1 dépensé")) }
                th scope="col" { (language.text("Payback month", "Amorti au mois")) }
                th class="wide" scope="col" { (language.text("Paid back", "Amortis")) }
            } }
            tbody {
                @for channel in channels {
                    tr {
                        th scope="row" {
                            (language.name(&channel.name))
                            @if !channel.kind(language).is_empty() {
                                br; span class="quiet" { (channel.kind(language)) }
                            }
                        }
                        td class="chart" { (bar::of_share(channel.cost_of_one() / most)) }
                        td { (language.decimal(channel.cost_of_one(), 2)) }
                        td { (language.count(channel.customers())) }
                        td class="wide" { (language.decimal(channel.cost(), decimals)) }
                        td class="wide" { (language.decimal(channel.brought(), decimals)) }
                        td class="wide" { (language.decimal(channel.brought() / channel.cost(), 1)) }
                        td { (channel.payback().map_or_else(|| "–".to_owned(), |month| language.count(month))) }
                        td class="wide" {
                            (channel.paid_back()) (language.text(" of ", " sur ")) (channel.cohorts.len())
                        }
                    }
                }
            }
        }
    }
}

/// The payback month of each month's customers.
fn months(language: Language, channels: &[Channel]) -> Markup {
    let mut all: Vec<NaiveDate> =
        channels.iter().flat_map(|channel| channel.cohorts.iter().map(|cohort| cohort.month)).collect();
    all.sort_unstable();
    all.dedup();
    let cell = |channel: &Channel, month: NaiveDate| {
        let cohort = channel.cohorts.iter().find(|cohort| cohort.month == month);
        match cohort {
            None => String::new(),
            Some(cohort) if is_small(cohort.customers) => language.customers(cohort.customers),
            Some(Cohort { payback: Some(month), .. }) => language.count(*month),
            Some(_) => "–".to_owned(),
        }
    };
    html! {
        table class="figures" {
            thead { tr {
                th class="word" scope="col" { (language.text("Came in", "Arrivés en")) }
                @for channel in channels { th scope="col" { (language.name(&channel.name)) } }
            } }
            tbody {
                @for month in all {
                    tr {
                        th scope="row" { (language.month(month)) }
                        @for channel in channels { td { (cell(channel, month)) } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(paybacks: &[Option<i64>], customers: i64) -> Channel {
        let cohort = |(n, payback): (usize, &Option<i64>)| Cohort {
            month: NaiveDate::from_ymd_opt(2026, n as u32 + 1, 1).unwrap(),
            customers,
            cost: 50.0,
            brought: 120.0,
            payback: *payback,
        };
        let cohorts = paybacks.iter().enumerate().map(cohort).collect();
        Channel { name: "letters".to_owned(), is_targeted: Some(true), cohorts }
    }

    #[test]
    fn the_middle_month_is_that_of_the_months_that_are_paid_back() {
        let of = channel(&[Some(9), None, Some(2), Some(3), None], 10);
        assert_eq!((of.payback(), of.paid_back(), of.cost_of_one()), (Some(3), 3, 5.0));
        assert_eq!(channel(&[Some(2), Some(8)], 10).payback(), Some(2));
        assert_eq!(channel(&[None], 10).payback(), None);
    }

    #[test]
    fn a_month_of_a_few_customers_says_only_that_they_are_few() {
        let shown = months(Language::English, &[channel(&[Some(7)], 3)]).into_string();
        assert!(shown.contains("<td>&lt;\u{202f}5</td>"), "{shown}");
        let costless = Channel { cohorts: Vec::new(), ..channel(&[], 0) };
        assert!(!table(Language::French, &[costless]).into_string().contains("NaN"));
    }
}
