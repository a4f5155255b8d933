//! Explains errors of libraries in plain words, without row values.
//!
//! Errors that a query meets while it computes quote the value they stumbled over ("Cannot cast
//! string 'Ada …'"). Values are personal data, so of such errors only the kind is reported. Errors from
//! planning know names and types alone and are reported as they are, without the library's wrapping.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use super::error_type::{Error, Kind};
use super::planning::{self, Found, in_sql_words};
use super::sql_place::SqlPlace;

/// A cause in words, what family it makes the error, and a hint and a place in the SQL where the cause alone
/// knows them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    pub kind: Kind,
    pub text: String,
    pub hint: Option<Cow<'static, str>>,
    pub place: Option<SqlPlace>,
}

const NO_SPACE: &str = "free some space and run again: the published tables are unchanged";
const NO_PERMISSION: &str = "this user may not write (or read) there: check owner and permissions";
const NO_FOLDER: &str = "there is a file where a folder is needed; give another place";
const TRY_CAST: &str = "try_cast(… as …) gives null where a value does not fit";
const VANISHED: &str =
    "was its release deleted by a vacuum or an erasure while it was read? Then read the last release";
const MEMORY: &str =
    "raise --memory-limit, or lower --threads; without a limit it is three quarters of the machine's memory";

impl Explanation {
    fn failed(text: impl Into<String>) -> Explanation {
        Explanation { kind: Kind::Failed, text: text.into(), hint: None, place: None }
    }

    /// What planning finds is wrong configuration.
    fn planning(Found { text, hint, place }: Found) -> Explanation {
        Explanation { kind: Kind::Config, text, hint, place }
    }

    fn hint(self, hint: &'static str) -> Explanation {
        Explanation { hint: Some(hint.into()), ..self }
    }
}

