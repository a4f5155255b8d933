//! Audiences that read the score of a model which may be no better than chance.
//!
//! A model is weak where the interval of its figures reaches what chance would give: the AUC or the lift of a propensity, the
//! Qini coefficient of an uplift; the fit says so in `ops.models`. Which scores an audience reads follows from column names:
//! those of a propensity `churn` are `churn_probability`, those of an uplift `letter` are `letter_uplift`,
//! `letter_incremental_profit` and `letter_decile`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::ast::{Expr, Visit, Visitor};

use super::definition::{Audience, WeakModel};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::ops::models;
use crate::sql_text::in_short;
use crate::step::StepContext;

/// The ends of the names of tables of scores, of the columns that depend on how good the model is, and what `ops.models` calls
/// the models.
const SCORES: [(&str, &[&str], &str); 2] = [
    ("_scores", &["_probability"], "propensity"),
    ("_uplift", &["_uplift", "_incremental_profit", "_decile"], "uplift"),
];

/// Returns the columns with scores of models, by the tables that a pipeline makes.
pub fn score_columns(made: &BTreeSet<TableName>) -> BTreeSet<String> {
    let of_table = |table: &TableName| {
        let of_kind = |(of_table, columns, _): &(&str, &[&str], &str)| {
            let model = table.table().strip_suffix(of_table).filter(|_| table.schema() == "mart");
            model.map(|model| columns.iter().map(|column| format!("{model}{column}")).collect::<Vec<_>>())
        };
        SCORES.iter().filter_map(of_kind).flatten().collect::<Vec<_>>()
    };
    made.iter().flat_map(of_table).collect()
}

/// Returns the models that a column may be the score of, each with its kind.
fn models_of(column: &str) -> impl Iterator<Item = (&str, &'static str)> {
    SCORES.iter().flat_map(move |(_, columns, kind)| {
        columns.iter().filter_map(move |end| Some((column.strip_suffix(end)?, *kind)))
    })
}

/// Returns the scores among these that an expression reads; none where it does not parse.
pub fn scores_read(sql: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
    let mut read = Scores { known, found: BTreeSet::new() };
    if let Ok(expression) = DFParser::parse_sql_into_expr(sql) {
        let ControlFlow::Continue(()) = expression.expr.visit(&mut read);
    }
    read.found
}

/// Returns which of the scores that audiences read are of weak models.
///
/// # Errors
/// Every audience that refuses weak models and reads one; models that cannot be read.
pub(super) async fn weak_models(context: &StepContext, audiences: &[Audience]) -> Result<BTreeSet<String>> {
    let read: BTreeSet<&String> = audiences.iter().flat_map(|audience| &audience.scores).collect();
    let mut weak = BTreeSet::new();
    for score in read {
        for (model, kind) in models_of(score) {
            if is_weak(context, model, kind).await? {
                weak.insert(score.clone());
            }
        }
    }
    let refusing = audiences.iter().filter(|audience| audience.weak_model == WeakModel::Refuse);
    let refused = refusing.flat_map(|audience| {
        said(audience, &weak).into_iter().map(|(score, said)| {
            Error::failed(said)
                .hint(format!(
                    "look at the model's {} in ops.models; weak_model = \"warn\" draws the list of it nevertheless, and \
                     taking {score} out draws it without",
                    if score.ends_with("_probability") { "auc_low and top_decile_lift_low" } else { "qini_low" }
                ))
                .at(format!("audience {}", audience.name))
        })
    });
    Error::all(refused.collect())?;
    Ok(weak)
}

/// Returns a warning for each score of a weak model that an audience reads.
pub(super) fn warnings(audiences: &[Audience], weak: &BTreeSet<String>) -> Vec<String> {
    let of_one = |audience: &Audience| {
        let said = said(audience, weak).into_iter();
        said.map(|(_, said)| format!("audience {}: {said}", audience.name)).collect::<Vec<_>>()
    };
    audiences.iter().flat_map(of_one).collect()
}

/// Returns each score of a weak model that an audience reads, with where and what that means.
fn said(audience: &Audience, weak: &BTreeSet<String>) -> Vec<(String, String)> {
    let scores = audience.scores.iter().filter(|score| weak.contains(*score));
    let of_score = |score: &String| {
        let uses: Vec<String> = audience
            .expressions()
            .into_iter()
            .filter(|(_, sql)| scores_read(sql, &audience.scores).contains(score))
            .map(|(key, sql)| format!("{key} `{}`", in_short(&sql)))
            .collect();
        (score.clone(), format!("{}: {}", uses.join(", "), of_weak(score)))
    };
    scores.map(of_score).collect()
}

/// Returns what is to be said of a decision by this expression; `None` where it reads no score of a weak model.
pub(super) fn warning(sql: &str, weak: &BTreeSet<String>) -> Option<String> {
    let said: Vec<String> = scores_read(sql, weak).iter().map(|score| of_weak(score)).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn of_weak(score: &str) -> String {
    format!("{score} is of a model that may be no better than chance")
}

/// Whether the model in force is weak: that of this run, or, where it was not selected, of the last.
async fn is_weak(context: &StepContext, model: &str, kind: &str) -> Result<bool> {
    let table = models::table();
    if context.catalog.table(&table).await?.is_none() {
        return Ok(false);
    }
    let doing = "look whether a model is weak";
    let session = context.catalog.session([&table], Some(context.as_of)).await?;
    let rows = models::last_rows_by_then_sql(model, kind, &context.pipeline);
    let sql = format!("select 1 from ({rows}) where part = 'metric' and name = 'weak' and value = 1");
    Ok(session.sql(&sql).await.doing(doing)?.count().await.doing(doing)? > 0)
}

struct Scores<'k> {
    known: &'k BTreeSet<String>,
    found: BTreeSet<String>,
}

enum Never {}

impl Visitor for Scores<'_> {
    type Break = Never;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Never> {
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        let column = name.map(|name| name.value.to_lowercase()).unwrap_or_default();
        self.found.extend(self.known.get(&column).cloned());
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_told_by_its_name_wherever_it_stands() {
        let made = ["mart.churn_scores", "mart.buys_scores", "mart.letter_uplift", "core.raw_scores"];
        let known = score_columns(&made.iter().map(|table| table.parse().unwrap()).collect());
        let found = |sql: &str| scores_read(sql, &known).into_iter().collect::<Vec<_>>();
        assert_eq!(found("churn_probability * net_amount"), ["churn_probability"]);
        assert_eq!(
            found("churn_scores.CHURN_PROBABILITY > 0.3 and not (base.buys_probability is null)"),
            ["buys_probability", "churn_probability"]
        );
        assert_eq!(found("letter_incremental_profit > 0"), ["letter_incremental_profit"]);
        assert_eq!(models_of("letter_uplift").collect::<Vec<_>>(), [("letter", "uplift")]);
        assert!(
            found(
                "win_probability > 0.3 and raw_probability > 0 and churn = 1 and note = 'churn_probability'"
            )
            .is_empty()
        );
        assert!(found("churn_probability >").is_empty());
    }
}
