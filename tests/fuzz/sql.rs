//! Model SQL: references are found or an error is reported, and what is planned over empty tables holds.

use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use sillage::clock;
use sillage::model::sql::{require_expression, tables_read};
use sillage::name::TableName;
use sillage::run::rehearsal::Rehearsal;
use sillage::warehouse::catalog::Catalog;
use sillage::warehouse::engine::Limits;
use sillage::warehouse::stage::Mode;

use super::mutate::{Slip, slipped, slips};
use super::pipeline::{models, shipped, sql_texts};
use super::{Share, fuzz};

const WORDS: [&str; 60] = [
    "select",
    "from",
    "where",
    "group by",
    "order by",
    "limit",
    "with",
    "recursive",
    "union all",
    "except",
    "join",
    "left join",
    "cross join",
    "lateral",
    "on",
    "using",
    "over",
    "partition by",
    "filter",
    "case",
    "when",
    "end",
    "is null",
    "in",
    "exists",
    "between",
    "like",
    "interval '1 day'",
    "cast(1 as bigint)",
    "date '2026-01-01'",
    "$as_of",
    "$1",
    "?",
    "null",
    "*",
    "(",
    ")",
    ",",
    ";",
    ".",
    "::",
    "--",
    "/*",
    "'",
    "\"",
    "raw.orders",
    "core.orders",
    "ops.runs",
    "a.b.c.d",
    "unnest([1])",
    "generate_series(1, 3)",
    "insert into x.y",
    "drop table",
    "copy",
    "values (1)",
    "count(*)",
    "row_number()",
    "1e999",
    "99999999999999999999999999",
    "x'00'",
];

#[test]
fn references_are_found_or_an_error_is_reported() {
    let texts = sql_texts();
    let input = (0..texts.len(), slips(5), 0usize..3);
    fuzz(
        "sql",
        "tests/fuzz/regressions/sql.txt",
        Share(7),
        input,
        |(file, slips, nested): (usize, Vec<Slip>, usize)| {
            let mut sql = slipped(&texts[file].0, &slips, &WORDS);
            if nested == 2 {
                sql = format!("select * from ({sql}\n) as inner_query");
            }
            let read = tables_read(&sql);
            if let Ok(tables) = &read {
                prop_assert_eq!(tables, &tables_read(&format!("-- a comment\n{sql}\n")).unwrap());
                prop_assert!(tables.iter().all(|t| sql.to_lowercase().contains(t.table())), "{:?}", tables);
            }
            let _ = require_expression(&sql);
            Ok(())
        },
    );
}

#[test]
fn nothing_nested_deep_takes_the_stack_or_the_day() {
    let forms = [
        "cast(",
        "position(",
        "case when 1 then ",
        "interval ",
        "array[",
        "f(",
        "(",
        "x in (",
        "exists (select ",
    ];
    for (form, times) in forms.iter().flat_map(|form| [(form, 5), (form, 12), (form, 40)]) {
        let sql = format!("select {}1", form.repeat(times));
        let closed =
            form.matches(['(', '[']).map(|open| if open == "(" { ")" } else { "]" }).collect::<String>();
        for sql in [sql.clone(), format!("{sql} @ {}", closed.repeat(times))] {
            let watch = Instant::now();
            let _ = tables_read(&sql);
            let _ = require_expression(&sql["select ".len()..]);
            assert!(watch.elapsed().as_secs() < 60, "{form} {times} times: {:?}", watch.elapsed());
        }
    }
    for sql in [
        format!("select {}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("select {}1", "- ".repeat(20_000)),
        format!("select {} 1", "not ".repeat(20_000)),
        format!("{}select 1{}", "select * from (".repeat(5_000), ") as a".repeat(5_000)),
        format!("select case {} end", "when 1 then case ".repeat(5_000)),
    ] {
        let _ = tables_read(&sql);
        let _ = require_expression(&sql);
    }
}

#[test]
fn a_query_is_planned_or_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pipeline = Arc::new(shipped("nightly"));
    let made = models("nightly");
    let limits = Limits { threads: std::num::NonZeroUsize::MIN, memory: None };
    let tables = made.iter().map(|m| m.table.clone()).collect();
    let types = runtime.block_on(Rehearsal::of(&pipeline, &tables, limits)).unwrap();
    let catalog = Catalog::new(types.warehouse.clone(), types.engine.clone(), None, pipeline.visibility());
    let known: Vec<TableName> = made.iter().flat_map(|m| m.reads.iter().cloned()).collect();
    runtime.block_on(async {
        for table in &known {
            let columns = types.columns(table).unwrap();
            let staged =
                types.warehouse.stager(table, Mode::Replace, columns).unwrap().finish().await.unwrap();
            catalog.add_staged(&staged).await.unwrap();
        }
    });
    let input = (0..made.len(), slips(2));
    fuzz(
        "sql_plan",
        "tests/fuzz/regressions/sql_plan.txt",
        Share(1),
        input,
        |(file, slips): (usize, Vec<Slip>)| {
            let sql = slipped(&made[file].sql, &slips, &WORDS);
            let Ok(reads) = tables_read(&sql) else { return Ok(()) };
            if !reads.iter().all(|table| known.contains(table)) {
                return Ok(());
            }
            runtime.block_on(async {
                let session = catalog.session(&reads, Some(clock::Instant::UNIX_EPOCH)).await.unwrap();
                if let Ok(frame) = session.sql(&sql).await {
                    let _ = sillage::step::determinism::require_deterministic(frame.logical_plan(), "a mart");
                }
            });
            Ok(())
        },
    );
}
