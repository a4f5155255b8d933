//! Instants in microseconds, as tables keep them.
//!
//! DataFusion reads `timestamp '…'`, `now()`, and a date beside an instant in nanoseconds, which end in 2262:
//! a price that is valid to 9999-12-31 kills the night. Microseconds reach as far as dates do.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{Column, DFSchema, DFSchemaRef, ExprSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::{Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, ScalarUDF, Union, Values,
};
use datafusion::optimizer::AnalyzerRule;

use super::date_trunc::date_trunc;
use super::expressions::columns_of;

/// The rule: what would be nanoseconds is microseconds, throughout the plan.
#[derive(Debug)]
pub struct Microseconds;

impl AnalyzerRule for Microseconds {
    fn name(&self) -> &str {
        "microseconds"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|node| {
            let schema = columns_of(&node)?;
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                let rewritten = expr.transform_up(|expr| in_microseconds(expr, &schema))?;
                Ok(rewritten.update_data(|expr| name.restore(expr)))
            })?
            // Other types below are other types above.
            .map_data(with_own_types)
        })
        .data()
    }
}

/// Returns the type in microseconds, of one in nanoseconds.
fn coarser(kind: &DataType) -> Option<DataType> {
    match kind {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        DataType::Duration(TimeUnit::Nanosecond) => Some(DataType::Duration(TimeUnit::Microsecond)),
        _ => None,
    }
}

fn coarser_field(field: &FieldRef) -> Option<FieldRef> {
    Some(Arc::new(Field::clone(field).with_data_type(coarser(field.data_type())?)))
}

fn in_microseconds(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    Ok(match expr {
        Expr::Cast(Cast { expr, field }) => match coarser_field(&field) {
            Some(field) => Transformed::yes(Expr::Cast(Cast { expr, field })),
            None => Transformed::no(Expr::Cast(Cast { expr, field })),
        },
        Expr::TryCast(TryCast { expr, field }) => match coarser_field(&field) {
            Some(field) => Transformed::yes(Expr::TryCast(TryCast { expr, field })),
            None => Transformed::no(Expr::TryCast(TryCast { expr, field })),
        },
        Expr::Literal(ScalarValue::TimestampNanosecond(nanos, zone), metadata) => {
            let micros = nanos.map(|nanos| nanos.div_euclid(1000));
            Transformed::yes(Expr::Literal(ScalarValue::TimestampMicrosecond(micros, zone), metadata))
        }
        Expr::OuterReferenceColumn(field, column) => match coarser_field(&field) {
            Some(field) => Transformed::yes(Expr::OuterReferenceColumn(field, column)),
            None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
        },
        Expr::ScalarFunction(function) => return called(function, schema),
        // Of a table that has them, such as generate_series.
        Expr::Column(column) => match coarser(schema.data_type(&column)?) {
            Some(kind) => Transformed::yes(cast(Expr::Column(column), kind)),
            None => Transformed::no(Expr::Column(column)),
        },
        other => Transformed::no(other),
    })
}

/// Returns a function that computes in nanoseconds, whatever it is given, as one that does not.
fn called(mut function: ScalarFunction, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let own = Expr::ScalarFunction(function.clone()).get_type(schema)?;
    let kind = coarser(&own);
    if let [of] = function.args.as_slice()
        && function.func.name().starts_with("to_timestamp")
        && let Some(instant) =
            to_timestamp(of.clone(), function.func.name(), kind.as_ref().unwrap_or(&own), schema)?
    {
        return Ok(Transformed::yes(instant));
    }
    if function.func.name() == "date_trunc" && matches!(own, DataType::Timestamp(TimeUnit::Microsecond, _)) {
        static DATE_TRUNC: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(date_trunc()));
        function.func = DATE_TRUNC.clone();
        return Ok(Transformed::yes(Expr::ScalarFunction(function)));
    }
    Ok(match kind {
        Some(kind) => Transformed::yes(cast(Expr::ScalarFunction(function), kind)),
        None => Transformed::no(Expr::ScalarFunction(function)),
    })
}

fn cast(expr: Expr, kind: DataType) -> Expr {
    Expr::Cast(Cast::new(Box::new(expr), kind))
}

/// `to_timestamp(x)` and its like: of `to_timestamp` itself numbers are seconds.
fn to_timestamp(of: Expr, name: &str, kind: &DataType, schema: &DFSchema) -> Result<Option<Expr>> {
    let seconds = DataType::Timestamp(TimeUnit::Second, None);
    Ok(Some(match of.get_type(schema)? {
        DataType::Null | DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => {
            cast(of, kind.clone())
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => cast(of, kind.clone()),
        _ if name != "to_timestamp" => return Ok(None),
        integer if integer.is_integer() => cast(cast(of, seconds), kind.clone()),
        number if number.is_floating() || number.is_decimal() => {
            let million = ScalarValue::Decimal128(Some(1_000_000), 7, 0);
            let (of, million) = match number.is_floating() {
                true => (cast(of, DataType::Float64), ScalarValue::Float64(Some(1e6))),
                false => (cast(of, DataType::Decimal128(28, 6)), million),
            };
            let micros =
                BinaryExpr::new(Box::new(of), Operator::Multiply, Box::new(Expr::Literal(million, None)));
            cast(cast(Expr::BinaryExpr(micros), DataType::Int64), kind.clone())
        }
        _ => return Ok(None),
    }))
}

/// Returns the node with the types that its rewritten expressions and inputs have.
fn with_own_types(node: LogicalPlan) -> Result<LogicalPlan> {
    match node {
        LogicalPlan::Values(Values { schema, values }) => {
            Ok(LogicalPlan::Values(Values { schema: retyped(&schema)?, values }))
        }
        LogicalPlan::Union(Union { inputs, schema }) => {
            let inputs = inputs.into_iter().map(in_microseconds_below).collect::<Result<_>>()?;
            Ok(LogicalPlan::Union(Union { inputs, schema: retyped(&schema)? }))
        }
        other => other.recompute_schema(),
    }
}

/// Returns an input of a union, whose columns no expression of the union names.
fn in_microseconds_below(input: Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
    if input.schema().fields().iter().all(|field| coarser(field.data_type()).is_none()) {
        return Ok(input);
    }
    let columns: Vec<Expr> = input
        .schema()
        .iter()
        .map(|(relation, field)| {
            let column = Expr::Column(Column::new(relation.cloned(), field.name()));
            match coarser(field.data_type()) {
                Some(kind) => cast(column, kind).alias_qualified(relation.cloned(), field.name()),
                None => column,
            }
        })
        .collect();
    LogicalPlanBuilder::from(Arc::unwrap_or_clone(input)).project(columns)?.build().map(Arc::new)
}

fn retyped(schema: &DFSchemaRef) -> Result<DFSchemaRef> {
    if schema.fields().iter().all(|field| coarser(field.data_type()).is_none()) {
        return Ok(schema.clone());
    }
    let fields = schema
        .iter()
        .map(|(relation, field)| (relation.cloned(), coarser_field(field).unwrap_or_else(|| field.clone())))
        .collect();
    let retyped = DFSchema::new_with_metadata(fields, schema.as_arrow().metadata().clone())?;
    Ok(Arc::new(retyped.with_functional_dependencies(schema.functional_dependencies().clone())?))
}
