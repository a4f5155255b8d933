//! `mart.blocking_rules`: how many of the compared pairs each rule found.

use datafusion::prelude::DataFrame;

use crate::error::{Context, Result};
use crate::identity::customers::Decision;
use crate::identity::linkage::fitted::last_rows_sql;
use crate::identity::tables::{MATCH_LINKS, table};
use crate::warehouse::catalog::Session;

/// Columns: `position` in the order in which the rules are asked, `rule`, `pairs` in its blocks, of
/// these `added_pairs` that no earlier rule found when all were last compared, and `links` they are now;
/// `blocks` of two records and more, `largest_block` and `block_limit` in records, `skipped_blocks` above
/// the limit.
pub async fn frame(session: &Session, pipeline: &str) -> Result<DataFrame> {
    let metric =
        |name: &str| format!("cast(max(value) filter (where name = 'rule.{name}') as bigint) as {name}");
    let sql = format!(
        "select r.position, r.rule, r.pairs, r.added_pairs, coalesce(l.links, 0) as links, r.blocks,
                r.largest_block, r.skipped_blocks, r.block_limit
         from (select position, max(note) as rule, {metrics} from ({rows}) where name like 'rule.%' group by position) as r
         left join (select rule, count(*) as links from {links} where decision = '{linked}' group by rule) as l
           on l.rule = r.rule",
        metrics = ["pairs", "added_pairs", "blocks", "largest_block", "skipped_blocks", "block_limit"]
            .map(metric)
            .join(", "),
        rows = last_rows_sql(Some(pipeline)),
        links = table(MATCH_LINKS),
        linked = Decision::Linked.as_str(),
    );
    session.sql(&sql).await.doing("write what the blocking rules found")
}
