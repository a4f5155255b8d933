//! Placeholder values, which people and systems write if a value is unknown: such a value joins no records.
//!
//! ```text
//! list.toml   the words, by the fields in which they are placeholders
//! shape       placeholders by their shape: one repeated digit, a spreadsheet's exponent
//! visible     which characters a reader sees
//! ```

mod shape;
mod visible;

pub use shape::{in_digits, is_exponent, is_one_character};
pub use visible::is_seen;

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Why a value says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlaceholderReason {
    /// Nothing but spaces, punctuation and what cannot be seen.
    Blank,
    /// A word of the list.
    Placeholder,
    /// One digit over and over, or digits that count.
    Digits,
    /// `2,97461E+12`: a spreadsheet has lost the digits, and several values have become one.
    Exponent,
}

impl PlaceholderReason {
    /// Returns it as tables and notes name it.
    pub fn as_str(self) -> &'static str {
        match self {
            PlaceholderReason::Blank => "blank",
            PlaceholderReason::Placeholder => "placeholder",
            PlaceholderReason::Digits => "one digit repeated, or digits in a row",
            PlaceholderReason::Exponent => "a spreadsheet's exponent",
        }
    }
}

/// The list, and what a pipeline adds to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceholderValues {
    /// In one spelling.
    declared: Arc<HashSet<String>>,
}

impl PlaceholderValues {
    /// Returns the list with these values beside its own.
    pub fn with(values: &[String]) -> PlaceholderValues {
        let declared = values.iter().map(|value| spelt(value)).filter(|value| !value.is_empty());
        PlaceholderValues { declared: Arc::new(declared.collect()) }
    }

    /// Returns whether the pipeline says so of the value, wherever it stands.
    pub fn declares(&self, value: &str) -> bool {
        !self.declared.is_empty() && self.declared.contains(&spelt(value))
    }

    /// Why a key of this value joins nobody; `None` for one that may.
    pub fn of_key(&self, value: &str) -> Option<PlaceholderReason> {
        let of_key = || {
            let is_nobodys = value.rsplit_once('@').is_some_and(|(local, host)| is_nobodys(local, host));
            if is_nobodys || LIST.keys.contains(&spelt(value)) {
                return Some(PlaceholderReason::Placeholder);
            }
            shape::in_digits(value).then_some(PlaceholderReason::Digits)
        };
        self.of_record_id(value).or_else(of_key)
    }

    /// Returns the same of a record's id: any word may be one, and digits in a row are some record's number.
    pub fn of_record_id(&self, value: &str) -> Option<PlaceholderReason> {
        if shape::is_exponent(value) {
            return Some(PlaceholderReason::Exponent);
        }
        let spelt = spelt(value);
        if spelt.is_empty() {
            return Some(PlaceholderReason::Blank);
        }
        if shape::is_zeros(value) {
            return Some(PlaceholderReason::Digits);
        }
        let is_listed = self.declared.contains(&spelt) || is_everywhere(value, &spelt);
        is_listed.then_some(PlaceholderReason::Placeholder)
    }
}

/// Returns whether these words, of a name, say nothing.
pub fn in_name(words: &[String]) -> bool {
    words.is_empty() || LIST.names.contains(&spelt(&words.concat()))
}

/// Returns whether these words, of a company's name, say nothing.
pub fn in_company_name(words: &[String]) -> bool {
    in_name(words) || LIST.companies.contains(&spelt(&words.concat()))
}

/// Returns whether these words, of a street or a city, say nothing.
pub fn in_address(words: &[String]) -> bool {
    in_name(words) || LIST.addresses.contains(&spelt(&words.concat()))
}

/// Returns whether the value of an attribute, of whatever kind, says nothing. `NA` may be Namibia, and 0 a
/// number of children.
pub fn in_attribute(value: &str) -> bool {
    let spelt = spelt(value);
    spelt.is_empty() || is_everywhere(value, &spelt)
}

/// Returns whether a value says nothing wherever it stands; `spelt` is its spelling.
fn is_everywhere(value: &str, spelt: &str) -> bool {
    // Most values are none in their letters alone.
    if !LIST.everywhere_spelt.contains(spelt) {
        return false;
    }
    let seen: String = value.nfkc().filter(|c| !c.is_whitespace() && is_seen(*c)).collect();
    let inner = seen.trim_matches(|c: char| !c.is_alphanumeric());
    LIST.everywhere.contains(&punctuated(inner))
        || LIST.spreadsheet_errors.contains(value.trim().to_lowercase().as_str())
}

