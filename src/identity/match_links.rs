//! `core.match_links`: the result of linkage for each pair, and the decision about it.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;

use super::customers::Customers;
use super::customers::{Decision, Link, StewardDecision};
use super::declaration::Persons;
use super::linkage::links::{self, Linked};
use super::linkage::weight::bits_of;
use super::scratch::{self, Scratch};
use super::tables::{CUSTOMER_IDS, MATCH_LINKS, PERSON_RECORDS, table};
use crate::error::{Context, Result};
use crate::sql_text::quoted;
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
        .map(|(n, rule)| format!(" when {n} then {}", quoted(&rule.name())))
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
                case s.rule{rules} end as rule, {prior:e} as bits_prior, s.bits_household{columns}
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
    let frame = session.sql(&sql).await.doing("write the links")?;
    catalog.warehouse().stage(&table(MATCH_LINKS), Mode::Replace, Layout::Parallel, frame).await
}

/// A pair of record numbers on which a steward's word stands, or whose link was refused.
struct Decided {
    left: u32,
    right: u32,
    ruling: Option<Decision>,
    refusal: Option<Decision>,
}

fn decided_pairs(linked: &Linked, customers: &Customers) -> Result<RecordBatch> {
    let ruled = |ruling: &StewardDecision| {
        let decision = if ruling.together { Decision::RuledTogether } else { Decision::RuledApart };
        Decided { left: ruling.left, right: ruling.right, ruling: Some(decision), refusal: None }
    };
    let mut pairs: Vec<Decided> = customers.rulings.iter().map(ruled).collect();
    let ruled: HashSet<(u32, u32)> = pairs.iter().map(|pair| (pair.left, pair.right)).collect();
    let refused = |(link, decision): (&Link, &Decision)| {
        let refused = *decision != Decision::Linked && !ruled.contains(&(link.left, link.right));
        let refusal = Some(*decision);
        refused.then_some(Decided { left: link.left, right: link.right, ruling: None, refusal })
    };
    pairs.extend(linked.links.iter().zip(&customers.decisions).filter_map(refused));
    let numbers = |side: fn(&Decided) -> u32| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(pairs.iter().map(|pair| i64::from(side(pair)))))
    };
    let words = |word: fn(&Decided) -> Option<Decision>| -> ArrayRef {
        Arc::new(StringArray::from_iter(pairs.iter().map(|pair| word(pair).map(Decision::as_str))))
    };
    RecordBatch::try_from_iter_with_nullable([
        ("number_l", numbers(|pair| pair.left), false),
        ("number_r", numbers(|pair| pair.right), false),
        ("ruling", words(|pair| pair.ruling), true),
        ("refusal", words(|pair| pair.refusal), true),
    ])
    .doing("collect the refused links")
}

/// Returns one line on what linkage did.
pub async fn summary(catalog: &Catalog, linked: &Linked, staged: &Staged) -> Result<String> {
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
        linked.carried.map(|n| format!(", {n} links taken over")).unwrap_or_default(),
        if counts.is_empty() { "none alike".to_owned() } else { counts.join(", ") }
    ))
}
