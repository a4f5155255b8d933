//! `core.match_review`: pairs of customers that may be one person, for a steward to decide.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};

use super::customers::Decision;
use super::scratch;
use super::tables::{MATCH_LINKS, MATCH_REVIEW, table};
use crate::error::{Context, Result};
use crate::warehouse::catalog::Catalog;
use crate::warehouse::stage::{Layout, Mode, Staged};

/// Returns the pairs for review; `cut` are the pairs of customers that a steward keeps apart, the smaller
/// id first.
pub async fn stage(catalog: &Catalog, cut: &[(String, String)]) -> Result<Staged> {
    let doing = "collect the pairs for review";
    let links = table(MATCH_LINKS);
    let session = catalog.session([&links], None).await?;
    let decided = scratch::table("match_cut");
    let ids = |id: fn(&(String, String)) -> &String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(cut.iter().map(id)))
    };
    let batch =
        RecordBatch::try_from_iter([("cut_a", ids(|c| &c.0)), ("cut_b", ids(|c| &c.1))]).doing(doing)?;
    session.register_view(&decided, session.read_batch(batch)?)?;
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
         from ranked left join {decided} on cut_a = customer_id_a and cut_b = customer_id_b
         where nth = 1 and decided = 0 and cut_a is null",
        apart = Decision::RuledApart.as_str(),
        refused = Decision::Ruled.as_str(),
    );
    let frame = session.sql(&sql).await.doing(doing)?;
    catalog.warehouse().stage(&table(MATCH_REVIEW), Mode::Replace, Layout::Parallel, frame).await
}
