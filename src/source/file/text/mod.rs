//! A file's text as UTF-8: byte-order mark, encoding, lines to skip at either end.
//!
//! A byte that contradicts the declared encoding ends the reading at its line, after everything before it was
//! read, so the error does not depend on how the bytes arrive. If the check is switched off, invalid bytes
//! stay invalid UTF-8, so that the record with them can be refused; nothing is replaced silently.

pub mod encoding;
pub mod encoding_check;
pub mod encoding_guess;

use bytes::Bytes;
use memchr::{memchr2, memrchr2};

use crate::error::{Error, Result};
use crate::source::row::record_span::line_breaks;
use encoding::{Decoder, Encoding};
use encoding_check::{EncodingFault, Evidence, HEAD, of_head};
use encoding_guess::{LOOK, likely, reads_better_as, text_reads_better_as};

/// The byte-order mark of UTF-8.
const MARK: [u8; 3] = *b"\xEF\xBB\xBF";

/// Text that is held back at most, until a line to be left out ends.
const HELD: usize = 16 * 1024 * 1024;

/// Most records are shorter.
const CUT: usize = 64 * 1024;

/// The encoding of a source's files.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TextEncoding {
    pub encoding: Encoding,
    /// Whether the source names it, or goes by what is usual.
    pub declared: bool,
    /// Whether bytes that contradict it stop the source.
    pub checked: bool,
}

impl TextEncoding {
    pub fn name(self) -> &'static str {
        self.encoding.name()
    }
}

/// A growing, then shrinking, stretch of the file's text.
pub struct Text<F> {
    windows: F,
    declared: TextEncoding,
    /// The declared encoding, or that of the byte-order mark; known after the first bytes.
    encoding: Option<Encoding>,
    decoder: Decoder,
    evidence: Option<Evidence>,
    /// Bytes that wait for those that follow them.
    held: Vec<u8>,
    /// The text; what stands before `start` has been consumed.
    bytes: Vec<u8>,
    start: usize,
    /// Everything before it is valid UTF-8.
    valid: usize,
    /// Up to here the text may be given out; after it footer lines may begin.
    released: usize,
    fault: Option<(usize, EncodingFault)>,
    /// What was accepted, for the run's warnings.
    remark: Option<String>,
    ended: bool,
    last: bool,
    skip: usize,
    footer: usize,
    line: i64,
}

impl<F: FnMut() -> Option<Result<Bytes>>> Text<F> {
    pub fn new(windows: F, declared: TextEncoding, skip_lines: usize, footer_lines: usize) -> Self {
        Text {
            windows,
            declared,
            encoding: None,
            decoder: Decoder::Utf8,
            evidence: None,
            held: Vec::new(),
            bytes: Vec::new(),
            start: 0,
            valid: 0,
            released: 0,
            fault: None,
            remark: None,
            ended: false,
            last: false,
            skip: skip_lines,
            footer: footer_lines,
            line: 1,
        }
    }

    /// Returns the text that can be read now.
    pub(super) fn available(&self) -> &[u8] {
        &self.bytes[self.start..self.released]
    }

    /// Returns whether `available` reaches the end of the text.
    pub(super) fn is_last(&self) -> bool {
        self.last
    }

    /// Returns the 1-based line at which `available` starts.
    pub fn line(&self) -> i64 {
        self.line
    }

    /// Returns the warning about the file's encoding.
    pub fn remark(&mut self) -> Option<String> {
        self.remark.take()
    }

    /// Checks names that were read: accents that make no words show another encoding.
    ///
    /// # Errors
    /// They make words in an encoding that is not the declared one.
    pub(super) fn check_words(&self, names: &[String]) -> Result<()> {
        let Some(encoding) = self.encoding.filter(|_| self.declared.checked) else { return Ok(()) };
        match text_reads_better_as(&names.join("\n"), encoding) {
            Some(better) => Err(Error::failed(format!(
                "the header is not readable as {}, but it is as {better}",
                encoding.name()
            ))
            .hint(format!("declare encoding = \"{better}\"; {}", trusted(encoding)))),
            None => Ok(()),
        }
    }

    /// Returns whether this range of what is available is text.
    #[inline]
    pub fn is_valid(&self, range: std::ops::Range<usize>) -> bool {
        self.start + range.end <= self.valid
            || std::str::from_utf8(&self.bytes[self.start + range.start..self.start + range.end]).is_ok()
    }

    /// Gives back the first `length` bytes available, which held `lines` line ends.
    #[inline]
    pub(super) fn consume(&mut self, length: usize, lines: i64) {
        self.start += length;
        self.line += lines;
    }

