//! The step that resolves identities: from keys, person records and a steward's decisions to customers.
//!
//! Everything that grows with the number of compared pairs is a SQL plan that streams and spills. In memory
//! are the links, a few words each, and what `customers` keeps per record and key.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;

use super::customers::{Change, CustomerId, Kind};
use super::declaration::Identity;
use super::linkage::links;
use super::night::Night;
use super::scratch::Scratch;
use super::{customers, match_links, review};
use crate::error::Result;
use crate::step::StepOutput;
use crate::warehouse::catalog::Catalog;

/// What resolution made.
#[derive(Debug)]
pub struct Resolution {
    /// `core.customer_ids` first.
    pub output: StepOutput,
    /// Rows for `ops.models`, without the columns of the run.
    pub fitted: Option<RecordBatch>,
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
    let mut staged = std::mem::take(&mut customers.staged);
    if night.recalled {
        // Who is who is asked; which pairs are linked, and why, is tonight's to answer.
        staged.extend(linked.map(|linked| linked.person_records));
        let notes = vec![united_since(&customers.changes)];
        return Ok(Resolution { output: StepOutput::of(staged).with_notes(notes), fitted: None });
    }
    notes.extend(summary(&customers.changes));
    let mut fitted = None;
    if let (Some(linked), Some(persons)) = (linked, &identity.persons) {
        catalog.add_staged(&staged[0]).await?;
        let links = match_links::stage(catalog, persons, &linked, &customers, scratch).await?;
        catalog.add_staged(&links).await?;
        let review = review::stage(catalog, &customers.cut).await?;
        notes.push(match_links::summary(catalog, &linked, &links).await?);
        fitted = Some(linked.fitted);
        staged.push(linked.person_records);
        staged.extend([links, review]);
        staged.extend(linked.terms);
    }
    Ok(Resolution { output: StepOutput::of(staged).with_notes(notes).with_warnings(warnings), fitted })
}

/// Returns how many customers of then are not customers of their own tonight.
fn united_since(changes: &[Change]) -> String {
    let others: BTreeSet<CustomerId> = changes.iter().map(|change| change.id).collect();
    match others.len() {
        0 => "nobody of then was united with others since".to_owned(),
        1 => "1 customer of then was united with others since".to_owned(),
        customers => format!("{customers} customers of then were united with others since"),
    }
}

/// Returns how many ids changed.
fn summary(changes: &[Change]) -> Option<String> {
    let count = |kind: Kind| changes.iter().filter(|c| c.kind == kind).count();
    let merged = changes.iter().filter(|c| c.succeeds).count();
    let (split, moved) = (count(Kind::Split), count(Kind::Moved));
    (!changes.is_empty()).then(|| {
        format!(
            "customer ids: {merged} merged into others, {split} split off, {moved} moved between customers"
        )
    })
}
