//! `mart.unlinkables`: how many person records have too little information to be linked.
//!
//! As in splink, a record is compared with itself. No other record can agree more, so a record that is below
//! a threshold even then can never be linked at that threshold.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use datafusion::prelude::DataFrame;

use super::small_result::rows;
use super::thresholds::Thresholds;
use crate::error::{Context, Result};
use crate::identity::declaration::Persons;
use crate::identity::linkage::candidates::{self, Terms};
use crate::identity::linkage::fitted::Estimate;
use crate::identity::tables::{MATCH_TERMS, PERSON_RECORDS, table};
use crate::warehouse::catalog::Session;

/// No record weighs less, or more.
const BITS: (i32, i32) = (-60, 200);

/// Columns: `match_weight` (a threshold in bits), `match_probability`, `threshold` (`link` or `review`
/// where it is the declared one), `records` there are, of these `unlinkable` below it, and their `share`.
pub async fn frame(session: &Session, persons: &Persons, estimate: Option<&Estimate>) -> Result<DataFrame> {
    let thresholds = Thresholds::new(BITS.0, BITS.1, persons);
    // The first is below all thresholds.
    let mut highest = vec![0; thresholds.0.len() + 1];
    if let Some(estimate) = estimate {
        let linkage = &persons.linkage;
        let terms = Terms { table: &table(MATCH_TERMS), known: &estimate.terms };
        let keyed = candidates::keyed_sql(&table(PERSON_RECORDS), linkage, &terms);
        let joined = format!("({keyed}) as l join ({keyed}) as r on l.record_number = r.record_number");
        let pairs = format!("({})", candidates::agreement(linkage, &joined, &[]));
        let sql = format!(
            "select reached, count(*) from (select {} as reached from ({})) group by reached",
            thresholds.reached_sql("match_weight"),
            estimate.scored_sql(linkage, &pairs)
        );
        for batch in rows(session, &sql, "compare the person records with themselves").await? {
            let (reached, counts) =
                (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int64Type>());
            for (reached, count) in reached.values().iter().zip(counts.values()) {
                highest[(reached + 1) as usize] += count.unsigned_abs();
            }
        }
    }
    session.read_batch(batch(&thresholds, &highest)?)
}

/// `highest[n + 1]` records reach the threshold `n` and no higher, `highest[0]` none.
fn batch(thresholds: &Thresholds, highest: &[u64]) -> Result<RecordBatch> {
    let records: u64 = highest.iter().sum();
    let linkable = Thresholds::at_least(&highest[1..]);
    let below = |n: usize| records - linkable[n];
    // Where all can be linked, and where none can, one row is enough; the declared thresholds stay.
    let tells = |n: usize| {
        let after = (n + 1 < linkable.len()).then(|| below(n + 1));
        let before = n.checked_sub(1).map(below);
        records > 0
            && (thresholds.0[n].action.is_some()
                || (after.is_some_and(|after| after > 0) && before.is_none_or(|before| before < records)))
    };
    let messages: Vec<usize> = (0..thresholds.0.len()).filter(|n| tells(*n)).collect();
    let chosen = || messages.iter().map(|n| &thresholds.0[*n]);
    let columns: [(&str, ArrayRef); 6] = [
        ("match_weight", Arc::new(Float64Array::from_iter_values(chosen().map(|r| r.bits)))),
        ("match_probability", Arc::new(Float64Array::from_iter_values(chosen().map(|r| r.probability())))),
        ("threshold", Arc::new(StringArray::from_iter(chosen().map(|r| r.action)))),
        ("records", Arc::new(Int64Array::from_iter_values(messages.iter().map(|_| records as i64)))),
        ("unlinkable", Arc::new(Int64Array::from_iter_values(messages.iter().map(|n| below(*n) as i64)))),
        (
            "share",
            Arc::new(Float64Array::from_iter_values(
                messages.iter().map(|n| below(*n) as f64 / records as f64),
            )),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .doing("write what cannot be linked")
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Float64Type;

    use super::*;
    use crate::identity::IdentityDeclaration;

    #[test]
    fn shares_grow_from_none_to_all() {
        let text = "records = 'channel.persons'\nlink_probability = 0.8\nreview_probability = 0.8";
        let persons = toml::from_str::<IdentityDeclaration>(text).unwrap().check().unwrap().persons.unwrap();
        let thresholds = Thresholds::new(-2, 5, &persons);
        // Of four records one weighs 0 to 1 bits, two weigh 2 to 3, one 3 to 4.
        let highest = [0, 0, 0, 1, 0, 2, 1, 0, 0];
        assert_eq!(thresholds.0.len() + 1, highest.len());
        let batch = batch(&thresholds, &highest).unwrap();
        let column = |n: usize| batch.column(n).as_primitive::<Float64Type>().values().to_vec();
        let bits = column(0);
        assert_eq!(bits.len(), 5);
        assert!(bits.iter().zip([0.0, 1.0, 2.0, 3.0, 4.0]).all(|(a, b)| (a - b).abs() < 1e-9), "{bits:?}");
        assert_eq!(batch.column(2).as_string::<i32>().iter().flatten().collect::<Vec<_>>(), ["link"]);
        assert_eq!(column(5), [0.0, 0.25, 0.25, 0.75, 1.0]);
        assert_eq!(super::batch(&thresholds, &[0; 9]).unwrap().num_rows(), 0);
    }
}
