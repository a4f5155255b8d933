//! The one normal form of identifiers: two spellings of an e-mail address, a card or a record's number
//! that look alike are one value, in Rust and in SQL.
//!
//! Case does not count, nor blanks around a value (a tab, a non-breaking space), nor what cannot be seen
//! in it; a blank inside is one space, whatever and however many were written. Letters are composed and of
//! one width: `＠` is `@`.

use std::sync::Arc;

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use datafusion::functions::utils::make_scalar_function;
use datafusion::logical_expr::{ScalarUDF, Volatility, create_udf};
use unicode_normalization::UnicodeNormalization;

use crate::placeholder_value::is_seen;

/// The name of [`normal`] in SQL.
pub const SQL_NAME: &str = "normal_identifier";

/// Returns the identifier in its normal form.
pub fn normal(value: &str) -> String {
    let mut normal = String::with_capacity(value.len());
    if value.is_ascii() {
        composed(value.chars().map(|c| c.to_ascii_lowercase()), &mut normal);
    } else {
        // What is not seen keeps no accent from its letter; and a letter may decompose once it is lower case.
        let seen = value.chars().filter(|c| c.is_whitespace() || is_seen(*c));
        let lower = seen.nfkc().collect::<String>().to_lowercase();
        composed(lower.nfkc(), &mut normal);
    }
    normal
}

/// Returns what was the normal form once: hashes of it stand on suppression lists still.
pub fn former(value: &str) -> String {
    value.trim().to_lowercase()
}

/// What is seen, with one space where blanks were between it.
fn composed(letters: impl Iterator<Item = char>, normal: &mut String) {
    let mut blank = false;
    for c in letters {
        if c.is_whitespace() {
            blank = true;
        } else if is_seen(c) {
            if std::mem::take(&mut blank) && !normal.is_empty() {
                normal.push(' ');
            }
            normal.push(c);
        }
    }
}

/// Returns [`normal`] as a function of SQL.
pub fn sql_function() -> ScalarUDF {
    let function = make_scalar_function(
        |columns| {
            let texts = columns[0].as_string_view();
            Ok(Arc::new(texts.iter().map(|text| text.map(normal)).collect::<StringArray>()) as _)
        },
        Vec::new(),
    );
    create_udf(SQL_NAME, vec![DataType::Utf8View], DataType::Utf8, Volatility::Immutable, Arc::new(function))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_that_look_alike_are_one_value() {
        for spelling in [
            "ada@example.org",
            " Ada@Example.org ",
            "ada@example.org\t",
            "\u{a0}ada@example.org\u{a0}",
            "ADA@EXAMPLE.ORG\r\n",
            "\u{feff}ada@example.org",
            "ada\u{200b}@example.org",
            "ada@example.org\0",
            "ada＠example.org",
        ] {
            assert_eq!(normal(spelling), "ada@example.org", "{spelling:?}");
        }
        assert_eq!(normal("06\u{a0}12  98\t53"), "06 12 98 53");
        assert_eq!(normal("RENE\u{301}E"), normal("renée"));
    }

    #[test]
    fn what_looks_different_is_different() {
        for other in ["adà@example.org", "ada@example.com", "ada example.org", ""] {
            assert_ne!(normal(other), "ada@example.org");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(value in "(?s).{0,20}") {
            let once = normal(&value);
            prop_assert_eq!(normal(&once), once);
        }
    }
}
