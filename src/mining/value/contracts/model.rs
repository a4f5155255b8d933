//! What a fitted model of contracts is, and what it says of a contract: renewals to come, and what they bring.

use chrono::NaiveDate;

use super::declaration::ContractParams;
use super::period::Period;
use super::shifted_beta_geometric::ShiftedBetaGeometric;
use crate::error::{Error, Result};
use crate::mining::fitted::{FittedModel, Part};
use crate::mining::value::model::{DAYS_A_YEAR, Place, TAIL};

/// A fitted model of contracts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ContractModel {
    pub period: Period,
    /// What a day takes off, as a continuous rate.
    pub interest: f64,
    /// Of all contracts together: it serves those of no group, or of a new one.
    pub all: ContractGroup,
    /// In the order of their names.
    pub groups: Vec<(String, ContractGroup)>,
}

/// What is known of the contracts of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ContractGroup {
    pub contracts: f64,
    pub renewals: ShiftedBetaGeometric,
}

/// The horizon: its first day, and the first day after it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Horizon {
    pub begin: NaiveDate,
    pub end: NaiveDate,
    pub days: u32,
}

/// What the next renewals of a contract are: how many have passed, how many fall within the horizon, and in how many days
/// the next is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Renewals {
    pub renewed: u32,
    pub ahead: u32,
    pub days_to_next: f64,
}

/// What contracts of one group that were renewed as often have in common.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expectation {
    /// The chance of each renewal within the horizon.
    pub stays: Vec<f64>,
    /// How many are expected, and each discounted to the next.
    expected: f64,
    discounted: f64,
    deviation: f64,
    /// All to come, each discounted to the next; `None` where that has no end.
    residual: Option<f64>,
    low: u32,
    high: u32,
}

/// What is expected of a contract.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outlook {
    /// That it still runs at the end of the horizon.
    pub probability_active: f64,
    pub renewals: f64,
    /// Not discounted.
    pub margin: f64,
    pub margin_sd: f64,
    pub margin_low: f64,
    pub margin_high: f64,
    /// Discounted.
    pub value: f64,
    /// Discounted, without an end of the horizon.
    pub residual_value: Option<f64>,
}

impl Outlook {
    /// Returns what is to come of a contract that is over.
    pub fn of_ended() -> Self {
        Outlook {
            probability_active: 0.0,
            renewals: 0.0,
            margin: 0.0,
            margin_sd: 0.0,
            margin_low: 0.0,
            margin_high: 0.0,
            value: 0.0,
            residual_value: Some(0.0),
        }
    }
}

impl Horizon {
    /// Returns the renewals of a contract that began on a day and still runs.
    pub fn of_days(self, period: Period, start: NaiveDate) -> Renewals {
        let renewed = period.between(start, self.begin).max(0);
        let ahead = (period.between(start, self.end) - renewed).max(0);
        let renewed = u32::try_from(renewed).unwrap_or(u32::MAX);
        let next = period.renewal(start, renewed.saturating_add(1));
        let days_to_next = next.map_or(0, |next| (next - self.begin).num_days());
        Renewals { renewed, ahead: ahead as u32, days_to_next: days_to_next as f64 }
    }

    /// Returns the renewals of a contract of which only their number is known: the next is half a period away.
    pub fn of_count(self, period: Period, renewed: u32) -> Renewals {
        let ahead = (f64::from(self.days) / period.days() + 0.5).floor();
        Renewals { renewed, ahead: ahead as u32, days_to_next: 0.5 * period.days() }
    }
}

impl ContractModel {
    /// Returns the place of a group; that of all where there is none, or a new one.
    pub fn place(&self, group: Option<&str>) -> Place {
        let found = group.and_then(|name| self.groups.binary_search_by(|of| of.0.as_str().cmp(name)).ok());
        found.map_or(0, |place| place + 1)
    }

    /// Returns the model at a place.
    pub fn group(&self, place: Place) -> &ContractGroup {
        place.checked_sub(1).and_then(|place| self.groups.get(place)).map_or(&self.all, |(_, group)| group)
    }

    /// Returns what contracts of a group that were renewed as often, and as often may be within the horizon, have in
    /// common.
    pub fn expectation(&self, place: Place, renewed: u32, ahead: u32) -> Expectation {
        let renewals = self.group(place).renewals;
        let stays = renewals.stays(renewed, ahead);
        let discount = (-self.interest * self.period.days()).exp();
        let (mut expected, mut discounted, mut squares, mut factor) = (0.0, 0.0, 0.0, 1.0);
        for (more, stay) in stays.iter().enumerate() {
            expected += stay;
            discounted += stay * factor;
            factor *= discount;
            // E(N²) is the sum of (2k − 1) · P(N ≥ k).
            squares += (2 * more + 1) as f64 * stay;
        }
        // The least number that is not exceeded with this chance.
        let quantile = |share: f64| stays.iter().take_while(|stay| 1.0 - **stay < share).count() as u32;
        Expectation {
            expected,
            discounted,
            deviation: (squares - expected * expected).max(0.0).sqrt(),
            residual: renewals.residual_lifetime(renewed, discount),
            low: quantile(TAIL),
            high: quantile(1.0 - TAIL),
            stays,
        }
    }

