//! The conventions in which customer data was written.

use crate::placeholder_value::PlaceholderValues;

/// The conventions declared in `[identity]`, for every section about customers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writing {
    /// Where numbers and postcodes without a country were written down: two letters, or nothing.
    pub country: String,
    /// What was written where nothing was known.
    pub placeholders: PlaceholderValues,
}

#[cfg(test)]
impl Writing {
    pub fn of(country: &str) -> Writing {
        Writing { country: country.to_owned(), ..Writing::default() }
    }
}
