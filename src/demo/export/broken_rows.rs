//! The share of broken rows in an export.

use crate::demo::random_streams::{Stream, happens};

/// Rows that an export has wrong, on top of the right ones.
const BROKEN: f64 = 0.0005;

pub(super) fn is_broken(rng: &mut Stream) -> bool {
    happens(rng, BROKEN)
}
