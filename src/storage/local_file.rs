//! One local file as an object store, whatever its name.
//!
//! File names may contain characters that no object-store path may have (a tab), and `object_store` ignores
//! some other names (`a#1`), so a source's files are opened by their own paths.

use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::path::{Path as FilePath, PathBuf};

use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// A file that can be read and nothing else.
#[derive(Debug)]
pub struct LocalFile {
    path: PathBuf,
}

impl LocalFile {
    pub fn new(path: PathBuf) -> Self {
        LocalFile { path }
    }
}

impl fmt::Display for LocalFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a local file")
    }
}

/// Returns what is known of a file without reading it: `location` is what it is called in messages.
///
/// # Errors
/// A system that does not say when the file was changed.
pub fn meta_of(metadata: &Metadata, location: Path) -> io::Result<ObjectMeta> {
    Ok(ObjectMeta {
        location,
        last_modified: metadata.modified()?.into(),
        size: metadata.len(),
        e_tag: Some(version_of(metadata)?),
        version: None,
    })
}

/// Another file, or another content, has another version.
fn version_of(metadata: &Metadata) -> io::Result<String> {
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(metadata);
    #[cfg(not(unix))]
    let number = 0;
    let since = metadata.modified()?.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{number:x}-{:x}-{:x}", since.as_micros(), metadata.len()))
}

#[async_trait::async_trait]
impl ObjectStore for LocalFile {
    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let (path, location) = (self.path.clone(), location.clone());
        let opened = tokio::task::spawn_blocking(move || open(path, location, options)).await;
        opened.map_err(|source| Error::JoinError { source })?
    }

    async fn put_opts(&self, _: &Path, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        Err(only_read())
    }

    async fn put_multipart_opts(&self, _: &Path, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        Err(only_read())
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        stream::once(async { Err(only_read()) }).boxed()
    }

    fn list(&self, _: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { Err(only_read()) }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Path>) -> Result<ListResult> {
        Err(only_read())
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        Err(only_read())
    }
}

fn open(path: PathBuf, location: Path, options: GetOptions) -> Result<GetResult> {
    let file = File::open(&path).map_err(|source| failure(&path, source))?;
    let metadata = file.metadata().map_err(|source| failure(&path, source))?;
    let meta = meta_of(&metadata, location).map_err(|source| failure(&path, source))?;
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        Some(range) => range
            .as_range(meta.size)
            .map_err(|source| Error::Generic { store: "LocalFile", source: source.into() })?,
        None => 0..meta.size,
    };
    let payload = GetResultPayload::File(file, path);
    Ok(GetResult { payload, meta, range, attributes: Attributes::default() })
}

fn failure(path: &FilePath, source: io::Error) -> Error {
    let place = path.display().to_string();
    match source.kind() {
        io::ErrorKind::NotFound => Error::NotFound { path: place, source: source.into() },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied { path: place, source: source.into() },
        _ => Error::Generic { store: "LocalFile", source: source.into() },
    }
}

fn only_read() -> Error {
    Error::NotSupported { source: "the files of a source are read-only".into() }
}

#[cfg(test)]
mod tests {
    use object_store::{GetRange, ObjectStoreExt};

    use super::*;

    #[tokio::test]
    async fn a_range_of_a_version_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a\tb#1");
        std::fs::write(&path, "0123456789").unwrap();
        let store = LocalFile::new(path.clone());
        let name = Path::from("file");
        let meta = store.head(&name).await.unwrap();
        assert_eq!(meta.size, 10);
        let asked = |version: &Option<String>| GetOptions {
            range: Some(GetRange::Bounded(2..5)),
            if_match: version.clone(),
            ..GetOptions::default()
        };
        let part = store.get_opts(&name, asked(&meta.e_tag)).await.unwrap().bytes().await.unwrap();
        assert_eq!(part, "234");
        std::fs::write(&path, "0123456789x").unwrap();
        let changed = store.get_opts(&name, asked(&meta.e_tag)).await.unwrap_err();
        assert!(matches!(changed, Error::Precondition { .. }), "{changed}");
        std::fs::remove_file(&path).unwrap();
        let gone = store.get_opts(&name, asked(&None)).await.unwrap_err();
        assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
    }
}
