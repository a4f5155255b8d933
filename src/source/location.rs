//! Which files a source has: a file, a folder or a glob, on a local disk or an object store.

use std::path::{Component, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::declaration::Source;
use super::window::Windows;
use crate::error::{Context, Error, Result};
use crate::storage::Storage;

/// A file of a source.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// A short name that does not depend on the machine: the path below the folder of the source.
    pub name: String,
    /// In bytes.
    pub size: u64,
    pub modified: DateTime<Utc>,
    /// The object inside the whole store.
    pub location: Path,
    /// The version seen, where the store tells one: a file that changes while it is read is an error.
    pub version: Option<String>,
    pub(super) store: Arc<dyn ObjectStore>,
}

#[cfg(test)]
impl SourceFile {
    /// A file that nobody reads.
    pub fn named(name: &str) -> SourceFile {
        SourceFile {
            name: name.to_owned(),
            size: 1,
            modified: DateTime::UNIX_EPOCH,
            location: Path::from("file"),
            version: None,
            store: Arc::new(object_store::memory::InMemory::new()),
        }
    }
}

/// The files of a source in the order of their names.
///
/// In folders and globs hidden and unfinished files (`.x`, `_x`, `x.tmp`, `x.part`, `x~`) are left
/// out. No file at all is an error unless the source is optional.
pub async fn list(source: &Source) -> Result<Vec<SourceFile>> {
    find(source).await.map_err(|e| e.at(format!("source {}", source.name)))
}

async fn find(source: &Source) -> Result<Vec<SourceFile>> {
    let place = Place::of(&source.path)?;
    let storage = Storage::open(&place.folder)?;
    let store = storage.root_store.clone();
    let doing = || format!("list {}", source.path);
    let mut files = Vec::new();
    if let Some(file) = &place.file {
        let location =
            Path::parse(format!("{}/{file}", storage.path).trim_start_matches('/')).doing(doing())?;
        match store.head(&location).await {
            Ok(meta) => {
                files.push(source_file(file.clone(), meta, &store));
                return Ok(files);
            }
            Err(object_store::Error::NotFound { .. }) => {}
            Err(e) => return Err(e).doing(doing()),
        }
    }
    // Not a file: then a folder or a glob.
    let folder = match &place.file {
        Some(file) => {
            Path::parse(format!("{}/{file}", storage.path).trim_start_matches('/')).doing(doing())?
        }
        None => storage.path.clone(),
    };
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let mut found = store.list(Some(&folder));
    while let Some(meta) = found.try_next().await.doing(doing())? {
        let Some(parts) = meta.location.prefix_match(&folder) else { continue };
        let name = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
        let wanted = match &place.pattern {
            Some(pattern) => pattern.matches_with(&name, options),
            None => true,
        };
        if wanted && !name.is_empty() && !is_unfinished(&name) {
            files.push(source_file(name, meta, &store));
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    if files.is_empty() && !source.optional {
        return Err(Error::failed(format!("there is no file at {}", source.path))
            .hint("check that the export has run, or set optional = true if it may be missing"));
    }
    Ok(files)
}

fn source_file(name: String, meta: ObjectMeta, store: &Arc<dyn ObjectStore>) -> SourceFile {
    SourceFile {
        name,
        size: meta.size,
        modified: meta.last_modified,
        location: meta.location,
        version: meta.e_tag,
        store: store.clone(),
    }
}

fn is_unfinished(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with(['.', '_']))
        || [".tmp", ".part", ".partial", ".crdownload", "~"].iter().any(|end| name.ends_with(end))
}

/// A declared path, taken apart.
#[derive(Debug, PartialEq)]
struct Place {
    /// What is fixed: a folder's location.
    folder: String,
    /// The last part when nothing in the path is a pattern: a file, or one more folder.
    file: Option<String>,
    pattern: Option<Pattern>,
}

impl Place {
    fn of(path: &str) -> Result<Self> {
        let (scheme, rest) = match path.split_once("://") {
            Some(("file", rest)) => {
                // A file URL is a local path in other clothes; only globs need it undressed.
                (String::new(), percent_decoded(rest))
            }
            Some((scheme, rest)) => (format!("{scheme}://"), rest.to_owned()),
            None => (String::new(), path.to_owned()),
        };
        let rest = if scheme.is_empty() { absolute(&rest)? } else { rest };
        let parts: Vec<&str> = rest.split('/').collect();
        if let Some(first) = parts.iter().position(|part| part.contains(['*', '?', '['])) {
            let pattern = parts[first..].join("/");
            let pattern = Pattern::new(&pattern).map_err(|e| {
                Error::config(format!("`{path}` is not a glob"))
                    .caused_by(e)
                    .hint("use * for any part of a name, ** for any folders, ? for one character")
            })?;
            let folder = format!("{scheme}{}/", parts[..first].join("/"));
            return Ok(Place { folder, file: None, pattern: Some(pattern) });
        }
        let trimmed = rest.trim_end_matches('/');
        let least = if scheme.is_empty() { 0 } else { 1 };
        Ok(match trimmed.rsplit_once('/') {
            Some((folder, file)) if !rest.ends_with('/') && folder.split('/').count() >= least => {
                Place { folder: format!("{scheme}{folder}/"), file: Some(file.to_owned()), pattern: None }
            }
            _ => Place { folder: format!("{scheme}{trimmed}/"), file: None, pattern: None },
        })
    }
}

/// The local path from the root, without `.` and `..`, which object stores do not know.
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

fn percent_decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|h| std::str::from_utf8(h).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match hex {
            Some(decoded) if byte == b'%' => {
                bytes.push(decoded);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| path.to_owned())
}

/// The BLAKE3 digest of a file's bytes, in hexadecimal.
pub async fn digest(source: &Source, file: &SourceFile) -> Result<String> {
    let place = |e: Error| e.at(file.name.clone()).at(format!("source {}", source.name));
    let mut windows = Windows::open(file);
    let mut hasher = blake3::Hasher::new();
    while let Some(window) = windows.next().await {
        hasher.update(&window.map_err(place)?);
    }
    Ok(hasher.finalize().to_hex().to_string())
}
