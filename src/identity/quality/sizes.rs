//! `mart.customer_sizes`: how many customers have how many records.

use datafusion::prelude::DataFrame;

use crate::error::{Context, Result};
use crate::identity::customers::Decision;
use crate::identity::tables::{CUSTOMER_IDS, MATCH_LINKS, table};
use crate::warehouse::catalog::Session;

/// Columns: `records` (of a customer), `customers` that have so many, of these `by_links` (two of the
/// records or more are linked by how they agree) and `by_keys` (keys alone join them).
pub async fn frame(session: &Session, linked: bool) -> Result<DataFrame> {
    let links = match linked {
        true => format!(
            "select distinct customer_id_l as customer_id from {}
             where decision = '{}' and customer_id_l = customer_id_r",
            table(MATCH_LINKS),
            Decision::Linked.as_str()
        ),
        false => "select cast(null as varchar) as customer_id where false".to_owned(),
    };
    let sql = format!(
        "select s.records, count(*) as customers, count(l.customer_id) as by_links,
                case when s.records > 1 then count(*) - count(l.customer_id) else 0 end as by_keys
         from (select customer_id, count(*) as records from {ids} group by customer_id) as s
         left join ({links}) as l on l.customer_id = s.customer_id
         group by s.records",
        ids = table(CUSTOMER_IDS),
    );
    session.sql(&sql).await.doing("count the customers by their records")
}
