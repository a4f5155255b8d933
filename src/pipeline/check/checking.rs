//! What has been found wrong so far, each at its place in the file.

use chrono_tz::Tz;

use crate::config::Problem;
use crate::error::{Error, Result};
use crate::name::is_identifier;
use crate::pipeline::documents::Documents;

pub(super) struct Checking<'d, 't> {
    pub(super) documents: &'d Documents<'t>,
    pub(super) errors: Vec<Error>,
    pub(super) all_models: bool,
}

impl Checking<'_, '_> {
    pub(super) fn wrong(&mut self, key: &[&str], error: Error) {
        self.errors.push(self.documents.locate(Problem::new(key.iter().copied(), error)));
    }

    pub(super) fn take<T>(&mut self, key: &[&str], result: Result<T>) -> Option<T> {
        result.map_err(|error| self.wrong(key, error)).ok()
    }

    pub(super) fn section<T>(&mut self, key: &[&str], result: Result<T, Vec<Problem>>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problems) => {
                for problem in problems {
                    let problem = key.iter().rev().fold(problem, |p, part| p.below(part));
                    self.errors.push(self.documents.locate(problem));
                }
                None
            }
        }
    }

    pub(super) fn name(&mut self, name: Option<&str>) -> String {
        match name {
            Some(name) if is_identifier(name) => name.to_owned(),
            Some(name) => {
                self.wrong(
                    &["name"],
                    Error::config(format!("`{name}` is not a name for a pipeline"))
                        .hint("use lower-case letters, digits and underscores"),
                );
                String::new()
            }
            None => {
                self.wrong(&["name"], Error::config("the pipeline has no name").hint("add name = \"…\""));
                String::new()
            }
        }
    }

    pub(super) fn timezone(&mut self, name: Option<&str>) -> Tz {
        let Some(name) = name else {
            return Tz::UTC;
        };
        let parsed = name.parse::<Tz>().map_err(|_| {
            Error::config(format!("`{name}` is not a time zone")).hint("use a name like Europe/Paris or UTC")
        });
        self.take(&["timezone"], parsed).unwrap_or(Tz::UTC)
    }
}
