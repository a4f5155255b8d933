//! The decision about every customer of the base, and what is read from it.

use arrow::datatypes::DataType;
use datafusion::logical_expr::{JoinType, col};
use datafusion::prelude::DataFrame;

use super::consent::{agreed_sql, require_columns};
use super::{Audience, DECISIONS, table};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};

/// The reasons of an audience in the order they are tried; position 0 is the whole base.
pub fn reasons(audience: &Audience) -> Vec<String> {
    let mut reasons = vec!["base".to_owned(), "outside the rule".to_owned()];
    reasons.extend(audience.exclusions.iter().map(|e| e.reason.clone()));
    if audience.consent {
        let purposes = audience.purposes.join(", ");
        let purposes = if purposes.is_empty() { purposes } else { format!(": {purposes}") };
        reasons.push(format!("no consent for {}{purposes}", audience.channel));
    }
    reasons.push("no rank: the ranking expression is null".to_owned());
    reasons.push("beyond the limit".to_owned());
    reasons.push("control group".to_owned());
    reasons.push("on the list".to_owned());
    reasons
}

/// Decides about every customer of the base: `audience, customer_id, position, reason, score, rank`.
///
/// `position` is that of the reason in the waterfall; `rank` counts from 1 over those who remain
/// after all exclusions, control group included.
pub async fn decide(catalog: &Catalog, audience: &Audience, as_of: Instant) -> Result<DataFrame> {
    decide_in(catalog, audience, as_of).await.map_err(|e| e.at(format!("audience {}", audience.name)))
}

async fn decide_in(catalog: &Catalog, audience: &Audience, as_of: Instant) -> Result<DataFrame> {
    let session = catalog.session(&audience.reads(), Some(as_of)).await?;
    if audience.consent {
        require_columns(&session, audience).await?;
    }
    let candidates = candidates(&session, audience).await?;
    understand(&candidates, audience)?;
    session.register_view(&TableName::new("audience", "candidates")?, candidates)?;
    let sql = decision_sql(audience);
    session.sql(&sql).await.doing("plan the rule").map_err(|e| {
        e.hint("`where`, `exclude` and `rank_by` are SQL over the columns of the tables in `from`")
    })
}

/// Each expression on its own, so that the message can say which one is wrong.
fn understand(candidates: &DataFrame, audience: &Audience) -> Result<()> {
    let mut errors = Vec::new();
    let mut conditions = vec![("where".to_owned(), &audience.rule)];
    conditions
        .extend(audience.exclusions.iter().map(|e| (format!("exclude \"{}\"", e.reason), &e.condition)));
    for (key, text) in &conditions {
        match type_of(candidates, text) {
            Ok(DataType::Boolean | DataType::Null) => {}
            Ok(other) => errors.push(
                Error::config(format!("`{text}` is {other}, expected a condition that is true or false"))
                    .at(key.clone()),
            ),
            Err(error) => errors.push(error.at(key.clone())),
        }
    }
    match type_of(candidates, &audience.rank_by) {
        Ok(kind) if kind.is_numeric() || kind == DataType::Null => {}
        Ok(other) => errors.push(
            Error::config(format!("`{}` is {other}, expected a number to rank by", audience.rank_by))
                .at("rank_by"),
        ),
        Err(error) => errors.push(error.at("rank_by")),
    }
    Error::all(errors)
}

fn type_of(candidates: &DataFrame, text: &str) -> Result<DataType> {
    // `$as_of` stands for an instant; its type is known only once it is bound.
    if text.contains("$as_of") {
        return Ok(DataType::Null);
    }
    let doing = || format!("understand `{text}`");
    let frame = candidates
        .parse_sql_expr(text)
        .and_then(|expression| candidates.clone().select(vec![expression.alias("asked")]))
        .doing(doing())?;
    Ok(frame.schema().field(0).data_type().clone())
}

/// The base with the columns of the other tables; a column that two tables have is the first's.
async fn candidates(session: &Session, audience: &Audience) -> Result<DataFrame> {
    let mut tables = audience.from.iter();
    let base = tables.next().ok_or_else(|| Error::config("an audience is drawn from at least one table"))?;
    let mut frame = session.table(base).await?;
    for name in tables {
        let other = session.table(name).await?;
        let taken: Vec<String> = frame.schema().fields().iter().map(|f| f.name().clone()).collect();
        let mut columns = vec![col("customer_id").alias("joined_customer_id")];
        columns.extend(
            other
                .schema()
                .fields()
                .iter()
                .filter(|f| !taken.contains(f.name()))
                .map(|f| col(datafusion::common::Column::from_name(f.name()))),
        );
        frame = other
            .select(columns)
            .and_then(|other| {
                frame.join(other, JoinType::Left, &["customer_id"], &["joined_customer_id"], None)
            })
            .and_then(|joined| joined.drop_columns(&["joined_customer_id"]))
            .doing(format!("join {name} by customer_id"))?;
    }
    Ok(frame)
}

