//! Reads one JSON object: the values at declared paths; the rest is only checked.
//!
//! An object with a repeated key is refused wherever a part of it is read, since nobody can know which value
//! is right. The grammar is serde_json's: a parser of our own was at most 1.13 times as fast, which was not
//! worth keeping.

use std::fmt;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::nested::{DEEP, DEPTH, is_deeper, unfit};
use super::path::{Node, Paths, Unknown};
use super::value::Value;
use crate::source::row::fault_reason::text_of;

/// Why an object is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The place that wanted what is at fault, where it is one value.
    pub place: Option<usize>,
    /// The reason, without values of the object.
    pub reason: String,
}

/// What reading needs at hand, kept from object to object.
#[derive(Debug, Default)]
pub struct Scratch {
    /// By node, the object in which its key was last met.
    met: Vec<u64>,
    object: u64,
}

/// Reads one object, putting the value of each wanted path that it has into `values`, and noting what
/// no path names if anybody wants to know.
pub fn read<'a>(
    text: &'a str,
    paths: &Paths,
    values: &mut [Option<Value<'a>>],
    scratch: &mut Scratch,
    mut unknown: Option<&mut Unknown>,
) -> Result<(), Wrong> {
    let before = text.len() - text.trim_ascii_start().len();
    if !text[before..].starts_with('{') {
        return Err(no_json("expected an object", before + 1));
    }
    if let Some(unknown) = &mut unknown {
        unknown.begin();
    }
    scratch.object += 1;
    scratch.met.resize(scratch.met.len().max(paths.nodes()), 0);
    let mut reader = Reader { text, values, scratch, unknown, wrong: None, entered: paths.root() };
    let mut json = serde_json::Deserializer::from_str(text);
    let member = Member { reader: &mut reader, node: paths.root(), room: DEPTH };
    let read = member.deserialize(&mut json).and_then(|()| json.end());
    read.map_err(|error| reader.refused(text, &error))
}

struct Reader<'r, 'a> {
    text: &'a str,
    values: &'r mut [Option<Value<'a>>],
    scratch: &'r mut Scratch,
    unknown: Option<&'r mut Unknown>,
    /// Why the object is refused, if it is not for its grammar.
    wrong: Option<Wrong>,
    /// The last node at which an object was to be walked through.
    entered: &'r Node,
}

impl<'r, 'a> Reader<'r, 'a> {
    /// Returns the node of a key in an object of which something is wanted.
    #[inline]
    fn enter(&mut self, node: &'r Node, key: &str, expected: &mut usize) -> Result<Option<&'r Node>, Wrong> {
        let below = node.child(key, expected);
        if let Some(below) = below {
            let met = &mut self.scratch.met[below.id];
            if std::mem::replace(met, self.scratch.object) == self.scratch.object {
                let reason = format!("the key `{}` is repeated", below.path);
                return Err(Wrong { place: below.wanted.first().copied(), reason });
            }
        }
        if let Some(unknown) = &mut self.unknown
            && below.is_none()
            && node.is_complete()
        {
            unknown.note(node, key);
        }
        Ok(below)
    }

    /// Puts a value where it is wanted.
    #[inline]
    fn put(&mut self, node: &'r Node, raw: &'a RawValue, room: usize) -> Result<(), Wrong> {
        let value = Value::of(raw);
        match (node.wanted.as_slice(), node.array) {
            ([place], None) => self.values[*place] = Some(value),
            (wanted, array) => {
                wanted.iter().chain(&array).for_each(|&place| self.values[place] = Some(value))
            }
        }
        if let Value::Escaped(_) | Value::Nested(_) = value {
            return self.inner(node, value, raw.get(), room);
        }
        Ok(())
    }

    /// Reads the inside of a value.
    fn inner(&mut self, node: &'r Node, value: Value<'a>, raw: &'a str, room: usize) -> Result<(), Wrong> {
        if node.has_children() && raw.starts_with('{') {
            let object = Object { reader: self, node, room: room.saturating_sub(1) };
            let walked = serde_json::Deserializer::from_str(raw).deserialize_map(object);
            walked.map_err(|error| self.refused(raw, &error))?;
        }
        let reason = match (node.wanted.first(), node.array) {
            (Some(_), _) => unfit(value, room),
            // An array's elements are looked at one by one.
            (None, Some(_)) => None,
            (None, None) => is_deeper(raw, room).then_some(DEEP),
        };
        match reason {
            Some(reason) => Err(Wrong { place: node.wanted.first().copied(), reason: reason.to_owned() }),
            None => Ok(()),
        }
    }

    /// Tells why `part` of the text, or the whole, is refused.
    #[cold]
    fn refused(&mut self, part: &str, error: &serde_json::Error) -> Wrong {
        if let Some(wrong) = self.wrong.take() {
            return wrong;
        }
        // With " at line 1 column 2" after it.
        let message = error.to_string();
        let what = message.rsplit_once(" at line ").map_or(message.as_str(), |(what, _)| what);
        // Where an object stands serde_json makes a double of a number, and some are beyond any.
        if what == "number out of range" {
            return no_object(self.entered, &Value::Number("").describe());
        }
        let lines = part.split_inclusive('\n').take(error.line().saturating_sub(1));
        let line = part.as_ptr().addr() - self.text.as_ptr().addr() + lines.map(str::len).sum::<usize>();
        let byte = line + error.column();
        let at_fault = self.text.as_bytes().get(byte.saturating_sub(1)..).unwrap_or_default();
        let what = match at_fault.get(..3) {
            Some(word) if word.eq_ignore_ascii_case(b"nan") || word.eq_ignore_ascii_case(b"inf") => {
                "NaN and infinity are not JSON: expected a number or null"
            }
            // The library's words for it are those of programmers.
            _ if error.is_eof() => "the text ends inside a value",
            _ => what,
        };
        no_json(what, byte)
    }
}

#[cold]
fn no_json(what: &str, byte: usize) -> Wrong {
    Wrong { place: None, reason: format!("not a JSON object: {what} at byte {byte}") }
}

/// Returns the error for a value where a path expects an object.
#[cold]
fn no_object(node: &Node, found: &str) -> Wrong {
    let reason = format!("expected an object at `{}`, found {found}", node.path);
    Wrong { place: node.first_wanted(), reason }
}

/// The value of a node that is looked at; `room` is how many objects and arrays it may be deep.
struct Member<'m, 'r, 'a> {
    reader: &'m mut Reader<'r, 'a>,
    node: &'r Node,
    room: usize,
}

