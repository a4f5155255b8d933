//! The report: what a release has to say, as one HTML file that needs nothing else.
//!
//! ```text
//! page          the frame: head, styles, contents
//! section       a section: its title and its body
//! rows          small results of SQL, read by column
//! number        numbers as people read them
//! bar, curve    charts
//! who_is_who    a section: how good the linkage is
//! models        a section: how good the propensities are
//! ```
//!
//! A section is one file with one function, which reads marts of the release and gives its part of the
//! page, or nothing where its tables are not there. There is no script and no address in the file: it
//! can be sent by mail, opened anywhere and kept. It shows counts and shares only, never a row about a
//! person.

mod bar;
mod curve;
mod models;
mod number;
mod page;
mod rows;
mod section;
mod who_is_who;

use crate::error::{Error, Result};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::release::Release;
use section::Section;

/// Returns the page about a release, whose tables the catalog has.
///
/// # Errors
/// The release has no table that any section shows; a table has other columns than sillage writes.
pub async fn page(catalog: &Catalog, release: &Release) -> Result<String> {
    let sections = [who_is_who::section(catalog).await?, models::section(catalog).await?];
    let sections: Vec<Section> = sections.into_iter().flatten().collect();
    if sections.is_empty() {
        return Err(Error::failed(format!("release {} has no data for a report", release.release)).hint(
            "add [match_quality], next to [identity], or [propensity.<name>] to the pipeline, and run it",
        ));
    }
    Ok(page::html(release, &sections).into_string())
}
