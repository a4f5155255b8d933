//! Text as SQL writes it.

/// Returns a text between quotes; its own stand twice.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_a_text_stand_twice() {
        assert_eq!(quoted("l'eau"), "'l''eau'");
        assert_eq!(quoted(""), "''");
    }
}
