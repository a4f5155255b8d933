//! The section "From sales to profit": where the money goes, who costs more than they bring, and who is rewarded for it.

mod bridge;
mod rewards;
mod unprofitable;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::reader::Reader;

/// `None` where the release has none of the tables.
///
/// # Errors
/// A table cannot be read.
pub async fn section(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let parts =
        [bridge::part(reader).await?, unprofitable::part(reader).await?, rewards::part(reader).await?];
    let is_empty = parts.iter().all(Option::is_none);
    Ok((!is_empty).then(|| html! { @for part in parts.into_iter().flatten() { (part) } }))
}
