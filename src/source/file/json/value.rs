//! A JSON value as it is written in the text.
//!
//! Numbers stay text, so amounts never pass through binary floating point.

use std::fmt;

use serde::Deserializer;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::source::row::fault_reason::text_of;

/// A value, a slice of its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    Null,
    True,
    False,
    /// As written.
    Number(&'a str),
    /// What is between the quotes.
    Text(&'a str),
    /// A text that holds escapes, with its quotes.
    Escaped(&'a str),
    /// An object or array with its brackets.
    Nested(&'a str),
}

impl<'a> Value<'a> {
    #[inline]
    pub fn of(raw: &'a RawValue) -> Self {
        let raw = raw.get();
        match raw.as_bytes() {
            [b'"', text @ .., b'"'] if !is_escaped(text) => Value::Text(&raw[1..raw.len() - 1]),
            [b'"', ..] => Value::Escaped(raw),
            [b'{' | b'[', ..] => Value::Nested(raw),
            [b'n', ..] => Value::Null,
            [b't', ..] => Value::True,
            [b'f', ..] => Value::False,
            _ => Value::Number(raw),
        }
    }

    /// Returns the approximate size of the value's text in bytes.
    pub fn size(&self) -> usize {
        match self {
            Value::Null | Value::True | Value::False => 4,
            Value::Number(raw) | Value::Text(raw) | Value::Escaped(raw) | Value::Nested(raw) => raw.len(),
        }
    }

    /// Returns the kind of the value, without its content.
    pub fn describe(&self) -> String {
        match self {
            Value::Null => "null".to_owned(),
            Value::True | Value::False => "true or false".to_owned(),
            Value::Number(_) => "a number".to_owned(),
            Value::Text(text) => text_of(text.as_bytes()),
            Value::Escaped(quoted) => match unescape(quoted, &mut String::new()) {
                Some(text) => text_of(text.as_bytes()),
                None => "text with an incomplete Unicode escape".to_owned(),
            },
            Value::Nested(nested) if nested.starts_with('{') => "an object".to_owned(),
            Value::Nested(_) => "an array".to_owned(),
        }
    }
}

#[inline]
fn is_escaped(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<16>();
    // Without an end that the processor would have to guess.
    let holds = |block: &[u8; 16]| block.iter().fold(0, |found, &byte| found | u8::from(byte == b'\\')) != 0;
    blocks.iter().any(holds) || rest.contains(&b'\\')
}

/// Returns a text without its quotes and escapes, which is put into `text`; nothing where an escape is half a
/// character.
pub(in crate::source) fn unescape<'t>(quoted: &str, text: &'t mut String) -> Option<&'t str> {
    struct Into<'t>(&'t mut String);

    impl Visitor<'_> for Into<'_> {
        type Value = ();

        fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
            to.write_str("a text")
        }

        fn visit_str<E>(self, text: &str) -> Result<(), E> {
            self.0.push_str(text);
            Ok(())
        }
    }
    text.clear();
    serde_json::Deserializer::from_str(quoted).deserialize_str(Into(text)).ok()?;
    Some(text)
}

/// Returns the elements of an array one after another; nothing for an object.
pub fn elements(nested: &str) -> Option<impl Iterator<Item = Value<'_>>> {
    let mut rest = nested.strip_prefix('[')?;
    Some(std::iter::from_fn(move || {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
        // The closing bracket is not a value.
        let value = values.next()?.ok()?;
        let behind = rest[values.byte_offset()..].trim_ascii_start();
        rest = behind.strip_prefix(',').unwrap_or(behind);
        Some(Value::of(value))
    }))
}
