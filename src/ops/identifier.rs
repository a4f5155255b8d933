//! An identifying value with its kind: `email=ada@example.org`, `card=1234`, `customer_id=c…`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::name::is_identifier;
use crate::normal_form::normal;

/// One identifier of a person. Its value is shown nowhere, not even for debugging.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    /// A kind of key of `[identity]`, a source of it, `source.column`, or `customer_id`.
    pub kind: String,
    /// In its normal form.
    pub value: String,
}

impl Identifier {
    pub fn new(kind: &str, value: &str) -> Self {
        Identifier { kind: kind.to_owned(), value: normal(value) }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=…", self.kind)
    }
}

impl FromStr for Identifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // What was typed may be a person's: it is not repeated.
        let wrong = || {
            Error::config("an identifier is written kind=value")
                .hint("for example email=…, card=… or customer_id=…")
        };
        let (kind, value) = text.split_once('=').ok_or_else(wrong)?;
        let known = kind.split('.').all(is_identifier) && kind.split('.').count() <= 2;
        if !known || normal(value).is_empty() {
            return Err(wrong());
        }
        Ok(Identifier::new(kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_does_not_count_and_the_value_is_never_shown() {
        let typed: Identifier = "email= Ada@Example.org ".parse().unwrap();
        assert_eq!(typed, Identifier::new("email", "ada@example.org"));
        assert_eq!(format!("{typed:?}"), "email=…");
        for wrong in ["ada@example.org", "email=", "=x", "E-mail=x", "a.b.c=x"] {
            let message = wrong.parse::<Identifier>().unwrap_err().to_string();
            assert!(!message.contains("ada"), "{message}");
        }
    }
}
