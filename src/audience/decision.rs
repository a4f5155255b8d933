//! The decision about every customer of the base.

use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, cast, col, lit, when};
use datafusion::prelude::DataFrame;

use super::candidates::{Candidates, of_base, plain};
use super::condition::{Asked, Reader, marked};
use super::consent::Consents;
use super::grain::{self, CUSTOMER_ID, Grain};
use super::unknown::BETWEEN;
use super::waterfall::{Positions, reasons};
use super::{Audience, Condition};
use crate::clock::Instant;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::warehouse::catalog::{Catalog, Session};

/// What all audiences of a run have in common, looked at once.
#[derive(Debug)]
pub struct Drawing {
    as_of: Instant,
    grain: Grain,
    consents: Option<Consents>,
}

/// The decisions about one audience, not yet computed.
pub struct Decided {
    /// `audience, customer_id, position, reason, score, rank, unknown`, one row a customer of the base.
    ///
    /// `position` is that of the reason in the waterfall; `rank` counts from 1 over those who remain
    /// after all exclusions, control group included; `unknown` has the reasons whose condition was null.
    pub frame: DataFrame,
    /// Customers of the base.
    pub customers: u64,
    /// Each expression alone, by its key: what cannot be computed is found among them.
    parts: Vec<(String, DataFrame)>,
}

impl Drawing {
    /// Looks at what the audiences are drawn from.
    ///
    /// # Errors
    /// Tables that are not one row a customer, consents that do not fit the audiences.
    pub async fn begin(catalog: &Catalog, audiences: &[Audience], as_of: Instant) -> Result<Drawing> {
        let consents = Consents::survey(catalog, audiences, as_of).await?;
        let grain = grain::count(catalog, audiences, Some(as_of)).await?;
        Ok(Drawing { as_of, grain, consents })
    }

    /// What is to be told of the consents.
    pub fn warnings(&self, audiences: &[Audience]) -> Vec<String> {
        self.consents.as_ref().map(|consents| consents.warnings(audiences)).unwrap_or_default()
    }

    /// Plans the decision about every customer of the audience's base.
    ///
    /// # Errors
    /// SQL that cannot be understood, all of it at once; columns of the export that are not there.
    pub async fn decide(&self, catalog: &Catalog, audience: &Audience) -> Result<Decided> {
        self.decide_in(catalog, audience).await.map_err(|e| e.at(format!("audience {}", audience.name)))
    }

    async fn decide_in(&self, catalog: &Catalog, audience: &Audience) -> Result<Decided> {
        let session = catalog.session(&audience.reads(), Some(self.as_of)).await?;
        let candidates = Candidates::open(&session, audience).await?;
        let asked = self.asked(catalog, &session, &candidates, audience).await?;
        let view = TableName::new("audience", "asked")?;
        session.register_view(&view, asked.frame.clone())?;
        let sql = decision_sql(audience, &asked.worth, &self.grain.id_type, &view);
        let frame = session.sql(&sql).await.doing("plan the decisions")?;
        let parts = asked
            .parts
            .into_iter()
            .map(|(key, column)| {
                let part = asked.frame.clone().select(vec![plain(&column)]).doing("plan a condition")?;
                Ok((key, part))
            })
            .collect::<Result<_>>()?;
        let customers = audience.from.first().and_then(|base| self.grain.rows.get(base)).copied();
        Ok(Decided { frame, customers: customers.unwrap_or(0), parts })
    }

