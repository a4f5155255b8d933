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
//! declaration  what the pipeline file says            → SegmentParams, ChurnParams
//! matrix       features of a bounded set of customers → ndarray, in key order
//! scaling      winsorise, log, standardise            (fitted; as numbers and as SQL)
//! segments     kmeans, choose_k, naming               → mart.segments, mart.segment_profiles
//! churn        logistic, evaluate                     → mart.churn_scores
//! fitted       a fitted model as rows of ops.models, and back
//! ```
//!
//! What is not here: the session, the evaluation of features as of an instant and the labels of an
//! outcome are made by the caller, who hands over data frames. Only this layer names linfa.

pub mod choose_k;
pub mod churn;
pub mod declaration;
pub mod evaluate;
pub mod fitted;
pub mod kmeans;
pub mod logistic;
pub mod matrix;
pub mod naming;
#[cfg(test)]
mod planted;
pub mod scaling;
pub mod score;
pub mod segments;

/// The column that tells customers apart in every frame given to mining and got from it.
pub const KEY: &str = "customer_id";

/// Why a model could not be learnt from the data at hand; a finding, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotFitted(pub String);
