//! The result of a step about customers and companies.

use crate::warehouse::stage::Staged;

/// The tables that a step staged, the one it is named for first.
#[derive(Debug)]
pub struct Made {
    pub staged: Vec<Staged>,
    /// Worth knowing.
    pub notes: Vec<String>,
    /// Differs from the declaration, but was accepted.
    pub warnings: Vec<String>,
}
