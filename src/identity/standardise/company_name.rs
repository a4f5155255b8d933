//! Company names, without their legal form.

use super::letters::words;
use crate::placeholder_value::in_company_name;

/// Legal forms, written as one word; before or after the name.
const FORMS: [&str; 48] = [
    "sa",
    "sas",
    "sasu",
    "sarl",
    "eurl",
    "sci",
    "scs",
    "sca",
    "snc",
    "scop",
    "scp",
    "selarl",
    "selas",
    "gie",
    "ei",
    "eirl",
    "ltd",
    "limited",
    "plc",
    "llp",
    "llc",
    "lp",
    "inc",
    "incorporated",
    "corp",
    "corporation",
    "co",
    "gmbh",
    "ag",
    "kg",
    "kgaa",
    "ohg",
    "ug",
    "ev",
    "se",
    "bv",
    "nv",
    "vof",
    "spa",
    "srl",
    "sl",
    "ab",
    "oy",
    "as",
    "aps",
    "sprl",
    "asbl",
    "pty",
];
/// What a name may begin with, or end in, and is called without.
const AROUND: [&str; 18] = [
    "ste",
    "societe",
    "ets",
    "etablissements",
    "etablissement",
    "anonyme",
    "maison",
    "entreprise",
    "compagnie",
    "cie",
    "company",
    "the",
    "et",
    "and",
    "und",
    "groupe",
    "group",
    "holding",
];

/// Returns the company's name: `S.A.R.L. Établissements Müller & Fils` and `MULLER ET FILS` are `muller
/// fils`.
pub fn standard_company_name(text: &str) -> Option<String> {
    let all = spelled_together(words(text));
    let is_form = |word: &String| FORMS.contains(&word.as_str());
    let is_around = |word: &String| is_form(word) || AROUND.contains(&word.as_str());
    let mut name = all.as_slice();
    while name.len() > 1 && name.last().is_some_and(is_around) {
        name = &name[..name.len() - 1];
    }
    while name.len() > 1 && name.first().is_some_and(is_around) {
        name = &name[1..];
    }
    let joined: Vec<String> = name
        .iter()
        .filter(|w| name.len() == 1 || !matches!(w.as_str(), "et" | "and" | "und"))
        .cloned()
        .collect();
    let letters = joined.iter().any(|w| w.chars().any(char::is_alphanumeric));
    (letters && !in_company_name(&joined) && !in_company_name(&all) && !joined.iter().all(is_form))
        .then(|| joined.join(" "))
}

/// Lone letters are the letters of one word: `S.A.R.L.` is `sarl`, `B V` is `bv`.
fn spelled_together(words: Vec<String>) -> Vec<String> {
    let mut together: Vec<String> = Vec::new();
    let mut run = false;
    for word in words {
        let lone = word.chars().count() == 1;
        match together.last_mut() {
            Some(last) if lone && run => last.push_str(&word),
            _ => together.push(word),
        }
        run = lone;
    }
    together
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legal_form_tells_nothing_apart() {
        for spelling in [
            "S.A.R.L. Établissements Müller & Fils",
            "MULLER ET FILS",
            "Müller et Fils SARL",
            "Ets Muller & Fils, S.A.S.",
            "Société Müller et Fils",
        ] {
            assert_eq!(standard_company_name(spelling).as_deref(), Some("muller fils"), "{spelling}");
        }
        assert_eq!(
            standard_company_name("Acme Widgets Co. Ltd"),
            standard_company_name("ACME WIDGETS LIMITED")
        );
        assert_eq!(standard_company_name("Groß Bäcker GmbH & Co. KG").as_deref(), Some("gross backer"));
    }

    #[test]
    fn what_stands_within_a_name_stays() {
        assert_eq!(standard_company_name("La Maison du Sel").as_deref(), Some("la maison du sel"));
        assert_eq!(standard_company_name("Boulangerie SA Martin").as_deref(), Some("boulangerie sa martin"));
        assert_ne!(standard_company_name("Martin Nord"), standard_company_name("Martin Sud"));
    }

    #[test]
    fn a_name_may_be_made_of_what_is_left_out_elsewhere() {
        assert_eq!(standard_company_name("Groupe Holding").as_deref(), Some("groupe"));
        assert_eq!(standard_company_name("3 F").as_deref(), Some("3f"));
    }

    #[test]
    fn what_names_no_company_is_nothing() {
        for text in ["", " - ", "N/A", "inconnu", "SARL", "S.A."] {
            assert_eq!(standard_company_name(text), None, "{text}");
        }
    }
}
