//! What a retention campaign by a score earns, and to how many it should go.
//!
//! The maximum profit measure of Verbraken, Verbeke and Baesens (2013). Whoever is contacted costs `contact_cost`. Of
//! those who would leave a share γ accepts an offer of `offer_cost` and stays, which is worth `customer_value`; those
//! who would have stayed take the offer too. With γ known the best share to contact is where the profit per customer
//! is highest (MPC); where γ is known as a beta distribution, the expectation over it (EMPC). The best thresholds for
//! all γ are the corners of the convex hull of the ROC curve, so both are exact.

use schemars::JsonSchema;
use serde::Deserialize;
use statrs::function::beta::beta_reg;

use crate::config::Problem;
use crate::error::Error;

/// What a campaign to keep leavers costs and brings, in the currency of the warehouse.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionCampaign {
    /// What a customer is worth who stays.
    #[schemars(example = 200.0)]
    pub customer_value: f64,
    /// What an offer costs that is accepted.
    #[schemars(example = 10.0)]
    pub offer_cost: f64,
    /// What it costs to contact a customer.
    #[schemars(example = 1.0)]
    pub contact_cost: f64,
    /// The share of leavers, 0 to 1, who accept the offer and stay.
    #[schemars(example = 0.3)]
    pub accepted: f64,
    /// As of how many customers' experience `accepted` is known; without it, it is taken as certain.
    #[schemars(example = 20.0)]
    pub accepted_from: Option<f64>,
}

/// The most profitable campaign.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Campaign {
    /// Profit per customer of the base, contacted or not.
    pub profit: f64,
    /// The share of the base that is contacted, from the highest score on.
    pub share: f64,
}

impl RetentionCampaign {
    /// Finds what is wrong with the section.
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let mut refuse = |key: &str, message: String, hint: &str| {
            problems.push(Problem::new(["retention_campaign", key], Error::config(message).hint(hint)));
        };
        let (value, accepted) = (self.customer_value, self.accepted);
        if !(value.is_finite() && value > 0.0) {
            refuse(
                "customer_value",
                format!("`customer_value` is {value}, an amount above 0 was expected"),
                "give what a customer is worth who stays",
            );
        }
        for (key, cost) in [("offer_cost", self.offer_cost), ("contact_cost", self.contact_cost)] {
            if !(cost.is_finite() && cost >= 0.0) {
                refuse(
                    key,
                    format!("`{key}` is {cost}, an amount of 0 or more was expected"),
                    "costs are positive",
                );
            }
        }
        if !(accepted > 0.0 && accepted < 1.0) {
            refuse(
                "accepted",
                format!("`accepted` is {accepted}, a share between 0 and 1 was expected"),
                "0.3 is: three in ten leavers accept the offer and stay",
            );
        }
        if let Some(from) = self.accepted_from.filter(|from| !(from.is_finite() && *from > 0.0)) {
            refuse(
                "accepted_from",
                format!("`accepted_from` is {from}, a number of customers above 0 was expected"),
                "20 is: as sure as 20 customers' answers make it",
            );
        }
    }

    /// Returns the most profitable campaign by these scores, with `accepted` as the share that accepts; `None` unless
    /// both outcomes occur.
    pub fn known(&self, scores: &[f64], outcomes: &[bool]) -> Option<Campaign> {
        let corners = Corner::hull(scores, outcomes)?;
        let profits = corners.iter().map(|corner| (self.profit(*corner, self.accepted), corner.share()));
        let (profit, share) = profits.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        Some(Campaign { profit, share })
    }

    /// Returns what is to be expected where the share that accepts is known from so many customers; `None` unless
    /// both outcomes occur and `accepted_from` is given.
    pub fn expected(&self, scores: &[f64], outcomes: &[bool]) -> Option<Campaign> {
        let from = self.accepted_from?;
        let (alpha, beta) = (self.accepted * from, (1.0 - self.accepted) * from);
        let corners = Corner::hull(scores, outcomes)?;
        let below = |alpha: f64, x: f64| if x <= 0.0 { 0.0 } else { beta_reg(alpha, beta, x.min(1.0)) };
        let mut found = Campaign { profit: 0.0, share: 0.0 };
        let mut from = 0.0;
        for (index, corner) in corners.iter().enumerate() {
            // Up to which share of accepted offers this corner is the best.
            let to =
                corners.get(index + 1).map_or(1.0, |next| self.indifferent(*corner, *next)).clamp(from, 1.0);
            let chance = below(alpha, to) - below(alpha, from);
            let accepted = self.accepted * (below(alpha + 1.0, to) - below(alpha + 1.0, from));
            let (kept, spent) = self.terms(*corner);
            found.profit += kept * accepted - spent * chance;
            found.share += corner.share() * chance;
            from = to;
        }
        Some(found)
    }

    /// What is earned per unit of the share that accepts, and what is spent in any case.
    fn terms(&self, corner: Corner) -> (f64, f64) {
        let kept = (self.customer_value - self.offer_cost) * corner.leavers;
        let spent =
            self.contact_cost * corner.leavers + (self.offer_cost + self.contact_cost) * corner.stayers;
        (kept, spent)
    }

    fn profit(&self, corner: Corner, accepted: f64) -> f64 {
        let (kept, spent) = self.terms(corner);
        kept * accepted - spent
    }

    /// The share that accepts at which two campaigns earn the same.
    fn indifferent(&self, corner: Corner, next: Corner) -> f64 {
        let ((kept, spent), (kept_next, spent_next)) = (self.terms(corner), self.terms(next));
        if kept_next > kept { (spent_next - spent) / (kept_next - kept) } else { f64::INFINITY }
    }
}

