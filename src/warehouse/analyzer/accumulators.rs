//! Sums in a type so wide that adding never overflows: whether the result fits is checked once, at the end,
//! so that neither the order of the rows nor the threads matter.

use std::fmt;
use std::marker::PhantomData;
use std::mem::size_of;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowNativeTypeOp, ArrowNumericType, AsArray, BooleanArray, PrimitiveArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{ArrowPrimitiveType, DataType, DecimalType, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};
use datafusion::physical_expr::NullState;

use super::sql_type::sql_type;
use crate::error::Error;

/// What is made of a sum and of how many values it is; `None` where that does not fit.
pub trait Finish<S: DecimalType, O: ArrowPrimitiveType>:
    Fn(S::Native, u64) -> Option<O::Native> + Send + Sync + 'static
{
}

impl<S: DecimalType, O: ArrowPrimitiveType, F> Finish<S, O> for F where
    F: Fn(S::Native, u64) -> Option<O::Native> + Send + Sync + 'static
{
}

/// How an aggregate is called, and of which types its state and its result are.
#[derive(Debug, Clone)]
pub struct Aggregate {
    /// As it was written: `sum(points)`.
    pub name: String,
    pub state: DataType,
    pub result: DataType,
    /// Whether how many values there were is part of the state.
    pub counts: bool,
}

impl Aggregate {
    fn does_not_fit(&self) -> DataFusionError {
        let error = Error::failed(format!("{} is out of the range of {}", self.name, sql_type(&self.result)));
        DataFusionError::External(Box::new(error.hint(match self.result {
            DataType::Int64 | DataType::UInt64 => "sum in a wider type: sum(cast(… as decimal(38, 0)))",
            DataType::Duration(_) => "sum fewer digits: seconds, as bigint",
            _ => "a decimal has at most 38 digits: sum fewer decimal places, or as double",
        })))
    }
}

/// Adds; `false` where even the wide type overflows, which it can only where nothing is wider.
#[inline(always)]
fn add<I: ArrowPrimitiveType, S: ArrowPrimitiveType>(sum: &mut S::Native, value: S::Native) -> bool
where
    S::Native: ArrowNativeTypeOp,
{
    if size_of::<I::Native>() < size_of::<S::Native>() {
        *sum = sum.add_wrapping(value);
        return true;
    }
    match sum.add_checked(value) {
        Ok(added) => {
            *sum = added;
            true
        }
        Err(_) => false,
    }
}

/// One sum, over all rows or those of a window.
pub struct Total<I, S: ArrowPrimitiveType, O, F> {
    aggregate: Aggregate,
    sum: S::Native,
    count: u64,
    fits: bool,
    finish: F,
    types: PhantomData<fn(I) -> O>,
}

impl<I, S, O, F> Total<I, S, O, F>
where
    S: DecimalType,
{
    pub fn new(aggregate: Aggregate, finish: F) -> Self {
        let sum = S::Native::default();
        Total { aggregate, sum, count: 0, fits: true, finish, types: PhantomData }
    }
}

impl<I, S: ArrowPrimitiveType, O, F> fmt::Debug for Total<I, S, O, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Total({})", self.aggregate.name)
    }
}

