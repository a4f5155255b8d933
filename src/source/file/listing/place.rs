//! Splits a source's declared path into its fixed part and its pattern.

use std::io::ErrorKind;
use std::path::{Component, Path as FilePath, PathBuf};

use glob::Pattern;
use percent_encoding::percent_decode_str;

use crate::error::{Context, Error, Result};
use crate::source::contract::header_name::composed;

/// A declared path, parsed.
#[derive(Debug, PartialEq)]
pub struct Place {
    /// Whether it is on a disk of this machine.
    pub local: bool,
    /// What is fixed: a folder's location.
    pub folder: String,
    /// The last part when nothing in the path is a pattern: a file, or one more folder.
    pub file: Option<String>,
    pub pattern: Option<Pattern>,
}

impl Place {
    pub fn of(path: &str) -> Result<Self> {
        let (scheme, rest) = match path.split_once("://") {
            Some(("file", rest)) => {
                // A file URL is a local path in other clothes; only globs need it undressed.
                (String::new(), percent_decoded(rest))
            }
            Some((scheme, rest)) => (format!("{scheme}://"), rest.to_owned()),
            None => (String::new(), path.to_owned()),
        };
        let local = scheme.is_empty();
        let rest = if local { absolute(&rest)? } else { rest };
        let parts: Vec<&str> = rest.split('/').collect();
        // A file may be called what a pattern looks like.
        let is_file = local && is_file(FilePath::new(&rest))?;
        if !is_file && let Some(first) = parts.iter().position(|part| part.contains(['*', '?', '['])) {
            let pattern = parts[first..].join("/");
            let pattern = Pattern::new(&composed(&pattern)).map_err(|e| {
                Error::config(format!("`{path}` is not a glob"))
                    .caused_by(e)
                    .hint("use * for any part of a name, ** for any folders, ? for one character")
            })?;
            let folder = format!("{scheme}{}/", parts[..first].join("/"));
            return Ok(Place { local, folder, file: None, pattern: Some(pattern) });
        }
        let trimmed = rest.trim_end_matches('/');
        let least = if scheme.is_empty() { 0 } else { 1 };
        Ok(match trimmed.rsplit_once('/') {
            Some((folder, file)) if !rest.ends_with('/') && folder.split('/').count() >= least => {
                let (folder, file) = (format!("{scheme}{folder}/"), Some(file.to_owned()));
                Place { local, folder, file, pattern: None }
            }
            _ => Place { local, folder: format!("{scheme}{trimmed}/"), file: None, pattern: None },
        })
    }
}

/// Of a path under which no file can be, such as a long pattern.
const NO_SUCH_FILE: [ErrorKind; 4] =
    [ErrorKind::NotFound, ErrorKind::NotADirectory, ErrorKind::InvalidFilename, ErrorKind::InvalidInput];

fn is_file(path: &FilePath) -> Result<bool> {
    match path.metadata() {
        Ok(metadata) => Ok(metadata.is_file()),
        Err(e) if NO_SUCH_FILE.contains(&e.kind()) => Ok(false),
        Err(e) => Err(e).doing(format!("look at {}", path.display())),
    }
}

/// Returns the local path from the root, without `.` and `..`, which object stores do not know.
fn absolute(path: &str) -> Result<String> {
    let slash = path.ends_with('/');
    let whole = std::path::absolute(path).doing(format!("read the path {path}"))?;
    let mut plain = PathBuf::new();
    for component in whole.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    let text = plain
        .into_os_string()
        .into_string()
        .map_err(|_| Error::config(format!("the path {path} is not UTF-8 text")))?;
    Ok(if slash && text != "/" { format!("{text}/") } else { text })
}

/// Returns a path with its percent-encoded bytes decoded, or as it is where they are not UTF-8.
pub(in crate::source) fn percent_decoded(path: &str) -> String {
    percent_decode_str(path).decode_utf8().map_or_else(|_| path.to_owned(), Into::into)
}
