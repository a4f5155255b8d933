//! Evaluates, for every customer of the base, one column per question: the conditions, the consents, the
//! number to rank by.

use arrow::datatypes::DataType;
use datafusion::common::Column;
use datafusion::logical_expr::{Expr, cast, col, lit, when};
use datafusion::prelude::DataFrame;

use super::candidates::{Candidates, of_base, plain};
use super::condition::{BoundCondition, Reader, marked};
use super::consent::Consents;
use super::definition::{Audience, Condition};
use super::grain::CUSTOMER_ID;
use crate::error::{Context, Error, Result};
use crate::sql_text::in_short;
use crate::sql_type::sql_type;
use crate::warehouse::catalog::{Catalog, Session};

/// The column of the number to rank by.
pub(super) const WORTH: &str = "worth";
/// The column that says whether the customer agreed to all the purposes.
pub(super) const AGREED: &str = "agreed";

/// Returns the column of a condition, counted from 0 over `where`, `exclude` and `reachable`: 1 where it holds, 0 where it
/// does not, null where that is unknown or the customer was off before.
pub(super) fn condition_column(nth: usize) -> String {
    format!("__condition_{nth}")
}

/// A question to every customer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Question<'a> {
    Rule(&'a Condition),
    Exclusion(&'a Condition),
    Consent,
    Reach(&'a Condition),
    Worth,
}

impl Question<'_> {
    /// Returns the key of the audience that asks it.
    pub fn key(&self, audience: &Audience) -> String {
        match self {
            Question::Rule(_) if audience.rules.len() == 1 => "where".to_owned(),
            Question::Rule(condition) => format!("where \"{}\"", condition.reason),
            Question::Exclusion(condition) => format!("exclude \"{}\"", condition.reason),
            Question::Consent => "consent".to_owned(),
            Question::Reach(_) => "reachable".to_owned(),
            Question::Worth => "rank_by".to_owned(),
        }
    }
}

/// Returns the questions of an audience in the order in which they are asked.
pub(super) fn questions(audience: &Audience) -> Vec<Question<'_>> {
    let rules = audience.rules.iter().map(Question::Rule);
    let exclusions = audience.exclusions.iter().map(Question::Exclusion);
    let consent = audience.consent.then_some(Question::Consent);
    let reach = audience.reached_by.iter().map(Question::Reach);
    rules.chain(exclusions).chain(consent).chain(reach).chain([Question::Worth]).collect()
}

/// Asks the customers of one audience.
pub(super) struct Evaluation<'a> {
    pub catalog: &'a Catalog,
    pub session: &'a Session,
    pub candidates: &'a Candidates,
    pub consents: Option<&'a Consents>,
    pub audience: &'a Audience,
}

/// Answers, not yet computed.
pub(super) struct Answers {
    /// `customer_id` and a column per question, one row per customer.
    pub frame: DataFrame,
    /// The type of the number to rank by, if that was asked.
    pub worth: Option<DataType>,
}

impl Evaluation<'_> {
    /// Plans the answers to the questions.
    ///
    /// # Errors
    /// Invalid SQL, all errors at once; columns of the export that do not exist.
    pub async fn answers(&self, questions: &[Question<'_>]) -> Result<Answers> {
        let audience = self.audience;
        let mut reader = Reader::new(self.session, self.candidates)?;
        let mut errors = Vec::new();
        let mut conditions = Vec::new();
        let mut worth = None;
        for question in questions {
            let read = match question {
                Question::Rule(condition) | Question::Reach(condition) => {
                    truth(&mut reader, condition).await.map(|expr| conditions.push((true, expr)))
                }
                Question::Exclusion(condition) => {
                    truth(&mut reader, condition).await.map(|expr| conditions.push((false, expr)))
                }
                Question::Consent => Ok(()),
                Question::Worth => number(&mut reader, audience).await.map(|asked| worth = Some(asked)),
            };
            errors.extend(read.err().map(|error| error.at(question.key(audience))));
        }
        if let Err(error) = self.candidates.exported(&audience.export) {
            errors.push(error.at("export"));
        }
        Error::all(errors)?;

        let mut rows = reader.rows()?;
        let mut known = vec![of_base(CUSTOMER_ID).alias(CUSTOMER_ID)];
        let consents = self.consents.filter(|_| questions.iter().any(|q| matches!(q, Question::Consent)));
        if let Some(consents) = consents {
            let mut agrees = lit(true);
            let agreed = consents.agreed(self.catalog, self.session, audience).await?;
            for (nth, agreed) in agreed.into_iter().enumerate() {
                let name = format!("{AGREED}_{nth}");
                rows = marked(rows, agreed, &name)?;
                agrees = agrees.and(col(Column::new(Some(name), "mark")));
            }
            known.push(agrees.alias(AGREED));
        }
        let doing = "combine the conditions";
        // Customers that are already off are not evaluated: `10 / orders` may rely on a rule before it.
        let mut remains: Option<Expr> = None;
        for (nth, (is_rule, expr)) in conditions.into_iter().enumerate() {
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
        }
        let worth = worth.map(|BoundCondition { expr, kind }| {
            known.push(expr.alias(WORTH));
            kind
        });
        let frame = rows.select(known).doing(doing)?;
        Ok(Answers { frame, worth })
    }
}

/// Reads a condition.
async fn truth(reader: &mut Reader<'_>, condition: &Condition) -> Result<Expr> {
    let asked = reader.read(&condition.sql).await?;
    match asked.kind {
        DataType::Boolean | DataType::Null => Ok(cast(asked.expr, DataType::Boolean)),
        kind => Err(Error::config(format!(
            "`{}` is {}, expected a condition that is true or false",
            in_short(&condition.sql),
            sql_type(&kind)
        ))
        .in_part(&condition.sql, &condition.sql)),
    }
}

/// Reads what the audience ranks by.
async fn number(reader: &mut Reader<'_>, audience: &Audience) -> Result<BoundCondition> {
    let asked = reader.read(&audience.rank_by).await?;
    match asked.kind {
        DataType::Null => {
            Ok(BoundCondition { expr: cast(asked.expr, DataType::Float64), kind: DataType::Float64 })
        }
        kind if kind.is_numeric() => Ok(BoundCondition { expr: asked.expr, kind }),
        kind => Err(Error::config(format!(
            "`{}` is {}, expected a number to rank by",
            in_short(&audience.rank_by),
            sql_type(&kind)
        ))
        .in_part(&audience.rank_by, &audience.rank_by)),
    }
}
