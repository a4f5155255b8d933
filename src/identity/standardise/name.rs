//! First and last names.
//!
//! Titles are removed (see `title`), and so are particles (`de`, `von`). Articles and prefixes that are part of the name
//! are joined with it (`Le Goff`, `Mc Donald`, `Saint-Exupéry`). The parts of a double name stay separate, in
//! their order, so that one of them can be recognised alone.

use super::letters::words;
use super::title::{Field, is_formerly, without_titles};
use crate::placeholder_value::in_name;

/// Said by some and left out by others.
const PARTICLES: [&str; 20] = [
    "de", "du", "des", "d", "von", "van", "vom", "zu", "zur", "der", "den", "ter", "di", "da", "del",
    "della", "dos", "das", "do", "y",
];
/// Part of the name: written apart by some and together by others.
const PREFIXES: [&str; 13] =
    ["le", "la", "les", "l", "mc", "mac", "o", "saint", "st", "sainte", "ste", "el", "ben"];
/// Returns the first name as records are compared by it: `M. Jean-Luc` is `jean luc`.
pub fn standard_first_name(text: &str) -> Option<String> {
    joined(without_titles(words(text), Field::FirstName))
}

/// Returns the last name as records are compared by it: `Le Goff-de Kérouac` is `legoff kerouac`.
pub fn standard_last_name(text: &str) -> Option<String> {
    // d'Artagnan and l'Hermite: the apostrophe shows the particle.
    let shown: String =
        text.chars().map(|c| if matches!(c, '’' | '‘' | '`' | '´') { '\'' } else { c }).collect();
    let lower = shown.to_lowercase();
    let text = if lower.starts_with("d'") { &shown[2..] } else { &shown };
    let all = without_titles(words(text), Field::LastName);
    let kept: Vec<String> = {
        let without: Vec<String> =
            all.iter().filter(|w| !PARTICLES.contains(&w.as_str()) && !is_formerly(w)).cloned().collect();
        // Do is also a name.
        if without.is_empty() { all } else { without }
    };
    let mut parts: Vec<String> = Vec::new();
    let mut prefix = String::new();
    let count = kept.len();
    for (n, word) in kept.into_iter().enumerate() {
        let word = match word.as_str() {
            "st" => "saint".to_owned(),
            "ste" => "sainte".to_owned(),
            _ => word,
        };
        if PREFIXES.contains(&word.as_str()) && n + 1 < count {
            prefix.push_str(&word);
        } else {
            parts.push(std::mem::take(&mut prefix) + &word);
        }
    }
    joined(parts)
}

fn joined(words: Vec<String>) -> Option<String> {
    let letters = words.iter().any(|w| w.chars().any(char::is_alphabetic));
    (letters && !in_name(&words)).then(|| words.join(" "))
}

