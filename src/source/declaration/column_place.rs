//! `from` and `at` of a column: where its values are in a file, as written and checked.

use std::slice;

use schemars::JsonSchema;
use serde::Deserialize;

/// `from`: a name, a position, one of several columns of a name, or the names of today and of former times.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a column's name, its position, { name = \"Email\", nth = 2 }, { partition = \"day\" }, or a list of the names it has had"
)]
pub enum FromDeclaration {
    Position(i64),
    Name(String),
    Nth(NthDeclaration),
    Partition(PartitionDeclaration),
    Names(Vec<String>),
}

impl FromDeclaration {
    /// Returns the names that it gives.
    pub(super) fn names(&self) -> &[String] {
        match self {
            FromDeclaration::Name(name) => slice::from_ref(name),
            FromDeclaration::Names(names) => names,
            FromDeclaration::Position(_) | FromDeclaration::Nth(_) | FromDeclaration::Partition(_) => &[],
        }
    }
}

/// `{ partition = "day" }`: the folder `day=…` that contains a file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionDeclaration {
    /// The name of the folder `name=value` that contains the file.
    #[schemars(example = &"day")]
    pub partition: String,
}

/// `{ name = "Email", nth = 2 }`: of the columns that are called so, the second.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NthDeclaration {
    /// The header that several columns have.
    #[schemars(example = &"Email")]
    pub name: String,
    /// Which of them, from 1.
    #[schemars(example = 2)]
    pub nth: i64,
}

/// `at`: the first and the last character of a fixed-width column, or the only one; from 1.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected the first and the last character, for example [1, 5], or a single character"
)]
pub enum AtDeclaration {
    One(i64),
    Stretch([i64; 2]),
}

/// Returns names joined by dots.
pub(super) fn is_path(text: &str) -> bool {
    text.split('.').all(|key| !key.is_empty())
}
