//! Checks a nested value as a whole: no repeated key, no incomplete Unicode escape, not too many levels.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::value::{Value, unescape};

/// How deep objects and arrays may be nested.
pub(super) const DEPTH: usize = 128;
pub(super) const DEEP: &str = "it is nested more than 128 levels deep";

const HALF: &str = "it contains an incomplete Unicode escape";
const REPEATED: &str = "it contains a repeated key";

/// Returns whether objects and arrays in a value are nested more than `room` levels deep.
#[inline]
pub(super) fn is_deeper(value: &str, room: usize) -> bool {
    // Each takes two brackets, and few values have so many.
    value.len() / 2 > room && opening(value) > room && depth(value) > room
}

fn opening(value: &str) -> usize {
    value.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count()
}

fn depth(value: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => skip_text(&mut bytes),
            _ => {}
        }
    }
    deepest
}

/// Skips a text: brackets in it are none.
#[inline]
fn skip_text(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => _ = bytes.next(),
            _ => {}
        }
    }
}

/// Returns why a value that was read cannot be kept as a whole, if it cannot: an object in it has a key
/// twice, a text half a character, or more than `room` objects and arrays lie in each other.
pub(super) fn unfit(value: Value<'_>, room: usize) -> Option<&'static str> {
    match value {
        Value::Nested(nested) if is_deeper(nested, room) => Some(DEEP),
        _ => Look { keys: Vec::new(), unfit: None }.at(value).err(),
    }
}

/// A look through a value.
struct Look<'a> {
    /// Those of the objects that are open.
    keys: Vec<Cow<'a, str>>,
    unfit: Option<&'static str>,
}

impl<'a> Look<'a> {
    fn at(&mut self, value: Value<'a>) -> Result<(), &'static str> {
        match value {
            Value::Escaped(quoted) if is_broken(quoted) => Err(HALF),
            // Only objects have keys, and an escape takes a backslash.
            Value::Nested(nested) if nested.bytes().any(|byte| byte == b'{' || byte == b'\\') => {
                let looked = serde_json::Deserializer::from_str(nested).deserialize_any(Within(self));
                // What was read before can only have half a character in a key.
                looked.map_err(|_| self.unfit.unwrap_or(HALF))
            }
            _ => Ok(()),
        }
    }

    fn inner<E: Error>(&mut self, raw: &'a RawValue) -> Result<(), E> {
        self.at(Value::of(raw)).map_err(|unfit| self.stop(unfit))
    }

    fn stop<E: Error>(&mut self, unfit: &'static str) -> E {
        self.unfit = Some(unfit);
        E::custom(unfit)
    }
}

/// Returns whether an escape in a text is half a character.
fn is_broken(quoted: &str) -> bool {
    // Only the units from D800 to DFFF come in pairs.
    (quoted.contains("\\ud") || quoted.contains("\\uD")) && unescape(quoted, &mut String::new()).is_none()
}

/// An object or array that is looked through.
struct Within<'l, 'a>(&'l mut Look<'a>);

#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Visitor<'a> for Within<'_, 'a> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object or array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut array: A) -> Result<(), A::Error> {
        while let Some(raw) = array.next_element()? {
            self.0.inner(raw)?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'a>>(self, mut object: A) -> Result<(), A::Error> {
        let Within(look) = self;
        let outer = look.keys.len();
        while let Some(Key(key)) = object.next_key()? {
            look.keys.push(key);
            look.inner(object.next_value()?)?;
        }
        let keys = &mut look.keys[outer..];
        keys.sort_unstable();
        if keys.windows(2).any(|two| two[0] == two[1]) {
            return Err(look.stop(REPEATED));
        }
        look.keys.truncate(outer);
        Ok(())
    }
}
