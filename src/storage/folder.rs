//! The file system as an object store whose writes survive a power cut.
//!
//! `object_store`'s own local store puts a file in place by a link or a rename, but hands its bytes
//! to the system only: after a power cut a file may be there and empty. Here a put is on the disk,
//! its name included, when it returns, and its name appears only after its bytes are.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

use super::fault;

#[derive(Debug, Default)]
pub struct Folder {
    inner: LocalFileSystem,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Folder {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if !matches!(opts.mode, PutMode::Overwrite | PutMode::Create) {
            return self.inner.put_opts(location, payload, opts).await;
        }
        let path = self.inner.path_to_filesystem(location)?;
        let mode = opts.mode;
        blocking(move || put_whole(&path, &payload, &mode)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let to = self.inner.path_to_filesystem(location)?;
        let upload = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(Upload { inner: upload, to }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        // A deletion that a power cut undoes is done again by whoever meets the file.
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.settle(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await?;
        self.settle(to).await
    }
}

impl Folder {
    async fn settle(&self, location: &Path) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        blocking(move || settle(&path).map_err(|source| failure(&path, source))).await
    }
}

/// A large file, written part by part under a name that no listing shows.
#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    to: PathBuf,
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let put = self.inner.complete().await?;
        // Nothing speaks of such a file yet, so its name may come before its bytes.
        let to = self.to.clone();
        blocking(move || settle(&to).map_err(|source| failure(&to, source))).await?;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

async fn blocking(work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(broken) => Err(object_store::Error::JoinError { source: broken }),
    }
}

/// Bytes first, under a name that listings leave out; then the name; then the folder.
fn put_whole(path: &FilePath, payload: &PutPayload, mode: &PutMode) -> Result<()> {
    let failed = |source: io::Error| failure(path, source);
    let (mut file, temporary) = temporary(path).map_err(failed)?;
    let put = write(&mut file, payload).and_then(|()| {
        fault::point("link");
        match mode {
            PutMode::Create => {
                fs::hard_link(&temporary, path)?;
                fault::point("unlink");
                // The name is there: what is left of the other one does no harm.
                let _ = fs::remove_file(&temporary);
                Ok(())
            }
            _ => fs::rename(&temporary, path),
        }
    });
    if let Err(error) = put {
        let _ = fs::remove_file(&temporary);
        return Err(failed(error));
    }
    fault::point("fsync folder");
    sync_folder(path).map_err(failed)
}

fn write(file: &mut File, payload: &PutPayload) -> io::Result<()> {
    fault::point("write");
    payload.iter().try_for_each(|bytes| file.write_all(bytes))?;
    fault::point("fsync");
    file.sync_all()
}

/// A new file beside the path. `object_store` leaves names that end in `#` and digits out of listings.
fn temporary(path: &FilePath) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{}{number:06}", std::process::id()));
        let name = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(file) => return Ok((file, name)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => make_folders(path)?,
            Err(e) => return Err(e),
        }
    }
}

/// Makes the folders above the path, each of them on the disk before the next.
fn make_folders(path: &FilePath) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    if folder.is_dir() {
        return Ok(());
    }
    make_folders(folder)?;
    match fs::create_dir(folder) {
        Ok(()) => sync_folder(folder),
        // Another thread was quicker.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

/// A file, or a folder with its names, that is in place is brought to the disk, its own name too.
pub fn settle(path: &FilePath) -> io::Result<()> {
    fault::point("fsync");
    File::open(path)?.sync_all()?;
    sync_folder(path)
}

/// Brings the names in the folder of this path to the disk.
fn sync_folder(path: &FilePath) -> io::Result<()> {
    // Elsewhere than on Unix a folder cannot be opened; its names are settled by the system.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn failure(path: &FilePath, source: io::Error) -> object_store::Error {
    let place = path.display().to_string();
    match source.kind() {
        io::ErrorKind::AlreadyExists => {
            object_store::Error::AlreadyExists { path: place, source: source.into() }
        }
        io::ErrorKind::NotFound => object_store::Error::NotFound { path: place, source: source.into() },
        io::ErrorKind::PermissionDenied => {
            object_store::Error::PermissionDenied { path: place, source: source.into() }
        }
        _ => object_store::Error::Generic { store: "LocalFileSystem", source: source.into() },
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    fn place(folder: &tempfile::TempDir, name: &str) -> Path {
        Path::from_absolute_path(folder.path().join(name)).unwrap()
    }

    #[tokio::test]
    async fn a_put_makes_its_folders_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (store, path) = (Folder::default(), place(&folder, "a/b/c.json"));
        store.put(&path, "one".into()).await.unwrap();
        store.put(&path, "two".into()).await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path().join("a/b")).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_is_put_only_if_absent_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (store, path) = (Folder::default(), place(&folder, "c.json"));
        let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        store.put_opts(&path, "one".into(), create()).await.unwrap();
        let again = store.put_opts(&path, "two".into(), create()).await.unwrap_err();
        assert!(matches!(again, object_store::Error::AlreadyExists { .. }), "{again}");
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
