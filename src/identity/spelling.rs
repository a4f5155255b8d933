//! The standardised form in which the values of an attribute are compared, as SQL.

/// What the attributes of a table describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    Person,
    Organisation,
}

/// Returns SQL for the standardised value of `attribute`, null if it has no information.
///
/// `text` is SQL of type text; `country` is SQL for where numbers and postcodes were written down. Of a
/// street the house number is part of what is said. Attributes that nothing is known of are compared
/// without case and outer spaces.
pub fn spelling(subject: Subject, attribute: &str, text: &str, country: &str) -> String {
    match (subject, attribute) {
        (_, "first_name" | "last_name" | "email" | "city" | "birth_date" | "house_number") => {
            format!("standard_{attribute}({text})")
        }
        (_, "phone" | "postcode") => format!("standard_{attribute}({text}, {country})"),
        (_, "street") => {
            format!("(standard_street({text}) || coalesce(' ' || standard_house_number({text}), ''))")
        }
        (Subject::Organisation, "name") => format!("standard_company_name({text})"),
        (Subject::Organisation, "legal_number") => format!("standard_legal_number({text}, {country})"),
        _ => format!("standard_text({text})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_companys_only_where_companies_are_spoken_of() {
        let of = |subject| spelling(subject, "name", "n", "'FR'");
        assert_eq!(of(Subject::Organisation), "standard_company_name(n)");
        assert_eq!(of(Subject::Person), "standard_text(n)");
        assert_eq!(spelling(Subject::Person, "phone", "p", "'FR'"), "standard_phone(p, 'FR')");
    }
}
