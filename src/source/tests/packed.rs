//! Files that come packed: read as if they were not, or refused with what they are.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::zip::{Archive, Method};
use super::{Fixture, runtime};
use crate::source::{content, is_packed, list};

const CSV: &str = "format = \"csv\"\n[columns]\nid = \"integer\"\nnet = \"decimal(9,2)\"\n";
const JSONL: &str = "format = \"jsonl\"\n[columns]\nid = \"integer\"\nnet = \"decimal(9,2)\"\n";
const TEXT: &str = "id,net\n1,10.00\n2,20.50\n";
const ROWS: [&str; 2] = ["1|10.00", "2|20.50"];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstandard(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.include_checksum(true).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A file of so many rows.
fn long(rows: u64) -> String {
    let lines = (0..rows).map(|n| format!("{n},{}.{:02}\n", n * 7919 % 1_000_003, n % 100));
    std::iter::once("id,net\n".to_owned()).chain(lines).collect()
}

#[test]
fn what_is_packed_is_reported_by_its_first_bytes_not_by_its_name() {
    let json = b"{\"id\":1,\"net\":\"10.00\"}\n{\"id\":2,\"net\":20.5}\n";
    for (source, text) in [(CSV, TEXT.as_bytes()), (JSONL, json.as_slice())] {
        for name in ["sales.gz", "sales.zst", "sales", "sales.csv"] {
            for bytes in [gzip(text), zstandard(text), text.to_vec()] {
                let fixture = Fixture::new(name, source);
                fixture.write(name, bytes);
                assert_eq!(fixture.read().table(), ROWS, "{name}");
            }
        }
    }
}

#[test]
fn parts_packed_one_by_one_are_one_file() {
    let (head, tail) = TEXT.as_bytes().split_at(9);
    let fixture = Fixture::new("in/*", CSV);
    fixture.write("in/1", [gzip(head), gzip(b""), gzip(tail)].concat());
    // Some writers of Zstandard begin with a frame that is to be ignored.
    let passed_over = b"\x50\x2A\x4D\x18\x03\x00\x00\x00abc".to_vec();
    fixture.write("in/2", [passed_over.clone(), zstandard(head), passed_over, zstandard(tail)].concat());
    assert_eq!(fixture.read().table(), [ROWS, ROWS].concat());
}

#[test]
fn many_windows_and_encodings_are_unpacked_on_the_way() {
    // Packed it is one window, unpacked several.
    let text = long(100_000);
    let fixture = Fixture::new("long", CSV);
    for bytes in [gzip(text.as_bytes()), zstandard(text.as_bytes())] {
        fixture.write("long", bytes);
        let outcome = fixture.read();
        assert_eq!((outcome.rows.len(), outcome.refused.len()), (100_000, 0));
        assert_eq!(outcome.table()[99_999], "99999|889708.99");
    }
    // And the other way round: rows that hardly pack, in several windows as stored.
    let mut part = GzEncoder::new(Vec::new(), Compression::none());
    part.write_all(text.as_bytes()).unwrap();
    let part = part.finish().unwrap();
    fixture.write("long", [part.as_slice(), &gzip(b"")].concat());
    assert_eq!(fixture.read().rows.len(), 100_000);
    let fixture = Fixture::new("u16", &format!("encoding = \"utf-16le\"\n{CSV}"));
    let wide: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fixture.write("u16", gzip(&wide));
    assert_eq!(fixture.read().table(), ROWS);
}

#[test]
fn a_stream_cut_short_or_damaged_is_an_error_wherever_it_is() {
    let text = long(20_000);
    for (packing, bytes) in [("gzip", gzip(text.as_bytes())), ("Zstandard", zstandard(text.as_bytes()))] {
        let fixture = Fixture::new("sales.csv", CSV);
        for cut in [12, 1_000, bytes.len() / 2, bytes.len() - 9, bytes.len() - 1] {
            fixture.write("sales.csv", &bytes[..cut]);
            let error = fixture.error();
            assert!(error.starts_with(&format!("the {packing} data is truncated")), "{cut}: {error}");
            assert!(error.contains("in source shop › sales.csv"), "{error}");
        }
        for place in [2_000, bytes.len() / 2, bytes.len() - 2] {
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x10;
            fixture.write("sales.csv", damaged);
            let error = fixture.error();
            assert!(error.starts_with(&format!("the {packing} data is damaged")), "{place}: {error}");
        }
        fixture.write("sales.csv", [bytes.as_slice(), b"neither is packed"].concat());
        assert!(fixture.error().starts_with(&format!("the {packing} data is damaged")));
    }
}

#[test]
fn an_empty_file_is_empty_however_it_is_packed() {
    for bytes in [Vec::new(), gzip(b""), zstandard(b"")] {
        let fixture = Fixture::new("a.csv", CSV);
        fixture.write("a.csv", bytes);
        assert!(fixture.error().starts_with("the file is empty: it has no header"));
    }
}

#[test]
fn what_unfolds_without_end_stays_a_window_in_hand() {
    // Thirty megabytes without a line end, packed to thirty kilobytes: one record that is too long,
    // refused once and never gathered.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"id,net\n").unwrap();
    for _ in 0..30 {
        encoder.write_all(&[b'7'; 1_000_000]).unwrap();
    }
    let fixture = Fixture::new("bomb", CSV);
    fixture.write("bomb", encoder.finish().unwrap());
    let outcome = fixture.read();
    assert_eq!(outcome.rows.len(), 0);
    assert_eq!(outcome.refused(), [(2, "∅", "the record is longer than 4 MiB (is a quote not closed?)")]);
    assert!(outcome.records.iter().all(|record| record.len() <= 64 * 1024));
    // Nor is it gathered where its lines are to be left out.
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    for _ in 0..20 {
        encoder.write_all(&[b'7'; 1024 * 1024]).unwrap();
    }
    let bytes = encoder.finish().unwrap();
    for option in ["skip_lines = 1", "footer_lines = 1"] {
        let fixture = Fixture::new("bomb", &format!("{option}\n{CSV}"));
        fixture.write("bomb", &bytes);
        assert!(fixture.error().starts_with("no line ends within 16 MiB of line 1"), "{option}");
    }
}

#[test]
fn what_no_declaration_reads_is_named() {
    let workbook = Archive::default().text("[Content_Types].xml", "<Types/>").end("");
    let xz: &[u8] = b"\xFD7zXZ\x00\x00\x04";
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("a.csv", xz.to_vec(), "the file is compressed with xz"),
        ("a.csv", b"BZh91AY&SY....".to_vec(), "the file is compressed with bzip2"),
        ("a.csv", workbook, "the file is an Excel workbook or another Office document, not text"),
        ("a.csv", b"PAR1....".to_vec(), "the file is Parquet"),
        ("a.csv", gzip(&gzip(TEXT.as_bytes())), "the file is compressed twice: gzip inside gzip"),
        ("a.csv", Archive::default().text("a.csv", TEXT).end(""), "the file is a zip archive"),
    ];
    for (name, bytes, message) in cases {
        let fixture = Fixture::new(name, CSV);
        fixture.write(name, bytes);
        let error = fixture.error();
        assert!(error.starts_with(message) && error.contains("hint: "), "{error}");
    }
    let fixture = Fixture::new("a.parquet", "format = \"parquet\"\n[columns]\nid = \"integer\"\n");
    fixture.write("a.parquet", gzip(b"PAR1...."));
    assert!(fixture.error().starts_with(
        "the file is compressed with gzip, but a Parquet file must not be compressed as a whole"
    ));
    fixture.write("a.parquet", Archive::default().text("a.parquet", "PAR1").end(""));
    assert!(fixture.error().starts_with(
        "the file is compressed with zip, but a Parquet file must not be compressed as a whole"
    ));
}

