//! Tables that exist only while the step runs: stored as files, so that they need no memory.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::DataFrame;

use crate::error::Result;
use crate::name::TableName;
use crate::warehouse::catalog::{Catalog, Session};
use crate::warehouse::stage::{Layout, Mode, Staged};

pub struct Scratch<'c> {
    catalog: &'c Catalog,
    kept: BTreeMap<TableName, Staged>,
}

impl<'c> Scratch<'c> {
    pub fn new(catalog: &'c Catalog) -> Self {
        Scratch { catalog, kept: BTreeMap::new() }
    }

    /// Puts the frame's rows into the table, beside those it has; how many there were.
    pub async fn put(&mut self, table: &TableName, frame: DataFrame) -> Result<u64> {
        let staged = self.catalog.warehouse().stage(table, Mode::Append, Layout::Scratch, frame).await?;
        let rows = staged.rows;
        let all = match self.kept.remove(table) {
            None => staged,
            Some(so_far) => so_far.and(staged),
        };
        self.kept.insert(table.clone(), all);
        Ok(rows)
    }

    /// Returns a session that knows these tables of the warehouse and all scratch tables.
    pub async fn session<'t>(&self, tables: impl IntoIterator<Item = &'t TableName>) -> Result<Session> {
        self.catalog.session_with(tables, self.kept.values()).await
    }

    /// Deletes all files.
    pub async fn delete(self) -> Result<()> {
        for staged in self.kept.values() {
            self.catalog.warehouse().delete_staged(staged, &BTreeSet::new()).await?;
        }
        Ok(())
    }
}

/// Returns the name of a table of the step's own.
pub fn table(name: &str) -> TableName {
    TableName::new("ops", name).expect("our own table names are valid")
}
