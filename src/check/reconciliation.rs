//! Totals of a table that must be those of others, to the last digit.

use std::collections::BTreeSet;
use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::warehouse::catalog::Catalog;

/// Groups that a message names beside the rows.
const SHOWN_GROUPS: usize = 3;

/// A table of which amounts are added up; all texts are SQL over its columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    pub table: TableName,
    pub amount: String,
    pub condition: Option<String>,
    pub by: Vec<String>,
    pub keys: Vec<String>,
}

/// The table that is checked, and the others, whose amounts together must be its own: in all, in each group
/// and for each key.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciliation {
    pub here: Side,
    pub with: Vec<Side>,
}

impl fmt::Display for Reconciliation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Side { amount, condition, by, keys, .. } = &self.here;
        write!(f, "reconciles {amount}")?;
        if let Some(condition) = condition {
            write!(f, " where {condition}")?;
        }
        if !by.is_empty() || !keys.is_empty() {
            write!(f, " by {}", [by.as_slice(), keys].concat().join(", "))?;
        }
        write!(f, " with {}", self.others())
    }
}

impl Reconciliation {
    fn sides(&self) -> impl Iterator<Item = &Side> {
        std::iter::once(&self.here).chain(&self.with)
    }

    /// Returns the names of the other tables, each once.
    fn others(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for side in &self.with {
            let name = side.table.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.join(" + ")
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = &TableName> {
        self.with.iter().map(|side| &side.table)
    }

    /// Returns every SQL text of the declaration.
    pub fn expressions(&self) -> impl Iterator<Item = &str> {
        self.sides().flat_map(|side| {
            let one = std::iter::once(&side.amount).chain(&side.condition);
            one.chain(&side.by).chain(&side.keys).map(String::as_str)
        })
    }

    /// Returns the query of what each side adds up to, by the first `depth` of groups and keys.
    fn totals(&self, depth: usize) -> String {
        let entries: Vec<String> = self.sides().enumerate().map(|(n, side)| entries(n, side)).collect();
        let groups: Vec<String> = (0..depth).map(|n| format!("group_{n}, ")).collect();
        let groups = groups.concat();
        let by =
            if depth == 0 { String::new() } else { format!("group by {}", groups.trim_end_matches(", ")) };
        format!(
            "select {groups}
               coalesce(sum(amount) filter (where is_here), 0) as here,
               coalesce(sum(amount) filter (where not is_here), 0) as there,
               count(*) filter (where is_here) as rows_here,
               count(*) filter (where not is_here) as rows_there,
               count(*) - count(amount) as without_amount
             from ({}) as entries {by}",
            entries.join("\nunion all\n")
        )
    }

    fn depth(&self) -> usize {
        self.here.by.len() + self.here.keys.len()
    }

    /// Returns a query of one number: groups, or keys, whose totals differ, and those with an empty amount.
    pub(super) fn count_sql(&self) -> String {
        format!(
            "select count(*) from ({}) as totals where here <> there or without_amount > 0",
            self.totals(self.depth())
        )
    }

    fn differing_sql(&self, depth: usize, limit: usize) -> String {
        let groups: Vec<String> = (0..depth).map(|n| format!("group_{n}")).collect();
        let order = if depth == 0 { String::new() } else { format!("order by {}", groups.join(", ")) };
        let groups: Vec<String> = groups.iter().map(|group| format!("{group}, ")).collect();
        // The difference keeps the digits of both.
        format!(
            "select {} here, there, here - there as difference, rows_here, rows_there, without_amount
             from ({}) as totals where here <> there or without_amount > 0 {order} limit {limit}",
            groups.concat(),
            self.totals(depth)
        )
    }

    /// Refuses an expression that does not plan, and an amount that is not exact.
    ///
    /// # Errors
    /// A column that is not there, an amount that is a float or no number.
    pub(super) async fn require_exact(&self, catalog: &Catalog) -> Result<()> {
        for side in self.sides() {
            let session = catalog.session(std::slice::from_ref(&side.table), None).await?;
            let others = side.condition.iter().chain(&side.by).chain(&side.keys);
            for text in std::iter::once(&side.amount).chain(others) {
                let sql = format!("select ({text}) from {}", side.table);
                let planned = session.sql(&sql).await.doing("plan the check");
                let frame = planned.map_err(|e| e.in_part(&sql, text))?;
                let kind = frame.schema().field(0).data_type();
                if std::ptr::eq(text, &side.amount) && !is_exact(kind) {
                    return Err(Error::config(format!(
                        "`{text}` of {} is {kind}, which is not exact",
                        side.table
                    ))
                    .in_part(&sql, text)
                    .hint(
                        "add up decimals or integers: cast(… as decimal(18,2)), or round(…, 2) of decimals",
                    ));
                }
            }
        }
        Ok(())
    }

    /// Returns what differs in words: some groups with both totals, then keys, at most `limit` of them.
    ///
    /// # Errors
    /// A table that cannot be read.
    pub(super) async fn differences(&self, catalog: &Catalog, limit: usize) -> Result<Vec<String>> {
        let tables: BTreeSet<TableName> = self.sides().map(|side| side.table.clone()).collect();
        let session = catalog.session(&tables, None).await?;
        let doing = "look at what does not reconcile";
        let mut found = Vec::new();
        let groups = self.here.by.len();
        if !self.here.keys.is_empty() {
            let sql = self.differing_sql(groups, SHOWN_GROUPS);
            for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
                found.extend(self.in_words(&batch, groups)?);
            }
        }
        let sql = self.differing_sql(self.depth(), limit);
        for batch in session.sql(&sql).await.doing(doing)?.collect().await.doing(doing)? {
            found.extend(self.in_words(&batch, self.depth())?);
        }
        Ok(found)
    }

    fn in_words(&self, batch: &RecordBatch, depth: usize) -> Result<Vec<String>> {
        let options = FormatOptions::default().with_null("null");
        let columns = batch
            .columns()
            .iter()
            .map(|values| ArrayFormatter::try_new(values.as_ref(), &options))
            .collect::<std::result::Result<Vec<_>, _>>()
            .doing("show what does not reconcile")?;
        let names: Vec<&String> = self.here.by.iter().chain(&self.here.keys).collect();
        let word = |row: usize| {
            let cell = |column: usize| columns[column].value(row).to_string();
            let group: Vec<String> = (0..depth).map(|n| format!("{} = {}", names[n], cell(n))).collect();
            let group = if depth == 0 { "in all".to_owned() } else { group.join(", ") };
            format!("{group}: {}", self.said(&std::array::from_fn(|n| cell(depth + n))))
        };
        Ok((0..batch.num_rows()).map(word).collect())
    }

    /// Says what is wrong with one total: which side lacks it, has it twice, or by how much it differs.
    fn said(&self, [here, there, difference, rows_here, rows_there, without]: &[String; 6]) -> String {
        let (table, others) = (&self.here.table, self.others());
        if without != "0" {
            let rows = if without == "1" { "row" } else { "rows" };
            return format!("{without} {rows} without an amount");
        }
        if rows_there == "0" {
            return format!("{here} in {table} alone");
        }
        if rows_here == "0" {
            return format!("{there} in {others} alone");
        }
        let more = difference.strip_prefix('-').map_or(("more", difference.as_str()), |less| ("less", less));
        let both = format!("{here} in {table}, {there} in {others}");
        if difference == there {
            return format!("{both}: twice");
        }
        format!("{both}: {} {}", more.1, more.0)
    }
}

/// Returns the query of the entries of one side.
fn entries(n: usize, side: &Side) -> String {
    let groups: Vec<String> = side
        .by
        .iter()
        .chain(&side.keys)
        .enumerate()
        .map(|(n, text)| format!("({text}) as group_{n}, "))
        .collect();
    let condition = side.condition.as_ref().map(|text| format!(" where ({text})")).unwrap_or_default();
    format!(
        "select {} as is_here, {} ({}) as amount from {}{condition}",
        n == 0,
        groups.concat(),
        side.amount,
        side.table
    )
}

fn is_exact(kind: &DataType) -> bool {
    kind.is_integer() || kind.is_decimal()
}
