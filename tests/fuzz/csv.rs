//! CSV: every record is read or refused once, however the bytes come; agreement with csv-core.

use proptest::collection::vec;
use proptest::prelude::*;

use super::mutate::{Damage, damage, damaged};
use super::reading::{TYPES, declared, same_however_it_comes};
use super::{Share, fuzz};

#[derive(Debug, Clone)]
struct Input {
    delimiter: char,
    header: bool,
    options: Vec<&'static str>,
    encoding: &'static str,
    line_end: &'static str,
    kinds: Vec<&'static str>,
    records: Vec<Vec<String>>,
    quoted: Vec<bool>,
    damage: Vec<Damage>,
    cuts: Vec<f64>,
    batch_rows: usize,
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zé ]{0,8}",
        2 => "-?[0-9]{1,9}([.,][0-9]{1,4})?",
        1 => "(20[0-9]{2}|1[0-9]{3})-[01][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-5][0-9](:[0-5][0-9])?Z?)?",
        1 => "[0-3][0-9]/[01][0-9]/20[0-9]{2} [0-2][0-9]:[0-5][0-9]",
        1 => proptest::sample::select(&["", "true", "non", "NULL", "1e400", "NaN", "-", "+0", "\u{feff}", "9999999999999999999999"][..]).prop_map(str::to_owned),
        1 => "[\",;\n\r'#\t|a \\\\]{0,6}",
        1 => "-?€?[0-9 \u{a0}]{0,4}[,.]?[0-9]{0,2}(E\\+?[0-9]{1,2})?[ \u{a0}\u{202f}]?€?",
        1 => "[0-3][0-9] (Jan|Fév|mar|Decem)[a-z]{0,4} 20[0-9]{2} 1[0-9]:05:0[0-9]\\.[0-9]{1,9} (UTC|GMT|Z|CET|\\+0[0-9]:00)",
    ]
}

fn input() -> impl Strategy<Value = Input> {
    let layout = (
        proptest::sample::select(&[',', ';', '\t', '|'][..]),
        any::<bool>(),
        proptest::sample::subsequence(
            vec![
                "comment = \"#\"",
                "skip_lines = 1",
                "footer_lines = 1",
                "decimal = \",\"",
                "null = [\"\", \"NULL\"]",
                "thousands = \" \"",
                "timezone = \"America/New_York\"",
                "quote = \"\"",
                "escape = \"\\\\\"",
                "currency = \"€\"",
                "encoding_check = false",
            ],
            0..4,
        ),
        proptest::sample::select(
            &["utf-8", "utf-8", "utf-8", "windows-1252", "utf-16le", "shift_jis", "cp850", "windows-1251"][..],
        ),
        proptest::sample::select(&["\n", "\r\n", "\r"][..]),
    );
    let body = (1usize..5).prop_flat_map(|width| {
        (
            vec(proptest::sample::select(&TYPES[..]), width),
            vec(vec(field(), width), 0..12),
            vec(any::<bool>(), 16),
        )
    });
    let way = (damage(3, b",;\"\n\r#\t|\\0 ", 0.1), vec(0.0..1.0f64, 0..6), 1usize..8);
    (layout, body, way).prop_map(
        |(
            (delimiter, header, options, encoding, line_end),
            (kinds, records, quoted),
            (damage, cuts, batch_rows),
        )| {
            Input {
                delimiter,
                header,
                options,
                encoding,
                line_end,
                kinds,
                records,
                quoted,
                damage,
                cuts,
                batch_rows,
            }
        },
    )
}

