//! The name of a table of the history.

use crate::name::TableName;

/// Returns `ops.<name>`.
pub(super) fn ops_table(name: &str) -> TableName {
    TableName::new("ops", name).expect("our own table names are valid")
}
