//! The section "Value": what customers will bring, what was promised before, and what came of it.

mod expected;
mod fitted;
mod forecasts;
mod track_record;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::reader::Reader;
use fitted::FittedValue;

/// `None` where the release has no `[value.<name>]`.
///
/// # Errors
/// A table cannot be read.
pub async fn section(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let models = fitted::read(reader).await?;
    let several = models.len() > 1;
    let mut parts = Vec::new();
    for model in &models {
        let expected = expected::part(reader, model).await?;
        let track_record = track_record::part(reader, model).await?;
        let forecasts = forecasts::part(reader, model).await?;
        let is_empty = expected.is_none() && track_record.is_none() && forecasts.is_none();
        if is_empty && model.why_not.is_none() {
            continue;
        }
        parts.push(html! {
            @if several { h3 class="model" { (model.name) } }
            @for part in [expected, track_record, forecasts].into_iter().flatten() { (part) }
            (about(reader, model))
        });
    }
    Ok((!parts.is_empty()).then(|| html! { @for part in &parts { (part) } }))
}

/// Returns what each value model expects of all customers together.
///
/// # Errors
/// A table cannot be read.
pub(super) async fn equity(reader: &mut Reader<'_>) -> Result<Vec<(String, f64)>> {
    let mut equity = Vec::new();
    for model in fitted::read(reader).await? {
        if let Some(worth) = expected::total(reader, &model).await? {
            equity.push((model.name, worth));
        }
    }
    Ok(equity)
}

/// What is to be said of a model beside its figures.
fn about(reader: &Reader<'_>, model: &FittedValue) -> Markup {
    let language = reader.language;
    html! {
        @if let Some(reason) = &model.why_not {
            p { (language.text("Not fitted: ", "Pas ajusté : ")) span lang="en" { (reason) } "." }
        }
        @if !model.remarks.is_empty() {
            h3 { (language.text("What the fit has to say", "Ce que dit l'ajustement, en anglais")) }
            ul class="notes" lang="en" { @for remark in &model.remarks { li { (remark) } } }
        }
    }
}
