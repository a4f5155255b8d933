//! Arithmetic that refuses results out of the range of their type.
//!
//! DataFusion's integers wrap around, and its decimals of 38 digits may get a 39th. Here this is an error
//! that names the expression. It is checked only if the types make it possible: the sum of two
//! `decimal(12,2)` always fits. Floats have infinity for results that are too large and for divisions by
//! zero: this is not an error if a condition excludes them, and is refused if rows are ordered by them or
//! they are stored.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Datum};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal32Type, Decimal64Type,
    Decimal128Type, Decimal256Type, Field, FieldRef,
};
use arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

use super::expressions::with_expressions;
use super::sql_type::sql_type;
use crate::error::Error;

/// The rule: arithmetic that may not fit becomes a [`Checked`] operation.
#[derive(Debug)]
pub struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn name(&self) -> &str {
        "checked_arithmetic"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        with_expressions(plan, checked)
    }
}

fn checked(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let Some(operation) = Operation::of(op) else {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            };
            let types = (left.get_type(schema)?, right.get_type(schema)?);
            if !operation.may_not_fit(&types.0, &types.1) {
                return Ok(Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })));
            }
            let text = format!("{} {op} {}", describe(&left), describe(&right));
            Ok(Transformed::yes(call(operation, text, vec![*left, *right])))
        }
        Expr::Negative(inner) if inner.get_type(schema)?.is_signed_integer() => {
            let text = format!("-{}", describe(&inner));
            Ok(Transformed::yes(call(Operation::Negate, text, vec![*inner])))
        }
        other => Ok(Transformed::no(other)),
    }
}

fn call(operation: Operation, text: String, args: Vec<Expr>) -> Expr {
    let signature = Signature::any(args.len(), Volatility::Immutable);
    let function = ScalarUDF::from(Checked { operation, text, signature });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), args))
}

/// Returns an operand as the error names it: with brackets around what is made of several.
fn describe(expr: &Expr) -> String {
    match expr {
        // What was coerced was not written.
        Expr::Cast(cast) => describe(&cast.expr),
        Expr::ScalarFunction(function) => match function.func.inner().downcast_ref::<Checked>() {
            Some(inner) => format!("({})", inner.text),
            None => expr.human_display().to_string(),
        },
        other => other.human_display().to_string(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Negate,
}

impl Operation {
    fn of(op: Operator) -> Option<Operation> {
        Some(match op {
            Operator::Plus => Operation::Add,
            Operator::Minus => Operation::Subtract,
            Operator::Multiply => Operation::Multiply,
            Operator::Divide => Operation::Divide,
            Operator::Modulo => Operation::Modulo,
            _ => return None,
        })
    }

    fn operator(self) -> Operator {
        match self {
            Operation::Add => Operator::Plus,
            Operation::Subtract | Operation::Negate => Operator::Minus,
            Operation::Multiply => Operator::Multiply,
            Operation::Divide => Operator::Divide,
            Operation::Modulo => Operator::Modulo,
        }
    }

    /// Returns whether values of these types have a result that DataFusion gives and that is not right.
    fn may_not_fit(self, left: &DataType, right: &DataType) -> bool {
        match (left, right) {
            (left, right) if left.is_integer() && right.is_integer() => left == right,
            (left, right) if left.is_decimal() && right.is_decimal() => {
                let made = BinaryTypeCoercer::new(left, &self.operator(), right).get_result_type();
                made.is_ok_and(|made| is_widest(&made))
            }
            _ => false,
        }
    }

    fn compute(self, left: &dyn Datum, right: &dyn Datum) -> Result<ArrayRef, ArrowError> {
        match self {
            Operation::Add => numeric::add(left, right),
            Operation::Subtract | Operation::Negate => numeric::sub(left, right),
            Operation::Multiply => numeric::mul(left, right),
            Operation::Divide => numeric::div(left, right),
            Operation::Modulo => numeric::rem(left, right),
        }
    }
}

/// Returns whether a decimal has no room for a digit more than its type says.
fn is_widest(made: &DataType) -> bool {
    match made {
        DataType::Decimal128(precision, _) => *precision == DECIMAL128_MAX_PRECISION,
        DataType::Decimal256(precision, _) => *precision == DECIMAL256_MAX_PRECISION,
        // Of 9 and 18 digits: nobody declares them.
        DataType::Decimal32(..) | DataType::Decimal64(..) => true,
        _ => false,
    }
}

/// An operation that fails where its result does not fit; `text` is how it was written.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    operation: Operation,
    text: String,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        match self.operation {
            Operation::Add => "checked_add",
            Operation::Subtract => "checked_subtract",
            Operation::Multiply => "checked_multiply",
            Operation::Divide => "checked_divide",
            Operation::Modulo => "checked_modulo",
            Operation::Negate => "checked_negate",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, args: &[DataType]) -> Result<DataType> {
        match args {
            [left, right] => {
                BinaryTypeCoercer::new(left, &self.operation.operator(), right).get_result_type()
            }
            [only] => Ok(only.clone()),
            _ => internal_err!("an operation has one or two operands"),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, nullable)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [only] => {
                let compute = |array: &dyn Array| {
                    numeric::neg(array).map_err(|e| self.refused(e, args.return_field.data_type()))
                };
                match only {
                    ColumnarValue::Array(array) => Ok(ColumnarValue::Array(compute(array)?)),
                    ColumnarValue::Scalar(scalar) => {
                        let made = compute(&scalar.to_array()?)?;
                        Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&made, 0)?))
                    }
                }
            }
            [left, right] => {
                let made = apply(left, right, |l, r| {
                    let made = self.operation.compute(l, r)?;
                    fits(&made)?;
                    Ok(made)
                });
                made.map_err(|error| match error {
                    DataFusionError::ArrowError(error, _) => {
                        self.refused(*error, args.return_field.data_type())
                    }
                    other => other,
                })
            }
            _ => internal_err!("an operation has one or two operands"),
        }
    }
}

impl Checked {
    fn refused(&self, error: ArrowError, made: &DataType) -> DataFusionError {
        let describe = match error {
            ArrowError::DivideByZero => Error::failed(format!("`{}` divides by zero", self.text))
                .hint("x / nullif(y, 0) gives null instead"),
            // Their words hold the values.
            ArrowError::ArithmeticOverflow(_) | ArrowError::InvalidArgumentError(_) => {
                Error::failed(format!("`{}` is out of the range of {}", self.text, sql_type(made)))
                    .hint("cast an operand to a wider type first: to decimal(38, 0), or to double")
            }
            other => return DataFusionError::from(other),
        };
        DataFusionError::External(Box::new(describe))
    }
}

/// Returns whether every decimal has no more digits than its type says.
fn fits(made: &ArrayRef) -> Result<(), ArrowError> {
    match made.data_type() {
        DataType::Decimal32(precision, _) => {
            made.as_primitive::<Decimal32Type>().validate_decimal_precision(*precision)
        }
        DataType::Decimal64(precision, _) => {
            made.as_primitive::<Decimal64Type>().validate_decimal_precision(*precision)
        }
        DataType::Decimal128(precision, _) => {
            made.as_primitive::<Decimal128Type>().validate_decimal_precision(*precision)
        }
        DataType::Decimal256(precision, _) => {
            made.as_primitive::<Decimal256Type>().validate_decimal_precision(*precision)
        }
        _ => Ok(()),
    }
}
