//! From customers to a value model: all of them together, then each group, drawn to all the more the thinner it is.

use std::collections::BTreeMap;

use super::bg_nbd::BgNbdLikelihood;
use super::declaration::ValueParams;
use super::future::{PurchaseModel, PurchaseModelKind};
use super::gamma_gamma::{Amounts, GammaGamma, GammaGammaLikelihood};
use super::history::Weighted;
use super::learning::Learning;
use super::model::{GroupModel, ValueModel, horizon};
use super::optimum::{Belief, Optimum, maximise, maximise_from_part};
use super::pareto_nbd::ParetoNbdLikelihood;
use crate::mining::fit_error::{FitError, FitResult};

/// What is to be said of a fit beside its model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FitReport {
    /// The steepest slope of all the likelihoods, relative.
    pub gradient: f64,
    /// How far the log-likelihoods that the starts reached lie apart, per customer, at most.
    pub starts_apart: f64,
    /// Of all customers: sum of the log-likelihood of the purchases, and of the amounts.
    pub purchases_log_likelihood: f64,
    pub amounts_log_likelihood: f64,
    pub remarks: Vec<String>,
}

/// The standard deviation of the logarithm of a parameter between groups, as far as it is believed before the data:
/// two groups of three differ by less than a factor of 1.3. A group of a thousand speaks for itself.
const BETWEEN_GROUPS: f64 = 0.25;
/// How many distinct histories each start is tried on.
const HISTORIES_OF_A_START: usize = 2_000;
const CUSTOMERS_OF_A_START: usize = 5_000;
/// Of so many customers with a purchase one must have bought again.
const REPEATS_IN: usize = 5;

/// Fits the model. Too few customers, or likelihoods that do not converge, make none.
///
/// # Errors
/// The reason there is none.
pub(super) fn fit(params: &ValueParams, learning: &Learning) -> FitResult<(ValueModel, FitReport)> {
    let all: Vec<Weighted> = merged(learning.histories.values().flatten());
    let count = |keep: fn(&Weighted) -> bool| -> usize {
        all.iter().filter(|h| keep(h)).map(|h| h.customers).sum::<f64>() as usize
    };
    let (customers, repeaters) = (count(|_| true), count(|h| h.history.repeats > 0));
    let least_repeaters = params.min_customers.div_ceil(REPEATS_IN);
    if customers < params.min_customers || repeaters < least_repeaters {
        return Err(FitError::NotFitted(format!(
            "{customers} customers bought and {repeaters} bought again, at least {} and {least_repeaters} were asked for",
            params.min_customers
        )));
    }
    let amounts: Vec<Amounts> = learning.amounts.values().flatten().copied().collect();
    let mut report = FitReport::default();
    report_amounts(&amounts, &mut report);
    let purchases = purchases_of_all(params.model, &all).map_err(|e| e.of("how often customers buy"))?;
    let worth = GammaGammaLikelihood::of(amounts.iter().copied());
    let part = GammaGammaLikelihood::of_unit(every_nth(&amounts, CUSTOMERS_OF_A_START), worth.unit);
    let worth_optimum = maximise_from_part(&worth, &part, &starts_of_worth())
        .map_err(|e| e.of("what purchases are worth"))?;
    report.gradient = purchases.gradient.max(worth_optimum.gradient);
    report.starts_apart = purchases.spread.max(worth_optimum.spread);
    report.purchases_log_likelihood = purchases.log_likelihood * customers as f64;
    report.amounts_log_likelihood = (worth_optimum.log_likelihood - worth.unit.ln()) * worth.len() as f64;
    report.remarks.extend(edges(&purchases, &params.model.parameter_names(), "customers"));
    report.remarks.extend(edges(&worth_optimum, &GammaGamma::NAMES, "customers"));

    let with_mean =
        |worth: GammaGamma, amounts: &[Amounts], customers: f64, purchases: PurchaseModel, group| {
            let expected = worth.expected(Amounts { repeats: 0, sum: 0.0 });
            // Where amounts scatter so widely that their mean has no end, the mean that was seen.
            let first_worth =
                if worth.q > 1.0 && expected.is_finite() { expected } else { mean_worth(amounts) };
            let prospects = learning.prospects.of(group);
            GroupModel { customers, purchases, worth, first_worth, prospects }
        };
    let model_of_all = with_mean(
        in_units(&worth_optimum, worth.unit),
        &amounts,
        customers as f64,
        params.model.with(four(&purchases.parameters)),
        None,
    );
    if model_of_all.worth.q <= 1.0 {
        report.remarks.push(format!(
            "what purchases are worth scatters so widely (q = {:.2}) that its mean has no end: who bought once gets the mean that was seen",
            model_of_all.worth.q
        ));
    }
    let mut groups = Vec::new();
    for (name, histories) in &learning.histories {
        let Some(name) = name else { continue };
        let size: f64 = histories.iter().map(|h| h.customers).sum();
        let of_group = learning.amounts.get(&Some(name.clone())).map_or(&[][..], Vec::as_slice);
        let own = purchases_of_group(params.model, histories, &purchases)
            .map_err(|e| e.of(&format!("how often customers of `{name}` buy")))?;
        let likelihood = GammaGammaLikelihood::of_unit(of_group.iter().copied(), worth.unit);
        let own_worth = if likelihood.len() == 0 {
            worth_optimum.clone()
        } else {
            let belief = belief(&worth_optimum, likelihood.len() as f64);
            maximise(&likelihood, std::slice::from_ref(&worth_optimum.parameters), Some(&belief))
                .map_err(|e| e.of(&format!("what purchases of `{name}` are worth")))?
        };
        report.gradient = report.gradient.max(own.gradient).max(own_worth.gradient);
        let model = params.model.with(four(&own.parameters));
        let worth = in_units(&own_worth, worth.unit);
        groups.push((name.clone(), with_mean(worth, of_group, size, model, Some(name.as_str()))));
    }
    // Groups of those alone who have not bought: their first purchases will be like everybody's.
    for name in learning.prospects.names() {
        if !learning.histories.contains_key(&Some(name.clone())) {
            let prospects = learning.prospects.of(Some(name.as_str()));
            groups.push((name.clone(), GroupModel { customers: 0.0, prospects, ..model_of_all }));
        }
    }
    groups.sort_by(|a, b| a.0.cmp(&b.0));
    let (weeks, interest) = horizon(params);
    Ok((ValueModel { weeks, interest, kind: params.model, all: model_of_all, groups }, report))
}

