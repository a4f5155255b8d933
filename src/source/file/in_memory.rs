//! Reads bytes that are already in memory, without a store or a thread.

use std::sync::Arc;

use bytes::Bytes;
use chrono::DateTime;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use super::bytes::packed;
use super::format::Format;
use super::listing::members::opened;
use super::parquet;
use super::source_file::SourceFile;
use super::stream::text;
use crate::error::{Context, Result};
use crate::source::definition::Source;
use crate::source::row::rows::Piece;

/// Reads the bytes of one file, which come in `windows`, in batches of at most `batch_rows` rows;
/// `emit` returns false when its receiver is gone.
///
/// The same reading as [`read`](crate::source::read) does, on this thread; it must not be one that a tokio
/// runtime runs its tasks on.
///
/// # Errors
/// Bytes that are not of the source's format, or whose columns it does not accept.
pub fn read_in_memory(
    source: &Source,
    file: &str,
    windows: Vec<Bytes>,
    batch_rows: usize,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let source = source.as_files();
    if source.files.format != Format::Parquet && source.files.member.is_none() {
        let content = packed::unpacked(Box::new(windows.into_iter().map(Ok)))?;
        return text(source, file, batch_rows, content, emit);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .doing("start reading the bytes")?;
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let location = Path::from("file");
    let bytes: Bytes = windows.into_iter().flatten().collect();
    let size = bytes.len() as u64;
    runtime.block_on(store.put(&location, bytes.into())).doing("continue reading the bytes")?;
    let file = SourceFile {
        name: file.to_owned(),
        size,
        modified: DateTime::UNIX_EPOCH,
        location,
        version: None,
        member: None,
        content: None,
        store,
    };
    if source.files.format == Format::Parquet {
        return parquet::read(source, &file, batch_rows, runtime.handle(), emit);
    }
    let _entered = runtime.enter();
    let listing = runtime.block_on(opened(source, vec![file]))?;
    listing
        .files
        .iter()
        .try_for_each(|member| text(source, &member.name, batch_rows, packed::open(member)?, emit))
}
