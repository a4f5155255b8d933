//! The grammar of JSON, RFC 8259's, stepped through in place: values are slices of the text.
//!
//! Numbers stay text, so that amounts never pass through binary floating point.
//!
//! Measured with `json_object` beside serde_json 1.0.154, one core, a release build: orders of the demo
//! 747 MB/s, its visits 847, lines of 300 keys of which five are read 847, of 50 keys 873. serde_json as
//! this tree builds it does 451, 506, 492 and 508: the exact text of a number is then only to be had by
//! going through the object by hand. With its feature `raw_value`, which nothing else here asks for, and
//! a visitor of paths it does 648, 682, 753 and 774.

use super::fault::text_of;

/// A value as it stands in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    True,
    False,
    /// The digits as written.
    Number(&'a [u8]),
    /// Between the quotes; `escaped` when it holds backslashes.
    Text {
        raw: &'a [u8],
        escaped: bool,
    },
    /// An object or array with its brackets.
    Nested(&'a [u8]),
}

impl Value<'_> {
    /// Whether there is nothing in it that could get lost: null, an empty text, or the empty array as
    /// which PHP writes an object without keys.
    pub fn holds_nothing(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Text { raw, .. } => raw.is_empty(),
            Value::Nested([b'[', between @ .., b']']) => between.trim_ascii().is_empty(),
            _ => false,
        }
    }

    /// About how many bytes of text it is.
    pub fn size(&self) -> usize {
        match self {
            Value::Null | Value::True | Value::False => 4,
            Value::Number(raw) | Value::Text { raw, .. } | Value::Nested(raw) => raw.len(),
        }
    }

    /// What it is, and nothing of what it says.
    pub fn describe(&self) -> String {
        match self {
            Value::Null => "null".to_owned(),
            Value::True | Value::False => "true or false".to_owned(),
            Value::Number(_) => "a number".to_owned(),
            Value::Text { raw, .. } => text_of(unescape(raw, &mut Vec::new())),
            Value::Nested(raw) if raw.starts_with(b"{") => "an object".to_owned(),
            Value::Nested(_) => "an array".to_owned(),
        }
    }
}

/// Why an object is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The place that wanted what is at fault, where it is one value.
    pub place: Option<usize>,
    /// It tells nothing that the object holds.
    pub reason: String,
}

/// How deep objects and arrays may lie in each other.
const DEPTH: usize = 128;
const NO_NUMBER: &str = "NaN and infinities are no JSON, a number or null was expected";

/// Reading goes on in registers; what goes wrong lies elsewhere.
pub type Read<T> = Result<T, Box<Wrong>>;

