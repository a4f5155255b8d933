//! `sum` and `avg` that add exactly, and refuse a result that does not fit its type.
//!
//! DataFusion's sums of integers and of decimals with 29 digits and more wrap around, and its averages of
//! integers are sums of floats, whose last digits depend on the threads. All other types are DataFusion's
//! own.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, ArrowNativeTypeOp, ArrowNumericType};
use arrow::datatypes::{
    ArrowPrimitiveType, DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION, DataType, Decimal32Type,
    Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Field, FieldRef, Float64Type,
    Int64Type, TimeUnit, UInt64Type, i256,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::average::avg_udaf;
use datafusion::functions_aggregate::sum::sum_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunctionDefinition};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, ExprSchemable, GroupsAccumulator, LogicalPlan,
    ReversedUDAF, SetMonotonicity, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::accumulators::{Aggregate, Finish, Total, Totals};
use super::expressions::with_expressions;

/// The rule: DataFusion's `sum` and `avg` become ours.
#[derive(Debug)]
pub struct ExactAggregates;

static SUM: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| Arc::new(AggregateUDF::from(Exact::sum())));
static AVG: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| Arc::new(AggregateUDF::from(Exact::avg())));

impl AnalyzerRule for ExactAggregates {
    fn name(&self) -> &str {
        "exact_aggregates"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        with_expressions(plan, exact)
    }
}

