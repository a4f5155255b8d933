//! Content hashes of files, unpacked: how two files are found to have the same content.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::fetch::fetch;
use super::form::{Form, HEAD, form};
use super::packed;
use crate::error::{Error, Result};
use crate::source::definition::Source;
use crate::source::file::format::Format;
use crate::source::file::source_file::{Content, SourceFile};

/// Returns what a file holds. One that cannot be unpacked stands for the bytes as stored: whoever
/// reads it is reported why.
///
/// # Errors
/// A file that cannot be read.
pub async fn content(source: &Source, file: &SourceFile) -> Result<Content> {
    if let Some(known) = &file.content {
        return Ok(known.clone());
    }
    let place = |e: Error| e.at(file.name.clone()).at(format!("source {}", source.name));
    let (opened, is_text) = (file.clone(), source.files().format != Format::Parquet);
    let content = tokio::task::spawn_blocking(move || {
        if is_text {
            let is_unreadable = Arc::new(AtomicBool::new(false));
            let seen = is_unreadable.clone();
            let stored = packed::stored(&opened)?.inspect(move |window| {
                seen.fetch_or(window.is_err(), Ordering::Relaxed);
            });
            match packed::unpacked(Box::new(stored)).and_then(content_of) {
                Err(_) if !is_unreadable.load(Ordering::Relaxed) => {}
                content => return content,
            }
        }
        packed::stored(&opened).and_then(content_of)
    });
    content.await.map_err(|_| Error::failed("reading stopped unexpectedly")).flatten().map_err(place)
}

fn content_of(windows: packed::Content) -> Result<Content> {
    let (mut hasher, mut size) = (blake3::Hasher::new(), 0);
    for window in windows {
        let window = window?;
        size += window.len() as u64;
        hasher.update(&window);
    }
    Ok(Content { digest: hasher.finalize().to_hex().to_string(), size })
}

impl SourceFile {
    /// Computes the content hash of a file and remembers it for this version of the file.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub async fn look_at_content(&mut self, source: &Source) -> Result<&Content> {
        let found = content(source, self).await?;
        Ok(self.content.insert(found))
    }
}

/// Returns whether a file is decompressed when it is read, so that its size is not that of its content. False
/// for a member of a damaged archive: reading it gives the error.
///
/// # Errors
/// A file that cannot be read.
pub async fn is_packed(source: &Source, file: &SourceFile) -> Result<bool> {
    if source.files().format == Format::Parquet {
        return Ok(false);
    }
    let head = match &file.member {
        None => fetch(file, 0..file.size.min(HEAD as u64)).await?,
        Some(_) => {
            let member = file.clone();
            let first = tokio::task::spawn_blocking(move || packed::stored(&member).ok()?.next()?.ok());
            first.await.ok().flatten().unwrap_or_default()
        }
    };
    Ok(matches!(form(&head), Form::Gzip | Form::Zstandard))
}
