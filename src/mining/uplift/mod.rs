//! Uplift: what a contact changes in the probability of an outcome, learnt from campaigns with a control group.
//!
//! ```text
//! declaration   [uplift.<name>], checked
//! contacts      who was contacted and who was kept back in each campaign, and what came of them
//! learner       features, contacts and outcomes → regressions: two models, or the transformed outcome
//! randomisation whether chance alone decided who was contacted
//! qini          how much better than at random a score picks
//! proportions   two shares: intervals, and the size an experiment needs
//! fit           campaigns → a learner, chosen on one campaign and judged on the latest
//! needed        the experiment that would do, where nothing can be learnt
//! judge         the figures, and what is to be said of them
//! score         the fitted model as SQL
//! curve         the figures as tables
//! step          → mart.<name>_uplift, mart.<name>_uplift_curve, mart.<name>_uplift_deciles
//! ```

mod contacts;
mod curve;
mod declaration;
mod fit;
mod judge;
mod learner;
mod needed;
mod proportions;
mod qini;
mod randomisation;
mod score;
mod step;
#[cfg(test)]
mod tests;

pub use declaration::{UpliftOutcome, UpliftParams, UpliftSection};
pub use step::{Uplift, UpliftLearning};