/// Puts a cause into words; `None` when its own words may be shown as they are.
pub(super) fn explain(cause: &(dyn StdError + 'static)) -> Option<Explanation> {
    if let Some(file) = vanished(cause) {
        return Some(Explanation::failed(format!("the file {file} is missing")).hint(VANISHED));
    }
    if let Some(error) = cause.downcast_ref::<DataFusionError>() {
        return Some(datafusion(error));
    }
    if let Some(error) = cause.downcast_ref::<ArrowError>() {
        return Some(arrow(error));
    }
    if let Some(error) = cause.downcast_ref::<tokio::task::JoinError>() {
        return Some(lost_task(error));
    }
    if let Some(error) = cause.downcast_ref::<Error>() {
        if error.count() > 1 {
            return Some(Explanation { kind: error.kind(), ..Explanation::failed(error.to_string()) });
        }
        let hint = error.hint_text().map(|hint| hint.to_owned().into());
        let text = error.without_hint().to_string();
        return Some(Explanation { kind: error.kind(), text, hint, place: error.sql_place().cloned() });
    }
    // A wrapper of one of these is shown as what it wraps.
    let mut inner = cause.source();
    while let Some(error) = inner {
        if error.is::<DataFusionError>() || error.is::<ArrowError>() {
            return explain(error);
        }
        inner = error.source();
    }
    let hint = hint_of(cause);
    let text = cause.to_string();
    // `Generic LocalFileSystem error: Unable to …` says nothing by its first words.
    match text.strip_prefix("Generic ").and_then(|rest| rest.split_once(" error: ")) {
        Some((_, rest)) => Some(Explanation { hint: hint.map(Into::into), ..Explanation::failed(rest) }),
        None => hint.map(|hint| Explanation::failed(text).hint(hint)),
    }
}

/// Returns the file of a table that was not there when it was to be read.
fn vanished<'c>(cause: &'c (dyn StdError + 'static)) -> Option<&'c str> {
    let mut link = Some(cause);
    while let Some(error) = link {
        if let Some(object_store::Error::NotFound { path, .. }) = error.downcast_ref() {
            return path.ends_with(".parquet").then_some(path);
        }
        link = error.source();
    }
    None
}

/// Returns the hint for a full disk or a shut folder, wherever in the chain it stands.
fn hint_of(cause: &(dyn StdError + 'static)) -> Option<&'static str> {
    let mut link = Some(cause);
    while let Some(error) = link {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                    Some(NO_SPACE)
                }
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some(NO_PERMISSION),
                io::ErrorKind::NotADirectory => Some(NO_FOLDER),
                _ => None,
            };
        }
        link = error.source();
    }
    // Writers of Parquet and CSV keep only the words of the system's error.
    let text = cause.to_string();
    if text.contains("(os error 28)") {
        Some(NO_SPACE)
    } else if text.contains("(os error 13)") || text.contains("(os error 30)") {
        Some(NO_PERMISSION)
    } else {
        None
    }
}

fn datafusion(error: &DataFusionError) -> Explanation {
    match error {
        DataFusionError::Context(_, inner) => datafusion(inner),
        DataFusionError::Diagnostic(diagnostic, inner) => {
            let explanation = datafusion(inner);
            let Explanation { kind, text, hint, place } = explanation;
            let Found { text, hint, place } = Found { text, hint, place }.at(diagnostic);
            Explanation { kind, text, hint, place }
        }
        DataFusionError::Shared(inner) => datafusion(inner),
        DataFusionError::Collection(all) => match all.first() {
            Some(first) => datafusion(first),
            None => Explanation::failed("no more details are known"),
        },
        DataFusionError::SQL(parser, _) => Explanation::planning(planning::parsing(parser)),
        DataFusionError::SchemaError(schema, _) => Explanation::planning(planning::schema(schema)),
        DataFusionError::Plan(_) | DataFusionError::NotImplemented(_) | DataFusionError::Configuration(_) => {
            Explanation::planning(planning::plan(&error.strip_backtrace()))
        }
        DataFusionError::ArrowError(inner, _) => arrow(inner),
        DataFusionError::ResourcesExhausted(text) => {
            // The pool names operators and sizes, no values.
            let holders: Vec<&str> = text
                .lines()
                .filter(|line| line.contains(" consumed ") && !line.contains(" consumed 0.0 B"))
                .map(|line| line.trim().trim_end_matches(['.', ',']))
                .collect();
            let message = "it needs more memory than its limit";
            let message = if holders.is_empty() {
                message.to_owned()
            } else {
                format!("{message}; most is used by {}", holders.join("; "))
            };
            Explanation::failed(message).hint(MEMORY)
        }
        DataFusionError::Execution(text) => withheld(text),
        DataFusionError::Internal(text) => withheld(text),
        DataFusionError::ExecutionJoin(lost) => lost_task(lost),
        DataFusionError::External(inner) => foreign(inner.as_ref()),
        DataFusionError::ObjectStore(inner) => {
            explain(inner.as_ref()).unwrap_or_else(|| plain(inner.as_ref()))
        }
        DataFusionError::ParquetError(inner) => {
            explain(inner.as_ref()).unwrap_or_else(|| plain(inner.as_ref()))
        }
        DataFusionError::IoError(inner) => explain(inner).unwrap_or_else(|| plain(inner)),
        other => withheld(&other.to_string()),
    }
}

fn arrow(error: &ArrowError) -> Explanation {
    match error {
        ArrowError::ExternalError(inner) => foreign(inner.as_ref()),
        ArrowError::IoError(_, inner) => explain(inner).unwrap_or_else(|| plain(inner)),
        ArrowError::CastError(text) => {
            let target = text
                .rsplit_once("' to value of ")
                .map(|(_, to)| to.trim_end_matches(" type"))
                .filter(|to| !to.contains(['\'', ' ']) || to.starts_with("Decimal"));
            match target {
                Some(to) => Explanation::failed(format!("a value cannot be read as {}", in_sql_words(to))),
                None => Explanation::failed("a value does not fit the type it is cast to"),
            }
            .hint(TRY_CAST)
        }
        ArrowError::ParseError(text) => {
            let what = ["timestamp", "date", "time", "interval"].into_iter().find(|w| text.contains(w));
            Explanation::failed(match what {
                Some(what) => format!("a value cannot be read as a {what}"),
                None => "a value cannot be read as the type it is cast to".to_owned(),
            })
            .hint(TRY_CAST)
        }
        ArrowError::DivideByZero => {
            Explanation::failed("a division by zero").hint("x / nullif(y, 0) gives null instead")
        }
        ArrowError::ArithmeticOverflow(_) => Explanation::failed("a number is out of the range of its type")
            .hint("cast to a wider type before the sum, for example decimal(38,2)"),
        ArrowError::ComputeError(text) | ArrowError::InvalidArgumentError(text) => withheld(text),
        other => match hint_of(other) {
            Some(hint) => Explanation::failed(other.to_string()).hint(hint),
            None => Explanation::failed(other.to_string()),
        },
    }
}

fn lost_task(error: &tokio::task::JoinError) -> Explanation {
    Explanation::failed(if error.is_panic() {
        "a panic; its message is not shown, it may contain row values"
    } else {
        "the task was cancelled"
    })
}

/// Returns what an engine's error wraps: files and stores are reported, of anything else (a pattern that
/// came out of a row) only the constant words are.
fn foreign(error: &(dyn StdError + 'static)) -> Explanation {
    explain(error).unwrap_or_else(|| {
        let of_files = error.is::<object_store::Error>()
            || error.is::<io::Error>()
            || error.is::<parquet::errors::ParquetError>();
        if of_files { plain(error) } else { withheld(&error.to_string()) }
    })
}

fn plain(error: &(dyn StdError + 'static)) -> Explanation {
    Explanation::failed(error.to_string())
}

/// Of an error met while computing, the words before the first that could be a value.
fn withheld(text: &str) -> Explanation {
    let constant = text
        .split(['\'', '"', '`', ':', '(', '[', '{', '\n'])
        .next()
        .unwrap_or_default()
        .split(|c: char| c.is_ascii_digit())
        .next()
        .unwrap_or_default()
        .trim();
    Explanation::failed(if constant.is_empty() {
        "a value cannot be computed; the engine's message may contain row values and is not shown".to_owned()
    } else {
        format!("{constant} … (the rest may contain row values and is not shown)")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: impl StdError + 'static) -> String {
        explain(&error).unwrap().text
    }

    #[test]
    fn a_value_is_never_told() {
        let cast = |text: &str| ArrowError::CastError(text.to_owned());
        assert_eq!(
            text(cast("Cannot cast string 'O'Brien, Ada' to value of Int32 type")),
            "a value cannot be read as integer"
        );
        for error in [
            cast("Cannot cast string 'Ada' to value of Int32 type"),
            cast("Cannot cast string 'x' to value of Ada' to value of Int32 type"),
            cast("Cannot convert Ada to Decimal"),
            ArrowError::ParseError("Error parsing timestamp from 'Ada': error parsing date".into()),
            ArrowError::ComputeError("Regex: (Ada".into()),
            ArrowError::ExternalError("regex parse error:\n  Ada(\n".into()),
            ArrowError::ArithmeticOverflow("Overflow happened on: 1234 * 99".into()),
            ArrowError::ExternalError(Box::new(DataFusionError::Execution("no day in 'Ada'".into()))),
        ] {
            for error in [DataFusionError::from(error), DataFusionError::Execution("bad \"Ada\"".into())] {
                let text = text(error.context("while Ada"));
                assert!(!text.contains("Ada") && !text.contains("1234"), "{text}");
            }
        }
    }

    #[test]
    fn what_planning_finds_is_wrong_configuration_and_told() {
        let error = explain(&DataFusionError::Plan("Invalid function 'rund'".into())).unwrap();
        assert_eq!((error.kind, error.text.as_str()), (Kind::Config, "Invalid function 'rund'"));
    }

    #[test]
    fn a_full_disk_is_known_behind_any_wrapper() {
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(explain(&full()).unwrap().hint, Some(NO_SPACE.into()));
        let wrapped = object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(full()) };
        assert_eq!(explain(&wrapped).unwrap().hint, Some(NO_SPACE.into()));
        assert_eq!(explain(&io::Error::from(io::ErrorKind::NotFound)), None);
    }
}
