//! From contracts to a model: all of them together, then each group, drawn to all the more the thinner it is.

use std::collections::BTreeMap;

use super::declaration::ContractParams;
use super::model::{ContractGroup, ContractModel, interest};
use super::shifted_beta_geometric::{ShiftedBetaGeometric, Tenure, TenureLikelihood};
use crate::mining::fit_error::{FitError, FitResult};
use crate::mining::value::fit::{belief, edges};
use crate::mining::value::optimum::maximise;

/// What is to be said of a fit beside its model.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FitReport {
    /// The steepest slope of all the likelihoods, relative.
    pub gradient: f64,
    /// How far the log-likelihoods that the starts reached lie apart, per contract, at most.
    pub starts_apart: f64,
    /// Of all contracts.
    pub log_likelihood: f64,
    /// The greatest distance of the curve of those who stay from that which was seen.
    pub survival_distance: f64,
    pub remarks: Vec<String>,
}

/// Of fewer contracts the curve that was seen says nothing.
const LEAST_AT_RISK: f64 = 50.0;
/// The curves may be so far apart before it is said.
const TOLERATED: f64 = 0.05;

/// Fits the model. Contracts of which none has ended, or that all end alike, make none.
///
/// # Errors
/// The reason there is none.
pub(super) fn fit(
    params: &ContractParams,
    tenures: &BTreeMap<Option<String>, Vec<Tenure>>,
) -> FitResult<(ContractModel, FitReport)> {
    let all = merged(tenures.values().flatten());
    require_differences(params, &all)?;
    let contracts: f64 = all.iter().map(|tenure| tenure.contracts).sum();
    let optimum = maximise(&TenureLikelihood::of(&all), &starts(), None)
        .map_err(|error| error.of("how long contracts are renewed"))?;
    let of_all = ShiftedBetaGeometric::fitted(&optimum.parameters);
    let mut report = FitReport {
        gradient: optimum.gradient,
        starts_apart: optimum.spread,
        log_likelihood: optimum.log_likelihood * contracts,
        remarks: edges(&optimum, &ShiftedBetaGeometric::FITTED, "contracts").into_iter().collect(),
        ..FitReport::default()
    };
    let (distance, period) = survival_distance(of_all, &all);
    report.survival_distance = distance;
    if distance > TOLERATED {
        report.remarks.push(format!(
            "after {period} periods the share that stays is {distance:.2} off what was seen: the model knows only \
             retention that rises with tenure"
        ));
    }
    let mut groups = Vec::new();
    for (name, of_group) in tenures {
        let Some(name) = name else { continue };
        let of_group = merged(of_group.iter());
        let size: f64 = of_group.iter().map(|tenure| tenure.contracts).sum();
        let renewals = if size > 0.0 {
            let (starts, belief) = ([optimum.parameters.clone()], belief(&optimum, size));
            let own = maximise(&TenureLikelihood::of(&of_group), &starts, Some(&belief))
                .map_err(|error| error.of(&format!("how long contracts of `{name}` are renewed")))?;
            report.gradient = report.gradient.max(own.gradient);
            ShiftedBetaGeometric::fitted(&own.parameters)
        } else {
            of_all
        };
        groups.push((name.clone(), ContractGroup { contracts: size, renewals }));
    }
    let all = ContractGroup { contracts, renewals: of_all };
    Ok((ContractModel { period: params.contracts.period, interest: interest(params), all, groups }, report))
}

/// Refuses contracts that do not differ in what has to be learnt.
fn require_differences(params: &ContractParams, all: &[Tenure]) -> FitResult<()> {
    let count = |keep: &dyn Fn(&Tenure) -> bool| -> usize {
        all.iter().filter(|tenure| keep(tenure)).map(|tenure| tenure.contracts).sum::<f64>() as usize
    };
    let (contracts, ended) = (count(&|_| true), count(&|tenure| tenure.ended));
    let most = all.iter().map(|tenure| tenure.periods).max().unwrap_or(0);
    let not_fitted = |reason: String| Err(FitError::NotFitted(reason));
    if contracts < params.min_contracts {
        return not_fitted(format!(
            "{contracts} contracts have come to a renewal, at least {} were asked for",
            params.min_contracts
        ));
    }
    if ended == 0 {
        return not_fitted(format!(
            "none of the {contracts} contracts that have come to a renewal has ended: how long they last is not known"
        ));
    }
    if most <= 1 {
        return not_fitted(
            "no contract has come to its second renewal: how retention changes with tenure is not known"
                .to_owned(),
        );
    }
    let at_most = count(&|tenure| tenure.ended && tenure.periods == most);
    if at_most == ended && count(&|tenure| !tenure.ended && tenure.periods == most) == 0 {
        return not_fitted(format!(
            "all contracts that ended did so at renewal {most}, and none goes on: these end by their term, and not \
             because customers leave"
        ));
    }
    Ok(())
}

/// Who leaves soon, late, and contracts that are nearly alike.
fn starts() -> Vec<Vec<f64>> {
    [[1.0, 3.0], [0.5, 40.0], [10.0, 10.0]].map(|start| start.to_vec()).to_vec()
}

/// Tenures that have come to a renewal; the same of several groups are one.
fn merged<'a>(tenures: impl Iterator<Item = &'a Tenure>) -> Vec<Tenure> {
    let mut all = BTreeMap::new();
    for Tenure { periods, ended, contracts } in tenures.filter(|tenure| tenure.periods > 0) {
        *all.entry((*periods, *ended)).or_insert(0.0) += contracts;
    }
    all.into_iter().map(|((periods, ended), contracts)| Tenure { periods, ended, contracts }).collect()
}

/// Returns how far the model's curve is from that of Kaplan and Meier (1958), and after how many periods.
fn survival_distance(renewals: ShiftedBetaGeometric, all: &[Tenure]) -> (f64, u32) {
    let mut at_risk: f64 = all.iter().map(|tenure| tenure.contracts).sum();
    let (mut seen, mut said, mut at, mut greatest) = (1.0, 1.0, 0, (0.0, 0));
    for of_period in all.chunk_by(|a, b| a.periods == b.periods) {
        let period = of_period[0].periods;
        if at_risk < LEAST_AT_RISK {
            break;
        }
        while at < period {
            said *= renewals.retention(at);
            at += 1;
        }
        let ended: f64 = of_period.iter().filter(|tenure| tenure.ended).map(|tenure| tenure.contracts).sum();
        seen *= 1.0 - ended / at_risk;
        let distance = f64::abs(said - seen);
        if distance > greatest.0 {
            greatest = (distance, period);
        }
        at_risk -= of_period.iter().map(|tenure| tenure.contracts).sum::<f64>();
    }
    greatest
}

#[cfg(test)]
mod tests;