    /// Returns what is expected of a contract that runs; `margin` is what a period brings.
    pub fn outlook(&self, expectation: &Expectation, days_to_next: f64, margin: f64) -> Outlook {
        let to_next = (-self.interest * days_to_next).exp();
        // Of what costs more than it brings the few renewals are the high end.
        let (least, most) = match margin < 0.0 {
            false => (expectation.low, expectation.high),
            true => (expectation.high, expectation.low),
        };
        Outlook {
            probability_active: expectation.stays.last().copied().unwrap_or(1.0),
            renewals: expectation.expected,
            margin: margin * expectation.expected,
            margin_sd: margin.abs() * expectation.deviation,
            margin_low: margin * f64::from(least),
            margin_high: margin * f64::from(most),
            value: margin * to_next * expectation.discounted,
            residual_value: expectation.residual.map(|residual| margin * to_next * residual),
        }
    }

    /// Writes the model down, group by group: position 0 is of all.
    pub fn store(&self, params: &ContractParams, fitted: &mut FittedModel) {
        fitted.note(Part::Parameter, "contract_model", 0, params.contracts.model.as_str());
        fitted.note(Part::Parameter, "period", 0, self.period.as_str());
        fitted.set(Part::Parameter, "interest_per_day", 0, self.interest);
        let groups = self.groups.iter().map(|(name, group)| (Some(name), group));
        for (position, (name, group)) in std::iter::once((None, &self.all)).chain(groups).enumerate() {
            let position = position as i64;
            fitted.set(Part::Parameter, "group", position, group.contracts);
            let parameters = ShiftedBetaGeometric::NAMES.into_iter().zip(group.renewals.parameters());
            for (called, value) in parameters {
                fitted.set(Part::Parameter, called, position, value);
            }
            if let Some(name) = name {
                fitted.note(Part::Parameter, "group", position, name.as_str());
            }
        }
    }

    /// Reads a model that was written down.
    ///
    /// # Errors
    /// A model of another kind; a parameter that is not there.
    pub fn load(fitted: &FittedModel, params: &ContractParams) -> Result<Self> {
        let kind = params.contracts.model.as_str();
        if fitted.text(Part::Parameter, "contract_model", 0) != Some(kind) {
            return Err(Error::failed(format!("the fitted model `{}` is no {kind}", fitted.model()))
                .hint("fit it anew with --full-refresh"));
        }
        let group = |position: i64| -> Result<ContractGroup> {
            let [alpha, beta] = ShiftedBetaGeometric::NAMES.map(|name| fitted.parameter(name, position));
            Ok(ContractGroup {
                contracts: fitted.parameter("group", position)?,
                renewals: ShiftedBetaGeometric::of([alpha?, beta?]),
            })
        };
        let mut groups = Vec::new();
        for (position, entry) in fitted.series(Part::Parameter, "group") {
            if let Some(name) = &entry.note {
                groups.push((name.clone(), group(position)?));
            }
        }
        groups.sort_by(|a: &(String, ContractGroup), b| a.0.cmp(&b.0));
        Ok(ContractModel {
            period: params.contracts.period,
            interest: fitted.parameter("interest_per_day", 0)?,
            all: group(0)?,
            groups,
        })
    }
}

/// Returns what a day takes off, as a continuous rate.
pub(super) fn interest(params: &ContractParams) -> f64 {
    params.discount_rate.ln_1p() / DAYS_A_YEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(interest: f64) -> ContractModel {
        let renewals = ShiftedBetaGeometric { alpha: 0.668, beta: 3.806 };
        let all = ContractGroup { contracts: 1000.0, renewals };
        ContractModel { period: Period::Year, interest, all, groups: Vec::new() }
    }

    #[test]
    fn what_a_contract_brings_is_its_renewals_times_its_margin() {
        let model = model(0.0);
        let expectation = model.expectation(0, 0, 3);
        let outlook = model.outlook(&expectation, 100.0, 10.0);
        // 0.8507 + 0.7469 + 0.6698: B(α, β + t) / B(α, β).
        assert!((outlook.renewals - 2.2674).abs() < 0.001, "{outlook:?}");
        assert!((outlook.margin - outlook.value).abs() < 1e-9, "without a rate nothing is taken off");
        assert_eq!(outlook.probability_active, expectation.stays[2]);
        // 15 in 100 do not renew once: one in ten brings nothing. Two in three renew three times.
        assert_eq!((outlook.margin_low, outlook.margin_high), (0.0, 30.0));
        let costly = model.outlook(&expectation, 100.0, -10.0);
        assert_eq!((costly.margin_low, costly.margin_high), (-30.0, 0.0));
    }

    #[test]
    fn the_sooner_the_next_renewal_the_more_it_is_worth() {
        let model = model(1.1_f64.ln() / DAYS_A_YEAR);
        let expectation = model.expectation(0, 2, 5);
        let [soon, late] = [1.0, 364.0].map(|days| model.outlook(&expectation, days, 10.0));
        assert!(soon.value > late.value && soon.value < soon.margin);
        assert!(soon.residual_value > Some(soon.value));
        // The residual lifetime of the paper, seen the day before the renewal.
        let residual = soon.residual_value.unwrap() / 10.0;
        assert!((residual - 6.294).abs() < 0.01, "{residual}");
    }

    #[test]
    fn renewals_are_counted_by_the_calendar() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let horizon = Horizon { begin: day("2026-07-01"), end: day("2027-07-01"), days: 365 };
        assert_eq!(
            horizon.of_days(Period::Month, day("2026-01-15")),
            Renewals { renewed: 5, ahead: 12, days_to_next: 14.0 }
        );
        assert_eq!(
            horizon.of_days(Period::Year, day("2026-07-01")),
            Renewals { renewed: 0, ahead: 1, days_to_next: 365.0 }
        );
        assert_eq!(horizon.of_count(Period::Month, 7).ahead, 12);
    }
}
