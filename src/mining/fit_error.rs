//! Why nothing was learnt: too little to learn from, which is a finding, or a failure.

use crate::error::Error;

/// Why a fit gives no model.
#[derive(Debug)]
pub enum FitError {
    /// The data at hand do not suffice; the reason is written down in place of a model.
    NotFitted(String),
    Failed(Error),
}

impl From<Error> for FitError {
    fn from(error: Error) -> Self {
        FitError::Failed(error)
    }
}

/// What a fit gives.
pub type FitResult<T> = std::result::Result<T, FitError>;
