//! The lines of the waterfall, from the base to the list, and the tables made from the decisions.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::DataFrame;

use super::definition::Audience;
use super::tables::{DECISIONS, LISTS, WATERFALL, table};
use super::weak_models::warning;
use crate::error::{Context, Result};
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

/// The position of each line; 0 is the whole base, 1 the first condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Positions {
    /// After the conditions.
    pub consent: Option<usize>,
    /// Of the first condition to be reached; the others follow.
    reach: usize,
    /// Conditions before the consent.
    rules_and_exclusions: usize,
    pub null_rank: usize,
    pub infinite_rank: usize,
    pub beyond: usize,
    pub control: usize,
    pub listed: usize,
}

impl Positions {
    pub fn of(audience: &Audience) -> Positions {
        let first = 1 + audience.rules.len() + audience.exclusions.len();
        let reach = first + usize::from(audience.consent);
        let null_rank = reach + audience.reached_by.len();
        Positions {
            consent: audience.consent.then_some(first),
            reach,
            rules_and_exclusions: first - 1,
            null_rank,
            infinite_rank: null_rank + 1,
            beyond: null_rank + 2,
            control: null_rank + 3,
            listed: null_rank + 4,
        }
    }

    /// Returns the position of a condition, counted from 0 in the order in which they are asked.
    pub fn of_condition(&self, nth: usize) -> usize {
        match nth.checked_sub(self.rules_and_exclusions) {
            None => 1 + nth,
            Some(nth) => self.reach + nth,
        }
    }
}

/// Returns the reasons of an audience in the order they are tried; position 0 is the whole base.
pub fn reasons(audience: &Audience) -> Vec<String> {
    let mut reasons = vec!["base".to_owned()];
    reasons.extend(audience.rules.iter().chain(&audience.exclusions).map(|c| c.reason.clone()));
    if audience.consent {
        let purposes = audience.purposes.join(", ");
        let purposes = if purposes.is_empty() { purposes } else { format!(": {purposes}") };
        reasons.push(format!("no consent for {}{purposes}", audience.channel));
    }
    reasons.extend(audience.reached_by.iter().map(|c| c.reason.clone()));
    reasons.push("no rank: the ranking expression is null".to_owned());
    reasons.push("no rank: the ranking expression is infinite or no number".to_owned());
    reasons.push("beyond the limit".to_owned());
    reasons.push("control group".to_owned());
    reasons.push("on the list".to_owned());
    reasons
}

/// Returns the lists, read from the decisions: one row per person, the control group marked.
pub async fn lists(catalog: &Catalog, audiences: &[Audience]) -> Result<DataFrame> {
    let rows: Vec<String> = audiences
        .iter()
        .map(|a| {
            let listed = Positions::of(a).listed;
            format!("({}, {}, cast({listed} as bigint))", quoted(&a.name), quoted(&a.channel))
        })
        .collect();
    let sql = format!(
        "select d.audience, d.customer_id, a.channel, d.rank, d.score, d.position = a.listed - 1 as is_control
         from {} as d join (values {}) as a(audience, channel, listed) on a.audience = d.audience
         where d.position >= a.listed - 1",
        table(DECISIONS),
        rows.join(", ")
    );
    let session = catalog.session([&table(DECISIONS)], None).await?;
    session.sql(&sql).await.doing("make the lists")
}

/// Returns the waterfall: the base, what each reason took away, the control group, the list. Every reason
/// has its row, even with a count of 0; `condition` is the SQL that decides, where there is any, and `warning` says
/// which scores that the line depends on are of one of the `weak` models.
pub async fn waterfall(
    catalog: &Catalog,
    audiences: &[Audience],
    weak: &BTreeSet<String>,
) -> Result<DataFrame> {
    let text = |text: Option<String>| text.map_or("cast(null as varchar)".to_owned(), |text| quoted(&text));
    let rows: Vec<String> = audiences
        .iter()
        .flat_map(|audience| {
            let conditions = conditions(audience);
            let ranked = Positions::of(audience).beyond..;
            reasons(audience).into_iter().enumerate().map(move |(n, reason)| {
                let condition = conditions.get(&n);
                let decides = condition.or(ranked.contains(&n).then_some(&audience.rank_by));
                format!(
                    "({}, cast({n} as bigint), {}, {}, {})",
                    quoted(&audience.name),
                    quoted(&reason),
                    text(condition.cloned()),
                    text(decides.and_then(|sql| warning(sql, weak)))
                )
            })
        })
        .collect();
    let sql = format!(
        "with counted as (select audience, position, count(*) as n from {0} group by audience, position),
         total as (select audience, sum(n) as n from counted group by audience)
         select w.audience, w.position, w.reason,
           cast(case when w.position = 0 then coalesce(t.n, 0) else coalesce(c.n, 0) end as bigint) as customers,
           w.condition, w.warning
         from (values {1}) as w(audience, position, reason, condition, warning)
         left join counted as c on c.audience = w.audience and c.position = w.position
         left join total as t on t.audience = w.audience",
        table(DECISIONS),
        rows.join(", ")
    );
    let session = catalog.session([&table(DECISIONS)], None).await?;
    session.sql(&sql).await.doing("make the waterfall")
}

/// Returns the SQL that decides at each position that has some.
fn conditions(audience: &Audience) -> BTreeMap<usize, String> {
    let positions = Positions::of(audience);
    let asked = audience.conditions().enumerate();
    let mut conditions: BTreeMap<usize, String> =
        asked.map(|(nth, (condition, _))| (positions.of_condition(nth), condition.sql.clone())).collect();
    for ranked in [positions.null_rank, positions.infinite_rank] {
        conditions.insert(ranked, audience.rank_by.clone());
    }
    conditions
}

/// SQL of one number: the lines of the waterfall that say another number than the decisions, or, of
/// the control group and the list, than the lists.
pub fn disagreements_sql() -> String {
    format!(
        "with claimed as (
           select audience, position, customers,
             max(position) over (partition by audience) as listed from {waterfall}),
         numbers as (
           select 'decisions' as what, audience, position, customers as claimed, 0 as found from claimed
           union all
           select 'decisions', audience, position, 0, count(*) from {decisions} group by audience, position
           union all
           select 'decisions', audience, 0, 0, count(*) from {decisions} group by audience
           union all
           select 'lists', audience, position - listed, customers, 0 from claimed where position >= listed - 1
           union all
           select 'lists', audience, case when is_control then -1 else 0 end, 0, count(*)
           from {lists} group by audience, is_control)
         select count(*) from (
           select what, audience, position from numbers group by what, audience, position
           having sum(claimed) <> sum(found)) as wrong",
        waterfall = table(WATERFALL),
        decisions = table(DECISIONS),
        lists = table(LISTS),
    )
}
