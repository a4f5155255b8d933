//! Propensities: the probability of an outcome, learnt from past cut-offs by logistic regression.
//!
//! ```text
//! declaration  [propensity.<name>], checked
//! cutoffs      past instants to learn at
//! features     the features as of an instant
//! outcome      what came within the window after it
//! heirs        … for the customers who have the records of then
//! learn        cut-offs with their outcomes → a fitted model, judged on the hold-out
//! score        the fitted model as SQL
//! step         → mart.<name>_scores
//! ```

mod cutoffs;
mod declaration;
mod features;
mod heirs;
mod learn;
mod outcome;
mod score;
mod step;

pub use cutoffs::Cutoffs;
pub use declaration::{CutoffsSection, EventOutcome, OutcomeParams, PropensityParams, PropensitySection};
pub use features::FeatureQuery;
pub use step::{Learning, PastLearning, Propensity};
