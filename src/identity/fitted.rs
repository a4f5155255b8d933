//! What linkage learnt, as rows of `ops.models`: the parameters, and what the blocking rules found.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};

use super::candidates::Blocks;
use super::em::Parameters;
use super::linkage::{Comparison, Linkage};
use crate::error::{Context, Error, Result};

/// The name under which the rows stand.
pub const MODEL: &str = "identity";

/// The columns that the rows of all fitted models have: `model`, `kind`, `part`, `name`, `position`,
/// `value`, `note`. Position is the number of the level, or of the rule; note names it.
pub fn rows(
    linkage: &Linkage,
    parameters: &Parameters,
    blocks: &[Blocks],
    added: &[u64],
) -> Result<RecordBatch> {
    let mut rows: Vec<(&str, String, i64, f64, Option<String>)> = Vec::new();
    rows.push(("parameter", "prior".to_owned(), 0, parameters.prior, None));
    for (n, comparison) in linkage.comparisons.iter().enumerate() {
        for level in 0..comparison.level_count() {
            let note = || Some(comparison.level_name(level).to_owned());
            let name = |what: &str| format!("{what}.{}", comparison.name);
            rows.push(("parameter", name("m"), level as i64, parameters.m[n][level], note()));
            rows.push(("parameter", name("u"), level as i64, parameters.u[n][level], note()));
            rows.push(("metric", name("bits"), level as i64, parameters.level_bits(n, level), note()));
        }
    }
    for (n, (blocks, added)) in blocks.iter().zip(added).enumerate() {
        let mut metric = |name: &str, value: u64| {
            rows.push(("metric", name.to_owned(), n as i64, value as f64, Some(blocks.rule.clone())));
        };
        metric("rule.pairs", blocks.pairs);
        metric("rule.added_pairs", *added);
        metric("rule.blocks", blocks.blocks);
        metric("rule.largest_block", blocks.largest);
        metric("rule.skipped_blocks", blocks.skipped);
        metric("rule.block_limit", blocks.limit);
    }
    rows.sort_by(|a, b| (a.0, &a.1, a.2).cmp(&(b.0, &b.1, b.2)));
    let count = rows.len();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("model", Arc::new(StringArray::from(vec![MODEL; count]))),
        ("kind", Arc::new(StringArray::from(vec!["linkage"; count]))),
        ("part", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0)))),
        ("name", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.1)))),
        ("position", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2)))),
        ("value", Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.3)))),
        ("note", Arc::new(StringArray::from_iter(rows.iter().map(|r| r.4.as_deref())))),
    ];
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, column)| {
            let nullable = matches!(*name, "value" | "note");
            let kind = if *name == "value" { DataType::Float64 } else { column.data_type().clone() };
            Field::new(*name, kind, nullable)
        })
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).doing("put the linkage model into rows")
}

/// The parameters, from rows of `ops.models` with `name`, `position` and `value`.
///
/// # Errors
/// The rows are of a model with other comparisons or levels.
pub fn parameters(linkage: &Linkage, batches: &[RecordBatch]) -> Result<Parameters> {
    let mut known: HashMap<(String, i64), f64> = HashMap::new();
    for batch in batches {
        let names = batch.column(0).as_string::<i32>();
        let positions = batch.column(1).as_primitive::<Int64Type>();
        let values = batch.column(2).as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            known.insert((names.value(row).to_owned(), positions.value(row)), values.value(row));
        }
    }
    let value = |name: String, position: usize| {
        known.get(&(name.clone(), position as i64)).copied().ok_or_else(|| {
            Error::failed(format!("the last run did not learn `{name}` [{position}]")).hint(
                "the comparisons were changed since; run the pipeline, or name its file with --pipeline",
            )
        })
    };
    let shares = |what: &str| -> Result<Vec<Vec<f64>>> {
        let levels = |c: &Comparison| {
            (0..c.level_count()).map(|level| value(format!("{what}.{}", c.name), level)).collect()
        };
        linkage.comparisons.iter().map(levels).collect()
    };
    Ok(Parameters { m: shares("m")?, u: shares("u")?, prior: value("prior".to_owned(), 0)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_come_back_from_their_rows_to_the_last_bit() {
        let linkage = Linkage::for_persons().unwrap();
        let m: Vec<Vec<f64>> = linkage.comparisons.iter().map(Comparison::expected_m).collect();
        let u = m.iter().map(|levels| levels.iter().map(|share| 1.0 / (1.0 + share)).collect()).collect();
        let learnt = Parameters { m, u, prior: 0.1 + 0.2 };
        let rows = rows(&linkage, &learnt, &[], &[]).unwrap();
        let rows = rows.project(&[3, 4, 5]).unwrap();
        assert_eq!(parameters(&linkage, &[rows]).unwrap(), learnt);
        assert!(parameters(&linkage, &[]).is_err());
    }
}
