//! JSON read in place: the values at declared paths as slices of the text, everything else checked.
//!
//! Numbers stay text, so that amounts never pass through binary floating point. The grammar is
//! RFC 8259's, strictly; of a repeated key the last counts, as most readers have it.

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

/// The wanted paths as a tree of keys.
#[derive(Debug, Clone, Default)]
pub struct Paths {
    /// The places in the result that want the value here.
    wanted: Vec<usize>,
    /// Nothing below is looked at, and nobody minds.
    passed_over: bool,
    children: Vec<(String, Paths)>,
}

impl Paths {
    pub fn add(&mut self, path: &str, place: usize) {
        self.node(path).wanted.push(place);
    }

    /// What stands at the path and below it is known, though nobody wants it.
    pub fn pass_over(&mut self, path: &str) {
        self.node(path).passed_over = true;
    }

    fn node(&mut self, path: &str) -> &mut Paths {
        let mut node = self;
        for key in path.split('.') {
            let at = match node.children.iter().position(|(name, _)| name == key) {
                Some(at) => at,
                None => {
                    node.children.push((key.to_owned(), Paths::default()));
                    node.children.len() - 1
                }
            };
            node = &mut node.children[at].1;
        }
        node
    }

    /// Whether a key that is not among the children is a stranger: not where the whole value is wanted.
    fn is_complete(&self) -> bool {
        !self.children.is_empty() && self.wanted.is_empty() && !self.passed_over
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
    /// A key that itself holds a dot, which in a path stands between two keys.
    pub dotted: Option<String>,
    /// The keys that lead to the object that is read now.
    trail: Vec<Vec<u8>>,
}

impl Unknown {
    fn note(&mut self, key: &[u8]) {
        let mut path = String::new();
        for outer in &self.trail {
            path.push_str(&String::from_utf8_lossy(outer));
            path.push('.');
        }
        path.push_str(&String::from_utf8_lossy(key));
        if self.keys.iter().any(|(known, _)| *known == path) {
            return;
        }
        if self.keys.len() == MOST_UNKNOWN {
            self.too_many = true;
        } else {
            if key.contains(&b'.') {
                self.dotted = Some(path.clone());
            }
            self.keys.push((path, self.line));
        }
    }
}

/// Where the text stopped being JSON, as the byte's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotJson {
    pub at: usize,
    pub what: &'static str,
}

const DEPTH: usize = 128;

/// Reads one object, leaving the value of each wanted path, or nothing, in `values`, and noting what
/// no path names if anybody wants to know.
pub fn read<'a>(
    text: &'a [u8],
    paths: &Paths,
    values: &mut [Option<Value<'a>>],
    scratch: &mut Vec<u8>,
    mut unknown: Option<&mut Unknown>,
) -> Result<(), NotJson> {
    values.fill(None);
    if let Some(unknown) = &mut unknown {
        unknown.trail.clear();
    }
    let mut reader = Reader { text, at: 0, scratch, unknown };
    reader.blank();
    if reader.peek() != Some(b'{') {
        return Err(reader.wrong("an object was expected"));
    }
    reader.object(Some(paths), values, 1)?;
    reader.blank();
    if reader.at < text.len() {
        return Err(reader.wrong("text follows the object"));
    }
    Ok(())
}

struct Reader<'a, 's> {
    text: &'a [u8],
    at: usize,
    scratch: &'s mut Vec<u8>,
    unknown: Option<&'s mut Unknown>,
}

