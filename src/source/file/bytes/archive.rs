//! Reads the members of a zip archive, found by the central directory at its end, as separate files.
//!
//! A member is named after its archive and its path inside it, `export.zip/2026/orders.csv`, wherever a file
//! has a name. Only the directory is trusted, and all of it must be readable. An archive that is truncated,
//! joined with another or encrypted is refused, never read in part.

use std::ops::Range;

use bytes::{Buf, Bytes};
use flate2::Crc;
use yore::code_pages::CP850;

use super::archive_member::{Member, Packing};
use super::fetch::fetch;
use crate::error::{Error, Result};
use crate::source::file::source_file::SourceFile;

/// An entry of the directory.
#[derive(Debug)]
pub struct Entry {
    /// With `/` between folders, and at the end of a folder's own name.
    pub name: String,
    pub size: u64,
    member: Member,
    method: u16,
    encrypted: bool,
}

impl Entry {
    /// Returns the member, where it can be read.
    ///
    /// # Errors
    /// An encrypted member, and one with an unknown compression method.
    pub fn member(&self) -> Result<Member> {
        let error = match self.method {
            _ if self.encrypted => Error::failed("the member is encrypted")
                .hint("sillage has no passwords: deliver the archive without encryption"),
            0 | 8 | 9 | 20 | 93 => return Ok(self.member.clone()),
            12 | 14 | 95 | 98 => Error::failed("the member is compressed with bzip2, LZMA, xz or PPMd")
                .hint("compress it with Deflate, the default of zip"),
            other => Error::failed(format!("the member is compressed with an unknown method ({other})"))
                .hint("compress it with Deflate, the default of zip"),
        };
        Err(error.at(self.name.clone()))
    }
}

const END: u32 = 0x0605_4B50;
const END_64: u32 = 0x0606_4B50;
const LOCATOR_64: u32 = 0x0706_4B50;
const ENTRY: u32 = 0x0201_4B50;
const MEMBER: u32 = 0x0403_4B50;
const SIGNATURE: u32 = 0x0505_4B50;

const END_BYTES: usize = 22;
const LOCATOR_BYTES: usize = 20;
const END_64_BYTES: u64 = 56;
const ENTRY_BYTES: usize = 46;
const MEMBER_BYTES: u64 = 30;
/// The longest comment.
const COMMENT_BYTES: usize = u16::MAX as usize;
/// The largest directory that is taken into memory: some hundred thousand members.
const MOST_DIRECTORY: u64 = 64 * 1024 * 1024;

/// Returns the directory of the archive, or nothing where the file is not an archive.
///
/// # Errors
/// An archive that is truncated, cut into parts, joined with other bytes, or that contradicts itself.
pub async fn directory(file: &SourceFile) -> Result<Option<Vec<Entry>>> {
    let least = file.size.min((END_BYTES + LOCATOR_BYTES + COMMENT_BYTES) as u64);
    let start = file.size - least;
    let tail = fetch(file, start..file.size).await?;
    let Some(end) = end(&tail) else {
        let head = fetch(file, 0..file.size.min(4)).await?;
        return match head.starts_with(b"PK\x03\x04") {
            true => Err(Error::failed(
                "the zip archive is truncated: its central directory is \
             missing",
            )
            .hint(CUT)),
            false => Ok(None),
        };
    };
    let end_at = start + end as u64;
    let mut directory = Directory::of(&tail[end..])?;
    let mut ends_at = end_at;
    if directory.is_large
        && let Some(locator) = end.checked_sub(LOCATOR_BYTES).map(|at| tail.slice(at..end))
        && number(&locator, 0) == LOCATOR_64
    {
        ends_at = long(&locator, 8);
        let range = ends_at..ends_at.saturating_add(END_64_BYTES);
        let large = within(file, range, end_at).await?;
        if number(&large, 0) != END_64 {
            return Err(contradictory());
        }
        directory = Directory { entries: long(&large, 32), ..directory };
        (directory.bytes, directory.start) = (long(&large, 40), long(&large, 48));
    }
    let all = directory.start..directory.start.checked_add(directory.bytes).ok_or_else(contradictory)?;
    if all.end != ends_at {
        return Err(match all.end < ends_at {
            true => Error::failed("the zip archive does not start at the beginning of the file")
                .hint("are two archives joined in one file? Deliver them as separate files"),
            false => contradictory(),
        });
    }
    if directory.bytes > MOST_DIRECTORY {
        return Err(Error::failed("the zip archive has more members than sillage reads from one file")
            .hint("deliver it as several archives"));
    }
    let bytes = match all.start.checked_sub(start).and_then(|at| usize::try_from(at).ok()) {
        Some(at) => tail.slice(at..at + directory.bytes as usize),
        None => within(file, all, ends_at).await?,
    };
    entries(bytes, directory.entries).map(Some)
}

/// Returns where a member's compressed bytes are in the archive.
pub async fn stored(file: &SourceFile, member: &Member) -> Result<Range<u64>> {
    let range = member.header..member.header.saturating_add(MEMBER_BYTES);
    let header = fetch(file, range.clone()).await?;
    if header.len() as u64 != MEMBER_BYTES || number(&header, 0) != MEMBER {
        return Err(contradictory());
    }
    let start = range.end + u64::from(short(&header, 26)) + u64::from(short(&header, 28));
    Ok(start..start.saturating_add(member.stored))
}

