//! What a fitted value model is: for each group of customers how they buy, what a purchase is worth, and what comes of
//! those who have not bought yet.

use statrs::function::erf::erf_inv;

use super::declaration::ValueParams;
use super::future::{Future, PurchaseModel, PurchaseModelKind};
use super::gamma_gamma::{Amounts, GammaGamma};
use super::history::{DAYS_A_WEEK, History};
use super::margin::{Margin, MarginTable};
use crate::error::{Error, Result};
use crate::mining::fitted::{FittedModel, Part};

/// The share of customers below and above the interval.
pub(super) const TAIL: f64 = 0.1;
pub(super) const DAYS_A_YEAR: f64 = 365.25;

/// A fitted value model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ValueModel {
    /// The number of weeks ahead.
    pub weeks: f64,
    /// What a week takes off, as a continuous rate.
    pub interest: f64,
    pub kind: PurchaseModelKind,
    /// Of all customers together: it serves who has no group, or a new one.
    pub all: GroupModel,
    /// In the order of their names.
    pub groups: Vec<(String, GroupModel)>,
}

/// What is known of the customers of a group.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct GroupModel {
    pub customers: f64,
    pub purchases: PurchaseModel,
    pub worth: GammaGamma,
    /// The worth of a purchase of who bought on one day only.
    pub first_worth: f64,
    pub prospects: Option<Prospects>,
}

/// What came within the horizon of those who had not bought before: nothing for most, for the others an amount whose
/// logarithm is normally distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prospects {
    /// The share who bought.
    pub share: f64,
    /// Mean number of days with a purchase of those who did.
    pub purchases: f64,
    /// Mean and standard deviation of the logarithm of the amount.
    pub log_mean: f64,
    pub log_sd: f64,
}

/// What is expected of a customer within the horizon.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Outlook {
    /// `None` for who never bought.
    pub probability_alive: Option<f64>,
    pub purchases: f64,
    /// Of a purchase.
    pub worth: Option<f64>,
    /// Not discounted.
    pub margin: f64,
    /// Its standard deviation.
    pub margin_sd: f64,
    pub margin_low: f64,
    pub margin_high: f64,
    /// Discounted.
    pub cost_to_serve: f64,
    /// The discounted margin less the cost to serve.
    pub value: f64,
}

/// What all customers of a group with so many purchases and of one age have in common, if they have not left.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expectation {
    purchases: f64,
    /// Purchases, each discounted.
    discounted: f64,
    /// For how many weeks the customer is expected to stay one, each discounted.
    weeks: f64,
    margin: MarginTable,
}

/// The place of a group in a model; 0 is of all.
pub(super) type Place = usize;

impl ValueModel {
    /// Returns the place of a group; that of all where there is none, or a new one.
    pub fn place(&self, group: Option<&str>) -> Place {
        let found = group.and_then(|name| self.groups.binary_search_by(|of| of.0.as_str().cmp(name)).ok());
        found.map_or(0, |place| place + 1)
    }

    /// Returns the model at a place.
    pub fn group(&self, place: Place) -> &GroupModel {
        place.checked_sub(1).and_then(|place| self.groups.get(place)).map_or(&self.all, |(_, group)| group)
    }

    /// Returns what customers of one group, number of purchases and age have in common.
    pub fn expectation(&self, group: &GroupModel, history: History) -> Expectation {
        let future: Future = group.purchases.future(history);
        let (purchases, discounted) = future.expected(self.weeks, self.interest);
        Expectation {
            purchases,
            discounted,
            weeks: discounted / future.rate(),
            margin: MarginTable::of(&future.purchases(self.weeks), group.worth, history.repeats),
        }
    }

    /// Returns what is expected of a customer who has bought; `cost` is that of a year.
    pub fn outlook(
        &self,
        group: &GroupModel,
        expectation: &Expectation,
        history: History,
        amount: f64,
        cost: f64,
    ) -> Outlook {
        let alive = group.purchases.probability_alive(history);
        let worth = group.expected_worth(Amounts { repeats: history.repeats, sum: amount });
        let margin = self.margin(group, expectation, history, amount);
        let quantile = |share| margin.map_or(0.0, |margin| margin.quantile(share));
        // Serving goes on as long as purchases do.
        let cost_to_serve = cost / DAYS_A_YEAR * DAYS_A_WEEK * alive * expectation.weeks;
        Outlook {
            probability_alive: Some(alive),
            purchases: alive * expectation.purchases,
            worth: Some(worth),
            margin: alive * expectation.purchases * worth,
            margin_sd: margin.map_or(0.0, |margin| margin.variance().sqrt()),
            margin_low: quantile(TAIL),
            margin_high: quantile(1.0 - TAIL),
            cost_to_serve,
            value: alive * expectation.discounted * worth - cost_to_serve,
        }
    }

