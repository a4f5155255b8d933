//! A condition, or a ranking, as an expression over the row of the customer.

use std::collections::BTreeSet;

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, ExprSchemable, Filter, JoinType, LogicalPlan, col};
use datafusion::prelude::DataFrame;

use super::candidates::{BASE, Candidates, of_base};
use super::customer_columns::of_customer;
use super::grain::CUSTOMER_ID;
use super::names;
use super::subquery::{Mark, Subqueries};
use crate::error::{Context, Error, Result};
use crate::name::TableName;
use crate::sql_text::in_short;
use crate::warehouse::catalog::Session;

/// Reads the SQL of one audience.
pub(super) struct Reader<'a> {
    session: &'a Session,
    candidates: &'a Candidates,
    customer: DFSchema,
    marks: Vec<Mark>,
    needed: BTreeSet<String>,
}

/// An expression over the row of the customer and the marks.
#[derive(Debug)]
pub(super) struct BoundCondition {
    pub expr: Expr,
    pub kind: DataType,
}

impl<'a> Reader<'a> {
    pub fn new(session: &'a Session, candidates: &'a Candidates) -> Result<Self> {
        let all = candidates.base(None)?;
        let customer = all.schema().clone();
        let plain = customer.fields().iter().map(|f| f.name().clone());
        let plain = plain.filter(|name| !Candidates::is_qualified(name)).collect();
        session.register_view(&view(true)?, all)?;
        session.register_view(&view(false)?, candidates.base(Some(&plain))?)?;
        Ok(Reader { session, candidates, customer, marks: Vec::new(), needed: BTreeSet::new() })
    }

    /// Returns the text as an expression over a customer.
    ///
    /// # Errors
    /// Names that nothing has or several have, subqueries that cannot be asked of all at once, functions
    /// of several customers.
    pub async fn read(&mut self, text: &str) -> Result<BoundCondition> {
        let asked = self.bind(text).await;
        asked.map_err(|e| e.in_part(text, text))
    }

    /// Returns the columns of the row of the customer that the text uses, also within its subqueries.
    ///
    /// # Errors
    /// As for [`Reader::read`].
    pub async fn columns(&mut self, text: &str) -> Result<BTreeSet<String>> {
        self.read(text).await?;
        let of_marks = self.marks.iter().flat_map(|mark| &mark.needed);
        Ok(self.needed.iter().chain(of_marks).cloned().collect())
    }

    async fn bind(&mut self, text: &str) -> Result<BoundCondition> {
        let named = names::resolve(text, self.candidates)?;
        // Names that only we know are out of sight, so that messages do not offer them.
        let rows = view(named.qualified.iter().any(|name| Candidates::is_qualified(name)))?;
        // In a filter `$as_of - interval '1 day'` needs no type before it has a value.
        let sql = format!("select 1 from {rows} as {BASE} where (\n{}\n) is not null", named.sql);
        let doing = || format!("understand `{}`", in_short(text));
        let plan = match self.session.sql(&sql).await {
            Ok(frame) => frame.into_unoptimized_plan(),
            Err(error) if error.to_string().contains("Aggregate functions are not allowed") => {
                return Err(of_several(text));
            }
            Err(error) => {
                return Err(error).doing(doing()).map_err(|e| {
                    e.in_part(&sql, text).hint(
                        "a condition is SQL over the columns of the tables in `from`; a subquery names \
                         other tables with their schema, and the customer's own columns as base.…",
                    )
                });
            }
        };
        let expr = filtered_by(plan).ok_or_else(|| {
            Error::failed(format!("`{}` is not an expression with a value", in_short(text)))
        })?;
        let several = |e: &Expr| Ok(matches!(e, Expr::AggregateFunction(_) | Expr::WindowFunction(_)));
        if expr.exists(several).doing(doing())? {
            return Err(of_several(text));
        }
        let kind = expr.get_type(&self.customer).doing(doing())?;
        let mut subqueries = Subqueries {
            customer: &self.customer,
            qualified: &named.qualified,
            before: self.marks.len(),
            marks: Vec::new(),
        };
        let expr = subqueries.replaced(expr).map_err(|e| e.at(format!("`{}`", in_short(text))))?;
        let marks = subqueries.marks;
        let needed = columns_needed(&expr)?;
        if !marks.is_empty() || has_subquery(&expr)? {
            self.require_planned(text, &expr, &marks, &needed).await?;
        }
        self.marks.extend(marks);
        self.needed.extend(needed);
        Ok(BoundCondition { expr, kind })
    }

