//! Storage: a local folder or an object store, after one `ObjectStore`.
//!
//! A location is a path (`exports/pos`) or a URL (`s3://bucket/exports`). Credentials come from the
//! environment only (`AWS_*`), never from a file of ours, and are never printed.

pub mod activity;
pub mod atomic_file;
pub mod fault_injection;
mod folder;
pub mod listing;
pub mod local_file;
pub mod permission;
pub mod process;
pub mod spill;

use std::fmt;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use url::Url;

use self::folder::Folder;
pub use self::folder::sync_to_disk;
use self::permission::Permissions;
use crate::error::{Context, Error, Result};

/// A store and the place in it that a location names.
#[derive(Clone)]
pub struct Storage {
    /// The whole store, as URLs address it: the file system, or a bucket.
    pub root_store: Arc<dyn ObjectStore>,
    /// The location as a directory URL, with a final slash.
    pub url: Url,
    /// The location inside `root_store`.
    pub path: Path,
}

/// The place alone: a store's own words may hold more than anybody should read.
impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Storage").field(&self.url.as_str()).finish()
    }
}

impl Storage {
    /// Opens a location. A local folder need not exist yet.
    ///
    /// # Errors
    /// An invalid location, one with credentials, an unknown kind of store, one whose settings are
    /// missing in the environment.
    pub fn open(location: &str) -> Result<Self> {
        let url = directory_url(location)?;
        let root_store: Arc<dyn ObjectStore> = match url.scheme() {
            "file" => {
                let root = url
                    .to_file_path()
                    .map_err(|()| Error::config(format!("`{location}` is not a path on this machine")))?;
                Arc::new(Folder::new(Permissions::of_warehouse(&root)?))
            }
            "s3" | "s3a" => Arc::new(
                AmazonS3Builder::from_env()
                    .with_url(url.as_str())
                    .build()
                    .doing(format!("open the object store of {location}"))
                    .map_err(|e| {
                        e.hint(
                            "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and, \
                     outside AWS, AWS_ENDPOINT_URL",
                        )
                    })?,
            ),
            other => {
                return Err(Error::config(format!(
                    "`{location}`: `{other}://` is not a known kind of store"
                ))
                .hint("use a local path, file:///… or s3://bucket/prefix"));
            }
        };
        let path = Path::from_url_path(url.path()).doing(format!("read the location {location}"))?;
        Ok(Storage { root_store: fault_injection::between(root_store), url, path })
    }

    /// Returns a store in memory, for work that must leave nothing on disk.
    ///
    /// # Errors
    /// None: its location is always the same.
    pub fn in_memory() -> Result<Self> {
        let url = Url::parse("memory:///warehouse/").doing("open a store in memory")?;
        let path = Path::from_url_path(url.path()).doing("open a store in memory")?;
        Ok(Storage { root_store: Arc::new(InMemory::new()), url, path })
    }

    /// Returns a store that sees only what is below this location.
    pub fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(self.root_store.clone(), self.path.clone()))
    }

    /// Returns the local folder, when the location is one.
    pub fn local_folder(&self) -> Option<PathBuf> {
        (self.url.scheme() == "file").then(|| self.url.to_file_path().ok()).flatten()
    }

    /// Bytes that may still be written; `None` if there is no limit.
    pub fn free_bytes(&self) -> Option<u64> {
        #[cfg(unix)]
        {
            let room = rustix::fs::statvfs(&self.local_folder()?).ok()?;
            Some(room.f_bavail.saturating_mul(room.f_frsize))
        }
        #[cfg(not(unix))]
        None
    }

    /// Returns the URL of the whole store, as DataFusion registers it: `file:///`, `s3://bucket/`.
    pub fn root_url(&self) -> Url {
        let mut url = self.url.clone();
        url.set_path("/");
        url
    }
}

/// Returns a path or URL as a directory URL; relative paths are taken from the working folder.
fn directory_url(location: &str) -> Result<Url> {
    if let Some((scheme, _)) = location.split_once("://")
        && scheme.chars().all(|c| c.is_ascii_alphanumeric())
    {
        let mut url = Url::parse(location)
            .map_err(|e| Error::config(format!("`{location}` is not a valid location")).caused_by(e))?;
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() {
            return Err(Error::config(format!("`{location}` contains credentials or a query"))
                .hint("a location is a bucket and a prefix; credentials come from the environment: AWS_ACCESS_KEY_ID …"));
        }
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        return Ok(url);
    }
    let absolute = std::path::absolute(FilePath::new(location))
        .map_err(|e| Error::config(format!("`{location}` is not a valid location")).caused_by(e))?;
    Url::from_directory_path(without_dots(&absolute))
        .map_err(|()| Error::config(format!("`{location}` is not a valid location")))
}

/// Returns an absolute path without `.` and `..`, which object stores do not know. A `..` after a link
/// means the folder that the link is in, as a shell's `cd` reads it.
fn without_dots(path: &FilePath) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_and_its_url_are_the_same_place() {
        let by_path = Storage::open("/tmp/a b").unwrap();
        let by_url = Storage::open("file:///tmp/a%20b/").unwrap();
        assert_eq!(by_path.url, by_url.url);
        assert_eq!(by_path.path.as_ref(), "tmp/a b");
        assert_eq!(by_path.local_folder().unwrap(), PathBuf::from("/tmp/a b/"));
        assert_eq!(Storage::open("/tmp/x/../a b/.").unwrap().url, by_path.url);
        assert!(Storage::open("ftp://x/y").is_err());
        for secret in ["s3://key:hush@bucket/a", "s3://bucket/a?X-Amz-Signature=hush", "https://u:hush@h/"] {
            let message = Storage::open(secret).unwrap_err().to_string();
            assert!(!message.contains("hush"), "{message}");
        }
    }
}
