//! Cells of a CSV file that a spreadsheet would take for formulas.
//!
//! A name that somebody typed into a form may begin with `=`; a spreadsheet that opens the file would
//! carry it out. Cells are written as they are all the same, since most files go to another program;
//! but it is reported.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};

/// Cells that look like formulas, by column.
#[derive(Default)]
pub struct Formulas {
    columns: BTreeMap<String, u64>,
}

impl Formulas {
    /// Looks through the texts of a batch.
    pub fn look(&mut self, batch: &RecordBatch) {
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let count = if let Some(texts) = column.as_string_opt::<i32>() {
                texts.iter().flatten().filter(|text| is_formula(text)).count()
            } else if let Some(texts) = column.as_string_view_opt() {
                texts.iter().flatten().filter(|text| is_formula(text)).count()
            } else {
                0
            };
            if count > 0 {
                *self.columns.entry(field.name().clone()).or_default() += count as u64;
            }
        }
    }

    /// Returns a warning about them, without their text.
    pub fn warning(&self) -> Option<String> {
        let columns: Vec<String> =
            self.columns.iter().map(|(column, count)| format!("{count} in {column}")).collect();
        (!columns.is_empty()).then(|| {
            format!(
                "cells begin as formulas do, and a spreadsheet that opens the file would carry them out: {}; \
                 import it there as text",
                columns.join(", ")
            )
        })
    }
}

/// A sign with a number behind it, as of a telephone, is none.
fn is_formula(text: &str) -> bool {
    match text.as_bytes() {
        [b'=' | b'@' | b'\t' | b'\r', _, ..] => true,
        [b'+' | b'-', rest @ ..] => rest.iter().any(u8::is_ascii_alphabetic),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    #[test]
    fn what_a_spreadsheet_carries_out_is_counted_and_not_told() {
        for formula in ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+A1", "\t=1", "\r=1"] {
            assert!(is_formula(formula), "{formula}");
        }
        for text in ["", "-", "+", "=", "@", "a=1", "+33 6 12 34", "+33612345678", "-12.5", "0012", "1E5"] {
            assert!(!is_formula(text), "{text}");
        }
        let columns: [(&str, ArrayRef); 3] = [
            ("name", Arc::new(StringArray::from(vec![Some("=secret"), None, Some("Ann"), Some("@secret")]))),
            ("phone", Arc::new(StringArray::from(vec!["+33612345678"; 4]))),
            ("rank", Arc::new(Int64Array::from(vec![-1; 4]))),
        ];
        let mut formulas = Formulas::default();
        formulas.look(&RecordBatch::try_from_iter(columns).unwrap());
        let warning = formulas.warning().unwrap();
        assert!(
            warning.contains("2 in name;") && !warning.contains("secret") && !warning.contains("phone"),
            "{warning}"
        );
        assert!(Formulas::default().warning().is_none());
    }
}
