//! `core.match_review`: pairs of customers that may be one person, for a steward to decide.

use super::clusters::Decision;
use super::resolve::{MATCH_LINKS, table};
use crate::error::{Context, Result};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

/// Grain: one row a pair of customers who are not one and of whom no steward has said so; with the two
/// records that speak most for it, why they were not joined, and how many pairs of records are alike.
pub const MATCH_REVIEW: &str = "match_review";

pub async fn stage(catalog: &Catalog) -> Result<Staged> {
    let links = table(MATCH_LINKS);
    let sql = format!(
        "with pairs as (
           select least(customer_id_l, customer_id_r) as customer_id_a,
                  greatest(customer_id_l, customer_id_r) as customer_id_b,
                  case when customer_id_l < customer_id_r then source_l || ':' || record_id_l else source_r || ':' || record_id_r end as record_a,
                  case when customer_id_l < customer_id_r then source_r || ':' || record_id_r else source_l || ':' || record_id_l end as record_b,
                  match_weight, match_probability, decision
           from {links} where customer_id_l <> customer_id_r),
         ranked as (
           select *, row_number() over (partition by customer_id_a, customer_id_b
                                        order by match_weight desc, record_a, record_b) as nth,
                  count(*) over (partition by customer_id_a, customer_id_b) as pairs,
                  max(case when decision in ('{apart}', '{refused}') then 1 else 0 end)
                    over (partition by customer_id_a, customer_id_b) as decided
           from pairs)
         select customer_id_a, customer_id_b, record_a, record_b, match_weight, match_probability,
                decision as reason, pairs
         from ranked where nth = 1 and decided = 0",
        apart = Decision::RuledApart.as_str(),
        refused = Decision::Ruled.as_str(),
    );
    let doing = "gather what a steward may decide";
    let frame = catalog.session([&links], None).await?.sql(&sql).await.doing(doing)?;
    catalog.warehouse().stage(&table(MATCH_REVIEW), Mode::Replace, Layout::Parallel, frame).await
}