fn decision_sql(audience: &Audience) -> String {
    let reasons = reasons(audience);
    // Counted from the end: an author may call an exclusion "control group", too.
    let [no_rank, beyond, control, listed] = [4, 3, 2, 1].map(|from_end| reasons.len() - from_end);
    let mut cases = format!("when not coalesce(({}), false) then 1\n", audience.rule);
    for (n, exclusion) in audience.exclusions.iter().enumerate() {
        cases.push_str(&format!("when coalesce(({}), false) then {}\n", exclusion.condition, n + 2));
    }
    let (consents, consent_join) = if audience.consent {
        cases.push_str(&format!("when granted.customer_id is null then {}\n", no_rank - 1));
        (
            format!("granted as ({}),", agreed_sql(audience)),
            "left join granted on granted.customer_id = base.customer_id",
        )
    } else {
        (String::new(), "")
    };
    let limit = audience.limit.map_or("false".to_owned(), |limit| format!("place > {limit}"));
    let labels: String =
        reasons.iter().enumerate().map(|(n, reason)| format!("when {n} then {}\n", quoted(reason))).collect();
    format!(
        "with {consents}
         judged as (
           select base.customer_id,
             cast(({rank_by}) as double) as score,
             case {cases} when ({rank_by}) is null or isnan(cast(({rank_by}) as double)) then {no_rank} else 0 end as off
           from audience.candidates as base {consent_join}),
         placed as (
           select customer_id, score, off,
             case when off = 0 then row_number() over (partition by off order by score desc, customer_id) end as place
           from judged),
         decided as (
           select customer_id, score, place,
             case when off > 0 then off
                  when {limit} then {beyond}
                  when encode(sha256(concat({salt}, ':', cast(customer_id as varchar))), 'hex') < '{threshold}' then {control}
                  else {listed} end as position
           from placed)
         select {name} as audience, customer_id, cast(position as bigint) as position,
           case position {labels} end as reason, score, cast(place as bigint) as rank
         from decided",
        rank_by = audience.rank_by,
        salt = quoted(&format!("{}:{}", audience.salt, audience.name)),
        threshold = hex_threshold(audience.control),
        name = quoted(&audience.name),
    )
}

/// The share as a bound on the first 64 bits of a hash in hexadecimal.
fn hex_threshold(share: f64) -> String {
    // 2^64 as a float; a share below 1 stays below it.
    format!("{:016x}", (share * 18_446_744_073_709_551_616.0) as u64)
}

/// The lists, read from the decisions: one row a person, the control group marked.
pub async fn lists(catalog: &Catalog, audiences: &[Audience]) -> Result<DataFrame> {
    let rows: Vec<String> = audiences
        .iter()
        .map(|a| {
            let listed = reasons(a).len() - 1;
            format!("({}, {}, cast({listed} as bigint))", quoted(&a.name), quoted(&a.channel))
        })
        .collect();
    let sql = format!(
        "select d.audience, d.customer_id, a.channel, d.rank, d.score, d.position = a.listed - 1 as is_control
         from {}.{} as d join (values {}) as a(audience, channel, listed) on a.audience = d.audience
         where d.position >= a.listed - 1",
        DECISIONS.0,
        DECISIONS.1,
        rows.join(", ")
    );
    let session = catalog.session([&table(DECISIONS)], None).await?;
    session.sql(&sql).await.doing("draw the lists")
}

/// The waterfall: the base, what each reason took away, the control group, the list. Every reason
/// has its row, also when it met nobody.
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
        "with counted as (select audience, position, count(*) as n from {0}.{1} group by audience, position),
         total as (select audience, sum(n) as n from counted group by audience)
         select w.audience, w.position, w.reason,
           cast(case when w.position = 0 then coalesce(t.n, 0) else coalesce(c.n, 0) end as bigint) as customers
         from (values {2}) as w(audience, position, reason)
         left join counted as c on c.audience = w.audience and c.position = w.position
         left join total as t on t.audience = w.audience",
        DECISIONS.0,
        DECISIONS.1,
        rows.join(", ")
    );
    let session = catalog.session([&table(DECISIONS)], None).await?;
    session.sql(&sql).await.doing("draw the waterfall")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_bound_on_the_hash() {
        assert_eq!(hex_threshold(0.0), "0000000000000000");
        assert_eq!(hex_threshold(0.5), "8000000000000000");
        assert_eq!(hex_threshold(0.1), "1999999999999a00");
    }
}
