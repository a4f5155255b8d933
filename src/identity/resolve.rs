//! The step: from keys, person records and a steward's decisions to customers.
//!
//! Everything that grows with pairs is a SQL plan that streams and spills.

use arrow::array::RecordBatch;

use super::declaration::Identity;
use super::id_memory::{CUSTOMER_ID_CHANGES, CUSTOMER_ID_HISTORY, FORMER_CUSTOMER_IDS};
use super::night::Night;
use super::scratch::Scratch;
use super::succession::{Change, Kind};
use super::{customers, links, match_links, review};
use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::Staged;

/// The records' customers. Grain: one row a record.
pub const CUSTOMER_IDS: &str = "customer_ids";
/// What is known of persons, standardised. Grain: one row a person record.
pub const PERSON_RECORDS: &str = "person_records";
/// Grain: one row a pair of person records that is linked, or was refused, or waits for review.
pub const MATCH_LINKS: &str = "match_links";
/// How frequent terms were when the parameters were estimated. Grain: one row an attribute and term.
pub const MATCH_TERMS: &str = "match_terms";

pub fn table(name: &str) -> TableName {
    TableName::new("core", name).expect("our own table names are valid")
}

/// The tables that the step makes, `core.customer_ids` first.
pub fn tables(identity: &Identity) -> Vec<TableName> {
    let mut tables = vec![CUSTOMER_IDS, CUSTOMER_ID_HISTORY, CUSTOMER_ID_CHANGES, FORMER_CUSTOMER_IDS];
    if identity.persons.is_some() {
        tables.extend([PERSON_RECORDS, MATCH_LINKS, review::MATCH_REVIEW, MATCH_TERMS]);
    }
    tables.into_iter().map(table).collect()
}

/// What resolution made.
#[derive(Debug)]
pub struct Resolution {
    /// `core.customer_ids` first.
    pub staged: Vec<Staged>,
    /// Rows for `ops.models`, without the columns of the run.
    pub fitted: Option<RecordBatch>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
}

/// Finds the customer of every record.
///
/// # Errors
/// A table lacks a column, a person record comes twice, the SQL of a rule or level does not plan.
pub async fn resolve(catalog: &Catalog, identity: &Identity, night: &Night<'_>) -> Result<Resolution> {
    let mut scratch = Scratch::new(catalog);
    let resolution = resolve_with(catalog, identity, night, &mut scratch).await;
    let deleted = scratch.delete().await;
    let resolution = resolution?;
    deleted?;
    Ok(resolution)
}

async fn resolve_with(
    catalog: &Catalog,
    identity: &Identity,
    night: &Night<'_>,
    scratch: &mut Scratch<'_>,
) -> Result<Resolution> {
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    let linked = match &identity.persons {
        Some(persons) => Some(links::find(catalog, persons, night, scratch, &mut notes).await?),
        None => None,
    };
    let pairs = linked.as_ref().map(|linked| linked.links.as_slice()).unwrap_or_default();
    let mut customers = customers::find(catalog, identity, night, pairs, &mut notes, &mut warnings).await?;
    notes.extend(told(&customers.changes));
    let mut staged = std::mem::take(&mut customers.staged);
    let mut fitted = None;
    if let (Some(linked), Some(persons)) = (linked, &identity.persons) {
        catalog.add_staged(&staged[0]).await?;
        let links = match_links::stage(catalog, persons, &linked, &customers, scratch).await?;
        catalog.add_staged(&links).await?;
        let review = review::stage(catalog).await?;
        notes.push(match_links::told(catalog, &linked, &links).await?);
        fitted = Some(linked.fitted);
        staged.push(linked.person_records);
        staged.extend([links, review]);
        staged.extend(linked.terms);
    }
    Ok(Resolution { staged, fitted, notes, warnings })
}

/// How many ids changed.
fn told(changes: &[Change]) -> Option<String> {
    let count = |kind: Kind| changes.iter().filter(|c| c.kind == kind).count();
    let merged = changes.iter().filter(|c| c.succeeds).count();
    let (split, moved) = (count(Kind::Split), count(Kind::Moved));
    (!changes.is_empty()).then(|| {
        format!(
            "customer ids: {merged} merged into others, {split} split off, {moved} moved between customers"
        )
    })
}
