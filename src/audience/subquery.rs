//! Turns the subqueries of a condition into sets of customers.
//!
//! `exists (…)` and `… in (select …)` become a separate filter whose result is the ids for which it is true:
//! the engine makes a join of that, wherever the condition uses it. The rest of the condition is an ordinary
//! expression over the row of the customer and these marks, with SQL's three-valued logic: `x in (…)` is
//! null, not false, if a null in the list could be `x`.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ExprSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::{Case, Expr, LogicalPlan, LogicalPlanBuilder, Subquery, lit};

use super::candidates::{BASE, of_base};
use super::customer_columns::of_customer;
use super::decorrelation::{require_set_based, require_total_or_set_based};
use super::grain::CUSTOMER_ID;
use crate::error::{Context, Error, Result};

/// The customers that an `exists` holds for: a filter on the row of the customer.
#[derive(Debug)]
pub(super) struct Mark {
    /// The relation with the column `mark`: whether the subquery is true.
    pub name: String,
    pub filter: Expr,
    /// The customer's columns that the filter needs.
    pub needed: BTreeSet<String>,
}

/// Takes the subqueries out of expressions and gives a mark for each.
pub(super) struct Subqueries<'q> {
    /// The columns of the row of the customer.
    pub customer: &'q DFSchema,
    /// Those that were written with a qualifier.
    pub qualified: &'q BTreeSet<String>,
    /// How many marks there are before these.
    pub before: usize,
    pub marks: Vec<Mark>,
}

