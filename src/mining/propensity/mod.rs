//! Propensities: the probability of an outcome, learnt from past cut-offs by logistic regression.
//!
//! ```text
//! declaration  [propensity.<name>], checked
//! cutoffs      past instants to learn at
//! features     the features as of an instant
//! outcome      what came within the window after it
//! heirs        … for the customers who have the records of then
//! regression   features and outcomes → weights
//! learn        cut-offs with their outcomes → a fitted model, judged on the hold-out
//! folds        … and on every customer in turn, where the features carry the label
//! judge        the figures, and what is to be said of them
//! coefficients what was learnt in the units of the data
//! unseen       who is scored with a text that was not learnt from
//! score        the fitted model as SQL
//! step         → mart.<name>_scores
//! ```

mod coefficients;
mod cutoffs;
mod declaration;
mod features;
mod folds;
mod heirs;
mod judge;
mod learn;
mod outcome;
mod regression;
mod score;
mod step;
mod unseen;

pub use cutoffs::Cutoffs;
pub use declaration::{CutoffsSection, EventOutcome, OutcomeParams, PropensityParams, PropensitySection};
pub use features::FeatureQuery;
pub use step::{Learning, PastLearning, Propensity};
