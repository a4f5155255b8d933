//! Selects which members of a source's zip archives are read, each as a separate file.

use futures::{StreamExt, stream};
use glob::{MatchOptions, Pattern};

use super::skipped_files::skip_reason;
use crate::error::{Error, Result};
use crate::source::contract::header_name::composed;
use crate::source::file::FileSource;
use crate::source::file::bytes::archive::{self, Entry};
use crate::source::file::format::Format;
use crate::source::file::source_file::{Listing, SourceFile};

/// Directories that are read at once: on an object store each is a request or two.
const AT_ONCE: usize = 8;

/// Puts the members of archives in the place of the archives.
///
/// An archive is a file that ends in `.zip` and is one; where the source says `member`, every file must
/// be one. Folders, and hidden and unfinished members, are left out.
pub async fn opened(source: FileSource<'_>, files: Vec<SourceFile>) -> Result<Listing> {
    if source.files.format == Format::Parquet {
        return Ok(Listing { files, skipped_files: Vec::new() });
    }
    let opened: Vec<Result<Listing>> =
        stream::iter(files).map(|file| open(source, file)).buffered(AT_ONCE).collect().await;
    let (mut listing, mut errors) = (Listing::default(), Vec::new());
    for archive in opened {
        match archive {
            Ok(Listing { files, skipped_files }) => {
                listing.files.extend(files);
                listing.skipped_files.extend(skipped_files);
            }
            Err(error) => errors.push(error),
        }
    }
    Error::all(errors)?;
    Ok(listing)
}

async fn open(source: FileSource<'_>, file: SourceFile) -> Result<Listing> {
    let place = |error: Error| error.at(file.name.clone());
    let ends_in_zip = file.name.to_ascii_lowercase().ends_with(".zip");
    if !ends_in_zip && source.files.member.is_none() {
        return Ok(Listing { files: vec![file], skipped_files: Vec::new() });
    }
    match archive::directory(&file).await.map_err(place)? {
        Some(entries) => chosen(source, &file, &entries).map_err(place),
        None if source.files.member.is_some() => Err(place(
            Error::failed("the file is not a zip archive, but the source has `member`")
                .hint("exclude such files with `path`, for example path = \"exports/*.zip\""),
        )),
        // By its name only: what it is, its first bytes tell when it is read.
        None => Ok(Listing { files: vec![file], skipped_files: Vec::new() }),
    }
}

fn chosen(source: FileSource<'_>, file: &SourceFile, entries: &[Entry]) -> Result<Listing> {
    let (mut listing, mut errors) = (Listing::default(), Vec::new());
    let mut matched = false;
    for entry in entries.iter().filter(|entry| !entry.name.ends_with('/')) {
        if !source.files.member.as_ref().is_none_or(|pattern| matches(pattern, &entry.name)) {
            continue;
        }
        matched = true;
        let name = format!("{}/{}", file.name, entry.name);
        if let Some(why) = skip_reason(&entry.name, source.files.member.as_ref()) {
            listing.skipped_files.push(format!("{name} ({why})"));
            continue;
        }
        match entry.member() {
            Ok(member) => {
                listing.files.push(SourceFile {
                    name,
                    size: entry.size,
                    member: Some(member),
                    ..file.clone()
                });
            }
            Err(error) => errors.push(error),
        }
    }
    if let (false, Some(pattern)) = (matched, &source.files.member) {
        listing.skipped_files.push(format!("{} (no member `{pattern}`)", file.name));
    }
    Error::all(errors)?;
    Ok(listing)
}

/// Returns whether the member matches; a pattern without folders is compared with the last part of its name.
fn matches(pattern: &Pattern, member: &str) -> bool {
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let member = composed(member);
    let last = member.rsplit('/').next().unwrap_or(&member);
    let wanted = if pattern.as_str().contains('/') { &member } else { last };
    pattern.matches_with(wanted, options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_without_folders_is_for_any_folder() {
        let matches = |pattern: &str, member: &str| super::matches(&Pattern::new(pattern).unwrap(), member);
        assert!(matches("subscribed_*.csv", "subscribed_a.csv"));
        assert!(matches("subscribed_*.csv", "2026/01/subscribed_a.csv"));
        assert!(!matches("subscribed_*.csv", "unsubscribed_a.csv"));
        assert!(matches("2026/*.csv", "2026/a.csv"));
        assert!(!matches("2026/*.csv", "2026/01/a.csv"));
        assert!(matches("2026/**/*.csv", "2026/01/a.csv"));
        assert!(matches("prénoms.csv", "pre\u{301}noms.csv"));
    }
}
