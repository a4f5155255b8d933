//! Removes the text of refused records that contain an erased person's identifiers.
//!
//! A record is searched in three ways: the values that its source's declaration finds in it; the text between
//! any two separators, as written and with escapes resolved; and the text around every `@`, since an address
//! may contain separators. Only hashes of the identifiers are known, so each of these is hashed and looked
//! up.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray};
use percent_encoding::percent_decode_str;

use crate::error::{Context, Error, Result};
use crate::normal_form::normal;
use crate::ops::suppressions::Suppressions;
use crate::source::{Source, is_cut};

/// What is between the values of a record, in CSV and in JSON alike.
const BETWEEN: [char; 11] = [';', ',', '\t', '|', '"', '\'', '{', '}', ':', '\n', '\r'];
/// How many words of a text, with what is between them, are tried as one value.
const WORDS: usize = 4;
/// The same of an address, before its `@` and after it.
const ADDRESS_WORDS: usize = 8;
/// The longest value that is tried, in bytes: an address has at most 254.
const VALUE_BYTES: usize = 320;
/// A shorter value of another kind than the source's own may be anything.
const DISTINCTIVE_CHARACTERS: usize = 5;
/// The same of digits alone: a shorter number may be an amount or a count.
const DISTINCTIVE_DIGITS: usize = 7;

/// What refused records are compared with.
pub struct RecordSearch<'a> {
    sources: BTreeMap<&'a str, &'a Source>,
    /// Kinds of which any value is distinctive, however short.
    own: BTreeSet<&'a str>,
    others: Vec<&'a str>,
    list: &'a Suppressions,
}

/// How many refused records lost their text, or would.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlankedRecords {
    /// They name an erased person.
    pub named: u64,
    /// Only their beginning was stored: the rest may have contained an identifier.
    pub cut: u64,
}

impl<'a> RecordSearch<'a> {
    /// Searches by the declarations of these sources for values of every kind on the list; short ones count
    /// where their kind is one of `own`.
    pub fn new(
        sources: impl IntoIterator<Item = &'a Arc<Source>>,
        own: &'a BTreeSet<String>,
        list: &'a Suppressions,
    ) -> Self {
        RecordSearch {
            sources: sources.into_iter().map(|source| (source.name.as_str(), source.as_ref())).collect(),
            own: own.iter().map(String::as_str).collect(),
            others: list.kinds().iter().filter(|kind| !own.contains(*kind)).map(String::as_str).collect(),
            list,
        }
    }

    /// Returns a batch of refused records, whose `record` is null where it names somebody of the list, and
    /// how many that are. Place and reason stay.
    ///
    /// # Errors
    /// A batch without the records or their sources.
    pub fn without_records(&self, batch: &RecordBatch) -> Result<(RecordBatch, BlankedRecords)> {
        let damaged = || Error::failed("refused records came without their text");
        let place = batch.schema().index_of("record").map_err(|_| damaged())?;
        let records = batch.column(place).as_string_opt::<i32>().ok_or_else(damaged)?;
        let sources = batch.column_by_name("source").and_then(|column| column.as_string_opt::<i32>());
        let sources = sources.ok_or_else(damaged)?;
        let mut blanked = BlankedRecords::default();
        let kept: StringArray = records
            .iter()
            .zip(sources)
            .map(|(record, source)| {
                let record = record?;
                if self.names(record, source.unwrap_or_default()) {
                    blanked.named += 1;
                    None
                } else if is_cut(record) {
                    blanked.cut += 1;
                    None
                } else {
                    Some(record)
                }
            })
            .collect();
        let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
        columns[place] = Arc::new(kept);
        let batch = RecordBatch::try_new(batch.schema(), columns).doing("remove erased persons")?;
        Ok((batch, blanked))
    }

    fn names(&self, record: &str, source: &str) -> bool {
        let mut tried = HashSet::new();
        let values = self.sources.get(source).map(|source| source.values_of_record(record));
        let values = values.unwrap_or_default();
        let spellings = spellings(record);
        let texts = || values.iter().map(String::as_str).chain(spellings.iter().map(|text| &**text));
        values.iter().any(|value| self.is_listed(value, &mut tried))
            || spellings.iter().flat_map(|text| text.split(BETWEEN)).any(|value| {
                self.is_listed(value, &mut tried)
                    || value.split_whitespace().any(|word| self.is_listed(word, &mut tried))
            })
            || texts().any(|text| self.has_listed_part(text, &mut tried))
    }

