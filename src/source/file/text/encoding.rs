//! The encodings of text files: those of the web, the code pages of DOS, plain ASCII.

use std::fmt;

use encoding_rs::{DecoderResult, Encoding as WebEncoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};
use yore::{CodePage, code_pages};

/// Never a byte of UTF-8: marks where the encoding had no character.
const NOT_UTF8: u8 = 0xFF;

/// An encoding.
#[derive(Clone, Copy)]
pub struct Encoding(Kind);

#[derive(Clone, Copy)]
enum Kind {
    Web(&'static WebEncoding),
    Dos(&'static DosPage),
    Ascii,
}

/// A code page; `euro` says that the byte of a dotless i is the euro's, which is all that sets cp858 apart
/// from cp850.
pub struct DosPage {
    number: &'static str,
    name: &'static str,
    page: &'static (dyn CodePage + Send + Sync),
    euro: bool,
}

const fn page(
    name: &'static str,
    number: &'static str,
    page: &'static (dyn CodePage + Send + Sync),
) -> DosPage {
    DosPage { number, name, page, euro: false }
}

/// What DOS wrote and old tills still do; `cp866` and `macintosh` are of the web.
static PAGES: [DosPage; 13] = [
    page("cp437", "437", &code_pages::CP437),
    page("cp737", "737", &code_pages::CP737),
    page("cp850", "850", &code_pages::CP850),
    page("cp852", "852", &code_pages::CP852),
    page("cp855", "855", &code_pages::CP855),
    page("cp857", "857", &code_pages::CP857),
    DosPage { euro: true, ..page("cp858", "858", &code_pages::CP850) },
    page("cp860", "860", &code_pages::CP860),
    page("cp861", "861", &code_pages::CP861),
    page("cp862", "862", &code_pages::CP862),
    page("cp863", "863", &code_pages::CP863),
    page("cp865", "865", &code_pages::CP865),
    page("cp869", "869", &code_pages::CP869),
];
const EURO: u8 = 0xD5;

impl Encoding {
    pub const UTF_8: Encoding = Encoding(Kind::Web(UTF_8));

    /// Returns the encoding of a name, as the web, Python or a database know it.
    pub fn of(name: &str) -> Option<Self> {
        let plain = name.trim().to_ascii_lowercase().replace('_', "-");
        let kind = match plain.as_str() {
            "ascii" | "us-ascii" => Kind::Ascii,
            "utf-8-sig" => Kind::Web(UTF_8),
            "mac-roman" | "macroman" => Kind::Web(encoding_rs::MACINTOSH),
            "latin-1" => Kind::Web(encoding_rs::WINDOWS_1252),
            "latin-9" | "latin9" => Kind::Web(encoding_rs::ISO_8859_15),
            other => {
                let prefixes = ["cp", "ibm-", "ibm", "dos-", "oem"];
                let number = prefixes.iter().find_map(|prefix| other.strip_prefix(prefix)).unwrap_or(other);
                match PAGES.iter().find(|page| page.number == number) {
                    Some(page) => Kind::Dos(page),
                    None => {
                        let known = WebEncoding::for_label(name.trim().as_bytes())
                            .or_else(|| WebEncoding::for_label(other.as_bytes()))?;
                        // What browsers must not read, they read as nothing.
                        (known != REPLACEMENT).then_some(Kind::Web(known))?
                    }
                }
            }
        };
        Some(Encoding(kind))
    }

    /// Returns the encoding that a byte-order mark at the beginning names, and the mark's length.
    pub(super) fn of_mark(bytes: &[u8]) -> Option<(Self, usize)> {
        WebEncoding::for_bom(bytes).map(|(encoding, length)| (Encoding(Kind::Web(encoding)), length))
    }

    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Web(encoding) => encoding.name(),
            Kind::Dos(page) => page.name,
            Kind::Ascii => "US-ASCII",
        }
    }

    /// Returns the name to declare it by.
    pub fn label(self) -> String {
        self.name().to_ascii_lowercase()
    }

    pub(super) fn is_utf8(self) -> bool {
        self == Encoding::UTF_8
    }

    /// Returns the encoding of two-byte units, and whether the lower byte comes first.
    pub(super) fn utf16(self) -> Option<bool> {
        match self.0 {
            Kind::Web(encoding) if encoding == UTF_16LE => Some(true),
            Kind::Web(encoding) if encoding == UTF_16BE => Some(false),
            _ => None,
        }
    }

