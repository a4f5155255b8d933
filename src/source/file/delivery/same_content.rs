//! What happens to a file whose content was already read under another name: `same_content = "read"`.

use schemars::JsonSchema;
use serde::Deserialize;

/// Declared where rows have no key, by which the same row twice would be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SameContent {
    /// It is another delivery with the same content: its rows are read too.
    Read,
    /// It is the same delivery again: it adds nothing.
    Skip,
}

/// Returns whether the file `new` is the file `old`, moved to another folder.
///
/// Folders that differ in numbers only are those of another night: a delivery of its own.
pub fn is_moved(old: &str, new: &str) -> bool {
    let base = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
    let shape = |name: &str| {
        let mut shape = String::new();
        for c in name.chars() {
            let c = if c.is_ascii_digit() { '#' } else { c };
            if c != '#' || !shape.ends_with('#') {
                shape.push(c);
            }
        }
        shape
    };
    old != new && base(old) == base(new) && shape(old) != shape(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_a_folder_of_another_name_was_moved_there() {
        assert!(is_moved("orders_1.csv", "processed/orders_1.csv"));
        assert!(is_moved("inbox/a/orders.csv", "done/orders.csv"));
        assert!(is_moved("done/orders.csv", "done/2026/06/orders.csv"));
    }

    #[test]
    fn another_name_or_another_nights_folder_is_another_delivery() {
        assert!(!is_moved("orders_1.csv", "orders_3.csv"));
        assert!(!is_moved("2026-06-01/orders.csv", "2026-06-03/orders.csv"));
        assert!(!is_moved("night9/orders.csv", "night10/orders.csv"));
        assert!(!is_moved("orders.csv", "archive/orders (copy).csv"));
        assert!(!is_moved("orders.csv", "orders.csv"));
    }
}
