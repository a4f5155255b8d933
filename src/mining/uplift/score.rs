//! A fitted uplift as SQL: arithmetic over the scaled features, so scoring streams and spills nothing.

use datafusion::functions::expr_fn::{exp, greatest, least};
use datafusion::logical_expr::{Expr, ident, lit, when};
use datafusion::prelude::DataFrame;
use datafusion::scalar::ScalarValue;

use super::learner::{Learner, Regressions};
use crate::error::{Context, Error, Result};
use crate::mining::fitted::{FittedModel, ModelKind, Part};
use crate::mining::logistic::Logistic;
use crate::mining::one_hot::OneHot;
use crate::mining::scaling::Scaling;
use crate::mining::{KEY, condition, matrix, score as arithmetic};

/// What scoring needs of a fitted uplift.
#[derive(Debug, Clone, PartialEq)]
pub struct Scorer {
    pub one_hot: OneHot,
    pub scaling: Scaling,
    pub regressions: Regressions,
    pub margin: f64,
    pub cost: f64,
    /// The least uplift of each tenth but the last.
    pub tenths: Vec<f64>,
}

/// The columns of the scores, named after the model.
struct Columns {
    uplift: String,
    treated: String,
    untreated: String,
    profit: String,
    decile: String,
}

impl Columns {
    fn of(model: &str) -> Columns {
        Columns {
            uplift: format!("{model}_uplift"),
            treated: format!("{model}_treated_probability"),
            untreated: format!("{model}_untreated_probability"),
            profit: format!("{model}_incremental_profit"),
            decile: format!("{model}_decile"),
        }
    }
}

/// Returns the score of every customer: `customer_id`, what a contact changes, the probabilities with and without it, the
/// profit to be expected of it, and the tenth (1 is the best) of those who were learnt from; null where the SQL condition
/// `scored_when` over the features is not true or the model is not fitted. Rows come in no order.
///
/// # Errors
/// Features that lack a column, a condition that does not fit them.
pub fn score(fitted: &FittedModel, features: DataFrame, scored_when: Option<&str>) -> Result<DataFrame> {
    let doing = "write the uplift as SQL";
    let Columns { uplift, treated, untreated, profit, decile } = Columns::of(fitted.model());
    if !fitted.is_fitted() {
        let unknown = lit(ScalarValue::Float64(None));
        let columns = [&uplift, &treated, &untreated, &profit].map(|name| unknown.clone().alias(name));
        let decile = lit(ScalarValue::Int64(None)).alias(decile);
        let key = ident(KEY).alias(KEY);
        return features.select([vec![key], columns.into(), vec![decile]].concat()).doing(doing);
    }
    let scorer = Scorer::load(fitted)?;
    let features = scorer.one_hot.project(features)?;
    matrix::check_columns(&features, &scorer.scaling.names())?;
    let is_scored = match scored_when {
        Some(condition) => condition::over(&features, condition, "who is scored")?,
        None => lit(true),
    };
    let kept = vec![(KEY.to_owned(), ident(KEY)), ("__scored".to_owned(), is_scored)];
    let scaled = scorer.scaling.project(features, kept)?;
    let both = scaled
        .select(vec![
            ident(KEY),
            ident("__scored"),
            probability(&scorer.regressions.contact).alias("__contact"),
            probability(&scorer.regressions.control).alias("__control"),
        ])
        .doing(doing)?;
    let known = when(ident("__scored"), scorer.uplift()).end().doing(doing)?;
    let without = when(ident("__scored"), ident("__control")).end().doing(doing)?;
    let known =
        both.select(vec![ident(KEY), known.alias(&uplift), without.alias(&untreated)]).doing(doing)?;
    let with = least(vec![lit(1.0), greatest(vec![lit(0.0), ident(&untreated) + ident(&uplift)])]);
    // The greatest and the least of nothing and a number are the number.
    let with = when(ident(&uplift).is_not_null(), with).end().doing(doing)?;
    known
        .select(vec![
            ident(KEY),
            ident(&uplift),
            with.alias(treated),
            ident(&untreated),
            (lit(scorer.margin) * ident(&uplift) - lit(scorer.cost)).alias(profit),
            scorer.decile(&uplift)?.alias(decile),
        ])
        .doing(doing)
}

