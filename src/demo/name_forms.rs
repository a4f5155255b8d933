//! How a person's names are written: in full, short, as an initial, with a second given name or without; and a
//! surname that changed.

use rand::Rng;

use super::calendar::{DAY, Moment, STEP_DAYS, STEPS};
use super::names::{MEN, SURNAMES, WOMEN};
use super::random_streams::{Stream, happens, pick};

/// Records in which the first name is written otherwise than on the card.
const OTHERWISE: f64 = 0.2;
/// Holders of a card whose surname changes.
const RENAMED: [f64; 2] = [0.004, 0.03];

/// Short forms as their bearers write them.
const SHORT: [(&str, &str); 32] = [
    ("Alexandre", "Alex"),
    ("Antoine", "Anto"),
    ("Aurélie", "Aurel"),
    ("Benoît", "Ben"),
    ("Caroline", "Caro"),
    ("Catherine", "Cathy"),
    ("Cédric", "Ced"),
    ("Christine", "Chris"),
    ("Clémence", "Clem"),
    ("Clément", "Clem"),
    ("Delphine", "Delph"),
    ("Élodie", "Élo"),
    ("Frédéric", "Fred"),
    ("Gérard", "Gégé"),
    ("Grégory", "Greg"),
    ("Guillaume", "Guil"),
    ("Isabelle", "Isa"),
    ("Jérôme", "Jér"),
    ("Laëtitia", "Laeti"),
    ("Mathieu", "Mat"),
    ("Maxime", "Max"),
    ("Mélanie", "Mel"),
    ("Michel", "Mich"),
    ("Nathalie", "Nath"),
    ("Nicolas", "Nico"),
    ("Olivier", "Oliv"),
    ("Philippe", "Phil"),
    ("Raphaël", "Raph"),
    ("Sandrine", "Sand"),
    ("Sébastien", "Seb"),
    ("Stéphane", "Steph"),
    ("Sylvie", "Syl"),
];

/// How the first name is written where it is not the card's form.
#[derive(Debug, Clone)]
pub struct NameForms {
    pub web: String,
    pub new_card: String,
    pub form: String,
    pub contact: String,
    /// The surname since a day: the spouse's, or both.
    pub renamed: Option<(Moment, String)>,
    /// Whether the web account has the surname too.
    pub renamed_on_web: bool,
}

impl NameForms {
    pub fn draw(rng: &mut Stream, first: &str, last: &str, is_woman: bool, first_step: usize) -> Self {
        let mut form = || {
            if happens(rng, OTHERWISE) { otherwise(rng, first, is_woman) } else { first.to_owned() }
        };
        let (web, new_card, contact_form, contact) = (form(), form(), form(), form());
        let renamed = happens(rng, RENAMED[usize::from(is_woman)]).then(|| {
            let since = rng.gen_range(first_step as i64 + 1..STEPS as i64) * STEP_DAYS * DAY + 15 * 3600;
            let mut other = pick(rng, &SURNAMES);
            while other == last {
                other = pick(rng, &SURNAMES);
            }
            (since, if happens(rng, 0.4) { format!("{last}-{other}") } else { other.to_owned() })
        });
        let renamed_on_web = happens(rng, 0.6);
        NameForms { web, new_card, form: contact_form, contact, renamed, renamed_on_web }
    }
}

/// Returns a first name as its bearer also writes it.
fn otherwise(rng: &mut Stream, first: &str, is_woman: bool) -> String {
    let short = SHORT.iter().find(|(name, _)| *name == first).map(|(_, short)| *short);
    let which = rng.gen_range(0..10);
    if let Some((one, other)) = first.split_once('-') {
        return match which {
            0..=4 => format!("{one} {other}"),
            5..=7 => one.to_owned(),
            _ => format!("{}.-{}.", initial(one), initial(other)),
        };
    }
    match (which, short) {
        (0..=5, Some(short)) => short.to_owned(),
        (6..=7, _) => format!("{}.", initial(first)),
        _ => {
            let names = if is_woman { &WOMEN } else { &MEN };
            format!("{first} {}", pick(rng, names))
        }
    }
}

fn initial(name: &str) -> String {
    name.chars().take(1).collect()
}

#[cfg(test)]
mod tests {
    use super::super::names::without_accents;
    use super::super::person::Person;
    use super::*;

    #[test]
    fn first_names_vary_and_some_surnames_change() {
        let persons: Vec<Person> = (0..4_000).map(|number| Person::draw(2, number)).collect();
        let share = |is: &dyn Fn(&Person) -> bool| {
            persons.iter().filter(|person| is(person)).count() as f64 / persons.len() as f64
        };
        let varied = share(&|person| person.names.web != person.first);
        assert!((0.17..0.23).contains(&varied), "{varied}");
        assert!(share(&|person| person.names.web.ends_with('.')) > 0.02, "initials");
        assert!(share(&|person| person.names.web.contains(' ')) > 0.04, "second names");
        let renamed = share(&|person| person.names.renamed.is_some());
        assert!((0.01..0.03).contains(&renamed), "{renamed}");
        for (since, surname) in persons.iter().filter_map(|person| person.names.renamed.as_ref()) {
            assert!(*since > 0 && !surname.is_empty());
        }
    }

    #[test]
    fn short_forms_fit_the_tills() {
        for (name, short) in SHORT {
            assert!(WOMEN.contains(&name) || MEN.contains(&name), "{name}");
            assert!(without_accents(short).is_ascii());
        }
    }
}
