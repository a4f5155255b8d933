//! How many rows an export has wrong.

use crate::demo::chance::{Stream, happens};

/// Rows that an export has wrong, on top of the right ones.
const SPOILT: f64 = 0.0005;

pub(super) fn is_spoilt(rng: &mut Stream) -> bool {
    happens(rng, SPOILT)
}
