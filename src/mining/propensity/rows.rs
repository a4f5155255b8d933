//! Customers in memory with what came of them: what propensities are learnt from and judged on.

use crate::clock::Instant;
use crate::error::Result;
use crate::mining::matrix::Matrix;

/// Customers at a cut-off, or all that are labelled; a sample where there are many.
pub(super) struct Rows {
    /// When, and until when the outcome was open; `None` for labelled customers of today.
    pub window: Option<(Instant, Instant)>,
    pub features: Matrix,
    pub outcomes: Vec<bool>,
    /// Customers who are scored and not learnt from.
    pub not_eligible: Option<(Matrix, Vec<bool>)>,
}

/// Returns cut-offs one under the other, oldest first; a customer may stand in each of them.
///
/// # Errors
/// Cut-offs of other columns.
pub(super) fn stack(past: &[&Rows]) -> Result<(Matrix, Vec<bool>)> {
    let matrix = Matrix::stack(&past.iter().map(|rows| &rows.features).collect::<Vec<_>>())?;
    Ok((matrix, past.iter().flat_map(|rows| rows.outcomes.iter().copied()).collect()))
}
