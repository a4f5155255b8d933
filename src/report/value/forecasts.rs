//! What was promised night after night, and judged once its horizon was over.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::fitted::FittedValue;
use super::track_record::{off_by, shown};
use crate::clock::Instant;
use crate::error::Result;
use crate::report::chart::interval::{Promise, Promises};
use crate::report::language::Language;
use crate::report::number::decimals_up_to;
use crate::report::reader::{Column, Holds, Reader};
use crate::report::scrolled::scrolled;
use crate::report::small_groups::LEAST_CUSTOMERS;
use crate::sql_text::quoted;

const PROMISED: [Column; 8] = [
    ("forecast", Holds::Text),
    ("made_as_of", Holds::Instant),
    ("vintage", Holds::Text),
    ("horizon_end", Holds::Instant),
    ("customers", Holds::Count),
    ("expected_margin", Holds::Number),
    ("margin_low", Holds::Number),
    ("margin_high", Holds::Number),
];
const JUDGED: [Column; 5] = [
    ("forecast", Holds::Text),
    ("made_as_of", Holds::Instant),
    ("vintage", Holds::Text),
    ("actual_margin", Holds::Number),
    ("is_in_band", Holds::Flag),
];
/// Promises of so many nights are shown.
const MOST: usize = 13;

/// What was promised of everybody in a night.
struct Forecast {
    made: Instant,
    until: Instant,
    promise: Promise,
    /// Months of first purchase that chance does not explain.
    flagged: Vec<String>,
}

pub(super) async fn part(reader: &mut Reader<'_>, model: &FittedValue) -> Result<Option<Markup>> {
    let forecast = quoted(&format!("{}_value", model.name));
    let sql = format!(
        "select made_as_of, horizon_end, expected_margin, margin_low, margin_high from core.forecasts
         where forecast = {forecast} and vintage = 'all' and customers >= {LEAST_CUSTOMERS} and made_as_of is not null
         order by made_as_of desc limit {MOST}"
    );
    let rows = reader.rows("core.forecasts", &PROMISED, &sql).await?;
    let Some(rows) = rows.filter(|rows| !rows.is_empty()) else { return Ok(None) };
    let came = came(reader, &forecast).await?;
    let mut forecasts = Vec::new();
    for row in rows.numbers() {
        let (Some(made), Some(until)) = (rows.instant("made_as_of", row)?, rows.instant("horizon_end", row)?)
        else {
            continue;
        };
        let (actual, flagged) = came.get(&made).cloned().unwrap_or_default();
        let promise = Promise {
            low: rows.amount("margin_low", row)?,
            high: rows.amount("margin_high", row)?,
            expected: rows.amount("expected_margin", row)?,
            came: actual,
        };
        forecasts.push(Forecast { made, until, promise, flagged });
    }
    let language = reader.language;
    let title = language.text("Promises kept from night to night", "Promesses gardées de nuit en nuit");
    Ok(Some(html! {
        h3 { (title) }
        p { (in_words(reader, &forecasts)) }
        (scrolled(title, &table(reader, &forecasts)))
        @for forecast in forecasts.iter().filter(|forecast| !forecast.flagged.is_empty()) {
            p { (flagged(language, &language.day_of(forecast.made, reader.zone), &forecast.flagged)) }
        }
    }))
}

/// What came of each night's promise, and which months of first purchase lie outside their band.
type Came = BTreeMap<Instant, (Option<f64>, Vec<String>)>;

async fn came(reader: &mut Reader<'_>, forecast: &str) -> Result<Came> {
    let sql = format!(
        "select made_as_of, vintage, actual_margin, is_in_band from mart.forecast_accuracy
         where forecast = {forecast} and customers >= {LEAST_CUSTOMERS} order by made_as_of, vintage"
    );
    let columns = [&JUDGED[..], &[("customers", Holds::Count)]].concat();
    let mut came = Came::new();
    let Some(rows) = reader.rows("mart.forecast_accuracy", &columns, &sql).await? else { return Ok(came) };
    for row in rows.numbers() {
        let Some(made) = rows.instant("made_as_of", row)? else { continue };
        let of_night = came.entry(made).or_default();
        match rows.text("vintage", row)? {
            "all" => of_night.0 = rows.float("actual_margin", row)?,
            vintage if rows.flag("is_in_band", row)? == Some(false) => {
                of_night.1.push(reader.language.month_of_label(&reader.language.word(vintage)));
            }
            _ => {}
        }
    }
    Ok(came)
}

fn in_words(reader: &Reader<'_>, forecasts: &[Forecast]) -> String {
    let language = reader.language;
    let judged: Vec<&Forecast> =
        forecasts.iter().filter(|forecast| forecast.promise.came.is_some()).collect();
    let kept = judged.iter().filter(|forecast| forecast.promise.is_kept()).count();
    if judged.is_empty() {
        let first = forecasts.iter().map(|forecast| forecast.until).min();
        let day = first.map(|until| language.day_of(until, reader.zone)).unwrap_or_default();
        return language.text(
            format!("None has come to its end yet; the first is judged on {day}."),
            format!("Aucune n'est encore arrivée à son terme ; la première sera jugée le {day}."),
        );
    }
    let all = judged.len();
    language.text(
        format!("{kept} of {all} promises that have come to their end lie within their band."),
        format!("{kept} promesses sur {all} arrivées à leur terme restent dans leur bande."),
    )
}

fn flagged(language: Language, day: &str, vintages: &[String]) -> String {
    let names = vintages.join(", ");
    language.text(
        format!(
            "Of what was promised on {day}, these months of first purchase lie outside their band: {names}."
        ),
        format!("De ce qui fut promis le {day}, ces mois de premier achat sortent de leur bande : {names}."),
    )
}

fn table(reader: &Reader<'_>, forecasts: &[Forecast]) -> Markup {
    let language = reader.language;
    let scale = Promises::over(forecasts.iter().map(|forecast| &forecast.promise));
    let decimals =
        decimals_up_to(forecasts.iter().map(|forecast| forecast.promise.expected).fold(0.0, f64::max));
    html! {
        table {
            thead { tr {
                th class="word" scope="col" { (language.text("Promised on", "Promis le")) }
                td class="chart" {}
                th scope="col" { (language.text("Promised", "Promis")) }
                th class="wide" scope="col" { (language.text("Band", "Bande")) }
                th scope="col" { (language.text("Came", "Venu")) }
                th scope="col" { (language.text("Off by", "Écart")) }
                th class="wide" scope="col" { (language.text("Until", "Jusqu'au")) }
            } }
            tbody {
                @for forecast in forecasts {
                    @let promise = &forecast.promise;
                    tr {
                        th scope="row" { (language.day_of(forecast.made, reader.zone)) }
                        td class="chart" { (scale.drawn(promise)) }
                        td { (language.decimal(promise.expected, decimals)) }
                        td class="wide" {
                            (language.decimal(promise.low, decimals)) (language.text(" to ", " à "))
                            (language.decimal(promise.high, decimals))
                        }
                        td { (shown(language, promise.came, decimals)) }
                        td { (off_by(language, promise)) }
                        td class="wide" { (language.day_of(forecast.until, reader.zone)) }
                    }
                }
            }
        }
    }
}
