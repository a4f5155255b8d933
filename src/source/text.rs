//! A file's text as UTF-8: byte-order mark, encoding, lines to skip at either end.
//!
//! Bytes that the encoding does not know stay visible as bytes that are not UTF-8, so that the
//! record that holds them can be refused; nothing is replaced silently.

use bytes::Bytes;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::error::{Error, Result};

/// Never a byte of UTF-8: stands where the encoding had no character.
const NOT_UTF8: u8 = 0xFF;

/// The byte-order mark of UTF-8.
const MARK: [u8; 3] = *b"\xEF\xBB\xBF";

/// A growing, then shrinking, stretch of the file's text.
pub struct Text<F> {
    windows: F,
    /// None for UTF-8.
    decoder: Option<Decoder>,
    /// The text; what stands before `start` has been consumed.
    bytes: Vec<u8>,
    start: usize,
    /// Everything before it is valid UTF-8.
    valid: usize,
    /// Up to here the text may be given out; behind it footer lines may begin.
    released: usize,
    first: bool,
    last: bool,
    skip: usize,
    footer: usize,
    line: i64,
}

impl<F: FnMut() -> Option<Result<Bytes>>> Text<F> {
    pub fn new(windows: F, encoding: &'static Encoding, skip_lines: usize, footer_lines: usize) -> Self {
        Text {
            windows,
            decoder: (encoding != UTF_8).then(|| encoding.new_decoder_with_bom_removal()),
            bytes: Vec::new(),
            start: 0,
            valid: 0,
            released: 0,
            first: true,
            last: false,
            skip: skip_lines,
            footer: footer_lines,
            line: 1,
        }
    }

    /// The text that can be read now.
    pub fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.released]
    }

    /// Whether `available` reaches the end of the text.
    pub fn is_last(&self) -> bool {
        self.last
    }

    /// The 1-based line at which `available` starts.
    pub fn line(&self) -> i64 {
        self.line
    }

    /// Whether the first `length` bytes available are text.
    #[inline]
    pub fn is_valid(&self, range: std::ops::Range<usize>) -> bool {
        self.start + range.end <= self.valid
            || std::str::from_utf8(&self.bytes[self.start + range.start..self.start + range.end]).is_ok()
    }

    /// Gives back the first `length` bytes available, which held `lines` line ends.
    #[inline]
    pub fn consume(&mut self, length: usize, lines: i64) {
        self.start += length;
        self.line += lines;
    }

    /// Makes more text available; false at the end of the file.
    pub fn fill(&mut self) -> Result<bool> {
        if self.last {
            return Ok(false);
        }
        // Consumed text leaves, the rest moves to the front.
        self.bytes.drain(..self.start);
        self.released -= self.start;
        self.valid = self.valid.saturating_sub(self.start);
        self.start = 0;
        let before = self.released;
        loop {
            match (self.windows)() {
                Some(window) => self.append(&window?)?,
                None => {
                    self.finish()?;
                    self.last = true;
                }
            }
            if self.first && self.decoder.is_none() && !self.last {
                continue;
            }
            self.check();
            self.skip_lines();
            self.released = if self.footer == 0 { self.bytes.len() } else { self.footer_start() };
            if self.last || self.released > before.min(self.bytes.len()) {
                return Ok(true);
            }
        }
    }

    fn append(&mut self, window: &[u8]) -> Result<()> {
        match &mut self.decoder {
            Some(decoder) => decode(decoder, window, false, &mut self.bytes),
            None => {
                self.bytes.extend_from_slice(window);
                // A window may end within the mark.
                if self.first && self.bytes.len() >= MARK.len() {
                    self.take_mark()?;
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<()> {
        match &mut self.decoder {
            Some(decoder) => decode(decoder, &[], true, &mut self.bytes),
            None if self.first => self.take_mark()?,
            None => {}
        }
        Ok(())
    }

    /// Takes a byte-order mark away; that of another encoding is an error.
    fn take_mark(&mut self) -> Result<()> {
        self.first = false;
        if let Some((found, _)) = Encoding::for_bom(&self.bytes)
            && (found == UTF_16LE || found == UTF_16BE)
        {
            return Err(Error::failed(format!("the file starts as {} does", found.name()))
                .hint(format!("declare encoding = \"{}\"", found.name().to_lowercase())));
        }
        if self.bytes.starts_with(&MARK) {
            self.bytes.drain(..MARK.len());
        }
        Ok(())
    }

    /// Moves `valid` over what is valid of the new text.
    fn check(&mut self) {
        match std::str::from_utf8(&self.bytes[self.valid..]) {
            Ok(_) => self.valid = self.bytes.len(),
            Err(e) => self.valid += e.valid_up_to(),
        }
    }

    fn skip_lines(&mut self) {
        while self.skip > 0 {
            let text = &self.bytes[self.start..];
            let end = match text.iter().position(|&b| is_line_end(b)) {
                Some(end) if text[end] == b'\n' => Some(end + 1),
                // A CR ends a line too, unless it is half of a CR LF that the window cut.
                Some(end) if text.get(end + 1) == Some(&b'\n') => Some(end + 2),
                Some(end) if end + 1 < text.len() || self.last => Some(end + 1),
                _ => None,
            };
            match end {
                Some(end) => {
                    self.start += end;
                    self.line += 1;
                    self.skip -= 1;
                }
                None => {
                    if self.last {
                        self.start = self.bytes.len();
                    }
                    break;
                }
            }
        }
    }

    /// Where the last `footer` lines of the text so far begin; blank lines do not count.
    fn footer_start(&self) -> usize {
        let text = &self.bytes[self.start..];
        if self.skip > 0 {
            return self.start;
        }
        let mut begin = text.len();
        for _ in 0..self.footer {
            let end = text[..begin].trim_ascii_end().len();
            if end == 0 {
                return self.start;
            }
            begin = text[..end].iter().rposition(|&b| is_line_end(b)).map_or(0, |i| i + 1);
        }
        self.start + begin
    }
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

fn decode(decoder: &mut Decoder, mut input: &[u8], last: bool, output: &mut Vec<u8>) {
    loop {
        let used = output.len();
        let room =
            decoder.max_utf8_buffer_length_without_replacement(input.len()).unwrap_or(input.len() * 3 + 16);
        output.resize(used + room, 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(input, &mut output[used..], last);
        output.truncate(used + written);
        input = &input[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(_, _) => output.push(NOT_UTF8),
        }
    }
}
