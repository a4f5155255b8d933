//! What was learnt, in the units of the data: log-odds per unit of each feature, with standard errors.
//!
//! The regression works on standardised columns; a coefficient divided by the standard deviation is per unit, or,
//! of a column that is read through a logarithm, per unit of that. Standard errors come from the inverse Hessian
//! of the penalised loss: the penalty makes them, like the coefficients, smaller than those of a regression without
//! one. They know nothing of customers who stand in several cut-offs.

use crate::mining::collinearity::{Correlations, Repeated};
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::logistic::Logistic;
use crate::mining::one_hot::OneHot;
use crate::mining::scaling::Scaling;

/// How many columns that repeat others a run names.
const MOST_SAID: usize = 5;

/// Writes down coefficients, standard errors and variance inflation, and which columns repeat others.
pub(super) fn report(
    fitted: &mut FittedModel,
    logistic: &Logistic,
    one_hot: &OneHot,
    scaling: &Scaling,
    repeats: &Correlations,
) {
    let columns = &scaling.columns;
    let per_unit: Vec<f64> = logistic.weights.iter().zip(columns).map(|(w, scale)| w / scale.sd).collect();
    let mut at_zero: Vec<f64> = columns.iter().map(|scale| -scale.mean / scale.sd).collect();
    at_zero.push(1.0);
    let offset: f64 = per_unit.iter().zip(columns).map(|(slope, scale)| slope * scale.mean).sum();
    let mut set = |position: i64, value: f64, std_error: f64, unit: String| {
        for (name, value) in [("log_odds", value), ("std_error", std_error)] {
            fitted.set(Part::Coefficient, name, position, value);
            fitted.note(Part::Coefficient, name, position, unit.as_str());
        }
    };
    set(0, logistic.intercept - offset, logistic.std_error(&at_zero), "intercept".to_owned());
    let bases = one_hot.bases();
    for (index, scale) in columns.iter().enumerate() {
        let mut alone = vec![0.0; columns.len() + 1];
        alone[index] = 1.0 / scale.sd;
        let unit = match bases.get(&scale.column) {
            Some(base) => format!("{} against {base}", scale.column),
            None if scale.log && scale.low >= 0.0 => format!("ln(1 + {})", scale.column),
            None if scale.log => format!("sign({0}) ln(1 + |{0}|)", scale.column),
            None => scale.column.clone(),
        };
        set(index as i64 + 1, per_unit[index], logistic.std_error(&alone), unit);
    }
    for (inflation, position) in repeats.variance_inflation().into_iter().zip(1_i64..) {
        fitted.set(Part::Coefficient, "variance_inflation", position, inflation);
        let column = columns[position as usize - 1].column.as_str();
        fitted.note(Part::Coefficient, "variance_inflation", position, column);
    }
    let repeated = repeats.repeated();
    if !repeated.is_empty() {
        fitted.remark(said(&repeated, scaling));
    }
}

/// Which columns repeat which, in words.
fn said(repeated: &[Repeated], scaling: &Scaling) -> String {
    let name = |index: &usize| format!("`{}`", scaling.columns[*index].column);
    let of_one = |Repeated { column, of, r_squared }: &Repeated| {
        let of: Vec<String> = of.iter().map(name).collect();
        format!("{} repeats {} (R² {r_squared:.4})", name(column), of.join(", "))
    };
    let mut listed: Vec<String> = repeated.iter().take(MOST_SAID).map(of_one).collect();
    if repeated.len() > MOST_SAID {
        listed.push(format!("and {} more", repeated.len() - MOST_SAID));
    }
    format!(
        "{}: their coefficients say nothing one by one; the score is as good with or without them",
        listed.join("; ")
    )
}
