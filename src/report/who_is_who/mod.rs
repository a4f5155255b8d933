//! The section "Who is who": how many records became how many customers, and how far to trust it.

mod accuracy;
mod blocking;
mod completeness;
mod decisions;
mod headline;
mod sizes;
mod unlinkables;
mod weights;

use maud::{Markup, html};

use super::Section;
use crate::error::Result;
use crate::warehouse::catalog::Catalog;

/// `None` where the release has no `mart.customer_sizes`: nothing judged its customers.
///
/// # Errors
/// A table has other columns than the step that makes it writes.
pub async fn section(catalog: &Catalog) -> Result<Option<Section>> {
    let Some(headline) = headline::part(catalog).await? else { return Ok(None) };
    let parts = [
        Some(headline),
        accuracy::part(catalog).await?,
        sizes::part(catalog).await?,
        weights::part(catalog).await?,
        decisions::part(catalog).await?,
        completeness::part(catalog).await?,
        unlinkables::part(catalog).await?,
        blocking::part(catalog).await?,
    ];
    Ok(Some(Section {
        anchor: "who-is-who",
        title: "Who is who",
        body: html! { @for part in parts.into_iter().flatten() { (part) } },
    }))
}

/// A table that scrolls by itself where it is wider than the screen.
fn scrolled(label: &str, table: &Markup) -> Markup {
    html! { div class="scroll" tabindex="0" role="region" aria-label=(label) { (table) } }
}
