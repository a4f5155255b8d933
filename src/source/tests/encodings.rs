//! Encodings: every file is read with its accents, or stops the source with both encodings named.

use proptest::prelude::*;

use super::Fixture;
use crate::source::file::text::encoding::Encoding;

const TWO: &str = "[columns]\na = \"text\"\nb = \"text\"\n";

fn source(options: &str) -> Fixture {
    Fixture::new("e.csv", &format!("format = \"csv\"\n{options}\n{TWO}"))
}

fn encoded(text: &str, name: &str) -> Vec<u8> {
    match name {
        "cp850" => yore::CodePage::encode(&yore::code_pages::CP850, text).unwrap().into_owned(),
        "cp437" => yore::CodePage::encode(&yore::code_pages::CP437, text).unwrap().into_owned(),
        "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "utf-16be" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        _ => encoding_rs::Encoding::for_label(name.as_bytes()).unwrap().encode(text).0.into_owned(),
    }
}

const WESTERN: [&str; 8] =
    ["utf-8", "windows-1252", "iso-8859-15", "macintosh", "cp850", "cp437", "utf-16le", "utf-16be"];
const ZOE: &str = "a,b\nZoé,Besançon\nFrançois,Nîmes\n";

#[test]
fn each_file_is_read_in_its_own_encoding() {
    for name in WESTERN {
        let fixture = source(&format!("encoding = \"{name}\""));
        fixture.write("e.csv", encoded(ZOE, name));
        let outcome = fixture.read();
        assert_eq!(
            (outcome.table(), outcome.remarks.len()),
            (vec!["Zoé|Besançon".into(), "François|Nîmes".into()], 0)
        );
    }
}

#[test]
fn utf8_under_another_encoding_stops_the_source() {
    for name in WESTERN {
        if name == "utf-8" {
            continue;
        }
        let fixture = source(&format!("encoding = \"{name}\""));
        fixture.write("e.csv", ZOE);
        let proper = Encoding::of(name).unwrap().name();
        let line = if name.starts_with("utf-16") { 1 } else { 2 };
        assert_eq!(
            fixture.error(),
            format!(
                "line {line} is UTF-8, not {proper} as declared\n  in source shop › e.csv\n  hint: declare encoding = \
                 \"utf-8\"; encoding_check = false reads the bytes as {proper} without this check"
            )
        );
    }
}

#[test]
fn other_bytes_under_utf8_stop_the_source_with_the_likely_encoding() {
    for name in ["windows-1252", "macintosh", "cp850"] {
        let fixture = source("");
        fixture.write("e.csv", encoded(ZOE, name));
        assert_eq!(
            fixture.error(),
            format!(
                "line 2 is not UTF-8, the encoding if none is declared; it looks like {name}\n  in \
                 source shop › e.csv\n  hint: declare encoding = \"{name}\"; encoding_check = false refuses only the records with such bytes"
            )
        );
    }
    let fixture = source("encoding = \"utf-8\"");
    fixture.write("e.csv", encoded("a,b\n1,2\n\"x\ny\",z\n1,顧客\n", "shift_jis"));
    assert!(fixture.error().starts_with("line 5 is not UTF-8 as declared\n"), "{}", fixture.error());
}

#[test]
fn bytes_that_the_encoding_does_not_know_stop_the_source() {
    for (name, bytes) in [
        ("windows-1252", b"a,b\n1,\x81\n".as_slice()),
        ("iso-8859-15", b"a,b\n1,l\x92\xe9t\xe9\n"),
        ("ascii", b"a,b\n1,caf\xe9\n"),
        ("shift_jis", b"a,b\n1,\xff\n"),
        ("cp857", b"a,b\n1,\xd5\n"),
    ] {
        let fixture = source(&format!("encoding = \"{name}\""));
        fixture.write("e.csv", bytes);
        let proper = Encoding::of(name).unwrap().name();
        let expected = format!("line 2 is not {proper} as declared");
        assert!(fixture.error().starts_with(&expected), "{}", fixture.error());
    }
}

#[test]
fn a_declared_override_takes_the_bytes_as_they_are() {
    let fixture = source("encoding = \"windows-1252\"\nencoding_check = false");
    fixture.write("e.csv", "a,b\nZoé,2\n");
    assert_eq!(fixture.read().table(), ["ZoÃ©|2"]);
    let fixture = source("encoding_check = false");
    fixture.write("e.csv", b"a,b\n1,caf\xE9\n2,caf\xC3\xA9\n3,\xFF\n");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["2|café"]);
    assert_eq!(
        outcome.refused(),
        [(2, "∅", "bytes that are not valid UTF-8"), (4, "∅", "bytes that are not valid UTF-8")]
    );
    let fixture = source("encoding = \"shift_jis\"\nencoding_check = false");
    fixture.write("e.csv", b"a,b\n1,\x83e\n2,\xFF\n");
    let outcome = fixture.read();
    assert_eq!(outcome.table(), ["1|テ"]);
    assert_eq!(outcome.refused(), [(3, "∅", "bytes that are not valid Shift_JIS")]);
}