/// Short forms that are no beginning of the name they stand for, or of more than one.
const SHORT_FORMS: [(&str, &str); 104] = [
    ("abby", "abigail"),
    ("alex", "alexander"),
    ("alexandre", "alexander"),
    ("alf", "alfred"),
    ("andy", "andrew"),
    ("angie", "angela"),
    ("annie", "anne"),
    ("archie", "archibald"),
    ("barb", "barbara"),
    ("becky", "rebecca"),
    ("bella", "isabella"),
    ("ben", "benjamin"),
    ("benji", "benjamin"),
    ("bert", "albert"),
    ("beth", "elizabeth"),
    ("betty", "elizabeth"),
    ("bill", "william"),
    ("billy", "william"),
    ("bob", "robert"),
    ("bobby", "robert"),
    ("cathy", "catherine"),
    ("charlie", "charles"),
    ("chris", "christopher"),
    ("christophe", "christopher"),
    ("chuck", "charles"),
    ("cindy", "cynthia"),
    ("dan", "daniel"),
    ("danny", "daniel"),
    ("dave", "david"),
    ("debbie", "deborah"),
    ("dick", "richard"),
    ("dom", "dominique"),
    ("don", "donald"),
    ("doug", "douglas"),
    ("ed", "edward"),
    ("eddie", "edward"),
    ("ellie", "eleanor"),
    ("emmie", "emily"),
    ("fran", "frances"),
    ("fred", "frederic"),
    ("frederick", "frederic"),
    ("gabby", "gabrielle"),
    ("gaby", "gabrielle"),
    ("gege", "gerard"),
    ("gigi", "ginette"),
    ("greg", "gregory"),
    ("gus", "gustave"),
    ("hank", "henry"),
    ("harry", "henry"),
    ("izzy", "isabella"),
    ("jack", "john"),
    ("jacky", "jacques"),
    ("jake", "jacob"),
    ("jeannot", "jean"),
    ("jeff", "jeffrey"),
    ("jenny", "jennifer"),
    ("jerry", "gerald"),
    ("jim", "james"),
    ("jimmy", "james"),
    ("joe", "joseph"),
    ("joey", "joseph"),
    ("johnny", "john"),
    ("josh", "joshua"),
    ("kate", "katherine"),
    ("kathy", "katherine"),
    ("katie", "katherine"),
    ("ken", "kenneth"),
    ("larry", "lawrence"),
    ("lenny", "leonard"),
    ("liz", "elizabeth"),
    ("lizzie", "elizabeth"),
    ("loulou", "louis"),
    ("maggie", "margaret"),
    ("mandy", "amanda"),
    ("manu", "emmanuel"),
    ("matt", "matthew"),
    ("max", "maxime"),
    ("meg", "margaret"),
    ("mick", "michael"),
    ("mike", "michael"),
    ("mimi", "michele"),
    ("molly", "mary"),
    ("ned", "edward"),
    ("nick", "nicholas"),
    ("nico", "nicolas"),
    ("patty", "patricia"),
    ("peggy", "margaret"),
    ("pete", "peter"),
    ("phil", "philip"),
    ("philippe", "philip"),
    ("pierrot", "pierre"),
    ("polly", "mary"),
    ("rick", "richard"),
    ("rob", "robert"),
    ("ron", "ronald"),
    ("sam", "samuel"),
    ("seb", "sebastien"),
    ("steph", "stephane"),
    ("steve", "steven"),
    ("sue", "susan"),
    ("ted", "edward"),
    ("titi", "thierry"),
    ("tom", "thomas"),
    ("tony", "anthony"),
];

/// Returns the name that a short form stands for (Bob: Robert), else the name as it is. Of several names the
/// first counts. Takes a standard first name.
pub fn formal_name(name: &str) -> &str {
    let first = name.split(' ').next().unwrap_or(name);
    match SHORT_FORMS.binary_search_by_key(&first, |(short, _)| short) {
        Ok(found) => SHORT_FORMS[found].1,
        Err(_) => first,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn last(text: &str) -> String {
        standard_last_name(text).unwrap_or_default()
    }

    #[test]
    fn titles_are_no_names() {
        assert_eq!(standard_first_name("M. Jean-Luc").as_deref(), Some("jean luc"));
        assert_eq!(standard_first_name("Mme Zoé").as_deref(), Some("zoe"));
        assert_eq!(last("Dr. Müller"), "muller");
        assert_eq!(last("King Jr."), "king");
        // A lone initial stays.
        assert_eq!(standard_first_name("M.").as_deref(), Some("m"));
    }

    #[test]
    fn a_particle_is_said_or_left_out() {
        for spelling in ["de Villiers", "VILLIERS", "Devilliers", "de  villiers"] {
            let found = last(spelling);
            assert!(found == "villiers" || spelling == "Devilliers", "{spelling}: {found}");
        }
        assert_eq!(last("d'Artagnan"), last("Artagnan"));
        assert_eq!(last("D’Artagnan"), "artagnan");
        assert_eq!(last("van der Berg"), "berg");
        assert_eq!(last("Do"), "do");
    }

    #[test]
    fn prefixes_are_written_together() {
        assert_eq!(last("Le Goff"), last("LEGOFF"));
        assert_eq!(last("Mc Donald"), last("McDonald"));
        assert_eq!(last("O'Brien"), last("O Brien"));
        assert_eq!(last("St-Exupéry"), last("Saint Exupery"));
    }

    #[test]
    fn both_parts_of_a_double_name_can_be_seen() {
        assert_eq!(last("Martin-Dupont"), "martin dupont");
        assert_eq!(last("Dupont née Martin"), "dupont martin");
    }

    #[test]
    fn what_is_no_name_is_nothing() {
        for text in ["", "  ", "-", "N/A", "inconnu", "12345", "?"] {
            assert_eq!((standard_first_name(text), standard_last_name(text)), (None, None), "{text}");
        }
    }

    #[test]
    fn a_short_form_stands_for_its_name() {
        assert!(SHORT_FORMS.is_sorted());
        assert_eq!(formal_name("bob"), formal_name("robert"));
        assert_eq!(formal_name("fred"), "frederic");
        assert_eq!(formal_name("jean luc"), "jean");
    }
}