/// The files and what is left out, the folder aside.
fn listed(fixture: &Fixture) -> (Vec<String>, Vec<String>) {
    let listing = runtime().block_on(list(&fixture.source)).unwrap();
    (listing.files.into_iter().map(|file| file.name).collect(), listing.skipped_files)
}

/// An archive that a real tool wrote.
fn archive(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/zip/{name}.zip", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn archives_of_the_usual_tools_are_read_member_by_member() {
    let expected = |more: &[&str]| -> Vec<String> {
        more.iter().map(|row| (*row).to_owned()).chain((1..=60).map(|n| format!("{n}|{n}.50"))).collect()
    };
    for (tool, more) in [
        ("info_zip", ["3|30.00"].as_slice()),
        ("info_zip64", &[]),
        ("python_streamed", &["3|30.00"]),
        ("bsdtar", &["3|30.00"]),
    ] {
        let fixture = Fixture::new("in/*.zip", CSV);
        fixture.write(&format!("in/{tool}.zip"), archive(tool));
        assert_eq!(fixture.read().table(), expected(more), "{tool}");
    }
    // Deflate64, as Windows packs what is larger than 2 GB; and a name with an accent.
    let fixture = Fixture::new("in/e.ZIP", CSV);
    fixture.write("in/e.ZIP", archive("seven_deflate64"));
    assert_eq!(listed(&fixture).0, ["e.ZIP/orders.csv", "e.ZIP/été.csv"]);
    let mut rows = expected(&[]);
    rows.push("4|4.00".to_owned());
    assert_eq!(fixture.read().table(), rows);
}

