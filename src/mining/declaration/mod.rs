//! The `[segments]` and `[churn]` sections of a pipeline file, and the params they are checked into.

mod bounds;
mod churn;
mod feature_column;
mod segments;

pub use churn::{ChurnParams, ChurnSection, CutoffsSection, OutcomeSection, Rhythm};
pub use feature_column::FeatureColumn;
pub use segments::{SegmentCount, SegmentParams, SegmentSection};
