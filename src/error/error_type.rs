//! The error itself: its family, places, cause and hint, and how it is shown.

use std::error::Error as StdError;
use std::fmt;

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

    /// Adds the place that surrounds the places already known: `step mart.segments`, `a.toml:12`.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        let place = shown(place.into());
        for error in &mut self.0.also {
            error.0.places.insert(0, place.clone());
        }
        self.0.places.insert(0, place);
        self
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

    /// All errors of one look as one; `Ok` when there are none.
    pub fn all(errors: Vec<Error>) -> Result<()> {
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
        let mut said = error.message.clone();
        while let Some(c) = cause {
            let text = shown(c.to_string());
            // Wrapped errors often repeat what they wrap.
            if !said.contains(&text) {
                write!(f, "\n  because {}", text.trim_end().replace('\n', "\n    "))?;
                said.push_str(&text);
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
