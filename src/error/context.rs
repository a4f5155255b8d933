//! Turns an error of a library into ours, with what was being done and an explanation of the cause.

use std::error::Error as StdError;
use std::fmt;

use super::error_type::{Error, Kind, Result};
use super::foreign;

impl Error {
    #[must_use]
    pub fn caused_by(self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let cause = cause.into();
        match foreign::explain(cause.as_ref()) {
            Some(explanation) => {
                let error = self.with_cause_in_words(explanation.text).with_sql_place(explanation.place);
                match explanation.hint {
                    Some(hint) => error.hint(hint),
                    None => error,
                }
            }
            None => self.with_cause(cause),
        }
    }
}

/// Turns a library's error into ours, with what was being done.
pub trait Context<T> {
    /// `doing` completes the sentence "could not …".
    ///
    /// # Errors
    /// The library's error as its cause; one that is ours already stays as it is.
    fn doing(self, doing: impl fmt::Display) -> Result<T>;
}

impl<T, E: Into<Box<dyn StdError + Send + Sync>>> Context<T> for std::result::Result<T, E> {
    fn doing(self, doing: impl fmt::Display) -> Result<T> {
        self.map_err(|cause| {
            let cause = cause.into();
            match cause.downcast::<Error>() {
                // Ours already: it knows better than its wrapper.
                Ok(error) => *error,
                Err(cause) => {
                    let kind =
                        foreign::explain(cause.as_ref()).map_or(Kind::Failed, |explanation| explanation.kind);
                    Error::new(kind, format!("could not {doing}")).caused_by(cause)
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_from_what_to_where_to_why_to_the_hint() {
        let error = Error::failed("the file has no column `email`")
            .caused_by(std::io::Error::other("header has 3 columns"))
            .hint("add it to the export, or declare it optional")
            .at("source web")
            .at("pipeline nightly");
        assert_eq!(
            error.to_string(),
            "the file has no column `email`\n  in pipeline nightly › source web\n  \
             because header has 3 columns\n  hint: add it to the export, or declare it optional"
        );
    }

    #[test]
    fn all_errors_of_a_look_are_reported_together() {
        let error = Error::all(vec![Error::config("one"), Error::config("two")]).unwrap_err();
        assert_eq!(error.count(), 2);
        assert_eq!(error.to_string(), "one\nerror: two");
        assert_eq!(error.kind().exit_code(), 2);
        assert!(Error::all(vec![]).is_ok());
    }
}
