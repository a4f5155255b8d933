//! The additional columns of an exported audience.

use super::candidates::Candidates;
use super::definition::Audience;
use super::grain;
use crate::clock::Instant;
use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};

/// Returns the columns that an export of the audience adds, each with its name: a view of the session's, one
/// row a customer, `customer_id` first.
///
/// # Errors
/// A column that no table in `from` has, or that several have; a table that has more than one row of
/// a customer.
pub async fn register_export(
    catalog: &Catalog,
    session: &Session,
    audience: &Audience,
    as_of: Option<Instant>,
) -> Result<(TableName, Vec<String>)> {
    // Consents have been looked at when the list was drawn.
    let columns_only = Audience { consent: false, ..audience.clone() };
    grain::count(catalog, &[columns_only], as_of).await?;
    let place = format!("audience {} › export", audience.name);
    let candidates = Candidates::open(session, &audience.from).await?;
    let columns = candidates.exported(&audience.export).map_err(|e| e.at(place))?;
    let view = TableName::new("audience", "exported")?;
    let names = columns.iter().map(|(_, name)| name.clone()).collect();
    session.register_view(&view, candidates.renamed(&columns)?)?;
    Ok((view, names))
}
