//! Standardises values that people write in many ways: pure functions from text to text.
//!
//! A value without information (a placeholder, punctuation) becomes `None`, so that two records never match
//! because both say nothing. The functions are offered to SQL by [`functions`].

mod birth_date;
mod city;
mod company_name;
mod email;
mod legal_number;
mod letters;
mod name;
mod phone;
mod postcode;
mod street;
mod title;

pub use birth_date::{calendar_date, standard_birth_date};
pub use city::standard_city;
pub use company_name::standard_company_name;
pub use email::standard_email;
pub use legal_number::standard_legal_number;
pub use name::{formal_name, standard_first_name, standard_last_name};
pub use phone::{phone_line, standard_phone};
pub use postcode::standard_postcode;
pub use street::{standard_house_number, standard_street};

use datafusion::logical_expr::ScalarUDF;

use self::letters::words;
use super::sql_function::{text, text_and_text};
use crate::placeholder_value::{PlaceholderValues, in_attribute, in_digits};

/// Returns the value of an attribute of which nothing is known: lower case, without outer spaces.
fn standard_text(text: &str) -> Option<String> {
    (!in_attribute(text)).then(|| text.trim().to_lowercase())
}

/// Returns the words of a text, without case, accents and punctuation: `Garde-malade` is `garde malade`.
fn standard_words(text: &str) -> Option<String> {
    let words = words(text);
    (!words.is_empty() && !in_attribute(text)).then(|| words.join(" "))
}

/// Returns the letters and digits of a number that somebody gave out: `ab 12-34` is `AB1234`.
fn standard_code(text: &str) -> Option<String> {
    let code = words(text).concat();
    (!code.is_empty() && !in_attribute(text) && !in_digits(text)).then(|| code.to_uppercase())
}

/// `standard_first_name(text)` and the others, for SQL. `standard_phone`, `phone_line`, `standard_postcode`
/// and `standard_legal_number` also take the country (two letters) in which it was written down. What the
/// pipeline declares as a placeholder is null by each of them.
pub fn functions(placeholders: &PlaceholderValues) -> Vec<ScalarUDF> {
    let text = |name: &str, standard: fn(&str) -> Option<String>| {
        let placeholders = placeholders.clone();
        text(name, move |text| if placeholders.declares(text) { None } else { standard(text) })
    };
    let text_and_text = |name: &str, standard: fn(&str, &str) -> Option<String>| {
        let placeholders = placeholders.clone();
        text_and_text(
            name,
            move |text, other| {
                if placeholders.declares(text) { None } else { standard(text, other) }
            },
        )
    };
    vec![
        text("standard_text", standard_text),
        text("standard_words", standard_words),
        text("standard_code", standard_code),
        text("standard_first_name", standard_first_name),
        text("standard_last_name", standard_last_name),
        text("formal_first_name", |name| Some(formal_name(name).to_owned())),
        text("standard_email", standard_email),
        text_and_text("standard_phone", standard_phone),
        text_and_text("phone_line", phone_line),
        text("standard_street", standard_street),
        text("standard_house_number", standard_house_number),
        text_and_text("standard_postcode", standard_postcode),
        text("standard_city", standard_city),
        text("standard_birth_date", standard_birth_date),
        text("standard_company_name", standard_company_name),
        text_and_text("standard_legal_number", standard_legal_number),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_any_kind_have_one_spelling() {
        assert_eq!(standard_words("  Garde-MALADE "), standard_words("garde malade"));
        assert_eq!(standard_code("ab 12-34"), standard_code("AB1234"));
        for nothing in ["", " - ", "n/a"] {
            assert_eq!((standard_words(nothing), standard_code(nothing)), (None, None), "{nothing}");
        }
        assert_eq!(standard_code("0000000"), None);
    }
}