#[test]
fn what_is_utf16_without_a_mark_must_be_declared() {
    for (little, name) in [(true, "utf-16le"), (false, "utf-16be")] {
        for declared in ["", "encoding = \"utf-8\"", "encoding = \"windows-1252\"", "encoding = \"utf-16\""] {
            let fixture = source(declared);
            fixture.write("e.csv", encoded("a,b\n1,2\n", name));
            if declared.contains("16") && little {
                assert_eq!(fixture.read().table(), ["1|2"]);
            } else {
                let expected = format!("line 1 is {}", Encoding::of_utf16(little).name());
                assert!(fixture.error().starts_with(&expected), "{}", fixture.error());
            }
        }
    }
}

#[test]
fn a_byte_order_mark_is_honoured_and_no_part_of_the_header() {
    for header in ["a,b", "\"a\",b"] {
        let text = format!("\u{feff}{header}\né,2\n");
        for mark in ["utf-8", "utf-16le", "utf-16be"] {
            for declared in ["", "utf-8", "utf-16le", "utf-16be", "windows-1252", "cp850", "shift_jis"] {
                let option = if declared.is_empty() { "" } else { &format!("encoding = \"{declared}\"") };
                let fixture = source(option);
                fixture.write("e.csv", encoded(&text, mark));
                let outcome = fixture.read();
                assert_eq!(outcome.table(), ["é|2"], "{mark} under {declared:?}");
                let expected = match declared.is_empty() || declared == mark {
                    true => vec![],
                    false => vec![format!(
                        "read as {}, as its byte-order mark says, not as {} as declared",
                        Encoding::of(mark).unwrap().name(),
                        Encoding::of(declared).unwrap().name()
                    )],
                };
                assert_eq!(outcome.remarks, expected);
            }
        }
        // Two marks, and one in the middle, where files were joined.
        let fixture = source("header = true");
        fixture.write("e.csv", format!("\u{feff}{text}\u{feff}x,3\n\u{feff}\"y\",4\n"));
        assert_eq!(fixture.read().table(), ["é|2", "x|3", "y|4"]);
        let fixture = source("skip_lines = 1");
        fixture.write("e.csv", format!("\u{feff}sep=,\n{text}"));
        assert_eq!(fixture.read().table(), ["é|2"]);
    }
    let fixture = source("");
    fixture.write("e.csv", b"\xFF\xFE\0\0a\0\0\0");
    assert!(fixture.error().starts_with("the file is UTF-32, which is not supported"));
}

#[test]
fn what_stands_before_a_wrong_line_is_judged_first() {
    // The header is at fault before the bytes are.
    let fixture = source("");
    fixture.write("e.csv", b"a,c\n1,2\n3,\xE9\n");
    assert!(fixture.error().starts_with("the file has no column `b`"), "{}", fixture.error());
    let fixture = source("footer_lines = 1\nskip_lines = 1");
    fixture.write("e.csv", b"r\xE9port\na,b\n1,2\nend\n");
    assert!(fixture.error().starts_with("line 1 is not UTF-8"), "{}", fixture.error());
}

#[test]
fn accents_that_make_no_words_are_reported() {
    for name in ["cp850", "macintosh"] {
        let fixture = source("encoding = \"windows-1252\"");
        fixture.write("e.csv", encoded("a,b\nZoé,Médéric\n1,2\n", name));
        let outcome = fixture.read();
        let doubt = format!(
            "its accented letters are not readable as windows-1252, but they are as {name}: check its encoding"
        );
        assert_eq!((outcome.rows.len(), outcome.remarks), (2, vec![doubt]));
        fixture.write("e.csv", encoded("a,b,prénom\n1,2,3\n", name));
        // The web's windows-1252 has no character for what the Mac wrote as ç.
        if name == "macintosh" {
            let mut bytes = b"a,b\n1,2\n".to_vec();
            bytes.extend(encoded(ZOE, name));
            let fixture = source("encoding = \"windows-1252\"");
            fixture.write("e.csv", bytes);
            let expected = "line 4 is not windows-1252 as declared; it looks like macintosh\n";
            assert!(fixture.error().starts_with(expected), "{}", fixture.error());
        }
        let expected = format!("the header is not readable as windows-1252, but it is as {name}\n");
        assert!(fixture.error().starts_with(&expected), "{}", fixture.error());
    }
}