    /// Returns whether the value, of whatever kind, is on the list.
    fn is_listed(&self, value: &str, tried: &mut HashSet<String>) -> bool {
        if value.is_empty() || value.len() > VALUE_BYTES {
            return false;
        }
        let normal = normal(value);
        if normal.is_empty() || tried.contains(&normal) {
            return false;
        }
        let telling = is_distinctive(&normal);
        let kinds = self.own.iter().chain(self.others.iter().filter(|_| telling));
        let known = kinds.into_iter().any(|kind| self.list.holds(kind, value));
        tried.insert(normal);
        known
    }

    /// Returns whether a part of the text is on the list: words in a row, or an address. Of a part only what
    /// is distinctive counts: a card `12` is not the day of a date.
    fn has_listed_part(&self, text: &str, tried: &mut HashSet<String>) -> bool {
        let word_ranges = word_ranges(text);
        let mut is_listed = |part: &str| is_distinctive(part) && self.is_listed(part, tried);
        for (first, word) in word_ranges.iter().enumerate() {
            let start = word.start;
            for last in word_ranges.iter().skip(first).take(WORDS) {
                let part = &text[start..last.end];
                // An address is looked for below. `+33 6 12 34 56 78`
                let signed = text[..start].ends_with('+');
                if !part.contains('@') && (is_listed(part) || signed && is_listed(&text[start - 1..last.end]))
                {
                    return true;
                }
            }
        }
        // `ada@example.org` is not part of another's `x.ada@example.org.uk`.
        let goes_on =
            |at: usize| text[at..].starts_with(['.', '-']) && text[at + 1..].starts_with(is_of_word);
        let began = |at: usize| text[..at].ends_with(['.', '-', '+']) && text[..at - 1].ends_with(is_of_word);
        text.match_indices('@').any(|(at, _)| {
            let behind = word_ranges.partition_point(|word| word.start < at);
            word_ranges[..behind].iter().rev().take(ADDRESS_WORDS).filter(|word| !began(word.start)).any(
                |first| {
                    let ends =
                        word_ranges[behind..].iter().take(ADDRESS_WORDS).filter(|word| !goes_on(word.end));
                    ends.into_iter().any(|last| is_listed(&text[first.start..last.end]))
                },
            )
        })
    }
}

/// Returns whether a value is long enough to identify a person by itself.
fn is_distinctive(value: &str) -> bool {
    let length = value.chars().count();
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
    length >= if is_number { DISTINCTIVE_DIGITS } else { DISTINCTIVE_CHARACTERS }
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the ranges of words: letters and digits without a break.
fn word_ranges(text: &str) -> Vec<Range<usize>> {
    let mut word_ranges: Vec<Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| is_of_word(*c)) {
        let end = at + c.len_utf8();
        match word_ranges.last_mut() {
            Some(word) if word.end == at => word.end = end,
            _ => word_ranges.push(at..end),
        }
    }
    word_ranges
}

/// Returns the text, and the text with its escapes resolved: `\u0040`, `%40`, `&#64;`.
fn spellings(text: &str) -> Vec<Cow<'_, str>> {
    let mut spellings = vec![Cow::Borrowed(text)];
    for (sign, resolve) in
        [('\\', unescaped as fn(&str) -> String), ('%', percent_decoded), ('&', without_entities)]
    {
        if text.contains(sign) {
            spellings.push(Cow::Owned(resolve(text)));
        }
    }
    spellings
}

/// Returns the text with backslash escapes resolved, as in JSON and database dumps.
fn unescaped(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('\\') {
        resolved.push_str(before);
        let escaped = behind.chars().next();
        let number = behind.strip_prefix(['u', 'x']).and_then(|digits| {
            let length = if behind.starts_with('u') { 4 } else { 2 };
            let code = u32::from_str_radix(digits.get(..length)?, 16).ok()?;
            Some((char::from_u32(code)?, &digits[length..]))
        });
        match (number, escaped) {
            (Some((c, behind)), _) => {
                resolved.push(c);
                rest = behind;
            }
            (None, Some(c)) => {
                resolved.push(if matches!(c, 'n' | 't' | 'r') { ' ' } else { c });
                rest = &behind[c.len_utf8()..];
            }
            (None, None) => rest = "",
        }
    }
    resolved + rest
}

