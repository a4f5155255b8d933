//! The declared paths of a JSON object as a tree of keys, and the keys that no path names.
//!
//! A path is keys joined by dots. It is found as nested keys, and as one key that holds the dots itself
//! (`"customer.id": 1`), as flattened exports write it; an object that has both is ambiguous.

use super::header_name::composed;

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
    /// Nothing below is looked at, and nobody minds.
    passed_over: bool,
    children: Vec<(String, Node)>,
}

impl Paths {
    pub fn add(&mut self, path: &str, place: usize) {
        self.node(path).wanted.push(place);
    }

    /// Wants the object itself.
    pub fn add_whole(&mut self, place: usize) {
        self.root.wanted.push(place);
    }

    /// Wants an array, to read its elements one by one.
    pub fn add_array(&mut self, path: &str, place: usize) {
        self.node(path).array = Some(place);
    }

    /// What stands at the path and below it is known, though nobody wants it.
    pub fn pass_over(&mut self, path: &str) {
        self.node(path).passed_over = true;
    }

    pub fn root(&self) -> &Node {
        &self.root
    }

    /// How many nodes there are; their ids are below it.
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
                    let path =
                        if node.path.is_empty() { key.to_owned() } else { format!("{}.{key}", node.path) };
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
    pub fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// The node of a key, or of the path that a key with dots writes out.
    #[inline]
    pub fn child(&self, key: &[u8]) -> Option<&Node> {
        // Without an end that the processor would have to guess.
        let special = |found, byte: &u8| found | (*byte == b'.') | !byte.is_ascii();
        match self.direct(key) {
            None if key.iter().fold(false, special) => self.written_otherwise(key),
            direct => direct,
        }
    }

    #[cold]
    fn written_otherwise(&self, key: &[u8]) -> Option<&Node> {
        let key = composed(std::str::from_utf8(key).ok()?);
        key.split('.').try_fold(self, |node, part| node.direct(part.as_bytes()))
    }

    #[inline]
    fn direct(&self, key: &[u8]) -> Option<&Node> {
        self.children.iter().find(|(name, _)| name.as_bytes() == key).map(|(_, node)| node)
    }

    /// Whether the value itself is wanted.
    pub fn is_wanted(&self) -> bool {
        !self.wanted.is_empty() || self.array.is_some()
    }

    /// Whether a key that is not among the children is a stranger: not where the whole value is wanted.
    pub fn is_complete(&self) -> bool {
        self.has_children() && !self.is_wanted() && !self.passed_over
    }

    /// A place that wants the value here, else one below.
    pub fn first_wanted(&self) -> Option<usize> {
        let below = || self.children.iter().find_map(|(_, child)| child.first_wanted());
        self.wanted.first().copied().or_else(below)
    }
}

/// More distinct keys than this are no columns: data stands in the keys.
pub const MOST_UNKNOWN: usize = 200;

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
    /// The keys that lead to the object that is read now.
    trail: Vec<Vec<u8>>,
}

impl Unknown {
    /// A new object begins.
    pub fn begin(&mut self) {
        self.trail.clear();
    }

    pub fn enter(&mut self, key: &[u8]) {
        self.trail.push(key.to_owned());
    }

    pub fn leave(&mut self) {
        self.trail.pop();
    }

    pub fn note(&mut self, key: &[u8]) {
        let mut path = String::new();
        for outer in &self.trail {
            path.push_str(&String::from_utf8_lossy(outer));
            path.push('.');
        }
        path.push_str(&String::from_utf8_lossy(key));
        let path = composed(&path);
        if self.keys.iter().any(|(known, _)| *known == path) {
            return;
        }
        if self.keys.len() == MOST_UNKNOWN {
            self.too_many = true;
        } else {
            self.keys.push((path.into_owned(), self.line));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_dots_is_the_path_that_it_writes_out() {
        let mut paths = Paths::default();
        paths.add("a.b.c", 0);
        paths.add("d", 1);
        let root = paths.root();
        let id = |node: Option<&Node>| node.map(|node| node.id);
        let nested = root.child(b"a").and_then(|a| a.child(b"b")).and_then(|b| b.child(b"c"));
        assert_eq!(id(root.child(b"a.b.c")), id(nested));
        assert_eq!(id(root.child(b"a").and_then(|a| a.child(b"b.c"))), id(nested));
        assert_eq!(root.child(b"a.b").map(|node| node.path.as_str()), Some("a.b"));
        for stranger in [&b"a.x"[..], b"a.", b".a", b"", b"b"] {
            assert!(root.child(stranger).is_none());
        }
        assert_eq!((root.first_wanted(), nested.and_then(Node::first_wanted)), (Some(0), Some(0)));
    }

    #[test]
    fn an_accent_is_one_with_its_letter() {
        let mut paths = Paths::default();
        paths.add("prénom", 0);
        paths.add("adresse.numéro", 1);
        assert!(paths.root().child("pre\u{301}nom".as_bytes()).is_some());
        assert!(paths.root().child("adresse.nume\u{301}ro".as_bytes()).is_some());
        paths.add("pre\u{301}nom", 2);
        assert_eq!(paths.root().child("prénom".as_bytes()).map(|node| node.wanted.clone()), Some(vec![0, 2]));
    }
}
