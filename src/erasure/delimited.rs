//! Removes records from a CSV file that sillage wrote, whatever its delimiter and its encoding.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};

use encoding_rs::{Decoder, UTF_16LE};

use crate::error::{Context, Result};
use crate::exported_file::{Dialect, TextEncoding, original, write_record};

const READING: &str = "read the file";
const WRITING: &str = "write CSV";

/// Copies a file without the records that `is_erased` names by their fields, beginning with the header, as they
/// were before they were neutralised. Returns how many there were; `None` for a file that is not of this dialect.
///
/// # Errors
/// The file cannot be read, or the copy not be written.
pub fn copy_without(
    file: File,
    out: &mut BufWriter<&File>,
    dialect: Dialect,
    mut is_erased: impl FnMut(&[Cow<'_, str>]) -> bool,
) -> Result<Option<u64>> {
    let encoding = dialect.encoding;
    let mut file = BufReader::new(file);
    let mut mark = vec![0; encoding.mark().len()];
    match file.read_exact(&mut mark) {
        Ok(()) if mark == encoding.mark() => out.write_all(&mark).doing(WRITING)?,
        Err(e) if e.kind() != ErrorKind::UnexpectedEof => return Err(e).doing(READING),
        _ => return Ok(None),
    }
    // The delimiters of UTF-16 are no single bytes: it is read and written by way of UTF-8.
    let is_wide = encoding == TextEncoding::Utf16Le;
    let (narrow, read): (_, Box<dyn Read>) = match is_wide {
        true => (TextEncoding::Utf8, Box::new(Narrowed::new(file))),
        false => (encoding, Box::new(file)),
    };
    let delimiter = dialect.delimiter.byte();
    let mut reader = csv::ReaderBuilder::new();
    reader.flexible(true).has_headers(false).delimiter(delimiter);
    let (mut rows, mut record) = (0, Vec::new());
    for fields in reader.from_reader(read).byte_records() {
        let fields = match fields {
            Ok(fields) => fields,
            Err(error) if error.is_io_error() => return Err(error).doing(READING),
            Err(_) => return Ok(None),
        };
        let texts: Vec<Cow<'_, str>> =
            fields.iter().map(|field| before_neutralised(narrow.decode(field))).collect();
        if is_erased(&texts) {
            rows += 1;
            continue;
        }
        record.clear();
        write_record(fields.iter(), delimiter, &mut record);
        if is_wide {
            let text = String::from_utf8_lossy(&record).into_owned();
            record.clear();
            // UTF-16 has every character.
            let _ = encoding.encode(&text, &mut record);
        }
        out.write_all(&record).doing(WRITING)?;
    }
    Ok(Some(rows))
}

fn before_neutralised(cell: Cow<'_, str>) -> Cow<'_, str> {
    match cell {
        Cow::Borrowed(text) => Cow::Borrowed(original(text)),
        Cow::Owned(text) => Cow::Owned(original(&text).to_owned()),
    }
}

/// A text of UTF-16 read as UTF-8.
struct Narrowed<R> {
    wide: R,
    decoder: Decoder,
    text: String,
    /// Bytes of the text that were given on.
    given: usize,
    has_ended: bool,
}

impl<R: Read> Narrowed<R> {
    fn new(wide: R) -> Self {
        let decoder = UTF_16LE.new_decoder_without_bom_handling();
        Narrowed { wide, decoder, text: String::new(), given: 0, has_ended: false }
    }
}

impl<R: Read> Read for Narrowed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.given == self.text.len() && !self.has_ended {
            let mut bytes = [0; 8 * 1024];
            let count = self.wide.read(&mut bytes)?;
            self.has_ended = count == 0;
            self.text.clear();
            self.given = 0;
            self.text.reserve(self.decoder.max_utf8_buffer_length(count).unwrap_or(4 * bytes.len()));
            let _ = self.decoder.decode_to_string(&bytes[..count], &mut self.text, self.has_ended);
        }
        let rest = &self.text.as_bytes()[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, SeekFrom};

    use super::*;

    fn without(dialect: Dialect, bytes: &[u8], erased: &str) -> Option<(u64, Vec<u8>)> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        let mut copy = tempfile::tempfile().unwrap();
        let mut out = BufWriter::new(&copy);
        let rows = copy_without(file, &mut out, dialect, |cells| cells.iter().any(|cell| cell == erased))
            .unwrap()?;
        out.flush().unwrap();
        drop(out);
        let mut left = Vec::new();
        copy.seek(SeekFrom::Start(0)).unwrap();
        copy.read_to_end(&mut left).unwrap();
        Some((rows, left))
    }

    fn encoded(encoding: TextEncoding, text: &str) -> Vec<u8> {
        let mut bytes = encoding.mark().to_vec();
        encoding.encode(text, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn records_go_in_every_dialect_and_the_others_stay_as_they_are() {
        let long = "é".repeat(10_000);
        for name in ["utf-8", "utf-8-bom", "utf-16le", "windows-1252", "iso-8859-15"] {
            let encoding: TextEncoding = name.parse().unwrap();
            let dialect = Dialect { delimiter: ";".parse().unwrap(), encoding };
            let all = format!("id;nom\n1;Zoé\n2;\"a;{long}\n€\"\n3;\"Zoé, fils\"\n4;'=Zoé\n");
            let left = all.replace("1;Zoé\n", "");
            assert_eq!(
                without(dialect, &encoded(encoding, &all), "Zoé"),
                Some((1, encoded(encoding, &left))),
                "{name}"
            );
            let neutral = all.replace("4;'=Zoé\n", "");
            assert_eq!(
                without(dialect, &encoded(encoding, &all), "=Zoé"),
                Some((1, encoded(encoding, &neutral))),
                "{name}"
            );
        }
    }

    #[test]
    fn a_file_without_its_mark_is_not_ours() {
        let dialect = Dialect { encoding: TextEncoding::Utf8Bom, ..Dialect::default() };
        assert_eq!(without(dialect, b"id\n1\n", "1"), None);
        assert_eq!(without(dialect, b"i", "1"), None);
    }
}
