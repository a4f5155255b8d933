//! What customers cost and owe beside what they buy: where they came from, what serving them takes, what is
//! billed, rewarded and never paid.
//!
//! Each part draws from streams of its own and leaves what is drawn elsewhere as it is.

pub(super) mod acquisition;
pub(super) mod billing;
pub(super) mod costs;
pub(super) mod dealings;
pub(super) mod future;
pub(super) mod journey;
pub(super) mod key_account;
pub(super) mod profit;
pub(super) mod rewards;
pub(super) mod serving;
pub(super) mod truth;
pub(super) mod waiting;
