//! `rows`: rows from the elements of an array in a record, and where their columns are.
//!
//! A column's `from` is looked up in the element; `$.` starts at the record around it, as in JSONPath, and
//! `@` is the element itself.

/// Where a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowPlace<'n> {
    /// A path from the record.
    Record(&'n str),
    /// A path from the element.
    Element(&'n str),
    /// The element as it is.
    WholeElement,
}

/// Returns where a declared name leads to; `unfolded` where rows are elements.
pub(in crate::source) fn row_place(unfolded: bool, name: &str) -> RowPlace<'_> {
    if !unfolded {
        return RowPlace::Record(name);
    }
    match (name.strip_prefix("$."), name.strip_prefix("@.")) {
        (Some(path), _) => RowPlace::Record(path),
        (None, Some(path)) => RowPlace::Element(path),
        (None, None) if name == "@" => RowPlace::WholeElement,
        (None, None) => RowPlace::Element(name),
    }
}

#[cfg(test)]
mod tests {
    use super::{RowPlace, row_place};

    #[test]
    fn a_name_leads_into_the_element_or_out_of_it() {
        for (name, place) in [
            ("sku", RowPlace::Element("sku")),
            ("$.id", RowPlace::Record("id")),
            ("$.$.id", RowPlace::Record("$.id")),
            ("@", RowPlace::WholeElement),
            ("@.$.id", RowPlace::Element("$.id")),
            ("a.$.b", RowPlace::Element("a.$.b")),
        ] {
            assert_eq!(row_place(true, name), place, "{name}");
        }
        assert_eq!(row_place(false, "$.id"), RowPlace::Record("$.id"));
    }
}