    pub(in crate::source) fn of_utf16(little: bool) -> Self {
        Encoding(Kind::Web(if little { UTF_16LE } else { UTF_16BE }))
    }

    /// Returns whether each byte is a character.
    pub(super) fn is_single_byte(self) -> bool {
        match self.0 {
            Kind::Web(encoding) => encoding.is_single_byte(),
            Kind::Dos(_) | Kind::Ascii => true,
        }
    }

    /// Returns whether it was made for the languages of western Europe, with a byte a character.
    pub(super) fn is_western(self) -> bool {
        const WESTERN: [&str; 9] = [
            "windows-1252",
            "ISO-8859-15",
            "windows-1254",
            "macintosh",
            "cp437",
            "cp850",
            "cp858",
            "cp860",
            "cp863",
        ];
        WESTERN.contains(&self.name())
    }

    pub(super) fn decoder(self) -> Decoder {
        match self.0 {
            Kind::Web(encoding) if encoding == UTF_8 => Decoder::Utf8,
            Kind::Web(encoding) => Decoder::Web(encoding.new_decoder_without_bom_handling(), String::new()),
            Kind::Dos(page) => Decoder::Dos(page),
            Kind::Ascii => Decoder::Ascii,
        }
    }

    /// Returns the character of a byte, of an encoding of single bytes.
    pub(super) fn character(self, byte: u8) -> Option<char> {
        let mut text = Vec::new();
        self.decoder().decode(&[byte], true, &mut text);
        std::str::from_utf8(&text).ok()?.chars().next()
    }
}

