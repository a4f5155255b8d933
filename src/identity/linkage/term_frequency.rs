//! Term frequencies: a shared rare name weighs more than a shared common one.
//!
//! They are counted when the parameters are estimated and kept until the next estimation, so that a pair has
//! the same weight from night to night whoever else comes. Only terms of more than one record are kept: any
//! other term counts as one in the number of records with the attribute, including new terms.

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::prelude::DataFrame;

use super::model::Linkage;
use crate::error::{Context, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Session;

/// Returns how many of the records have each attribute whose terms count.
pub async fn known(
    session: &Session,
    persons: &TableName,
    linkage: &Linkage,
) -> Result<BTreeMap<String, u64>> {
    let terms = linkage.terms();
    if terms.is_empty() {
        return Ok(BTreeMap::new());
    }
    let doing = "count the records that have each attribute";
    let counts: Vec<String> = terms.iter().map(|term| format!("count({term})")).collect();
    let sql = format!("select {} from {persons}", counts.join(", "));
    let batches = session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)?;
    let count = |n: usize| -> u64 {
        batches.iter().map(|batch| batch.column(n).as_primitive::<Int64Type>().value(0).unsigned_abs()).sum()
    };
    Ok(terms.iter().enumerate().map(|(n, term)| ((*term).to_owned(), count(n))).collect())
}

/// `core.match_terms`. Grain: one row per attribute and term that several records have, with `share`: of
/// the records that have the attribute at all. Terms are personal data.
pub async fn counted(
    session: &Session,
    persons: &TableName,
    known: &BTreeMap<String, u64>,
) -> Result<DataFrame> {
    let counts: Vec<String> = known
        .iter()
        .map(|(term, records)| {
            format!(
                "select '{term}' as attribute, {term} as term, cast(count(*) as double) / {records} as share
                 from {persons} where {term} is not null group by {term} having count(*) > 1"
            )
        })
        .collect();
    select(session, &counts).await
}

/// Returns the terms of `before` that a record still has.
pub(super) async fn still_used(
    session: &Session,
    before: &TableName,
    persons: &TableName,
    known: &BTreeMap<String, u64>,
) -> Result<DataFrame> {
    let borne: Vec<String> = known
        .keys()
        .map(|term| {
            format!(
                "select attribute, term, share from {before}
                 where attribute = '{term}' and term in (select {term} from {persons} where {term} is not null)"
            )
        })
        .collect();
    select(session, &borne).await
}

async fn select(session: &Session, parts: &[String]) -> Result<DataFrame> {
    let nothing = "select '' as attribute, '' as term, 0e0 as share where false".to_owned();
    let sql = if parts.is_empty() { nothing } else { parts.join(" union all ") };
    session.sql(&sql).await.doing("count how frequent terms are")
}

/// Returns the share of an attribute's term that is in no row: that of one record.
pub(super) fn of_one(known: &BTreeMap<String, u64>, term: &str) -> f64 {
    1.0 / known.get(term).copied().unwrap_or_default().max(1) as f64
}
