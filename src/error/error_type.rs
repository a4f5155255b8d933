//! The error itself: its family, places, cause and hint, and how it is shown.

use std::error::Error as StdError;
use std::fmt;

use super::sql_place::{SqlOrigin, SqlPlace, Wanted};
use crate::secret::without_secrets;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The family of an error; it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A run, a query or a check failed; nothing was published.
    Failed,
    /// Wrong usage or configuration; nothing was started.
    Config,
    /// Another run holds the warehouse.
    Locked,
    /// The user or the system asked to stop.
    Interrupted,
}

impl Kind {
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Config => 2,
            Kind::Locked => 3,
            Kind::Interrupted => 130,
        }
    }
}

/// An error with its places (outermost first), its cause and a hint.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    places: Vec<String>,
    hint: Option<String>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
    /// Where in a SQL text, until or after that text's file is known.
    sql_place: Option<SqlPlace>,
    /// The file and the line that it is about.
    line: Option<(String, usize)>,
    /// Further errors found in the same look: a configuration is reported whole.
    also: Vec<Error>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            kind,
            message: shown(message.into()),
            places: Vec::new(),
            hint: None,
            cause: None,
            sql_place: None,
            line: None,
            also: Vec::new(),
        }))
    }

    /// Returns a run, query or check that failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// Returns a configuration or a command line that cannot be obeyed.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    /// Adds the place that surrounds the places already known: `step mart.segments`, `a.toml:12`. The innermost
    /// line of a file decides its order among others.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        let place = shown(place.into());
        if let Some((file, line)) = file_and_line(&place) {
            self.each(&mut |error| {
                error.line.get_or_insert_with(|| (file.to_owned(), line));
            });
        }
        for error in &mut self.0.also {
            error.0.places.insert(0, place.clone());
        }
        self.0.places.insert(0, place);
        self
    }

    /// Adds the place `file:line` in a file, or the file alone.
    #[must_use]
    pub fn at_line(mut self, file: &str, line: Option<usize>) -> Self {
        self.each(&mut |error| {
            error.line.get_or_insert_with(|| (file.to_owned(), line.unwrap_or(0)));
        });
        self.at(line.map_or_else(|| file.to_owned(), |line| format!("{file}:{line}")))
    }

    /// Says which name of a SQL text is wrong, so that its place is found.
    #[must_use]
    pub fn about(mut self, name: impl fmt::Display) -> Self {
        self.0.sql_place.get_or_insert_with(|| SqlPlace::named(name.to_string()));
        self
    }

    pub(super) fn with_sql_place(mut self, place: Option<SqlPlace>) -> Self {
        if self.0.sql_place.is_none() {
            self.0.sql_place = place;
        }
        self
    }

    /// Says that the SQL which the error is about is `part` of what was planned, perhaps rewritten.
    #[must_use]
    pub fn in_part(mut self, planned: &str, part: &str) -> Self {
        self.each(&mut |error| {
            let place = error.sql_place.get_or_insert_default();
            if place.sql.is_none() {
                place.within(planned, part);
            }
        });
        self
    }

    /// Says which value of the pipeline file the error is about, and below which key it stands: the name of a
    /// column in `columns`, for example.
    #[must_use]
    pub fn in_value(mut self, key: &'static str, value: &str) -> Self {
        let sql = Some(value.to_owned());
        let place = self.0.sql_place.take().unwrap_or_default();
        // A place in SQL that nobody wrote says nothing.
        self.0.sql_place = Some(SqlPlace { sql, value_of: Some(key), at: None, ..place });
        self
    }

    /// Adds the place where the SQL text is written: `file:line:column`, and the line with the place marked.
    #[must_use]
    pub fn in_sql(mut self, origin: &SqlOrigin) -> Self {
        self.each(&mut |error| {
            let place = error.sql_place.get_or_insert_default();
            if let Some((written, line)) = origin.locate(place) {
                error.places.insert(0, shown(written));
                error.line.get_or_insert_with(|| (origin.path().to_owned(), line));
            }
        });
        self
    }

    /// The same where `origin` finds the SQL text, by itself and by what the error tells.
    #[must_use]
    pub fn in_sql_of(mut self, origin: &dyn Fn(Wanted<'_>) -> Option<SqlOrigin>) -> Self {
        self.each(&mut |error| {
            let context = format!("{} {}", error.message, error.places.join(" "));
            let Some(place) = error.sql_place.as_mut().filter(|place| place.excerpt.is_none()) else {
                return;
            };
            if let Some(origin) = place
                .sql
                .as_deref()
                .and_then(|text| origin(Wanted { text, key: place.value_of, context: &context }))
                && let Some((written, line)) = origin.locate(place)
            {
                error.places.insert(0, shown(written));
                error.line = Some((origin.path().to_owned(), line));
            }
        });
        self
    }

    /// Returns the SQL text of a file that the error is about, as long as its place there is not known.
    pub fn unplaced_sql(&self) -> Option<&str> {
        let place = self.0.sql_place.as_ref().filter(|place| place.excerpt.is_none())?;
        place.sql.as_deref()
    }

    /// Says where in a SQL text it is: line and column, from 1, and how many characters.
    #[must_use]
    pub fn at_sql(mut self, line: u64, column: u64, width: usize) -> Self {
        let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        let at = Some((number(line), number(column), width));
        self.0.sql_place.get_or_insert(SqlPlace { at, ..SqlPlace::default() });
        self
    }

    pub(super) fn sql_place(&self) -> Option<&SqlPlace> {
        self.0.sql_place.as_ref()
    }

    /// Changes this error and those found beside it.
    fn each(&mut self, change: &mut dyn FnMut(&mut Inner)) {
        change(&mut self.0);
        for error in &mut self.0.also {
            error.each(change);
        }
    }

    /// Adds a hint at the fix; the one nearest to the cause wins.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint.get_or_insert_with(|| shown(hint.into()));
        self
    }

    /// Adds a cause whose own words may be shown.
    pub(super) fn with_cause(mut self, cause: Box<dyn StdError + Send + Sync>) -> Self {
        self.0.cause = Some(cause);
        self
    }

    /// Adds a cause in words.
    pub(super) fn with_cause_in_words(self, words: String) -> Self {
        self.with_cause(shown(words).into())
    }

    /// Makes all errors of one look one; `Ok` when there are none. One mistake that was met twice is one.
    ///
    /// # Errors
    /// All of them as one, the first with the others beside it.
    pub fn all(mut errors: Vec<Error>) -> Result<()> {
        let mut seen: Vec<(String, SqlPlace)> = Vec::new();
        errors.retain(|error| {
            let Some(place) = error.0.sql_place.as_ref().filter(|place| place.excerpt.is_some()) else {
                return true;
            };
            let mistake = (error.0.message.clone(), place.clone());
            let is_new = !seen.contains(&mistake);
            if is_new {
                seen.push(mistake);
            }
            is_new
        });
        let mut errors = errors.into_iter();
        match errors.next() {
            None => Ok(()),
            Some(mut first) => {
                for mut error in errors {
                    let also = std::mem::take(&mut error.0.also);
                    first.0.also.push(error);
                    first.0.also.extend(also);
                }
                Err(first)
            }
        }
    }

    /// Makes all errors of one look one, in the order of the lines of their files, those of `first` before the
    /// others; `Ok` when there are none.
    ///
    /// # Errors
    /// All of them as one.
    pub fn all_by_line(errors: Vec<Error>, first: &str) -> Result<()> {
        let mut single = Vec::new();
        for mut error in errors {
            let also = std::mem::take(&mut error.0.also);
            single.push(error);
            single.extend(also);
        }
        let order = |error: &Error| match &error.0.line {
            Some((file, line)) => (file != first, file.clone(), *line),
            None => (true, String::new(), 0),
        };
        single.sort_by_key(order);
        Error::all(single)
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the hint.
    pub(super) fn hint_text(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Returns the error as it is shown without its hint.
    pub(super) fn without_hint(&self) -> impl fmt::Display + '_ {
        WithoutHint(&self.0)
    }

    /// Returns how many errors this one reports.
    pub fn count(&self) -> usize {
        1 + self.0.also.iter().map(Error::count).sum::<usize>()
    }
}

