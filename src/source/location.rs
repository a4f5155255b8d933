//! Which files a source has: a file, a folder or a glob, on a local disk or an object store.

use std::collections::BTreeSet;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, SubsecRound, Utc};
use futures::TryStreamExt;
use glob::MatchOptions;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::archive::Member;
use super::declaration::{Format, Source};
use super::form::{Form, HEAD, form};
use super::header_name::composed;
use super::left_out::why_left_out;
use super::members::opened;
use super::place::Place;
use super::window::fetch;
use super::{local_folder, packed};
use crate::error::{Context, Error, Result};
use crate::storage::Storage;

/// A file of a source.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// A short name that does not depend on the machine: the path below the folder of the source.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// To the microsecond, which is what the register of files keeps.
    pub modified: DateTime<Utc>,
    /// The object inside the whole store.
    pub location: Path,
    /// The version seen, where the store tells one: a file that changes while it is read is an error.
    pub version: Option<String>,
    /// Where the file is one member of a zip archive, which one. Its size is then that of what it holds.
    pub(super) member: Option<Member>,
    /// What it holds, where that was looked at: it is not read again to know.
    pub(super) content: Option<Content>,
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
            member: None,
            content: None,
            store: Arc::new(object_store::memory::InMemory::new()),
        }
    }
}

/// What there is to read.
#[derive(Debug, Default)]
pub struct Listing {
    /// In the order of their names.
    pub files: Vec<SourceFile>,
    /// What lies there and is not read, each with the reason.
    pub left_out: Vec<String>,
}

/// The files of a source.
///
/// What [`why_left_out`] has a reason for is told and not read. No file at all is an error unless the
/// source is optional.
pub async fn list(source: &Source) -> Result<Listing> {
    let found = async {
        let Listing { files, mut left_out } = find(source).await?;
        let mut listing = opened(source, files).await?;
        listing.left_out.append(&mut left_out);
        in_order(source, listing)
    };
    found.await.map_err(|e| e.at(format!("source {}", source.name)))
}

fn in_order(source: &Source, mut listing: Listing) -> Result<Listing> {
    let Listing { files, left_out } = &mut listing;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    left_out.sort();
    if files.is_empty() && !source.optional {
        return Err(Error::failed(format!("there is no file at {}", source.path))
            .hint("check that the export has run, or set optional = true if it may be missing"));
    }
    let twice = files.windows(2).find(|pair| pair[0].name == pair[1].name);
    match twice {
        None => Ok(listing),
        Some(pair) => Err(Error::failed(format!("two files are called {}", pair[0].name))
            .hint("a zip archive holds it twice: have it delivered with one of the two")),
    }
}

async fn find(source: &Source) -> Result<Listing> {
    let place = Place::of(&source.path)?;
    if place.local {
        let path = FilePath::new(&place.folder).join(place.file.as_deref().unwrap_or_default());
        let looked = tokio::task::spawn_blocking(move || local_folder::look(&path, place.pattern.as_ref()));
        return looked.await.map_err(|_| Error::failed("listing stopped unexpectedly"))?;
    }
    let storage = Storage::open(&place.folder)?;
    let store = storage.root_store.clone();
    let doing = || format!("list {}", source.path);
    let path = match &place.file {
        Some(file) => {
            Path::parse(format!("{}/{file}", storage.path).trim_start_matches('/')).doing(doing())?
        }
        None => storage.path.clone(),
    };
    let listing = look(&place, &store, &path).await.doing(doing())?;
    if !listing.files.is_empty() || path.as_ref().is_ascii() {
        return Ok(listing);
    }
    match as_it_lies_there(&store, &path).await.doing(doing())? {
        Some(path) => look(&place, &store, &path).await.doing(doing()),
        None => Ok(listing),
    }
}

/// What is at a path of an object store: a file, or the files below it.
async fn look(place: &Place, store: &Arc<dyn ObjectStore>, path: &Path) -> object_store::Result<Listing> {
    let mut listing = Listing::default();
    if place.file.is_some() {
        match store.head(path).await {
            Ok(meta) => {
                let name = path.filename().unwrap_or_default().to_owned();
                listing.files.push(source_file(name, meta, store));
                return Ok(listing);
            }
            // Not a file: then a folder.
            Err(object_store::Error::NotFound { .. }) => {}
            Err(e) => return Err(e),
        }
    }
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    let pattern = place.pattern.as_ref();
    let mut found = store.list(Some(path));
    while let Some(meta) = found.try_next().await? {
        let Some(parts) = meta.location.prefix_match(path) else { continue };
        let name = parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
        if name.is_empty() || !pattern.is_none_or(|pattern| pattern.matches_with(&composed(&name), options)) {
            continue;
        }
        match why_left_out(&name, pattern) {
            Some(why) => listing.left_out.push(format!("{name} ({why})")),
            None => listing.files.push(source_file(name, meta, store)),
        }
    }
    Ok(without_folders(listing))
}

