//! Rows and lines made to fit the width of a terminal.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use console::{Term, measure_text_width, truncate_str};

use crate::error::{Context, Result};

/// A text that is longer is cut where the terminal is narrow.
const LONGEST_CELL: usize = 40;

/// Returns how many characters a line of the terminal has; `None` where stdout is no terminal.
pub fn terminal_width() -> Option<usize> {
    let terminal = Term::stdout();
    let (_, columns) = terminal.is_term().then(|| terminal.size_checked()).flatten()?;
    Some(usize::from(columns))
}

/// Returns the text, cut with `…` where it is longer.
pub fn cut(text: &str, width: usize) -> String {
    truncate_str(text, width, "…").into_owned()
}

/// Returns the first columns that fit the width, their cells cut where they are long.
pub fn columns_that_fit(rows: &RecordBatch, width: usize) -> Result<RecordBatch> {
    let options = FormatOptions::default();
    let mut left = width.saturating_sub(1);
    let mut kept: Vec<(&str, ArrayRef)> = Vec::new();
    let schema = rows.schema();
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        let cells = ArrayFormatter::try_new(column, &options).doing("show the rows")?;
        let cells: Vec<String> = (0..rows.num_rows())
            .map(|row| cut(&in_one_line(&cells.value(row).to_string()), LONGEST_CELL))
            .collect();
        let widest = cells.iter().map(|cell| measure_text_width(cell)).max().unwrap_or(0);
        // A bar, a blank on both sides.
        let needed = widest.max(measure_text_width(field.name())) + 3;
        if needed > left && !kept.is_empty() {
            break;
        }
        left = left.saturating_sub(needed);
        kept.push((field.name(), Arc::new(StringArray::from_iter_values(cells))));
    }
    RecordBatch::try_from_iter(kept).doing("show the rows")
}

fn in_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;
    use arrow::util::pretty::pretty_format_batches;

    use super::*;

    #[test]
    fn columns_are_shown_as_long_as_they_fit() {
        let texts = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text, "é"])) };
        let rows = RecordBatch::try_from_iter([
            ("id", Arc::new(Int64Array::from(vec![1, 22])) as ArrayRef),
            ("name", texts("Ada\nB")),
            ("note", texts(&"x".repeat(90))),
            ("last", texts("z")),
        ])
        .unwrap();
        for (width, count) in [(10, 1), (16, 2), (60, 3), (80, 4), (3, 1)] {
            let fit = columns_that_fit(&rows, width).unwrap();
            assert_eq!(fit.num_columns(), count, "{width}");
            let drawn = pretty_format_batches(&[fit]).unwrap().to_string();
            let widest = drawn.lines().map(measure_text_width).max().unwrap();
            assert!(widest <= width || count == 1, "{width}: {drawn}");
        }
    }

    #[test]
    fn what_is_cut_says_so() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
