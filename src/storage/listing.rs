//! Lists the files below a folder as an object store does; a file that cannot be read is an error.
//!
//! `object_store`'s own listing omits each file whose metadata it cannot get, whatever the reason: a disk
//! that fails for a moment would hide a release, a log entry, or a file of a person to be erased.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::Path as FilePath;

use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{Error, ListResult, ObjectMeta, Result};
use walkdir::{DirEntry, WalkDir};

use super::local_file::meta_of;

/// Files looked at before the first of them is reported.
const AT_ONCE: usize = 1024;

/// Returns the files below a folder that come after `offset`; none where there is no folder.
pub fn files_below(folder: &FilePath, offset: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
    let offset = offset.cloned();
    let walk = WalkDir::new(folder).min_depth(1).follow_links(true).into_iter();
    let found = walk.filter_map(move |entry| match there(entry).transpose()? {
        Ok(entry) if entry.file_type().is_file() => file(&entry, offset.as_ref()).transpose(),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    stream::try_unfold((found, VecDeque::new()), |(mut found, mut files)| async move {
        if files.is_empty() {
            let looked = tokio::task::spawn_blocking(move || {
                files.extend(found.by_ref().take(AT_ONCE));
                (found, files)
            });
            (found, files) = looked.await.map_err(|source| Error::JoinError { source })?;
        }
        Ok(files.pop_front().transpose()?.map(|file| (file, (found, files))))
    })
    .boxed()
}

/// Returns the files of a folder, and its folders.
pub(super) fn entries_of(folder: &FilePath) -> Result<ListResult> {
    let (mut folders, mut objects) = (BTreeSet::new(), Vec::new());
    for entry in WalkDir::new(folder).min_depth(1).max_depth(1).follow_links(true) {
        let Some(entry) = there(entry)? else { continue };
        if entry.file_type().is_dir() {
            folders.insert(path_of(&entry)?);
        } else {
            objects.extend(file(&entry, None)?);
        }
    }
    Ok(ListResult { common_prefixes: folders.into_iter().collect(), objects })
}

/// Returns the entry; `None` for one that went since its folder was read, and for a link that leads nowhere.
fn there(entry: walkdir::Result<DirEntry>) -> Result<Option<DirEntry>> {
    match entry {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if error.io_error().is_some_and(is_not_found) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn file(entry: &DirEntry, offset: Option<&Path>) -> Result<Option<ObjectMeta>> {
    let path = path_of(entry)?;
    if path.filename().is_some_and(is_partial_upload) || offset.is_some_and(|offset| path <= *offset) {
        return Ok(None);
    }
    match entry.metadata() {
        Ok(metadata) => meta_of(&metadata, path).map(Some).map_err(failure),
        Err(error) if error.io_error().is_some_and(is_not_found) => Ok(None),
        Err(error) => Err(failure(error)),
    }
}

fn path_of(entry: &DirEntry) -> Result<Path> {
    Ok(Path::from_absolute_path(entry.path())?)
}

/// Returns whether a file has this name while it is put, before it gets its own: it ends in `#` and digits,
/// as `object_store` has it.
pub fn is_partial_upload(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn is_not_found(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn failure(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Generic { store: "LocalFileSystem", source: source.into() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use futures::TryStreamExt;

    use super::*;

    async fn names(folder: &FilePath, offset: Option<&str>) -> Result<Vec<String>> {
        let root = Path::from_absolute_path(folder).unwrap();
        let offset = offset.map(|offset| Path::from_absolute_path(folder.join(offset)).unwrap());
        let below = |file: ObjectMeta| {
            file.location.prefix_match(&root).unwrap().map(|p| p.as_ref().to_owned()).collect::<Vec<_>>()
        };
        let files: Vec<ObjectMeta> = files_below(folder, offset.as_ref()).try_collect().await?;
        let mut names: Vec<String> = files.into_iter().map(|file| below(file).join("/")).collect();
        names.sort();
        Ok(names)
    }

    #[test]
    fn half_put_files_are_known_by_their_names() {
        assert!(is_partial_upload("part-1.parquet#4711000001"));
        assert!(!is_partial_upload("part-1.parquet"));
        assert!(!is_partial_upload("part#one.parquet"));
        assert!(!is_partial_upload("part-1.parquet#"));
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_is_there_is_listed_and_what_went_is_not() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir_all(place("a/b")).unwrap();
        for name in ["a/1", "a/b/2", "3", "3#17", "3#x"] {
            fs::write(place(name), "x").unwrap();
        }
        symlink(place("a"), place("link")).unwrap();
        symlink(place("gone"), place("nowhere")).unwrap();
        let all = ["3", "3#x", "a/1", "a/b/2", "link/1", "link/b/2"];
        assert_eq!(names(folder.path(), None).await.unwrap(), all);
        assert_eq!(names(folder.path(), Some("a/1")).await.unwrap(), all[3..]);
        assert_eq!(names(&place("gone"), None).await.unwrap(), [""; 0]);
        let listed = entries_of(folder.path()).unwrap();
        assert_eq!((listed.common_prefixes.len(), listed.objects.len()), (2, 2));
        // A link that leads to itself cannot be looked at.
        symlink(place("loop"), place("loop")).unwrap();
        assert!(names(folder.path(), None).await.is_err() && entries_of(folder.path()).is_err());
    }
}