/// Who is contacted from some score on, as shares of all customers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Corner {
    leavers: f64,
    stayers: f64,
}

impl Corner {
    fn share(self) -> f64 {
        self.leavers + self.stayers
    }

    /// The corners of the upper convex hull of the ROC curve, from nobody to everybody.
    fn hull(scores: &[f64], outcomes: &[bool]) -> Option<Vec<Corner>> {
        let rows = outcomes.len() as f64;
        let with = outcomes.iter().filter(|outcome| **outcome).count();
        if with == 0 || with == outcomes.len() {
            return None;
        }
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_unstable_by(|&a, &b| scores[b].total_cmp(&scores[a]));
        let mut hull = vec![(0.0, 0.0)];
        let (mut leavers, mut stayers) = (0.0, 0.0);
        for (place, &row) in order.iter().enumerate() {
            if outcomes[row] {
                leavers += 1.0;
            } else {
                stayers += 1.0;
            }
            // Who has the same score is contacted as well, or is not.
            if order.get(place + 1).is_some_and(|&next| scores[next] == scores[row]) {
                continue;
            }
            while let [.., before, last] = hull[..] {
                if !is_right_turn(before, last, (stayers, leavers)) {
                    hull.pop();
                } else {
                    break;
                }
            }
            hull.push((stayers, leavers));
        }
        Some(
            hull.into_iter()
                .map(|(stayers, leavers)| Corner { leavers: leavers / rows, stayers: stayers / rows })
                .collect(),
        )
    }
}

/// Whether the way over three points turns right: the one in the middle lies above the line of the others.
fn is_right_turn(a: (f64, f64), b: (f64, f64), c: (f64, f64)) -> bool {
    (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0) < 0.0
}

#[cfg(test)]
mod tests {
    //! References: the profit of every threshold, and its mean over 20,000 shares that accept weighted by SciPy's beta
    //! density (NumPy); `empulse` 0.13 gives the same profits.
    use super::*;
    use crate::mining::test_data::uniform;

    fn hold_out() -> (Vec<f64>, Vec<bool>) {
        let u = uniform(4000, 3);
        let outcomes: Vec<bool> = (0..2000).map(|n| u[2 * n] < 0.33).collect();
        let scores = (0..2000).map(|n| (u[2 * n + 1] + if outcomes[n] { 0.3 } else { 0.0 }) / 1.3).collect();
        (scores, outcomes)
    }

    fn campaign(customer_value: f64, offer_cost: f64, contact_cost: f64) -> RetentionCampaign {
        RetentionCampaign {
            customer_value,
            offer_cost,
            contact_cost,
            accepted: 0.3,
            accepted_from: Some(20.0),
        }
    }

    fn close(found: Option<Campaign>, profit: f64, share: f64) {
        let found = found.unwrap();
        assert!((found.profit - profit).abs() < 1e-6, "{} is not {profit}", found.profit);
        assert!((found.share - share).abs() < 1e-5, "{} is not {share}", found.share);
    }

    #[test]
    fn the_best_campaign_is_that_of_the_paper() {
        let (scores, outcomes) = hold_out();
        let cheap = campaign(200.0, 10.0, 1.0);
        close(cheap.known(&scores, &outcomes), 14.217, 0.815);
        close(cheap.expected(&scores, &outcomes), 14.249263487857132, 0.7924128485353374);
        let dear = campaign(60.0, 20.0, 2.0);
        close(dear.known(&scores, &outcomes), 1.23, 0.123);
        close(dear.expected(&scores, &outcomes), 1.2300145559150408, 0.12298008818888473);
    }

    #[test]
    fn customers_of_the_same_score_are_contacted_together() {
        let (scores, outcomes) = hold_out();
        let rounded: Vec<f64> = scores.iter().map(|score| (score * 10.0).round_ties_even() / 10.0).collect();
        let cheap = campaign(200.0, 10.0, 1.0);
        close(cheap.known(&rounded, &outcomes), 14.0515, 0.7935);
        assert!((cheap.expected(&rounded, &outcomes).unwrap().profit - 14.07806136731391).abs() < 1e-6);
    }

    #[test]
    fn a_campaign_that_cannot_pay_goes_to_nobody() {
        let (scores, outcomes) = hold_out();
        let hopeless = campaign(1.0, 1.0, 1.0);
        close(hopeless.known(&scores, &outcomes), 0.0, 0.0);
        close(hopeless.expected(&scores, &outcomes), 0.0, 0.0);
        assert_eq!(hopeless.known(&[0.1, 0.2], &[true, true]), None);
    }
}
