//! Where in a SQL text a mistake is, and the line of the file that shows it.

use std::fmt;
use std::ops::Range;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// Characters of a line that are shown around a mistake.
const SHOWN: usize = 100;

/// A place in a SQL text: as the engine tells it, by the name that is wrong, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SqlPlace {
    /// Line, column, and how many characters; from 1, as the engine counts.
    pub at: Option<(usize, usize, usize)>,
    /// The name that is wrong: `ordered_on`, `raw.order`.
    pub name: Option<String>,
    /// The text that it is a place of, where that is known.
    pub sql: Option<String>,
    /// The text is a name or another value below this key, worth showing only in its file.
    pub value_of: Option<&'static str>,
    pub excerpt: Option<Excerpt>,
}

/// A text whose place in a file is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'e> {
    pub text: &'e str,
    /// The key below which it stands, where that is known.
    pub key: Option<&'static str>,
    /// What the error says, to choose among several that are the same.
    pub context: &'e str,
}

/// Where a SQL text is written: in a file of its own, or as a value of another file.
#[derive(Debug, Clone, PartialEq)]
pub struct SqlOrigin {
    /// As messages name it.
    path: String,
    /// The whole text of the file.
    file: String,
    /// Which byte of the file each byte of the SQL is; empty where it is the same.
    bytes: Vec<usize>,
    /// It is no file: only a place in it is worth telling.
    typed: bool,
}

/// A line of a file, with a stretch of it marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    number: usize,
    line: String,
    /// Characters before the mark, from the beginning of the line.
    before: usize,
    width: usize,
}

impl SqlPlace {
    pub fn named(name: impl Into<String>) -> Self {
        SqlPlace { name: Some(name.into()), ..SqlPlace::default() }
    }

    /// Turns a place of `planned` into one of the part that somebody wrote.
    pub fn within(&mut self, planned: &str, part: &str) {
        self.at = self.at.and_then(|(line, column, width)| {
            let begin = planned.rfind(part)?;
            let at = byte_of(planned, line, column)?.checked_sub(begin).filter(|at| *at <= part.len())?;
            let (line, column) = line_and_column(part, at);
            Some((line, column, width))
        });
        self.sql = Some(part.to_owned());
    }

    /// The bytes of the text that are meant.
    fn stretch(&self, sql: &str) -> Option<Range<usize>> {
        let given = self.at.and_then(|(line, column, width)| {
            let begin = byte_of(sql, line, column)?;
            let end = sql[begin..].char_indices().nth(width).map_or(sql.len(), |(n, _)| begin + n);
            Some(begin..end)
        });
        match &self.name {
            _ if given.is_some() => given,
            Some(name) if self.value_of.is_none() => find(sql, name),
            Some(name) => find(sql, name).or(Some(0..sql.len())),
            // Of a text that stands in another file all of it is meant.
            None => self.sql.is_some().then_some(0..sql.len()),
        }
    }
}

impl SqlOrigin {
    /// Returns the origin of a SQL text that fills a file.
    pub fn file(path: impl fmt::Display, sql: &str) -> Self {
        SqlOrigin { path: path.to_string(), file: sql.to_owned(), bytes: Vec::new(), typed: false }
    }

    /// Returns the origin of a SQL text that was typed, which messages call `name`.
    pub fn typed(name: &str, sql: &str) -> Self {
        SqlOrigin { typed: true, ..SqlOrigin::file(name, sql) }
    }

    /// Returns the origin of a SQL text that stands in a file; `bytes` says which byte of the file each of its
    /// bytes is, and where it ends.
    pub fn value(path: impl fmt::Display, file: &str, bytes: Vec<usize>) -> Self {
        SqlOrigin { path: path.to_string(), file: file.to_owned(), bytes, typed: false }
    }

