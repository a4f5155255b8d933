//! The section "Who is who": how many records became how many customers, and how far to trust it.

mod accuracy;
mod blocking;
mod completeness;
mod decisions;
mod headline;
mod scrolled;
mod sizes;
mod unlinkables;
mod weights;

use maud::html;

use crate::error::Result;
use crate::report::section::Section;
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