    /// Makes more text available; false at the end of the file.
    ///
    /// # Errors
    /// A file that cannot be read, and bytes that contradict the declared encoding.
    pub fn fill(&mut self) -> Result<bool> {
        if self.last {
            return Ok(false);
        }
        if let Some((at, fault)) = self.fault {
            return Err(self.fault_error(at, fault)?);
        }
        // Consumed text leaves, the rest moves to the front.
        self.bytes.drain(..self.start);
        self.released -= self.start;
        self.valid = self.valid.saturating_sub(self.start);
        self.start = 0;
        let before = self.released;
        loop {
            self.more()?;
            if self.encoding.is_none() {
                continue;
            }
            self.check();
            let readable = match self.fault {
                // The line that holds it, and all that follows, is not given out.
                Some((at, _)) => line_start(&self.bytes, at),
                None => self.bytes.len(),
            };
            self.skip_lines(readable);
            self.last = self.ended && self.fault.is_none();
            self.released = match self.fault {
                Some(_) => readable.max(self.start),
                // The line that is to be left out has not ended yet.
                None if self.skip > 0 && !self.last => self.start,
                None if self.footer > 0 => self.footer_start(),
                None => readable,
            };
            if self.last || self.fault.is_some() || self.released > before.min(self.bytes.len()) {
                return Ok(true);
            }
            if self.bytes.len() - self.start > HELD {
                return Err(Error::failed(format!(
                    "no line ends within {} MiB of line {}, but lines at the beginning or the end are to \
                     be skipped",
                    HELD / (1024 * 1024),
                    self.line
                ))
                .hint("is it a text file? Otherwise remove skip_lines and footer_lines"));
            }
        }
    }

    /// Takes in one window more, or the end.
    fn more(&mut self) -> Result<()> {
        let window = match (self.windows)() {
            Some(window) => window?,
            None => {
                self.ended = true;
                Bytes::new()
            }
        };
        let bytes = match self.held.is_empty() {
            true => window,
            false => [&std::mem::take(&mut self.held), window.as_ref()].concat().into(),
        };
        if self.encoding.is_some() {
            self.decode(&bytes);
        } else if bytes.len() >= HEAD || self.ended {
            let mark = self.begin(&bytes)?;
            self.decode(&bytes[mark..]);
        } else {
            self.held.extend_from_slice(&bytes);
        }
        Ok(())
    }

    /// Settles the encoding by the beginning of the file; the length of its byte-order marks.
    fn begin(&mut self, head: &[u8]) -> Result<usize> {
        let declared = self.declared.encoding;
        if head.starts_with(b"\xFF\xFE\0\0") || head.starts_with(b"\0\0\xFE\xFF") {
            return Err(
                Error::failed("the file is UTF-32, which is not supported").hint("export it as UTF-8")
            );
        }
        let (encoding, mut mark) = Encoding::of_mark(head).unwrap_or((declared, 0));
        // Tools that add a mark to what has one leave two.
        while mark > 0 && encoding.is_utf8() && head[mark..].starts_with(&MARK) {
            mark += MARK.len();
        }
        let encoding = if self.declared.checked { encoding } else { declared };
        if encoding != declared && self.declared.declared {
            self.remark = Some(format!(
                "read as {}, as its byte-order mark says, not as {} as declared",
                encoding.name(),
                declared.name()
            ));
        }
        if self.declared.checked && mark == 0 {
            self.fault =
                of_head(&head[..head.len().min(HEAD)], encoding).map(|other| (0, EncodingFault::Of(other)));
        }
        let ascii_is_itself = !encoding.is_utf8() && encoding.utf16().is_none();
        self.evidence = (self.declared.checked && ascii_is_itself).then(|| Evidence::new(encoding));
        self.decoder = encoding.decoder();
        self.encoding = Some(encoding);
        Ok(mark)
    }

    fn decode(&mut self, bytes: &[u8]) {
        let Some(evidence) = &mut self.evidence else {
            return self.add(bytes, self.ended);
        };
        let finding = evidence.look(bytes, self.ended);
        let taken = match finding.fault {
            Some((at, fault)) => {
                self.add(&bytes[..at], false);
                self.set_fault(self.bytes.len(), fault);
                at
            }
            None => 0,
        };
        self.add(&bytes[taken..finding.rest], self.ended);
        self.held.extend_from_slice(&bytes[finding.rest..]);
        if self.ended && self.fault.is_none() {
            self.judge_whole();
        }
    }

    /// Adds the text of bytes; what certainly is text need not be checked.
    fn add(&mut self, bytes: &[u8], last: bool) {
        // With the record that the last window cut: the text of the next one shall find room, too.
        self.bytes.reserve(bytes.len() + CUT);
        let all_valid = self.valid == self.bytes.len();
        if self.decoder.decode(bytes, last, &mut self.bytes) && all_valid {
            self.valid = self.bytes.len();
        }
    }

    /// What only the whole file shows.
    fn judge_whole(&mut self) {
        let (Some(evidence), Some(encoding)) = (&self.evidence, self.encoding) else { return };
        if evidence.wholly_utf8().is_some() {
            return self.set_fault(self.bytes.len(), EncodingFault::Of(Encoding::UTF_8));
        }
        if let Some(better) = reads_better_as(evidence.sample(), encoding) {
            self.remark = Some(format!(
                "its accented letters are not readable as {}, but they are as {better}: check its encoding",
                encoding.name()
            ));
        }
    }

