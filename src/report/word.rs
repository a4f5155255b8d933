//! The words that sillage itself and its shipped models write into tables, in both languages.
//!
//! What a user has named (segments, channels, metrics, programmes) stays as it was named.

use std::borrow::Cow;

use super::language::Language;

/// What stands in the table, in English, in French.
const WORDS: &[(&str, &str, &str)] = &[
    // Accounts of the profit bridge.
    ("sales", "Sales at list price", "Ventes au prix catalogue"),
    ("discounts", "Discounts", "Remises"),
    ("returns", "Returns", "Retours"),
    ("tax", "Taxes", "Taxes"),
    ("product_cost", "Cost of goods", "Coût des marchandises"),
    ("delivery", "Delivery", "Livraison"),
    ("return_handling", "Handling of returns", "Traitement des retours"),
    ("contact", "Contacts", "Contacts"),
    ("contacts", "Contacts", "Contacts"),
    ("campaign", "Campaigns", "Campagnes"),
    ("campaigns", "Campaigns", "Campagnes"),
    ("reward", "Rewards", "Récompenses"),
    ("rewards", "Rewards", "Récompenses"),
    ("acquisition", "Acquisition", "Acquisition"),
    ("late_payment", "Late payment", "Retards de paiement"),
    ("bad_debt", "Bad debts", "Créances irrécouvrables"),
    ("payment", "Payment", "Paiement"),
    // Its activities.
    ("revenue", "Revenue", "Chiffre d'affaires"),
    ("goods", "Goods", "Marchandises"),
    ("service", "Service", "Service"),
    ("marketing", "Marketing", "Marketing"),
    // What is given away.
    ("discount", "Discounts", "Remises"),
    // Movements of the portfolio.
    ("won", "won", "gagnés"),
    ("returned", "came back", "revenus"),
    ("grown", "grown", "en hausse"),
    ("shrunk", "shrunk", "en baisse"),
    ("lost", "lost", "perdus"),
    // Dimensions of its splits.
    ("segment", "Segment", "Segment"),
    ("cohort", "Quarter of the first order", "Trimestre de la première commande"),
    ("first_channel", "Channel of the first order", "Canal de la première commande"),
    ("(none)", "not known", "inconnu"),
    ("unknown", "unknown", "inconnu"),
    ("never bought", "never bought", "jamais acheté"),
    ("acquisition_channel", "Channel by which they came", "Canal d'arrivée"),
    // What is known of a customer who has a value, and those who have none yet.
    ("several purchases", "several purchases", "plusieurs achats"),
    ("one purchase", "one purchase", "un seul achat"),
    ("no purchase", "no purchase yet", "pas encore d'achat"),
    // Where an objective stands.
    ("kept", "Kept", "Tenu"),
    ("broken", "Not kept", "Non tenu"),
    ("met", "Met", "Atteint à ce jour"),
    ("on_track", "On track", "En bonne voie"),
    ("behind", "Behind", "En retard"),
    ("too_early", "Too early to tell", "Trop tôt pour le dire"),
    ("reached", "Reached", "Atteint"),
    ("missed", "Missed", "Manqué"),
    ("no_value", "No value yet", "Pas encore de valeur"),
    // Thresholds of the linkage, and what was decided of pairs.
    ("link", "link", "lien"),
    ("review", "review", "à revoir"),
    ("linked", "linked", "liées"),
    ("together by others", "together by others", "réunies par d'autres liens"),
    ("refused: two persons", "refused: two persons", "refusées : deux personnes"),
    ("refused: too many records", "refused: too many records", "refusées : trop de fiches"),
    (
        "refused: the only link between two groups",
        "refused: the only link between two groups",
        "refusées : seul lien entre deux groupes",
    ),
    ("linked by a steward", "linked by a steward", "liées par un gestionnaire"),
    ("cut by a steward", "cut by a steward", "séparées par un gestionnaire"),
    ("refused: cut by a steward", "refused: cut by a steward", "refusées : séparées par un gestionnaire"),
    // Comparisons and attributes.
    ("prior", "prior", "a priori"),
    ("first_name", "first name", "prénom"),
    ("last_name", "last name", "nom de famille"),
    ("crossed_name", "crossed name", "nom et prénom croisés"),
    ("birth_date", "birth date", "date de naissance"),
    ("email", "email", "e-mail"),
    ("phone", "phone", "téléphone"),
    ("address", "address", "adresse"),
    ("street", "street", "rue"),
    ("house_number", "house number", "numéro"),
    ("postcode", "postcode", "code postal"),
    ("city", "city", "ville"),
    // Levels of comparisons.
    ("two random records", "two random records", "deux fiches au hasard"),
    ("different", "different", "différent"),
    ("same", "same", "identique"),
    ("nearly the same", "nearly the same", "presque identique"),
    ("short form or initial", "short form or initial", "diminutif ou initiale"),
    ("similar", "similar", "semblable"),
    ("changed places with the first name", "changed places with the first name", "inversé avec le prénom"),
    ("one part the same", "one part the same", "une partie identique"),
    (
        "one in the other's field, the other missing",
        "one in the other's field, the other missing",
        "l'un dans le champ de l'autre, l'autre absent",
    ),
    (
        "one in the other's field, the other different",
        "one in the other's field, the other different",
        "l'un dans le champ de l'autre, l'autre différent",
    ),
    ("one slip", "one slip", "une faute de frappe"),
    ("two slips", "two slips", "deux fautes de frappe"),
    ("within a year", "within a year", "à moins d'un an"),
    ("same mailbox at another host", "same mailbox at another host", "même boîte chez un autre hébergeur"),
    (
        "one or two slips in the mailbox",
        "one or two slips in the mailbox",
        "une ou deux fautes de frappe dans la boîte",
    ),
    ("same address", "same address", "même adresse"),
    ("nearly the same address", "nearly the same address", "presque la même adresse"),
    ("nearly the same street", "nearly the same street", "presque la même rue"),
    ("same street and number elsewhere", "same street and number elsewhere", "mêmes rue et numéro ailleurs"),
    ("same place", "same place", "même lieu"),
    ("same city", "same city", "même ville"),
    ("near", "near", "proche"),
];