#[test]
fn a_member_is_called_after_its_archive_and_hidden_ones_are_left_out() {
    let fixture = Fixture::new("in", CSV);
    fixture.write("in/2026/export.zip", archive("info_zip")).write("in/plain.csv", TEXT);
    let (files, skipped_files) = listed(&fixture);
    assert_eq!(files, ["2026/export.zip/2026/more.csv", "2026/export.zip/orders.csv", "plain.csv"]);
    assert_eq!(
        skipped_files,
        ["2026/export.zip/.DS_Store (hidden)", "2026/export.zip/__MACOSX/._orders.csv (in a hidden folder)",]
    );
}

#[test]
fn a_source_says_which_members_it_reads() {
    let toml = format!("member = \"subscribed_*.csv\"\n{CSV}");
    let fixture = Fixture::new("in/*", &toml);
    let bytes = Archive::default()
        .text("audience/", "")
        .text("audience/subscribed_1.csv", TEXT)
        .text("audience/unsubscribed_1.csv", "x\n")
        .text("audience\\cleaned_1.csv", "x\n")
        .end("monthly");
    fixture.write("in/a.zip", &bytes).write("in/noextension", &bytes);
    fixture.write("in/none.zip", Archive::default().text("readme.txt", "").end(""));
    let (files, skipped_files) = listed(&fixture);
    assert_eq!(files, ["a.zip/audience/subscribed_1.csv", "noextension/audience/subscribed_1.csv"]);
    assert_eq!(skipped_files, ["none.zip (no member `subscribed_*.csv`)"]);
    assert_eq!(fixture.read().table(), [ROWS, ROWS].concat());
    fixture.write("in/plain.csv", TEXT);
    assert!(fixture.error().starts_with(
        "the file is not a zip archive, but the source has `member`\n  in source shop › plain.csv"
    ));
}

#[test]
fn an_ending_alone_makes_no_archive() {
    let fixture = Fixture::new("in/*.zip", CSV);
    fixture.write("in/a.zip", TEXT).write("in/b.zip", gzip(TEXT.as_bytes()));
    assert_eq!(fixture.read().table(), [ROWS, ROWS].concat());
}

#[test]
fn a_member_may_be_packed_once_more() {
    let fixture = Fixture::new("a.zip", CSV);
    let bytes = [Method::Stored, Method::Deflate, Method::Zstandard]
        .into_iter()
        .zip(["1.csv.gz", "2.csv.gz", "3.csv.gz"])
        .fold(Archive::default(), |archive, (method, name)| {
            archive.member(name.as_bytes(), 0, method, &gzip(TEXT.as_bytes()))
        });
    fixture.write("a.zip", bytes.end(""));
    assert_eq!(fixture.read().table(), [ROWS, ROWS, ROWS].concat());
    fixture
        .write("a.zip", Archive::default().member(b"b.zip", 0, Method::Stored, &archive("bsdtar")).end(""));
    assert!(fixture.error().starts_with("the file is a zip archive\n  in source shop › a.zip/b.zip"));
}

#[test]
fn names_of_members_are_read_as_their_writers_wrote_them() {
    let fixture = Fixture::new("a.zip", CSV);
    let dos = encoding_of_dos("préparé.csv");
    fixture.write(
        "a.zip",
        Archive::default()
            .member(&dos, 0, Method::Stored, TEXT.as_bytes())
            // Without the flag, as macOS writes it.
            .member("e\u{301}te\u{301}.csv".as_bytes(), 0, Method::Stored, TEXT.as_bytes())
            .end(""),
    );
    assert_eq!(listed(&fixture).0, ["a.zip/e\u{301}te\u{301}.csv", "a.zip/préparé.csv"]);
    assert_eq!(fixture.read().table(), [ROWS, ROWS].concat());
}