fn percent_decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn without_entities(text: &str) -> String {
    const NAMED: [(&str, char); 6] =
        [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\''), ("commat", '@')];
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('&') {
        resolved.push_str(before);
        let entity = behind.split_once(';').and_then(|(name, behind)| {
            let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => digits.parse().ok(),
            });
            let named = || NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
            Some((number.and_then(char::from_u32).or_else(named)?, behind))
        });
        let (c, behind) = entity.unwrap_or(('&', behind));
        resolved.push(c);
        rest = behind;
    }
    resolved + rest
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;

    use super::*;
    use crate::ops::Identifier;
    use crate::ops::suppressions::list_of;

    fn source(declared: &str) -> Source {
        let declared: crate::source::SourceDeclaration =
            toml::from_str(&format!("path = \"x\"\n{declared}\ncolumns = {{ a = \"text\" }}")).unwrap();
        declared.check("shop").unwrap()
    }

    /// Returns whether the record keeps its text when these identifiers are forgotten.
    fn keeps(declared: &str, identifiers: &[(&str, &str)], record: &str) -> bool {
        let source = source(declared);
        let identifiers: Vec<_> = identifiers.iter().map(|(kind, v)| Identifier::new(kind, v)).collect();
        let list = list_of(&identifiers);
        let own = BTreeSet::from(["card".to_owned()]);
        let column = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("source", column("shop"), true),
            ("record", column(record), true),
        ])
        .unwrap();
        let (kept, blanked) =
            RecordSearch::new([&Arc::new(source)], &own, &list).without_records(&batch).unwrap();
        let keeps = kept.column(1).is_valid(0);
        assert_eq!(blanked.named + blanked.cut, u64::from(!keeps));
        keeps
    }

    const CSV: &str = "format = \"csv\"\ndelimiter = \";\"";
    const JSON: &str = "format = \"jsonl\"";

    #[test]
    fn a_record_that_names_them_loses_its_text() {
        let ada = [("email", "ada.o'brien@example.org"), ("card", "K7")];
        for (declared, record) in [
            (CSV, "7;Ada.O'Brien@Example.org;31/02/2025"),
            (CSV, "7;ada.o'brien@example.org\t;31/02/2025"),
            (CSV, "7;K7;31/02/2025"),
            (CSV, "call ada.o'brien@example.org back;x"),
            (CSV, "7;mailto:ada.o'brien@example.org?subject=x;2"),
            (CSV, "7;\"Ada\" <ada.o'brien@example.org>;2"),
            (CSV, "7;https://x.org/?m=ada.o%27brien%40example.org;2"),
            (CSV, "7;ada.o&#39;brien&commat;example.org;2"),
            (JSON, r#"{"customer": {"email":"ada.o'brien\u0040example.org"}, "amount": "much"}"#),
            (JSON, r#"{"email":"ada.o\u0027brien@example.org","#),
            (JSON, r#"{"ada.o'brien@example.org":[{"a":1}]}"#),
            (JSON, r#"{"payload":"{\"email\":\"ada.o'brien@example.org\"}"}"#),
        ] {
            assert!(!keeps(declared, &ada, record), "{record}");
        }
        for delimiter in ["~", "^", "|", "/", "&", "#", ":", "!", "_", "-", "."] {
            let declared = format!("format = \"csv\"\ndelimiter = \"{delimiter}\"");
            for value in ["K7", "lone@example"] {
                let record = ["1", value, "x"].join(delimiter);
                assert!(!keeps(&declared, &[("card", "K7"), ("email", "lone@example")], &record), "{record}");
            }
        }
    }

    #[test]
    fn whom_it_does_not_name_it_keeps() {
        let ada = [("email", "ada@example.org"), ("account", "12"), ("record", "700123"), ("card", "K7")];
        for record in
            ["8;ada@example.org.uk;31/02/2025", "8;x.ada@example.org;x", "12;700123;x", "K7/02/2025", ""]
        {
            assert!(keeps(CSV, &ada, record), "{record}");
        }
    }

    #[test]
    fn a_kind_of_another_source_is_known_where_the_value_tells() {
        assert!(!keeps(CSV, &[("account", "A9999")], "8;A9999;x"));
        assert!(!keeps(CSV, &[("phone", "0612985347")], "8;0612985347;x"));
        assert!(!keeps(CSV, &[("phone", "+33612985347")], "8;+33612985347;x"));
    }

    #[test]
    fn of_what_was_cut_nobody_can_say() {
        let long = "x".repeat(64 * 1024);
        assert!(!keeps(CSV, &[("email", "ada@example.org")], &long));
    }
}
