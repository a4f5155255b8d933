//! Checks a file's bytes against its declared encoding: invalid bytes, and UTF-8 under another encoding.
//!
//! In most encodings every byte is some character, so a wrong encoding turns `Zoé` into `ZoÃ©` without an
//! error. But text in other encodings is practically never valid UTF-8 by chance: if a file under another
//! encoding is valid UTF-8, it is UTF-8.

use super::encoding::Encoding;

/// How many bytes the beginning of a file is judged by.
pub(in crate::source) const HEAD: usize = 64;
/// How many bytes from the first beyond ASCII are kept, to see whether they read as words.
const SAMPLE: usize = 4096;

/// What contradicts the declared encoding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EncodingFault {
    /// Bytes that the encoding does not know.
    Unknown,
    /// Bytes of another encoding.
    Of(Encoding),
}

/// The bytes of a file under another encoding than UTF-8, looked at window by window.
#[derive(Debug)]
pub struct Evidence {
    /// Bytes of characters that do not occur in texts.
    unknown: [bool; 256],
    /// Whether text in the encoding's own languages practically never has the form of UTF-8.
    western: bool,
    utf8_seen: bool,
    other_seen: bool,
    /// Where UTF-8 was first seen.
    line: i64,
    /// The bytes from the first beyond ASCII on.
    sample: Vec<u8>,
}

/// What one window shows.
#[derive(Debug, Default, PartialEq)]
pub struct Finding {
    /// Where something contradicts the encoding for certain.
    pub fault: Option<(usize, EncodingFault)>,
    /// From here on the bytes are to be looked at again with those that follow.
    pub rest: usize,
}

impl Evidence {
    pub fn new(encoding: Encoding) -> Self {
        let mut unknown = [false; 256];
        if encoding.is_single_byte() {
            for byte in 0x80..=0xFF {
                // Where a code page has no character, the web has an unprintable one.
                unknown[usize::from(byte)] = encoding.character(byte).is_none_or(|c| c.is_control());
            }
        }
        Evidence {
            unknown,
            western: encoding.is_western(),
            utf8_seen: false,
            other_seen: false,
            line: 1,
            sample: Vec::new(),
        }
    }

    /// Looks at a window; `last` says that nothing follows it.
    pub fn look(&mut self, bytes: &[u8], last: bool) -> Finding {
        let Some(first) = first_high(bytes) else {
            self.pass(bytes);
            let more = bytes.iter().take(self.room());
            // After the first byte beyond ASCII.
            if !self.sample.is_empty() {
                self.sample.extend(more);
            }
            return Finding { fault: None, rest: bytes.len() };
        };
        let finding = self.scan(bytes, first, last);
        // With the letter before the first.
        let begin = if self.sample.is_empty() { first.saturating_sub(1) } else { 0 };
        if first < finding.rest || !self.sample.is_empty() {
            self.sample.extend(bytes[begin..finding.rest].iter().take(self.room()));
        }
        finding
    }

    /// Returns how many bytes more the sample takes.
    fn room(&self) -> usize {
        SAMPLE.saturating_sub(self.sample.len())
    }

    /// Counts the lines before the first UTF-8, of a file that may yet be wholly UTF-8.
    fn pass(&mut self, bytes: &[u8]) {
        if !self.utf8_seen && !self.other_seen {
            self.line += lines(bytes);
        }
    }

    /// Looks at a window from its first byte beyond ASCII on.
    fn scan(&mut self, bytes: &[u8], first: usize, last: bool) -> Finding {
        let mut finding = Finding { fault: None, rest: bytes.len() };
        let mut next = Some(first);
        while let Some(at) = next {
            let byte = bytes[at];
            // Most other encodings have a plain letter after one with an accent.
            let alone = byte < 0xC2 || bytes.get(at + 1).is_some_and(u8::is_ascii);
            let length = match if alone { Sequence::Other } else { sequence(&bytes[at..]) } {
                Sequence::Cut if !last => {
                    finding.rest = at;
                    break;
                }
                Sequence::Cut | Sequence::Other => {
                    self.other_seen = true;
                    1
                }
                Sequence::Utf8(length) => {
                    if !self.utf8_seen {
                        self.pass(&bytes[..at]);
                        self.utf8_seen = true;
                    }
                    if self.western && !by_chance(&bytes[at..]) {
                        finding.fault = Some((at, EncodingFault::Of(Encoding::UTF_8)));
                        return finding;
                    }
                    length
                }
            };
            if bytes[at..at + length].iter().any(|byte| self.unknown[usize::from(*byte)]) {
                finding.fault = Some((at, EncodingFault::Unknown));
                return finding;
            }
            next = next_high(bytes, at + length);
        }
        self.pass(&bytes[..finding.rest]);
        finding
    }

