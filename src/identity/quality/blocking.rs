//! `mart.blocking_rules`, how many of the compared pairs each rule found, and `mart.blocking_proposals`, what
//! others would find.

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

/// Columns: `position`, the most worthwhile first, `rule` as the keys of a blocking rule, `pairs` that it would
/// add to those compared, of which about `true_pairs` are of one person by the estimated parameters, `pays`
/// where these are worth it; `largest_block` and `block_limit` in records, `skipped_blocks` above the limit.
/// Counted when the parameters were estimated.
pub async fn proposals(session: &Session, pipeline: &str) -> Result<DataFrame> {
    let metric = |name: &str| format!("max(value) filter (where name = 'proposal.{name}')");
    let count = |name: &str| format!("cast({} as bigint) as {name}", metric(name));
    let sql = format!(
        "select position, max(note) as rule, {pairs}, {true_pairs} as true_pairs, {pays} > 0e0 as pays, {blocks}
         from ({rows}) where name like 'proposal.%' group by position",
        pairs = count("pairs"),
        true_pairs = metric("true_pairs"),
        pays = metric("pays"),
        blocks = ["largest_block", "skipped_blocks", "block_limit"].map(count).join(", "),
        rows = last_rows_sql(Some(pipeline)),
    );
    session.sql(&sql).await.doing("write what further blocking rules would find")
}
