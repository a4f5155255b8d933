//! Audiences that read the score of a model which may be no better than chance.
//!
//! A model is weak where the interval of its AUC or of its lift reaches what chance would give; the fit says so in
//! `ops.models`. Which scores an audience reads follows from column names: the score of a model `churn` is `churn_probability`.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::DFParser;
use datafusion::sql::sqlparser::ast::{Expr, Visit, Visitor};

use super::definition::{Audience, WeakModel};
use crate::error::{Context, Error, Result};
use crate::ops::models;
use crate::sql_text::in_short;
use crate::step::StepContext;

const SUFFIX: &str = "_probability";
/// What `ops.models` calls these models.
const KIND: &str = "propensity";

/// Returns the models among these whose score an expression reads; none where it does not parse.
pub fn scores_read(sql: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
    let mut read = Scores { known, found: BTreeSet::new() };
    if let Ok(expression) = DFParser::parse_sql_into_expr(sql) {
        let ControlFlow::Continue(()) = expression.expr.visit(&mut read);
    }
    read.found
}

/// Returns which of the models that audiences read are weak.
///
/// # Errors
/// Every audience that refuses weak models and reads one; models that cannot be read.
pub(super) async fn weak_models(context: &StepContext, audiences: &[Audience]) -> Result<BTreeSet<String>> {
    let read: BTreeSet<&String> = audiences.iter().flat_map(|audience| &audience.scores).collect();
    let mut weak = BTreeSet::new();
    for model in read {
        if is_weak(context, model).await? {
            weak.insert(model.clone());
        }
    }
    let refusing = audiences.iter().filter(|audience| audience.weak_model == WeakModel::Refuse);
    let refused = refusing.flat_map(|audience| {
        said(audience, &weak).into_iter().map(|(model, said)| {
            Error::failed(said)
                .hint(format!(
                    "look at the model's auc_low and top_decile_lift_low in ops.models; weak_model = \"warn\" \
                     draws the list of it nevertheless, and taking {model}{SUFFIX} out draws it without"
                ))
                .at(format!("audience {}", audience.name))
        })
    });
    Error::all(refused.collect())?;
    Ok(weak)
}

/// Returns a warning for each weak model that an audience reads.
pub(super) fn warnings(audiences: &[Audience], weak: &BTreeSet<String>) -> Vec<String> {
    let of_one = |audience: &Audience| {
        let said = said(audience, weak).into_iter();
        said.map(|(_, said)| format!("audience {}: {said}", audience.name)).collect::<Vec<_>>()
    };
    audiences.iter().flat_map(of_one).collect()
}

/// Returns each weak model that an audience reads, with where and what that means.
fn said(audience: &Audience, weak: &BTreeSet<String>) -> Vec<(String, String)> {
    let models = audience.scores.iter().filter(|model| weak.contains(*model));
    let of_model = |model: &String| {
        let uses: Vec<String> = audience
            .expressions()
            .into_iter()
            .filter(|(_, sql)| scores_read(sql, &audience.scores).contains(model))
            .map(|(key, sql)| format!("{key} `{}`", in_short(&sql)))
            .collect();
        (model.clone(), format!("{}: {}", uses.join(", "), of_weak(model)))
    };
    models.map(of_model).collect()
}

/// Returns what is to be said of a decision by this expression; `None` where it reads no score of a weak model.
pub(super) fn warning(sql: &str, weak: &BTreeSet<String>) -> Option<String> {
    let said: Vec<String> = scores_read(sql, weak).iter().map(|model| of_weak(model)).collect();
    (!said.is_empty()).then(|| said.join("; "))
}

fn of_weak(model: &str) -> String {
    format!("{model}{SUFFIX} is of a model that may be no better than chance")
}

/// Whether the model in force is weak: that of this run, or, where it was not selected, of the last.
async fn is_weak(context: &StepContext, model: &str) -> Result<bool> {
    let table = models::table();
    if context.catalog.table(&table).await?.is_none() {
        return Ok(false);
    }
    let doing = "look whether a model is weak";
    let session = context.catalog.session([&table], Some(context.as_of)).await?;
    let rows = models::last_rows_by_then_sql(model, KIND, &context.pipeline);
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
        self.found.extend(column.strip_suffix(SUFFIX).and_then(|model| self.known.get(model)).cloned());
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_told_by_its_name_wherever_it_stands() {
        let known = BTreeSet::from(["churn".to_owned(), "buys".to_owned()]);
        let found = |sql: &str| scores_read(sql, &known).into_iter().collect::<Vec<_>>();
        assert_eq!(found("churn_probability * net_amount"), ["churn"]);
        assert_eq!(
            found("churn_scores.CHURN_PROBABILITY > 0.3 and not (base.buys_probability is null)"),
            ["buys", "churn"]
        );
        assert!(found("win_probability > 0.3 and churn = 1 and note = 'churn_probability'").is_empty());
        assert!(found("churn_probability >").is_empty());
    }
}
