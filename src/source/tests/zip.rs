//! Zip archives made member by member, for what real tools do not write on demand; archives of real
//! tools lie in tests/data/zip.

use std::io::Write;

use flate2::Crc;
use flate2::write::DeflateEncoder;

/// How a member is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Stored,
    Deflate,
    Zstandard,
}

/// An archive in the making.
#[derive(Default)]
pub struct Archive {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    members: u16,
}

impl Archive {
    /// Adds a member; the name is UTF-8 if bit 11 of the flags says so.
    pub fn member(mut self, name: &[u8], flags: u16, method: Method, content: &[u8]) -> Self {
        let (number, packed) = match method {
            Method::Stored => (0_u16, content.to_vec()),
            Method::Deflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), flate2::Compression::default());
                encoder.write_all(content).unwrap();
                (8, encoder.finish().unwrap())
            }
            Method::Zstandard => (93, zstd::encode_all(content, 3).unwrap()),
        };
        let mut crc = Crc::new();
        crc.update(content);
        let mut common = Vec::new();
        common.extend(20_u16.to_le_bytes());
        common.extend(flags.to_le_bytes());
        common.extend(number.to_le_bytes());
        common.extend([0; 4]);
        common.extend(crc.sum().to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((content.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        let header = self.bytes.len() as u32;
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&common);
        self.directory.extend([0; 10]);
        self.directory.extend(header.to_le_bytes());
        self.directory.extend(name);
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(&common);
        self.bytes.extend(name);
        self.bytes.extend(packed);
        self.members += 1;
        self
    }

    /// Adds a text under a UTF-8 name.
    pub fn text(self, name: &str, text: &str) -> Self {
        self.member(name.as_bytes(), 0x800, Method::Deflate, text.as_bytes())
    }

    /// The archive with this comment at its end.
    pub fn end(mut self, comment: &str) -> Vec<u8> {
        let start = self.bytes.len() as u32;
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
        self.bytes.extend(self.members.to_le_bytes());
        self.bytes.extend(self.members.to_le_bytes());
        self.bytes.extend((self.directory.len() as u32).to_le_bytes());
        self.bytes.extend(start.to_le_bytes());
        self.bytes.extend((comment.len() as u16).to_le_bytes());
        self.bytes.extend(comment.as_bytes());
        self.bytes
    }
}
