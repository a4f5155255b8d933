//! Reading a file as a stream: parsing runs on a thread that may block, a few batches ahead.

use std::sync::Arc;

use futures::{Stream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::FileSource;
use super::bytes::packed::{self, Content};
use super::csv;
use super::fixed;
use super::format::Format;
use super::json;
use super::parquet;
use super::source_file::SourceFile;
use crate::error::{Error, Result};
use crate::source::definition::Source;
use crate::source::row::remark::Remark;
use crate::source::row::rows::Piece;

/// Reads one file of a source in batches of at most `batch_rows` rows.
///
/// Memory is bounded whatever the file's size: a window or two of bytes and four batches. An error
/// ends the stream and says source and file. Needs a tokio runtime; dropping the stream stops the
/// reading.
pub fn read(
    source: &Arc<Source>,
    file: &SourceFile,
    batch_rows: usize,
) -> impl Stream<Item = Result<Piece>> + Send + Unpin + 'static {
    let (send, received) = mpsc::channel(2);
    let (source, file) = (source.clone(), file.clone());
    let runtime = tokio::runtime::Handle::current();
    let place = (source.name.clone(), file.name.clone());
    let thread = tokio::task::spawn_blocking(move || {
        let source = source.as_files();
        let mut emit = |piece| send.blocking_send(Ok(piece)).is_ok();
        if file.size == 0 && source.files.format != Format::Parquet {
            emit(Piece::Remark(Remark::of_file("it has 0 bytes: did the export fail?".to_owned())));
        }
        let done = match source.files.format {
            Format::Parquet => parquet::read(source, &file, batch_rows, &runtime, &mut emit),
            _ => packed::open(&file)
                .and_then(|content| text(source, &file.name, batch_rows, content, &mut emit)),
        };
        if let Err(error) = done {
            let error = error.at(file.name.clone()).at(format!("source {}", source.name));
            // Nobody listening is not an error.
            let _ = send.blocking_send(Err(error));
        }
    });
    let reading = Reading { received, thread: Some(thread), place };
    Box::pin(futures::stream::unfold(reading, |mut reading| async {
        let piece = reading.next().await?;
        Some((piece, reading))
    }))
}

/// Reads what a file holds as text, in the source's format.
pub fn text(
    source: FileSource<'_>,
    file: &str,
    batch_rows: usize,
    mut content: Content,
    emit: &mut dyn FnMut(Piece) -> bool,
) -> Result<()> {
    let windows = || content.next();
    match source.files.format {
        Format::Jsonl | Format::Json => json::read(source, file, batch_rows, windows, emit),
        Format::Fixed => fixed::read(source, file, batch_rows, windows, emit),
        Format::Csv => csv::read(source, file, batch_rows, windows, emit),
        Format::Parquet => Err(Error::failed("Parquet is not text")),
    }
}

/// Returns whether a file holds any record, one that fits or one that does not.
///
/// # Errors
/// A file that cannot be read, or whose columns the policy does not accept.
pub async fn has_records(source: &Arc<Source>, file: &SourceFile) -> Result<bool> {
    let mut pieces = read(source, file, 1);
    while let Some(piece) = pieces.next().await {
        match piece? {
            Piece::Rows(batch) | Piece::Refused(batch) if batch.num_rows() > 0 => return Ok(true),
            Piece::Rows(_) | Piece::Refused(_) | Piece::Remark(_) => {}
        }
    }
    Ok(false)
}

struct Reading {
    received: mpsc::Receiver<Result<Piece>>,
    thread: Option<JoinHandle<()>>,
    place: (String, String),
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Piece>> {
        if let Some(piece) = self.received.recv().await {
            return Some(piece);
        }
        // The end, unless the reader died: half a file must not pass for a whole one.
        match self.thread.take()?.await {
            Ok(()) => None,
            Err(_) => Some(Err(Error::failed("reading stopped unexpectedly")
                .at(self.place.1.clone())
                .at(format!("source {}", self.place.0)))),
        }
    }
}
