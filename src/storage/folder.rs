//! The file system as an object store whose writes survive a power failure.
//!
//! `object_store`'s own local store puts a file in place by a link or a rename, but only hands its bytes to
//! the system: after a power failure a file may exist and be empty. Here a put is on the disk, including its
//! name, when it returns, and the name appears only after the bytes. Files that `permission` restricts are
//! readable only by their owner from the first byte on. A listing is complete or an error.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::FutureExt;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

use super::permission::Permissions;
use super::{fault_injection, listing};

#[derive(Debug, Default)]
pub struct Folder {
    inner: LocalFileSystem,
    permissions: Permissions,
}

impl Folder {
    /// Returns the file system, in which a warehouse is written to with these permissions.
    pub fn new(permissions: Permissions) -> Self {
        Folder { inner: LocalFileSystem::new(), permissions }
    }
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
        let (mode, permissions) = (opts.mode, self.permissions.clone());
        blocking(move || put_whole(&path, &payload, &mode, &permissions)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let to = self.inner.path_to_filesystem(location)?;
        let (path, permissions) = (to.clone(), self.permissions.clone());
        let begun = blocking(move || temporary(&path, &permissions).map_err(|source| failure(&path, source)));
        let (file, temporary) = begun.await?;
        let file = Arc::new(Mutex::new(file));
        Ok(Box::new(Upload { file, offset: 0, temporary: Temporary(Some(temporary)), to }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        // A deletion that a power failure undoes is repeated by the next process that finds the file.
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files_below(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files_below(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let folder = self.folder(prefix)?;
        blocking(move || listing::entries_of(&folder)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.make_room(to).await?;
        self.inner.copy_opts(from, to, options).await?;
        self.sync_to_disk(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.make_room(to).await?;
        self.inner.rename_opts(from, to, options).await?;
        self.sync_to_disk(to).await
    }
}

impl Folder {
    /// Returns the folder of a prefix: the one that contains its files.
    fn folder(&self, prefix: Option<&Path>) -> Result<PathBuf> {
        let mut file = self.inner.path_to_filesystem(&prefix.cloned().unwrap_or_default().join("file"))?;
        file.pop();
        Ok(file)
    }

    fn files_below(
        &self,
        prefix: Option<&Path>,
        offset: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.folder(prefix) {
            Ok(folder) => listing::files_below(&folder, offset),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    /// Makes the folders above a place that the store would make itself.
    async fn make_room(&self, location: &Path) -> Result<()> {
        let (path, permissions) = (self.inner.path_to_filesystem(location)?, self.permissions.clone());
        blocking(move || make_folders(&path, &permissions).map_err(|source| failure(&path, source))).await
    }

    async fn sync_to_disk(&self, location: &Path) -> Result<()> {
        let path = self.inner.path_to_filesystem(location)?;
        blocking(move || sync_to_disk(&path).map_err(|source| failure(&path, source))).await
    }
}

/// A large file, written part by part under a name that no listing shows.
#[derive(Debug)]
struct Upload {
    file: Arc<Mutex<File>>,
    /// Where the next part begins; parts are written in any order.
    offset: u64,
    temporary: Temporary,
    to: PathBuf,
}

/// A file that is deleted unless it gets its name.
#[derive(Debug)]
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

#[async_trait::async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (file, to, at) = (self.file.clone(), self.to.clone(), self.offset);
        self.offset += data.content_length() as u64;
        blocking(move || {
            let write = || {
                let mut file = file.lock().map_err(|_| io::Error::other("another part failed"))?;
                file.seek(SeekFrom::Start(at))?;
                data.iter().try_for_each(|bytes| file.write_all(bytes))
            };
            write().map_err(|source| failure(&to, source))
        })
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let Some(temporary) = self.temporary.0.clone() else {
            return Err(failure(&self.to, io::Error::other("the upload is already closed")));
        };
        let (file, to) = (self.file.clone(), self.to.clone());
        blocking(move || {
            let put = || {
                let file = file.lock().map_err(|_| io::Error::other("a part failed"))?;
                fs::rename(&temporary, &to)?;
                // Nothing speaks of such a file yet, so its name may come before its bytes.
                fault_injection::point("fsync");
                file.sync_all()?;
                sync_folder(&to)
            };
            put().map_err(|source| failure(&to, source))
        })
        .await?;
        self.temporary.0 = None;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        drop(std::mem::replace(&mut self.temporary, Temporary(None)));
        Ok(())
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(broken) => Err(object_store::Error::JoinError { source: broken }),
    }
}

/// Bytes first, under a name that listings leave out; then the name; then the folder.
fn put_whole(path: &FilePath, payload: &PutPayload, mode: &PutMode, permissions: &Permissions) -> Result<()> {
    let failed = |source: io::Error| failure(path, source);
    let (mut file, temporary) = temporary(path, permissions).map_err(failed)?;
    let put = write(&mut file, payload).and_then(|()| {
        fault_injection::point("link");
        match mode {
            PutMode::Create => {
                fs::hard_link(&temporary, path)?;
                fault_injection::point("unlink");
                // The name exists: the rest of the other one does no harm.
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
    fault_injection::point("fsync folder");
    sync_folder(path).map_err(failed)
}

fn write(file: &mut File, payload: &PutPayload) -> io::Result<()> {
    fault_injection::point("write");
    payload.iter().try_for_each(|bytes| file.write_all(bytes))?;
    fault_injection::point("fsync");
    file.sync_all()
}

/// Returns a new file beside the path, under a name that listings leave out: it ends in `#` and digits.
fn temporary(path: &FilePath, permissions: &Permissions) -> io::Result<(File, PathBuf)> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{}{number:06}", std::process::id()));
        let name = PathBuf::from(name);
        match permissions.of(path).new_file(&name) {
            Ok(file) => return Ok((file, name)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => make_folders(path, permissions)?,
            Err(e) => return Err(e),
        }
    }
}

/// Makes the folders above the path, each of them on the disk before the next.
fn make_folders(path: &FilePath, permissions: &Permissions) -> io::Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    if folder.is_dir() {
        return Ok(());
    }
    make_folders(folder, permissions)?;
    match permissions.of(folder).new_folder(folder) {
        Ok(()) => sync_folder(folder),
        // Another thread was quicker.
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(e),
    }
}

/// Syncs a file, or a folder with the names in it, and its own name to the disk.
///
/// # Errors
/// A path that cannot be opened or brought to the disk.
pub fn sync_to_disk(path: &FilePath) -> io::Result<()> {
    fault_injection::point("fsync");
    File::open(path)?.sync_all()?;
    sync_folder(path)
}

/// Brings the names in the folder of this path to the disk.
pub(super) fn sync_folder(path: &FilePath) -> io::Result<()> {
    // Elsewhere than on Unix a folder cannot be opened; its names are settled by the system.
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        let is_here = folder.as_os_str().is_empty();
        File::open(if is_here { FilePath::new(".") } else { folder })?.sync_all()?;
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
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
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

    #[tokio::test]
    async fn a_large_file_is_written_part_by_part_and_appears_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (store, path) = (Folder::default(), place(&folder, "a/b.parquet"));
        let mut upload = store.put_multipart_opts(&path, PutMultipartOptions::default()).await.unwrap();
        let (first, second) = (upload.put_part("one ".into()), upload.put_part("two".into()));
        second.await.unwrap();
        first.await.unwrap();
        assert!(store.head(&path).await.is_err());
        upload.complete().await.unwrap();
        assert_eq!(store.get(&path).await.unwrap().bytes().await.unwrap(), "one two");
        for ends in [true, false] {
            let mut upload = store.put_multipart_opts(&path, PutMultipartOptions::default()).await.unwrap();
            upload.put_part("other".into()).await.unwrap();
            if ends {
                upload.abort().await.unwrap();
            }
            drop(upload);
            assert_eq!(fs::read_dir(folder.path().join("a")).unwrap().count(), 1);
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn rows_are_their_owners_alone_and_marts_whose_the_umask_lets() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("wh");
        let store = Folder::new(Permissions::of_warehouse(&root).unwrap());
        let names = ["raw/pos/a.parquet", "ops/quarantine/a.parquet", "_sillage/journal/1.json", "core/x/a"];
        let mode = |path: &FilePath| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for name in names {
            store.put(&place(&folder, &format!("wh/{name}")), "x".into()).await.unwrap();
            assert_eq!(mode(&root.join(name)), 0o600, "{name}");
            assert_eq!(mode(root.join(name).parent().unwrap()), 0o700, "{name}");
        }
        let large = place(&folder, "wh/raw/pos/b.parquet");
        let mut upload = store.put_multipart_opts(&large, PutMultipartOptions::default()).await.unwrap();
        upload.complete().await.unwrap();
        assert_eq!(mode(&root.join("raw/pos/b.parquet")), 0o600);
        // Made as everything else is.
        let (file, dir) = (folder.path().join("file"), folder.path().join("dir"));
        fs::write(&file, "x").unwrap();
        fs::create_dir(&dir).unwrap();
        for name in
            ["mart/x/a.parquet", "_sillage/releases/1.json", "_sillage/format.json", "bi/mart/x.parquet"]
        {
            store.put(&place(&folder, &format!("wh/{name}")), "x".into()).await.unwrap();
            assert_eq!(mode(&root.join(name)), mode(&file), "{name}");
        }
        for name in ["", "mart", "mart/x", "_sillage/releases", "bi"] {
            assert_eq!(mode(&root.join(name)), mode(&dir), "{name}");
        }
        // Others pass, and see no names.
        assert_eq!(mode(&root.join("_sillage")), 0o711);
    }
}