    /// Returns the rows of all customers, with the columns and marks that what was read needs.
    pub fn rows(&self) -> Result<DataFrame> {
        self.with_marks(&self.marks, &self.needed)
    }

    fn with_marks(&self, marks: &[Mark], needed: &BTreeSet<String>) -> Result<DataFrame> {
        let mut rows = self.candidates.base(Some(needed))?;
        for mark in marks {
            rows = marked(rows, self.ids(mark)?, &mark.name)?;
        }
        Ok(rows)
    }

    /// Returns the ids for which a filter is true, as a query.
    fn ids(&self, mark: &Mark) -> Result<DataFrame> {
        self.candidates
            .base(Some(&mark.needed))?
            .filter(mark.filter.clone())
            .and_then(|held| held.select(vec![of_base(CUSTOMER_ID).alias(CUSTOMER_ID)]))
            .doing("compute a subquery for all customers")
    }

    /// What the engine cannot do is found out here, where the condition is known.
    async fn require_planned(
        &self,
        text: &str,
        expr: &Expr,
        marks: &[Mark],
        needed: &BTreeSet<String>,
    ) -> Result<()> {
        for mark in marks {
            planned(self.ids(mark)?, text).await?;
        }
        let rows = self.with_marks(marks, needed)?;
        planned(rows.select(vec![expr.clone().alias("asked")]).doing("plan a condition")?, text).await
    }
}

async fn planned(frame: DataFrame, text: &str) -> Result<()> {
    let Err(error) = frame.create_physical_plan().await else { return Ok(()) };
    let message = format!("a subquery of `{}` cannot be computed for all customers at once", in_short(text));
    // The engine's message about a plan that it does not support is about its internals.
    let error = match error.find_root() {
        DataFusionError::NotImplemented(_) => Error::config(message),
        _ => Error::config(message).caused_by(error),
    };
    Err(error.hint(
        "compare its rows with the customer by `=` in its own `where`, not below a union, an outer join or \
         another subquery; a value must be a total: (select sum(…) …). Otherwise make a model of it and use that",
    ))
}

fn of_several(text: &str) -> Error {
    Error::config(format!("`{}` reads more than one customer", in_short(text))).hint(
        "window functions and totals over customers belong to a model; a total of one customer's rows is a \
         subquery: (select sum(…) from … as t where t.customer_id = base.customer_id)",
    )
}

/// Returns the expression that a plan of ours asks not to be null.
fn filtered_by(plan: LogicalPlan) -> Option<Expr> {
    match plan {
        LogicalPlan::Projection(projection) => match projection.input.as_ref() {
            LogicalPlan::Filter(Filter { predicate: Expr::IsNotNull(asked), .. }) => Some(*asked.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Returns what SQL is planned over: the columns that have one name, or those of several tables, too.
fn view(all: bool) -> Result<TableName> {
    TableName::new("audience", if all { "all_columns" } else { "columns" })
}

/// Returns the rows with a column `<name>.mark`: whether the customer is one of these.
pub(super) fn marked(rows: DataFrame, ids: DataFrame, name: &str) -> Result<DataFrame> {
    let doing = "find the customers of a set";
    let ids = ids.alias(name).doing(doing)?;
    let same = of_base(CUSTOMER_ID).eq(col(datafusion::common::Column::new(Some(name), CUSTOMER_ID)));
    rows.join_on(ids, JoinType::LeftMark, [same]).doing(doing)
}

/// Returns the columns of the row of the customer that an expression uses, also within its subqueries.
fn columns_needed(expr: &Expr) -> Result<BTreeSet<String>> {
    let mut needed = BTreeSet::new();
    let mut within = Ok(());
    expr.apply(|expr| {
        match expr {
            Expr::Column(column) if column.relation.as_ref().is_some_and(|r| r.table() == BASE) => {
                needed.insert(column.name.clone());
            }
            Expr::ScalarSubquery(subquery) => match of_customer(&subquery.subquery) {
                Ok(used) => needed.extend(used),
                Err(error) => within = Err(error),
            },
            _ => {}
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .doing("read the condition")?;
    within.map(|()| needed)
}

fn has_subquery(expr: &Expr) -> Result<bool> {
    expr.exists(|e| Ok(matches!(e, Expr::ScalarSubquery(_)))).doing("read the condition")
}