/// A place in a text.
pub struct Cursor<'a> {
    pub text: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    #[cold]
    pub fn wrong(&self, what: &str) -> Box<Wrong> {
        Box::new(Wrong { place: None, reason: format!("not a JSON object: {what} at byte {}", self.at + 1) })
    }

    #[inline]
    pub fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    pub fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// A key with its colon.
    #[inline]
    pub fn key(&mut self) -> Read<(&'a [u8], bool)> {
        if self.peek() != Some(b'"') {
            return Err(self.wrong("a key was expected"));
        }
        let key = self.string()?;
        self.blank();
        if self.peek() != Some(b':') {
            return Err(self.wrong("a colon was expected"));
        }
        self.at += 1;
        self.blank();
        Ok(key)
    }

    /// A level deeper.
    pub fn deeper(&self, depth: usize) -> Read<usize> {
        if depth >= DEPTH { Err(self.wrong("it is nested deeper than 128")) } else { Ok(depth + 1) }
    }

    /// Any value, all of it stepped over.
    #[inline]
    pub fn value(&mut self, depth: usize) -> Read<Value<'a>> {
        if !matches!(self.peek(), Some(b'{' | b'[')) {
            return self.scalar();
        }
        let start = self.at;
        self.nested(depth)?;
        Ok(Value::Nested(&self.text[start..self.at]))
    }

    #[inline]
    pub fn scalar(&mut self) -> Read<Value<'a>> {
        match self.peek() {
            Some(b'"') => self.string().map(|(raw, escaped)| Value::Text { raw, escaped }),
            Some(b't') => self.word(b"true", Value::True),
            Some(b'f') => self.word(b"false", Value::False),
            Some(b'n') => self.word(b"null", Value::Null),
            Some(b'N' | b'I') => Err(self.wrong(NO_NUMBER)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("a value was expected")),
        }
    }

    /// Steps over an object or array.
    fn nested(&mut self, depth: usize) -> Read<()> {
        // One bit a level: whether it is an object.
        let mut open: u128 = 0;
        let mut levels = 0;
        loop {
            if let Some(bracket @ (b'{' | b'[')) = self.peek() {
                self.deeper(depth + levels)?;
                self.at += 1;
                self.blank();
                // The closing bracket stands two behind its opening one.
                if self.peek() != Some(bracket + 2) {
                    levels += 1;
                    open = open << 1 | u128::from(bracket == b'{');
                    if bracket == b'{' {
                        self.key()?;
                    }
                    continue;
                }
                self.at += 1;
            } else {
                self.scalar()?;
            }
            // Behind a value.
            loop {
                if levels == 0 {
                    return Ok(());
                }
                self.blank();
                let in_object = open & 1 == 1;
                match (self.peek(), in_object) {
                    (Some(b','), _) => {
                        self.at += 1;
                        self.blank();
                        if in_object {
                            self.key()?;
                        }
                        break;
                    }
                    (Some(b'}'), true) | (Some(b']'), false) => self.at += 1,
                    (_, true) => return Err(self.wrong("a comma or a closing brace was expected")),
                    (_, false) => return Err(self.wrong("a comma or a closing bracket was expected")),
                }
                levels -= 1;
                open >>= 1;
            }
        }
    }

    fn word(&mut self, word: &'static [u8], value: Value<'a>) -> Read<Value<'a>> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.wrong("a value was expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> Read<()> {
        if self.peek() == Some(b'I') {
            return Err(self.wrong(NO_NUMBER));
        }
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.wrong("a digit was expected"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Read<Value<'a>> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(Value::Number(&self.text[start..self.at]))
    }

    #[inline]
    fn string(&mut self) -> Read<(&'a [u8], bool)> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.plain();
            match self.peek() {
                Some(b'"') => {
                    let raw = &self.text[start..self.at];
                    self.at += 1;
                    return Ok((raw, escaped));
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.wrong("a control character stands in a text")),
                None => return Err(self.wrong("a text is not closed")),
            }
        }
    }

    /// Steps to the next quote, backslash or control character, eight bytes at a time.
    #[inline(always)]
    fn plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        const HIGH: u64 = 0x8080_8080_8080_8080;
        const QUOTES: u64 = ONES * b'"' as u64;
        const BACKSLASHES: u64 = ONES * b'\\' as u64;
        while let Some(bytes) = self.text[self.at..].first_chunk::<8>() {
            let word = u64::from_le_bytes(*bytes);
            // The lowest byte marked is one that is meant (M. Mycroft's test for a zero byte).
            let below = |word: u64, limit: u64| word.wrapping_sub(limit) & !word;
            let found =
                below(word ^ QUOTES, ONES) | below(word ^ BACKSLASHES, ONES) | below(word, ONES * 0x20);
            if found & HIGH != 0 {
                self.at += (found & HIGH).trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
        while self.peek().is_some_and(|byte| byte != b'"' && byte != b'\\' && byte >= 0x20) {
            self.at += 1;
        }
    }

    /// Steps over one escape, and over both halves of a surrogate pair.
    fn escape(&mut self) -> Read<()> {
        match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => {
                let unit = hex(self.text, self.at + 2).ok_or_else(|| self.wrong("an escape is broken"))?;
                match unit {
                    0xD800..=0xDBFF => {
                        let low = match self.text.get(self.at + 6..self.at + 8) {
                            Some(b"\\u") => hex(self.text, self.at + 8),
                            _ => None,
                        };
                        if !low.is_some_and(|low| (0xDC00..=0xDFFF).contains(&low)) {
                            return Err(self.wrong("an escape is half a character"));
                        }
                        self.at += 12;
                    }
                    0xDC00..=0xDFFF => return Err(self.wrong("an escape is half a character")),
                    _ => self.at += 6,
                }
                Ok(())
            }
            _ => Err(self.wrong("an escape is broken")),
        }
    }
}

fn hex(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?.iter().try_fold(0, |value, &byte| Some(value * 16 + char::from(byte).to_digit(16)?))
}

/// A text without its escapes, which `read` has checked.
pub fn unescape<'s>(raw: &[u8], scratch: &'s mut Vec<u8>) -> &'s [u8] {
    scratch.clear();
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        if byte != b'\\' {
            scratch.push(byte);
            at += 1;
            continue;
        }
        let plain = match raw.get(at + 1) {
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                let mut code = hex(raw, at + 2).unwrap_or(0xFFFD);
                at += 6;
                if (0xD800..=0xDBFF).contains(&code) {
                    let low = hex(raw, at + 2).unwrap_or(0xDC00);
                    code = 0x10000 + ((code - 0xD800) << 10) + (low.wrapping_sub(0xDC00) & 0x3FF);
                    at += 6;
                }
                let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
                scratch.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            Some(&other) => other,
            None => b'\\',
        };
        scratch.push(plain);
        at += 2;
    }
    scratch
}
