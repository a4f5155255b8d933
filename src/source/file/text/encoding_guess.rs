//! Guesses which western European encoding gives readable words, for hints and warnings only.

use super::encoding::Encoding;

/// How many bytes before and after the first that is not known are looked at.
pub(super) const LOOK: (usize, usize) = (64, 1024);

const CANDIDATES: [&str; 3] = ["windows-1252", "macintosh", "cp850"];

/// Returns the name of an encoding in which these bytes, which are not UTF-8, read as words.
pub fn likely(bytes: &[u8]) -> Option<&'static str> {
    best(bytes).filter(|(score, _)| *score >= 2 * beyond_ascii(bytes)).map(|(_, name)| name)
}

/// Returns the name of an encoding in which bytes read as words that under the declared one read as none.
pub(super) fn reads_better_as(bytes: &[u8], declared: Encoding) -> Option<&'static str> {
    if !declared.is_western() || score(bytes, declared) >= 0 {
        return None;
    }
    best(bytes).filter(|(score, _)| *score >= 2 * beyond_ascii(bytes)).map(|(_, name)| name)
}

/// Returns the same of a text that has been read under the declared encoding.
pub(super) fn text_reads_better_as(text: &str, declared: Encoding) -> Option<&'static str> {
    let byte = |c: char| match c.is_ascii() {
        true => Some(c as u8),
        false => (0x80..=0xFF).find(|byte| declared.character(*byte) == Some(c)),
    };
    if text.is_ascii() || !declared.is_western() {
        return None;
    }
    reads_better_as(&text.chars().filter_map(byte).collect::<Vec<u8>>(), declared)
}

fn best(bytes: &[u8]) -> Option<(i64, &'static str)> {
    let mut best = None;
    for name in CANDIDATES {
        let Some(encoding) = Encoding::of(name) else { continue };
        let score = score(bytes, encoding);
        if score > best.map_or(0, |(score, _)| score) {
            best = Some((score, name));
        }
    }
    best
}

fn beyond_ascii(bytes: &[u8]) -> i64 {
    bytes.iter().filter(|byte| !byte.is_ascii()).count() as i64
}

/// Returns how much the bytes look like words of western Europe: accented letters beside plain ones.
fn score(bytes: &[u8], encoding: Encoding) -> i64 {
    let near = |at: Option<usize>, is: fn(&u8) -> bool| at.and_then(|at| bytes.get(at)).is_some_and(is);
    let high = bytes.iter().enumerate().filter(|(_, byte)| !byte.is_ascii());
    let scores = high.map(|(at, byte)| {
        let before = near(at.checked_sub(1), u8::is_ascii_alphabetic);
        let behind = near(Some(at + 1), u8::is_ascii_alphabetic);
        let small_before = near(at.checked_sub(1), u8::is_ascii_lowercase);
        match encoding.character(*byte) {
            Some(c) if "éèêàçâîôûùëï".contains(c) && (before || behind) => 4,
            Some(c) if "üöäñáíóúß".contains(c) && (before || behind) => 3,
            Some(c) if c.is_lowercase() && before => 2,
            // `ZoÇ` is not a word.
            Some(c) if c.is_uppercase() && small_before => -1,
            Some(c) if "ÉÈÀÇÊÖÄÜÑ".contains(c) && !behind => 1,
            Some(c) if "€’‘“”„«»–—…·•°£§©®™²³½¼¾×¿¡\u{a0}".contains(c) => {
                1
            }
            Some(c) if c.is_alphabetic() => 0,
            _ => -2,
        }
    });
    scores.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, name: &str) -> Vec<u8> {
        match name {
            "cp850" => yore::CodePage::encode(&yore::code_pages::CP850, text).unwrap().into_owned(),
            _ => encoding_rs::Encoding::for_label(name.as_bytes()).unwrap().encode(text).0.into_owned(),
        }
    }

    const TEXTS: [&str; 6] =
        ["Zoé;Besançon", "François Lefèvre", "Nîmes", "Müller; Köln", "España; José", "l’été à Orléans"];

    fn text_in(text: &str, name: &str) -> Vec<u8> {
        encoded(&if name == "cp850" { text.replace('’', "'") } else { text.to_owned() }, name)
    }

    #[test]
    fn the_encoding_that_makes_words_is_named() {
        for name in CANDIDATES {
            for text in TEXTS {
                assert_eq!(likely(&text_in(text, name)), Some(name), "{text}");
            }
        }
        assert_eq!(likely(b"plain"), None);
    }

    #[test]
    fn bytes_that_make_no_words_as_declared_are_doubted() {
        for name in CANDIDATES {
            for declared in CANDIDATES {
                for text in ["Zoé;Besançon", "François Lefèvre", "prénom"] {
                    let declared = Encoding::of(declared).unwrap();
                    let found = reads_better_as(&text_in(text, name), declared);
                    let expected = (name != declared.name()).then_some(name);
                    // Where both make some words, nothing is said.
                    assert!(found == expected || found.is_none(), "{text} {name} {declared:?}");
                }
            }
        }
        let cp1252 = Encoding::of("cp1252").unwrap();
        assert_eq!(reads_better_as(&text_in("Zoé;Besançon", "cp850"), cp1252), Some("cp850"));
        assert_eq!(reads_better_as(&text_in("Zoé;Médéric", "macintosh"), cp1252), Some("macintosh"));
        assert_eq!(text_reads_better_as("pr‚nom", cp1252), Some("cp850"));
        assert_eq!(text_reads_better_as("prŽnom", cp1252), Some("macintosh"));
        assert_eq!(text_reads_better_as("prénom", cp1252), None);
    }

    #[test]
    fn honest_text_is_not_doubted() {
        for (name, text) in [
            (
                "windows-1252",
                "Sillage™; 5 €; « CAFÉ »; • item; Škoda; Žižek; l’œuvre – N°; Łódź".replace(['Ł', 'ź'], ""),
            ),
            ("windows-1252", "MÜLLER; ÀÉÈ; ½; 2×3; señor; Ÿ".to_owned()),
            ("macintosh", "Sillage™; 5 €; «CAFÉ»; • item; œuvre; 3∞".to_owned()),
            ("cp850", "MÜLLER; ½; ñandú; ÉÈ; naïve; §".to_owned()),
        ] {
            let declared = Encoding::of(name).unwrap();
            assert_eq!(reads_better_as(&encoded(&text, name), declared), None, "{name}: {text}");
        }
    }
}
