//! A member of a zip archive, as the archive's directory describes it.

/// A member of an archive, as the directory describes it.
#[derive(Debug, Clone)]
pub struct Member {
    /// Where its own header begins in the archive.
    pub(super) header: u64,
    /// How many bytes it takes there.
    pub(super) stored: u64,
    pub packing: Packing,
    /// CRC-32 of its uncompressed content.
    pub checksum: u32,
}

/// How a member is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    Stored,
    Deflate,
    Deflate64,
    Zstandard,
}
