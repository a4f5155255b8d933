//! Orders with their lines in one file: two tables from it, nothing duplicated, and types that a table cannot
//! hold.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::shop::{CommandResult, query};

/// A project of one folder.
struct Project {
    folder: tempfile::TempDir,
}

const PIPELINE: &str = r#"
name = "items"
as_of = "2026-07-01"
[sources.orders]
path = "exports/*.jsonl"
format = "jsonl"
key = ["id"]
ignore_columns = ["line_items"]
[sources.orders.columns]
id = "text"
total = "decimal(12,2)"
[sources.order_lines]
path = "exports/*.jsonl"
format = "jsonl"
rows = "line_items"
key = ["order_id", "sku"]
tolerance = 0.5
[sources.order_lines.columns]
order_id = { type = "text", from = "$.id" }
sku = "text"
quantity = "integer"
"#;

const FIRST: &str = r#"{"id":"A","total":30,"line_items":[{"sku":"TEA","quantity":2},{"sku":"CUP","quantity":1}]}
{"id":"B","total":20,"line_items":[{"sku":"TEA","quantity":2},{"sku":"POT","quantity":"n/a"}]}
{"id":"C","total":0,"line_items":[]}
{"id":"D","total":9,"line_items":[{"sku":"TEA","quantity":1},{"sku":"CUP","quantity":5},{"sku":"TEA","quantity":4}]}
"#;

