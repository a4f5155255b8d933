//! Fixed width: every line is read or refused once, however the bytes come; what was written is read.

use proptest::collection::vec;
use proptest::prelude::*;

use super::mutate::{Damage, damage, damaged};
use super::reading::{TYPES, declared, same_however_it_comes};
use super::{Share, fuzz};

#[derive(Debug, Clone)]
struct Input {
    options: Vec<&'static str>,
    encoding: &'static str,
    line_end: &'static str,
    /// Gap before the column, its width, its type.
    columns: Vec<(usize, usize, &'static str)>,
    records: Vec<Vec<String>>,
    damage: Vec<Damage>,
    cuts: Vec<f64>,
    batch_rows: usize,
}

fn input() -> impl Strategy<Value = Input> {
    let layout = (
        proptest::sample::subsequence(
            vec![
                "comment = \"#\"",
                "skip_lines = 1",
                "footer_lines = 1",
                "ragged = \"pad\"",
                "on_drift = \"ignore\"",
                "decimal = \",\"",
                "null = [\"\", \"NULL\"]",
            ],
            0..4,
        ),
        proptest::sample::select(&["utf-8", "utf-8", "windows-1252", "utf-16le", "shift_jis"][..]),
        proptest::sample::select(&["\n", "\r\n", "\r"][..]),
    );
    let body = (1usize..5).prop_flat_map(|width| {
        (
            vec((0usize..3, 1usize..12, proptest::sample::select(&TYPES[..])), width),
            vec(vec("[a-zé0-9 .,#/-]{0,12}", width), 0..12),
        )
    });
    let way = (damage(3, b" \n\r#\t0", 0.1), vec(0.0..1.0f64, 0..6), 1usize..8);
    (layout, body, way).prop_map(
        |((options, encoding, line_end), (columns, records), (damage, cuts, batch_rows))| Input {
            options,
            encoding,
            line_end,
            columns,
            records,
            damage,
            cuts,
            batch_rows,
        },
    )
}

impl Input {
    fn has(&self, option: &str) -> bool {
        self.options.iter().any(|o| o.starts_with(option))
    }

    fn toml(&self) -> String {
        let mut at = 0;
        let columns: String = self
            .columns
            .iter()
            .enumerate()
            .map(|(n, (gap, width, kind))| {
                let first = at + gap + 1;
                at = first + width - 1;
                match kind.strip_prefix('{') {
                    Some(rest) => format!("c{n} = {{ at = [{first}, {at}], {rest}\n"),
                    None => format!("c{n} = {{ at = [{first}, {at}], type = {kind} }}\n"),
                }
            })
            .collect();
        format!(
            "format = \"fixed\"\nencoding = \"{}\"\nencoding_check = false\n{}\n[columns]\n{columns}",
            self.encoding,
            self.options.join("\n")
        )
    }

    /// The cells of a record as wide as their columns.
    fn cells<'r>(&'r self, record: &'r [String]) -> impl Iterator<Item = String> + 'r {
        self.columns.iter().zip(record).map(|((_, width, _), cell)| cell.chars().take(*width).collect())
    }

    fn line(&self, record: &[String]) -> String {
        let columns = self.columns.iter().zip(self.cells(record));
        let padded = columns.map(|((gap, width, _), cell)| " ".repeat(*gap) + &format!("{cell:width$}"));
        padded.collect()
    }

    fn bytes(&self) -> Vec<u8> {
        let mut lines: Vec<String> = self.records.iter().map(|record| self.line(record)).collect();
        if self.has("skip_lines") {
            lines.insert(0, "a report".to_owned());
        }
        if self.has("footer_lines") {
            lines.push("the end".to_owned());
        }
        let text: String = lines.iter().map(|line| format!("{line}{}", self.line_end)).collect();
        let bytes = match self.encoding {
            "utf-16le" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            label => encoding_rs::Encoding::for_label(label.as_bytes()).unwrap().encode(&text).0.into_owned(),
        };
        damaged(bytes, &self.damage)
    }
}

#[test]
fn every_line_is_read_or_refused_once() {
    fuzz("fixed", "tests/fuzz/regressions/fixed.txt", Share(4), input(), |input| {
        let source = declared(&input.toml()).unwrap();
        let outcome = same_however_it_comes(&source, &input.bytes(), &input.cuts, input.batch_rows)?;
        prop_assert_eq!(&outcome.error, &None);
        // A line of blanks is not a record, nor is one that begins as a comment.
        let is_record = |record: &&Vec<String>| {
            let line = input.line(record);
            let cells_are_blank = input.cells(record).all(|cell| cell.trim_matches(' ').is_empty());
            let is_comment = input.has("comment") && line.starts_with('#');
            !(cells_are_blank || is_comment)
        };
        if input.damage.is_empty() && input.encoding != "shift_jis" {
            let records: Vec<&Vec<String>> = input.records.iter().filter(is_record).collect();
            prop_assert_eq!(outcome.records(), records.len(), "{:?}", outcome);
            if input.columns.iter().all(|(_, _, kind)| *kind == "\"text\"") && !input.has("null") {
                let values = |record: &Vec<String>| -> Vec<String> {
                    let value = |cell: String| match cell.trim_matches(' ') {
                        "" => "∅".to_owned(),
                        value => value.to_owned(),
                    };
                    input.cells(record).map(value).collect()
                };
                let read: Vec<&Vec<String>> = outcome.rows.iter().map(|(_, values)| values).collect();
                let written: Vec<Vec<String>> = records.into_iter().map(values).collect();
                prop_assert_eq!(read, written.iter().collect::<Vec<_>>());
            }
        }
        Ok(())
    });
}
