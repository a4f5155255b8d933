//! Recognises a file by its first bytes: text, a compressed file, or a format that no declaration reads.

use crate::error::{Error, Result};

/// How many bytes are needed to recognise a form.
pub(in crate::source) const HEAD: usize = 512;

/// What the bytes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text, as far as the first bytes say.
    Plain,
    Gzip,
    Zstandard,
    Foreign(Foreign),
}

/// What is not read as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    Zip,
    Workbook,
    Parquet,
    Tar,
    Packed(&'static str),
}

/// Forms by the bytes that files of them begin with.
const BEGINNINGS: [(&[u8], Form); 13] = [
    (b"\x1F\x8B", Form::Gzip),
    (b"\x28\xB5\x2F\xFD", Form::Zstandard),
    (b"PK\x03\x04", Form::Foreign(Foreign::Zip)),
    // An archive without members, and one that was cut into parts.
    (b"PK\x05\x06", Form::Foreign(Foreign::Zip)),
    (b"PK\x07\x08", Form::Foreign(Foreign::Zip)),
    (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", Form::Foreign(Foreign::Workbook)),
    (b"PAR1", Form::Foreign(Foreign::Parquet)),
    (b"\xFD7zXZ\x00", Form::Foreign(Foreign::Packed("xz"))),
    (b"7z\xBC\xAF\x27\x1C", Form::Foreign(Foreign::Packed("7-Zip"))),
    (b"Rar!\x1A\x07", Form::Foreign(Foreign::Packed("RAR"))),
    (b"\x04\x22\x4D\x18", Form::Foreign(Foreign::Packed("LZ4"))),
    (b"\xFF\x06\x00\x00sNaPpY", Form::Foreign(Foreign::Packed("Snappy"))),
    (b"\x1F\x9D", Form::Foreign(Foreign::Packed("compress"))),
];

/// Returns what the file is that begins with these bytes.
pub fn form(head: &[u8]) -> Form {
    if let Some((_, form)) = BEGINNINGS.iter().find(|(beginning, _)| head.starts_with(beginning)) {
        // The first member of an Office document has one of these names; it stands after 30 bytes.
        let member = head.get(30..).unwrap_or_default();
        let is_office = [b"[Content_Types].xml".as_slice(), b"_rels/", b"xl/", b"docProps/"]
            .iter()
            .any(|name| member.starts_with(name));
        return match form {
            Form::Foreign(Foreign::Zip) if is_office => Form::Foreign(Foreign::Workbook),
            form => *form,
        };
    }
    match head {
        // A frame to be skipped, which some writers begin with.
        [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..] => Form::Zstandard,
        // Letters that a text may begin with, and the beginning of a block.
        [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => {
            Form::Foreign(Foreign::Packed("bzip2"))
        }
        _ if head.get(257..262) == Some(b"ustar") => Form::Foreign(Foreign::Tar),
        _ => Form::Plain,
    }
}

impl Form {
    /// Refuses decompressed content that is compressed again or is not text.
    pub(super) fn must_be_plain(self, packing: &str) -> Result<()> {
        let inner = match self {
            Form::Plain => return Ok(()),
            Form::Gzip => "gzip",
            Form::Zstandard => "Zstandard",
            Form::Foreign(Foreign::Packed(name)) => name,
            Form::Foreign(Foreign::Zip) => "zip",
            Form::Foreign(foreign @ (Foreign::Workbook | Foreign::Parquet | Foreign::Tar)) => {
                return Err(foreign.error());
            }
        };
        Err(Error::failed(format!("the file is compressed twice: {inner} inside {packing}"))
            .hint("decompress it once before it is delivered"))
    }

    /// Returns what a file that should be Parquet is instead, if its first bytes show it.
    pub(in crate::source) fn instead_of_parquet(self) -> Option<Error> {
        let packing = match self {
            Form::Gzip => "gzip",
            Form::Zstandard => "Zstandard",
            Form::Foreign(Foreign::Zip) => "zip",
            Form::Foreign(Foreign::Packed(name)) => name,
            Form::Foreign(Foreign::Parquet) | Form::Plain => return None,
            Form::Foreign(foreign) => return Some(foreign.error()),
        };
        let error = Error::failed(format!(
            "the file is compressed with {packing}, but a Parquet file must \
         not be compressed as a whole"
        ));
        Some(error.hint("Parquet compresses its own pages: export it as plain .parquet"))
    }
}

impl Foreign {
    /// Why it is not read, and what to do.
    pub fn error(self) -> Error {
        match self {
            Foreign::Zip => Error::failed("the file is a zip archive").hint(
                "give it the ending .zip, or set member = \"*.csv\", to read its members; an archive \
                 inside an archive is not read",
            ),
            Foreign::Workbook => {
                Error::failed("the file is an Excel workbook or another Office document, not text")
                    .hint("save the sheet as CSV UTF-8")
            }
            Foreign::Parquet => Error::failed("the file is Parquet").hint("declare format = \"parquet\""),
            Foreign::Tar => Error::failed("the file is a tar archive")
                .hint("deliver the files one by one, or as a zip archive"),
            Foreign::Packed(name) => Error::failed(format!("the file is compressed with {name}"))
                .hint("compress it with gzip, Zstandard or zip, or not at all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_reported_by_the_first_bytes() {
        assert_eq!(form(b"\x1F\x8B\x08\x00"), Form::Gzip);
        assert_eq!(form(b"\x28\xB5\x2F\xFD"), Form::Zstandard);
        assert_eq!(form(b"\x5A\x2A\x4D\x18\x00\x00\x00\x00"), Form::Zstandard);
        assert_eq!(form(b"PK\x03\x04"), Form::Foreign(Foreign::Zip));
        let workbook = [b"PK\x03\x04".as_slice(), &[0; 26], b"[Content_Types].xml"].concat();
        assert_eq!(form(&workbook), Form::Foreign(Foreign::Workbook));
        assert_eq!(form(b"BZh91AY&SY"), Form::Foreign(Foreign::Packed("bzip2")));
        let tar = [[b'a'; 257].as_slice(), b"ustar\x0000"].concat();
        assert_eq!(form(&tar), Form::Foreign(Foreign::Tar));
    }

    #[test]
    fn a_text_is_plain_whatever_letters_it_begins_with() {
        for text in ["", "id;nom", "BZh9;x", "PK;x", "PAR;1", "Rar!", "\u{feff}id", "(µ/ý;"] {
            assert_eq!(form(text.as_bytes()), Form::Plain, "{text}");
        }
        for start in [b"\xFF\xFEi\x00".as_slice(), b"\xFE\xFF\x00i", b"\xE9t\xE9;"] {
            assert_eq!(form(start), Form::Plain);
        }
    }
}
