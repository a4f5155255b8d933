//! Compares expected rows with the result, and describes the difference.

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;

use crate::error::{Context, Result};

/// A float that differs by less than this share of itself differs by rounding alone.
const ROUNDING: f64 = 1e-9;

/// The rows a test expects, in the columns it names.
#[derive(Debug)]
pub struct Expected {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<ScalarValue>>,
    pub ordered: bool,
    pub tolerance: Option<f64>,
}

/// Rows that were expected and did not come, and rows that came and were not expected.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    pub columns: Vec<String>,
    /// How many rows are as expected.
    pub agreeing: usize,
    /// Related rows are next to each other: an expected row, then the found row most similar to it.
    pub lines: Vec<Line>,
}

/// A row of the difference as text; null is `null`.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    pub side: Side,
    pub cells: Vec<String>,
    /// Where a found row has another value than the expected row above it.
    pub differs: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Expected,
    Found,
}

impl Side {
    pub fn as_str(self) -> &'static str {
        match self {
            Side::Expected => "expected",
            Side::Found => "found",
        }
    }
}

/// Returns the difference; `None` when the rows agree.
///
/// # Errors
/// A result without a column that is expected; a value that cannot be shown.
pub fn compare(expected: &Expected, found: &RecordBatch) -> Result<Option<Difference>> {
    // A test that expects no rows names no columns: then all are shown.
    let columns: Vec<String> = if expected.columns.is_empty() {
        found.schema_ref().fields().iter().map(|f| f.name().clone()).collect()
    } else {
        expected.columns.clone()
    };
    let mut came: Vec<Option<Vec<ScalarValue>>> = Vec::with_capacity(found.num_rows());
    for row in 0..found.num_rows() {
        let values = columns
            .iter()
            .map(|column| {
                let at = found.schema_ref().index_of(column).doing("read the result")?;
                ScalarValue::try_from_array(found.column(at), row).doing("read the result")
            })
            .collect::<Result<Vec<_>>>()?;
        came.push(Some(values));
    }
    let same = |a: &[ScalarValue], b: &[ScalarValue]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| agree(a, b, expected.tolerance))
    };
    let mut missing: Vec<&Vec<ScalarValue>> = Vec::new();
    let mut agreeing = 0;
    for (place, row) in expected.rows.iter().enumerate() {
        let hit = if expected.ordered {
            came.get(place).is_some_and(|c| c.as_ref().is_some_and(|c| same(row, c))).then_some(place)
        } else {
            came.iter().position(|c| c.as_ref().is_some_and(|c| same(row, c)))
        };
        match hit {
            Some(place) => {
                came[place] = None;
                agreeing += 1;
            }
            None => missing.push(row),
        }
    }
    let mut left: Vec<Vec<ScalarValue>> = came.into_iter().flatten().collect();
    if missing.is_empty() && left.is_empty() {
        return Ok(None);
    }
    let mut lines = Vec::new();
    for row in missing {
        lines.push(line(Side::Expected, row, None, expected)?);
        let alike = |other: &[ScalarValue]| {
            row.iter().zip(other).filter(|(a, b)| agree(a, b, expected.tolerance)).count()
        };
        // The found row that agrees in most columns; of equals the first; none where nothing agrees.
        let nearest = left
            .iter()
            .enumerate()
            .map(|(place, other)| (alike(other), place))
            .filter(|(count, _)| *count > 0)
            .max_by_key(|(count, place)| (*count, usize::MAX - place));
        if let Some((_, place)) = nearest {
            let other = left.remove(place);
            lines.push(line(Side::Found, &other, Some(row), expected)?);
        }
    }
    for row in &left {
        lines.push(line(Side::Found, row, None, expected)?);
    }
    Ok(Some(Difference { columns, agreeing, lines }))
}

fn line(
    side: Side,
    row: &[ScalarValue],
    against: Option<&Vec<ScalarValue>>,
    expected: &Expected,
) -> Result<Line> {
    let cells = row.iter().map(show).collect::<Result<Vec<_>>>()?;
    let differs = match against {
        Some(other) => row.iter().zip(other).map(|(a, b)| !agree(a, b, expected.tolerance)).collect(),
        None => vec![false; cells.len()],
    };
    Ok(Line { side, cells, differs })
}