impl<'a> Reader<'a, '_> {
    fn wrong(&self, what: &'static str) -> NotJson {
        NotJson { at: self.at, what }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[inline]
    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn object(
        &mut self,
        paths: Option<&Paths>,
        values: &mut [Option<Value<'a>>],
        depth: usize,
    ) -> Result<(), NotJson> {
        self.at += 1;
        self.blank();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a key was expected"));
            }
            let (raw, escaped) = self.string()?;
            let below = match paths {
                Some(paths) if !paths.children.is_empty() => {
                    let key = if escaped { unescape(raw, self.scratch) } else { raw };
                    let below = paths
                        .children
                        .iter()
                        .find(|(name, _)| name.as_bytes() == key)
                        .map(|(_, below)| below);
                    if let Some(unknown) = &mut self.unknown {
                        match below {
                            None if paths.is_complete() => unknown.note(key),
                            Some(below) if !below.children.is_empty() => unknown.trail.push(key.to_owned()),
                            _ => {}
                        }
                    }
                    below
                }
                _ => None,
            };
            self.blank();
            if self.peek() != Some(b':') {
                return Err(self.wrong("a colon was expected"));
            }
            self.at += 1;
            self.blank();
            let value = self.value(below, values, depth)?;
            if let Some(below) = below {
                for &place in &below.wanted {
                    values[place] = Some(value);
                }
                if let Some(unknown) = &mut self.unknown
                    && !below.children.is_empty()
                {
                    unknown.trail.pop();
                }
            }
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("a comma or a closing brace was expected")),
            }
            self.blank();
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), NotJson> {
        self.at += 1;
        self.blank();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(None, &mut [], depth)?;
            self.blank();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("a comma or a closing bracket was expected")),
            }
            self.blank();
        }
    }

    fn value(
        &mut self,
        paths: Option<&Paths>,
        values: &mut [Option<Value<'a>>],
        depth: usize,
    ) -> Result<Value<'a>, NotJson> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string().map(|(raw, escaped)| Value::Text { raw, escaped }),
            Some(b'{' | b'[') if depth >= DEPTH => Err(self.wrong("it is nested deeper than 128")),
            Some(b'{') => {
                self.object(paths, values, depth + 1)?;
                Ok(Value::Nested(&self.text[start..self.at]))
            }
            Some(b'[') => {
                self.array(depth + 1)?;
                Ok(Value::Nested(&self.text[start..self.at]))
            }
            Some(b't') => self.word(b"true", Value::True),
            Some(b'f') => self.word(b"false", Value::False),
            Some(b'n') => self.word(b"null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.wrong("a value was expected")),
        }
    }

    fn word(&mut self, word: &'static [u8], value: Value<'a>) -> Result<Value<'a>, NotJson> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.wrong("a value was expected"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        if !matches!(self.peek(), Some(b'0'..=b'9')) {
            return Err(self.wrong("a digit was expected"));
        }
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Result<Value<'a>, NotJson> {
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

    fn string(&mut self) -> Result<(&'a [u8], bool), NotJson> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
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
                Some(0..=0x1F) => return Err(self.wrong("a control character stands in a text")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("a text is not closed")),
            }
        }
    }

    /// Steps over one escape, and over both halves of a surrogate pair.
    fn escape(&mut self) -> Result<(), NotJson> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at<'a>(text: &'a str, path: &str) -> Result<Option<Value<'a>>, NotJson> {
        let mut paths = Paths::default();
        paths.add(path, 0);
        let mut values = [None];
        read(text.as_bytes(), &paths, &mut values, &mut Vec::new(), None)?;
        Ok(values[0])
    }

    #[test]
    fn a_key_that_no_path_names_is_noted_once_and_not_below_what_is_wanted_whole() {
        let mut paths = Paths::default();
        paths.add("id", 0);
        paths.add("customer.email", 1);
        paths.add("cart", 2);
        paths.add("cart.total", 3);
        paths.pass_over("trace");
        let mut unknown = Unknown::default();
        for (line, text) in [
            r#"{"id": 1, "customer": {"email": "a", "phone": {"home": 1}}, "cart": {"total": 1, "lines": []}}"#,
            r#"{"id": 2, "customer": {"phone": null}, "trace": {"x": 1}, "tags": [{"y": 1}], "customer2": 1}"#,
        ]
        .into_iter()
        .enumerate()
        {
            unknown.line = line as i64 + 1;
            read(text.as_bytes(), &paths, &mut [None; 4], &mut Vec::new(), Some(&mut unknown)).unwrap();
        }
        let keys: Vec<(&str, i64)> = unknown.keys.iter().map(|(key, line)| (key.as_str(), *line)).collect();
        assert_eq!(keys, [("customer.phone", 1), ("tags", 2), ("customer2", 2)]);
    }

    #[test]
    fn a_path_leads_to_its_value() {
        let text =
            r#" {"id": 12.50, "customer": {"email": "a\u00e9\n", "tags": ["x", {"y": 1}]}, "ok": true} "#;
        assert_eq!(at(text, "id"), Ok(Some(Value::Number(b"12.50"))));
        assert_eq!(at(text, "ok"), Ok(Some(Value::True)));
        assert_eq!(at(text, "customer.tags"), Ok(Some(Value::Nested(br#"["x", {"y": 1}]"#))));
        assert_eq!(at(text, "customer.name"), Ok(None));
        let Ok(Some(Value::Text { raw, escaped: true })) = at(text, "customer.email") else { panic!() };
        assert_eq!(unescape(raw, &mut Vec::new()), "aé\n".as_bytes());
        assert_eq!(at(r#"{"a":1,"a":2}"#, "a"), Ok(Some(Value::Number(b"2"))));
        assert_eq!(at(r#"{"\u0061":1}"#, "a"), Ok(Some(Value::Number(b"1"))));
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for wrong in [
            "",
            "[]",
            "1",
            "{",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":NaN}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":1} {}",
            "{\"a\":\"\t\"}",
        ] {
            assert!(at(wrong, "a").is_err(), "{wrong}");
        }
        assert!(at(&format!("{{\"a\":{}", "[".repeat(100_000)), "a").is_err());
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            "(?s).{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                proptest::collection::btree_map("(?s).{0,4}", inner, 0..5)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn values_are_those_of_serde_json(value in json()) {
            let text = serde_json::json!({ "before": [], "a": value, "z": 0 }).to_string();
            let found = at(&text, "a").unwrap().unwrap();
            let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
            let read: serde_json::Value = match found {
                Value::Null => serde_json::Value::Null,
                Value::True => true.into(),
                Value::False => false.into(),
                Value::Number(raw) | Value::Nested(raw) => serde_json::from_slice(raw).unwrap(),
                Value::Text { raw, .. } => String::from_utf8(unescape(raw, &mut Vec::new()).to_vec()).unwrap().into(),
            };
            prop_assert_eq!(&read, &expected["a"]);
        }

        #[test]
        fn what_serde_json_refuses_is_refused(text in r#"[{}\[\]",:a-c0-9.\\utrefalsn -]{0,24}"#) {
            let text = format!("{{\"a\":{text}}}");
            // Numbers too large for a double are an error there only.
            let expected = serde_json::from_str::<serde_json::Value>(&text);
            let out_of_range = expected.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
            prop_assert!(out_of_range || expected.is_ok() == at(&text, "a").is_ok(), "{}", text);
        }

        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut paths = Paths::default();
            paths.add("a.b", 0);
            let _ = read(&text, &paths, &mut [None], &mut Vec::new(), Some(&mut Unknown::default()));
        }
    }
}
