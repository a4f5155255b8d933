//! What the engine says of SQL that it cannot plan: what is wrong, at which place, what was perhaps meant.
//!
//! Such errors know names and types alone, no row values, and are shown as they are.

use std::borrow::Cow;

use arrow::datatypes::DataType;
use datafusion::common::{Column, Diagnostic, SchemaError};
use datafusion::sql::sqlparser::parser::ParserError;

use super::sql_place::SqlPlace;
use crate::sql_type::sql_type;
use crate::suggestion::{did_you_mean, did_you_mean_or_list};

/// A cause in words, with a hint and the place, where they are known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub text: String,
    pub hint: Option<Cow<'static, str>>,
    pub place: Option<SqlPlace>,
}

impl Found {
    fn plain(text: impl Into<String>) -> Self {
        Found { text: text.into(), hint: None, place: None }
    }

    fn named(self, name: &str) -> Self {
        Found { place: Some(SqlPlace::named(name)), ..self }
    }

    fn hint(self, hint: Option<String>) -> Self {
        Found { hint: hint.map(Into::into), ..self }
    }

    /// With the place that the engine gives, if it gives one.
    pub fn at(mut self, diagnostic: &Diagnostic) -> Self {
        if let Some(span) = diagnostic.span {
            let width = match span.start.line == span.end.line {
                true => span.end.column.saturating_sub(span.start.column).max(1),
                false => u64::MAX,
            };
            let place = self.place.get_or_insert_default();
            let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            place.at.get_or_insert((number(span.start.line), number(span.start.column), number(width)));
        }
        self
    }
}

/// Returns what a text that does not parse lacks.
pub(super) fn parsing(error: &ParserError) -> Found {
    let text = match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => text,
        ParserError::RecursionLimitExceeded => return Found::plain("it is nested too deep"),
    };
    let Some((message, place)) = text.rsplit_once(" at Line: ") else { return Found::plain(text) };
    let number = |text: &str| text.trim().parse::<usize>().ok();
    let at = place.split_once(", Column: ").and_then(|(line, column)| Some((number(line)?, number(column)?)));
    match at {
        Some((line, column)) => {
            let found = message.rsplit_once("found: ").map_or(1, |(_, found)| found.chars().count().max(1));
            let width = if message.ends_with("found: EOF") { 1 } else { found };
            let place = SqlPlace { at: Some((line, column, width)), ..SqlPlace::default() };
            Found { place: Some(place), ..Found::plain(message) }
        }
        None => Found::plain(text),
    }
}

/// Returns what is wrong with the names of columns.
pub(super) fn schema(error: &SchemaError) -> Found {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let name = field.quoted_flat_name();
            let found = Found::plain(format!("there is no column `{name}`")).named(&name);
            let known = names(valid_fields, field.relation.is_some());
            let listed = || did_you_mean_or_list(&name, known.iter().map(String::as_str), "the columns are");
            let found = if known.is_empty() { found } else { found.hint(Some(listed())) };
            match field.spans().first() {
                Some(span) => found.at(&Diagnostic::new_error("", Some(span))),
                None => found,
            }
        }
        SchemaError::AmbiguousReference { field } => {
            let name = field.quoted_flat_name();
            let found = Found::plain(format!("`{name}` could be a column of several tables")).named(&name);
            found.hint(Some(format!("write the table before the name: o.{}", field.name())))
        }
        other => Found::plain(other.to_string()),
    }
}