/// Consoles of object stores keep a folder as an object without content and with its name.
fn without_folders(mut listing: Listing) -> Listing {
    let folders: BTreeSet<String> = listing
        .files
        .iter()
        .flat_map(|file| file.name.match_indices('/').map(|(at, _)| file.name[..at].to_owned()))
        .collect();
    listing.files.retain(|file| file.size > 0 || !folders.contains(&file.name));
    listing
}

/// A path as the store writes it, where its accents are composed in another way than declared: macOS
/// takes them apart. Nothing where none, or more than one, looks the same.
async fn as_it_lies_there(store: &Arc<dyn ObjectStore>, path: &Path) -> object_store::Result<Option<Path>> {
    let mut found = Path::default();
    for part in path.parts() {
        let declared = found.clone().join(part.clone());
        if part.as_ref().is_ascii() {
            found = declared;
            continue;
        }
        let beside = store.list_with_delimiter(Some(&found)).await?;
        let objects = beside.objects.into_iter().map(|object| object.location);
        let mut same: Vec<Path> = beside
            .common_prefixes
            .into_iter()
            .chain(objects)
            .filter(|other| other.filename().is_some_and(|name| composed(name) == composed(part.as_ref())))
            .collect();
        match (same.contains(&declared), same.pop()) {
            (true, _) => found = declared,
            (false, Some(only)) if same.is_empty() => found = only,
            _ => return Ok(None),
        }
    }
    Ok(Some(found))
}

fn source_file(name: String, meta: ObjectMeta, store: &Arc<dyn ObjectStore>) -> SourceFile {
    SourceFile {
        name,
        size: meta.size,
        modified: meta.last_modified.trunc_subsecs(6),
        location: meta.location,
        version: meta.e_tag,
        member: None,
        content: None,
        store: store.clone(),
    }
}

/// What a file holds, packed or not: the same for the same rows under another packing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// BLAKE3 of the unpacked bytes, in hexadecimal.
    pub digest: String,
    /// Bytes, unpacked.
    pub size: u64,
}

/// Returns what a file holds. One that cannot be unpacked stands for the bytes as they lie there: whoever
/// reads it is told why.
///
/// # Errors
/// A file that cannot be read.
pub async fn content(source: &Source, file: &SourceFile) -> Result<Content> {
    if let Some(known) = &file.content {
        return Ok(known.clone());
    }
    let place = |e: Error| e.at(file.name.clone()).at(format!("source {}", source.name));
    let (opened, is_text) = (file.clone(), source.format != Format::Parquet);
    let content = tokio::task::spawn_blocking(move || {
        if is_text {
            let is_unreadable = Arc::new(AtomicBool::new(false));
            let seen = is_unreadable.clone();
            let stored = packed::stored(&opened)?.inspect(move |window| {
                seen.fetch_or(window.is_err(), Ordering::Relaxed);
            });
            match packed::unpacked(Box::new(stored)).and_then(content_of) {
                Err(_) if !is_unreadable.load(Ordering::Relaxed) => {}
                content => return content,
            }
        }
        packed::stored(&opened).and_then(content_of)
    });
    content.await.map_err(|_| Error::failed("reading stopped unexpectedly")).flatten().map_err(place)
}

fn content_of(windows: packed::Content) -> Result<Content> {
    let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
    for window in windows {
        let window = window?;
        size += window.len() as u64;
        hasher.update(&window);
    }
    Ok(Content { digest: hasher.finalize().to_hex().to_string(), size })
}

impl SourceFile {
    /// Looks at what the file holds, and remembers it: whoever reads this version of it reads that.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub async fn look_at_content(&mut self, source: &Source) -> Result<&Content> {
        let found = content(source, self).await?;
        Ok(self.content.insert(found))
    }
}

/// Returns whether a file is unpacked when it is read, so that its size says nothing of its content. False
/// of a member of a damaged archive: reading it will say why.
///
/// # Errors
/// A file that cannot be read.
pub async fn is_packed(source: &Source, file: &SourceFile) -> Result<bool> {
    if source.format == Format::Parquet {
        return Ok(false);
    }
    let head = match &file.member {
        None => fetch(file, 0..file.size.min(HEAD as u64)).await?,
        Some(_) => {
            let member = file.clone();
            let first = tokio::task::spawn_blocking(move || packed::stored(&member).ok()?.next()?.ok());
            first.await.ok().flatten().unwrap_or_default()
        }
    };
    Ok(matches!(form(&head), Form::Gzip | Form::Zstandard))
}