/// `é` is 0x82 in code pages 437 and 850.
fn encoding_of_dos(text: &str) -> Vec<u8> {
    text.chars().map(|c| if c == 'é' { 0x82 } else { u8::try_from(c).unwrap() }).collect()
}

#[test]
fn an_archive_that_cannot_be_believed_is_refused_whole() {
    let good = archive("info_zip");
    let cut = |end: usize| good[..end].to_vec();
    let mut longer = Archive::default().text("a.csv", TEXT).end("");
    longer.push(b'\n');
    let mut lying = Archive::default().text("a.csv", TEXT).end("");
    let count = lying.len() - 12;
    lying[count] = 2;
    lying[count - 2] = 2;
    let cases = [
        (cut(300), "the zip archive is truncated: its central directory is missing"),
        (cut(good.len() - 1), "the zip archive is truncated: its central directory is missing"),
        (longer, "the zip archive is truncated: its central directory is missing"),
        (
            [good.clone(), good.clone()].concat(),
            "the zip archive does not start at the beginning of the file",
        ),
        (lying, "the zip archive is corrupt: its central directory does not match its end record"),
        (archive("twice"), "two files are named a.zip/orders.csv"),
        (archive("encrypted"), "the member is encrypted\n  in source shop › a.zip › orders.csv"),
        (archive("aes"), "the member is encrypted\n  in source shop › a.zip › orders.csv"),
        (archive("bzip2"), "the member is compressed with bzip2, LZMA, xz or PPMd"),
    ];
    for (bytes, message) in cases {
        let fixture = Fixture::new("a.zip", CSV);
        fixture.write("a.zip", bytes);
        let error = fixture.error();
        assert!(error.starts_with(message), "{message}: {error}");
    }
}

#[test]
fn a_member_that_is_not_what_its_archive_says_is_an_error() {
    let bytes = Archive::default().member(b"a.csv", 0, Method::Stored, TEXT.as_bytes()).end("");
    let fixture = Fixture::new("a.zip", CSV);
    // A digit of a row: the file would read well.
    let place = bytes.iter().position(|&b| b == b'5').unwrap();
    let mut damaged = bytes.clone();
    damaged[place] = b'6';
    fixture.write("a.zip", damaged);
    let error = fixture.error();
    assert!(error.starts_with("the zip data is damaged\n  in source shop › a.zip/a.csv"), "{error}");
    assert!(error.contains("because the member's checksum is not what its archive says"), "{error}");
    // What the directory says of the length, 22 bytes from the start of an entry's sizes.
    let entry = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for (by, message) in [(-1_i8, "longer"), (1, "shorter")] {
        let mut damaged = bytes.clone();
        damaged[entry + 24] = damaged[entry + 24].wrapping_add_signed(by);
        fixture.write("a.zip", damaged);
        assert!(fixture.error().contains(&format!("the member is {message} than its archive says")));
    }
}

#[test]
fn a_content_is_that_of_the_unpacked_bytes() {
    let content = |name: &str, bytes: Vec<u8>| {
        let fixture = Fixture::new(name, CSV);
        fixture.write(name, bytes);
        runtime().block_on(async {
            let file = list(&fixture.source).await.unwrap().files.remove(0);
            (content(&fixture.source, &file).await.unwrap(), is_packed(&fixture.source, &file).await.unwrap())
        })
    };
    let (plain, packed) = content("a.csv", TEXT.into());
    assert_eq!(
        (plain.digest.clone(), plain.size),
        (blake3::hash(TEXT.as_bytes()).to_hex().to_string(), TEXT.len() as u64)
    );
    assert!(!packed);
    // Whatever the name says.
    assert_eq!(content("a.csv", gzip(TEXT.as_bytes())), (plain.clone(), true));
    let zstandard = zstd::encode_all(TEXT.as_bytes(), 1).unwrap();
    assert_eq!(content("a", zstandard), (plain.clone(), true));
    for method in [Method::Stored, Method::Deflate, Method::Zstandard] {
        let bytes = Archive::default().member(b"a.csv", 0, method, TEXT.as_bytes()).end("");
        assert_eq!(content("a.zip", bytes), (plain.clone(), false), "{method:?}");
    }
    // What cannot be unpacked stands for itself.
    let mut cut = gzip(TEXT.as_bytes());
    cut.truncate(20);
    assert_eq!(content("a.gz", cut.clone()).0.digest, blake3::hash(&cut).to_hex().to_string());
}