impl<I, S, O, F> Accumulator for Total<I, S, O, F>
where
    I: ArrowNumericType,
    S: DecimalType + ArrowNumericType,
    O: ArrowPrimitiveType + Send + Sync + fmt::Debug,
    I::Native: Into<S::Native>,
    F: Finish<S, O>,
{
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<I>();
        self.count += (values.len() - values.null_count()) as u64;
        if values.null_count() == 0 {
            for value in values.values() {
                self.fits &= add::<I, S>(&mut self.sum, (*value).into());
            }
        } else {
            for value in values.iter().flatten() {
                self.fits &= add::<I, S>(&mut self.sum, value.into());
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let values = values[0].as_primitive::<I>();
        self.count -= (values.len() - values.null_count()) as u64;
        for value in values.iter().flatten() {
            match self.sum.sub_checked(value.into()) {
                Ok(left) => self.sum = left,
                Err(_) => self.fits = false,
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sums = match states {
            [counts, sums] => {
                self.count += arrow::compute::sum(counts.as_primitive::<UInt64Type>()).unwrap_or_default();
                sums.as_primitive::<S>()
            }
            _ => {
                let sums = states[0].as_primitive::<S>();
                self.count += (sums.len() - sums.null_count()) as u64;
                sums
            }
        };
        for sum in sums.iter().flatten() {
            self.fits &= add::<S, S>(&mut self.sum, sum);
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        if !self.fits {
            return Err(self.aggregate.does_not_fit());
        }
        let sum = (self.count > 0).then_some(self.sum);
        let sum = ScalarValue::new_primitive::<S>(sum, &self.aggregate.state)?;
        Ok(if self.aggregate.counts { vec![self.count.into(), sum] } else { vec![sum] })
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if !self.fits {
            return Err(self.aggregate.does_not_fit());
        }
        let made = match self.count {
            0 => None,
            count => Some((self.finish)(self.sum, count).ok_or_else(|| self.aggregate.does_not_fit())?),
        };
        ScalarValue::new_primitive::<O>(made, &self.aggregate.result)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.aggregate.name.capacity()
    }
}

/// A sum for each group.
pub struct Totals<I, S: ArrowPrimitiveType, O, F> {
    aggregate: Aggregate,
    sums: Vec<S::Native>,
    /// Where the aggregate counts.
    counts: Vec<u64>,
    seen: NullState,
    fits: bool,
    finish: F,
    types: PhantomData<fn(I) -> O>,
}

impl<I, S: DecimalType, O, F> Totals<I, S, O, F> {
    pub fn new(aggregate: Aggregate, finish: F) -> Self {
        Totals {
            aggregate,
            sums: Vec::new(),
            counts: Vec::new(),
            seen: NullState::new(),
            fits: true,
            finish,
            types: PhantomData,
        }
    }
}

impl<I, S, O, F> Totals<I, S, O, F>
where
    S: DecimalType + ArrowNumericType,
{
    /// Adds values that are those of `A` widened.
    fn add_all<A>(
        &mut self,
        values: &PrimitiveArray<A>,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        all_groups: usize,
    ) where
        A: ArrowPrimitiveType + Send,
        A::Native: Into<S::Native>,
    {
        self.sums.resize(all_groups, S::Native::default());
        let (sums, fits) = (&mut self.sums, &mut self.fits);
        self.seen.accumulate(groups, values, filter, all_groups, |group, value| {
            *fits &= add::<A, S>(&mut sums[group], value.into());
        });
    }

    fn require_fit(&self) -> Result<()> {
        if self.fits { Ok(()) } else { Err(self.aggregate.does_not_fit()) }
    }
}

impl<I, S, O, F> GroupsAccumulator for Totals<I, S, O, F>
where
    I: ArrowNumericType + Send,
    S: DecimalType + ArrowNumericType + Send,
    O: ArrowPrimitiveType + Send,
    I::Native: Into<S::Native>,
    F: Finish<S, O>,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        all_groups: usize,
    ) -> Result<()> {
        let values = values[0].as_primitive::<I>();
        if !self.aggregate.counts {
            self.add_all(values, groups, filter, all_groups);
            return Ok(());
        }
        self.sums.resize(all_groups, S::Native::default());
        self.counts.resize(all_groups, 0);
        let (sums, counts, fits) = (&mut self.sums, &mut self.counts, &mut self.fits);
        self.seen.accumulate(groups, values, filter, all_groups, |group, value| {
            *fits &= add::<I, S>(&mut sums[group], value.into());
            counts[group] += 1;
        });
        Ok(())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], all_groups: usize) -> Result<()> {
        let sums = match states {
            [counts, sums] => {
                self.counts.resize(all_groups, 0);
                let (counted, counts) = (&mut self.counts, counts.as_primitive::<UInt64Type>());
                self.seen.accumulate(groups, counts, None, all_groups, |group, count| {
                    counted[group] += count;
                });
                sums
            }
            _ => &states[0],
        };
        self.add_all(sums.as_primitive::<S>(), groups, None, all_groups);
        Ok(())
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        self.require_fit()?;
        let seen = self.seen.build(emit);
        let sums = PrimitiveArray::<S>::new(emit.take_needed(&mut self.sums).into(), seen.clone());
        let sums: ArrayRef = Arc::new(sums.with_data_type(self.aggregate.state.clone()));
        if !self.aggregate.counts {
            return Ok(vec![sums]);
        }
        let counts = UInt64Array::new(emit.take_needed(&mut self.counts).into(), seen);
        Ok(vec![Arc::new(counts), sums])
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        self.require_fit()?;
        let seen = self.seen.build(emit);
        let sums = emit.take_needed(&mut self.sums);
        let counts = match self.aggregate.counts {
            true => emit.take_needed(&mut self.counts),
            false => Vec::new(),
        };
        let mut made: Vec<O::Native> = Vec::with_capacity(sums.len());
        for (group, sum) in sums.into_iter().enumerate() {
            let is_null = seen.as_ref().is_some_and(|seen| seen.is_null(group));
            let count = counts.get(group).copied().unwrap_or(1);
            match (is_null, (self.finish)(sum, count)) {
                (true, _) => made.push(O::Native::default()),
                (false, Some(value)) => made.push(value),
                (false, None) => return Err(self.aggregate.does_not_fit()),
            }
        }
        let made = PrimitiveArray::<O>::new(made.into(), seen);
        Ok(Arc::new(made.with_data_type(self.aggregate.result.clone())))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<I>();
        let kept = filter.map(|filter| {
            let kept = filter.values();
            NullBuffer::new(match filter.nulls() {
                Some(known) => kept & known.inner(),
                None => kept.clone(),
            })
        });
        let seen = NullBuffer::union(values.nulls(), kept.as_ref());
        let wide: Vec<S::Native> = values.values().iter().map(|value| (*value).into()).collect();
        let sums = PrimitiveArray::<S>::new(wide.into(), seen.clone());
        let sums: ArrayRef = Arc::new(sums.with_data_type(self.aggregate.state.clone()));
        if !self.aggregate.counts {
            return Ok(vec![sums]);
        }
        Ok(vec![Arc::new(UInt64Array::new(vec![1; values.len()].into(), seen)), sums])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<S::Native>()
            + self.counts.capacity() * size_of::<u64>()
            + self.seen.size()
    }
}