/// Returns the place of the record that ends the archive, with nothing after its comment.
fn end(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_BYTES)?;
    (0..=last).rev().find(|&at| {
        number(tail, at) == END && at + END_BYTES + usize::from(short(tail, at + 20)) == tail.len()
    })
}

struct Directory {
    entries: u64,
    bytes: u64,
    start: u64,
    /// Some figure is in another record, which is for large archives.
    is_large: bool,
}

impl Directory {
    fn of(end: &[u8]) -> Result<Self> {
        let (disk, first_disk, here, entries) = (short(end, 4), short(end, 6), short(end, 8), short(end, 10));
        let (bytes, start) = (number(end, 12), number(end, 16));
        if (disk != 0 && disk != u16::MAX) || (first_disk != 0 && first_disk != u16::MAX) || here != entries {
            return Err(Error::failed("the zip archive is one part of a split archive")
                .hint("deliver it as one file"));
        }
        Ok(Directory {
            entries: entries.into(),
            bytes: bytes.into(),
            start: start.into(),
            is_large: entries == u16::MAX || bytes == u32::MAX || start == u32::MAX,
        })
    }
}

fn entries(mut bytes: Bytes, count: u64) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    while bytes.len() >= 4 && number(&bytes, 0) == ENTRY {
        entries.push(entry(&mut bytes)?);
    }
    let rest_is_known = bytes.is_empty() || (bytes.len() >= 4 && number(&bytes, 0) == SIGNATURE);
    if !rest_is_known || entries.len() as u64 != count {
        return Err(contradictory());
    }
    Ok(entries)
}

fn entry(bytes: &mut Bytes) -> Result<Entry> {
    if bytes.len() < ENTRY_BYTES {
        return Err(contradictory());
    }
    let fixed = bytes.split_to(ENTRY_BYTES);
    let lengths = [short(&fixed, 28), short(&fixed, 30), short(&fixed, 32)].map(usize::from);
    if bytes.len() < lengths.iter().sum() {
        return Err(contradictory());
    }
    let [name, extra, _comment] = lengths.map(|length| bytes.split_to(length));
    let (flags, method) = (short(&fixed, 8), short(&fixed, 10));
    let mut sizes = [number(&fixed, 24), number(&fixed, 20), number(&fixed, 42)].map(u64::from);
    let extra = extras(extra);
    if let Some((_, large)) = extra.iter().find(|(kind, _)| *kind == 1) {
        // Of the three, those that do not fit into 32 bits, in this order.
        let mut large = large.clone();
        for size in sizes.iter_mut().filter(|size| **size == u64::from(u32::MAX)) {
            *size = large.try_get_u64_le().map_err(|_| contradictory())?;
        }
    }
    let [size, stored, header] = sizes;
    let packing = match method {
        8 => Packing::Deflate,
        9 => Packing::Deflate64,
        20 | 93 => Packing::Zstandard,
        _ => Packing::Stored,
    };
    Ok(Entry {
        name: member_name(&name, &extra, flags & 0x800 != 0),
        size,
        member: Member { header, stored, packing, checksum: number(&fixed, 16) },
        method,
        encrypted: flags & 1 != 0,
    })
}

/// Returns the further fields of an entry, by their kinds.
fn extras(mut bytes: Bytes) -> Vec<(u16, Bytes)> {
    let mut extras = Vec::new();
    while let (Ok(kind), Ok(length)) = (bytes.try_get_u16_le(), bytes.try_get_u16_le()) {
        let length = usize::from(length).min(bytes.len());
        extras.push((kind, bytes.split_to(length)));
    }
    extras
}

/// Returns a member's name: UTF-8 where the archive says so or where it is, else in the letters of DOS.
fn member_name(raw: &[u8], extra: &[(u16, Bytes)], is_utf8: bool) -> String {
    let unicode = extra.iter().find(|(kind, _)| *kind == 0x7075).and_then(|(_, field)| {
        // Kept beside the name, and good for that name only.
        let mut crc = Crc::new();
        crc.update(raw);
        let good = field.first() == Some(&1) && field.len() > 5 && number(field, 1) == crc.sum();
        good.then(|| std::str::from_utf8(&field[5..]).ok().map(str::to_owned)).flatten()
    });
    let name = match (unicode, std::str::from_utf8(raw)) {
        (Some(name), _) => name,
        (None, Ok(name)) => name.to_owned(),
        (None, Err(_)) if is_utf8 => String::from_utf8_lossy(raw).into_owned(),
        // Code page 850, which zip writers of western Windows use.
        (None, Err(_)) => CP850.decode(raw).into_owned(),
    };
    // Some writers on Windows separate folders in their own way.
    name.replace('\\', "/")
}

const CUT: &str = "was it truncated while it was copied? Deliver it again";

fn contradictory() -> Error {
    Error::failed("the zip archive is corrupt: its central directory does not match its end record").hint(CUT)
}

async fn within(file: &SourceFile, range: Range<u64>, end: u64) -> Result<Bytes> {
    if range.start > range.end || range.end > end {
        return Err(contradictory());
    }
    fetch(file, range).await
}

// Little-endian numbers; 0 where the bytes end, which no signature is.

fn short(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|b| b.try_into().ok()).map_or(0, u16::from_le_bytes)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|b| b.try_into().ok()).map_or(0, u64::from_le_bytes)
}
