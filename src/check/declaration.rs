//! Turns `checks = [ … ]` as written into the assertions that it declares.

use super::assertion::{Assertion, Check};
use crate::config::{Bounds, CheckDeclaration};
use crate::error::{Error, Result};
use crate::name::TableName;

impl CheckDeclaration {
    /// Returns the checks an entry declares (`not_null` of several columns is one check per column).
    ///
    /// # Errors
    /// An entry with no assertion or several; one without the values, the column or the bounds that it needs.
    pub fn check(&self, table: &TableName) -> Result<Vec<Check>> {
        let mut assertions: Vec<Assertion> = Vec::new();
        let mut kinds = 0;
        if let Some(columns) = self.not_null.clone() {
            kinds += 1;
            assertions.extend(columns.into_vec().into_iter().map(Assertion::NotNull));
        }
        if let Some(columns) = self.unique.clone() {
            kinds += 1;
            assertions.push(Assertion::Unique(columns.into_vec()));
        }
        if let Some(column) = self.accepted_values.clone() {
            kinds += 1;
            let values = self.values.clone().filter(|v| !v.is_empty()).ok_or_else(|| {
                Error::config("`accepted_values` needs a list of values").hint("add values = [\"…\", \"…\"]")
            })?;
            assertions.push(Assertion::AcceptedValues { column, values });
        }
        if let Some(column) = self.relationships.clone() {
            kinds += 1;
            let (to, to_column) = self.to.as_deref().and_then(|to| to.rsplit_once('.')).ok_or_else(|| {
                Error::config("`relationships` needs the column it points to")
                    .hint("add to = \"schema.table.column\"")
            })?;
            assertions.push(Assertion::Relationships {
                column,
                to: to.parse()?,
                to_column: to_column.to_owned(),
            });
        }
        if let Some(Bounds { min, max }) = self.row_count.clone() {
            kinds += 1;
            if min.is_none() && max.is_none() {
                return Err(Error::config("`row_count` needs `min`, `max` or both"));
            }
            assertions.push(Assertion::RowCount { min, max });
        }
        if let Some(sql) = self.expression.clone() {
            kinds += 1;
            assertions.push(Assertion::Expression(sql));
        }
        if kinds != 1 {
            return Err(Error::config(format!(
                "an entry of `checks` must have one assertion, found {kinds}"
            ))
            .hint("write one of not_null, unique, accepted_values, relationships, row_count, expression"));
        }
        Ok(assertions
            .into_iter()
            .map(|assertion| Check {
                table: table.clone(),
                assertion,
                severity: self.severity,
                standing: false,
            })
            .collect())
    }
}
