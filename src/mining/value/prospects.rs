//! Customers who have not bought yet: what comes of those like them, as a share who do and a lognormal amount.
//!
//! A zero-inflated lognormal (Wang, Liu and Miao 2019, "A Deep Probabilistic Model for Customer Lifetime Value
//! Prediction"), by group, thin groups drawn to all.

use std::collections::BTreeMap;

use super::model::Prospects;

/// What came of customers who had not bought at a cut-off, by group.
#[derive(Debug, Clone, Default)]
pub(super) struct ProspectGroups {
    groups: BTreeMap<Option<String>, Counted>,
}

/// Sums over customers.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    customers: f64,
    buyers: f64,
    purchases: f64,
    /// Of those who brought more than 0.
    logs: f64,
    squares: f64,
    positive: f64,
}

/// A group counts as if so many customers of all had been added to it, and so many buyers.
const POOLED_CUSTOMERS: f64 = 200.0;
const POOLED_BUYERS: f64 = 20.0;
/// With fewer buyers in all nothing is said.
const LEAST_BUYERS: f64 = 10.0;

impl ProspectGroups {
    /// Adds a customer: days with a purchase within the horizon, and what they were worth.
    pub fn add(&mut self, group: Option<String>, purchases: f64, amount: f64) {
        let of_group = group.map(Some);
        for group in std::iter::once(None).chain(of_group) {
            let counted = self.groups.entry(group).or_default();
            counted.customers += 1.0;
            if purchases > 0.0 {
                counted.buyers += 1.0;
                counted.purchases += purchases;
            }
            if amount > 0.0 {
                counted.positive += 1.0;
                counted.logs += amount.ln();
                counted.squares += amount.ln() * amount.ln();
            }
        }
    }

    /// Returns the names of the groups.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.groups.keys().flatten()
    }

    /// Returns what is to be expected of a group, or of all; `None` where too few bought to say.
    pub fn of(&self, group: Option<&str>) -> Option<Prospects> {
        let all = self.groups.get(&None)?;
        if all.positive < LEAST_BUYERS {
            return None;
        }
        let own = group.and_then(|name| self.groups.get(&Some(name.to_owned()))).copied();
        let own = match group {
            None => *all,
            Some(_) => own.unwrap_or_default().with(all),
        };
        let (log_mean, mean_square) = (own.logs / own.positive, own.squares / own.positive);
        Some(Prospects {
            // Who brought nothing, or less, counts as one of whom nothing came.
            share: own.positive / own.customers,
            purchases: own.purchases / own.buyers,
            log_mean,
            log_sd: (mean_square - log_mean * log_mean).max(0.0).sqrt(),
        })
    }
}

impl Counted {
    /// Adds a few customers like all, and a few buyers like all.
    fn with(self, all: &Counted) -> Counted {
        let share = POOLED_CUSTOMERS / all.customers;
        let of_buyers = POOLED_BUYERS / all.positive;
        // Shares are pooled by customers, amounts by buyers: each is a ratio of its own two sums.
        let positive = self.positive + of_buyers * all.positive;
        let scale = (self.positive + share * all.positive) / (self.customers + share * all.customers);
        Counted {
            customers: positive / scale,
            buyers: self.buyers + of_buyers * all.buyers,
            purchases: self.purchases + of_buyers * all.purchases,
            logs: self.logs + of_buyers * all.logs,
            squares: self.squares + of_buyers * all.squares,
            positive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups() -> ProspectGroups {
        let mut groups = ProspectGroups::default();
        for n in 0..1000 {
            let bought = n % 10 == 0;
            let amount = if bought { 10.0 * (1.0 + f64::from(n % 7)) } else { 0.0 };
            groups.add(Some("blind".to_owned()), f64::from(u8::from(bought)), amount);
        }
        groups.add(Some("tiny".to_owned()), 1.0, 70.0);
        groups
    }

    #[test]
    fn the_share_and_the_amount_are_those_that_were_seen() {
        let blind = groups().of(Some("blind")).unwrap();
        assert!((blind.share - 0.1).abs() < 0.001, "{blind:?}");
        // Who knows better: half of the buyers bring less than the median of what was planted.
        assert!((blind.quantile(0.95) - 40.0).abs() < 8.0, "{}", blind.quantile(0.95));
        assert_eq!(blind.quantile(0.5), 0.0);
    }

    #[test]
    fn a_thin_group_is_like_all() {
        let groups = groups();
        let (all, tiny) = (groups.of(None).unwrap(), groups.of(Some("tiny")).unwrap());
        assert!((tiny.share - all.share).abs() < 0.01, "{tiny:?} {all:?}");
        assert!((tiny.log_mean - all.log_mean).abs() < 0.05);
    }

    #[test]
    fn of_nobody_nothing_is_said() {
        assert_eq!(ProspectGroups::default().of(None), None);
    }
}
