//! What moved the portfolio in a year, by segment, channel and cohort.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::bar;
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;
use crate::report::small_groups::Groups;

const COLUMNS: [Column; 6] = [
    ("month", Holds::Day),
    ("category", Holds::Text),
    ("dimension", Holds::Text),
    ("dimension_value", Holds::Text),
    ("customers", Holds::Count),
    ("amount", Holds::Number),
];
/// A customer has one row a month, so the largest month is no more than the customers that a group has.
const SQL: &str = "
    with recent as (
      select dimension, dimension_value, month, category, customers, amount from mart.portfolio_splits
      where month > (select max(month) - interval '12 months' from mart.portfolio_splits)
    ),
    monthly as (
      select dimension, dimension_value, month,
        sum(customers) as customers,
        sum(case when category in ('won', 'returned') then customers else 0 end) as won,
        sum(case when category = 'lost' then customers else 0 end) as lost,
        sum(case when category in ('won', 'returned', 'grown') then customers else 0 end) as gaining,
        sum(case when category in ('lost', 'shrunk') then customers else 0 end) as losing,
        sum(case when category in ('won', 'returned', 'grown') then amount else 0 end) as gain,
        sum(case when category in ('lost', 'shrunk') then amount else 0 end) as loss
      from recent group by dimension, dimension_value, month
    )
    select dimension, dimension_value,
      cast(max(customers) as bigint) as customers,
      cast(sum(won) as bigint) as won, cast(sum(lost) as bigint) as lost,
      cast(max(gaining) as bigint) as gaining, cast(max(losing) as bigint) as losing,
      sum(gain) as gain, sum(loss) as loss
    from monthly group by dimension, dimension_value
    order by dimension, dimension_value";
/// A dimension that has many values: shown where it is asked for.
const COHORT: &str = "cohort";

/// What a group of customers did in the year.
struct Split {
    name: String,
    customers: i64,
    won: i64,
    lost: i64,
    gaining: i64,
    losing: i64,
    gain: f64,
    loss: f64,
}

pub(super) async fn part(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let Some(rows) = reader.rows("mart.portfolio_splits", &COLUMNS, SQL).await? else { return Ok(None) };
    let language = reader.language;
    let mut dimensions: BTreeMap<&str, Vec<Split>> = BTreeMap::new();
    for row in rows.numbers() {
        dimensions.entry(rows.text("dimension", row)?).or_default().push(split(&rows, row)?);
    }
    // Cohorts in their order, others by what they gained.
    let cohorts = dimensions.remove(COHORT);
    for splits in dimensions.values_mut() {
        splits.sort_by(|a, b| b.net().total_cmp(&a.net()).then(a.name.cmp(&b.name)));
    }
    let is_empty = dimensions.is_empty() && cohorts.is_none();
    // Segments first: they are what most is decided by.
    let mut dimensions: Vec<(&str, Vec<Split>)> = dimensions.into_iter().collect();
    dimensions.sort_by_key(|(dimension, _)| (*dimension != "segment", dimension.to_string()));
    Ok((!is_empty).then(|| html! {
        h3 { (language.text("Who gained, who lost, in twelve months", "Qui a gagné, qui a perdu, en douze mois")) }
        @for (dimension, splits) in dimensions { (table(language, dimension, splits)) }
        @if let Some(cohorts) = cohorts {
            details {
                summary { (language.word(COHORT)) }
                (table(language, COHORT, cohorts))
            }
        }
    }))
}

fn split(rows: &Rows, row: usize) -> Result<Split> {
    Ok(Split {
        name: rows.text("dimension_value", row)?.to_owned(),
        customers: rows.count("customers", row)?,
        won: rows.count("won", row)?,
        lost: rows.count("lost", row)?,
        gaining: rows.count("gaining", row)?,
        losing: rows.count("losing", row)?,
        gain: rows.amount("gain", row)?,
        loss: rows.amount("loss", row)?,
    })
}

impl Split {
    fn net(&self) -> f64 {
        self.gain + self.loss
    }
}

fn table(language: Language, dimension: &str, splits: Vec<Split>) -> Markup {
    let groups = Groups::of(splits, |split| split.customers);
    let most = groups.shown.iter().map(|split| split.net().abs()).fold(0.0, f64::max);
    let decimals = decimals_up_to(groups.shown.iter().map(|split| split.gain).fold(most, f64::max));
    let title = language.name(dimension);
    html! {
        (scrolled(&title, &html! {
            table {
                thead { tr {
                    th class="word" scope="col" { (title) }
                    td class="chart" {}
                    th scope="col" { (language.text("Change", "Évolution")) }
                    th class="wide" scope="col" { (language.text("Margin gained", "Marge gagnée")) }
                    th class="wide" scope="col" { (language.text("Margin lost", "Marge perdue")) }
                    th scope="col" { (language.text("Won or back", "Gagnés, revenus")) }
                    th scope="col" { (language.text("Lost", "Perdus")) }
                } }
                tbody {
                    @for split in &groups.shown {
                        tr {
                            th scope="row" { (named(language, &split.name)) }
                            td class="chart" { (bar::around_zero(split.net(), most)) }
                            td { (language.change(split.net(), decimals)) }
                            td class="wide" { (language.amount_of(split.gaining, split.gain, decimals)) }
                            td class="wide" { (language.amount_of(split.losing, split.loss, decimals)) }
                            td { (language.customers(split.won)) }
                            td { (language.customers(split.lost)) }
                        }
                    }
                }
            }
        }))
        @if let Some(note) = language.small_groups(groups.together.len()) { p class="quiet" { (note) } }
    }
}

/// What stands for a value of a dimension.
fn named(language: Language, value: &str) -> String {
    if value.is_empty() { language.word("(none)").into_owned() } else { value.to_owned() }
}
