//! Titles, ranks and suffixes: what is written beside a name and is none.
//!
//! Forms of address, degrees and ranks go before and after a name; what tells a father from his son, after it.
//! Where nothing else is left there is no name. Words that are also somebody's name (`Major`, `Junior`), and an
//! initial, are titles only beside another word, and stay where they are all there is.

/// Never a name, wherever it stands.
const TITLES: [&str; 76] = [
    "adjudant",
    "avv",
    "bsc",
    "capitaine",
    "capt",
    "captain",
    "cdt",
    "colonel",
    "commandant",
    "cpt",
    "dhr",
    "dipl",
    "docteur",
    "doctor",
    "dott",
    "dottor",
    "dottoressa",
    "dr",
    "dra",
    "drs",
    "esq",
    "esquire",
    "frau",
    "fraulein",
    "general",
    "hc",
    "herr",
    "herrn",
    "hr",
    "lieutenant",
    "llm",
    "lt",
    "madam",
    "madame",
    "mademoiselle",
    "mba",
    "mdme",
    "med",
    "mesdames",
    "messieurs",
    "mevr",
    "mevrouw",
    "miss",
    "mister",
    "mlle",
    "mlles",
    "mm",
    "mme",
    "mmes",
    "monsieur",
    "mr",
    "mrs",
    "ms",
    "msc",
    "msgr",
    "mw",
    "mx",
    "phd",
    "pr",
    "prof",
    "professeur",
    "professor",
    "rer",
    "rev",
    "reverend",
    "senor",
    "senora",
    "senorita",
    "sgt",
    "sig",
    "signor",
    "signora",
    "signore",
    "sir",
    "sra",
    "srta",
];
/// A title before any name, alone perhaps a name: the `M.` that may be Michel.
const BEFORE_A_NAME: [&str; 5] = ["dame", "m", "maitre", "me", "sr"];
/// A title before a first name; last names begin so.
const BEFORE_A_FIRST_NAME: [&str; 14] = [
    "abbe",
    "col",
    "frere",
    "ing",
    "judge",
    "lady",
    "lord",
    "major",
    "mere",
    "pere",
    "president",
    "sergeant",
    "sergent",
    "soeur",
];
/// After a name.
const SUFFIXES: [&str; 13] =
    ["2nd", "3rd", "4th", "fils", "ii", "iii", "iv", "jr", "junior", "md", "pere", "senior", "sr"];
/// Suffixes that are nobody's name.
const NEVER_ALONE: [&str; 7] = ["2nd", "3rd", "4th", "ii", "iii", "iv", "jr"];
/// Between the present name and the name at birth, and no name.
const MARRIED: [&str; 7] = ["ep", "epouse", "epse", "nee", "veuf", "veuve", "vve"];
/// The same words where they may be a name.
const FORMERLY: [&str; 4] = ["born", "formerly", "ne", "widow"];
/// Between two titles: `M. et Mme`.
const AND: [&str; 7] = ["and", "e", "et", "or", "ou", "und", "y"];

/// After `rer.`: a doctor of which science.
const FACULTIES: [&str; 4] = ["mont", "nat", "oec", "pol"];

/// Which field of a record the words are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    FirstName,
    LastName,
}

/// Returns the words that are a name: without titles, ranks and suffixes, none where there are only such.
pub fn without_titles(words: Vec<String>, field: Field) -> Vec<String> {
    without_suffixes(without_what_comes_before(words, field))
}

fn without_what_comes_before(mut words: Vec<String>, field: Field) -> Vec<String> {
    while let Some(first) = words.first() {
        let is_none = is_no_name(first);
        let is_before = words.len() > 1
            && !are_initials(&words)
            && (is(&BEFORE_A_NAME, first) || field == Field::FirstName && is(&BEFORE_A_FIRST_NAME, first));
        if !is_none && !is_before {
            break;
        }
        // Dr. rer. nat., M. et Mme.
        let is_two = words.len() > 2
            && (first == "rer" && is(&FACULTIES, &words[1])
                || is(&AND, &words[1]) && (is(&TITLES, &words[2]) || is(&BEFORE_A_NAME, &words[2])));
        words.drain(..if is_two { 2 } else { 1 });
    }
    words
}

