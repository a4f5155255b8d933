//! Checks: assertions on a table, each a query that counts the rows that fail.

mod assertion;
mod declaration;

pub use crate::config::{CheckDeclaration, Severity};
pub use assertion::{Assertion, Check, Finding};