/// By name, for messages and hashes of declarations.
impl fmt::Debug for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Encoding {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

/// Turns the bytes of a file into UTF-8, window by window.
pub enum Decoder {
    Utf8,
    /// With room for a piece of text.
    Web(encoding_rs::Decoder, String),
    Dos(&'static DosPage),
    Ascii,
}

impl Decoder {
    /// Adds the text of these bytes; what the encoding does not know becomes [`NOT_UTF8`]. Returns whether
    /// all of it is certainly text.
    pub(super) fn decode(&mut self, input: &[u8], last: bool, output: &mut Vec<u8>) -> bool {
        match self {
            Decoder::Utf8 => {
                output.extend_from_slice(input);
                false
            }
            Decoder::Web(decoder, piece) => by_web(decoder, piece, input, last, output),
            Decoder::Dos(page) => by_page(page, input, output),
            Decoder::Ascii => {
                output.extend(input.iter().map(|b| if b.is_ascii() { *b } else { NOT_UTF8 }));
                input.is_ascii()
            }
        }
    }
}

/// Bytes that are decoded at once: their text stays in the processor's cache.
const PIECE: usize = 16 * 1024;

fn by_web(
    decoder: &mut encoding_rs::Decoder,
    text: &mut String,
    mut input: &[u8],
    last: bool,
    output: &mut Vec<u8>,
) -> bool {
    let mut all = true;
    loop {
        let piece = &input[..input.len().min(PIECE)];
        let room =
            decoder.max_utf8_buffer_length_without_replacement(piece.len()).unwrap_or(piece.len() * 3 + 16);
        text.clear();
        text.reserve(room);
        let ends = last && piece.len() == input.len();
        let (result, read) = decoder.decode_to_string_without_replacement(piece, text, ends);
        output.extend_from_slice(text.as_bytes());
        input = &input[read..];
        match result {
            DecoderResult::InputEmpty if input.is_empty() => return all,
            DecoderResult::InputEmpty | DecoderResult::OutputFull => {}
            DecoderResult::Malformed(_, _) => {
                output.push(NOT_UTF8);
                all = false;
            }
        }
    }
}

fn by_page(page: &DosPage, input: &[u8], output: &mut Vec<u8>) -> bool {
    let mut all = true;
    for (place, mut rest) in input.split(|byte| page.euro && *byte == EURO).enumerate() {
        if place > 0 {
            output.extend("€".bytes());
        }
        loop {
            match page.page.decode(rest) {
                Ok(text) => break output.extend_from_slice(text.as_bytes()),
                Err(unknown) => {
                    let (known, others) = rest.split_at(unknown.position);
                    if let Ok(text) = page.page.decode(known) {
                        output.extend_from_slice(text.as_bytes());
                    }
                    output.push(NOT_UTF8);
                    all = false;
                    rest = others.get(1..).unwrap_or_default();
                }
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_many_worlds_are_known() {
        for (name, expected) in [
            ("utf-8", "UTF-8"),
            ("UTF8", "UTF-8"),
            ("utf-8-sig", "UTF-8"),
            ("latin1", "windows-1252"),
            ("latin-1", "windows-1252"),
            ("iso-8859-15", "ISO-8859-15"),
            ("cp1252", "windows-1252"),
            ("Windows_1252", "windows-1252"),
            ("macintosh", "macintosh"),
            ("mac_roman", "macintosh"),
            ("cp850", "cp850"),
            ("IBM850", "cp850"),
            ("850", "cp850"),
            ("oem437", "cp437"),
            ("cp858", "cp858"),
            ("cp866", "IBM866"),
            ("utf-16", "UTF-16LE"),
            ("utf-16be", "UTF-16BE"),
            ("shift_jis", "Shift_JIS"),
            ("us-ascii", "US-ASCII"),
        ] {
            assert_eq!(Encoding::of(name).map(Encoding::name), Some(expected), "{name}");
        }
        for unknown in ["klingon", "", "cp", "hz-gb-2312", "cp99999"] {
            assert_eq!(Encoding::of(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn dos_and_the_mac_wrote_accents_too() {
        for (encoding, bytes) in [
            ("cp850", b"Zo\x82, Besan\x87on"),
            ("cp437", b"Zo\x82, Besan\x87on"),
            ("macintosh", b"Zo\x8e, Besan\x8don"),
        ] {
            let mut text = Vec::new();
            Encoding::of(encoding).unwrap().decoder().decode(bytes, true, &mut text);
            assert_eq!(String::from_utf8(text).unwrap(), "Zoé, Besançon", "{encoding}");
        }
        assert_eq!(Encoding::of("cp850").unwrap().character(0xD5), Some('ı'));
        assert_eq!(Encoding::of("cp858").unwrap().character(0xD5), Some('€'));
    }

    #[test]
    fn what_a_page_does_not_know_stays_visible() {
        let mut text = Vec::new();
        Encoding::of("cp857").unwrap().decoder().decode(b"a\xE7b\xD5\x80", true, &mut text);
        assert_eq!(text, [b"a", &[NOT_UTF8], b"b".as_slice(), &[NOT_UTF8], "Ç".as_bytes()].concat());
    }

    #[test]
    fn what_is_certainly_text_is_reported_however_long_it_is() {
        let mut text = "Zoé vit à Besançon; ".repeat(3000);
        text.push('€');
        for name in ["windows-1252", "iso-8859-15", "gb18030", "cp858", "utf-16le"] {
            let encoding = Encoding::of(name).unwrap();
            let bytes: Vec<u8> = match name {
                "cp858" => text
                    .chars()
                    .map(|c| match c {
                        'é' => 0x82,
                        'à' => 0x85,
                        'ç' => 0x87,
                        '€' => EURO,
                        plain => plain as u8,
                    })
                    .collect(),
                "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
                _ => WebEncoding::for_label(name.as_bytes()).unwrap().encode(&text).0.into_owned(),
            };
            for cut in [0, 1, PIECE - 1, PIECE, PIECE + 1, bytes.len()] {
                let (mut decoder, mut read) = (encoding.decoder(), Vec::new());
                let first = decoder.decode(&bytes[..cut], false, &mut read);
                let second = decoder.decode(&bytes[cut..], true, &mut read);
                assert!(first && second && read == text.as_bytes(), "{name} {cut}");
            }
        }
        // Half a character at the end, and a byte that stands for none.
        for (name, bytes) in
            [("gbk", &b"a\xC1"[..]), ("cp857", b"a\xE7"), ("us-ascii", b"a\xE9"), ("utf-8", b"a\xC3")]
        {
            let mut read = Vec::new();
            let certain = Encoding::of(name).unwrap().decoder().decode(bytes, true, &mut read);
            assert!(!certain && std::str::from_utf8(&read).is_err(), "{name}");
        }
    }
}
