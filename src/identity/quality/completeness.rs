//! `mart.completeness`: filled attributes of persons in each channel.

use datafusion::prelude::DataFrame;

use crate::error::{Context, Result};
use crate::identity::linkage::Linkage;
use crate::identity::tables::{PERSON_RECORDS, table};
use crate::warehouse::catalog::Session;

/// Columns: `source`, `attribute`, `records` of the source, of these `filled` with something that can
/// be compared, `distinct_values` among them, and `share` filled. `address`, which is made of other
/// attributes, has no row.
pub async fn frame(session: &Session, linkage: &Linkage) -> Result<DataFrame> {
    // One attribute at a time: several distinct counts in one aggregate would all be held in memory.
    let attributes: Vec<String> = linkage
        .attribute_names()
        .iter()
        .filter(|attribute| **attribute != "address")
        .map(|attribute| {
            format!(
                "select source, '{attribute}' as attribute, sum(times) as records,
                        sum(case when {attribute} is not null then times else 0 end) as filled,
                        count({attribute}) as distinct_values
                 from (select source, {attribute}, count(*) as times from {} group by source, {attribute})
                 group by source",
                table(PERSON_RECORDS)
            )
        })
        .collect();
    let sql = format!(
        "select *, cast(filled as double) / records as share from ({})",
        attributes.join(" union all ")
    );
    session.sql(&sql).await.doing("count the filled attributes")
}