impl Language {
    /// Returns the word for what stands in a table; what a user has named stays as it is.
    pub(super) fn word(self, stored: &str) -> Cow<'static, str> {
        let known = WORDS.iter().find(|(word, ..)| *word == stored);
        match known {
            Some((_, english, french)) => Cow::Borrowed(self.text(english, french)),
            None => Cow::Owned(stored.to_owned()),
        }
    }

    /// Returns the word for the name of a column or a comparison; of one that a user has named, its words.
    pub(super) fn name(self, stored: &str) -> String {
        let word = self.word(stored);
        if word == stored { stored.replace('_', " ") } else { word.into_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::Language::{English, French};
    use super::*;

    #[test]
    fn what_sillage_writes_is_translated_and_what_users_name_is_not() {
        assert_eq!(French.word("shrunk"), "en baisse");
        assert_eq!(English.word("product_cost"), "Cost of goods");
        assert_eq!(French.word("prospects: never bought"), "prospects: never bought");
        assert_eq!(
            [French.name("loyalty_level"), French.name("birth_date")],
            ["loyalty level", "date de naissance"]
        );
    }

    #[test]
    fn no_word_stands_twice() {
        let words: std::collections::BTreeSet<&str> = WORDS.iter().map(|(word, ..)| *word).collect();
        assert_eq!(words.len(), WORDS.len());
    }

    /// The levels of the shipped model of persons, as its file has them.
    #[test]
    fn every_level_of_the_shipped_linkage_has_its_word() {
        let model = include_str!("../identity/linkage/person.toml");
        let names = model.match_indices("name = \"").map(|(at, start)| &model[at + start.len()..]);
        let names: Vec<&str> = names.map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(names.len() > 20, "{names:?}");
        for name in names {
            assert!(WORDS.iter().any(|(word, ..)| *word == name), "{name}");
        }
    }
}