#[test]
fn json_lines_are_held_to_their_encoding_too() {
    let fixture =
        Fixture::new("e.jsonl", "format = \"jsonl\"\nencoding = \"windows-1252\"\n[columns]\na = \"text\"\n");
    fixture.write("e.jsonl", "{\"a\":\"x\"}\n{\"a\":\"Zoé\"}\n");
    assert!(fixture.error().starts_with("line 2 is UTF-8, not windows-1252 as declared"));
    fixture.write("e.jsonl", "\u{feff}{\"a\":\"Zoé\"}\n");
    assert_eq!(fixture.read().table(), ["Zoé"]);
    fixture.write("e.jsonl", encoded("{\"a\":\"Zoé\"}\n", "windows-1252"));
    assert_eq!(fixture.read().table(), ["Zoé"]);
}

/// Letters that people write in each encoding.
fn letters(name: &str) -> &'static str {
    match name {
        "windows-1250" | "iso-8859-2" => "ąćęłńóśźżĄĆĘŁŃÓŚŹŻčďěňřšťůžăâîşţ",
        "windows-1251" | "koi8-r" => "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГЁЖ",
        "windows-1253" => "αβγδεζηθικλμνξοπρστυφχψωάέήίόύώΑΒΓ",
        "shift_jis" | "euc-jp" => "顧客名前東京大阪テスト",
        "gbk" | "big5" => "中文客名字京上海",
        "euc-kr" => "고객이름서울부산",
        "cp437" => "éèêàçâîôûùëïüöäñáíóúßÉÇÖÜÑ",
        _ => "éèêàçâîôûùëïüöäñáíóúßÉÀÇÖÜÑ",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_written_in_an_encoding_is_read_back(
        name in proptest::sample::select(&[
            "utf-8", "windows-1252", "iso-8859-15", "macintosh", "cp850", "cp437", "utf-16le", "utf-16be",
            "windows-1250", "iso-8859-2", "windows-1251", "koi8-r", "windows-1253", "shift_jis", "euc-jp", "gbk",
            "big5", "euc-kr",
        ][..]),
        picks in proptest::collection::vec(proptest::collection::vec((0usize..40, "[a-z0-9 ]{0,3}"), 1..6), 1..8),
    ) {
        let letters: Vec<char> = letters(name).chars().collect();
        let words: Vec<String> = picks
            .iter()
            .map(|word| word.iter().map(|(at, plain)| format!("{plain}{}", letters[at % letters.len()])).collect())
            .collect();
        let text: String = words.iter().map(|word| format!("{word},1\n")).collect();
        let bytes = encoded(&format!("a,b\n{text}"), name);
        let fixture = source(&format!("encoding = \"{name}\""));
        fixture.write("e.csv", &bytes);
        match fixture.try_read() {
            Ok(outcome) => {
                let read: Vec<&String> = outcome.rows.iter().map(|row| &row[0]).collect();
                prop_assert_eq!(read, words.iter().collect::<Vec<_>>());
            }
            // A few letters may have the form of UTF-8 by chance, as `联通` in GBK: loud, never garbled.
            Err(error) => {
                prop_assert!(std::str::from_utf8(&bytes).is_ok() || name != "utf-8", "{}", error);
                prop_assert!(error.to_string().contains("is UTF-8"), "{}", error);
            }
        }
        // Declared as another, it is never read as something else without a word.
        if name != "utf-8" && !bytes.is_ascii() {
            let fixture = source("");
            fixture.write("e.csv", &bytes);
            if let Ok(outcome) = fixture.try_read() {
                let by_chance = std::str::from_utf8(&bytes).is_ok();
                prop_assert!(by_chance, "{:?}", outcome.table());
            }
        }
    }

    #[test]
    fn utf8_is_never_read_as_anything_else(
        name in proptest::sample::select(&[
            "windows-1252", "latin1", "iso-8859-15", "macintosh", "cp850", "cp437", "cp858", "windows-1254",
            "windows-1250", "windows-1251", "shift_jis", "gbk", "ascii", "utf-16le",
        ][..]),
        words in proptest::collection::vec("[a-z]{0,4}[éèàçêüöñß€’]{1,2}[a-z]{0,3}", 1..6),
    ) {
        let fixture = source(&format!("encoding = \"{name}\""));
        fixture.write("e.csv", format!("a,b\n{}", words.iter().map(|w| format!("{w},1\n")).collect::<String>()));
        prop_assert!(fixture.try_read().is_err());
    }
}