impl Project {
    fn new(pipeline: &str) -> Project {
        let project = Project { folder: tempfile::tempdir().unwrap() };
        project.write("pipelines/pipeline.toml", pipeline);
        fs::create_dir_all(project.path("sql/items")).unwrap();
        if pipeline == PIPELINE {
            // Of each key the latest row, as models see it.
            project.write("sql/items/core/lines.sql", "select * from raw.order_lines");
            project.write("sql/items/core/orders.sql", "select * from raw.orders");
        }
        project
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn sillage(&self, verb: &[&str]) -> CommandResult {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        CommandResult::of(command.current_dir(self.folder.path()).args(verb).output().unwrap())
    }

    fn run(&self) -> CommandResult {
        self.sillage(&["run", "pipelines/pipeline.toml"])
    }

    fn ask(&self, sql: &str) -> String {
        let out = query(&self.path("warehouse"), sql);
        out.lines().skip(1).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn an_order_and_its_lines_are_two_tables_of_one_file() {
    let project = Project::new(PIPELINE);
    project.write("exports/1.jsonl", FIRST);
    let ran = project.run().published();
    assert!(
        ran.stderr
            .contains("1.jsonl:2 column quantity: element 2: expected integer, found text of 3 characters"),
        "{}",
        ran.stderr
    );
    assert_eq!(project.ask("select count(*), sum(total) from core.orders"), "4,59.00");
    // Of lines with one key in one order the last counts, as a later line of a file would.
    assert_eq!(
        project.ask("select order_id, sku, quantity, _line, _element from core.lines order by 1, 2"),
        "A,CUP,1,1,2 A,TEA,2,1,1 D,CUP,5,4,2 D,TEA,4,4,3"
    );
    assert_eq!(project.ask("select file, line, record like '%POT%' from ops.quarantine"), "1.jsonl,2,true");
    let note = "select note from ops.steps where step = 'raw.order_lines'";
    assert!(
        project.ask(note).contains("1.jsonl: 1 record has no element in `line_items` and gives no row"),
        "{}",
        project.ask(note)
    );
}

#[test]
fn an_order_that_was_refused_comes_back_whole_and_once() {
    let project = Project::new(PIPELINE);
    project.write("exports/1.jsonl", FIRST);
    project.run().published();
    let pipeline = PIPELINE.replace("tolerance = 0.5", "tolerance = 0.5\nnull = [\"n/a\"]");
    project.write("pipelines/pipeline.toml", &pipeline);
    for _ in 0..2 {
        project.sillage(&["quarantine", "replay", "order_lines"]).published();
        let lines = "select order_id, sku, quantity, _element from core.lines order by 1, 2";
        assert_eq!(project.ask(lines), "A,CUP,1,2 A,TEA,2,1 B,POT,,2 B,TEA,2,1 D,CUP,5,2 D,TEA,4,3");
    }
    // An order exported again with fewer lines: those of its latest record are beside that record's place.
    project.write(
        "exports/2.jsonl",
        "{\"id\":\"A\",\"total\":10,\"line_items\":[{\"sku\":\"CUP\",\"quantity\":1}]}\n",
    );
    project.run().published();
    let latest = "select l.order_id, l.sku from core.lines l join core.orders o \
                  on o.id = l.order_id and o._file = l._file and o._line = l._line order by 1, 2";
    assert_eq!(project.ask(latest), "A,CUP B,POT B,TEA D,CUP D,TEA");
}

#[test]
fn folders_give_their_days_to_csv_and_parquet_alike() {
    let columns = "id = \"integer\"\nday = { type = \"date\", from = { partition = \"day\" } }\n";
    let project = Project::new(&format!(
        "name = \"items\"\nas_of = \"2026-07-01\"\n[sources.visits]\npath = \"exports\"\nformat = \"csv\"\n[sources.visits.columns]\n{columns}"
    ));
    project.write("exports/day=2026-06-29/a.csv", "id\n1\n");
    project.write("exports/day=__HIVE_DEFAULT_PARTITION__/a.csv", "id\n2\n");
    project.run().published();
    assert_eq!(
        project.ask("select id, day, _file from raw.visits order by 1"),
        "1,2026-06-29,day=2026-06-29/a.csv 2,,day=__HIVE_DEFAULT_PARTITION__/a.csv"
    );
    project.write("exports/day=2026-06-31/b.csv", "id\n3\n");
    project.run().refused(1, &["the folder `day=…` does not fit the column day: expected date"]);
    fs::remove_dir_all(project.path("exports/day=2026-06-31")).unwrap();
    project.write("exports/day=2026-06-30/shop=2/b.csv", "id\n3\n");
    project.run().refused(1, &["a folder `shop=…`, an undeclared column", "from = { partition = \"shop\" }"]);
    assert_eq!(project.ask("select count(*) from raw.visits"), "2");
}

#[test]
fn what_a_mart_cannot_keep_is_refused_and_named() {
    let project = Project::new("name = \"items\"\nas_of = \"2026-07-01\"\n");
    project.write("sql/items/mart/odd.toml", "key = [\"id\"]\n");
    for (sql, message) in [
        (
            "select 1 as id, arrow_cast(18446744073709551615, 'UInt64') as big",
            "column `big` holds a value of type integer from 0 that is out of the range of integer",
        ),
        ("select 1 as id, cast('10:00' as time) as at", "column `at` has type Time64"),
        ("select 1 as id, interval '1 day' as lasted", "column `lasted` has type Interval"),
        ("select 1 as id, make_array(1, 2) as list", "column `list` has type List"),
        ("select 1 as id, named_struct('a', 1) as inner_one", "column `inner_one` has type Struct"),
        ("select 1 as id, arrow_cast(1, 'Duration(Second)') as lasted", "column `lasted` has type Duration"),
        (
            "select 1 as id, arrow_cast(1, 'Decimal256(50, 2)') as amount",
            "column `amount` has type Decimal256",
        ),
    ] {
        project.write("sql/items/mart/odd.sql", sql);
        let ran = project.run().refused(1, &[message, "step mart.odd"]);
        assert!(
            !ran.stderr.contains("18446744073709551615") && ran.stderr.contains("hint: "),
            "{}",
            ran.stderr
        );
    }
    project.write(
        "sql/items/mart/odd.sql",
        "select 1 as id, arrow_cast(9223372036854775807, 'UInt64') as big, arrow_cast(1.5, 'Float16') as half, \
         arrow_cast(255, 'UInt8') as small, arrow_cast('x', 'Dictionary(Int32, Utf8)') as word, null as nothing",
    );
    project.run().published();
    assert_eq!(project.ask("select * from mart.odd"), "1,9223372036854775807,1.5,255,x,");
}