    /// One row a customer: what each condition says, whether they agreed, and what they rank by.
    async fn asked(
        &self,
        catalog: &Catalog,
        session: &Session,
        candidates: &Candidates,
        audience: &Audience,
    ) -> Result<Answers> {
        let mut reader = Reader::new(session, candidates)?;
        let mut errors = Vec::new();
        let mut conditions = Vec::new();
        let rules = audience.rules.iter().map(|rule| (true, rule));
        let all: Vec<(bool, &Condition)> =
            rules.chain(audience.exclusions.iter().map(|exclusion| (false, exclusion))).collect();
        for (is_rule, condition) in all {
            let key = key(audience, is_rule, condition);
            match reader.read(&condition.sql).await {
                Ok(asked) if matches!(asked.kind, DataType::Boolean | DataType::Null) => {
                    conditions.push((key, is_rule, cast(asked.expr, DataType::Boolean)));
                }
                Ok(asked) => errors.push(
                    Error::config(format!(
                        "`{}` is {}, expected a condition that is true or false",
                        condition.sql, asked.kind
                    ))
                    .at(key),
                ),
                Err(error) => errors.push(error.at(key)),
            }
        }
        let worth = match reader.read(&audience.rank_by).await {
            Ok(asked) if asked.kind == DataType::Null => {
                Some(Asked { expr: cast(asked.expr, DataType::Float64), kind: DataType::Float64 })
            }
            Ok(asked) if asked.kind.is_numeric() => Some(asked),
            Ok(asked) => {
                let found = format!("`{}` is {}, expected a number to rank by", audience.rank_by, asked.kind);
                errors.push(Error::config(found).at("rank_by"));
                None
            }
            Err(error) => {
                errors.push(error.at("rank_by"));
                None
            }
        };
        if let Err(error) = candidates.exported(&audience.export) {
            errors.push(error.at("export"));
        }
        Error::all(errors)?;
        let worth = worth.expect("a ranking that could not be read is an error");

        let mut rows = reader.rows()?;
        let mut known = vec![of_base(CUSTOMER_ID).alias(CUSTOMER_ID), worth.expr.alias(WORTH)];
        if let Some(consents) = self.consents.as_ref().filter(|_| audience.consent) {
            let mut agrees = lit(true);
            for (nth, agreed) in consents.agreed(catalog, session, audience).await?.into_iter().enumerate() {
                let name = format!("{AGREED}_{nth}");
                rows = marked(rows, agreed, &name)?;
                agrees = agrees.and(col(Column::new(Some(name), "mark")));
            }
            known.push(agrees.alias(AGREED));
        }
        let doing = "put the conditions together";
        let mut parts = Vec::new();
        // Who is off already is not asked any more: `10 / orders` may rely on a rule before it.
        let mut remains: Option<Expr> = None;
        for (nth, (key, is_rule, expr)) in conditions.into_iter().enumerate() {
            let name = condition_column(nth);
            // A number: of two truth values the engine makes `and`, which asks both of everybody.
            let number = cast(expr, DataType::Int8);
            let asked = match remains.clone() {
                None => number,
                Some(remains) => when(remains, number).end().doing(doing)?,
            };
            let every: Vec<Expr> =
                rows.schema().columns().into_iter().map(Expr::Column).chain([asked.alias(&name)]).collect();
            rows = rows.select(every).doing(doing)?;
            let holds = plain(&name).eq(lit(1_i8));
            let passes = if is_rule { holds.is_true() } else { holds.is_not_true() };
            remains = Some(match remains {
                None => passes,
                Some(remains) => remains.and(passes),
            });
            known.push(plain(&name));
            parts.push((key, name));
        }
        parts.push(("rank_by".to_owned(), WORTH.to_owned()));
        let frame = rows.select(known).doing(doing)?;
        Ok(Answers { frame, worth: worth.kind, parts })
    }
}

struct Answers {
    frame: DataFrame,
    /// The type of what they rank by.
    worth: DataType,
    parts: Vec<(String, String)>,
}

const WORTH: &str = "worth";
const AGREED: &str = "agreed";
/// The largest number that a float holds.
const LARGEST: &str = "1.7976931348623157e308";

fn condition_column(nth: usize) -> String {
    format!("__condition_{nth}")
}

/// Where a condition stands in the pipeline file.
fn key(audience: &Audience, is_rule: bool, condition: &Condition) -> String {
    match (is_rule, audience.rules.len()) {
        (true, 1) => "where".to_owned(),
        (true, _) => format!("where \"{}\"", condition.reason),
        (false, _) => format!("exclude \"{}\"", condition.reason),
    }
}

