//! Segments: customers grouped by k-means on scaled features, the same groups from night to night.
//!
//! ```text
//! declaration   [segments.<name>], checked
//! kmeans        clusters of scaled rows
//! choose_k      how many segments, where the pipeline leaves it open
//! naming        words for a segment by its centroid
//! segmentation  fit, score as SQL, profiles
//! step          all segmentations of a pipeline → mart.segments, mart.segments_<name>, mart.segment_profiles
//! ```

mod choose_k;
mod declaration;
mod kmeans;
mod naming;
mod segmentation;
mod step;

pub use declaration::{SegmentParams, SegmentSection};
pub use step::{Segmentation, Segmentations};