fn without_suffixes(mut words: Vec<String>) -> Vec<String> {
    while let Some(last) = words.last() {
        let is_phd = words.len() > 2 && last == "d" && words[words.len() - 2] == "ph";
        if is_phd {
            words.truncate(words.len() - 2);
        } else if is_no_name(last) || words.len() > 1 && is(&SUFFIXES, last) {
            words.pop();
        } else {
            break;
        }
    }
    words
}

/// Returns whether a word stands between the present name and the name at birth.
pub fn is_formerly(word: &str) -> bool {
    is(&MARRIED, word) || is(&FORMERLY, word)
}

fn is_no_name(word: &str) -> bool {
    is(&TITLES, word) || is(&NEVER_ALONE, word) || is(&MARRIED, word)
}

/// `M. J.` of two given names.
fn are_initials(words: &[String]) -> bool {
    words[..2].iter().all(|word| word.chars().count() == 1)
}

fn is(list: &[&str], word: &str) -> bool {
    list.binary_search(&word).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{standard_first_name, standard_last_name};
    use super::*;

    #[test]
    fn the_lists_can_be_searched() {
        let lists: [&[&str]; 9] = [
            &TITLES,
            &BEFORE_A_NAME,
            &BEFORE_A_FIRST_NAME,
            &SUFFIXES,
            &NEVER_ALONE,
            &MARRIED,
            &FORMERLY,
            &AND,
            &FACULTIES,
        ];
        assert!(lists.iter().all(|list| list.is_sorted()));
    }

    #[test]
    fn a_title_alone_is_no_name() {
        for text in
            ["Dr", "Mme", "M. et Mme", "Prof. Dr.", "Sir", "veuve", "Jr", "III", "Frau Dr. med.", "MLLE "]
        {
            assert_eq!((standard_first_name(text), standard_last_name(text)), (None, None), "{text}");
        }
        // Names, too, where they are all there is.
        for (text, name) in [("Major", "major"), ("Junior", "junior"), ("M.", "m"), ("Maître", "maitre")] {
            assert_eq!(standard_last_name(text).as_deref(), Some(name));
        }
    }

    #[test]
    fn what_stands_beside_a_name_is_removed() {
        for text in [
            "Dr. rer. nat. Anna",
            "Anna, Dr.",
            "Anna Ph.D.",
            "Mme et M. Anna",
            "Sergent Anna",
            "Prof. Dr. med. Anna",
        ] {
            assert_eq!(standard_first_name(text).as_deref(), Some("anna"), "{text}");
        }
        for text in
            ["Vve Martin", "Martin Jr.", "MARTIN Mme", "Martin fils", "M. ou Mme Martin", "Sr. Martin"]
        {
            assert_eq!(standard_last_name(text).as_deref(), Some("martin"), "{text}");
        }
        assert_eq!(standard_first_name("M. J.").as_deref(), Some("m j"));
        assert_eq!(standard_last_name("Major-Dupont").as_deref(), Some("major dupont"));
    }

    proptest! {
        /// Records equal but for the title compare as without.
        #[test]
        fn a_title_changes_no_name(
            name in "[A-Z][a-zéèïç]{3,9}([ -][A-Z][a-zéèïç]{3,9})?",
            before in proptest::sample::subsequence(TITLES.to_vec(), 0..3),
            after in proptest::sample::subsequence(SUFFIXES.to_vec(), 0..2),
            loud in any::<bool>(),
        ) {
            let known = |word: &str| {
                is_no_name(word) || is_formerly(word) || is(&SUFFIXES, word) || is(&BEFORE_A_FIRST_NAME, word)
                    || is(&BEFORE_A_NAME, word)
            };
            prop_assume!(!super::super::letters::words(&name).iter().any(|word| known(word)));
            let titled: Vec<&str> = before.into_iter().chain([name.as_str()]).chain(after).collect();
            let titled = titled.join(if loud { ". " } else { " " });
            let titled = if loud { titled.to_uppercase() } else { titled };
            prop_assert_eq!(standard_first_name(&titled), standard_first_name(&name));
            prop_assert_eq!(standard_last_name(&titled), standard_last_name(&name));
        }
    }
}
