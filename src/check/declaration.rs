//! Turns `checks = [ … ]` as written into the assertions that it declares.

use super::assertion::{Assertion, Check};
use super::reconciliation::{Reconciliation, Side};
use crate::config::{Bounds, CheckDeclaration, OneOrMany, ReconciledWith};
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
        if let Some(amount) = &self.reconciles {
            kinds += 1;
            assertions.push(Assertion::Reconciles(Box::new(self.reconciliation(table, amount)?)));
        } else if let Some(key) = self.key_of_reconciles() {
            return Err(Error::config(format!(
                "`{key}` belongs to `reconciles`, which the entry does not have"
            ))
            .hint("add reconciles = \"amount\", or write the condition as an expression"));
        }
        if kinds != 1 {
            return Err(Error::config(format!(
                "an entry of `checks` must have one assertion, found {kinds}"
            ))
            .hint("write one of not_null, unique, accepted_values, relationships, row_count, expression, reconciles"));
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

    /// Returns a key that says something only for `reconciles`.
    fn key_of_reconciles(&self) -> Option<&'static str> {
        let given = [
            ("where", self.condition.is_some()),
            ("by", self.by.is_some()),
            ("keyed_by", self.keyed_by.is_some()),
            ("with", self.with.is_some()),
        ];
        given.into_iter().find_map(|(key, is_given)| is_given.then_some(key))
    }

    fn reconciliation(&self, table: &TableName, amount: &str) -> Result<Reconciliation> {
        let here = Side {
            table: table.clone(),
            amount: amount.to_owned(),
            condition: self.condition.clone(),
            by: columns(self.by.as_ref()),
            keys: columns(self.keyed_by.as_ref()),
        };
        let with = self.with.as_deref().filter(|with| !with.is_empty()).ok_or_else(|| {
            Error::config("`reconciles` needs the tables whose total is the same")
                .hint("add with = [{ table = \"schema.table\", sum = \"…\" }]")
        })?;
        let with = with.iter().map(|with| side(&here, with)).collect::<Result<_>>()?;
        Ok(Reconciliation { here, with })
    }
}

fn columns(declared: Option<&OneOrMany>) -> Vec<String> {
    declared.cloned().map(OneOrMany::into_vec).unwrap_or_default()
}

/// Returns a table of `with`; what it does not say is as in the checked table.
fn side(here: &Side, with: &ReconciledWith) -> Result<Side> {
    let of = |key: &str, here: &[String], declared: Option<&OneOrMany>| {
        let own = declared.map_or_else(|| here.to_vec(), |declared| columns(Some(declared)));
        if own.len() == here.len() {
            return Ok(own);
        }
        Err(Error::config(format!(
            "`{key}` of {} has another number of entries ({}) than the checked table ({})",
            with.table,
            own.len(),
            here.len()
        ))
        .hint("the first is compared with the first, the second with the second"))
    };
    Ok(Side {
        table: with.table.parse()?,
        amount: with.sum.clone().unwrap_or_else(|| here.amount.clone()),
        condition: with.condition.clone(),
        by: of("by", &here.by, with.by.as_ref())?,
        keys: of("keyed_by", &here.keys, with.keyed_by.as_ref())?,
    })
}
