//! The bytes of the characters of an exported file.
//!
//! Only encodings whose delimiters and quotes are those of ASCII, and UTF-16: in others a byte of a character
//! may be that of a delimiter.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use encoding_rs::{EncoderResult, Encoding};
use serde::{Deserialize, Serialize};

/// An encoding to write; UTF-8 without a byte-order mark by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TextEncoding {
    #[default]
    Utf8,
    /// With a byte-order mark, by which spreadsheets know it.
    Utf8Bom,
    /// With a byte-order mark: without one nothing tells it from a file of single bytes.
    Utf16Le,
    /// A byte a character.
    Page(&'static Encoding),
}

/// A character that an encoding does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unmappable;

impl TextEncoding {
    /// Returns the bytes that a file begins with.
    pub fn mark(self) -> &'static [u8] {
        match self {
            TextEncoding::Utf8Bom => b"\xEF\xBB\xBF",
            TextEncoding::Utf16Le => b"\xFF\xFE",
            TextEncoding::Utf8 | TextEncoding::Page(_) => b"",
        }
    }

    /// Adds the bytes of a text.
    ///
    /// # Errors
    /// A character that the encoding does not have; what was added before it stays.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<(), Unmappable> {
        match self {
            TextEncoding::Utf8 | TextEncoding::Utf8Bom => out.extend_from_slice(text.as_bytes()),
            TextEncoding::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            TextEncoding::Page(page) => {
                let mut encoder = page.new_encoder();
                let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
                let begin = out.len();
                out.resize(begin + room.unwrap_or(text.len()), 0);
                let (result, _, written) =
                    encoder.encode_from_utf8_without_replacement(text, &mut out[begin..], true);
                out.truncate(begin + written);
                if result != EncoderResult::InputEmpty {
                    return Err(Unmappable);
                }
            }
        }
        Ok(())
    }

    /// Returns the text of bytes, with a mark for what is none.
    pub fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            TextEncoding::Utf8 | TextEncoding::Utf8Bom => String::from_utf8_lossy(bytes),
            TextEncoding::Utf16Le => encoding_rs::UTF_16LE.decode_without_bom_handling(bytes).0,
            TextEncoding::Page(page) => page.decode_without_bom_handling(bytes).0,
        }
    }
}

impl FromStr for TextEncoding {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let name = text.trim().to_ascii_lowercase().replace('_', "-");
        const KNOWN: &str = "known are utf-8, utf-8-bom, utf-16le, windows-1252, iso-8859-15 and the other \
                             encodings of one byte a character that browsers know";
        let page = match name.as_str() {
            "utf-8" | "utf8" => return Ok(TextEncoding::Utf8),
            "utf-8-bom" | "utf8-bom" | "utf-8-sig" => return Ok(TextEncoding::Utf8Bom),
            "utf-16le" | "utf-16-le" | "utf-16" => return Ok(TextEncoding::Utf16Le),
            "cp1252" => return Ok(TextEncoding::Page(encoding_rs::WINDOWS_1252)),
            "latin9" | "latin-9" => return Ok(TextEncoding::Page(encoding_rs::ISO_8859_15)),
            other => {
                Encoding::for_label(other.as_bytes()).filter(|page| page.is_single_byte()).ok_or(KNOWN)?
            }
        };
        // Browsers call several encodings by one name: what they read alike is not written alike.
        let known = page.name().to_ascii_lowercase();
        if known != name {
            return Err(format!(
                "{text} has fewer characters than {known}, which browsers take it for: say {known} or iso-8859-15"
            ));
        }
        Ok(TextEncoding::Page(page))
    }
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TextEncoding::Utf8 => f.write_str("utf-8"),
            TextEncoding::Utf8Bom => f.write_str("utf-8-bom"),
            TextEncoding::Utf16Le => f.write_str("utf-16le"),
            TextEncoding::Page(page) => f.write_str(&page.name().to_ascii_lowercase()),
        }
    }
}

impl TryFrom<String> for TextEncoding {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TextEncoding> for String {
    fn from(encoding: TextEncoding) -> String {
        encoding.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(name: &str, text: &str) -> Result<Vec<u8>, Unmappable> {
        let encoding: TextEncoding = name.parse().unwrap();
        let mut out = encoding.mark().to_vec();
        encoding.encode(text, &mut out).map(|()| out)
    }

    #[test]
    fn accents_and_the_euro_have_the_bytes_of_each_encoding() {
        assert_eq!(encoded("utf-8", "é€").unwrap(), "é€".as_bytes());
        assert_eq!(encoded("utf-8-bom", "é").unwrap(), b"\xEF\xBB\xBF\xC3\xA9");
        assert_eq!(encoded("utf-16le", "é€").unwrap(), b"\xFF\xFE\xE9\x00\xAC\x20");
        assert_eq!(encoded("windows-1252", "é€").unwrap(), b"\xE9\x80");
        assert_eq!(encoded("ISO-8859-15", "é€œ").unwrap(), b"\xE9\xA4\xBD");
    }

    #[test]
    fn what_an_encoding_does_not_have_is_refused_and_not_replaced() {
        assert_eq!(encoded("windows-1252", "Łucja"), Err(Unmappable));
        assert_eq!(encoded("iso-8859-15", "日"), Err(Unmappable));
    }

    #[test]
    fn only_names_that_say_what_is_written_are_taken() {
        for name in ["latin1", "iso-8859-1", "ascii"] {
            assert!(name.parse::<TextEncoding>().unwrap_err().contains("say windows-1252"), "{name}");
        }
        for name in ["utf-9", "", "shift_jis", "gbk"] {
            assert!(name.parse::<TextEncoding>().unwrap_err().starts_with("known are utf-8,"), "{name}");
        }
        for name in
            ["utf-8", "utf-8-bom", "utf-16le", "windows-1252", "iso-8859-15", "macintosh", "windows-1250"]
        {
            let encoding: TextEncoding = name.parse().unwrap();
            assert_eq!(encoding.to_string(), name);
            let mut out = Vec::new();
            encoding.encode("été", &mut out).unwrap();
            assert_eq!(encoding.decode(&out), "été", "{name}");
        }
    }
}
