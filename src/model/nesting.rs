//! Limits how deep a SQL text may be nested before it is parsed.
//!
//! If a special form (`cast(…`, `case …`) does not parse, the parser tries it again as an ordinary name, at
//! every level: a text that is broken inside twenty of them takes it hours. So unclosed brackets are reported
//! here, with their place, and too deep nesting is refused.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};

use crate::error::{Error, Result};

/// Casts, cases and their like within each other.
const DEEPEST: usize = 14;
/// Conditions, terms, or queries, joined by operators within one pair of brackets: each lies within the
/// next, and the engine goes through them all again for each.
const LONGEST: usize = 1000;

/// What is open, and where it was opened.
struct Open {
    closer: Closer,
    at: Location,
    /// How much it adds to the depth.
    weight: usize,
}

/// How much is joined by operators within one pair of brackets.
#[derive(Default)]
struct Chain {
    /// Since the last comma: by `and`, `or`, `union`, `join` and their like.
    joined: usize,
    /// Since the last of those: by any other operator.
    operators: usize,
}

impl Chain {
    fn add(&mut self, token: &Token) {
        match token {
            Token::Comma | Token::SemiColon => *self = Chain::default(),
            Token::Word(word) => match word.keyword {
                Keyword::AND
                | Keyword::OR
                | Keyword::UNION
                | Keyword::EXCEPT
                | Keyword::INTERSECT
                | Keyword::JOIN => {
                    self.joined += 1;
                    self.operators = 0;
                }
                Keyword::NOT | Keyword::IS | Keyword::AT | Keyword::LIKE | Keyword::COLLATE => {
                    self.operators += 1;
                }
                _ => {}
            },
            Token::LBracket
            | Token::Period
            | Token::DoubleColon
            | Token::Plus
            | Token::Minus
            | Token::Mul
            | Token::Div
            | Token::Mod
            | Token::StringConcat
            | Token::Eq
            | Token::DoubleEq
            | Token::Neq
            | Token::Lt
            | Token::Gt
            | Token::LtEq
            | Token::GtEq
            | Token::Pipe
            | Token::Caret
            | Token::Ampersand
            | Token::ShiftLeft
            | Token::ShiftRight
            | Token::Arrow
            | Token::LongArrow => self.operators += 1,
            _ => {}
        }
    }
}

#[derive(PartialEq, Eq)]
enum Closer {
    Token(Token),
    End,
}

/// Refuses brackets that are not closed, and casts and cases nested too deep.
pub(super) fn require_shallow(sql: &str) -> Result<()> {
    // A text that is not SQL at all is reported by the parser.
    let Ok(tokens) = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location() else {
        return Ok(());
    };
    let mut open: Vec<Open> = Vec::new();
    let mut chains = vec![Chain::default()];
    let (mut depth, mut intervals) = (0, 0);
    let mut word: Option<Keyword> = None;
    for token in tokens {
        let at = token.span.start;
        let call = word.map_or(0, weight);
        let mut next_word = None;
        let mut opened = None;
        match &token.token {
            Token::Whitespace(_) => continue,
            Token::LParen => opened = Some((Closer::Token(Token::RParen), call)),
            Token::LBracket => opened = Some((Closer::Token(Token::RBracket), call)),
            Token::LBrace => opened = Some((Closer::Token(Token::RBrace), call)),
            Token::Word(found) => {
                next_word = Some(found.keyword);
                match found.keyword {
                    Keyword::CASE => opened = Some((Closer::End, 1)),
                    Keyword::END if open.last().is_some_and(|o| o.closer == Closer::End) => {
                        depth -= open.pop().map_or(0, |o| o.weight);
                    }
                    _ => {}
                }
            }
            closer @ (Token::RParen | Token::RBracket | Token::RBrace) => {
                // A CASE without END before the bracket may be a column's name: the parser knows.
                while open.last().is_some_and(|o| o.closer == Closer::End) {
                    depth -= open.pop().map_or(0, |o| o.weight);
                }
                if open.last().is_some_and(|o| o.closer == Closer::Token(closer.clone())) {
                    depth -= open.pop().map_or(0, |o| o.weight);
                }
            }
            _ => {}
        }
        if let Some(chain) = chains.last_mut() {
            chain.add(&token.token);
            if chain.joined > LONGEST || chain.operators > LONGEST {
                return Err(Error::config(format!("the SQL joins more than {LONGEST} conditions or terms"))
                    .at_sql(at.line, at.column, 1)
                    .hint("list values with in (…), or put them in a table and join it"));
            }
        }
        intervals = if next_word == Some(Keyword::INTERVAL) { intervals + 1 } else { 0 };
        // Of brackets and cases, which may lack their end, only brackets count here.
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => chains.push(Chain::default()),
            Token::RParen | Token::RBracket | Token::RBrace if chains.len() > 1 => {
                chains.pop();
            }
            _ => {}
        }
        if let Some((closer, weight)) = opened {
            open.push(Open { closer, at, weight });
            depth += weight;
        }
        if depth > DEEPEST || intervals > DEEPEST {
            return Err(Error::config(format!(
                "the SQL is nested too deep: more than {DEEPEST} nested casts or cases"
            ))
            .at_sql(at.line, at.column, 1)
            .hint("move the inner parts to a WITH clause"));
        }
        word = next_word;
    }
    match open.iter().find(|o| o.closer != Closer::End) {
        None => Ok(()),
        Some(Open { at, .. }) => {
            Err(Error::config("the SQL does not parse: a bracket is not closed")
                .at_sql(at.line, at.column, 1))
        }
    }
}

