//! The bridge from sales to profit, as a waterfall: account by account, and what is left after each activity.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::waterfall::Waterfall;
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::rows::Rows;
use crate::report::scrolled::scrolled;

const COLUMNS: [Column; 8] = [
    ("period", Holds::Text),
    ("position", Holds::Count),
    ("account", Holds::Text),
    ("activity", Holds::Text),
    ("amount", Holds::Number),
    ("of_customers", Holds::Number),
    ("of_organisations", Holds::Number),
    ("unallocated", Holds::Number),
];
const SQL: &str = "
    select period, position, account, activity, amount, of_customers, of_organisations, unallocated
    from mart.profit_bridge order by period, position, account";
/// The period that has everything.
const ALL: &str = "all";
/// Years beside it.
const MOST_YEARS: usize = 3;

/// An account of the bridge.
#[derive(Debug, Clone)]
struct Entry {
    account: String,
    activity: String,
    amount: f64,
}

/// Entries in the order from sales to profit.
#[derive(Debug, Default)]
struct Bridge(Vec<Entry>);

pub(super) async fn part(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let Some(rows) = reader.rows("mart.profit_bridge", &COLUMNS, SQL).await? else { return Ok(None) };
    let language = reader.language;
    let mut periods: BTreeMap<&str, Bridge> = BTreeMap::new();
    for row in rows.numbers() {
        periods.entry(rows.text("period", row)?).or_default().0.push(Entry {
            account: rows.text("account", row)?.to_owned(),
            activity: rows.text("activity", row)?.to_owned(),
            amount: rows.amount("amount", row)?,
        });
    }
    // Without a period of everything, the last one.
    let Some((period, bridge)) = periods.remove_entry(ALL).or_else(|| periods.pop_last()) else {
        return Ok(None);
    };
    let years: Vec<(&str, Bridge)> = periods.into_iter().rev().take(MOST_YEARS).rev().collect();
    let title = language.text("Where the money goes", "Où va l'argent");
    let whose = whose(&rows, period, language)?;
    Ok(Some(html! {
        h3 { (title) }
        p { (whose) }
        (scrolled(title, &bridge.table(language, period, &years)))
    }))
}

/// Whose the profit is, in a sentence.
fn whose(rows: &Rows, period: &str, language: Language) -> Result<String> {
    let mut sums = [0.0; 4];
    for row in rows.numbers() {
        if rows.text("period", row)? == period {
            for (sum, column) in
                sums.iter_mut().zip(["amount", "of_customers", "of_organisations", "unallocated"])
            {
                *sum += rows.amount(column, row)?;
            }
        }
    }
    let [profit, customers, organisations, nobody] = sums.map(|sum| language.headline(sum));
    Ok(language.text(
        format!(
            "The profit is {profit}: {customers} from known customers, {organisations} from key accounts, and {nobody} \
             that belongs to nobody who is known."
        ),
        format!(
            "Le bénéfice est de {profit} : {customers} des clients connus, {organisations} des grands comptes, et \
             {nobody} qui n'est à personne de connu."
        ),
    ))
}

/// A row of the waterfall.
#[derive(Debug, PartialEq)]
enum Row<'b> {
    Account {
        account: &'b str,
        from: f64,
        to: f64,
    },
    /// What is left after all accounts of an activity.
    Left {
        after: &'b str,
        at: f64,
        /// Of all activities: the profit.
        is_last: bool,
    },
}