impl<'a> DeserializeSeed<'a> for Member<'_, '_, 'a> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        let Member { reader, node, room } = self;
        if node.is_wanted() || !node.has_children() {
            let raw = <&RawValue>::deserialize(deserializer)?;
            reader.put(node, raw, room).map_err(|wrong| stop(reader, wrong))?;
        } else {
            reader.entered = node;
            deserializer.deserialize_any(Object { reader, node, room: room.saturating_sub(1) })?;
        }
        Ok(())
    }
}

/// Ends the reading with a reason of ours.
#[cold]
fn stop<E: Error>(reader: &mut Reader<'_, '_>, wrong: Wrong) -> E {
    reader.wrong = Some(wrong);
    E::custom("")
}

/// A value that is walked through for what lies below it, if it is an object; `room` is how many more may
/// lie in it.
struct Object<'m, 'r, 'a> {
    reader: &'m mut Reader<'r, 'a>,
    node: &'r Node,
    room: usize,
}

impl Object<'_, '_, '_> {
    fn instead<E: Error>(self, found: &str) -> Result<(), E> {
        let wrong = no_object(self.node, found);
        Err(stop(self.reader, wrong))
    }
}

impl<'a> Visitor<'a> for Object<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Object { reader, node, room } = self;
        let mut expected = 0;
        while let Some(below) = {
            let key = Key { reader: &mut *reader, node, expected: &mut expected };
            map.next_key_seed(key)?
        } {
            match below {
                Some(node) => map.next_value_seed(Member { reader: &mut *reader, node, room })?,
                None => {
                    let raw: &RawValue = map.next_value()?;
                    if is_deeper(raw.get(), room) {
                        return Err(stop(reader, Wrong { place: None, reason: DEEP.to_owned() }));
                    }
                }
            }
        }
        Ok(())
    }

    // Nothing gets lost of null, an empty text and an empty array.

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.is_empty() { Ok(()) } else { self.instead(&text_of(text.as_bytes())) }
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut array: A) -> Result<(), A::Error> {
        match array.next_element::<IgnoredAny>()? {
            Some(_) => self.instead("an array"),
            None => Ok(()),
        }
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.instead("true or false")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.instead("a number")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.instead("a number")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.instead("a number")
    }
}

/// A key in an object that is walked through; its value is the key's node.
struct Key<'m, 'r, 'a> {
    reader: &'m mut Reader<'r, 'a>,
    node: &'r Node,
    expected: &'m mut usize,
}

impl<'a, 'r> DeserializeSeed<'a> for Key<'_, 'r, 'a> {
    type Value = Option<&'r Node>;

    #[inline]
    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Option<&'r Node>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a, 'r> Visitor<'a> for Key<'_, 'r, 'a> {
    type Value = Option<&'r Node>;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a key")
    }

    #[inline]
    fn visit_str<E: Error>(self, key: &str) -> Result<Option<&'r Node>, E> {
        let Key { reader, node, expected } = self;
        reader.enter(node, key, expected).map_err(|wrong| stop(reader, wrong))
    }
}
