//! Propensities: the probability of an outcome, learnt from past cut-offs by logistic regression.
//!
//! ```text
//! declaration  [propensity.<name>], checked
//! outcome      what came within the window after it
//! rows         customers in memory, with what came of them
//! learn        cut-offs with their outcomes → a fitted model, judged on the hold-out
//! folds        … and on every customer in turn, where the features carry the label
//! trees        features and outcomes → boosted trees
//! challenger   which of the two scores
//! calibrate    from scores to chances, by customers who were not learnt from
//! judge        the figures, and what is to be said of them
//! coefficients what was learnt in the units of the data
//! unseen       who is scored with a text that was not learnt from
//! reasons      why a customer has her score, in words
//! score        the fitted model as SQL   (scorer, trees_scorer: what it needs)
//! promise      for how many the outcome will come, and for how many it came
//! step         → mart.<name>_scores
//! ```

mod calibrate;
mod challenger;
mod coefficients;
mod declaration;
mod folds;
mod judge;
mod learn;
mod outcome;
mod promise;
mod reasons;
mod rows;
mod score;
mod scorer;
mod step;
mod trees;
mod trees_scorer;
pub(super) mod unseen;

pub use declaration::{EventOutcome, OutcomeParams, PropensityParams, PropensitySection};
pub(super) use learn::Seen;
pub use step::{Learning, PastLearning, Propensity};
