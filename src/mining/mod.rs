//! Mining: what is learnt about customers, and the SQL that applies it.
//!
//! Every method has the shape linfa has: a section of the pipeline file is checked into params,
//! params and a frame of features give a [`fitted::FittedModel`], and a fitted model scores any
//! frame of the same features. Fitting works on a bounded matrix in the order of the customer key;
//! scoring is arithmetic in SQL, so it streams and spills nothing however many customers there are.
//!
//! Too little data is not an error: the model is `not_fitted` and says why.
//!
//! ```text
//! feature_column, feature_words, bounds, condition  what the sections of several methods have in common
//! cutoffs, feature_query, heirs  past instants, the features of then, and whose they were
//! matrix, texts  features of a bounded set of customers → ndarray, in key order
//! scaling      winsorise, log, standardise            (fitted; as numbers and as SQL)
//! segments     k-means, the number of segments, names → mart.segments, mart.segment_profiles
//! propensity   outcomes at past cut-offs, logistic    → mart.<name>_scores
//! uplift       campaigns with a control group      → mart.<name>_uplift, who is won by a contact
//! value        purchases and renewals to come, what they are worth → mart.<name>_value
//! forecast     what values and propensities promised, and what came → core.forecasts, mart.forecast_accuracy
//! purchases    which events are purchases, and when (event_time: when any event was)
//! metrics      AUC, Brier, calibration, lift          (bootstrap: how sure they are)
//! regression   logistic regression on features as they are
//! boosting     gradient-boosted trees
//! calibration  from a score to a chance
//! retention_profit  what a campaign by the score earns, and how many it is for
//! drift        how far tonight's customers are from those learnt from
//! fitted       a fitted model as rows of ops.models, and back
//! refit        whether anything has changed since the last fit
//! ```
//!
//! Only this layer names linfa.

mod boosting;
mod bootstrap;
mod bounds;
mod calibration;
mod cholesky;
mod collinearity;
mod condition;
mod cutoffs;
mod drift;
mod event_time;
mod feature_column;
mod feature_query;
mod feature_words;
mod fit_error;
pub mod fitted;
pub mod forecast;
mod heirs;
mod logistic;
mod matrix;
pub mod metrics;
mod one_hot;
pub mod propensity;
mod purchases;
mod refit;
mod regression;
mod retention_profit;
mod scaling;
mod score;
pub mod segments;
#[cfg(test)]
mod test_data;
mod texts;
pub mod uplift;
pub mod value;

pub use cutoffs::{Cutoffs, CutoffsSection};
pub use feature_query::FeatureQuery;
pub use purchases::Purchases;

/// The column that tells customers apart in every frame given to mining and got from it.
pub const KEY: &str = "customer_id";
