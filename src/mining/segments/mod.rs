//! Segments: customers grouped by k-means on scaled features, the same groups from night to night.
//!
//! ```text
//! declaration   [segments.<name>], checked
//! apart         customers who are a segment by a rule of the section
//! kmeans        clusters of scaled rows
//! choose_k      how many segments, where the pipeline leaves it open
//! position      where a segment's median lies among all customers
//! naming        words for a segment by its positions
//! segmentation  fit
//! assignment    the segment of every customer, as SQL
//! profile       what the segments are like, as SQL
//! step          all segmentations of a pipeline → mart.segments, mart.segments_<name>, mart.segment_profiles
//! ```

mod apart;
mod assignment;
mod choose_k;
mod declaration;
mod kmeans;
mod naming;
mod position;
mod profile;
mod segmentation;
mod step;

pub use declaration::{SegmentParams, SegmentSection};
pub use step::{Segmentation, Segmentations};
