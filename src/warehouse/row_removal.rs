//! Removes rows from a table: only the data files that may hold such rows are rewritten.
//!
//! Which files may hold them is read from the statistics in the table's log, so a table that loses no rows is
//! not opened. The rewritten files become part of the table when its release is committed, like all staged
//! files; earlier releases still read the old ones.

use std::collections::BTreeSet;

use datafusion::prelude::DataFrame;
use deltalake::kernel::Add;
use serde_json::Value;

use super::catalog::{Catalog, Session};
use super::stage::{Layout, Mode, Staged, staged};
use super::table::Table;
use super::upkeep::ONE_FILE_BYTES;
use crate::error::Result;
use crate::name::TableName;

/// What the log knows about the rows of one file.
pub struct Statistics(Value);

/// The least value of a column in a file.
#[derive(Debug, PartialEq)]
pub enum Least<'s> {
    /// Every value is null.
    NoValue,
    /// Instants and days as texts, as Delta writes them; an instant is cut to milliseconds, so it is
    /// never above the true one.
    Value(&'s Value),
    /// Not in the log, which has statistics of the first 32 columns only.
    Unknown,
}

impl Statistics {
    fn of(add: &Add) -> Statistics {
        Statistics(add.stats.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default())
    }

    pub fn least(&self, column: &str) -> Least<'_> {
        if let Some(least) = self.0["minValues"].get(column) {
            return Least::Value(least);
        }
        match (self.0["nullCount"][column].as_u64(), self.0["numRecords"].as_u64()) {
            (Some(nulls), Some(rows)) if nulls == rows => Least::NoValue,
            _ => Least::Unknown,
        }
    }

    /// Returns whether a column of a file may contain a text.
    pub fn may_hold(&self, column: &str, text: &str) -> bool {
        let bound = |values: &str| self.0[values].get(column).and_then(Value::as_str);
        // A long greatest value may be cut, and then be below the true one.
        let above = |greatest: &str| {
            let cut = text.len().min(greatest.len());
            text.as_bytes()[..cut] <= greatest.as_bytes()[..]
        };
        self.least(column) != Least::NoValue
            && bound("minValues").is_none_or(|least| least <= text)
            && bound("maxValues").is_none_or(above)
    }

    /// Returns whether a column of a file may lack a value.
    pub fn may_hold_null(&self, column: &str) -> bool {
        self.0["nullCount"][column].as_u64() != Some(0)
    }
}

/// A table as it will be once something staged is committed, the files apart that may hold rows that
/// leave.
pub struct SplitTable<'c> {
    catalog: &'c Catalog,
    staged: Staged,
    table: Table,
    files: Vec<File>,
}

struct File {
    add: Add,
    /// Written by this run; else by the release it builds on.
    own: bool,
    affected: bool,
}

impl Catalog {
    /// Parts the files of the released table that `staged` adds to, or of the one it makes; `may_hold`
    /// says of a file whether it may hold rows that leave.
    ///
    /// # Errors
    /// A released table that cannot be read or of which a file is missing; staged columns that do not fit it.
    pub async fn split_files(
        &self,
        staged: Staged,
        may_hold: impl Fn(&Statistics) -> bool,
    ) -> Result<SplitTable<'_>> {
        let base = match staged.mode {
            Mode::Append => self.released_table(&staged.table).await?,
            Mode::Replace => None,
        };
        let table = Table::after(base.as_ref(), &staged)?;
        let mut files = Vec::new();
        if let Some(Table { name, schema, version: Some(version), .. }) = &base {
            let there = self.warehouse().staged_at(name, *version, schema.clone()).await?;
            files.extend(there.adds.into_iter().map(|add| (add, false)));
        }
        files.extend(staged.stays.iter().cloned().map(|add| (add, false)));
        files.extend(staged.adds.iter().cloned().map(|add| (add, true)));
        let files: Vec<File> = files
            .into_iter()
            .map(|(add, own)| File { affected: may_hold(&Statistics::of(&add)), add, own })
            .collect();
        if let Some(base) = &base
            && files.iter().any(|file| file.affected)
        {
            self.verify(base).await?;
        }
        Ok(SplitTable { catalog: self, staged, table, files })
    }
}