/// Returns whether nobody has this mailbox: it was typed to fill a field.
pub fn is_nobodys(local: &str, host: &str) -> bool {
    let (mailbox, place) = (spelt(local), spelt(host.split('.').next().unwrap_or_default()));
    if mailbox.is_empty() || place.is_empty() {
        return true;
    }
    // a@a.fr, xxx@xxx.com
    let twice = mailbox == place && (mailbox.chars().count() <= 3 || shape::is_one_character(&mailbox));
    twice || LIST.email_local_parts.contains(&mailbox)
}

/// Returns whether forms and systems fill in this date of birth (`yyyymmdd`) by themselves.
pub fn in_birth_date(date: &str) -> bool {
    date.starts_with("0000") || LIST.birth_dates.contains(date)
}

/// The file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    everywhere: Vec<String>,
    names: Vec<String>,
    companies: Vec<String>,
    addresses: Vec<String>,
    keys: Vec<String>,
    spreadsheet_errors: Vec<String>,
    email_local_parts: Vec<String>,
    birth_dates: Vec<String>,
    numbers: Vec<String>,
}

/// The file, each list as it is asked.
struct List {
    /// With their punctuation.
    everywhere: HashSet<String>,
    /// Without, those of `spreadsheet_errors` too.
    everywhere_spelt: HashSet<String>,
    names: HashSet<String>,
    companies: HashSet<String>,
    addresses: HashSet<String>,
    keys: HashSet<String>,
    spreadsheet_errors: HashSet<String>,
    email_local_parts: HashSet<String>,
    birth_dates: HashSet<String>,
}

static LIST: LazyLock<List> = LazyLock::new(|| {
    let file: File = toml::from_str(include_str!("list.toml")).expect("the list of placeholders is TOML");
    let spelt = |lists: &[&Vec<String>]| lists.iter().copied().flatten().map(|word| spelt(word)).collect();
    // Of `s/o` the letters alone would be a name.
    let is_plain = |word: &&String| !word.contains(['/', '.']);
    let plain: Vec<String> = file.everywhere.iter().filter(is_plain).cloned().collect();
    List {
        names: spelt(&[&plain, &file.names]),
        keys: spelt(&[&plain, &file.names, &file.keys, &file.numbers]),
        email_local_parts: spelt(&[&plain, &file.names, &file.email_local_parts]),
        everywhere_spelt: spelt(&[&file.everywhere, &file.spreadsheet_errors]),
        companies: spelt(&[&file.companies]),
        addresses: spelt(&[&file.addresses]),
        everywhere: file.everywhere.iter().map(|word| punctuated(&word.replace(' ', ""))).collect(),
        spreadsheet_errors: file.spreadsheet_errors.into_iter().collect(),
        birth_dates: file.birth_dates.into_iter().collect(),
    }
});

/// Returns the letters and digits of a text, without case and accents: what cannot be seen, spaces and
/// punctuation tell nothing apart.
fn spelt(text: &str) -> String {
    if text.is_ascii() {
        return text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    }
    let letters = text.nfkd().filter(|c| c.is_alphanumeric() && !is_combining_mark(*c) && is_seen(*c));
    // What decomposes is composed again: a syllable of Hangul is not a row of letters.
    letters.flat_map(char::to_lowercase).nfc().collect()
}