fn probability(logistic: &Logistic) -> Expr {
    lit(1.0) / (lit(1.0) + exp(-arithmetic::linear_sql(logistic.intercept, &logistic.weights)))
}

impl Scorer {
    /// What a contact changes, over the probabilities of the regressions.
    fn uplift(&self) -> Expr {
        match self.regressions.learner {
            Learner::TwoModels => ident("__contact") - ident("__control"),
            Learner::TransformedOutcome => lit(2.0) * ident("__contact") - lit(1.0),
        }
    }

    fn decile(&self, uplift: &str) -> Result<Expr> {
        let doing = "write the tenth of an uplift as SQL";
        let mut decile = lit(1_i64);
        for least in &self.tenths {
            let below = when(ident(uplift).lt(lit(*least)), lit(1_i64)).otherwise(lit(0_i64)).doing(doing)?;
            decile = decile + below;
        }
        when(ident(uplift).is_not_null(), decile).end().doing(doing)
    }

    pub fn store(&self, fitted: &mut FittedModel) {
        self.one_hot.store(fitted);
        self.scaling.store(fitted);
        let place = Learner::ALL.iter().position(|learner| *learner == self.regressions.learner);
        fitted.set(Part::Parameter, "learner", 0, place.unwrap_or(0) as f64);
        fitted.note(Part::Parameter, "learner", 0, self.regressions.learner.name());
        fitted.set(Part::Parameter, "margin", 0, self.margin);
        fitted.set(Part::Parameter, "cost", 0, self.cost);
        for (least, position) in self.tenths.iter().zip(1_i64..) {
            fitted.set(Part::Parameter, "tenth", position, *least);
        }
        for (which, logistic) in
            [("contact", &self.regressions.contact), ("control", &self.regressions.control)]
        {
            fitted.set(Part::Parameter, &format!("{which}_intercept"), 0, logistic.intercept);
            fitted.set(Part::Metric, &format!("{which}_gradient"), 0, logistic.gradient);
            for ((weight, scale), position) in logistic.weights.iter().zip(&self.scaling.columns).zip(1_i64..)
            {
                let name = format!("{which}_coefficient");
                fitted.set(Part::Parameter, &name, position, *weight);
                // Beside the number, for readers of the table.
                fitted.note(Part::Parameter, &name, position, scale.column.as_str());
            }
        }
    }

    pub fn load(fitted: &FittedModel) -> Result<Self> {
        if fitted.kind() != ModelKind::Uplift {
            return Err(Error::failed(format!("the fitted model `{}` is no uplift", fitted.model())));
        }
        let scaling = Scaling::load(fitted)?;
        let logistic = |which: &str| -> Result<Logistic> {
            let name = format!("{which}_coefficient");
            let weights =
                (1..=scaling.columns.len() as i64).map(|position| fitted.parameter(&name, position));
            Ok(Logistic::of_weights(
                fitted.parameter(&format!("{which}_intercept"), 0)?,
                weights.collect::<Result<_>>()?,
            ))
        };
        let learner = match fitted.parameter("learner", 0)? {
            0.0 => Learner::TwoModels,
            _ => Learner::TransformedOutcome,
        };
        Ok(Scorer {
            one_hot: OneHot::load(fitted),
            regressions: Regressions {
                learner,
                contact: logistic("contact")?,
                control: logistic("control")?,
            },
            scaling,
            margin: fitted.parameter("margin", 0)?,
            cost: fitted.parameter("cost", 0)?,
            tenths: fitted.series(Part::Parameter, "tenth").filter_map(|(_, entry)| entry.value).collect(),
        })
    }
}
