//! A customer's id: derived from one of the customer's records, then kept from night to night.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// 64 bits, written `c` and sixteen hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerId(u64);

impl CustomerId {
    /// Returns the id of a customer who is new, after a record of theirs: it depends neither on the order of
    /// arrival nor on the threads.
    pub(super) fn derived_from(source: &str, record_id: &str) -> CustomerId {
        CustomerId((hashed(source, record_id) >> 64) as u64)
    }

    /// Returns the id to try if another customer has this one: the record it was derived from has left
    /// that customer.
    #[must_use]
    pub fn next(self) -> CustomerId {
        CustomerId::derived_from("", &self.to_string())
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:016x}", self.0)
    }
}

impl FromStr for CustomerId {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix('c').filter(|digits| digits.len() == 16).ok_or(())?;
        u64::from_str_radix(digits, 16).map(CustomerId).map_err(drop)
    }
}

/// Sixteen bytes of SHA-256: two keys of ten million meet by chance once in 10^24.
pub(super) fn key_hash(kind: &str, value: &str) -> u128 {
    hashed(kind, value)
}

fn hashed(first: &str, second: &str) -> u128 {
    let mut hash = Sha256::new();
    hash.update((first.len() as u64).to_le_bytes());
    hash.update(first);
    hash.update(second);
    hash.finalize().iter().take(16).fold(0, |number, byte| number << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let id = CustomerId::derived_from("card", "7");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_ne!(id.next(), id);
        for wrong in ["", "c", "d0000000000000000", "c000000000000000", "c00000000000000zz"] {
            assert_eq!(wrong.parse::<CustomerId>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn where_source_and_record_part_counts() {
        assert_ne!(CustomerId::derived_from("a", "bc"), CustomerId::derived_from("ab", "c"));
    }
}
