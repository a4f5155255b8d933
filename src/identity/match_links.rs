//! `core.match_links`: what linkage found of each pair, and what became of it.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;

use super::clusters::{Decision, Link, Ruling};
use super::customers::Customers;
use super::declaration::Persons;
use super::links::{self, Linked};
use super::resolve::{CUSTOMER_IDS, MATCH_LINKS, PERSON_RECORDS, table};
use super::scratch::{self, Scratch};
use super::weight::bits_of;
use crate::error::{Context, Result};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

/// Stages the table: each pair that was linked, refused or is for review, with the bits of every
/// comparison.
pub async fn stage(
    catalog: &Catalog,
    persons: &Persons,
    linked: &Linked,
    customers: &Customers,
    scratch: &Scratch<'_>,
) -> Result<Staged> {
    let linkage = &persons.linkage;
    let (records, ids) = (table(PERSON_RECORDS), table(CUSTOMER_IDS));
    let session = scratch.session([&records, &ids]).await?;
    let decided = scratch::table("match_decided");
    session.register_view(&decided, session.read_batch(decided_pairs(linked, customers)?)?)?;
    let rules: Vec<String> = linkage
        .blocking
        .iter()
        .enumerate()
        .map(|(n, rule)| format!(" when {n} then '{}'", rule.name().replace('\'', "''")))
        .collect();
    let columns: Vec<String> =
        linkage.comparisons.iter().map(|c| format!(", gamma_{0} as level_{0}, bits_{0}", c.name)).collect();
    let sql = format!(
        "select l.source as source_l, l.record_id as record_id_l, r.source as source_r, r.record_id as record_id_r,
                a.customer_id as customer_id_l, b.customer_id as customer_id_r,
                s.match_weight, s.match_probability,
                case when d.ruling is not null then d.ruling
                     when s.match_weight >= {link:e} and d.refusal is null then '{linked}'
                     when a.customer_id = b.customer_id then '{together}'
                     else coalesce(d.refusal, '{review}') end as decision,
                case s.rule{rules} end as rule, {prior:e} as bits_prior{columns}
         from {scored} as s
         join {records} as l on l.record_number = s.record_number_l
         join {records} as r on r.record_number = s.record_number_r
         join {ids} as a on a.source = l.source and a.record_id = l.record_id
         join {ids} as b on b.source = r.source and b.record_id = r.record_id
         left join {decided} as d on d.number_l = s.record_number_l and d.number_r = s.record_number_r",
        link = bits_of(persons.link_probability),
        linked = Decision::Linked.as_str(),
        together = Decision::Together.as_str(),
        review = Decision::Review.as_str(),
        rules = rules.concat(),
        prior = linked.parameters.prior_bits(),
        columns = columns.concat(),
        scored = links::scored(),
    );
    let frame = session.sql(&sql).await.doing("tell the links")?;
    catalog.warehouse().stage(&table(MATCH_LINKS), Mode::Replace, Layout::Parallel, frame).await
}

/// Links that were refused, and pairs on which a steward's word stands, by record numbers.
fn decided_pairs(linked: &Linked, customers: &Customers) -> Result<RecordBatch> {
    let mut pairs: Vec<(u32, u32, Option<&str>, Option<&str>)> = Vec::new();
    let ruled = |ruling: &Ruling| {
        let decision = if ruling.together { Decision::RuledTogether } else { Decision::RuledApart };
        (ruling.left, ruling.right, Some(decision.as_str()), None)
    };
    pairs.extend(customers.rulings.iter().map(ruled));
    let refused = |(link, decision): (&Link, &Decision)| {
        let refused = *decision != Decision::Linked;
        refused.then_some((link.left, link.right, None, Some(decision.as_str())))
    };
    let known: HashSet<(u32, u32)> = pairs.iter().map(|p| (p.0, p.1)).collect();
    let refused = linked.links.iter().zip(&customers.decisions).filter_map(refused);
    pairs.extend(refused.filter(|p| !known.contains(&(p.0, p.1))));
    let numbers = |side: fn(&(u32, u32, Option<&str>, Option<&str>)) -> u32| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(pairs.iter().map(|pair| i64::from(side(pair)))))
    };
    RecordBatch::try_from_iter_with_nullable([
        ("number_l", numbers(|p| p.0), false),
        ("number_r", numbers(|p| p.1), false),
        ("ruling", Arc::new(StringArray::from_iter(pairs.iter().map(|p| p.2))) as ArrayRef, true),
        ("refusal", Arc::new(StringArray::from_iter(pairs.iter().map(|p| p.3))), true),
    ])
    .doing("gather the refused links")
}

/// One line on what linkage did.
pub async fn told(catalog: &Catalog, linked: &Linked, staged: &Staged) -> Result<String> {
    let doing = "count the links";
    let session = catalog.session_of_all_rows(staged).await?;
    let batches = session
        .sql(&format!("select decision, count(*) from {} group by decision order by decision", staged.table))
        .await
        .doing(doing)?
        .collect()
        .await
        .doing(doing)?;
    let mut counts = Vec::new();
    for batch in &batches {
        let (decisions, numbers) =
            (batch.column(0).as_string::<i32>(), batch.column(1).as_primitive::<Int64Type>());
        counts.extend(decisions.iter().flatten().zip(numbers.values()).map(|(d, n)| format!("{n} {d}")));
    }
    Ok(format!(
        "{} person records, {} pairs compared{}: {}",
        linked.person_records.rows,
        linked.compared,
        linked.carried.map(|n| format!(", {n} links carried over")).unwrap_or_default(),
        if counts.is_empty() { "none alike".to_owned() } else { counts.join(", ") }
    ))
}
