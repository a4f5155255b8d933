//! The warehouse's store as SQL sees it: only files that tables name, no listing.
//!
//! The engine takes the path of a missing file for a folder, lists it, and reads nothing. Here a missing file
//! that a release names is an error, whenever it was deleted.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

use crate::storage::activity;

/// A store that answers for files by their names alone.
#[derive(Debug)]
pub(super) struct NamedFiles {
    store: Arc<dyn ObjectStore>,
}

impl NamedFiles {
    pub fn of(store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> {
        Arc::new(NamedFiles { store })
    }
}

impl fmt::Display for NamedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.store.fmt(f)
    }
}

/// Returns what is listed was looked for by its name before, and not found.
fn not_found(prefix: Option<&Path>) -> Error {
    let path = prefix.map(ToString::to_string).unwrap_or_default();
    Error::NotFound { path, source: "no such file".into() }
}

#[async_trait::async_trait]
impl ObjectStore for NamedFiles {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.store.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.store.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let got = self.store.get_opts(location, options).await;
        activity::note();
        got
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let got = self.store.get_ranges(location, ranges).await;
        activity::note();
        got
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.store.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let error = not_found(prefix);
        stream::once(async { Err(error) }).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        Err(not_found(prefix))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.store.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.store.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn a_file_is_found_by_its_name_and_never_by_a_listing() {
        let store = NamedFiles::of(Arc::new(InMemory::new()));
        let path = Path::from("raw/pos/part-1.parquet");
        store.put(&path, "rows".into()).await.unwrap();
        assert_eq!(store.head(&path).await.unwrap().size, 4);
        let listed = store.list(Some(&path)).next().await.unwrap();
        assert!(matches!(listed, Err(Error::NotFound { .. })));
    }
}
