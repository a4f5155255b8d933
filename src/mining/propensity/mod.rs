//! Propensities: the probability of an outcome, learnt from past cut-offs by logistic regression.
//!
//! ```text
//! declaration  [propensity.<name>], checked
//! outcome      what came within the window after it
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
mod declaration;
mod folds;
mod judge;
mod learn;
mod outcome;
mod regression;
mod score;
mod step;
pub(super) mod unseen;

pub use declaration::{EventOutcome, OutcomeParams, PropensityParams, PropensitySection};
pub(super) use learn::Seen;
pub use step::{Learning, PastLearning, Propensity};
