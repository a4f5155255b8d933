//! Lists that verbs make themselves: tables, releases, columns, steps; shown as the rows of queries are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, UInt64Type};

use super::output::OutputArgs;
use super::progress::grouped;
use crate::error::{Context, Result};

/// Rows by column, in the order in which the columns were added.
#[derive(Default)]
pub struct Listing {
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Listing {
    /// Adds a column of texts.
    #[must_use]
    pub fn text<T: AsRef<str>>(mut self, name: &'static str, texts: impl IntoIterator<Item = T>) -> Self {
        self.columns.push((name, Arc::new(StringArray::from_iter_values(texts))));
        self
    }

    /// Adds a column of texts, of which some are not known.
    #[must_use]
    pub fn maybe_text<T: AsRef<str>>(
        mut self,
        name: &'static str,
        texts: impl IntoIterator<Item = Option<T>>,
    ) -> Self {
        self.columns.push((name, Arc::new(texts.into_iter().collect::<StringArray>())));
        self
    }

    /// Adds a column of numbers, of which some may not be known.
    #[must_use]
    pub fn numbers(mut self, name: &'static str, numbers: impl IntoIterator<Item = Option<u64>>) -> Self {
        self.columns.push((name, Arc::new(numbers.into_iter().collect::<UInt64Array>())));
        self
    }

    /// Shows the list in the format that was asked for, on the screen or in a file.
    pub fn write(self, output: &OutputArgs) -> Result<()> {
        let for_people = output.is_screen_table();
        let columns = self.columns.into_iter().map(|(name, column)| match for_people {
            true => (name, for_eyes(column)),
            false => (name, column),
        });
        output.write_list(RecordBatch::try_from_iter(columns).doing("make the list")?)
    }
}

/// Numbers as people read them: 1,234,567, one below the other.
fn for_eyes(column: ArrayRef) -> ArrayRef {
    if column.data_type() != &DataType::UInt64 {
        return column;
    }
    let numbers = column.as_primitive::<UInt64Type>();
    let shown: Vec<String> = numbers.iter().map(|n| n.map(grouped).unwrap_or_default()).collect();
    let width = shown.iter().map(String::len).max().unwrap_or(0);
    Arc::new(StringArray::from_iter_values(shown.iter().map(|text| format!("{text:>width$}"))))
}
