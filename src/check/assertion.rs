//! An assertion on a table, the query that counts the rows that fail it, and the result.

use serde::{Deserialize, Serialize};

use super::reconciliation::Reconciliation;
use crate::clock::Instant;
use crate::config::Severity;
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_text::quoted;
use crate::suggestion::did_you_mean_or_list;
use crate::warehouse::catalog::Catalog;

/// What must hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Assertion {
    NotNull(String),
    /// No two rows agree in all these columns.
    Unique(Vec<String>),
    AcceptedValues {
        column: String,
        values: Vec<String>,
    },
    /// Every value that is not null is in a column of another table.
    Relationships {
        column: String,
        to: TableName,
        to_column: String,
    },
    RowCount {
        min: Option<u64>,
        max: Option<u64>,
    },
    /// A SQL condition that no row may make false.
    Expression(String),
    /// Totals are those of other tables.
    Reconciles(Box<Reconciliation>),
    /// A check between tables: a query that counts the rows that do not agree.
    Agreement {
        name: String,
        with: Vec<TableName>,
        sql: String,
    },
}

/// An assertion on a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    pub table: TableName,
    pub assertion: Assertion,
    pub severity: Severity,
    /// Runs in every run, on the table as it will be published, whatever is declared or selected.
    pub standing: bool,
}

/// What a check found. `failures` counts rows (for `row_count`: 1 when out of bounds).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Finding {
    pub table: TableName,
    pub check: String,
    pub severity: Severity,
    pub failures: u64,
    /// Not declared, and not to be switched off.
    #[serde(default)]
    pub standing: bool,
    /// Some of the rows, by the key of the table; for messages alone.
    #[serde(skip)]
    pub rows: Vec<String>,
}

impl Finding {
    pub fn passed(&self) -> bool {
        self.failures == 0
    }

    pub fn stops_the_run(&self) -> bool {
        !self.passed() && self.severity == Severity::Error
    }
}

impl Check {
    /// Returns the check in words, as `ops.checks` and messages name it.
    pub fn name(&self) -> String {
        match &self.assertion {
            Assertion::NotNull(column) => format!("not_null {column}"),
            Assertion::Unique(columns) => format!("unique {}", columns.join(", ")),
            Assertion::AcceptedValues { column, .. } => format!("accepted_values {column}"),
            Assertion::Relationships { column, to, to_column } => {
                format!("relationships {column} to {to}.{to_column}")
            }
            Assertion::RowCount { min, max } => {
                let bound =
                    |word: &str, n: &Option<u64>| n.map(|n| format!(" {word} {n}")).unwrap_or_default();
                format!("row_count{}{}", bound("min", min), bound("max", max))
            }
            Assertion::Expression(sql) => format!("expression {sql}"),
            Assertion::Reconciles(reconciliation) => reconciliation.to_string(),
            Assertion::Agreement { name, .. } => name.clone(),
        }
    }

