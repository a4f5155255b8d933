//! Lists the files below a local path, whatever their names; skipped files are reported.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use chrono::SubsecRound;
use glob::{MatchOptions, Pattern};
use object_store::path::Path;
use walkdir::WalkDir;

use super::skipped_files::skip_reason;
use crate::error::{Context, Error, Result};
use crate::source::contract::header_name::composed;
use crate::source::file::source_file::{Listing, SourceFile};
use crate::storage::fault_injection::between;
use crate::storage::local_file::{LocalFile, meta_of};

/// Returns the file at a path, or the files below it that match.
pub fn look(path: &FilePath, pattern: Option<&Pattern>) -> Result<Listing> {
    let mut listing = Listing::default();
    let Some(path) = path_as_stored(path)? else { return Ok(listing) };
    let metadata = path.metadata().doing(format!("look at {}", path.display()))?;
    if metadata.is_file() {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        listing.files.push(source_file(name, path, &metadata)?);
        return Ok(listing);
    }
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    for entry in WalkDir::new(&path).follow_links(true).min_depth(1) {
        let (found, metadata) = match entry {
            Ok(entry) if entry.file_type().is_dir() => continue,
            Ok(entry) => match entry.metadata() {
                Ok(metadata) => (entry.path().to_owned(), Some(metadata)),
                // It was there a moment ago.
                Err(error) if error.io_error().is_some_and(|e| e.kind() == ErrorKind::NotFound) => continue,
                Err(error) => return Err(error).doing(format!("list {}", path.display())),
            },
            Err(error) => match (error.path(), error.io_error().map(std::io::Error::kind)) {
                // A link that leads nowhere.
                (Some(link), Some(ErrorKind::NotFound)) if link.is_symlink() => (link.to_owned(), None),
                // A link that leads to itself, or to a folder above it.
                (Some(link), _) if error.loop_ancestor().is_some() || is_link_loop(&error) => {
                    let below = link.strip_prefix(&path).unwrap_or(link).to_string_lossy();
                    listing.skipped_files.push(format!("{below} (a link to a folder that contains it)"));
                    continue;
                }
                // It was there a moment ago.
                (_, Some(ErrorKind::NotFound)) => continue,
                _ => return Err(error).doing(format!("list {}", path.display())),
            },
        };
        let below = found.strip_prefix(&path).unwrap_or(&found);
        let shown = below.to_string_lossy();
        if !pattern.is_none_or(|pattern| pattern.matches_with(&composed(&shown), options)) {
            continue;
        }
        match (skip_reason(&shown, pattern), metadata) {
            (Some(why), _) => listing.skipped_files.push(format!("{shown} ({why})")),
            (None, None) => listing.skipped_files.push(format!("{shown} (a broken link)")),
            (None, Some(metadata)) if !metadata.is_file() => {
                listing.skipped_files.push(format!("{shown} (not a regular file)"));
            }
            (None, Some(_)) if below.to_str().is_none() => {
                return Err(Error::failed(format!("the name of `{shown}` is not UTF-8 text"))
                    .hint("rename it: each row is stored with the name of its file"));
            }
            (None, Some(metadata)) => {
                let name = shown.into_owned();
                listing.files.push(source_file(name, found, &metadata)?);
            }
        }
    }
    Ok(listing)
}

#[cfg(unix)]
fn is_link_loop(error: &walkdir::Error) -> bool {
    let code = error.io_error().and_then(std::io::Error::raw_os_error);
    code == Some(rustix::io::Errno::LOOP.raw_os_error())
}

#[cfg(not(unix))]
fn is_link_loop(error: &walkdir::Error) -> bool {
    error.path().is_some_and(FilePath::is_symlink)
}

fn source_file(name: String, path: PathBuf, metadata: &Metadata) -> Result<SourceFile> {
    // What object stores call it does not matter: the store has one file.
    let meta = meta_of(metadata, Path::from(name.as_str())).doing(format!("look at {name}"))?;
    Ok(SourceFile {
        name,
        size: meta.size,
        modified: meta.last_modified.trunc_subsecs(6),
        location: meta.location,
        version: meta.e_tag,
        member: None,
        content: None,
        store: between(Arc::new(LocalFile::new(path))),
    })
}

/// Returns a path as the disk has it, where its accents are composed in another way than declared: macOS
/// takes them apart. Nothing where none, or more than one, looks the same.
fn path_as_stored(declared: &FilePath) -> Result<Option<PathBuf>> {
    if is_there(declared)? {
        return Ok(Some(declared.to_owned()));
    }
    let mut found = PathBuf::new();
    for part in declared.components() {
        let next = found.join(part);
        if is_there(&next)? {
            found = next;
            continue;
        }
        let wanted = composed(&part.as_os_str().to_string_lossy()).into_owned();
        if wanted.is_ascii() {
            return Ok(None);
        }
        let doing = || format!("list {}", found.display());
        let mut same = Vec::new();
        for entry in std::fs::read_dir(&found).doing(doing())? {
            let name = entry.doing(doing())?.file_name();
            if composed(&name.to_string_lossy()) == wanted {
                same.push(name);
            }
        }
        match same.as_slice() {
            [only] => found.push(only),
            _ => return Ok(None),
        }
    }
    Ok(Some(found))
}

/// Returns whether there is something; below a file there is nothing.
fn is_there(path: &FilePath) -> Result<bool> {
    match path.try_exists() {
        Err(e) if e.kind() == ErrorKind::NotADirectory => Ok(false),
        found => found.doing(format!("look at {}", path.display())),
    }
}