/// The starts are tried on a part of the histories.
fn purchases_of_all(kind: PurchaseModelKind, histories: &[Weighted]) -> FitResult<Optimum> {
    let part: Vec<Weighted> = every_nth(histories, HISTORIES_OF_A_START).collect();
    let starts = starts_of_purchases();
    match kind {
        PurchaseModelKind::BgNbd => {
            maximise_from_part(&BgNbdLikelihood::of(histories), &BgNbdLikelihood::of(&part), &starts)
        }
        PurchaseModelKind::ParetoNbd => {
            maximise_from_part(&ParetoNbdLikelihood::of(histories), &ParetoNbdLikelihood::of(&part), &starts)
        }
    }
}

/// At most so many, evenly chosen.
fn every_nth<T: Copy>(all: &[T], most: usize) -> impl Iterator<Item = T> {
    all.iter().copied().step_by(all.len().div_ceil(most).max(1))
}

fn purchases_of_group(kind: PurchaseModelKind, histories: &[Weighted], all: &Optimum) -> FitResult<Optimum> {
    let customers = histories.iter().map(|h| h.customers).sum();
    let (starts, belief) = ([all.parameters.clone()], belief(all, customers));
    match kind {
        PurchaseModelKind::BgNbd => maximise(&BgNbdLikelihood::of(histories), &starts, Some(&belief)),
        PurchaseModelKind::ParetoNbd => maximise(&ParetoNbdLikelihood::of(histories), &starts, Some(&belief)),
    }
}

/// Rates of some weeks, and customers who leave soon, late, or hardly ever.
fn starts_of_purchases() -> Vec<Vec<f64>> {
    [[0.5, 10.0, 0.5, 2.0], [2.0, 5.0, 1.0, 5.0], [1.0, 20.0, 0.2, 10.0]].map(|start| start.to_vec()).to_vec()
}

/// In units of the mean amount.
fn starts_of_worth() -> Vec<Vec<f64>> {
    [[6.0, 4.0, 0.5], [1.0, 2.0, 1.0], [20.0, 10.0, 0.5]].map(|start| start.to_vec()).to_vec()
}

/// Returns what is believed of a group before its customers are looked at: it is like all.
pub(super) fn belief(all: &Optimum, customers: f64) -> Belief {
    Belief {
        centre: all.parameters.iter().map(|value| value.ln()).collect(),
        precision: 1.0 / (BETWEEN_GROUPS * BETWEEN_GROUPS * customers.max(1.0)),
    }
}

fn in_units(optimum: &Optimum, unit: f64) -> GammaGamma {
    let [p, q, gamma] = [optimum.parameters[0], optimum.parameters[1], optimum.parameters[2]];
    GammaGamma::of([p, q, gamma * unit])
}

fn four(parameters: &[f64]) -> [f64; 4] {
    [parameters[0], parameters[1], parameters[2], parameters[3]]
}

fn mean_worth(amounts: &[Amounts]) -> f64 {
    let repeats: f64 = amounts.iter().map(|a| f64::from(a.repeats)).sum();
    let sum: f64 = amounts.iter().map(|a| a.sum).sum();
    if repeats > 0.0 { sum / repeats } else { 0.0 }
}

/// The same history of several groups is one.
fn merged<'a>(histories: impl Iterator<Item = &'a Weighted>) -> Vec<Weighted> {
    let mut all = BTreeMap::new();
    for Weighted { history, customers } in histories {
        *all.entry(*history).or_insert(0.0) += customers;
    }
    all.into_iter().map(|(history, customers)| Weighted { history, customers }).collect()
}

fn report_amounts(amounts: &[Amounts], report: &mut FitReport) {
    let repeaters = amounts.iter().filter(|a| a.repeats > 0).count();
    let worthless = amounts.iter().filter(|a| a.repeats > 0 && a.sum <= 0.0).count();
    if worthless > 0 {
        report.remarks.push(format!(
            "{worthless} of {repeaters} customers who bought again brought nothing or less by it: what a purchase is \
             worth is learnt from the others"
        ));
    }
}

/// Returns what is said of parameters that ran to the edge; `of` says whose they are.
pub(super) fn edges(optimum: &Optimum, names: &[&str], of: &str) -> Option<String> {
    let at_edge: Vec<String> =
        optimum.at_edge.iter().map(|&i| format!("{} = {:.3e}", names[i], optimum.parameters[i])).collect();
    (!at_edge.is_empty()).then(|| {
        format!(
            "{of} hardly differ from each other: {} stand at the edge of what is looked at",
            at_edge.join(", ")
        )
    })
}

impl FitError {
    /// Says of what nothing was learnt.
    pub(super) fn of(self, what: &str) -> FitError {
        match self {
            FitError::NotFitted(reason) => FitError::NotFitted(format!("{what}: {reason}")),
            failed => failed,
        }
    }
}

#[cfg(test)]
mod tests;
