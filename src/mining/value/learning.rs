//! From a frame of customers to what a model is learnt from: every history, and the amounts of a sample, in one pass.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::prelude::DataFrame;

use super::customers::columns;
use super::gamma_gamma::Amounts;
use super::history::{History, Weighted};
use super::prospects::ProspectGroups;
use crate::error::{Context, Result};
use crate::mining::matrix::{self, Kinds, Matrix};

/// What a model is learnt from.
#[derive(Debug, Clone, Default)]
pub(super) struct Learning {
    /// The distinct histories of the customers of each group; `None` is of those without one.
    pub histories: BTreeMap<Option<String>, Vec<Weighted>>,
    /// What purchases are worth, of a sample of the customers of each group.
    pub amounts: BTreeMap<Option<String>, Vec<Amounts>>,
    /// What came of those who had not bought at the latest cut-off.
    pub prospects: ProspectGroups,
}

/// The columns of the matrix that [`read`] returns, before those that are asked for beside.
pub(super) const READ: [&str; 6] = [
    columns::GROUP,
    columns::REPEATS,
    columns::LAST_DAY,
    columns::AGE_DAYS,
    columns::REPEAT_AMOUNT,
    columns::AMOUNT,
];

/// Returns what is learnt from the customers of a frame, and a sample of them with the columns of [`READ`] and those asked
/// for beside.
///
/// # Errors
/// A frame that cannot be read, lacks a column or holds a customer twice.
pub(super) async fn read(frame: DataFrame, beside: &[&str], sample: usize) -> Result<(Learning, Matrix)> {
    let names: Vec<String> = READ.iter().chain(beside).map(|name| (*name).to_owned()).collect();
    let mut histories = Histories::default();
    let take = |batch: &RecordBatch| histories.take(batch);
    let matrix = matrix::read_beside(frame, &names, sample, Kinds::NumbersAndTexts, take).await?;
    let texts = matrix.texts[0].as_deref().unwrap_or_default();
    let mut amounts: BTreeMap<Option<String>, Vec<Amounts>> = BTreeMap::new();
    for row in matrix.values.rows().into_iter().filter(|row| row[1] > 0.0) {
        let group = (!row[0].is_nan()).then(|| texts.get(row[0] as usize).cloned()).flatten();
        amounts.entry(group).or_default().push(Amounts { repeats: row[1] as u32, sum: row[4] });
    }
    let learning =
        Learning { histories: histories.by_group(), amounts, prospects: ProspectGroups::default() };
    Ok((learning, matrix))
}

/// Histories of all customers that went by, of which there are few distinct ones.
#[derive(Default)]
struct Histories {
    groups: Vec<Option<String>>,
    /// By the place of the group, each with its customers; those before `distinct` are in order and once only.
    counted: Vec<(u32, History, u32)>,
    distinct: usize,
}

/// So many are gathered before the same ones are taken together.
const GATHERED: usize = 1 << 18;

impl Histories {
    fn take(&mut self, batch: &RecordBatch) -> Result<()> {
        let doing = "read the histories of purchases";
        let groups = cast(batch.column(1), &DataType::Utf8).doing(doing)?;
        let groups = groups.as_string::<i32>();
        let numbers = [2, 3, 4].map(|column| cast(batch.column(column), &DataType::Int64));
        let [repeats, last_day, age_days] = numbers;
        let (repeats, last_day, age_days) =
            (repeats.doing(doing)?, last_day.doing(doing)?, age_days.doing(doing)?);
        let [repeats, last_day, age_days] =
            [&repeats, &last_day, &age_days].map(|column| column.as_primitive::<Int64Type>());
        for row in (0..batch.num_rows()).filter(|row| repeats.is_valid(*row)) {
            let group = self.place(groups.is_valid(row).then(|| groups.value(row)));
            let history = History {
                repeats: repeats.value(row) as u32,
                last_day: last_day.value(row) as u32,
                age_days: age_days.value(row) as u32,
            };
            self.counted.push((group, history, 1));
        }
        if self.counted.len() > GATHERED.max(2 * self.distinct) {
            self.take_together();
        }
        Ok(())
    }

    /// Few groups: they are looked up one after the other.
    fn place(&mut self, group: Option<&str>) -> u32 {
        let found = self.groups.iter().position(|known| known.as_deref() == group);
        let place = found.unwrap_or_else(|| {
            self.groups.push(group.map(str::to_owned));
            self.groups.len() - 1
        });
        place as u32
    }

    fn take_together(&mut self) {
        self.counted.sort_unstable_by_key(|(group, history, _)| (*group, *history));
        self.counted.dedup_by(|next, first| {
            let is_same = (next.0, next.1) == (first.0, first.1);
            first.2 += if is_same { next.2 } else { 0 };
            is_same
        });
        self.distinct = self.counted.len();
    }

    fn by_group(mut self) -> BTreeMap<Option<String>, Vec<Weighted>> {
        self.take_together();
        let mut histories = BTreeMap::new();
        for of_group in self.counted.chunk_by(|a, b| a.0 == b.0) {
            let weighted = of_group.iter().map(|(_, history, customers)| Weighted {
                history: *history,
                customers: f64::from(*customers),
            });
            histories.insert(self.groups[of_group[0].0 as usize].clone(), weighted.collect());
        }
        histories
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::*;

    #[tokio::test]
    async fn the_same_histories_are_counted_whatever_the_order_of_customers() {
        let rows = "select value as customer_id, case value % 3 when 0 then 'web' when 1 then 'shop' end as __group,
                      case when value % 5 = 0 then null else value % 4 end as __repeats, value % 4 * 10 as __last_day,
                      50 as __age_days, value % 4 * 1.5 as __repeat_amount, 2.0 as __amount
                    from generate_series(1, 600) order by md5(cast(value as varchar))";
        let config = SessionConfig::new().with_target_partitions(2).with_batch_size(7);
        let frame = SessionContext::new_with_config(config).sql(rows).await.unwrap();
        let (learning, matrix) = read(frame, &[], 1000).await.unwrap();
        let customers = |group: Option<&str>| -> f64 {
            learning.histories[&group.map(str::to_owned)].iter().map(|of| of.customers).sum()
        };
        assert_eq!((customers(None), customers(Some("shop")), customers(Some("web"))), (160.0, 160.0, 160.0));
        for of_group in learning.histories.values() {
            assert!(of_group.is_sorted_by(|a, b| a.history < b.history), "{of_group:?}");
            assert_eq!(of_group.len(), 4);
        }
        assert_eq!(matrix.rows(), 600);
        assert_eq!(learning.amounts.values().map(Vec::len).sum::<usize>(), 360);
    }

    #[test]
    fn gathered_histories_are_taken_together_on_the_way() {
        let mut histories = Histories::default();
        let history = |repeats| History { repeats, last_day: 0, age_days: 3 };
        for n in 0..10_u32 {
            let place = histories.place(Some(["a", "b"][n as usize % 2]));
            histories.counted.push((place, history(n % 3), 1));
            histories.take_together();
        }
        assert_eq!(histories.distinct, 6);
        assert_eq!(histories.by_group().values().flatten().map(|of| of.customers).sum::<f64>(), 10.0);
    }
}
