//! Letters without accents and case, words without punctuation.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Returns the words of a text: lower case, no accents, cut at everything that is neither letter nor digit.
///
/// Letters that do not decompose (`œ`, `ß`, `ø`) are written as their language does without them.
/// Apostrophes vanish instead of cutting: O'Brien is one word.
pub fn words(text: &str) -> Vec<String> {
    if text.is_ascii() {
        // Nothing to decompose.
        return cut(text.chars());
    }
    cut(text.nfkd().filter(|c| !is_combining_mark(*c)))
}

fn cut(letters: impl Iterator<Item = char>) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in letters {
        let word = words.last_mut().expect("there is always a word under construction");
        match c {
            '\'' | '’' | '‘' | '`' | '´' | 'ʼ' => {}
            'œ' | 'Œ' => word.push_str("oe"),
            'æ' | 'Æ' => word.push_str("ae"),
            'ß' | 'ẞ' => word.push_str("ss"),
            'ø' | 'Ø' => word.push('o'),
            'ł' | 'Ł' => word.push('l'),
            'đ' | 'Đ' | 'ð' | 'Ð' => word.push('d'),
            'þ' | 'Þ' => word.push_str("th"),
            'ı' => word.push('i'),
            c if c.is_alphanumeric() => word.extend(c.to_lowercase()),
            _ if word.is_empty() => {}
            _ => words.push(String::new()),
        }
    }
    if words.last().is_some_and(String::is_empty) {
        words.pop();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_punctuation_tell_nothing_apart() {
        assert_eq!(words("  François-Xavier  "), ["francois", "xavier"]);
        assert_eq!(words("L’Œuvre, STRAßE; Łódź"), ["loeuvre", "strasse", "lodz"]);
        assert_eq!(words("O'Brien"), ["obrien"]);
        assert_eq!(words("Мария"), ["мария"]);
        assert!(words(" - . ").is_empty());
    }
}
