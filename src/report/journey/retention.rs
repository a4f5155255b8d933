//! Whether customers stay: of those who came so long ago, how many still buy, by channel.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::chart::axis::Axis;
use crate::report::chart::lines::{self, CLASSES, Chart, Line};
use crate::report::language::Language;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::scrolled::scrolled;
use crate::report::small_groups::LEAST_CUSTOMERS;

const COLUMNS: [Column; 4] = [
    ("acquisition_channel", Holds::Text),
    ("months_since", Holds::Count),
    ("customers", Holds::Count),
    ("active_customers", Holds::Count),
];
/// A line is drawn as far as so many came so long ago: of fewer its course is chance.
const LEAST_DRAWN: i64 = 30;
/// Stands for every channel.
const ALL: &str = "all";
/// Of all months of arrival that are so long ago, weighted by their customers.
const SQL: &str = "
    select acquisition_channel, months_since,
      cast(sum(customers) as bigint) as customers, cast(sum(active_customers) as bigint) as active
    from mart.cohort_retention
    where months_since is not null
    group by acquisition_channel, months_since
    order by acquisition_channel, months_since";

/// How many of those who came by a channel were there, and how many bought, by months since they came.
#[derive(Debug, Default)]
struct Channel {
    name: String,
    months: BTreeMap<i64, (i64, i64)>,
}

impl Channel {
    /// Returns the share that still buys; none where too few came so long ago.
    fn retention(&self, month: i64) -> Option<f64> {
        let (customers, active) = self.months.get(&month)?;
        (*customers >= LEAST_CUSTOMERS).then(|| *active as f64 / *customers as f64)
    }

    fn customers(&self) -> i64 {
        self.months.values().map(|(customers, _)| *customers).max().unwrap_or(0)
    }
}

pub(super) async fn part(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let language = reader.language;
    let Some(rows) = reader.rows("mart.cohort_retention", &COLUMNS, SQL).await? else { return Ok(None) };
    let mut channels: BTreeMap<&str, Channel> = BTreeMap::new();
    for row in rows.numbers() {
        let name = rows.text("acquisition_channel", row)?;
        let channel = channels.entry(name).or_default();
        channel.name = name.to_owned();
        let counts = (rows.count("customers", row)?, rows.count("active", row)?);
        channel.months.insert(rows.count("months_since", row)?, counts);
    }
    let mut channels: Vec<Channel> =
        channels.into_values().filter(|channel| channel.customers() >= LEAST_CUSTOMERS).collect();
    if channels.is_empty() {
        return Ok(None);
    }
    channels.sort_by(|a, b| b.customers().cmp(&a.customers()).then(a.name.cmp(&b.name)));
    let title = language.text("Do they stay?", "Restent-ils ?");
    Ok(Some(html! {
        h3 { (title) }
        p {
            (language.text(
                "Of those who came so many months ago, the share that bought in that month, by the channel by which they \
                 came.",
                "Parmi ceux qui sont arrivés il y a tant de mois, la part qui a acheté ce mois-là, selon le canal par \
                 lequel ils sont venus.",
            ))
        }
        @if let Some(drawn) = drawn(language, title, &channels) { (drawn) }
        details {
            summary { (language.text("The figures", "Les chiffres")) }
            (scrolled(title, &table(language, &channels)))
        }
    }))
}

fn named(language: Language, channel: &str) -> String {
    if channel == ALL {
        language.text("all channels", "tous canaux").to_owned()
    } else {
        language.name(channel)
    }
}

fn drawn(language: Language, title: &str, channels: &[Channel]) -> Option<Markup> {
    let lines: Vec<Line> = channels
        .iter()
        .zip(CLASSES)
        .map(|(channel, class)| Line {
            name: named(language, &channel.name),
            class,
            points: channel
                .months
                .keys()
                // In the month in which they came everybody bought.
                .filter(|month| **month > 0 && channel.months[*month].0 >= LEAST_DRAWN)
                .filter_map(|month| Some((*month as f64, channel.retention(*month)?)))
                .collect(),
        })
        .collect();
    let ticks = Axis::around_zero(lines.iter().flat_map(|line| line.points.iter().map(|(_, y)| *y))).ticks();
    lines::chart(&Chart {
        id: "retention",
        title,
        description: language.text(
            "The share of customers who still buy, by months since they came. The figures are in the table below.",
            "La part des clients qui achètent encore, selon les mois depuis leur arrivée. Les chiffres sont dans le \
             tableau ci-dessous.",
        ),
        x_label: language.text("months since they came", "mois depuis leur arrivée"),
        mark: None,
        y_ticks: &ticks,
        x_steps: &lines::MONTHS,
        show_x: &|month| language.decimal(month, 0),
        show_y: &|share| language.percent_tick(share, 0),
        lines: &lines,
    })
}

fn table(language: Language, channels: &[Channel]) -> Markup {
    let last = channels.iter().filter_map(|channel| channel.months.keys().max()).max().copied().unwrap_or(0);
    let months: Vec<i64> = (0..=last)
        .filter(|month| channels.iter().any(|channel| channel.retention(*month).is_some()))
        .collect();
    html! {
        table class="figures" {
            thead { tr {
                th class="word" scope="col" { (language.text("Months since", "Mois écoulés")) }
                @for channel in channels {
                    th scope="col" {
                        (named(language, &channel.name)) br; span class="quiet" { (language.count(channel.customers())) }
                    }
                }
            } }
            tbody {
                @for month in months {
                    tr {
                        th scope="row" { (month) }
                        @for channel in channels {
                            td { (channel.retention(month).map(|share| language.percent(share)).unwrap_or_default()) }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_few_customers_no_share_is_told() {
        let channel =
            Channel { name: "web".to_owned(), months: [(0, (40, 40)), (1, (40, 10)), (2, (3, 3))].into() };
        assert_eq!([0, 1, 2, 3].map(|month| channel.retention(month)), [Some(1.0), Some(0.25), None, None]);
        let shown = table(Language::English, std::slice::from_ref(&channel)).into_string();
        assert!(shown.contains("25.0%") && !shown.contains("<th scope=\"row\">2</th>"), "{shown}");
        let longer = Channel { months: [(1, (40, 10)), (2, (40, 8))].into(), ..channel };
        assert!(drawn(Language::French, "Restent-ils ?", &[longer]).is_some());
    }
}
