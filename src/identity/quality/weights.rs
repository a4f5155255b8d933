//! `mart.match_weights`: the weight of each comparison level, and how many links reached it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use datafusion::prelude::DataFrame;

use super::small_result::rows;
use crate::error::{Context, Result};
use crate::identity::customers::Decision;
use crate::identity::linkage::Linkage;
use crate::identity::linkage::em::Parameters;
use crate::identity::tables::{MATCH_LINKS, table};
use crate::warehouse::catalog::Session;

/// Links by number of the comparison and of the level.
type Links = HashMap<(i64, i64), i64>;

/// Columns: `comparison`, `level` (0 is "different", -1 "says nothing"), `position` of the comparison in
/// the model (0 is the prior), `level_name`, `term` (the attribute whose own frequency takes the place of
/// u, pair by pair), `m`, `u`, `bits` = log2(m / u), `links` at that level. Of the prior, the odds that
/// two random records are of one person, there are only the bits.
pub async fn frame(
    session: &Session,
    linkage: &Linkage,
    parameters: Option<&Parameters>,
) -> Result<DataFrame> {
    let links = match parameters {
        Some(_) => links(session, linkage).await?,
        None => Links::new(),
    };
    session.read_batch(batch(linkage, parameters, &links)?)
}

async fn links(session: &Session, linkage: &Linkage) -> Result<Links> {
    let levels: Vec<String> = linkage
        .comparisons
        .iter()
        .enumerate()
        .map(|(n, comparison)| {
            format!(
                "select cast({n} as bigint), cast(level_{name} as bigint), count(*) from {links}
                 where decision = '{linked}' group by level_{name}",
                name = comparison.name,
                links = table(MATCH_LINKS),
                linked = Decision::Linked.as_str(),
            )
        })
        .collect();
    let counted = rows(session, &levels.join(" union all "), "count the links by level").await?;
    let mut links = Links::new();
    for batch in &counted {
        let column = |n: usize| batch.column(n).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            links.insert((column(0).value(row), column(1).value(row)), column(2).value(row));
        }
    }
    Ok(links)
}

struct Row<'a> {
    comparison: &'a str,
    level: i64,
    position: i64,
    level_name: &'a str,
    term: Option<&'a str>,
    m: Option<f64>,
    u: Option<f64>,
    bits: f64,
    links: Option<i64>,
}

fn batch(linkage: &Linkage, parameters: Option<&Parameters>, links: &Links) -> Result<RecordBatch> {
    let mut rows = Vec::new();
    if let Some(parameters) = parameters {
        rows.push(Row {
            comparison: "prior",
            level: 0,
            position: 0,
            level_name: "two random records",
            term: None,
            m: None,
            u: None,
            bits: parameters.prior_bits(),
            links: None,
        });
        for (n, comparison) in linkage.comparisons.iter().enumerate() {
            let of = |level: i64| {
                let links = links.get(&(n as i64, level)).copied().unwrap_or(0);
                (n as i64 + 1, comparison.name.as_str(), Some(links))
            };
            let (position, name, silent) = of(-1);
            rows.push(Row {
                comparison: name,
                level: -1,
                position,
                level_name: "says nothing",
                term: None,
                m: None,
                u: None,
                bits: 0.0,
                links: silent,
            });
            for level in 0..comparison.level_count() {
                let (position, name, links) = of(level as i64);
                rows.push(Row {
                    comparison: name,
                    level: level as i64,
                    position,
                    level_name: comparison.level_name(level),
                    term: comparison.level(level).and_then(|level| level.term.as_deref()),
                    m: Some(parameters.m[n][level]),
                    u: Some(parameters.u[n][level]),
                    bits: parameters.level_bits(n, level),
                    links,
                });
            }
        }
    }
    let columns: [(&str, ArrayRef); 9] = [
        ("comparison", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.comparison)))),
        ("level", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.level)))),
        ("position", Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.position)))),
        ("level_name", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.level_name)))),
        ("term", Arc::new(StringArray::from_iter(rows.iter().map(|r| r.term)))),
        ("m", Arc::new(Float64Array::from_iter(rows.iter().map(|r| r.m)))),
        ("u", Arc::new(Float64Array::from_iter(rows.iter().map(|r| r.u)))),
        ("bits", Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.bits)))),
        ("links", Arc::new(Int64Array::from_iter(rows.iter().map(|r| r.links)))),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .doing("write the match weights")
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::Float64Type;

    use super::*;
    use crate::identity::linkage::Comparison;

    #[test]
    fn every_level_has_its_bits_and_its_links() {
        let linkage = Linkage::for_persons().unwrap();
        let m: Vec<Vec<f64>> = linkage.comparisons.iter().map(Comparison::expected_m).collect();
        let u: Vec<Vec<f64>> =
            m.iter().map(|levels| levels.iter().map(|share| share / 8.0).collect()).collect();
        let parameters = Parameters { m, u, prior: 0.5, household: Default::default() };
        let links = Links::from([((0, 4), 7), ((1, -1), 3)]);
        let batch = batch(&linkage, Some(&parameters), &links).unwrap();
        let levels: usize = linkage.comparisons.iter().map(|c| c.level_count() + 1).sum();
        assert_eq!(batch.num_rows(), levels + 1);
        let bits = batch.column(7).as_primitive::<Float64Type>().values();
        let names = batch.column(0).as_string::<i32>();
        for (row, bits) in bits.iter().enumerate() {
            let silent = batch.column(1).as_primitive::<Int64Type>().value(row) == -1;
            let expected = if names.value(row) == "prior" || silent { 0.0 } else { 3.0 };
            assert!((bits - expected).abs() < 1e-12, "row {row}: {bits} bits");
        }
        let links: i64 = batch.column(8).as_primitive::<Int64Type>().iter().flatten().sum();
        assert_eq!(links, 10);
        assert_eq!(batch.column(8).as_primitive::<Int64Type>().value(6), 7, "the first comparison's best");
        assert_eq!(batch.column(4).as_string::<i32>().value(6), "first_name");
    }

    #[test]
    fn before_anything_is_learnt_there_are_the_columns() {
        let linkage = Linkage::for_persons().unwrap();
        let batch = batch(&linkage, None, &Links::new()).unwrap();
        assert_eq!((batch.num_rows(), batch.num_columns()), (0, 9));
    }
}
