//! The commands that read: what they refuse, and their messages.

use std::process::Stdio;

use crate::broken_shop::Shop;

#[test]
fn queries_that_cannot_be_answered() {
    let shop = Shop::published();
    shop.fails("query_does_not_parse", 2, &["query", "selec * from mart.segments"]);
    shop.fails("query_unknown_table", 2, &["query", "select * from mart.segmens"]);
    shop.fails("query_unknown_column", 2, &["query", "select segment from mart.segments"]);
    shop.fails("query_without_schema", 2, &["query", "select * from segments"]);
    shop.fails("query_as_of", 2, &["query", "select * from mart.segments where $as_of is null"]);
    shop.fails("query_unknown_alias", 2, &["query", "select t.* from mart.segments as s"]);
    shop.fails(
        "query_ambiguous",
        2,
        &["query", "select customer_id from mart.segments join mart.churn_scores on true"],
    );
    shop.fails("query_casts", 1, &["query", "select cast(name as integer) from raw.people"]);
}

#[test]
fn a_query_cannot_write() {
    let shop = Shop::published();
    let target = shop.path("stolen.csv").display().to_string();
    for (name, sql) in [
        ("query_drop", "drop table mart.segments".to_owned()),
        ("query_insert", "insert into mart.segments values ('c99', 1, 'x')".to_owned()),
        ("query_copy", format!("copy (select * from raw.people) to '{target}'")),
        ("query_copy_table", format!("copy raw.people to '{target}' stored as csv")),
        ("query_create", "create table mart.mine as select 1 as x".to_owned()),
        ("query_external", format!("create external table mine stored as csv location '{target}'")),
        ("query_set", "set datafusion.execution.batch_size = 1".to_owned()),
        ("query_explain", "explain select * from mart.segments".to_owned()),
        ("query_two", "select 1; drop table mart.segments".to_owned()),
        ("query_into", "select * into mart.mine from mart.segments".to_owned()),
        ("query_with_insert", "with x as (select 1) insert into mart.segments select * from x".to_owned()),
    ] {
        shop.fails(name, 2, &["query", &sql]);
        assert!(!shop.path("stolen.csv").exists(), "{sql}");
    }
}

#[test]
fn things_that_are_not_there() {
    let shop = Shop::published();
    shop.fails("show_unknown_table", 2, &["show", "mart.segment"]);
    shop.fails("show_not_a_name", 2, &["show", "segments"]);
    shop.fails("release_99", 2, &["query", "select 1 as x", "--release", "99"]);
    shop.fails("ls_release_99", 2, &["ls", "--release", "99"]);
    shop.fails("no_warehouse", 2, &["ls", "--warehouse", "elsewhere"]);
    assert!(!shop.path("elsewhere").exists(), "a reader made a folder");
    shop.fails("explain_unknown_customer", 1, &["audience", "explain", "c99"]);
    shop.fails("waterfall_unknown_audience", 2, &["audience", "waterfall", "winback"]);
    shop.fails("export_unknown_audience", 2, &["audience", "export", "winback"]);
    shop.fails(
        "export_undeclared_audience",
        2,
        &["audience", "export", "winback", "--pipeline", "pipelines/shop.toml"],
    );
    shop.fails("history_unknown_run", 2, &["history", "99"]);
}

#[test]
fn wrong_usage() {
    let shop = Shop::published();
    shop.fails("usage_verb", 2, &["rnu"]);
    shop.fails("usage_flag", 2, &["run", "--asof", "2026-03-01"]);
    shop.fails("usage_memory", 2, &["run", "--memory-limit", "lots"]);
    shop.fails("usage_threads", 2, &["run", "--threads", "0"]);
    shop.fails("usage_no_sql", 2, &["query"]);
    shop.fails("parquet_to_screen", 2, &["query", "select 1 as x", "--format", "parquet"]);
    shop.fails("workbook_to_screen", 2, &["query", "select 1 as x", "--format", "xlsx"]);
    shop.fails("ending_unknown", 2, &["query", "select 1 as x", "-o", "b.xls"]);
    shop.fails("ending_missing", 2, &["audience", "export", "win_back", "-o", "list"]);
    shop.fails("ending_and_format", 2, &["ls", "-o", "b.csv", "--format", "xlsx"]);
    shop.fails("delimiter_of_parquet", 2, &["query", "select 1 as x", "-o", "b.parquet", "--delimiter", ";"]);
    shop.fails("delimiter_unknown", 2, &["query", "select 1 as x", "-o", "b.csv", "--delimiter", "::"]);
    shop.fails("encoding_unknown", 2, &["query", "select 1 as x", "-o", "b.csv", "--encoding", "latin1"]);
    let sql = "select 'c1' as id, 'Łucja' as first_name";
    shop.fails("encoding_too_small", 2, &["query", sql, "-o", "b.csv", "--encoding", "windows-1252"]);
    shop.fails("cell_too_long", 2, &["query", "select repeat('x', 40000) as x", "-o", "b.xlsx"]);
    let files = std::fs::read_dir(shop.path(".")).unwrap().map(|entry| entry.unwrap().path());
    let left: Vec<_> = files
        .filter(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"b.")))
        .collect();
    assert!(left.is_empty(), "half a file was left: {left:?}");
    shop.fails("output_folder_missing", 1, &["query", "select 1 as x", "-o", "no/such/folder/x.csv"]);
    shop.fails("init_over_a_project", 2, &["init", ".", "--name", "shop"]);
    shop.fails("init_name", 2, &["init", "new", "--name", "My Shop"]);
}

#[test]
fn a_warehouse_nobody_has_run_yet() {
    let shop = Shop::new();
    shop.fails("no_warehouse_yet", 2, &["query", "select * from mart.segments"]);
    shop.fails("releases_of_none", 2, &["releases"]);
    assert!(!shop.path("warehouse").exists());
    assert_eq!(shop.sillage(&["plan"]).code, Some(0));
    assert!(!shop.path("warehouse").exists(), "plan made a folder");
}

#[test]
fn a_screen_that_cannot_be_written() {
    let shop = Shop::published();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let args = ["query", "select * from core.orders", "--format", "csv"];
    let output = shop.command().args(args).stdout(Stdio::from(full)).output().unwrap();
    let output = shop.captured(&args, &output);
    output.is_clean();
    output.shown("screen_full", super::SNAPSHOTS);
    assert_eq!(output.code, Some(1));
}
