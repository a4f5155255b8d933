//! `core.match_review`: pairs of customers that may be one person, for a steward to decide.

use super::customers::Decision;
use super::tables::{MATCH_LINKS, MATCH_REVIEW, table};
use crate::error::{Context, Result};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

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
