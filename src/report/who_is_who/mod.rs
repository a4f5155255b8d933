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

use crate::error::Result;
use crate::report::reader::Reader;

/// `None` where the release has no `mart.customer_sizes`: nothing judged its customers.
///
/// # Errors
/// A table has other columns than the step that makes it writes.
pub async fn section(reader: &Reader<'_>) -> Result<Option<Markup>> {
    let Some(headline) = headline::part(reader).await? else { return Ok(None) };
    let parts = [
        Some(headline),
        accuracy::part(reader).await?,
        sizes::part(reader).await?,
        weights::part(reader).await?,
        decisions::part(reader).await?,
        completeness::part(reader).await?,
        unlinkables::part(reader).await?,
        blocking::part(reader).await?,
    ];
    Ok(Some(html! { @for part in parts.into_iter().flatten() { (part) } }))
}