    /// Returns what begins with the first byte beyond ASCII.
    pub fn sample(&self) -> &[u8] {
        &self.sample
    }

    /// Returns whether more of it may come.
    pub(super) fn may_sample_more(&self) -> bool {
        self.sample.len() < SAMPLE
    }

    /// Returns the line where a file that is wholly UTF-8 first shows it.
    pub(super) fn wholly_utf8(&self) -> Option<i64> {
        (self.utf8_seen && !self.other_seen).then_some(self.line)
    }
}

/// Returns the place of the first byte beyond ASCII; many windows have none.
fn first_high(bytes: &[u8]) -> Option<usize> {
    if bytes.is_ascii() { None } else { next_high(bytes, 0) }
}

/// Returns the place of the next byte beyond ASCII, looked for eight bytes at a time.
#[inline]
fn next_high(bytes: &[u8], mut at: usize) -> Option<usize> {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    while let Some(word) = bytes.get(at..at + 8).and_then(|word| word.try_into().ok()) {
        let high = u64::from_le_bytes(word) & HIGH;
        if high != 0 {
            return Some(at + high.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    rest.iter().position(|byte| !byte.is_ascii()).map(|place| at + place)
}

/// Lines that end, by LF; where there is none, by CR.
fn lines(bytes: &[u8]) -> i64 {
    // So few at a time that a byte counts them.
    let few = |few: &[u8], end: u8| few.iter().map(|byte| u8::from(*byte == end)).sum::<u8>();
    let count = |end: u8| bytes.chunks(255).map(|bytes| i64::from(few(bytes, end))).sum();
    match count(b'\n') {
        0 => count(b'\r'),
        feeds => feeds,
    }
}

/// What bytes that begin beyond ASCII are.
enum Sequence {
    Utf8(usize),
    Other,
    /// They may be UTF-8 together with those that follow.
    Cut,
}

fn sequence(bytes: &[u8]) -> Sequence {
    let length = match bytes[0] {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return Sequence::Other,
    };
    match std::str::from_utf8(&bytes[..length.min(bytes.len())]) {
        Ok(_) => Sequence::Utf8(length),
        Err(e) if e.error_len().is_none() => Sequence::Cut,
        Err(_) => Sequence::Other,
    }
}

/// Returns whether a text of western Europe may come to these bytes: a capital with an accent, as Finnish
/// words end in, before a closing quote, a dash, an ellipsis or a no-break space.
fn by_chance(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xC6..=0xDF, ..]
            | [0xC4 | 0xC5, 0x85 | 0x91..=0x94 | 0x96 | 0x97 | 0xA0 | 0xAB | 0xB4 | 0xB7 | 0xBB, ..]
    )
}

/// Returns what the beginning of a file without a mark shows of encodings whose units are of other sizes.
pub(super) fn of_head(head: &[u8], declared: Encoding) -> Option<Encoding> {
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let looks = match (even, odd) {
        (0, odd) if odd > 0 && odd * 4 >= head.len() => Some(true),
        (even, 0) if even > 0 && even * 4 >= head.len() => Some(false),
        _ => None,
    };
    match (declared.utf16(), looks) {
        (Some(declared), Some(found)) => (declared != found).then(|| Encoding::of_utf16(found)),
        (None, Some(found)) => Some(Encoding::of_utf16(found)),
        // Delimiters and line ends have a zero byte in UTF-16, whatever the language.
        (Some(_), None) => {
            let text = head.utf8_chunks().all(|chunk| chunk.invalid().is_empty()) && even + odd == 0;
            (text && !head.is_empty()).then_some(Encoding::UTF_8)
        }
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str, name: &str) -> Vec<u8> {
        match name {
            "cp850" => yore::CodePage::encode(&yore::code_pages::CP850, text).unwrap().into_owned(),
            _ => encoding_rs::Encoding::for_label(name.as_bytes()).unwrap().encode(text).0.into_owned(),
        }
    }

    fn look(name: &str, bytes: &[u8]) -> (Finding, Option<i64>) {
        let mut evidence = Evidence::new(Encoding::of(name).unwrap());
        let finding = evidence.look(bytes, true);
        (finding, evidence.wholly_utf8())
    }

    #[test]
    fn utf8_under_another_encoding_is_seen() {
        let utf8 = Some((9, EncodingFault::Of(Encoding::UTF_8)));
        for name in ["windows-1252", "latin1", "iso-8859-15", "macintosh", "cp850", "cp437"] {
            for text in
                ["1;Zo\n2;Zoé;Besançon", "1;Zo\n2;Zo€", "1;Zo\n2;Zo’", "1;Zo\n2;Zo\u{a0}", "1;Zo\n2;Zo顧客"]
            {
                assert_eq!(look(name, text.as_bytes()).0.fault, utf8, "{name}");
            }
        }
        for (name, text) in [
            ("windows-1251", "1;Москва\n2;Ёлка"),
            ("iso-8859-2", "1;Zo\n2;Łódź"),
            ("windows-1253", "1;Αθήνα"),
            ("shift_jis", "1;顧客"),
            ("gbk", "a\n1;联通"),
            ("windows-1255", "1;שלום"),
        ] {
            let (finding, line) = look(name, text.as_bytes());
            assert!(finding.fault.is_some() || line.is_some(), "{name}");
        }
        assert_eq!(look("windows-1251", "a\nb\nё;Москва".as_bytes()).1, Some(3));
    }

    #[test]
    fn honest_text_is_let_pass() {
        for (name, text) in [
            ("windows-1252", "« CAFÉ»; Orléans – l’été; ÀÉ; 5 €; Ÿ; œuvre; ALTA «MAÇÔ»; Straße"),
            ("windows-1252", "”KESÄ”; ETELÄ…; »HÄMEENLINNÄ«; Å\u{a0}1"),
            ("windows-1252", "plain"),
            ("iso-8859-15", "Besançon; œuvre; 5 €; ŸŽž"),
            ("macintosh", "Zoé; Besançon; «Éluard»; ∞; 5 €; naïve"),
            ("cp850", "Zoé; Besançon; ÉÈ; ½; ñandú; Straße"),
            ("windows-1250", "PĂŞUNE; Łódź; Škoda; Ţară; ăâîşţ"),
            ("windows-1251", "Гёте; её; Москва; Ёлка; №5"),
            ("iso-8859-7", "Αθήνα; Καλημέρα"),
            ("shift_jis", "顧客; テスト; ｶﾅ"),
            ("gbk", "顾客; 测试; 中国"),
            ("windows-1254", "İstanbul; Şişli; ğüşöç"),
        ] {
            let (finding, line) = look(name, &encoded(text, name));
            assert_eq!((finding.fault, line), (None, None), "{name}: {text}");
        }
    }

    #[test]
    fn bytes_that_stand_for_nothing_are_seen() {
        assert_eq!(look("windows-1252", b"a\x81b").0.fault, Some((1, EncodingFault::Unknown)));
        assert_eq!(look("iso-8859-15", b"l\x92\xe9t\xe9").0.fault, Some((1, EncodingFault::Unknown)));
        assert_eq!(look("ascii", b"caf\xe9").0.fault, Some((3, EncodingFault::Unknown)));
    }

    #[test]
    fn however_the_bytes_come_the_same_is_seen() {
        for (name, text) in
            [("windows-1252", "1;a\n2;é顧\n".as_bytes()), ("windows-1251", "аб\nЖ顧😀".as_bytes())]
        {
            let whole = look(name, text);
            for cut in 0..=text.len() {
                let mut evidence = Evidence::new(Encoding::of(name).unwrap());
                let first = evidence.look(&text[..cut], false);
                let found = match first.fault {
                    Some(fault) => Some(fault),
                    None => {
                        let second = evidence.look(&text[first.rest..], true).fault;
                        second.map(|(at, fault)| (at + first.rest, fault))
                    }
                };
                assert_eq!((found, evidence.wholly_utf8()), (whole.0.fault, whole.1), "{name} cut at {cut}");
            }
        }
    }

    #[test]
    fn utf16_without_a_mark_shows_by_its_zeros() {
        let le: Vec<u8> = "id;prénom\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "id;prénom\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        let (of_le, of_be) = (Encoding::of_utf16(true), Encoding::of_utf16(false));
        assert_eq!(of_head(&le, Encoding::UTF_8), Some(of_le));
        assert_eq!(of_head(&be, Encoding::of("cp1252").unwrap()), Some(of_be));
        assert_eq!(of_head(&le, of_le), None);
        assert_eq!(of_head(&be, of_le), Some(of_be));
        assert_eq!(of_head(b"id;name\n", of_le), Some(Encoding::UTF_8));
        assert_eq!(of_head("id;prénom\n".as_bytes(), Encoding::UTF_8), None);
    }
}
