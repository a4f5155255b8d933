//! Decompresses files: gzip, Zstandard and members of zip archives.
//!
//! The compression is recognised by the first bytes, whatever the name. Decompression streams: only a window
//! is in memory, however large the content is. A stream that ends early or has a wrong checksum is an error,
//! never a shorter file.

use std::io::{self, BufRead, Read};
use std::iter;

use bytes::{Buf, Bytes, BytesMut};
use deflate64::Deflate64Decoder;
use flate2::Crc;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder};

use super::archive_member::{Member, Packing};
use super::form::{Form, HEAD, form};
use super::window::Windows;
use crate::error::{Error, Result};
use crate::source::file::source_file::SourceFile;

/// Bytes decompressed at a time: large enough for the readers, small enough for the cache.
const UNPACKED: usize = 1024 * 1024;

/// The windows of what a file holds, in order; to be read on a thread that may block.
pub type Content = Box<dyn Iterator<Item = Result<Bytes>> + Send>;

/// Opens a file to be read as text. Needs a tokio runtime, and a thread that may block.
pub fn open(file: &SourceFile) -> Result<Content> {
    unpacked(stored(file)?)
}

/// Opens a file: its bytes as stored, for a member its uncompressed content.
/// Needs a tokio runtime.
pub fn stored(file: &SourceFile) -> Result<Content> {
    let mut windows = Windows::open(file);
    let windows: Content = Box::new(iter::from_fn(move || windows.next_blocking()));
    match &file.member {
        None => Ok(windows),
        Some(member) => of_member(member, file.size, Stored { window: Bytes::new(), windows }),
    }
}

/// Decompresses bytes if their beginning shows that they are compressed.
pub(in crate::source) fn unpacked(mut windows: Content) -> Result<Content> {
    let window = head(&mut windows)?;
    let form = form(&window);
    let bytes = Stored { window, windows };
    match form {
        Form::Plain => Ok(Box::new(iter::once(Ok(bytes.window)).chain(bytes.windows))),
        Form::Gzip => once_packed("gzip", MultiGzDecoder::new(bytes)),
        Form::Zstandard => {
            let decoder = zstd::Decoder::with_buffer(bytes).map_err(|e| damaged(ZSTANDARD, e))?;
            once_packed(ZSTANDARD, decoder)
        }
        Form::Foreign(foreign) => Err(foreign.error()),
    }
}

const ZSTANDARD: &str = "Zstandard";

/// Returns the first windows joined, long enough to recognise a form, or all of them.
fn head(windows: &mut Content) -> Result<Bytes> {
    let mut head = windows.next().transpose()?.unwrap_or_default();
    while head.len() < HEAD {
        let Some(more) = windows.next().transpose()? else { break };
        let mut both = BytesMut::with_capacity(head.len() + more.len());
        both.extend_from_slice(&head);
        both.extend_from_slice(&more);
        head = both.freeze();
    }
    Ok(head)
}

/// Returns what a decoder yields, which must be text.
fn once_packed(packing: &'static str, decoder: impl Read + Send + 'static) -> Result<Content> {
    let mut windows = read_out(packing, decoder);
    let first = windows.next().transpose()?.unwrap_or_default();
    form(&first).must_be_plain(packing)?;
    Ok(Box::new(iter::once(Ok(first)).chain(windows)))
}

/// Returns the windows of what a decoder yields.
fn read_out(packing: &'static str, mut decoder: impl Read + Send + 'static) -> Content {
    Box::new(iter::from_fn(move || {
        let mut window = Vec::with_capacity(UNPACKED);
        match decoder.by_ref().take(UNPACKED as u64).read_to_end(&mut window) {
            Ok(0) => None,
            Ok(_) => Some(Ok(Bytes::from(window))),
            Err(error) => Some(Err(damaged(packing, error))),
        }
    }))
}

fn damaged(packing: &str, error: io::Error) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(ours) => return ours,
        Err(error) => error,
    };
    let message = match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("the {packing} data is truncated"),
        _ => format!("the {packing} data is damaged"),
    };
    let hint = match error.to_string().contains("too much memory") {
        true => "compress it without --long",
        false => "was it truncated while it was copied? Deliver it again; none of it was read",
    };
    Error::failed(message).caused_by(error).hint(hint)
}

/// Returns the uncompressed content of a member, checked against its length and checksum.
fn of_member(member: &Member, size: u64, bytes: Stored) -> Result<Content> {
    const ZIP: &str = "zip";
    let packed: Box<dyn Read + Send> = match member.packing {
        Packing::Stored => Box::new(bytes),
        Packing::Deflate => Box::new(DeflateDecoder::new(bytes)),
        Packing::Deflate64 => Box::new(Deflate64Decoder::with_buffer(bytes)),
        Packing::Zstandard => Box::new(zstd::Decoder::with_buffer(bytes).map_err(|e| damaged(ZIP, e))?),
    };
    Ok(read_out(ZIP, Whole { packed, size, checksum: member.checksum, crc: Crc::new(), read: 0 }))
}

/// A member that is an error unless it is as long, and has the checksum, that its archive says.
struct Whole {
    packed: Box<dyn Read + Send>,
    size: u64,
    checksum: u32,
    crc: Crc,
    read: u64,
}

impl Read for Whole {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.packed.read(buffer)?;
        self.crc.update(&buffer[..count]);
        self.read += count as u64;
        let over = count == 0 && !buffer.is_empty();
        let wrong = |kind, message| Err(io::Error::new(kind, message));
        if self.read > self.size {
            return wrong(io::ErrorKind::InvalidData, "the member is longer than its archive says");
        }
        if over && self.read < self.size {
            return wrong(io::ErrorKind::UnexpectedEof, "the member is shorter than its archive says");
        }
        if over && self.crc.sum() != self.checksum {
            return wrong(io::ErrorKind::InvalidData, "the member's checksum is not what its archive says");
        }
        Ok(count)
    }
}

/// Windows as the decoders read them.
struct Stored {
    window: Bytes,
    windows: Content,
}

impl BufRead for Stored {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.window.is_empty() {
            match self.windows.next() {
                Some(window) => self.window = window.map_err(io::Error::other)?,
                None => break,
            }
        }
        Ok(&self.window)
    }

    fn consume(&mut self, count: usize) {
        self.window.advance(count);
    }
}

impl Read for Stored {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let window = self.fill_buf()?;
        let count = window.len().min(buffer.len());
        buffer[..count].copy_from_slice(&window[..count]);
        self.consume(count);
        Ok(count)
    }
}
