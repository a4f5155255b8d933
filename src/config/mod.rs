//! Findings about a configuration: every section checks itself and reports all it finds.
//!
//! A section of the pipeline file is a struct that mirrors the TOML exactly (`serde`, unknown keys
//! refused) and a `check` that turns it into what the domain works with. `check` does no I/O and
//! does not stop at the first problem; the pipeline adds file and line.

mod checks;
mod severity;

use crate::error::Error;

pub use checks::{Bounds, CheckDeclaration, OneOrMany, ReconciledWith};
pub use severity::Severity;

/// A problem with one key of a section.
#[derive(Debug)]
pub struct Problem {
    /// The key below the section, outermost first: `["columns", "amount", "type"]`.
    pub key: Vec<String>,
    pub error: Error,
}

impl Problem {
    pub fn new<K: Into<String>>(key: impl IntoIterator<Item = K>, error: Error) -> Self {
        Problem { key: key.into_iter().map(Into::into).collect(), error }
    }

    /// Returns the same problem seen from the section that contains this one.
    #[must_use]
    pub fn below(mut self, outer: &str) -> Self {
        self.key.insert(0, outer.to_owned());
        self
    }
}
