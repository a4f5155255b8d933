//! Groups that are learnt from together: how many there may be.

use crate::error::{Error, Result};

/// More groups than these are not groups.
const MOST_GROUPS: usize = 100;

/// Refuses more groups than are learnt from one by one; `of` says of what.
///
/// # Errors
/// Too many of them.
pub(super) fn at_most(count: usize, group: Option<&str>, of: &str) -> Result<()> {
    if count <= MOST_GROUPS {
        return Ok(());
    }
    let group = group.unwrap_or_default();
    Err(Error::config(format!("`{group}` has {count} values, at most {MOST_GROUPS} groups were expected"))
        .in_value("group", group)
        .hint(format!("take rare values together in the SQL of the {of}")))
}
