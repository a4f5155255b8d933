//! Which files a source has: a file, a folder or a glob, on a local disk or an object store.

pub mod local_folder;
pub mod members;
pub mod place;
pub mod skipped_files;

use std::collections::BTreeSet;
use std::path::Path as FilePath;
use std::sync::Arc;

use chrono::SubsecRound;
use futures::TryStreamExt;
use glob::MatchOptions;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use super::FileSource;
use super::source_file::{Listing, SourceFile};
use crate::error::{Context, Error, Result};
use crate::source::contract::header_name::composed;
use crate::source::definition::Source;
use crate::storage::Storage;
use crate::suggestion::did_you_mean;
use members::opened;
use place::Place;
use skipped_files::skip_reason;

/// Returns the files of a source.
///
/// What [`skip_reason`] has a reason for is reported and not read.
///
/// # Errors
/// A place that cannot be listed, a packed file that cannot be opened, two files of one name; no file at all,
/// unless the source is optional.
pub async fn list(source: &Source) -> Result<Listing> {
    let source = source.as_files();
    let found = async {
        let Listing { files, mut skipped_files } = find(source).await?;
        let mut listing = opened(source, files).await?;
        listing.skipped_files.append(&mut skipped_files);
        in_order(source, listing)
    };
    found.await.map_err(|e| e.at(format!("source {}", source.name)))
}

fn in_order(source: FileSource<'_>, mut listing: Listing) -> Result<Listing> {
    let Listing { files, skipped_files } = &mut listing;
    files.sort_by(|a, b| a.name.cmp(&b.name));
    skipped_files.sort();
    if files.is_empty() && !source.files.optional {
        return Err(Error::failed(format!("there is no file at {}", source.files.path))
            .in_value("path", &source.files.declared_path)
            .hint(missing_folder(source).unwrap_or_else(|| {
                "check that the export has run, or set optional = true if it may be missing".to_owned()
            })));
    }
    let twice = files.windows(2).find(|pair| pair[0].name == pair[1].name);
    match twice {
        None => Ok(listing),
        Some(pair) => Err(Error::failed(format!("two files are named {}", pair[0].name))
            .hint("a zip archive contains it twice: deliver the archive with only one of them")),
    }
}

/// Says that a folder is not there, and which one beside it was perhaps meant.
fn missing_folder(source: FileSource<'_>) -> Option<String> {
    let place = Place::of(&source.files.path).ok().filter(|place| place.local)?;
    let folder = std::path::absolute(&place.folder).ok()?;
    let missing = folder.ancestors().take_while(|folder| !folder.exists()).last()?;
    let beside = std::fs::read_dir(missing.parent()?).ok()?;
    let names: Vec<String> = beside.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let near = did_you_mean(&missing.file_name()?.to_string_lossy(), names.iter().map(String::as_str));
    let near = near.unwrap_or_else(|| "set optional = true if it may be missing".to_owned());
    let missing = missing.components().as_path().display();
    Some(format!("the folder {missing} does not exist; {near}"))
}

async fn find(source: FileSource<'_>) -> Result<Listing> {
    let place = Place::of(&source.files.path)?;
    if place.local {
        let path = FilePath::new(&place.folder).join(place.file.as_deref().unwrap_or_default());
        let looked = tokio::task::spawn_blocking(move || local_folder::look(&path, place.pattern.as_ref()));
        return looked.await.map_err(|_| Error::failed("listing stopped unexpectedly"))?;
    }
    let storage = Storage::open(&place.folder)?;
    let store = storage.root_store.clone();
    let doing = || format!("list {}", source.files.path);
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
    match path_as_stored(&store, &path).await.doing(doing())? {
        Some(path) => look(&place, &store, &path).await.doing(doing()),
        None => Ok(listing),
    }
}

/// Returns what is at a path of an object store: a file, or the files below it.
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
        match skip_reason(&name, pattern) {
            Some(why) => listing.skipped_files.push(format!("{name} ({why})")),
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

/// Returns a path as the store writes it, where its accents are composed in another way than declared: macOS
/// takes them apart. Nothing where none, or more than one, looks the same.
async fn path_as_stored(store: &Arc<dyn ObjectStore>, path: &Path) -> object_store::Result<Option<Path>> {
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
