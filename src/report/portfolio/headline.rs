//! What the portfolio is worth now, against a year ago.

use maud::{Markup, html};

use super::month::{Month, last_year};
use crate::error::Result;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::tiles::tiles;
use crate::report::value;

const COLUMNS: [Column; 3] =
    [("month", Holds::Day), ("customers_after", Holds::Count), ("value_after", Holds::Number)];
const SQL: &str = "
    select month, customers_after, value_after from mart.portfolio where month is not null
    order by month desc limit 13";

pub(super) async fn part(reader: &mut Reader<'_>, months: &[Month]) -> Result<Markup> {
    let language = reader.language;
    let mut figures: Vec<(String, String)> = Vec::new();
    let mut month = months.last().map(|last| last.month);
    if let Some(rows) = reader.rows("mart.portfolio", &COLUMNS, SQL).await?.filter(|rows| !rows.is_empty()) {
        month = rows.day("month", 0)?.or(month);
        let now = rows.amount("value_after", 0)?;
        figures.push((
            language.text("margin of the last twelve months", "marge des douze derniers mois").to_owned(),
            language.headline(now),
        ));
        let before = if rows.len() > 12 { rows.float("value_after", 12)? } else { None };
        if let Some(before) = before.filter(|before| *before > 0.0) {
            let change = now / before - 1.0;
            let sign = if change > 0.0 { "+" } else { "" };
            figures.push((
                language.text("against a year before", "par rapport à un an plus tôt").to_owned(),
                format!("{sign}{}", language.percent(change)),
            ));
        }
        figures.push((
            language.text("customers in them", "clients sur cette période").to_owned(),
            language.customers(rows.count("customers_after", 0)?),
        ));
    } else {
        let net = |month: &Month| month.gain().amount + month.loss().amount;
        figures.push((
            language.text("change in twelve months", "évolution en douze mois").to_owned(),
            language.headline(last_year(months).iter().map(net).sum()),
        ));
    }
    let equity = value::equity(reader).await?;
    let are_several = equity.len() > 1;
    for (model, worth) in equity {
        let name = language.text("value to come", "valeur à venir");
        let name = if are_several { format!("{name} ({model})") } else { name.to_owned() };
        figures.push((name, language.headline(worth)));
    }
    let until = month.map(|month| language.month(month)).unwrap_or_default();
    Ok(html! {
        p class="quiet" {
            (language.text("Until the end of ", "Jusqu'à la fin de ")) (until)
            (language.text(
                ". A customer is worth the margin of the last twelve months, returns taken off.",
                ". Un client vaut la marge de ses douze derniers mois, retours déduits.",
            ))
        }
        (tiles(&figures))
    })
}
