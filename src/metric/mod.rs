//! Metrics: figures that are defined once, computed every night, held against objectives, and explained.
//!
//! A metric is a sum, or a quotient of two sums, over the rows of one table that has a key. So it may be split by
//! dimensions, and its change by causes, and every split adds up.
//!
//! ```text
//! declaration   [metrics.<name>], checked
//! objective     [objectives.<name>], checked
//! definition    what a metric is, in the file and as a row of mart.metric_definitions
//! period        days, weeks, months, quarters, years
//! tables        the tables that are made, and the words in them
//! amount        decimals as whole numbers of their last digit
//! counted       the SQL that makes of each row what it adds to a metric
//! figures       tonight's sums by period and dimension
//! history       the figures of earlier nights
//! trend         the median of slopes
//! standing      where an objective stands
//! step          → mart.metrics, mart.metric_definitions, mart.objectives
//! change        why a metric is not what it was
//! ```

mod amount;
pub mod change;
mod counted;
mod declaration;
mod definition;
mod figures;
mod history;
mod objective;
mod period;
mod standing;
mod step;
mod tables;
mod trend;

pub use declaration::MetricSection;
pub use definition::Metric;
pub use objective::{Objective, ObjectiveSection};
pub use period::Period;
pub use step::Metrics;
