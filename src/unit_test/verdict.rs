//! The result of a test.

use super::compare::Difference;
use crate::error::Error;
use crate::name::TableName;

/// A test as it ended.
#[derive(Debug)]
pub struct Tried {
    pub model: TableName,
    pub test: String,
    /// `file:line`
    pub place: String,
    pub verdict: Verdict,
}

#[derive(Debug)]
pub enum Verdict {
    Passed,
    /// Other rows than expected.
    Failed(Difference),
    /// The model could not be computed over the given rows.
    Broken(Error),
}

impl Tried {
    pub fn passed(&self) -> bool {
        matches!(self.verdict, Verdict::Passed)
    }
}
