//! The additional columns of an exported audience.
//!
//! A run writes into its release which columns an export of each list adds, so that an export needs no pipeline
//! file.

use std::collections::BTreeMap;

use super::candidates::Candidates;
use super::definition::Audience;
use super::grain;
use crate::clock::Instant;
use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::release::ListColumns;
use crate::warehouse::visibility::Visibility;

/// Returns what exports of these audiences add to their lists, by audience, where tables are seen so; `None`
/// for no audience.
pub fn list_columns(
    audiences: &[Audience],
    visibility: &BTreeMap<TableName, Visibility>,
) -> Option<BTreeMap<String, ListColumns>> {
    let columns = |audience: &Audience| ListColumns {
        from: audience.from.clone(),
        export: audience.export.clone(),
        visibility: visibility
            .iter()
            .filter(|(table, rows)| audience.from.contains(*table) && **rows != Visibility::default())
            .map(|(table, rows)| (table.clone(), rows.clone()))
            .collect(),
    };
    let all = audiences.iter().map(|audience| (audience.name.clone(), columns(audience)));
    (!audiences.is_empty()).then(|| all.collect())
}

/// Returns the columns that an export of the audience adds, each with its name: a view of the session's, one
/// row a customer, `customer_id` first.
///
/// # Errors
/// A column that no table in `from` has, or that several have; a table that has more than one row of
/// a customer.
pub async fn register_export(
    catalog: &Catalog,
    session: &Session,
    audience: &str,
    columns: &ListColumns,
    as_of: Option<Instant>,
) -> Result<(TableName, Vec<String>)> {
    let joined = joined(audience, columns);
    let place = format!("audience {audience} › export");
    let candidates = Candidates::open(session, &columns.from).await?;
    let columns = candidates.exported(&columns.export).map_err(|e| e.at(place))?;
    grain::count(catalog, &[joined], as_of).await?;
    let view = TableName::new("audience", "exported")?;
    let names = columns.iter().map(|(_, name)| name.clone()).collect();
    session.register_view(&view, candidates.renamed(&columns)?)?;
    Ok((view, names))
}

/// An audience that has its tables alone: conditions and consents were looked at when the list was drawn.
fn joined(name: &str, columns: &ListColumns) -> Audience {
    Audience {
        name: name.to_owned(),
        from: columns.from.clone(),
        export: columns.export.clone(),
        ..Audience::default()
    }
}
