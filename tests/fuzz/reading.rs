//! What came out of reading bytes, and what is always true of it.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use sillage::source::{Piece, Source, SourceDeclaration, read_in_memory};

/// A source declared in TOML, its path aside.
pub fn declared(toml: &str) -> Option<Source> {
    let declaration: SourceDeclaration = toml::from_str(&format!("path = \"x\"\n{toml}")).unwrap();
    declaration.check("fuzzed").ok()
}

/// The types that columns are declared with.
pub const TYPES: [&str; 12] = [
    "\"text\"",
    "\"integer\"",
    "\"decimal(8,2)\"",
    "\"decimal(38,0)\"",
    "\"float\"",
    "\"boolean\"",
    "\"date\"",
    "\"timestamp\"",
    "{ type = \"date\", format = [\"%d/%m/%Y\", \"iso\", \"%d %b %Y %H:%M:%S%.f %Z\"] }",
    "{ type = \"timestamp\", format = [\"%d %b %Y %H:%M:%S.%f %Z\", \"%d/%m/%y %H:%M\"], two_digit_years_to = 2029 }",
    "{ type = \"timestamp\", format = \"unix_ns\" }",
    "{ type = \"timestamp\", format = \"%d/%m/%Y %H:%M\", timezone = \"Europe/Paris\", nullable = false }",
];

/// Records by line: those read, with their values as text, and those refused, with the reason.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub rows: Vec<(i64, Vec<String>)>,
    /// Of rows that are elements of records, which of them each is.
    pub elements: Vec<i64>,
    pub refused: Vec<(i64, String)>,
    pub remarks: Vec<String>,
    /// The sentence with which reading ended early.
    pub error: Option<String>,
}

impl Outcome {
    pub fn records(&self) -> usize {
        self.rows.len() + self.refused.len()
    }

    /// Where all rows and refused records stand, ascending: the line, and the element in it.
    fn places(&self) -> Vec<(i64, i64)> {
        let element = |row: usize| self.elements.get(row).copied().unwrap_or(0);
        let rows = self.rows.iter().enumerate().map(|(n, row)| (row.0, element(n)));
        let mut places: Vec<(i64, i64)> = rows.chain(self.refused.iter().map(|r| (r.0, 0))).collect();
        places.sort_unstable();
        places
    }

    /// The lines of all records, ascending.
    pub fn lines(&self) -> Vec<i64> {
        let mut lines: Vec<i64> =
            self.rows.iter().map(|r| r.0).chain(self.refused.iter().map(|r| r.0)).collect();
        lines.sort_unstable();
        lines
    }
}

pub fn read(source: &Source, windows: Vec<Bytes>, batch_rows: usize) -> Outcome {
    let mut outcome = Outcome {
        rows: Vec::new(),
        elements: Vec::new(),
        refused: Vec::new(),
        remarks: Vec::new(),
        error: None,
    };
    let read = read_in_memory(source, "f", windows, batch_rows, &mut |piece| {
        match piece {
            Piece::Rows(batch) => {
                let width = source.contract.columns.len();
                let lines = batch.column(width + 1).as_primitive::<Int64Type>();
                let columns: Vec<Vec<String>> = (0..width).map(|c| column(&batch, c)).collect();
                if let Some(elements) = batch.column_by_name("_element") {
                    outcome.elements.extend(elements.as_primitive::<Int64Type>().values());
                }
                for row in 0..batch.num_rows() {
                    let values = columns.iter().map(|values| values[row].clone()).collect();
                    outcome.rows.push((lines.value(row), values));
                }
            }
            Piece::Refused(batch) => {
                let lines = batch.column(2).as_primitive::<Int64Type>();
                let reasons = batch.column(4).as_string::<i32>();
                for row in 0..batch.num_rows() {
                    outcome.refused.push((lines.value(row), reasons.value(row).to_owned()));
                }
            }
            Piece::Remark(remark) => outcome.remarks.push(remark.text()),
        }
        true
    });
    outcome.error = read.err().map(|e| e.to_string());
    outcome
}

fn column(batch: &RecordBatch, at: usize) -> Vec<String> {
    let options = FormatOptions::default().with_null("∅");
    let formatter = ArrayFormatter::try_new(batch.column(at).as_ref(), &options).unwrap();
    (0..batch.num_rows()).map(|row| formatter.value(row).to_string()).collect()
}

/// The bytes in windows that end at these shares of them.
pub fn windows(bytes: &[u8], cuts: &[f64]) -> Vec<Bytes> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| (bytes.len() as f64 * cut) as usize).collect();
    ends.sort_unstable();
    ends.push(bytes.len());
    let mut start = 0;
    let mut windows = Vec::new();
    for end in ends {
        windows.push(Bytes::copy_from_slice(&bytes[start..end]));
        start = end;
    }
    windows
}

/// However the bytes come and however many rows a batch has, the same is read; no record twice.
pub fn same_however_it_comes(
    source: &Source,
    bytes: &[u8],
    cuts: &[f64],
    batch_rows: usize,
) -> Result<Outcome, TestCaseError> {
    let whole = read(source, windows(bytes, &[]), 1_000);
    let cut = read(source, windows(bytes, cuts), batch_rows);
    // An error may come before or after a batch was handed on.
    if whole.error.is_none() || cut.error.is_none() {
        prop_assert_eq!(&whole, &cut, "cut at {:?}", cuts);
    } else {
        prop_assert_eq!(&whole.error, &cut.error, "cut at {:?}", cuts);
    }
    let places = whole.places();
    prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "a record twice: {:?}", places);
    prop_assert!(places.first().is_none_or(|first| first.0 >= 1), "{:?}", places);
    let lines: std::collections::BTreeSet<i64> = whole.rows.iter().map(|row| row.0).collect();
    prop_assert!(
        !whole.refused.iter().any(|(line, _)| lines.contains(line)),
        "read and refused: {:?}",
        whole
    );
    Ok(whole)
}