/// The columns as they would be written: without their table, unless that was written or several have one of
/// that name.
fn names(columns: &[Column], qualified: bool) -> Vec<String> {
    let repeats =
        |column: &Column| columns.iter().any(|o| o.name == column.name && o.relation != column.relation);
    let written = |column: &Column| match qualified || repeats(column) {
        true => column.quoted_flat_name(),
        false => Column::new_unqualified(&column.name).quoted_flat_name(),
    };
    let mut names: Vec<String> = Vec::new();
    for name in columns.iter().map(written) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Without the engine's names for the phase that found it.
fn without_phase(text: &str) -> &str {
    let mut text = text.trim();
    for _ in 0..4 {
        for prefix in [
            "Error during planning: ",
            "Schema error: ",
            "Execution error: ",
            "Internal error: ",
            "This feature is not implemented: ",
        ] {
            text = text.strip_prefix(prefix).unwrap_or(text);
        }
    }
    text
}

/// Returns what the engine says while planning, without its names for the phase that found it.
pub(super) fn plan(text: &str) -> Found {
    let text = without_phase(text);
    if let Some((function, meant)) = unknown_function(text) {
        return Found::plain(format!("there is no function `{function}`"))
            .named(function)
            .hint(did_you_mean(function, [meant]));
    }
    if let Some((called, forms)) = wrong_arguments(text) {
        let function = called.split('(').next().unwrap_or_default();
        // A function that looks at its arguments itself says best what is wrong with them.
        if let Some(own) = between(text, "user-defined coercion failed with: ", "No function matches") {
            let own = without_phase(own.trim_end().trim_end_matches('.'));
            return Found::plain(in_sql_words(own)).named(function);
        }
        return Found::plain(format!("`{}` is no form of {function}()", in_sql_words(called)))
            .named(function)
            .hint(Some(format!("its forms are {}", forms.join(", "))));
    }
    if let Some(column) = between(text, "column \"", "\" must appear in the GROUP BY") {
        return Found::plain(format!("`{column}` is neither grouped by nor within an aggregate"))
            .named(column.trim_matches('"'))
            .hint(Some("add it to `group by`, or take one of each group, for example max(…)".to_owned()));
    }
    if let Some(kind) = text.strip_prefix("Unsupported SQL type ") {
        return Found::plain(format!("there is no type `{kind}`"))
            .named(kind)
            .hint(did_you_mean(kind, TYPES));
    }
    if let Some(table) = text.strip_prefix("Invalid qualifier ") {
        return Found::plain(format!("there is no table or alias `{table}`")).named(table);
    }
    if let Some(kinds) = between(text, "Cannot coerce arithmetic expression ", " to valid types") {
        let message = format!("`{}` cannot be computed", in_sql_words(kinds));
        return Found::plain(message).hint(Some("cast one of the two".to_owned()));
    }
    let text =
        text.replace("No field named", "there is no column").replace("Valid fields are", "The columns are");
    Found::plain(in_sql_words(&text))
}

/// Types that a cast may name.
const TYPES: [&str; 14] = [
    "bigint",
    "boolean",
    "bytea",
    "date",
    "decimal",
    "double",
    "float",
    "int",
    "integer",
    "interval",
    "text",
    "time",
    "timestamp",
    "varchar",
];
/// Forms of a function that a hint names.
const MOST_FORMS: usize = 6;

/// Of a function that is called with other arguments than it takes: the call by its types, and its forms.
fn wrong_arguments(text: &str) -> Option<(&str, Vec<String>)> {
    let (head, forms) = text.split_once("Candidate functions:")?;
    let called = between(head, "argument types '", "'.")?;
    let forms = forms.lines().map(str::trim).filter(|form| !form.is_empty());
    Some((called, forms.take(MOST_FORMS).map(|form| in_sql_words(form).to_lowercase()).collect()))
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// With the engine's names of types as SQL calls them: `Utf8` is text.
pub(super) fn in_sql_words(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text;
    while let Some(begin) = rest.find(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        words.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let name = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        // `Timestamp(ns)`, `Decimal128(10, 2)`, `List(Utf8)`.
        let whole =
            rest[name..].starts_with('(').then(|| closing(&rest[name..]).map(|end| name + end)).flatten();
        let kind = |end: usize| rest.get(..end)?.parse::<DataType>().ok().map(|kind| (sql_type(&kind), end));
        let is_type = rest.starts_with(|c: char| c.is_ascii_uppercase());
        let (word, end) = whole
            .and_then(kind)
            .or_else(|| kind(name))
            .filter(|_| is_type)
            .unwrap_or_else(|| (rest[..name].to_owned(), name));
        words.push_str(&word);
        rest = &rest[end..];
    }
    words.push_str(rest);
    words
}

/// The place behind the bracket that closes the first one.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return Some(at + 1),
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// Of `Invalid function 'f'.\nDid you mean 'g'?` both names.
fn unknown_function(text: &str) -> Option<(&str, &str)> {
    let (function, rest) = text.strip_prefix("Invalid function '")?.split_once("'.")?;
    let meant = rest.trim().strip_prefix("Did you mean '")?.strip_suffix("'?")?;
    Some((function, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_at_the_end_of_a_sentence_is_taken_from_it() {
        let found =
            parsing(&ParserError::ParserError("Expected: end, found: . at Line: 3, Column: 15".into()));
        assert_eq!(found.text, "Expected: end, found: .");
        assert_eq!(found.place.unwrap().at, Some((3, 15, 1)));
    }

    #[test]
    fn a_column_that_is_not_there_is_told_with_the_nearest() {
        let field = |name: &str| Box::new(Column::from_qualified_name(name));
        let valid_fields: Vec<Column> = ["o.ordered_at", "o.channel", "p.channel", "p.\"Name\""]
            .into_iter()
            .map(Column::from_qualified_name)
            .collect();
        let shown = |name: &str| {
            let found = schema(&SchemaError::FieldNotFound {
                field: field(name),
                valid_fields: valid_fields.clone(),
            });
            format!("{}; {}", found.text, found.hint.unwrap_or_default())
        };
        assert_eq!(shown("ordered_on"), "there is no column `ordered_on`; did you mean `ordered_at`?");
        assert_eq!(
            shown("c.channel"),
            "there is no column `c.channel`; did you mean `o.channel` or `p.channel`?"
        );
        assert_eq!(shown("name"), "there is no column `name`; did you mean `\"Name\"`?");
        assert_eq!(
            shown("zzz"),
            "there is no column `zzz`; the columns are ordered_at, o.channel, p.channel, \"Name\""
        );
    }

    #[test]
    fn a_function_that_is_not_there_is_told_in_one_line() {
        let found = plan("Error during planning: Invalid function 'date_trunk'.\nDid you mean 'date_trunc'?");
        assert_eq!(found.text, "there is no function `date_trunk`");
        assert_eq!(found.hint.unwrap(), "did you mean `date_trunc`?");
        assert!(plan("Invalid function 'margin'.\nDid you mean 'min'?").hint.is_none());
    }

    #[test]
    fn what_a_function_takes_is_told_in_one_line() {
        let found = plan(
            "Error during planning: Function 'abs' expects 1 arguments but received 2. No function matches the given \
             name and argument types 'abs(Utf8, Int64)'. You might need to add explicit type casts.\n\
             \tCandidate functions:\n\tabs(Numeric(1))",
        );
        assert_eq!(found.text, "`abs(text, integer)` is no form of abs()");
        assert_eq!(found.hint.unwrap(), "its forms are abs(numeric(1))");
        let own = plan(
            "Function 'local_day' user-defined coercion failed with: Error during planning: local_day takes an \
             instant, found a date. No function matches the given name and argument types 'local_day(Date32)'. You \
             might need to add explicit type casts.\n\tCandidate functions:\n\tlocal_day(UserDefined)",
        );
        assert_eq!(own.text, "local_day takes an instant, found a date");
    }

    #[test]
    fn types_in_messages_are_called_as_sql_calls_them() {
        assert_eq!(
            in_sql_words("Date32 + Utf8, \"Decimal128(10, 2)\", Timestamp(µs, \"UTC\") and Date of Mine"),
            "date + text, \"decimal(10,2)\", timestamp and Date of Mine"
        );
        let coerced = plan("Cannot coerce arithmetic expression Utf8 + Date32 to valid types");
        assert_eq!(coerced.text, "`text + date` cannot be computed");
        let group = plan(
            "Column in SELECT must be in GROUP BY or an aggregate function: While expanding wildcard, column \
             \"o.channel\" must appear in the GROUP BY clause or must be part of an aggregate function",
        );
        assert_eq!(group.text, "`o.channel` is neither grouped by nor within an aggregate");
        assert_eq!(plan("Unsupported SQL type intt").hint.unwrap(), "did you mean `int`?");
    }
}
