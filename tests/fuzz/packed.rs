//! Packed CSV: tables written by another writer, in many dialects, packed in many ways, are read back as
//! they were; packed bytes that were damaged are read whole or refused, never read as less.

use std::io::Write;

use csv::{QuoteStyle, Terminator, WriterBuilder};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::collection::vec;
use proptest::prelude::*;

use super::mutate::{Damage, damage, damaged};
use super::reading::{declared, same_however_it_comes};
use super::{Share, fuzz};
use crate::zip::{Archive, Method};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip(u32),
    Zstandard(i32),
    Zip(Method),
    /// A packed member of an archive.
    Both(Method),
}

#[derive(Debug, Clone)]
struct Input {
    delimiter: u8,
    quotes: QuoteStyle,
    line_end: Terminator,
    encoding: &'static str,
    rows: Vec<Vec<String>>,
    packing: Packing,
    /// Where one stream ends and the next begins, as shares.
    parts: Vec<f64>,
    damage: Vec<Damage>,
    cuts: Vec<f64>,
    batch_rows: usize,
}

fn input() -> impl Strategy<Value = Input> {
    let method = || proptest::sample::select(&[Method::Stored, Method::Deflate, Method::Zstandard][..]);
    let packing = prop_oneof![
        1 => Just(Packing::None),
        3 => (0u32..10).prop_map(Packing::Gzip),
        3 => (-5i32..6).prop_map(Packing::Zstandard),
        3 => method().prop_map(Packing::Zip),
        1 => method().prop_map(Packing::Both),
    ];
    let dialect = (
        proptest::sample::select(&b",;\t|"[..]),
        proptest::sample::select(&[QuoteStyle::Always, QuoteStyle::Necessary, QuoteStyle::NonNumeric][..]),
        prop_oneof![Just(Terminator::CRLF), Just(Terminator::Any(b'\n')), Just(Terminator::Any(b'\r'))],
        proptest::sample::select(&["utf-8", "utf-8", "windows-1252", "utf-16le"][..]),
    );
    let rows = (1usize..6).prop_flat_map(|width| {
        // The first cell is never blank, so that no row is a blank line.
        (vec("[a-zé0-9;,|\"]{1,9}", 1..30), vec(vec("[ a-zé0-9;,|\t\"\n]{0,9}", width), 30)).prop_map(
            |(firsts, rests)| {
                let rows = firsts.into_iter().zip(rests);
                rows.map(|(first, rest)| std::iter::once(first).chain(rest).collect())
                    .collect::<Vec<Vec<_>>>()
            },
        )
    });
    let way = (vec(0.0..1.0f64, 0..3), damage(2, b"\0\x1F\x8B(PK", 0.2), vec(0.0..1.0f64, 0..6), 1usize..9);
    (dialect, rows, packing, way).prop_map(
        |((delimiter, quotes, line_end, encoding), rows, packing, (parts, damage, cuts, batch_rows))| Input {
            delimiter,
            quotes,
            line_end,
            encoding,
            rows,
            packing,
            parts,
            damage,
            cuts,
            batch_rows,
        },
    )
}

impl Input {
    fn toml(&self) -> String {
        let columns: String = (0..self.rows[0].len()).map(|n| format!("c{n} = \"text\"\n")).collect();
        let member = match self.packing {
            Packing::Zip(_) | Packing::Both(_) => "member = \"*.csv\"\n",
            _ => "",
        };
        format!(
            "format = \"csv\"\n{member}delimiter = {:?}\nencoding = \"{}\"\nnull = []\n[columns]\n{columns}",
            char::from(self.delimiter).to_string(),
            self.encoding,
        )
    }

    /// The table as another writer writes it.
    fn text(&self) -> Vec<u8> {
        let mut writer = WriterBuilder::new()
            .delimiter(self.delimiter)
            .quote_style(self.quotes)
            .terminator(self.line_end)
            .from_writer(Vec::new());
        let header: Vec<String> = (0..self.rows[0].len()).map(|n| format!("c{n}")).collect();
        writer.write_record(&header).unwrap();
        for row in &self.rows {
            writer.write_record(row).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        match self.encoding {
            "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            label => encoding_rs::Encoding::for_label(label.as_bytes()).unwrap().encode(&text).0.into_owned(),
        }
    }

    fn packed(&self) -> Vec<u8> {
        let text = self.text();
        match self.packing {
            Packing::None => text,
            Packing::Gzip(level) => self.in_parts(&text, |part| gzip(part, level)),
            Packing::Zstandard(level) => self.in_parts(&text, |part| {
                let mut encoder = zstd::Encoder::new(Vec::new(), level).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(part).unwrap();
                encoder.finish().unwrap()
            }),
            Packing::Zip(method) => archive(method, "a.csv", &text),
            Packing::Both(method) => archive(method, "a.csv", &gzip(&text, 6)),
        }
    }

    fn in_parts(&self, text: &[u8], pack: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let mut ends: Vec<usize> = self.parts.iter().map(|at| (text.len() as f64 * at) as usize).collect();
        ends.sort_unstable();
        ends.push(text.len());
        let mut start = 0;
        let parts = ends.into_iter().map(|end| pack(&text[std::mem::replace(&mut start, end)..end]));
        parts.collect::<Vec<_>>().concat()
    }
}

fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn archive(method: Method, name: &str, content: &[u8]) -> Vec<u8> {
    Archive::default()
        .member(b"read me.txt", 0, Method::Deflate, b"not a table")
        .member(name.as_bytes(), 0, method, content)
        .end("")
}

#[test]
fn packed_tables_are_read_back_as_they_were_written() {
    fuzz("packed", "tests/fuzz/regressions/packed.txt", Share(6), input(), |input| {
        let source = declared(&input.toml()).unwrap();
        let whole = input.packed();
        let outcome = same_however_it_comes(&source, &whole, &input.cuts, input.batch_rows)?;
        prop_assert_eq!(&outcome.error, &None);
        prop_assert_eq!(outcome.refused.len(), 0, "{:?}", outcome.refused);
        let read: Vec<&Vec<String>> = outcome.rows.iter().map(|(_, values)| values).collect();
        prop_assert_eq!(read, input.rows.iter().collect::<Vec<_>>());

        let bytes = damaged(whole.clone(), &input.damage);
        let after = same_however_it_comes(&source, &bytes, &input.cuts, input.batch_rows)?;
        // What still begins as it did is unpacked. A stream of several parts may have lost one whole,
        // and a member may have got the name of one that nobody wants.
        let begins_so = bytes.get(..4) == whole.get(..4) && input.packing != Packing::None;
        let is_one =
            input.parts.is_empty() || !matches!(input.packing, Packing::Gzip(_) | Packing::Zstandard(_));
        if begins_so && is_one && after.error.is_none() && after.records() > 0 {
            prop_assert_eq!(after, outcome);
        }
        Ok(())
    });
}
