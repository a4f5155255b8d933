//! What linkage learnt, as rows of `ops.models`: the parameters, and what the blocking rules found.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};

use super::candidates::Blocks;
use super::em::Parameters;
use super::linkage::Linkage;
use crate::error::{Context, Result};

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