/// Returns the same with its punctuation.
fn punctuated(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).nfc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_key(value: &str) -> Option<PlaceholderReason> {
        PlaceholderValues::default().of_key(value)
    }

    #[test]
    fn what_cannot_be_seen_is_blank() {
        for value in [
            "",
            " ",
            "\u{a0}",
            "\t\r\n",
            "-",
            "--",
            "...",
            "?",
            "***",
            "\u{feff}",
            "\u{200b}\u{202f}",
            "\u{3164}",
            "@",
            "()",
        ] {
            assert_eq!(of_key(value), Some(PlaceholderReason::Blank), "{value:?}");
        }
    }

    #[test]
    fn a_placeholder_is_one_in_any_spelling() {
        for value in [
            "N/A",
            "n/a",
            " N / A ",
            "n.a.",
            "NA",
            "Ｎ／Ａ",
            "NULL",
            "<null>",
            "none",
            "unknown",
            "Néant",
            "NEANT",
            "ne\u{301}ant",
            "non\u{a0}renseigné",
            "x",
            "XXX",
            "test",
            "test@test.com",
            "TEST@TEST.COM",
            "noreply@shop.example",
            "n/a@n/a.fr",
            "a@a.fr",
            "#N/A",
            "#REF!",
            "inconnu",
            "Aucun",
            "нет",
            "keine Angabe",
            "不明",
        ] {
            assert_eq!(of_key(value), Some(PlaceholderReason::Placeholder), "{value:?}");
        }
    }

    #[test]
    fn a_key_that_says_something_is_one() {
        for value in [
            "7",
            "so",
            "K0001",
            "ada@example.org",
            "+33612345678",
            "test1@example.org",
            "dupont@dupont.fr",
            "nana",
            "1E5",
            "na7",
            "0007",
            "no-7",
            "c0ffee",
            "11",
            "2026",
            "732829320",
        ] {
            assert_eq!(of_key(value), None, "{value:?}");
        }
    }

    #[test]
    fn a_records_number_may_be_digits_in_a_row() {
        let of = |value| PlaceholderValues::default().of_record_id(value);
        assert_eq!((of("111111"), of_key("111111")), (None, Some(PlaceholderReason::Digits)));
        assert_eq!((of("0"), of("0000")), (None, Some(PlaceholderReason::Digits)));
        assert_eq!(of("unknown"), Some(PlaceholderReason::Placeholder));
        assert_eq!((of("x"), of_key("x")), (None, Some(PlaceholderReason::Placeholder)));
    }

    #[test]
    fn an_attribute_may_say_what_no_name_or_key_does() {
        for value in ["NA", "0", "no", "none", "9999", "xxx"] {
            assert!(!in_attribute(value), "{value}");
        }
        for value in ["", " ", "-", "N/A", "n.a.", "(null)", "Non renseigné", "inconnu", "#N/A"] {
            assert!(in_attribute(value), "{value}");
        }
    }

    #[test]
    fn a_pipeline_has_words_of_its_own() {
        let own = PlaceholderValues::with(&["Sans Carte Fidélité".to_owned(), "-".to_owned()]);
        assert_eq!(own.of_key("SANS-CARTE-FIDELITE"), Some(PlaceholderReason::Placeholder));
        assert!(own.declares(" sans carte fidelite\u{a0}") && !own.declares(""));
        assert_eq!(of_key("sans carte fidélité"), None);
    }

    #[test]
    fn the_words_of_the_list_are_said_once() {
        let file: File = toml::from_str(include_str!("list.toml")).unwrap();
        let all = [&file.everywhere, &file.names, &file.keys, &file.numbers];
        let mut seen = HashSet::new();
        for word in all.into_iter().flatten() {
            assert!(!spelt(word).is_empty() && seen.insert(punctuated(word)), "{word}");
        }
    }

    /// Ways to write a word so that it looks the same, or says the same.
    fn spelling() -> impl Strategy<Value = (usize, Vec<u8>, Vec<u8>)> {
        (0..LIST_WORDS.len(), prop::collection::vec(0..8_u8, 0..4), prop::collection::vec(0..3_u8, 40))
    }

    static LIST_WORDS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let file: File = toml::from_str(include_str!("list.toml")).unwrap();
        [file.everywhere, file.names, file.keys, file.numbers].concat()
    });

    fn spelled((word, around, letters): (usize, Vec<u8>, Vec<u8>)) -> String {
        const AROUND: [&str; 8] = [" ", "\u{a0}", "\u{200b}", "\t", "-", "\"", "\u{202f}", "."];
        let around: String = around.iter().map(|n| AROUND[*n as usize]).collect();
        let mut text = around.clone();
        for (c, how) in LIST_WORDS[word].chars().zip(letters.iter().cycle()) {
            match how {
                0 => text.push(c),
                1 => text.extend(c.to_uppercase()),
                _ => text.extend(std::iter::once(c).nfd()),
            }
        }
        text + &around
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_spelling_of_a_placeholder_is_a_key(spelling in spelling()) {
            let value = spelled(spelling);
            prop_assert!(of_key(&value).is_some(), "{value:?}");
        }

        #[test]
        fn a_key_made_of_letters_and_digits_is_one(letters in "[a-z]{2}", digits in "[0-9]{3,12}", case in any::<bool>()) {
            let value = format!("{letters}{digits}");
            let value = if case { value.to_uppercase() } else { value };
            prop_assert_eq!(of_key(&value), None);
            prop_assert_eq!(of_key(&format!("{value}@example.org")), None);
        }
    }
}
