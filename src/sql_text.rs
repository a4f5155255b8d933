//! Texts as SQL and messages write them.

/// Returns a text between quotes; its own stand twice.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Returns a text in one line, with one space where white space was.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Characters of a text that a message repeats.
const SHOWN: usize = 60;

/// A text as a message repeats it: in one line, and not the whole of a long one.
pub fn in_short(text: &str) -> String {
    let line = one_line(text);
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_repeats_one_short_line() {
        assert_eq!(in_short(" a >\n  1"), "a > 1");
        assert_eq!(in_short(&"é ".repeat(50)), format!("{}…", "é ".repeat(30)));
    }

    #[test]
    fn quotes_in_a_text_stand_twice() {
        assert_eq!(quoted("l'eau"), "'l''eau'");
        assert_eq!(quoted(""), "''");
    }
}
