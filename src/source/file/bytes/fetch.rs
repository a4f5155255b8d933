//! Fetches the parts of a file from its store.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use object_store::{GetOptions, GetRange, ObjectStore};
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::error::{Error, Result};
use crate::source::file::source_file::SourceFile;
use crate::storage::activity;

/// Fetches a part of a file's object.
pub async fn fetch(file: &SourceFile, range: Range<u64>) -> Result<Bytes> {
    if range.is_empty() {
        return Ok(Bytes::new());
    }
    part(file, range).await.map_err(|e| unreadable(e, file))
}

async fn part(file: &SourceFile, range: Range<u64>) -> object_store::Result<Bytes> {
    // The version must stay the one that was listed: half of an old file and half of a new one
    // would read as one good file.
    let options = GetOptions {
        range: Some(GetRange::Bounded(range.clone())),
        if_match: file.version.clone(),
        ..GetOptions::default()
    };
    let bytes = file.store.get_opts(&file.location, options).await?.bytes().await?;
    activity::note();
    if bytes.len() as u64 != range.end - range.start {
        return Err(object_store::Error::Generic {
            store: "source",
            source: "the file is shorter than its listed size".into(),
        });
    }
    Ok(bytes)
}

fn unreadable(cause: object_store::Error, file: &SourceFile) -> Error {
    let error = match &cause {
        object_store::Error::Precondition { .. } | object_store::Error::NotModified { .. } => {
            return Error::failed("the file changed while it was being read").hint(
                "let the export write to a hidden or .tmp name and rename the file when it is complete",
            );
        }
        object_store::Error::NotFound { .. } => Error::failed("the file was deleted while it was being read"),
        _ => Error::failed(format!("could not read {}", file.name)),
    };
    error.caused_by(cause)
}

/// Parquet's view of a file.
impl AsyncFileReader for SourceFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        async move { part(self, range).await.map_err(|e| ParquetError::External(Box::new(e))) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let size = self.size;
            let mut reader = ParquetMetaDataReader::new().with_prefetch_hint(Some(64 * 1024));
            if let Some(options) = options {
                reader = reader.with_metadata_options(Some(options.metadata_options().clone()));
            }
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}
