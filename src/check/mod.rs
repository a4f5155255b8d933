//! Checks: assertions on a table, each a query that counts the rows that fail; `broken_rows` shows which.

mod assertion;
mod broken_rows;
mod declaration;
mod reconciliation;
#[cfg(test)]
mod reconciliation_tests;

pub use crate::config::{CheckDeclaration, Severity};
pub use assertion::{Assertion, Check, Finding};
pub use broken_rows::{SHOWN_ROWS, listed};
pub use reconciliation::{Reconciliation, Side};