    /// Returns the margin of such a customer as a distribution; `None` where earlier purchases sum so far below 0 that
    /// they say nothing.
    pub fn margin<'e>(
        &self,
        group: &GroupModel,
        expectation: &'e Expectation,
        history: History,
        amount: f64,
    ) -> Option<Margin<'e>> {
        let amounts = Amounts { repeats: history.repeats, sum: amount };
        expectation.margin.margin(group.worth, amounts, group.purchases.probability_alive(history))
    }

    /// Returns what is expected of a customer who has not bought; `None` where nothing is known of such.
    pub fn outlook_without_purchase(&self, group: &GroupModel, cost: f64) -> Option<Outlook> {
        let prospects = group.prospects?;
        let margin = prospects.expected();
        // A purchase comes at any time of the horizon.
        let weeks = if self.interest > 0.0 {
            -(-self.interest * self.weeks).exp_m1() / self.interest
        } else {
            self.weeks
        };
        let cost_to_serve = cost / DAYS_A_YEAR * DAYS_A_WEEK * weeks;
        Some(Outlook {
            probability_alive: None,
            purchases: prospects.share * prospects.purchases,
            worth: None,
            margin,
            margin_sd: prospects.standard_deviation(),
            margin_low: prospects.quantile(TAIL),
            margin_high: prospects.quantile(1.0 - TAIL),
            cost_to_serve,
            value: margin * weeks / self.weeks - cost_to_serve,
        })
    }

    /// Writes the model down, group by group: position 0 is of all.
    pub fn store(&self, fitted: &mut FittedModel) {
        fitted.note(Part::Parameter, "purchase_model", 0, self.kind.as_str());
        fitted.set(Part::Parameter, "horizon_weeks", 0, self.weeks);
        fitted.set(Part::Parameter, "interest_per_week", 0, self.interest);
        let groups = self.groups.iter().map(|(name, group)| (Some(name), group));
        for (position, (name, group)) in std::iter::once((None, &self.all)).chain(groups).enumerate() {
            let position = position as i64;
            let mut set = |called: &str, value: f64| fitted.set(Part::Parameter, called, position, value);
            set("group", group.customers);
            for (called, value) in self.kind.parameter_names().into_iter().zip(group.purchases.parameters()) {
                set(called, value);
            }
            for (called, value) in GammaGamma::NAMES.into_iter().zip(group.worth.parameters()) {
                set(called, value);
            }
            set("first_worth", group.first_worth);
            if let Some(prospects) = group.prospects {
                for (called, value) in Prospects::NAMES.into_iter().zip(prospects.parameters()) {
                    set(called, value);
                }
            }
            if let Some(name) = name {
                fitted.note(Part::Parameter, "group", position, name.as_str());
            }
        }
    }

    /// Reads a model that was written down.
    ///
    /// # Errors
    /// A parameter that is not there.
    pub fn load(fitted: &FittedModel, params: &ValueParams) -> Result<Self> {
        let kind = params.model;
        if fitted.text(Part::Parameter, "purchase_model", 0) != Some(kind.as_str()) {
            return Err(Error::failed(format!(
                "the fitted model `{}` is no {}",
                fitted.model(),
                kind.as_str()
            ))
            .hint("fit it anew with --full-refresh"));
        }
        let group = |position: i64| -> Result<GroupModel> {
            let all = |names: &[&str]| -> Result<Vec<f64>> {
                names.iter().map(|name| fitted.parameter(name, position)).collect()
            };
            let purchases = all(&kind.parameter_names())?;
            let worth = all(&GammaGamma::NAMES)?;
            let prospects = match fitted.value(Part::Parameter, Prospects::NAMES[0], position) {
                None => None,
                Some(_) => {
                    let of = all(&Prospects::NAMES)?;
                    Some(Prospects { share: of[0], purchases: of[1], log_mean: of[2], log_sd: of[3] })
                }
            };
            Ok(GroupModel {
                customers: fitted.parameter("group", position)?,
                purchases: kind.with([purchases[0], purchases[1], purchases[2], purchases[3]]),
                worth: GammaGamma::of([worth[0], worth[1], worth[2]]),
                first_worth: fitted.parameter("first_worth", position)?,
                prospects,
            })
        };
        let mut groups = Vec::new();
        for (position, entry) in fitted.series(Part::Parameter, "group") {
            if let Some(name) = &entry.note {
                groups.push((name.clone(), group(position)?));
            }
        }
        groups.sort_by(|a: &(String, GroupModel), b| a.0.cmp(&b.0));
        Ok(ValueModel {
            weeks: fitted.parameter("horizon_weeks", 0)?,
            interest: fitted.parameter("interest_per_week", 0)?,
            kind,
            all: group(0)?,
            groups,
        })
    }
}

/// Returns the weeks ahead and what a week takes off, as a continuous rate.
pub(super) fn horizon(params: &ValueParams) -> (f64, f64) {
    let weeks_a_year = DAYS_A_YEAR / DAYS_A_WEEK;
    (f64::from(params.horizon_days) / DAYS_A_WEEK, params.discount_rate.ln_1p() / weeks_a_year)
}

impl GroupModel {
    /// Returns the expected worth of a further purchase.
    pub fn expected_worth(&self, amounts: Amounts) -> f64 {
        if amounts.repeats == 0 { self.first_worth } else { self.worth.expected(amounts) }
    }
}

impl Prospects {
    const NAMES: [&'static str; 4] =
        ["prospect_share", "prospect_purchases", "prospect_log_mean", "prospect_log_sd"];

    fn parameters(self) -> [f64; 4] {
        [self.share, self.purchases, self.log_mean, self.log_sd]
    }

    /// Returns the expected margin.
    pub fn expected(self) -> f64 {
        self.share * (self.log_mean + 0.5 * self.log_sd * self.log_sd).exp()
    }

    /// Returns the standard deviation of the margin.
    pub fn standard_deviation(self) -> f64 {
        let square = self.share * (2.0 * self.log_mean + 2.0 * self.log_sd * self.log_sd).exp();
        (square - self.expected() * self.expected()).max(0.0).sqrt()
    }

    /// Returns the margin below which this share of the customers lies.
    pub fn quantile(self, share: f64) -> f64 {
        let nothing = 1.0 - self.share;
        if share <= nothing || self.share <= 0.0 {
            return 0.0;
        }
        let of_buyers = (share - nothing) / self.share;
        let deviations = std::f64::consts::SQRT_2 * erf_inv(2.0 * of_buyers - 1.0);
        (self.log_mean + self.log_sd * deviations).exp()
    }
}
