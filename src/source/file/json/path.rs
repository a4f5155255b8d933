//! The declared paths of a JSON object as a tree of keys, and the keys that no path names.
//!
//! A path is keys joined by dots. It is found as nested keys, and as one key that holds the dots itself
//! (`"customer.id": 1`), as flattened exports write it; an object that has both is ambiguous.

use crate::source::contract::header_name::composed;

/// The wanted paths as a tree of keys.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    root: Node,
    nodes: usize,
}

/// A key on the way of a path.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// The same for no other node of the tree.
    pub id: usize,
    /// From the root, for messages.
    pub path: String,
    /// The places in the result that want the value here.
    pub wanted: Vec<usize>,
    /// The place of an array here that is read element by element.
    pub array: Option<usize>,
    /// Everything below is ignored.
    passed_over: bool,
    children: Vec<(String, Node)>,
}

impl Paths {
    pub fn add(&mut self, path: &str, place: usize) {
        self.node(path).wanted.push(place);
    }

    /// Wants the object itself.
    pub(super) fn add_whole(&mut self, place: usize) {
        self.root.wanted.push(place);
    }

    /// Wants an array, to read its elements one by one.
    pub(super) fn add_array(&mut self, path: &str, place: usize) {
        self.node(path).array = Some(place);
    }

    /// What is at the path and below it is known but not wanted.
    pub(in crate::source) fn pass_over(&mut self, path: &str) {
        self.node(path).passed_over = true;
    }

    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns how many nodes there are; their ids are below it.
    pub fn nodes(&self) -> usize {
        self.nodes + 1
    }

    fn node(&mut self, path: &str) -> &mut Node {
        let mut node = &mut self.root;
        for key in composed(path).split('.') {
            let at = match node.children.iter().position(|(name, _)| name == key) {
                Some(at) => at,
                None => {
                    self.nodes += 1;
                    let path = node.path_of(key);
                    let child = Node { id: self.nodes, path, ..Node::default() };
                    node.children.push((key.to_owned(), child));
                    node.children.len() - 1
                }
            };
            node = &mut node.children[at].1;
        }
        node
    }
}

impl Node {
    pub(super) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// Returns the node of a key, or of the path that a key with dots writes out. `expected` is its number
    /// among the children as the order of keys goes, and then that of the next.
    #[inline]
    pub fn child(&self, key: &str, expected: &mut usize) -> Option<&Node> {
        // Names of one length mostly differ at their ends, and to compare whole ones takes a call.
        let is_it = |(name, _): &(String, Node)| {
            name.len() == key.len() && name.bytes().last() == key.bytes().last() && name == key
        };
        if !self.children.get(*expected).is_some_and(is_it) {
            match self.children.iter().position(is_it) {
                Some(at) => *expected = at,
                None => return self.written_otherwise(key),
            }
        }
        let (_, node) = self.children.get(*expected)?;
        *expected += 1;
        Some(node)
    }

    #[inline]
    fn written_otherwise(&self, key: &str) -> Option<&Node> {
        // Without an end that the processor would have to guess.
        let special = |found, byte| found | u8::from(byte == b'.') | (byte & 0x80);
        if key.bytes().fold(0, special) == 0 { None } else { self.composed(key) }
    }

    #[cold]
    fn composed(&self, key: &str) -> Option<&Node> {
        composed(key).split('.').try_fold(self, |node, part| {
            node.children.iter().find(|(name, _)| name == part).map(|(_, node)| node)
        })
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Returns whether the value itself is wanted.
    pub(super) fn is_wanted(&self) -> bool {
        !self.wanted.is_empty() || self.array.is_some()
    }

    /// Returns whether a key that is not among the children is a stranger: not where the whole value is
    /// wanted.
    pub(super) fn is_complete(&self) -> bool {
        self.has_children() && !self.is_wanted() && !self.passed_over
    }

    /// Returns a place that wants the value here, else one below.
    pub(super) fn first_wanted(&self) -> Option<usize> {
        let below = || self.children.iter().find_map(|(_, child)| child.first_wanted());
        self.wanted.first().copied().or_else(below)
    }
}

/// More distinct keys than this are not columns: data is in the keys.
pub(super) const MOST_UNKNOWN: usize = 200;

/// The keys met that no path names, each with the line where it came first, in that order.
///
/// Below a key that is unknown nothing more is noted.
#[derive(Debug, Default)]
pub struct Unknown {
    /// Path, and line.
    pub keys: Vec<(String, i64)>,
    /// The line that is read now.
    pub line: i64,
    /// There were more than [`MOST_UNKNOWN`].
    pub too_many: bool,
    /// Where the next is among the keys, as the order of keys goes.
    expected: usize,
}

impl Unknown {
    /// A new object begins.
    pub fn begin(&mut self) {
        self.expected = 0;
    }

    /// Notes a key of an object at a node.
    pub fn note(&mut self, object: &Node, key: &str) {
        let is_it = |known: &str| match object.path.as_str() {
            "" => known == key,
            path => {
                let name = known.strip_suffix(key).and_then(|within| within.strip_suffix('.'));
                name == Some(path)
            }
        };
        if self.too_many || self.keys.get(self.expected).is_some_and(|(known, _)| is_it(known)) {
            self.expected += 1;
            return;
        }
        let path = object.path_of(key);
        let path = composed(&path);
        match self.keys.iter().position(|(known, _)| *known == path) {
            Some(at) => self.expected = at + 1,
            None if self.keys.len() == MOST_UNKNOWN => self.too_many = true,
            None => {
                self.keys.push((path.into_owned(), self.line));
                self.expected = self.keys.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
        let found = node.child(key, &mut 0);
        // Whichever was expected.
        for mut expected in 0..4 {
            assert_eq!(node.child(key, &mut expected).map(|node| node.id), found.map(|node| node.id));
        }
        found
    }

    #[test]
    fn a_key_with_dots_is_the_path_that_it_writes_out() {
        let mut paths = Paths::default();
        paths.add("a.b.c", 0);
        paths.add("d", 1);
        let root = paths.root();
        let id = |node: Option<&Node>| node.map(|node| node.id);
        let nested = child(root, "a").and_then(|a| child(a, "b")).and_then(|b| child(b, "c"));
        assert_eq!(id(child(root, "a.b.c")), id(nested));
        assert_eq!(id(child(root, "a").and_then(|a| child(a, "b.c"))), id(nested));
        assert_eq!(child(root, "a.b").map(|node| node.path.as_str()), Some("a.b"));
        for stranger in ["a.x", "a.", ".a", "", "b"] {
            assert!(child(root, stranger).is_none());
        }
        assert_eq!((root.first_wanted(), nested.and_then(Node::first_wanted)), (Some(0), Some(0)));
    }

    #[test]
    fn an_accent_is_one_with_its_letter() {
        let mut paths = Paths::default();
        paths.add("prénom", 0);
        paths.add("adresse.numéro", 1);
        assert!(child(paths.root(), "pre\u{301}nom").is_some());
        assert!(child(paths.root(), "adresse.nume\u{301}ro").is_some());
        paths.add("pre\u{301}nom", 2);
        assert_eq!(child(paths.root(), "prénom").map(|node| node.wanted.clone()), Some(vec![0, 2]));
    }
}