/// Of `a.toml:12` the file and the line.
fn file_and_line(place: &str) -> Option<(&str, usize)> {
    let (file, line) = place.rsplit_once(':')?;
    Some((file, line.parse().ok()?)).filter(|(file, _)| !file.contains(' '))
}

/// Without what no message tells.
fn shown(text: String) -> String {
    match without_secrets(&text) {
        std::borrow::Cow::Borrowed(_) => text,
        std::borrow::Cow::Owned(error_text) => error_text,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.without_hint().fmt(f)?;
        if let Some(place) = &self.0.sql_place {
            f.write_str(&shown(place.to_string()))?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        for error in &self.0.also {
            write!(f, "\nerror: {error}")?;
        }
        Ok(())
    }
}

/// An error without its hint and without those found beside it.
struct WithoutHint<'e>(&'e Inner);

impl fmt::Display for WithoutHint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WithoutHint(error) = self;
        write!(f, "{}", error.message)?;
        if !error.places.is_empty() {
            write!(f, "\n  in {}", error.places.join(" › "))?;
        }
        let mut cause = error.cause.as_ref().map(|c| &**c as &dyn StdError);
        let mut chain = error.message.clone();
        while let Some(c) = cause {
            let text = shown(c.to_string());
            // Wrapped errors often repeat what they wrap.
            if !chain.contains(&text) {
                write!(f, "\n  because {}", text.trim_end().replace('\n', "\n    "))?;
                chain.push_str(&text);
            }
            cause = c.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl StdError for Error {}