impl SplitTable<'_> {
    pub fn has_affected_files(&self) -> bool {
        self.files.iter().any(|file| file.affected)
    }

    pub fn table(&self) -> &TableName {
        &self.table.name
    }

    /// Returns every file holds rows that leave, after all.
    #[must_use]
    pub fn with_all_files_affected(mut self) -> Self {
        for file in &mut self.files {
            file.affected = true;
        }
        self
    }

    /// Returns a session that sees the rows of the touched files, under the table's name.
    ///
    /// # Errors
    /// Files that cannot be opened as one table.
    pub fn session(&self) -> Result<Session> {
        self.session_of(|file| file.affected)
    }

    /// Returns a session that sees all rows.
    ///
    /// # Errors
    /// The same.
    pub fn session_of_all(&self) -> Result<Session> {
        self.session_of(|_| true)
    }

    fn session_of(&self, chosen: impl Fn(&File) -> bool) -> Result<Session> {
        let adds = self.files.iter().filter(|file| chosen(file)).map(|file| &file.add);
        let table = self.table.clone().with_files(adds)?;
        if table.bytes < ONE_FILE_BYTES {
            return self.catalog.session_over(&table, &self.catalog.engine().in_one_partition());
        }
        self.catalog.session_over(&table, self.catalog.engine())
    }

    /// Returns what was staged, as it is: nothing leaves.
    pub fn unchanged(self) -> Staged {
        self.staged
    }

    /// Returns the table with these rows in place of the touched files. Of those, the ones that this run
    /// wrote are deleted: no other step may know of them yet.
    ///
    /// # Errors
    /// Rows that cannot be computed or written; staged files that cannot be deleted.
    pub async fn with_rows(self, rows: DataFrame) -> Result<Staged> {
        let warehouse = self.catalog.warehouse();
        let name = &self.table.name;
        let anew = warehouse.stage(name, Mode::Replace, Layout::Parallel, rows).await?;
        let (mut adds, mut stays, mut gone) = (anew.adds, Vec::new(), Vec::new());
        for File { add, own, affected } in self.files {
            match (affected, own) {
                (false, true) => adds.push(add),
                (false, false) => stays.push(add),
                (true, true) => gone.push(add),
                // The commit removes it; earlier releases read it on.
                (true, false) => {}
            }
        }
        let schema = anew.schema;
        let gone = staged(name, Mode::Append, schema.clone(), gone);
        warehouse.delete_staged(&gone, &BTreeSet::new()).await?;
        Ok(Staged { stays, ..staged(name, Mode::Replace, schema, adds) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_value_is_reported_where_the_log_knows_it() {
        let stats = r#"{"numRecords":3,"minValues":{"sold_at":"2025-01-01T00:00:00Z","_run":4},
                        "maxValues":{},"nullCount":{"sold_at":0,"returned_at":3,"note":1}}"#;
        let statistics = Statistics::of(&Add { stats: Some(stats.to_owned()), ..Add::default() });
        assert_eq!(statistics.least("sold_at"), Least::Value(&Value::from("2025-01-01T00:00:00Z")));
        assert_eq!(statistics.least("_run"), Least::Value(&Value::from(4)));
        assert_eq!(statistics.least("returned_at"), Least::NoValue);
        assert_eq!(statistics.least("note"), Least::Unknown);
        assert_eq!(statistics.least("another"), Least::Unknown);
        assert_eq!(Statistics::of(&Add::default()).least("sold_at"), Least::Unknown);
    }

    #[test]
    fn a_file_without_a_text_or_a_null_is_known_by_the_log() {
        let stats = r#"{"numRecords":3,"minValues":{"_file":"b.csv"},"maxValues":{"_file":"d_cut"},
                        "nullCount":{"_file":0,"valid_to":1,"gone":3}}"#;
        let statistics = Statistics::of(&Add { stats: Some(stats.to_owned()), ..Add::default() });
        let held = ["a.csv", "b.csv", "c.csv", "d_cut.csv", "d_z.csv", "e.csv"]
            .map(|file| statistics.may_hold("_file", file));
        assert_eq!(held, [false, true, true, true, false, false]);
        assert_eq!((statistics.may_hold("gone", "x"), statistics.may_hold("another", "x")), (false, true));
        let null = ["_file", "valid_to", "another"].map(|column| statistics.may_hold_null(column));
        assert_eq!(null, [false, true, true]);
    }
}
