//! Reading bytes that are at hand, with neither store nor thread.

use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::declaration::{Format, Source};
use super::location::SourceFile;
use super::stream::Piece;
use super::{csv, json, parquet};
use crate::error::{Context, Result};

/// Reads the bytes of one file, which come in `windows`, in batches of at most `batch_rows` rows;
/// `emit` says whether anyone still listens.
///
/// The same reading as [`read`](super::read) does, on this thread; it must not be one that a tokio
/// runtime runs its tasks on.
pub fn read_at_hand(
    source: &Source,
    file: &str,
    windows: Vec<Bytes>,
    batch_rows: usize,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let mut coming = windows.into_iter();
    match source.format {
        Format::Csv => csv::read(source, file, batch_rows, || coming.next().map(Ok), emit),
        Format::Jsonl | Format::Json => json::read(source, file, batch_rows, || coming.next().map(Ok), emit),
        Format::Parquet => {
            let bytes: Bytes = coming.flatten().collect();
            let runtime =
                tokio::runtime::Builder::new_current_thread().build().doing("start reading the bytes")?;
            let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            let location = Path::from("file");
            let size = bytes.len() as u64;
            runtime.block_on(store.put(&location, bytes.into())).doing("take up the bytes")?;
            let file = SourceFile {
                name: file.to_owned(),
                size,
                modified: DateTime::UNIX_EPOCH,
                location,
                version: None,
                store,
            };
            parquet::read(source, &file, batch_rows, runtime.handle(), emit)
        }
    }
}
