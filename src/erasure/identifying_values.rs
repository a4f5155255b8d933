//! The values by which a row of an exported file is known to be an erased person's.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::erased_person::ErasedPerson;
use crate::normal_form::normal;

pub(super) const CUSTOMER_ID: &str = "customer_id";
/// A shorter value may mean anything in a file whose rows have no customer id.
const DISTINCTIVE_CHARACTERS: usize = 5;
/// The same within a longer text.
const WORD_CHARACTERS: usize = 7;

/// The values that identify a row of the person.
pub(super) struct IdentifyingValues {
    customers: BTreeSet<String>,
    telling: BTreeSet<String>,
}

impl IdentifyingValues {
    pub(super) fn of(subject: &ErasedPerson) -> Self {
        let all = || subject.identifiers.iter();
        let telling = all().map(|i| &i.value).filter(|v| v.chars().count() >= DISTINCTIVE_CHARACTERS);
        IdentifyingValues {
            customers: all().filter(|i| i.kind == CUSTOMER_ID).map(|i| i.value.clone()).collect(),
            telling: telling.cloned().collect(),
        }
    }

    pub(super) fn is_customer(&self, cell: &str) -> bool {
        self.customers.contains(&normal(cell))
    }

    /// Returns whether a cell is one of the values or, with what is not a letter and no digit around it,
    /// holds one.
    fn is_distinctive(&self, cell: &str) -> bool {
        let cell = normal(cell);
        self.telling.contains(&cell)
            || self.telling.iter().any(|value| {
                is_word(value)
                    && cell.match_indices(value.as_str()).any(|(at, found)| {
                        !cell[..at].ends_with(char::is_alphanumeric)
                            && !cell[at + found.len()..].starts_with(char::is_alphanumeric)
                    })
            })
    }

    /// Returns whether a row is the person's: by its customer id if there is one, else by any cell.
    pub(super) fn are_in<'c>(&self, id: Option<&str>, mut cells: impl Iterator<Item = Cow<'c, str>>) -> bool {
        match id.filter(|id| !id.trim().is_empty()) {
            Some(id) => self.is_customer(id),
            None => cells.any(|cell| self.is_distinctive(&cell)),
        }
    }
}

/// Returns whether a value may be looked for within a text: a short number is in any.
fn is_word(value: &str) -> bool {
    value.chars().count() >= WORD_CHARACTERS
}