impl Subqueries<'_> {
    /// Returns the expression with a mark in the place of every `exists` and `in (select …)`; scalar
    /// subqueries stay, the engine joins them.
    ///
    /// # Errors
    /// A subquery that cannot be asked for all customers at once, or that asks nothing of the customer.
    pub fn replaced(&mut self, expr: Expr) -> Result<Expr> {
        let mut refused = None;
        let replaced = expr.transform_down(|expr| {
            let replaced = match expr {
                Expr::Exists(Exists { subquery, negated }) => {
                    self.exists(&subquery).map(|mark| if negated { !mark } else { mark })
                }
                Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                    self.is_in(*expr, &subquery).map(|found| if negated { !found } else { found })
                }
                Expr::ScalarSubquery(subquery) => self.scalar(subquery),
                Expr::SetComparison(_) => {
                    Err(Error::config("`any` and `all` of a subquery are not supported")
                        .hint("write `in (select …)`, `exists (…)`, or compare with (select max(…) …)"))
                }
                other => return Ok(Transformed::no(other)),
            };
            match replaced {
                Ok(replaced) => Ok(Transformed::new(replaced, true, TreeNodeRecursion::Jump)),
                Err(error) => {
                    refused = Some(error);
                    Err(DataFusionError::Plan("subqueries are not allowed here".to_owned()))
                }
            }
        });
        match refused {
            Some(error) => Err(error),
            None => Ok(replaced.doing("remove the subqueries from the condition")?.data),
        }
    }

    fn scalar(&self, subquery: Subquery) -> Result<Expr> {
        self.require_qualified(&subquery.subquery)?;
        require_total_or_set_based(&subquery.subquery)?;
        Ok(Expr::ScalarSubquery(subquery))
    }

    fn exists(&mut self, subquery: &Subquery) -> Result<Expr> {
        let plan = &subquery.subquery;
        if self.require_qualified(plan)?.is_empty() {
            return Err(Error::config(
                "an `exists` does not refer to the customer: it is true for everybody or for nobody",
            )
            .hint(
                "compare with the customer: … where t.customer_id = base.customer_id; if this is \
                 intended, write (select count(*) …) > 0",
            ));
        }
        require_set_based(plan)?;
        self.mark(plan.as_ref().clone())
    }

    /// `x in (select y …)` in three values.
    fn is_in(&mut self, x: Expr, subquery: &Subquery) -> Result<Expr> {
        let plan = subquery.subquery.as_ref();
        if x.exists(|e| Ok(matches!(e, Expr::Exists(_) | Expr::InSubquery(_) | Expr::ScalarSubquery(_))))
            .doing("read the condition")?
        {
            return Err(Error::config("there is a subquery on the left of `in (select …)`")
                .hint("write it as exists (select 1 from … where …)"));
        }
        let [_] = plan.schema().fields().as_ref() else {
            return Err(Error::config(format!(
                "`in (select …)` selects {} columns, expected one",
                plan.schema().fields().len()
            )));
        };
        let correlated = !self.require_qualified(plan)?.is_empty();
        require_set_based(plan)?;
        let y = Expr::Column(Column::from(plan.schema().qualified_field(0)));
        let outer = self.seen_from_within(x.clone())?;
        let matching = self.mark(filtered(plan, outer.eq(y.clone()))?)?;
        let null_listed = self.any(filtered(plan, y.is_null())?, correlated)?;
        let unknown = if x == of_base(CUSTOMER_ID) {
            null_listed
        } else {
            let listed = self.any(plan.clone(), correlated)?;
            null_listed.or(x.is_null().and(listed))
        };
        Ok(Expr::Case(Case {
            expr: None,
            when_then_expr: vec![
                (Box::new(matching), Box::new(lit(true))),
                (Box::new(unknown), Box::new(lit(ScalarValue::Boolean(None)))),
            ],
            else_expr: Some(Box::new(lit(false))),
        }))
    }

    /// Returns whether the plan has rows: for this customer, or at all.
    fn any(&mut self, plan: LogicalPlan, correlated: bool) -> Result<Expr> {
        if correlated {
            return self.mark(plan);
        }
        let counted = LogicalPlanBuilder::from(plan)
            .aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64))])
            .and_then(LogicalPlanBuilder::build)
            .doing("count the rows of a subquery")?;
        Ok(Expr::ScalarSubquery(subquery(counted)).gt(lit(0_i64)))
    }

    fn mark(&mut self, plan: LogicalPlan) -> Result<Expr> {
        let name = format!("__mark_{}", self.before + self.marks.len());
        let needed = of_customer(&plan)?;
        let filter = Expr::Exists(Exists { subquery: subquery(plan), negated: false });
        self.marks.push(Mark { name: name.clone(), filter, needed });
        Ok(Expr::Column(Column::new(Some(name), "mark")))
    }

    /// Returns the customer's columns that a subquery uses, each of which must have been written as such.
    fn require_qualified(&self, plan: &LogicalPlan) -> Result<BTreeSet<String>> {
        let used = of_customer(plan)?;
        match used.iter().find(|column| !self.qualified.contains(*column)) {
            None => Ok(used),
            Some(column) => Err(Error::config(format!(
                "inside the subquery `{column}` would be the customer's column: none of the subquery's \
                 tables has such a column, or several have"
            ))
            .hint(format!(
                "write {BASE}.{column} for the customer's column, or the subquery's table before the name"
            ))),
        }
    }

    /// Returns an expression over the row of the customer, as a subquery refers to it.
    fn seen_from_within(&self, expr: Expr) -> Result<Expr> {
        let seen = expr.transform_up(|expr| match expr {
            Expr::Column(column) => {
                let field = Arc::clone(self.customer.field_from_column(&column)?);
                Ok(Transformed::yes(Expr::OuterReferenceColumn(field, column)))
            }
            other => Ok(Transformed::no(other)),
        });
        Ok(seen.doing("read `in (select …)`")?.data)
    }
}

fn filtered(plan: &LogicalPlan, condition: Expr) -> Result<LogicalPlan> {
    LogicalPlanBuilder::from(plan.clone())
        .filter(condition)
        .and_then(LogicalPlanBuilder::build)
        .doing("read `in (select …)`")
}

fn subquery(plan: LogicalPlan) -> Subquery {
    let outer_ref_columns = plan.all_out_ref_exprs();
    Subquery { subquery: Arc::new(plan), outer_ref_columns, spans: Default::default() }
}