    /// Returns the SQL that was written for the check, each text by itself.
    pub fn expressions(&self) -> Vec<&str> {
        match &self.assertion {
            Assertion::Expression(text) => vec![text],
            Assertion::Reconciles(reconciliation) => reconciliation.expressions().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the tables the check reads, each once.
    pub fn reads(&self) -> Vec<TableName> {
        let mut tables = vec![self.table.clone()];
        match &self.assertion {
            Assertion::Relationships { to, .. } => tables.push(to.clone()),
            Assertion::Reconciles(reconciliation) => tables.extend(reconciliation.tables().cloned()),
            Assertion::Agreement { with, .. } => tables.extend(with.iter().cloned()),
            _ => {}
        }
        tables.sort();
        tables.dedup();
        tables
    }

    /// Returns a query of one number: the rows that break the assertion.
    fn sql(&self) -> String {
        let table = &self.table;
        match &self.assertion {
            Assertion::NotNull(column) => format!("select count(*) from {table} where \"{column}\" is null"),
            Assertion::Unique(columns) => {
                let columns = columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
                format!(
                    "select coalesce(sum(n - 1), 0) from \
                     (select count(*) as n from {table} group by {columns} having count(*) > 1) as repeated"
                )
            }
            Assertion::AcceptedValues { column, values } => {
                let values = values.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(", ");
                format!("select count(*) from {table} where cast(\"{column}\" as varchar) not in ({values})")
            }
            Assertion::Relationships { column, to, to_column } => format!(
                "select count(*) from {table} as here left anti join {to} as there \
                 on here.\"{column}\" = there.\"{to_column}\" where here.\"{column}\" is not null"
            ),
            Assertion::RowCount { min, max } => {
                let mut broken = Vec::new();
                broken.extend(min.map(|min| format!("n < {min}")));
                broken.extend(max.map(|max| format!("n > {max}")));
                let broken = broken.join(" or ");
                format!("select count(*) from (select count(*) as n from {table}) as counted where {broken}")
            }
            Assertion::Expression(sql) => format!("select count(*) from {table} where not ({sql})"),
            Assertion::Reconciles(reconciliation) => reconciliation.count_sql(),
            Assertion::Agreement { sql, .. } => sql.clone(),
        }
    }

    /// Runs the check on the tables as the catalog sees them; totals are compared as they were known at the instant
    /// of the run, which is what its models saw.
    ///
    /// # Errors
    /// A table that is unknown or cannot be read, a relationship to a column that is not there,
    /// a check that does not plan.
    pub async fn run(&self, catalog: &Catalog, as_of: Option<Instant>) -> Result<Finding> {
        let then = self.then(catalog, as_of);
        let failures = self
            .count(then.as_ref().unwrap_or(catalog))
            .await
            .map_err(|e| e.at(format!("check {} of {}", self.name(), self.table)))?;
        Ok(Finding {
            table: self.table.clone(),
            check: self.name(),
            severity: self.severity,
            failures,
            standing: self.standing,
            rows: Vec::new(),
        })
    }

    /// Returns the tables as of the run, for a check of totals: a raw table may have rows that are younger.
    pub(super) fn then(&self, catalog: &Catalog, as_of: Option<Instant>) -> Option<Catalog> {
        let as_of = as_of.filter(|_| matches!(self.assertion, Assertion::Reconciles(_)));
        as_of.map(|as_of| catalog.at(as_of))
    }

    /// Refuses a relationship to a column that is not there.
    async fn require_target(&self, catalog: &Catalog) -> Result<()> {
        let Assertion::Relationships { to, to_column, .. } = &self.assertion else { return Ok(()) };
        let Some(table) = catalog.table(to).await? else { return Ok(()) };
        if table.schema.field_with_name(to_column).is_ok() {
            return Ok(());
        }
        let known = table.schema.fields().iter().map(|field| field.name().as_str());
        Err(Error::config(format!("{to} has no column `{to_column}`"))
            .about(to_column)
            .in_value("to", &format!("{to}.{to_column}"))
            .hint(did_you_mean_or_list(to_column, known, "its columns are")))
    }

    async fn count(&self, catalog: &Catalog) -> Result<u64> {
        self.require_target(catalog).await?;
        if let Assertion::Reconciles(reconciliation) = &self.assertion {
            reconciliation.require_exact(catalog).await?;
        }
        let session = catalog.session(&self.reads(), None).await?;
        let sql = self.sql();
        let frame = session.sql(&sql).await.doing("plan the check").map_err(|e| match &self.assertion {
            Assertion::Expression(condition) => e.in_part(&sql, condition),
            Assertion::NotNull(column)
            | Assertion::AcceptedValues { column, .. }
            | Assertion::Relationships { column, .. } => e.in_value("checks", column),
            _ => e,
        })?;
        let batches = frame.collect().await.doing("run the check")?;
        let count = batches
            .iter()
            .find(|b| b.num_rows() > 0)
            .map(|b| arrow::compute::cast(b.column(0), &arrow::datatypes::DataType::UInt64))
            .transpose()
            .doing("read the check's count")?;
        let count = count.as_ref().and_then(|c| {
            arrow::array::cast::as_primitive_array::<arrow::datatypes::UInt64Type>(c).iter().next().flatten()
        });
        Ok(count.unwrap_or(0))
    }
}