impl Input {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|o| o.starts_with(option))
    }

    fn toml(&self) -> String {
        let columns: String = self
            .kinds
            .iter()
            .enumerate()
            .map(|(n, kind)| {
                let from = if self.header { String::new() } else { format!("from = {}, ", n + 1) };
                match kind.strip_prefix('{') {
                    Some(rest) => format!("c{n} = {{ {from}{rest}\n"),
                    None => format!("c{n} = {{ {from}type = {kind} }}\n"),
                }
            })
            .collect();
        format!(
            "format = \"csv\"\ndelimiter = {:?}\nheader = {}\nencoding = \"{}\"\n{}\n[columns]\n{columns}",
            self.delimiter.to_string(),
            self.header,
            self.encoding,
            self.options.join("\n"),
        )
    }

    /// The file before it is damaged, and how many records it holds by its own rules.
    fn text(&self) -> String {
        let mut text = String::new();
        if self.has("skip_lines") {
            text.push_str("a report\n");
        }
        if self.header {
            let names: Vec<String> = (0..self.kinds.len()).map(|n| format!("c{n}")).collect();
            text.push_str(&names.join(&self.delimiter.to_string()));
            text.push_str(self.line_end);
        }
        for (row, record) in self.records.iter().enumerate() {
            for (n, field) in record.iter().enumerate() {
                if n > 0 {
                    text.push(self.delimiter);
                }
                let special = field.contains(['"', '\n', '\r', self.delimiter, '#']);
                let field = if self.has("escape") { &field.replace('\\', "\\\\") } else { field };
                // A lone empty field would be a blank line.
                let blank = record.len() == 1 && field.trim().is_empty();
                if special || blank || self.quoted[(row + n) % self.quoted.len()] {
                    text.push('"');
                    text.push_str(&field.replace('"', "\"\""));
                    text.push('"');
                } else {
                    text.push_str(field);
                }
            }
            text.push_str(self.line_end);
        }
        if self.has("footer_lines") {
            text.push_str("the end\n");
        }
        text
    }

    fn bytes(&self) -> Vec<u8> {
        let text = self.text();
        let bytes = if self.encoding == "utf-16le" {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        } else if self.encoding == "cp850" {
            yore::CodePage::encode_lossy(&yore::code_pages::CP850, &text, b'?').into_owned()
        } else {
            let encoding = encoding_rs::Encoding::for_label(self.encoding.as_bytes()).unwrap();
            encoding.encode(&text).0.into_owned()
        };
        damaged(bytes, &self.damage)
    }
}

#[test]
fn every_record_is_read_or_refused_once() {
    fuzz("csv", "tests/fuzz/regressions/csv.txt", Share(15), input(), |input| {
        let Some(source) = declared(&input.toml()) else { return Ok(()) };
        let bytes = input.bytes();
        let outcome = same_however_it_comes(&source, &bytes, &input.cuts, input.batch_rows)?;
        // Without quotes a field with a line break in it is two records; and a byte-order mark goes.
        let cut_footer =
            input.has("footer_lines") && input.records.iter().flatten().any(|f| f.contains('\n'));
        let plain = input.damage.is_empty()
            && !input.has("quote")
            && !cut_footer
            && !input.records.iter().flatten().any(|f| f.contains('\u{feff}'));
        if plain && outcome.error.is_none() {
            prop_assert_eq!(outcome.records(), input.records.len(), "{:?}", outcome);
        }
        Ok(())
    });
}

/// The records as the reference reads them.
fn by_csv_core(text: &[u8], delimiter: u8) -> Vec<Vec<String>> {
    let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
    let (mut output, mut ends) = (vec![0; text.len() + 16], vec![0; text.len() + 16]);
    let (mut records, mut at) = (Vec::new(), 0);
    loop {
        let (result, read, _, fields) = reader.read_record(&text[at..], &mut output, &mut ends);
        at += read;
        match result {
            csv_core::ReadRecordResult::Record => {
                let mut start = 0;
                let record = ends[..fields].iter().map(|&end| {
                    let field = String::from_utf8_lossy(&output[start..end]).into_owned();
                    start = end;
                    field
                });
                records.push(record.collect());
            }
            csv_core::ReadRecordResult::End => return records,
            // At the end of the text the empty input says so.
            _ => {}
        }
    }
}

#[test]
fn records_are_those_of_csv_core() {
    let records = (1usize..5).prop_flat_map(|width| vec(vec("[a-zé\",;\n ]{0,6}", width), 0..10));
    let way = (vec(any::<bool>(), 16), vec(0.0..1.0f64, 0..5), proptest::sample::select(&["\n", "\r\n"][..]));
    fuzz("csv_core", "tests/fuzz/regressions/csv_core.txt", Share(10), (records, way), |(records, way)| {
        let (quoted, cuts, line_end) = way;
        let width = records.first().map_or(1, Vec::len);
        let input = Input {
            delimiter: ';',
            header: false,
            options: vec!["null = []"],
            encoding: "utf-8",
            line_end,
            kinds: vec!["\"text\""; width],
            records,
            quoted,
            damage: Vec::new(),
            cuts,
            batch_rows: 3,
        };
        let source = declared(&input.toml()).unwrap();
        let bytes = input.bytes();
        let outcome = same_however_it_comes(&source, &bytes, &input.cuts, input.batch_rows)?;
        let read: Vec<&Vec<String>> = outcome.rows.iter().map(|(_, values)| values).collect();
        let reference = by_csv_core(&bytes, b';');
        prop_assert_eq!(read, reference.iter().collect::<Vec<_>>());
        prop_assert_eq!(&reference, &input.records);
        Ok(())
    });
}
