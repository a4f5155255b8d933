//! Suggests the name that was probably meant.

use rapidfuzz::distance::levenshtein;

/// Returns the one of `names` nearest to `name`, if any is near: case and blanks aside, or few letters off.
pub fn near<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let wanted = plain(name);
    names
        .iter()
        .map(|candidate| {
            (levenshtein::distance(wanted.chars(), plain(candidate).chars()), candidate.as_str())
        })
        .filter(|(distance, _)| *distance <= wanted.chars().count() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn the_nearest_name_is_offered() {
        let names = ["InvoiceNo", "CustomerID", "Country"].map(str::to_owned);
        assert_eq!(near("customer_id", &names), Some("CustomerID"));
        assert_eq!(near("Contry", &names), Some("Country"));
        assert_eq!(near("price", &names), None);
    }
}
