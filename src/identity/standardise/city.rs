//! Cities, without postal additions.

use super::letters::words;
use crate::placeholder_value::in_address;

/// Returns the city: `ST-ÉTIENNE CEDEX 2` is `saint etienne`, `Paris 11e` is `paris`.
pub fn standard_city(text: &str) -> Option<String> {
    let mut city: Vec<String> = Vec::new();
    for word in words(text) {
        match word.as_str() {
            "cedex" => break,
            "st" => city.push("saint".to_owned()),
            "ste" => city.push("sainte".to_owned()),
            "s" | "sur" if !city.is_empty() => city.push("sur".to_owned()),
            // An arrondissement, or the postcode in the wrong field.
            w if w.starts_with(|c: char| c.is_ascii_digit()) => {}
            "arrondissement" => {}
            w => city.push(w.to_owned()),
        }
    }
    (!in_address(&city)).then(|| city.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_a_city() {
        for spelling in ["Saint-Étienne", "ST ETIENNE CEDEX 2", "42000 St.-Etienne"] {
            assert_eq!(standard_city(spelling).as_deref(), Some("saint etienne"), "{spelling}");
        }
        assert_eq!(standard_city("PARIS 11e").as_deref(), Some("paris"));
        assert_eq!(standard_city("Chalon s/ Saône"), standard_city("Chalon-sur-Saône"));
        assert_eq!(standard_city("75011"), None);
    }
}
