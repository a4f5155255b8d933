//! One JSON object: the values at declared paths, everything else checked.
//!
//! A key that repeats is refused wherever anything of its object is read: which of the two was meant
//! nobody can say.

use std::borrow::Cow;
use std::collections::HashSet;

use super::json_path::{Node, Paths, Unknown};
use super::json_text::{Cursor, Read, Value, Wrong, unescape};

/// What reading needs at hand, kept from object to object.
#[derive(Debug, Default)]
pub struct Scratch {
    text: Vec<u8>,
    /// By node, the object in which its key was last met.
    met: Vec<u64>,
    object: u64,
}

/// Reads one object, putting the value of each wanted path that it has into `values`, and noting what
/// no path names if anybody wants to know.
pub fn read<'a>(
    text: &'a [u8],
    paths: &Paths,
    values: &mut [Option<Value<'a>>],
    scratch: &mut Scratch,
    mut unknown: Option<&mut Unknown>,
) -> Result<(), Wrong> {
    if let Some(unknown) = &mut unknown {
        unknown.begin();
    }
    scratch.object += 1;
    scratch.met.resize(scratch.met.len().max(paths.nodes()), 0);
    let mut reader = Reader { cursor: Cursor { text, at: 0 }, values, scratch, unknown };
    reader.whole(paths.root()).map_err(|wrong| *wrong)
}

/// The elements of an array that was read.
pub fn elements(array: &[u8]) -> impl Iterator<Item = Value<'_>> {
    let mut cursor = Cursor { text: array, at: 1 };
    std::iter::from_fn(move || {
        cursor.blank();
        // Before each but the first.
        if cursor.peek() == Some(b',') {
            cursor.at += 1;
            cursor.blank();
        }
        // The closing bracket is no value.
        cursor.value(1).ok()
    })
}

struct Reader<'a, 's> {
    cursor: Cursor<'a>,
    values: &'s mut [Option<Value<'a>>],
    scratch: &'s mut Scratch,
    unknown: Option<&'s mut Unknown>,
}

impl<'a> Reader<'a, '_> {
    /// The text is one object.
    fn whole(&mut self, root: &Node) -> Read<()> {
        self.cursor.blank();
        if self.cursor.peek() != Some(b'{') {
            return Err(self.cursor.wrong("an object was expected"));
        }
        self.member(root, 0)?;
        self.cursor.blank();
        if self.cursor.at < self.cursor.text.len() {
            return Err(self.cursor.wrong("text follows the object"));
        }
        Ok(())
    }

    /// An object of which something is wanted.
    fn object(&mut self, node: &Node, depth: usize) -> Read<()> {
        self.cursor.at += 1;
        self.cursor.blank();
        if self.cursor.peek() == Some(b'}') {
            self.cursor.at += 1;
            return Ok(());
        }
        loop {
            let (raw, escaped) = self.cursor.key()?;
            match self.enter(node, raw, escaped)? {
                Some(below) => self.member(below, depth)?,
                None => {
                    self.cursor.value(depth)?;
                }
            }
            self.cursor.blank();
            match self.cursor.peek() {
                Some(b',') => self.cursor.at += 1,
                Some(b'}') => {
                    self.cursor.at += 1;
                    return Ok(());
                }
                _ => return Err(self.cursor.wrong("a comma or a closing brace was expected")),
            }
            self.cursor.blank();
        }
    }

    /// The node of a key in an object of which something is wanted.
    #[inline]
    fn enter<'n>(&mut self, node: &'n Node, raw: &[u8], escaped: bool) -> Read<Option<&'n Node>> {
        let key = if escaped { unescape(raw, &mut self.scratch.text) } else { raw };
        let below = node.child(key);
        if let Some(below) = below {
            let met = &mut self.scratch.met[below.id];
            if std::mem::replace(met, self.scratch.object) == self.scratch.object {
                let reason = format!("the key `{}` repeats", below.path);
                return Err(Box::new(Wrong { place: below.wanted.first().copied(), reason }));
            }
        }
        if let Some(unknown) = &mut self.unknown {
            match below {
                None if node.is_complete() => unknown.note(key),
                Some(below) if below.has_children() => unknown.enter(key),
                _ => {}
            }
        }
        Ok(below)
    }

    /// Reads a value and puts it where it is wanted.
    #[inline]
    fn member(&mut self, node: &Node, depth: usize) -> Read<()> {
        let value = self.value(node, depth)?;
        for &place in node.wanted.iter().chain(&node.array) {
            self.values[place] = Some(value);
        }
        if let (Value::Nested(raw), Some(&place)) = (value, node.wanted.first())
            && repeats(raw)
        {
            let reason = "a key repeats in what it holds".to_owned();
            return Err(Box::new(Wrong { place: Some(place), reason }));
        }
        if node.has_children() {
            // Where the value is wanted as it is too, nothing gets lost.
            let lost = !node.is_wanted() && !value.holds_nothing();
            if lost && !matches!(value, Value::Nested([b'{', ..])) {
                let reason = format!("expected an object at `{}`, found {}", node.path, value.describe());
                return Err(Box::new(Wrong { place: node.first_wanted(), reason }));
            }
            if let Some(unknown) = &mut self.unknown {
                unknown.leave();
            }
        }
        Ok(())
    }

    #[inline]
    fn value(&mut self, node: &Node, depth: usize) -> Read<Value<'a>> {
        if self.cursor.peek() != Some(b'{') || !node.has_children() {
            return self.cursor.value(depth);
        }
        let start = self.cursor.at;
        let depth = self.cursor.deeper(depth)?;
        self.object(node, depth)?;
        Ok(Value::Nested(&self.cursor.text[start..self.cursor.at]))
    }
}

/// Whether any object in a value that was read has a key twice.
fn repeats(value: &[u8]) -> bool {
    repeats_at(&mut Cursor { text: value, at: 0 }, &mut Vec::new()).unwrap_or(false)
}

fn repeats_at(cursor: &mut Cursor<'_>, scratch: &mut Vec<u8>) -> Read<bool> {
    let Some(bracket @ (b'{' | b'[')) = cursor.peek() else {
        return cursor.scalar().map(|_| false);
    };
    let mut keys: HashSet<Cow<'_, [u8]>> = HashSet::new();
    loop {
        cursor.at += 1;
        cursor.blank();
        // The closing bracket stands two behind its opening one.
        if cursor.peek() == Some(bracket + 2) {
            cursor.at += 1;
            return Ok(false);
        }
        if bracket == b'{' {
            let (raw, escaped) = cursor.key()?;
            let new = match escaped {
                true => keys.insert(unescape(raw, scratch).to_vec().into()),
                false => keys.insert(raw.into()),
            };
            if !new {
                return Ok(true);
            }
        }
        if repeats_at(cursor, scratch)? {
            return Ok(true);
        }
        cursor.blank();
        if cursor.peek() == Some(bracket + 2) {
            cursor.at += 1;
            return Ok(false);
        }
    }
}