impl Decided {
    /// The error with the key of the expression that cannot be computed, if one alone cannot.
    pub async fn blame(self, audience: &Audience, error: Error) -> Error {
        let place = format!("audience {}", audience.name);
        for (key, part) in self.parts {
            if let Err(found) = part.collect().await.doing("compute it for every customer") {
                return found.at(key).at(place);
            }
        }
        error.at(place)
    }
}

fn decision_sql(audience: &Audience, worth: &DataType, id_type: &DataType, asked: &TableName) -> String {
    let positions = Positions::of(audience);
    let (rules, all) = (audience.rules.len(), audience.rules.len() + audience.exclusions.len());
    let mut cases = String::new();
    let (mut unknown, mut nulls) = (Vec::new(), Vec::new());
    for nth in 0..all {
        let (name, position) = (condition_column(nth), nth + 1);
        let off = if nth < rules { "is not true" } else { "is true" };
        cases.push_str(&format!("when ({name} = 1) {off} then {position}\n"));
        // Null also where the customer was off before; a rule that is null is itself what decides.
        let reached: Vec<String> = (0..nth)
            .map(|before| {
                let passes = if before < rules { "is true" } else { "is not true" };
                format!(" and ({} = 1) {passes}", condition_column(before))
            })
            .collect();
        let reason = audience.rules.iter().chain(&audience.exclusions).nth(nth).map(|c| c.reason.as_str());
        let null = format!("{name} is null{}", reached.concat());
        unknown.push(format!(
            "case when {null} then {} else '' end",
            quoted(&format!("{BETWEEN}{}", reason.unwrap_or_default()))
        ));
        nulls.push(format!("({null})"));
    }
    if let Some(consent) = positions.consent {
        cases.push_str(&format!("when {AGREED} is not true then {consent}\n"));
    }
    cases.push_str(&format!("when {WORTH} is null then {}\n", positions.null_rank));
    let mut ranked = WORTH.to_owned();
    if worth.is_floating() {
        // Not a number and infinities are all above the largest number; a minus before zero is none.
        let infinite = positions.infinite_rank;
        cases.push_str(&format!("when isnan({WORTH}) or abs({WORTH}) > {} then {infinite}\n", LARGEST));
        ranked = format!(
            "case when abs({WORTH}) = 0 then abs({WORTH}) when isnan({WORTH}) or abs({WORTH}) > {LARGEST} then null \
             else {WORTH} end"
        );
    }
    let Positions { beyond, control, listed, .. } = positions;
    let limit = audience.limit.map_or("false".to_owned(), |limit| format!("place > {limit}"));
    let labels: String = reasons(audience)
        .iter()
        .enumerate()
        .map(|(n, reason)| format!("when {n} then {}\n", quoted(reason)))
        .collect();
    format!(
        "with judged as (
           select {CUSTOMER_ID}, {ranked} as worth, case {cases} else 0 end as off,
             case when {somewhere} then substr({unknown}, {after_first}) end as unknown
           from {asked}),
         placed as (
           select {CUSTOMER_ID}, worth, off, unknown,
             case when off = 0 then
               row_number() over (partition by off order by worth desc, {CUSTOMER_ID}) end as place
           from judged),
         decided as (
           select {CUSTOMER_ID}, worth, unknown, place,
             case when off > 0 then off
                  when {limit} then {beyond}
                  when encode(sha256(concat({salt}, ':', cast({CUSTOMER_ID} as varchar))), 'hex') < '{threshold}' then {control}
                  else {listed} end as position
           from placed)
         select {name} as audience, arrow_cast({CUSTOMER_ID}, '{id_type}') as {CUSTOMER_ID},
           cast(position as bigint) as position, case position {labels} end as reason,
           cast(worth as double) as score, cast(place as bigint) as rank, unknown
         from decided order by {CUSTOMER_ID}",
        after_first = BETWEEN.len() + 1,
        // Texts are put together for those few only of whom something is not known.
        somewhere = nulls.join(" or "),
        unknown = unknown.join(" || "),
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