/// Returns what a form that the parser may try twice at every level adds to the depth.
fn weight(keyword: Keyword) -> usize {
    match keyword {
        // Tried in more ways than two.
        Keyword::POSITION => 3,
        Keyword::ARRAY
        | Keyword::CAST
        | Keyword::CEIL
        | Keyword::CEILING
        | Keyword::CONVERT
        | Keyword::EXTRACT
        | Keyword::FLOOR
        | Keyword::OVERLAY
        | Keyword::SAFE_CAST
        | Keyword::STRUCT
        | Keyword::SUBSTR
        | Keyword::SUBSTRING
        | Keyword::TRIM
        | Keyword::TRY_CAST => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_shallow_enough() {
        for sql in [
            "select ((((((((((((((((((((1))))))))))))))))))))",
            "select case when a in (1, 2) then cast(b as bigint) else case when c then 1 end end, x.end from t",
            "select '(((', \"(((\" -- (((\n from t /* ((( */",
            "select coalesce(cast(round(nullif(sum(abs(floor(f(g(1))))), 0)) as bigint), array[1, 2][1]) from t",
            "select 1)",
        ] {
            require_shallow(sql).unwrap();
        }
    }

    #[test]
    fn a_bracket_that_is_not_closed_is_reported_with_its_place() {
        let sql = "select 1,\n  cast(x as bigint from t";
        let error = require_shallow(sql).unwrap_err().in_part(sql, sql).to_string();
        assert!(error.contains("2 |   cast(x as bigint from t\n    |       ^"), "{error}");
    }

    #[test]
    fn what_is_joined_without_end_is_refused() {
        let many = |part: &str, between: &str| vec![part; 1100].join(between);
        for sql in [
            many("id = 1", " or "),
            many("id", " + "),
            many("id", "::int"),
            many("not", " "),
            many("select 1", " union all "),
            format!("a and (b or ({}))", many("id <> 1", "\nand ")),
        ] {
            let error = require_shallow(&format!("select {sql}")).unwrap_err().to_string();
            assert!(error.contains("joins more than 1000"), "{error}");
        }
        for sql in [
            format!("id in ({})", many("-1", ", ")),
            many("a + b", ", "),
            many("a.b is not null", " and ").replacen("and", ",", 200),
            format!("f({})", many("(a + b)", ", ")),
        ] {
            require_shallow(&format!("select {sql}")).unwrap();
        }
    }

    #[test]
    fn what_would_take_the_parser_hours_is_refused() {
        for part in ["cast(", "case when 1 then ", "interval ", "array[", "floor("] {
            let error = require_shallow(&format!("select {}", part.repeat(15))).unwrap_err().to_string();
            assert!(error.contains("nested too deep"), "{part}: {error}");
        }
    }
}
