//! The lines of the waterfall, from the base to the list, and the tables made from the decisions.

use datafusion::prelude::DataFrame;

use super::definition::Audience;
use super::tables::{DECISIONS, LISTS, WATERFALL, table};
use crate::error::{Context, Result};
use crate::sql_text::quoted;
use crate::warehouse::catalog::Catalog;

/// The position of each line; 0 is the whole base, 1 the first condition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Positions {
    /// After the conditions.
    pub consent: Option<usize>,
    pub null_rank: usize,
    pub infinite_rank: usize,
    pub beyond: usize,
    pub control: usize,
    pub listed: usize,
}

impl Positions {
    pub fn of(audience: &Audience) -> Positions {
        let first = 1 + audience.rules.len() + audience.exclusions.len();
        let null_rank = first + usize::from(audience.consent);
        Positions {
            consent: audience.consent.then_some(first),
            null_rank,
            infinite_rank: null_rank + 1,
            beyond: null_rank + 2,
            control: null_rank + 3,
            listed: null_rank + 4,
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
/// has its row, even with a count of 0.
pub async fn waterfall(catalog: &Catalog, audiences: &[Audience]) -> Result<DataFrame> {
    let rows: Vec<String> = audiences
        .iter()
        .flat_map(|a| {
            reasons(a)
                .into_iter()
                .enumerate()
                .map(|(n, reason)| format!("({}, cast({n} as bigint), {})", quoted(&a.name), quoted(&reason)))
        })
        .collect();
    let sql = format!(
        "with counted as (select audience, position, count(*) as n from {0} group by audience, position),
         total as (select audience, sum(n) as n from counted group by audience)
         select w.audience, w.position, w.reason,
           cast(case when w.position = 0 then coalesce(t.n, 0) else coalesce(c.n, 0) end as bigint) as customers
         from (values {1}) as w(audience, position, reason)
         left join counted as c on c.audience = w.audience and c.position = w.position
         left join total as t on t.audience = w.audience",
        table(DECISIONS),
        rows.join(", ")
    );
    let session = catalog.session([&table(DECISIONS)], None).await?;
    session.sql(&sql).await.doing("make the waterfall")
}

/// SQL of one number: the lines of the waterfall that say another number than the decisions, or, of
/// the control group and the list, than the lists.
pub fn disagreements_sql() -> String {
    format!(
        "with told as (
           select audience, position, customers,
             max(position) over (partition by audience) as listed from {waterfall}),
         numbers as (
           select 'decisions' as what, audience, position, customers as told, 0 as found from told
           union all
           select 'decisions', audience, position, 0, count(*) from {decisions} group by audience, position
           union all
           select 'decisions', audience, 0, 0, count(*) from {decisions} group by audience
           union all
           select 'lists', audience, position - listed, customers, 0 from told where position >= listed - 1
           union all
           select 'lists', audience, case when is_control then -1 else 0 end, 0, count(*)
           from {lists} group by audience, is_control)
         select count(*) from (
           select what, audience, position from numbers group by what, audience, position
           having sum(told) <> sum(found)) as wrong",
        waterfall = table(WATERFALL),
        decisions = table(DECISIONS),
        lists = table(LISTS),
    )
}