impl Bridge {
    /// Returns the rows, a sum after each activity.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        let mut level = 0.0;
        for (n, entry) in self.0.iter().enumerate() {
            let from = level;
            level += entry.amount;
            rows.push(Row::Account { account: &entry.account, from, to: level });
            let next = self.0.get(n + 1);
            if next.is_none_or(|next| next.activity != entry.activity) {
                rows.push(Row::Left { after: &entry.activity, at: level, is_last: next.is_none() });
            }
        }
        rows
    }

    /// Returns what is left after the first activity: the sales that remain.
    fn net_sales(&self) -> f64 {
        self.rows()
            .iter()
            .find_map(|row| if let Row::Left { at, .. } = row { Some(*at) } else { None })
            .unwrap_or(0.0)
    }

    fn of(&self, row: &Row) -> Option<f64> {
        self.rows().iter().find_map(|other| match (row, other) {
            (Row::Account { account, .. }, Row::Account { account: same, from, to }) if account == same => {
                Some(to - from)
            }
            (Row::Left { after, is_last, .. }, Row::Left { after: same, at, .. })
                if after == same || *is_last =>
            {
                // The profit is the last sum, whatever comes before it.
                if *is_last { self.rows().last().map(level) } else { Some(*at) }
            }
            _ => None,
        })
    }

    fn table(&self, language: Language, period: &str, years: &[(&str, Bridge)]) -> Markup {
        let rows = self.rows();
        let scale = Waterfall::over(rows.iter().map(level));
        let decimals = decimals_up_to(rows.iter().map(|row| level(row).abs()).fold(0.0, f64::max));
        let net_sales = self.net_sales();
        let share = |amount: f64| {
            let share = amount / net_sales;
            if share.is_finite() { language.percent_tick(share, 1) } else { "–".to_owned() }
        };
        let period = if period == ALL { language.text("All years", "Toutes années") } else { period };
        html! {
            table class="waterfall" {
                thead { tr {
                    th class="word" scope="col" { (language.text("Account", "Compte")) }
                    td class="chart" {}
                    th scope="col" { (period) }
                    th class="wide" scope="col" { (language.text("Of net sales", "Du CA net")) }
                    @for (year, _) in years { th class="wide" scope="col" { (year) } }
                } }
                tbody {
                    @for row in &rows {
                        @match row {
                            Row::Account { account, from, to } => tr {
                                th scope="row" { (language.name(account)) }
                                td class="chart" { (scale.step(*from, *to)) }
                                td { (language.decimal(to - from, decimals)) }
                                td class="wide quiet" { (share(to - from)) }
                                @for (_, year) in years { td class="wide" { (cell(language, year.of(row), decimals)) } }
                            },
                            Row::Left { after, at, is_last } => tr class="sum" {
                                th scope="row" { (left_after(language, after, *is_last)) }
                                td class="chart" { (scale.level(*at)) }
                                td { (language.decimal(*at, decimals)) }
                                td class="wide quiet" { (share(*at)) }
                                @for (_, year) in years { td class="wide" { (cell(language, year.of(row), decimals)) } }
                            },
                        }
                    }
                }
            }
        }
    }
}

fn level(row: &Row) -> f64 {
    match row {
        Row::Account { to, .. } => *to,
        Row::Left { at, .. } => *at,
    }
}

fn cell(language: Language, amount: Option<f64>, decimals: usize) -> String {
    amount.map_or_else(|| "–".to_owned(), |amount| language.decimal(amount, decimals))
}

/// Names what is left after an activity.
fn left_after(language: Language, activity: &str, is_last: bool) -> String {
    match activity {
        _ if is_last => language.text("Profit", "Bénéfice").to_owned(),
        "revenue" => language.text("Net sales", "Chiffre d'affaires net").to_owned(),
        "goods" => language.text("Gross margin", "Marge brute").to_owned(),
        other => {
            let activity = language.name(other).to_lowercase();
            language.text(format!("Left after {activity}"), format!("Reste après {activity}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bridge(entries: &[(&str, &str, f64)]) -> Bridge {
        let entry = |(account, activity, amount): &(&str, &str, f64)| Entry {
            account: (*account).to_owned(),
            activity: (*activity).to_owned(),
            amount: *amount,
        };
        Bridge(entries.iter().map(entry).collect())
    }

    #[test]
    fn a_sum_stands_after_each_activity_and_the_last_is_the_profit() {
        let bridge = bridge(&[
            ("sales", "revenue", 100.0),
            ("discounts", "revenue", -20.0),
            ("product_cost", "goods", -50.0),
            ("delivery", "service", -40.0),
        ]);
        let sums: Vec<(f64, bool)> = bridge
            .rows()
            .iter()
            .filter_map(
                |row| if let Row::Left { at, is_last, .. } = row { Some((*at, *is_last)) } else { None },
            )
            .collect();
        assert_eq!(sums, [(80.0, false), (30.0, false), (-10.0, true)]);
        assert_eq!(bridge.net_sales(), 80.0);
        let shown = bridge.table(Language::French, ALL, &[]).into_string();
        for expected in [
            "Ventes au prix catalogue",
            "Chiffre d'affaires net",
            "Marge brute",
            "Bénéfice",
            "−12,5\u{202f}%",
        ] {
            assert!(
                shown.contains(&expected.replace('\'', "&#39;")) || shown.contains(expected),
                "{expected}: {shown}"
            );
        }
    }

    #[test]
    fn another_year_may_lack_an_account() {
        let whole = bridge(&[("sales", "revenue", 100.0), ("delivery", "service", -40.0)]);
        let year = bridge(&[("sales", "revenue", 30.0)]);
        let of: Vec<Option<f64>> = whole.rows().iter().map(|row| year.of(row)).collect();
        assert_eq!(of, [Some(30.0), Some(30.0), None, Some(30.0)]);
    }

    #[test]
    fn without_sales_there_is_no_share() {
        let shown = bridge(&[("sales", "revenue", 0.0)]).table(Language::English, ALL, &[]).into_string();
        assert!(!shown.contains("NaN"), "{shown}");
    }
}