    /// The first fault counts.
    fn set_fault(&mut self, at: usize, fault: EncodingFault) {
        if self.fault.is_none_or(|(first, _)| at < first) {
            self.fault = Some((at, fault));
        }
    }

    /// Moves `valid` over what is valid of the new text.
    fn check(&mut self) {
        match std::str::from_utf8(&self.bytes[self.valid..]) {
            Ok(_) => self.valid = self.bytes.len(),
            Err(e) => {
                self.valid += e.valid_up_to();
                if self.declared.checked && (e.error_len().is_some() || self.ended) {
                    self.set_fault(self.valid, EncodingFault::Unknown);
                }
            }
        }
    }

    /// Returns the error, when all that stands before the fault was read.
    fn fault_error(&mut self, at: usize, fault: EncodingFault) -> Result<Error> {
        // What is likely is judged by the same bytes however they come.
        let (before, behind) = LOOK;
        let sampling = |text: &Self| text.evidence.as_ref().is_some_and(Evidence::may_sample_more);
        while !self.ended && (self.bytes.len() < at + behind || sampling(self)) {
            self.more()?;
        }
        let wholly = self.evidence.as_ref().and_then(Evidence::wholly_utf8);
        let line = match wholly.filter(|_| at == self.bytes.len()) {
            Some(line) => line,
            None => self.line + line_breaks(&self.bytes[self.start.min(at)..at]),
        };
        let known = self.encoding.unwrap_or(self.declared.encoding);
        let name = known.name();
        let usual = !self.declared.declared && known == self.declared.encoding;
        let trusted = trusted(known);
        Ok(match fault {
            EncodingFault::Of(other) => Error::failed(match usual {
                true => format!(
                    "line {line} is {}, but without a declared encoding the file is read as {name}",
                    other.name()
                ),
                false => format!("line {line} is {}, not {name} as declared", other.name()),
            })
            .hint(format!("declare encoding = \"{}\"; {trusted}", other.label())),
            EncodingFault::Unknown => {
                let likely = match &self.evidence {
                    Some(evidence) => likely(evidence.sample()),
                    None if known.is_utf8() => {
                        let begin = line_start(&self.bytes, at).max(at.saturating_sub(before));
                        likely(&self.bytes[begin..self.bytes.len().min(at + behind)])
                    }
                    None => None,
                };
                let likely = likely.filter(|likely| *likely != name);
                let looks = likely.map_or(String::new(), |likely| format!("; it looks like {likely}"));
                let error = Error::failed(match usual {
                    true => format!("line {line} is not {name}, the encoding if none is declared{looks}"),
                    false => format!("line {line} is not {name} as declared{looks}"),
                });
                error.hint(match likely {
                    Some(likely) if known.is_utf8() => format!("declare encoding = \"{likely}\"; {REFUSED}"),
                    Some(likely) => format!("declare encoding = \"{likely}\"; {trusted}"),
                    None if known.is_utf8() => {
                        format!(
                            "declare the encoding of the file, for example encoding = \
                         \"windows-1252\"; {REFUSED}"
                        )
                    }
                    None => format!("is it utf-8, windows-1252, cp850 or macintosh? Otherwise {trusted}"),
                })
            }
        })
    }

    fn skip_lines(&mut self, readable: usize) {
        while self.skip > 0 {
            let text = &self.bytes[self.start.min(readable)..readable];
            let end = match memchr2(b'\n', b'\r', text) {
                Some(end) if text[end] == b'\n' => Some(end + 1),
                // A CR ends a line too, unless it is half of a CR LF that the window cut.
                Some(end) if text.get(end + 1) == Some(&b'\n') => Some(end + 2),
                Some(end) if end + 1 < text.len() || self.ended => Some(end + 1),
                _ => None,
            };
            match end {
                Some(end) => {
                    self.start += end;
                    self.line += 1;
                    self.skip -= 1;
                }
                None => {
                    if self.ended && self.fault.is_none() {
                        self.start = self.bytes.len();
                    }
                    break;
                }
            }
        }
    }

    /// Returns where the last `footer` lines of the text so far begin; blank lines do not count.
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
            begin = memrchr2(b'\n', b'\r', &text[..end]).map_or(0, |i| i + 1);
        }
        self.start + begin
    }
}

const REFUSED: &str = "encoding_check = false refuses only the records with such bytes";

fn trusted(encoding: Encoding) -> String {
    format!("encoding_check = false reads the bytes as {} without this check", encoding.name())
}

/// Returns where the line begins that holds this place.
fn line_start(text: &[u8], at: usize) -> usize {
    memrchr2(b'\n', b'\r', &text[..at]).map_or(0, |end| end + 1)
}
