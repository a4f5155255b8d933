//! The form in which names of columns and files are compared.
//!
//! Two names that look the same are equal: accents are composed (Unicode NFC), no-break spaces become spaces,
//! and invisible characters (a byte-order mark, a zero-width space) are removed. Case matters. Only names are
//! changed, never values.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Returns a column's name as it is compared.
pub fn plain(name: &str) -> Cow<'_, str> {
    let name = name.trim();
    if name.is_ascii() && !name.contains(|c: char| c.is_whitespace() && c != ' ') {
        return Cow::Borrowed(name);
    }
    let folded: String = name
        .chars()
        .filter(|c| !is_invisible(*c))
        .map(|c| if c.is_whitespace() { ' ' } else { c })
        .nfc()
        .collect();
    Cow::Owned(folded.trim().to_owned())
}

/// Returns a text with its accents composed, as most systems but macOS write the names of files.
pub fn composed(text: &str) -> Cow<'_, str> {
    if is_nfc(text) { Cow::Borrowed(text) } else { Cow::Owned(text.nfc().collect()) }
}

/// Returns whether a name contains no-break spaces or invisible characters.
pub(in crate::source) fn has_hidden_marks(name: &str) -> bool {
    name.chars().any(|c| is_invisible(c) || (c.is_whitespace() && !c.is_ascii()))
}

/// Soft hyphens, zero-width blanks and joiners, marks of direction and of byte order.
fn is_invisible(letter: char) -> bool {
    matches!(
        letter,
        '\u{ad}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_look_the_same_are_the_same() {
        for written in [
            "N° prénom",
            "N° pre\u{301}nom",
            " N°\u{a0}prénom ",
            "N°\u{202f}prénom",
            "\u{feff}N° prénom",
            "N° pré\u{200b}nom\u{a0}",
            "N°\tpr\u{ad}énom",
        ] {
            assert_eq!(plain(written), "N° prénom", "{written:?}");
        }
        assert_eq!(plain("Prénom"), "Prénom");
        assert_ne!(plain("Prénom"), plain("prénom"), "case counts");
        assert_ne!(plain("ﬁn"), plain("fin"), "so does a ligature");
        assert_eq!(plain("\u{200b}\u{a0}"), "");
    }

    #[test]
    fn only_what_nobody_sees_is_worth_a_remark() {
        for quiet in ["id", " id ", "prénom", "pre\u{301}nom", "a\tb"] {
            assert!(!has_hidden_marks(quiet), "{quiet:?}");
        }
        for hidden in ["id\u{a0}", "\u{feff}id", "i\u{200b}d"] {
            assert!(has_hidden_marks(hidden), "{hidden:?}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_name_stays_as_it_is(name in "(?s).{0,20}") {
            let once = plain(&name).into_owned();
            prop_assert_eq!(plain(&once).into_owned(), once.clone());
            let decomposed: String = name.nfd().collect();
            prop_assert_eq!(plain(&decomposed).into_owned(), once);
            let composed_name = composed(&decomposed).into_owned();
            prop_assert_eq!(composed_name, name.nfc().collect::<String>());
        }
    }
}