fn agree(a: &ScalarValue, b: &ScalarValue, tolerance: Option<f64>) -> bool {
    let near = |a: f64, b: f64| {
        let most = tolerance.unwrap_or(ROUNDING * a.abs().max(b.abs()));
        a == b || (a - b).abs() <= most || (a.is_nan() && b.is_nan())
    };
    match (a, b) {
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(b))) => near(*a, *b),
        (ScalarValue::Float32(Some(a)), ScalarValue::Float32(Some(b))) => near(f64::from(*a), f64::from(*b)),
        _ => a == b,
    }
}

fn show(value: &ScalarValue) -> Result<String> {
    let array = value.to_array().doing("show a value")?;
    let options = FormatOptions::default().with_null("null");
    let formatter = ArrayFormatter::try_new(array.as_ref(), &options).doing("show a value")?;
    Ok(formatter.value(0).to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, StringArray};

    use super::*;

    fn rows(rows: &[(&str, f64)]) -> RecordBatch {
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0)));
        let shares: ArrayRef = Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.1)));
        RecordBatch::try_from_iter([("id", ids), ("share", shares)]).unwrap()
    }

    fn expected(rows: &[(&str, f64)]) -> Expected {
        Expected {
            columns: vec!["id".to_owned(), "share".to_owned()],
            rows: rows.iter().map(|(id, share)| vec![(*id).into(), (*share).into()]).collect(),
            ordered: false,
            tolerance: None,
        }
    }

    fn show_differences(expected: &Expected, found: &RecordBatch) -> Vec<String> {
        let difference = compare(expected, found).unwrap().unwrap();
        let cell = |(cell, differs): (&String, &bool)| format!("{cell}{}", if *differs { "!" } else { "" });
        let line = |line: &Line| {
            let cells: Vec<String> = line.cells.iter().zip(&line.differs).map(cell).collect();
            format!("{} {}", line.side.as_str(), cells.join(" "))
        };
        difference.lines.iter().map(line).collect()
    }

    #[test]
    fn the_order_counts_only_when_asked() {
        let found = rows(&[("b", 2.0), ("a", 1.0)]);
        let mut test = expected(&[("a", 1.0), ("b", 2.0)]);
        assert_eq!(compare(&test, &found).unwrap(), None);
        test.ordered = true;
        assert_eq!(
            show_differences(&test, &found),
            ["expected a 1.0", "found a 1.0", "expected b 2.0", "found b 2.0"],
            "rows that are the same in another order"
        );
    }

    #[test]
    fn a_row_twice_is_not_a_row_once() {
        assert_eq!(
            show_differences(&expected(&[("a", 1.0)]), &rows(&[("a", 1.0), ("a", 1.0)])),
            ["found a 1.0"]
        );
        assert_eq!(
            show_differences(&expected(&[("a", 1.0), ("a", 1.0)]), &rows(&[("a", 1.0)])),
            ["expected a 1.0"]
        );
    }

    #[test]
    fn a_difference_shows_the_nearest_row_and_where_it_differs() {
        let found = rows(&[("c", 9.0), ("a", 1.5), ("b", 2.0)]);
        assert_eq!(
            show_differences(&expected(&[("a", 1.0), ("b", 2.0), ("d", 4.0)]), &found),
            ["expected a 1.0", "found a 1.5!", "expected d 4.0", "found c 9.0"]
        );
    }

    #[test]
    fn floats_differ_by_more_than_rounding() {
        let found = rows(&[("a", 1.0 / 3.0)]);
        let mut test = expected(&[("a", 0.333)]);
        assert!(compare(&test, &found).unwrap().is_some());
        test.tolerance = Some(0.001);
        assert_eq!(compare(&test, &found).unwrap(), None);
        assert_eq!(compare(&expected(&[("a", 0.1 + 0.2)]), &rows(&[("a", 0.3)])).unwrap(), None);
    }
}
