//! Finds what changed since last night, so that only its pairs are compared.
//!
//! A pair of records has the same weight from night to night as long as both records and the parameters do
//! not change: its link is taken over. Compared are the pairs of new or changed records, and those of blocks
//! that were too large last night. So the links are the same as if all pairs had been compared.

use datafusion::prelude::DataFrame;

use super::candidates::Blocking;
use super::fitted::LastRows;
use super::model::Linkage;
use crate::error::{Context, Result};
use crate::identity::likeness;
use crate::identity::scratch::{self, Scratch};
use crate::identity::tables::{MATCH_LINKS, PERSON_RECORDS, table};
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};

/// Where more of the records changed, comparing all again costs less than carrying over.
const MOST_CHANGED: f64 = 0.2;

/// The tables of last night, as they were published.
pub struct LastNight {
    records: DataFrame,
    links: DataFrame,
}

impl LastNight {
    /// Must be asked for before this night's tables are known to the catalog. `None` when there was no
    /// night that linked.
    pub async fn of(catalog: &Catalog) -> Result<Option<LastNight>> {
        let (records, links) = (table(PERSON_RECORDS), table(MATCH_LINKS));
        for needed in [&records, &links] {
            if catalog.table(needed).await?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(LastNight {
            records: catalog.every_row(&records).await?,
            links: catalog.every_row(&links).await?,
        }))
    }

    fn know(&self, session: &Session) -> Result<()> {
        session.register_view(&last_records(), self.records.clone())?;
        session.register_view(&last_links(), self.links.clone())
    }
}

fn last_records() -> TableName {
    scratch::table("match_last_records")
}

fn last_links() -> TableName {
    scratch::table("match_last_links")
}

/// Returns the numbers of new and changed records.
fn news() -> TableName {
    scratch::table("match_news")
}

/// Returns the numbers of records whose pairs are compared; one may occur twice.
pub fn changed() -> TableName {
    scratch::table("match_changed")
}

/// Finds the records whose pairs are compared and stores their numbers; whether there are any, or `None`
/// where too many changed.
pub(super) async fn find_changed(
    scratch: &mut Scratch<'_>,
    night: &LastNight,
    last: &LastRows,
    blocking: &Blocking,
    keyed: &TableName,
    linkage: &Linkage,
    records: u64,
) -> Result<Option<u64>> {
    let doing = "find records that changed since the last run";
    let tonight = table(PERSON_RECORDS);
    let changed = changed();
    let session = scratch.session([&tonight]).await?;
    night.know(&session)?;
    let differs: Vec<String> =
        linkage.attribute_names().iter().map(|a| format!("(t.{a} is distinct from b.{a})")).collect();
    let same_record = "t.source = b.source and t.record_id = b.record_id";
    let sql = format!(
        "select t.record_number from {tonight} as t left join {before} as b on {same_record}
         where b.source is null or {differs}",
        before = last_records(),
        differs = differs.join(" or "),
    );
    let news = news();
    let found = scratch.put(&news, session.sql(&sql).await.doing(doing)?).await?;
    if found as f64 > records as f64 * MOST_CHANGED {
        return Ok(None);
    }
    let session = scratch.session([&tonight]).await?;
    let frame = session.sql(&format!("select record_number from {news}")).await.doing(doing)?;
    let mut compared = scratch.put(&changed, frame).await?;
    // Blocks that were too large last night and are not any more: their records were not compared. How
    // large they were follows from what is new and what has gone.
    for (n, rule) in linkage.blocking.iter().enumerate() {
        let limit = blocking.blocks[n].limit;
        let Some((last_limit, skipped)) = last.block_limit(n) else { return Ok(None) };
        if !skipped {
            continue;
        }
        let doing = || format!("find blocks of the rule {} that became smaller", rule.name());
        let session = scratch.session([&tonight]).await?;
        session.register_functions(likeness::functions());
        night.know(&session)?;
        let sql = format!(
            "with now as (
               select k.block_{n} as key, count(*) as records, count(c.record_number) as fresh
               from {keyed} as k left join {news} as c on c.record_number = k.record_number
               where k.block_{n} >= 0 group by k.block_{n}),
             gone as (
               select {key} as key, count(*) as records
               from (select b.* from {before} as b left join {tonight} as t on {same_record}
                     where t.source is null or {differs})
               group by 1)
             select record_number from {keyed}
             where block_{n} in (
               select now.key from now left join gone on now.key = gone.key
               where now.records > 1 and now.records <= {limit}
                 and now.records - now.fresh + coalesce(gone.records, 0) > {last_limit})",
            key = rule.sql(),
            before = last_records(),
            differs = differs.join(" or "),
        );
        let frame = session.sql(&sql).await.doing(doing())?;
        compared += scratch.put(&changed, frame).await?;
    }
    Ok(Some(compared))
}

/// Last night's links between records that stayed as they are, as pairs of tonight's numbers with the
/// columns of scored pairs. A link stays where some rule still compares its pair.
pub(super) async fn carried_over(
    scratch: &Scratch<'_>,
    night: &LastNight,
    blocking: &Blocking,
    keyed: &TableName,
    linkage: &Linkage,
) -> Result<DataFrame> {
    let tonight = table(PERSON_RECORDS);
    let session = scratch.session([&tonight]).await?;
    night.know(&session)?;
    let whens: Vec<String> =
        (0..linkage.blocking.len()).map(|n| format!(" when l.block_{n} = r.block_{n} then {n}")).collect();
    let keyed = format!(
        "(select record_number, {} from {keyed}
          where record_number not in (select record_number from {}))",
        blocking.keys.join(", "),
        changed()
    );
    let of_comparisons: Vec<String> = linkage
        .comparisons
        .iter()
        .map(|c| format!(", c.level_{0} as gamma_{0}, c.bits_{0}", c.name))
        .collect();
    let kept: Vec<String> =
        linkage.comparisons.iter().map(|c| format!(", gamma_{0}, bits_{0}", c.name)).collect();
    let sql = format!(
        "select record_number_l, record_number_r, rule{kept}, bits_household, match_weight, match_probability from (
           select a.record_number as record_number_l, b.record_number as record_number_r,
                  cast(case{whens} end as int) as rule{of_comparisons}, c.bits_household, c.match_weight, c.match_probability
           from {links} as c
           join {tonight} as a on a.source = c.source_l and a.record_id = c.record_id_l
           join {tonight} as b on b.source = c.source_r and b.record_id = c.record_id_r
           join {keyed} as l on l.record_number = a.record_number
           join {keyed} as r on r.record_number = b.record_number)
         where rule is not null",
        kept = kept.concat(),
        whens = whens.concat(),
        of_comparisons = of_comparisons.concat(),
        links = last_links(),
    );
    session.sql(&sql).await.doing("take over the links of the last run")
}
