//! The section "Portfolio": what the customers are worth, what moved it, and whether more are lost than won.

mod balance;
mod headline;
mod month;
mod movement;
mod splits;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::reader::Reader;

/// `None` where the release has no `mart.portfolio_movement`.
///
/// # Errors
/// A table cannot be read.
pub async fn section(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let Some(months) = month::read(reader).await? else { return Ok(None) };
    let recent = month::last_year(&months);
    let headline = headline::part(reader, &months).await?;
    let splits = splits::part(reader).await?;
    Ok(Some(html! {
        (headline)
        div class="pair" {
            div { (movement::part(reader.language, recent)) }
            div { (balance::part(reader.language, recent, months.len())) }
        }
        @if let Some(splits) = splits { (splits) }
    }))
}
