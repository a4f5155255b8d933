//! The section "Journey": by which channels customers came, what that cost, when they had brought it, whether
//! they stay, what it would be worth if more did, and who waits for an answer.

mod effect;
mod payback;
mod retention;
mod waiting;

use maud::{Markup, html};

use crate::error::Result;
use crate::report::reader::Reader;

/// `None` where the release has none of the tables.
///
/// # Errors
/// A table cannot be read.
pub async fn section(reader: &mut Reader<'_>) -> Result<Option<Markup>> {
    let parts = [
        payback::part(reader).await?,
        retention::part(reader).await?,
        effect::part(reader).await?,
        waiting::part(reader).await?,
    ];
    let is_empty = parts.iter().all(Option::is_none);
    Ok((!is_empty).then(|| html! { @for part in parts.into_iter().flatten() { (part) } }))
}
