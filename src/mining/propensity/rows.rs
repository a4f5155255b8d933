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

/// Cut-offs one under the other, oldest first; a customer may stand in each of them.
pub(super) struct Stacked {
    pub features: Matrix,
    pub outcomes: Vec<bool>,
    /// Where the rows of the latest cut-off begin; all rows are of it where the features carry their label.
    pub latest_from: usize,
}

impl Stacked {
    /// # Errors
    /// Cut-offs of other columns.
    pub fn of<'a>(past: impl IntoIterator<Item = &'a Rows>) -> Result<Stacked> {
        let past: Vec<&Rows> = past.into_iter().collect();
        let features = Matrix::stack(&past.iter().map(|rows| &rows.features).collect::<Vec<_>>())?;
        let outcomes: Vec<bool> = past.iter().flat_map(|rows| rows.outcomes.iter().copied()).collect();
        let latest = past.last().filter(|rows| rows.window.is_some());
        let latest_from = latest.map_or(0, |rows| outcomes.len() - rows.outcomes.len());
        Ok(Stacked { features, outcomes, latest_from })
    }

    /// Returns some rows of labelled customers, in the order given.
    pub fn select(&self, picked: &[usize]) -> Stacked {
        Stacked {
            features: self.features.select(picked),
            outcomes: picked.iter().map(|&row| self.outcomes[row]).collect(),
            latest_from: 0,
        }
    }
}
