//! Names, towns and streets from which persons are put together. Nobody here is a real person.

pub const WOMEN: [&str; 48] = [
    "Adèle", "Agathe", "Alice", "Amélie", "Anaïs", "Anne", "Anne-Sophie", "Audrey", "Aurélie", "Béatrice",
    "Camille", "Caroline", "Catherine", "Céline", "Chantal", "Charlotte", "Chloé", "Christine", "Clémence",
    "Corinne", "Delphine", "Élise", "Élodie", "Émilie", "Estelle", "Fatima", "Florence", "Françoise", "Gaëlle",
    "Hélène", "Inès", "Isabelle", "Jeanne", "Juliette", "Laëtitia", "Léa", "Louise", "Lucie", "Manon",
    "Marie-Claude", "Mélanie", "Nathalie", "Noémie", "Océane", "Pauline", "Sandrine", "Sylvie", "Zoé",
];
pub const MEN: [&str; 48] = [
    "Alain", "Alexandre", "André", "Antoine", "Arnaud", "Baptiste", "Benoît", "Bernard", "Bruno", "Cédric",
    "Clément", "Damien", "David", "Didier", "Étienne", "Fabien", "Félix", "François", "Frédéric", "Gaël",
    "Gérard", "Grégory", "Guillaume", "Hervé", "Hugo", "Jean-Luc", "Jean-Marc", "Jérôme", "Joël", "Julien",
    "Karim", "Laurent", "Loïc", "Lucas", "Mathieu", "Maxime", "Mehdi", "Michel", "Nicolas", "Olivier",
    "Pascal", "Philippe", "Raphaël", "Rémi", "Sébastien", "Stéphane", "Théo", "Yann",
];
pub const SURNAMES: [&str; 120] = [
    "Martin", "Bernard", "Thomas", "Petit", "Robert", "Richard", "Durand", "Dubois", "Moreau", "Laurent",
    "Simon", "Michel", "Lefèvre", "Leroy", "Roux", "David", "Bertrand", "Morel", "Fournier", "Girard",
    "Bonnet", "Dupont", "Lambert", "Fontaine", "Rousseau", "Vincent", "Müller", "Lefebvre", "Faure", "André",
    "Mercier", "Blanc", "Guérin", "Boyer", "Garnier", "Chevalier", "François", "Legrand", "Gauthier", "Garcia",
    "Perrin", "Robin", "Clément", "Morin", "Nicolas", "Henry", "Roussel", "Mathieu", "Gautier", "Masson",
    "Marchand", "Duval", "Denis", "Dumont", "Marie", "Lemaire", "Noël", "Meyer", "Dufour", "Meunier",
    "Brun", "Blanchard", "Giraud", "Joly", "Rivière", "Lucas", "Brunet", "Gaillard", "Barbier", "Arnaud",
    "Martinez", "Gérard", "Roche", "Renard", "Schmitt", "Roy", "Leroux", "Colin", "Vidal", "Caron",
    "Picard", "Roger", "Fabre", "Aubert", "Lemoine", "Renaud", "Dumas", "Lacroix", "Olivier", "Philippe",
    "Bourgeois", "Pierre", "Benoît", "Rey", "Leclerc", "Payet", "Rolland", "Leclercq", "Guillaume", "Lecomte",
    "Le Goff", "Le Gall", "de La Tour", "d'Aubigny", "Ben Amar", "Da Silva", "Nguyen", "Traoré", "Diallo",
    "Haddad", "Kowalski", "Rossi", "Lopez-Carrère", "Petit-Jean", "Béranger", "Châtelain", "Coëffic", "Maçon",
    "Quéméner", "Sørensen",
];
pub const TOWNS: [(&str, &str); 48] = [
    ("75003", "Paris"), ("75011", "Paris"), ("75015", "Paris"), ("75020", "Paris"), ("13001", "Marseille"),
    ("13008", "Marseille"), ("69003", "Lyon"), ("69007", "Lyon"), ("31000", "Toulouse"), ("31400", "Toulouse"),
    ("06000", "Nice"), ("44000", "Nantes"), ("34000", "Montpellier"), ("67000", "Strasbourg"),
    ("33000", "Bordeaux"), ("59000", "Lille"), ("35000", "Rennes"), ("51100", "Reims"),
    ("42000", "Saint-Étienne"), ("83000", "Toulon"), ("76600", "Le Havre"), ("38000", "Grenoble"),
    ("21000", "Dijon"), ("49000", "Angers"), ("30000", "Nîmes"), ("63000", "Clermont-Ferrand"),
    ("13100", "Aix-en-Provence"), ("29200", "Brest"), ("37000", "Tours"), ("87000", "Limoges"),
    ("80000", "Amiens"), ("74000", "Annecy"), ("66000", "Perpignan"), ("57000", "Metz"), ("25000", "Besançon"),
    ("45000", "Orléans"), ("76000", "Rouen"), ("68100", "Mulhouse"), ("14000", "Caen"), ("54000", "Nancy"),
    ("86000", "Poitiers"), ("17000", "La Rochelle"), ("64000", "Pau"), ("56000", "Vannes"),
    ("72000", "Le Mans"), ("29000", "Quimper"), ("05000", "Gap"), ("01000", "Bourg-en-Bresse"),
];
pub const STREET_KINDS: [&str; 7] = ["rue", "rue", "rue", "avenue", "boulevard", "impasse", "place"];
pub const STREETS: [&str; 40] = [
    "de la Gare", "de la République", "des Écoles", "du Général-de-Gaulle", "Victor-Hugo", "des Lilas",
    "de l'Église", "du Château", "des Acacias", "du Moulin", "Jean-Jaurès", "Pasteur", "de Verdun",
    "des Tilleuls", "du Stade", "de la Fontaine", "de Bretagne", "des Marronniers", "du Pré", "de Provence",
    "Gambetta", "Voltaire", "de la Mairie", "des Vignes", "du Lavoir", "Saint-Michel", "des Jardins",
    "Émile-Zola", "du 8-Mai-1945", "de Paris", "des Peupliers", "Carnot", "du Marché", "de la Paix",
    "des Rosiers", "du Port", "de la Forêt", "des Hirondelles", "Molière", "du Four",
];
pub const MAIL_HOSTS: [&str; 7] =
    ["orange.example", "laposte.example", "free.example", "courriel.example", "sfr.example", "boite.example",
     "poste-perso.example"];

/// A text without accents, as old tills and e-mail addresses want it.
pub fn without_accents(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            'à' | 'â' | 'ä' => 'a',
            'ç' => 'c',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'î' | 'ï' => 'i',
            'ô' | 'ö' | 'ø' => 'o',
            'ù' | 'û' | 'ü' => 'u',
            'É' | 'È' | 'Ê' => 'E',
            'Î' => 'I',
            other => other,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_fits_the_tills_and_loses_its_accents() {
        let all = WOMEN.iter().chain(&MEN).chain(&SURNAMES).chain(&STREETS).chain(TOWNS.iter().map(|(_, t)| t));
        for name in all {
            assert!(!encoding_rs::WINDOWS_1252.encode(name).2, "{name} is not Windows-1252");
            assert!(without_accents(name).is_ascii(), "{name}");
        }
    }
}