fn exact(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            let exact = exact_of(&func, &params.args, params.distinct, schema)?;
            let is_exact = exact.is_some();
            let aggregate = AggregateFunction { func: exact.unwrap_or(func), params };
            Ok(Transformed::new_transformed(Expr::AggregateFunction(aggregate), is_exact))
        }
        Expr::WindowFunction(mut window) => {
            let exact = match &window.fun {
                WindowFunctionDefinition::AggregateUDF(func) => {
                    exact_of(func, &window.params.args, window.params.distinct, schema)?
                }
                WindowFunctionDefinition::WindowUDF(_) => None,
            };
            let is_exact = exact.is_some();
            if let Some(exact) = exact {
                window.fun = WindowFunctionDefinition::AggregateUDF(exact);
            }
            Ok(Transformed::new_transformed(Expr::WindowFunction(window), is_exact))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// Replaces DataFusion's aggregates whose results are not always exact.
fn exact_of(
    func: &Arc<AggregateUDF>,
    args: &[Expr],
    distinct: bool,
    schema: &DFSchema,
) -> Result<Option<Arc<AggregateUDF>>> {
    let [arg] = args else { return Ok(None) };
    let is_sum = **func == *sum_udaf();
    if !is_sum && **func != *avg_udaf() {
        return Ok(None);
    }
    let added = arg.get_type(schema)?;
    Ok(match added {
        DataType::Duration(_) => Some(if is_sum { &*SUM } else { &*AVG }),
        ref integer if integer.is_integer() && is_sum => Some(&*SUM),
        // Distinct numbers are few, and as floats added in no order of the rows.
        ref integer if integer.is_integer() && !distinct => Some(&*AVG),
        ref decimal if decimal.is_decimal() && is_sum && may_wrap(decimal) => Some(&*SUM),
        _ => None,
    }
    .cloned())
}

/// Returns whether DataFusion's sum of these decimals has room for fewer than 10^10 of them.
fn may_wrap(decimal: &DataType) -> bool {
    match decimal {
        DataType::Decimal128(precision, _) => precision + 10 > DECIMAL128_MAX_PRECISION,
        _ => true,
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Exact {
    averages: bool,
    signature: Signature,
}

impl Exact {
    fn sum() -> Exact {
        Exact { averages: false, signature: sum_udaf().signature().clone() }
    }

    /// Of numbers it is asked for integers alone, which are added as such.
    fn avg() -> Exact {
        Exact { averages: true, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn aggregate(&self, args: &AccumulatorArgs) -> Aggregate {
        Aggregate {
            name: args.name.to_owned(),
            state: state_type(args.expr_fields[0].data_type()),
            result: args.return_type().clone(),
            counts: self.averages,
        }
    }
}

/// Returns the type in which values are added.
fn state_type(added: &DataType) -> DataType {
    match added {
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => {
            DataType::Decimal128(DECIMAL128_MAX_PRECISION, *scale)
        }
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            DataType::Decimal256(DECIMAL256_MAX_PRECISION, *scale)
        }
        _ => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0),
    }
}

/// Returns whether a number has at most so many digits.
fn has_digits(number: i256, digits: u8) -> bool {
    let most = i256::from_i128(10).pow_wrapping(u32::from(digits));
    number < most && number > most.wrapping_neg()
}

/// What is to be made: one total, or one a group.
trait Made {
    type Is: ?Sized;

    fn make<I, S, O, F>(aggregate: Aggregate, finish: F) -> Box<Self::Is>
    where
        I: ArrowNumericType + Send + Sync,
        S: DecimalType + ArrowNumericType + Send + Sync,
        O: ArrowPrimitiveType + Send + Sync + std::fmt::Debug,
        I::Native: Into<S::Native>,
        F: Finish<S, O>;
}

struct One;
struct EachGroup;

impl Made for One {
    type Is = dyn Accumulator;

    fn make<I, S, O, F>(aggregate: Aggregate, finish: F) -> Box<dyn Accumulator>
    where
        I: ArrowNumericType + Send + Sync,
        S: DecimalType + ArrowNumericType + Send + Sync,
        O: ArrowPrimitiveType + Send + Sync + std::fmt::Debug,
        I::Native: Into<S::Native>,
        F: Finish<S, O>,
    {
        Box::new(Total::<I, S, O, F>::new(aggregate, finish))
    }
}

impl Made for EachGroup {
    type Is = dyn GroupsAccumulator;

    fn make<I, S, O, F>(aggregate: Aggregate, finish: F) -> Box<dyn GroupsAccumulator>
    where
        I: ArrowNumericType + Send + Sync,
        S: DecimalType + ArrowNumericType + Send + Sync,
        O: ArrowPrimitiveType + Send + Sync + std::fmt::Debug,
        I::Native: Into<S::Native>,
        F: Finish<S, O>,
    {
        Box::new(Totals::<I, S, O, F>::new(aggregate, finish))
    }
}

/// Returns the accumulator for the type that is added.
fn made<M: Made>(added: &DataType, aggregate: Aggregate) -> Result<Box<M::Is>> {
    let averages = aggregate.counts;
    let digits = match &aggregate.result {
        DataType::Decimal32(digits, _)
        | DataType::Decimal64(digits, _)
        | DataType::Decimal128(digits, _)
        | DataType::Decimal256(digits, _) => *digits,
        _ => 0,
    };
    let mean = |sum: i128, count: u64| Some(sum as f64 / count as f64);
    let span =
        move |sum: i128, count: u64| i64::try_from(if averages { sum / i128::from(count) } else { sum }).ok();
    let narrow = move |sum: i128| has_digits(i256::from_i128(sum), digits).then_some(sum);
    Ok(match added {
        DataType::Int64 if averages => M::make::<Int64Type, Decimal128Type, Float64Type, _>(aggregate, mean),
        DataType::UInt64 if averages => {
            M::make::<UInt64Type, Decimal128Type, Float64Type, _>(aggregate, mean)
        }
        DataType::Int64 => M::make::<Int64Type, Decimal128Type, Int64Type, _>(aggregate, |sum: i128, _| {
            i64::try_from(sum).ok()
        }),
        DataType::UInt64 => {
            M::make::<UInt64Type, Decimal128Type, UInt64Type, _>(aggregate, |sum: i128, _| {
                u64::try_from(sum).ok()
            })
        }
        DataType::Decimal32(..) => {
            M::make::<Decimal32Type, Decimal128Type, Decimal32Type, _>(aggregate, move |sum: i128, _| {
                i32::try_from(narrow(sum)?).ok()
            })
        }
        DataType::Decimal64(..) => {
            M::make::<Decimal64Type, Decimal128Type, Decimal64Type, _>(aggregate, move |sum: i128, _| {
                i64::try_from(narrow(sum)?).ok()
            })
        }
        DataType::Decimal128(..) => {
            M::make::<Decimal128Type, Decimal256Type, Decimal128Type, _>(aggregate, move |sum: i256, _| {
                sum.to_i128().filter(|_| has_digits(sum, digits))
            })
        }
        DataType::Decimal256(..) => {
            M::make::<Decimal256Type, Decimal256Type, Decimal256Type, _>(aggregate, move |sum: i256, _| {
                Some(sum).filter(|sum| has_digits(*sum, digits))
            })
        }
        DataType::Duration(TimeUnit::Second) => {
            M::make::<DurationSecondType, Decimal128Type, DurationSecondType, _>(aggregate, span)
        }
        DataType::Duration(TimeUnit::Millisecond) => {
            M::make::<DurationMillisecondType, Decimal128Type, DurationMillisecondType, _>(aggregate, span)
        }
        DataType::Duration(TimeUnit::Microsecond) => {
            M::make::<DurationMicrosecondType, Decimal128Type, DurationMicrosecondType, _>(aggregate, span)
        }
        DataType::Duration(TimeUnit::Nanosecond) => {
            M::make::<DurationNanosecondType, Decimal128Type, DurationNanosecondType, _>(aggregate, span)
        }
        other => return internal_err!("{} of {other} is not one of sillage's aggregates", aggregate.name),
    })
}

impl AggregateUDFImpl for Exact {
    fn name(&self) -> &str {
        if self.averages { "avg" } else { "sum" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let widened = |kind: &DataType| match kind {
            kind if kind.is_unsigned_integer() => DataType::UInt64,
            kind if kind.is_integer() => DataType::Int64,
            kind => kind.clone(),
        };
        Ok(types.iter().map(widened).collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match (self.averages, types) {
            (true, [span @ DataType::Duration(_)]) => Ok(span.clone()),
            (true, _) => Ok(DataType::Float64),
            (false, _) => sum_udaf().return_type(types),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if args.is_distinct {
            return sum_udaf().state_fields(args);
        }
        let state = state_type(args.input_fields[0].data_type());
        let sum = Arc::new(Field::new(format_state_name(args.name, "sum"), state, true));
        Ok(match self.averages {
            true => {
                let count = Field::new(format_state_name(args.name, "count"), DataType::UInt64, true);
                vec![Arc::new(count), sum]
            }
            false => vec![sum],
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let total = made::<One>(args.expr_fields[0].data_type(), self.aggregate(&args))?;
        if !args.is_distinct {
            return Ok(total);
        }
        Ok(Box::new(DistinctTotal { values: sum_udaf().accumulator(args)?, total }))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let total = made::<One>(args.expr_fields[0].data_type(), self.aggregate(&args))?;
        if !args.is_distinct {
            return Ok(total);
        }
        Ok(Box::new(DistinctTotal { values: sum_udaf().create_sliding_accumulator(args)?, total }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        made::<EachGroup>(args.expr_fields[0].data_type(), self.aggregate(&args))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        match (self.averages, kind) {
            (false, kind) if kind.is_unsigned_integer() => SetMonotonicity::Increasing,
            _ => SetMonotonicity::NotMonotonic,
        }
    }
}

/// The sum of different values: DataFusion keeps them, and here they are added.
#[derive(Debug)]
struct DistinctTotal {
    values: Box<dyn Accumulator>,
    total: Box<dyn Accumulator>,
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.values.update_batch(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.values.merge_batch(states)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.values.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.values.supports_retract_batch()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.values.state()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let state = self.values.state()?;
        let Some(ScalarValue::List(lists)) = state.first() else {
            return internal_err!("distinct values came without their list");
        };
        let values = lists.value(0);
        self.total.update_batch(std::slice::from_ref(&values))?;
        let made = self.total.evaluate()?;
        self.total.retract_batch(&[values])?;
        Ok(made)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.values.size() + self.total.size()
    }
}