    fn byte(&self, of_sql: usize) -> usize {
        if self.bytes.is_empty() {
            return of_sql;
        }
        let last = || self.bytes.last().copied().unwrap_or_default();
        self.bytes.get(of_sql).copied().unwrap_or_else(last)
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Marks the place: returns `file:line:column`, or as much of it as can be known, and the line; `None`
    /// where it is not worth showing.
    pub(super) fn locate(&self, place: &mut SqlPlace) -> Option<(String, usize)> {
        let sql = place.sql.as_deref().unwrap_or(&self.file);
        // What is wrong may stand in another file than the one it was met in.
        let is_here = !self.bytes.is_empty() || sql == self.file;
        let Some(stretch) = place.stretch(sql).filter(|_| is_here) else {
            return match self.bytes.first().map(|first| line_and_column(&self.file, *first).0) {
                Some(line) => Some((format!("{}:{line}", self.path), line)),
                None => (!self.typed).then(|| (self.path.clone(), 0)),
            };
        };
        let (begin, end) = (self.byte(stretch.start), self.byte(stretch.end));
        let (number, column) = line_and_column(&self.file, begin);
        let line = self.file.lines().nth(number - 1).unwrap_or_default().to_owned();
        let marked = self.file.get(begin..end).unwrap_or_default();
        let width = marked.lines().next().unwrap_or_default().chars().count().max(1);
        place.excerpt = Some(Excerpt { number, line, before: column - 1, width });
        Some((format!("{}:{number}:{column}", self.path), number))
    }
}

/// The line with the place marked; nothing where the SQL is not what somebody wrote.
impl fmt::Display for SqlPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut place = self.clone();
        if let (None, Some(sql), None) = (&self.excerpt, &self.sql, self.value_of) {
            let _ = SqlOrigin::file("", sql).locate(&mut place);
        }
        match &place.excerpt {
            Some(excerpt) => write!(f, "\n{excerpt}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.number.to_string();
        let line: Vec<char> = self.line.trim_end().chars().map(|c| if c == '\t' { ' ' } else { c }).collect();
        // Of a long line the part around the mark.
        let from = if line.len() <= SHOWN { 0 } else { self.before.saturating_sub(SHOWN / 2) };
        let to = line.len().min(from + SHOWN).max(from);
        let (left, right) = (if from > 0 { "…" } else { "" }, if to < line.len() { "…" } else { "" });
        let shown: String = line.get(from..to).unwrap_or_default().iter().collect();
        let before = self.before.saturating_sub(from) + left.chars().count();
        let width = self.width.min((to + 1).saturating_sub(self.before).max(1));
        write!(
            f,
            "  {number} | {left}{shown}{right}\n  {0:1$} | {0:before$}{2}",
            "",
            number.len(),
            "^".repeat(width)
        )
    }
}

/// The byte at a line and a column, both from 1; the end of the text for a place behind it.
fn byte_of(text: &str, line: usize, column: usize) -> Option<usize> {
    let (line, column) = (line.checked_sub(1)?, column.checked_sub(1)?);
    let begin = match line {
        0 => 0,
        n => text.match_indices('\n').nth(n - 1)?.0 + 1,
    };
    let rest = &text[begin..];
    Some(rest.char_indices().nth(column).map_or(text.len(), |(n, _)| begin + n))
}

fn line_and_column(text: &str, byte: usize) -> (usize, usize) {
    let before = text.get(..byte).unwrap_or(text);
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    (1 + before.matches('\n').count(), 1 + before[begin..].chars().count())
}

/// The first place of a name, whole or as the end of a qualified one.
fn find(sql: &str, name: &str) -> Option<Range<usize>> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
    let wanted: Vec<String> = name.split('.').map(|part| part.trim_matches('"').to_lowercase()).collect();
    let mut chains: Vec<(Vec<String>, Location, Location)> = Vec::new();
    let mut dotted = false;
    for TokenWithSpan { token, span } in tokens {
        match token {
            Token::Word(word) => {
                let word = word.value.to_lowercase();
                match chains.last_mut() {
                    Some(chain) if dotted => {
                        chain.0.push(word);
                        chain.2 = span.end;
                    }
                    _ => chains.push((vec![word], span.start, span.end)),
                }
                dotted = false;
            }
            Token::Period => dotted = true,
            _ => dotted = false,
        }
    }
    let whole = chains.iter().find(|(chain, ..)| *chain == wanted);
    let ending = || chains.iter().find(|(chain, ..)| chain.ends_with(&wanted) || wanted.ends_with(chain));
    let (_, begin, end) = whole.or_else(ending)?;
    let byte = |at: &Location| byte_of(sql, usize::try_from(at.line).ok()?, usize::try_from(at.column).ok()?);
    Some(byte(begin)?..byte(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(place: SqlPlace, origin: &SqlOrigin, sql: Option<&str>) -> String {
        let mut place = SqlPlace { sql: sql.map(str::to_owned), ..place };
        let (written, _) = origin.locate(&mut place).unwrap();
        match place.excerpt {
            Some(excerpt) => format!("{written}\n{excerpt}"),
            None => written,
        }
    }

    #[test]
    fn the_line_is_shown_and_the_place_marked() {
        let origin = SqlOrigin::file("a.sql", "select é,\n\tordered_on\nfrom raw.orders");
        let given = SqlPlace { at: Some((2, 2, 10)), ..SqlPlace::default() };
        assert_eq!(marked(given, &origin, None), "a.sql:2:2\n  2 |  ordered_on\n    |  ^^^^^^^^^^");
        let named = SqlPlace::named("ordered_on");
        assert_eq!(marked(named, &origin, None), "a.sql:2:2\n  2 |  ordered_on\n    |  ^^^^^^^^^^");
        assert_eq!(marked(SqlPlace::named("nowhere"), &origin, None), "a.sql");
        let end = SqlPlace { at: Some((3, 40, 1)), ..SqlPlace::default() };
        assert_eq!(marked(end, &origin, None), "a.sql:3:16\n  3 | from raw.orders\n    |                ^");
    }

    #[test]
    fn a_name_is_found_as_it_is_qualified() {
        let sql = "select o.channel, c.channel, count(*) from a.o join a.c";
        assert_eq!(find(sql, "c.channel"), Some(18..27));
        assert_eq!(find(sql, "channel"), Some(7..16));
        assert_eq!(find("select 'x' as y -- x\n, x", "x"), Some(23..24));
        assert_eq!(find(sql, "d.e"), None);
    }

    #[test]
    fn a_part_of_a_planned_text_has_places_of_its_own() {
        let mut place = SqlPlace { at: Some((2, 5, 3)), ..SqlPlace::default() };
        place.within("select 1 where (\na > bcd\n)", "a > bcd");
        assert_eq!(place.at, Some((1, 5, 3)));
        let mut rewritten = SqlPlace { at: Some((2, 5, 3)), ..SqlPlace::default() };
        rewritten.within("select 1 where (\nbase.a > bcd\n)", "t.a > bcd");
        assert_eq!(rewritten.at, None);
        assert_eq!(rewritten.sql.as_deref(), Some("t.a > bcd"));
    }

    #[test]
    fn of_a_long_line_the_part_around_the_place_is_shown() {
        let sql = format!("select {} wrong from t", "a + ".repeat(60));
        let shown = marked(SqlPlace::named("wrong"), &SqlOrigin::file("a.sql", &sql), None);
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[1].starts_with("  1 | …") && lines[1].chars().count() < 110, "{shown}");
        let at = lines[2].find('^').unwrap();
        let under: String = lines[1].chars().skip(at).take(5).collect();
        assert_eq!(under, "wrong", "{shown}");
    }

    #[test]
    fn a_value_of_another_file_has_the_places_of_that_file() {
        let file = "x = 1\nwhere = \"a > \\\"b\\\"\"\n";
        let sql = "a > \"b\"";
        let bytes = vec![15, 16, 17, 18, 19, 21, 22, 24];
        let origin = SqlOrigin::value("p.toml", file, bytes);
        let place = SqlPlace { at: Some((1, 5, 3)), ..SqlPlace::default() };
        let shown = marked(place, &origin, Some(sql));
        assert!(shown.starts_with("p.toml:2:14\n  2 | where = \"a > \\\"b\\\"\"\n"), "{shown}");
        assert_eq!(marked(SqlPlace::named("z"), &origin, Some(sql)), "p.toml:2");
    }
}
