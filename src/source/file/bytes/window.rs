//! Reads a file's bytes in windows, fetched one ahead of their reader.

use std::ops::Range;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::archive;
use super::fetch::fetch;
use crate::error::Result;
use crate::source::file::source_file::SourceFile;

/// Large enough that requests and context switches do not count, small enough to stay in cache.
const WINDOW: u64 = 2 * 1024 * 1024;

/// The windows of a file, in order.
pub struct Windows {
    received: mpsc::Receiver<Result<Bytes>>,
}

impl Windows {
    /// Starts fetching. Needs a tokio runtime; fetching stops when the windows are dropped.
    pub fn open(file: &SourceFile) -> Self {
        let (send, received) = mpsc::channel(2);
        let file = file.clone();
        tokio::spawn(async move {
            let Range { start: mut at, end } = match stored(&file).await {
                Ok(range) => range,
                Err(error) => {
                    // Nobody listening is not an error.
                    let _ = send.send(Err(error)).await;
                    return;
                }
            };
            while at < end {
                let next = (at + WINDOW).min(end);
                let window = fetch(&file, at..next).await;
                let failed = window.is_err();
                if send.send(window).await.is_err() || failed {
                    return;
                }
                at = next;
            }
        });
        Windows { received }
    }

    /// Returns the next window; on a thread that may block.
    pub(super) fn next_blocking(&mut self) -> Option<Result<Bytes>> {
        self.received.blocking_recv()
    }
}

/// Returns where the file's bytes are in its object.
async fn stored(file: &SourceFile) -> Result<Range<u64>> {
    match &file.member {
        None => Ok(0..file.size),
        Some(member) => archive::stored(file, member).await,
    }
}
