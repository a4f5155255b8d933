//! The sign between the fields of a CSV file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The signs that may be it, with the words for those that are hard to type.
const SIGNS: [(u8, &str); 7] = [
    (b',', "comma"),
    (b';', "semicolon"),
    (b'\t', "tab"),
    (b'|', "pipe"),
    (b':', "colon"),
    (b'^', "caret"),
    (b'~', "tilde"),
];

/// What stands between two fields; a comma by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Delimiter(u8);

impl Delimiter {
    pub const COMMA: Delimiter = Delimiter(b',');
    pub const TAB: Delimiter = Delimiter(b'\t');

    /// Returns the sign, one byte in every encoding but UTF-16.
    pub fn byte(self) -> u8 {
        self.0
    }
}

impl Default for Delimiter {
    fn default() -> Self {
        Delimiter::COMMA
    }
}

impl FromStr for Delimiter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let word = if text == "\\t" { "tab" } else { text };
        let named = SIGNS.iter().find(|(sign, name)| word.as_bytes() == [*sign] || word == *name);
        named
            .map(|(sign, _)| Delimiter(*sign))
            .ok_or_else(|| "write one of , ; tab | : ^ ~ (a sign of a shell in quotes: ';')".to_owned())
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\t' => f.write_str("tab"),
            sign => write!(f, "{}", char::from(sign)),
        }
    }
}

impl TryFrom<String> for Delimiter {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Delimiter> for String {
    fn from(delimiter: Delimiter) -> String {
        delimiter.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delimiter_is_a_sign_or_its_name() {
        for (text, sign) in [(";", b';'), ("semicolon", b';'), ("tab", b'\t'), ("\\t", b'\t'), ("\t", b'\t')]
        {
            assert_eq!(text.parse::<Delimiter>().unwrap().byte(), sign, "{text}");
        }
        for text in ["", ";;", "\"", "a", ".", "-", "\n", "é"] {
            assert!(text.parse::<Delimiter>().is_err(), "{text}");
        }
        for (sign, _) in SIGNS {
            let shown = Delimiter(sign).to_string();
            assert_eq!(shown.parse(), Ok(Delimiter(sign)), "{shown}");
        }
    }
}
