//! The name that was probably meant.

/// The one of `names` nearest to `name`, if any is near: case and blanks aside, or few letters off.
pub fn near<'a>(name: &str, names: &'a [String]) -> Option<&'a str> {
    let wanted = plain(name);
    names
        .iter()
        .map(|candidate| (distance(&wanted, &plain(candidate)), candidate.as_str()))
        .filter(|(distance, _)| *distance <= wanted.len() / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

fn plain(name: &str) -> Vec<char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Levenshtein's distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let swap = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = swap.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
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
