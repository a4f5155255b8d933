//! What a customer's purchases say of what is to come: how often, when first, when last.

/// Days in the unit of time of the models, a week as in the papers.
pub(super) const DAYS_A_WEEK: f64 = 7.0;

/// A history of purchases that many customers may have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct History {
    /// Days with a purchase after the first.
    pub repeats: u32,
    /// Days from the first purchase to the last.
    pub last_day: u32,
    /// Days from the first purchase to now.
    pub age_days: u32,
}

impl History {
    /// Returns the weeks from the first purchase to the last.
    pub fn last(self) -> f64 {
        f64::from(self.last_day) / DAYS_A_WEEK
    }

    /// Returns the weeks from the first purchase to now.
    pub fn age(self) -> f64 {
        f64::from(self.age_days) / DAYS_A_WEEK
    }
}

/// A history and how many customers have it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weighted {
    pub history: History,
    pub customers: f64,
}
