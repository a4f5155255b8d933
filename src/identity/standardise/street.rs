//! Streets and house numbers, as the French and the English write them.

use super::letters::words;
use crate::placeholder_value::in_address;

/// Short forms of street kinds, wherever they stand.
const KINDS: [(&str, &str); 35] = [
    ("all", "allee"),
    ("allees", "allee"),
    ("av", "avenue"),
    ("ave", "avenue"),
    ("aven", "avenue"),
    ("bd", "boulevard"),
    ("bld", "boulevard"),
    ("blvd", "boulevard"),
    ("boul", "boulevard"),
    ("bvd", "boulevard"),
    ("chem", "chemin"),
    ("che", "chemin"),
    ("chs", "chaussee"),
    ("cl", "close"),
    ("crs", "cours"),
    ("cres", "crescent"),
    ("crt", "court"),
    ("ct", "court"),
    ("dr", "drive"),
    ("fbg", "faubourg"),
    ("fg", "faubourg"),
    ("gdns", "gardens"),
    ("imp", "impasse"),
    ("ln", "lane"),
    ("pass", "passage"),
    ("pl", "place"),
    ("pde", "parade"),
    ("prom", "promenade"),
    ("qu", "quai"),
    ("rd", "road"),
    ("res", "residence"),
    ("rte", "route"),
    ("sq", "square"),
    ("ter", "terrace"),
    ("tce", "terrace"),
];
/// Little words that are said or left out.
const LITTLE: [&str; 12] = ["de", "du", "des", "d", "la", "le", "les", "l", "the", "of", "et", "and"];
/// What a house number may be followed by.
const SUFFIXES: [(&str, &str); 3] = [("bis", "b"), ("ter", "t"), ("quater", "q")];
/// What is in the house: a number follows.
const INSIDE: [&str; 12] = [
    "apt",
    "appt",
    "app",
    "appartement",
    "apartment",
    "flat",
    "unit",
    "bat",
    "batiment",
    "etage",
    "esc",
    "suite",
];

struct Address {
    number: Option<String>,
    street: Vec<String>,
}

fn address(text: &str) -> Address {
    let mut all = words(text);
    // Flat 3, 12 High Street: who lives in which flat is seldom written twice the same way.
    let mut n = 0;
    while n + 1 < all.len() {
        if INSIDE.contains(&all[n].as_str()) && all[n + 1].len() <= 3 && all.len() > 2 {
            all.drain(n..n + 2);
        } else {
            n += 1;
        }
    }
    let is_number = |w: &String| w.starts_with(|c: char| c.is_ascii_digit());
    let mut number = None;
    if all.first().is_some_and(is_number) {
        number = Some(all.remove(0));
    } else if all.len() > 1 && all.last().is_some_and(is_number) {
        number = all.pop();
    }
    if let Some(number) = &mut number
        && all.len() > 1
    {
        let suffix = SUFFIXES.iter().find(|(long, _)| *long == all[0]).map(|(_, short)| (*short).to_owned());
        let letter =
            (all[0].len() == 1 && number.bytes().all(|b| b.is_ascii_digit()) && "abcdefgh".contains(&all[0]))
                .then(|| all[0].clone());
        if let Some(suffix) = suffix.or(letter) {
            number.push_str(&suffix);
            all.remove(0);
        }
        for (long, short) in SUFFIXES {
            if let Some(bare) = number.strip_suffix(long) {
                *number = format!("{bare}{short}");
                break;
            }
        }
    }
    let last = all.len().saturating_sub(1);
    let street = all
        .iter()
        .enumerate()
        .filter(|(_, w)| !LITTLE.contains(&w.as_str()))
        .map(|(n, word)| match word.as_str() {
            // At the end it is a street, before a name a saint.
            "st" if n == last && n > 0 => "street".to_owned(),
            "st" => "saint".to_owned(),
            "ste" => "sainte".to_owned(),
            "r" if n == 0 => "rue".to_owned(),
            "ch" if n == 0 => "chemin".to_owned(),
            word => match KINDS.iter().find(|(short, _)| *short == word) {
                Some((_, long)) => (*long).to_owned(),
                None => word.to_owned(),
            },
        })
        .collect();
    Address { number, street }
}

/// Returns the street without its number: `12 bis, av. de l'Opéra` is `avenue lopera`.
pub fn standard_street(text: &str) -> Option<String> {
    let street = address(text).street;
    (!in_address(&street)).then(|| street.join(" "))
}

/// Returns the number in the street: `12 bis` is `12b`. `None` when the text has none.
pub fn standard_house_number(text: &str) -> Option<String> {
    let number = address(text).number?;
    let number = number.trim_start_matches('0');
    (!number.is_empty()).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str) -> (String, String) {
        (standard_house_number(text).unwrap_or_default(), standard_street(text).unwrap_or_default())
    }

    #[test]
    fn short_forms_and_little_words_tell_nothing_apart() {
        for spelling in
            ["12 bis, av. de la République", "12BIS Avenue République", "12b ave. de la republique"]
        {
            assert_eq!(both(spelling), ("12b".to_owned(), "avenue republique".to_owned()), "{spelling}");
        }
        assert_eq!(both("7 St John's St"), both("7, Saint Johns Street"));
    }

    #[test]
    fn the_number_stands_before_or_behind() {
        assert_eq!(both("Rue Haute 12"), both("12 rue Haute"));
        assert_eq!(both("Flat 3, 12 High Street"), both("12 High St"));
    }

    #[test]
    fn a_street_may_have_no_number_and_a_number_no_street() {
        assert_eq!(both("Le Bourg"), (String::new(), "bourg".to_owned()));
        assert_eq!(both("12"), ("12".to_owned(), String::new()));
        assert_eq!(both("?"), (String::new(), String::new()));
    }
}
