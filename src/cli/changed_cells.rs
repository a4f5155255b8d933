//! Cells that are written differently from the table's values, counted by column for a warning at the end.

use std::collections::BTreeMap;

/// What was done to cells of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// They begin as formulas do, and have a `'` before them.
    Neutralised,
    /// They begin as formulas do, and were asked to be written all the same.
    KeptFormula,
    /// They hold more than a number or a date of a spreadsheet does, and are texts there.
    AsText,
    /// They are times finer than those of a spreadsheet.
    CutToMillis,
}

/// How many cells were changed, by what was done and by column.
#[derive(Debug, Default)]
pub struct ChangedCells(BTreeMap<Change, BTreeMap<String, u64>>);

impl ChangedCells {
    /// Counts a cell.
    pub fn count(&mut self, change: Change, column: &str) {
        let columns = self.0.entry(change).or_default();
        match columns.get_mut(column) {
            Some(count) => *count += 1,
            None => drop(columns.insert(column.to_owned(), 1)),
        }
    }

    /// Returns a warning for each thing that was done, without the texts of the cells.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(change, columns)| {
            let columns: Vec<String> =
                columns.iter().map(|(column, count)| format!("{count} in {column}")).collect();
            let columns = columns.join(", ");
            match change {
                Change::Neutralised => format!(
                    "cells begin as formulas do, and have a ' before them so that no spreadsheet carries them \
                     out: {columns}; for a program, --keep-formulas leaves them as they are"
                ),
                Change::KeptFormula => format!(
                    "cells begin as formulas do, and a spreadsheet that opens the file would carry them out: \
                     {columns}; import it there as text"
                ),
                Change::AsText => format!(
                    "cells are texts, since a number of a spreadsheet has 15 digits and its dates begin on \
                     1900-03-01: {columns}"
                ),
                Change::CutToMillis => {
                    format!("times are cut to milliseconds, as far as a spreadsheet goes: {columns}")
                }
            }
        })
    }
}
