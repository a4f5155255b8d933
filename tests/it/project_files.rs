//! The files of a project: a pipeline in parts, defaults of its sources, where paths begin, and properties of
//! tables beside their SQL, with the descriptions that readers see.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::project::Project;
use crate::shop::{CommandResult, query};

/// The source of the orders, in a file of its own.
const ORDERS: &str = "path = \"exports/orders*.csv\"\nformat = \"csv\"\nstatic = true\n\
                      [columns]\nid = \"text\"\ncustomer_id = \"text\"\nnet = \"integer\"\n";

/// A project with two orders, whose pipeline file says this.
fn project(pipeline: &str) -> Project {
    let project = Project::new(&format!("as_of = \"2026-07-01\"\n{pipeline}"));
    project.file("exports/orders.csv", "id,customer_id,net\no1,ada,30\no2,bea,20\n");
    project.model("core.orders", "select id, customer_id, net from raw.orders");
    project
}

/// The same with the source in its file.
fn in_parts() -> Project {
    let project = project("sources = \"sources\"\n");
    project.file("sources/orders.toml", ORDERS);
    project
}

/// Of what a command reported, the places of the errors in their order.
fn places(result: &CommandResult) -> Vec<&str> {
    let places = result.stderr.lines().filter_map(|line| line.strip_prefix("  in "));
    places.map(|place| place.split(" › ").next().unwrap()).collect()
}

#[track_caller]
fn reports_once(result: CommandResult, messages: &[&str]) {
    let result = result.refused(2, messages);
    assert_eq!(result.stderr.matches("error: ").count(), 1, "{}", result.stderr);
}

#[test]
fn sources_and_audiences_may_have_files_of_their_own() {
    let project = project("sources = \"sources\"\naudiences = \"audiences/*.toml\"\n");
    project.file("sources/orders.toml", ORDERS);
    project.file(
        "audiences/best.toml",
        "from = [\"mart.people\"]\nwhere = \"net > 20\"\nrank_by = \"net\"\nchannel = \"post\"\nconsent = false\n",
    );
    project.model("mart.people", "select customer_id, sum(net) as net from core.orders group by 1");
    project.properties("mart.people", "key = [\"customer_id\"]\n");
    project.run(&[]).published();
    let lists = "select audience, customer_id from mart.target_lists";
    assert_eq!(project.query(lists), ["best,ada"]);
}

#[test]
fn a_folder_a_pattern_and_a_list_name_the_same_files() {
    for named in ["\"sources\"", "\"sources/*.toml\"", "[\"sources/orders.toml\", \"sources/vis*\"]"] {
        let project = project(&format!("sources = {named}\n"));
        project.file("sources/orders.toml", ORDERS);
        project.file("sources/visits.toml", ORDERS);
        project.file("sources/notes.md", "Not a source.");
        project.run(&[]).published();
        assert_eq!(
            project.query("select count(*) from raw.orders join raw.visits using (id)"),
            ["2"],
            "{named}"
        );
    }
}

#[test]
fn a_part_is_one_file() {
    let project = project("sources = [\"sources\", \"more\"]\n");
    project.file("sources/orders.toml", ORDERS);
    project.file("more/orders.toml", ORDERS);
    reports_once(
        project.run(&[]),
        &[
            "there are two files for the source orders",
            "in more/orders.toml",
            "the other one is sources/orders.toml",
        ],
    );
}

#[test]
fn a_pattern_at_which_nothing_is_is_an_error() {
    let project = project("sources = \"source/*.toml\"\n");
    project.file("sources/orders.toml", ORDERS);
    reports_once(project.run(&[]), &["there is no file at source/*.toml", "in pipeline.toml:4 › sources"]);
}

#[test]
fn a_part_that_is_not_toml_is_reported_with_its_line_and_hides_nothing_behind_it() {
    let project = in_parts();
    project.file("sources/orders.toml", ORDERS.replace("format = \"csv\"", "format = csv"));
    reports_once(project.run(&[]), &["this is not TOML", "in sources/orders.toml:2"]);
    project.file("sources/orders.toml", ORDERS.replace("format = ", "fromat = "));
    reports_once(
        project.run(&[]),
        &["unknown key `fromat`", "in sources/orders.toml:2", "did you mean `format`?"],
    );
}

#[test]
fn errors_of_several_files_come_file_by_file_the_pipeline_first() {
    let project = in_parts();
    project.file("sources/orders.toml", format!("tolerance = \"much\"\n{ORDERS}limit = 3\n"));
    project.file(
        "sources/visits.toml",
        "path = \"exports/visits.csv\"\nformat = \"csv\"\n[columns]\nid = \"texts\"\n",
    );
    project.properties("core.orders", "key = \"id\"\nstatic = 1\n");
    project
        .file("pipeline.toml", "name = \"p\"\nmodels = \"sql\"\nsources = \"sources\"\nseed = \"seven\"\n");
    let result = project.run(&[]).refused(2, &[]);
    assert_eq!(
        places(&result),
        [
            "pipeline.toml:4",
            "sources/orders.toml:1",
            "sources/orders.toml:9",
            "sources/visits.toml:4",
            "sql/core/orders.toml:1",
            "sql/core/orders.toml:2",
        ],
        "{}",
        result.stderr
    );
}

#[test]
fn what_sources_have_in_common_is_said_once() {
    let project = project("sources = \"sources\"\n[source_defaults]\nformat = \"csv\"\ndelimiter = \";\"\n");
    let source = |name: &str, keys: &str| {
        let text =
            format!("path = \"exports/{name}\"\n{keys}\n[columns]\nid = \"text\"\nnet = \"integer\"\n");
        project.file(&format!("sources/{}.toml", name.split('.').next().unwrap()), text);
    };
    // One inherits, one says its own, and one is in a format that has no delimiter.
    source("orders.csv", "");
    project.file("exports/orders.csv", "id;net\no1;30\n");
    source("visits.csv", "delimiter = \"|\"");
    project.file("exports/visits.csv", "id|net\nv1|1\n");
    source("calls.jsonl", "format = \"jsonl\"");
    project.file("exports/calls.jsonl", "{\"id\":\"c1\",\"net\":2}\n");
    project.model("core.orders", "select id, net from raw.orders union all select id, net from raw.visits union all select id, net from raw.calls");
    project.run(&[]).published();
    assert_eq!(project.query("select id, net from core.orders order by 1"), ["c1,2", "o1,30", "v1,1"]);
}

#[test]
fn a_wrong_default_is_reported_once_at_its_line() {
    let pipeline = |defaults: &str| {
        let project = project(&format!("sources = \"sources\"\n[source_defaults]\n{defaults}\n"));
        for source in ["orders", "visits", "calls"] {
            project.file(&format!("sources/{source}.toml"), ORDERS);
        }
        project.run(&[])
    };
    for (default, message) in [
        ("delimiter = \"::\"", "delimiter"),
        ("timezone = \"Paris\"", "timezone"),
        ("tolerance = 5", "tolerance"),
        ("delimeter = \";\"", "did you mean `delimiter`?"),
        ("key = [\"id\"]", "unknown key `key`"),
    ] {
        reports_once(pipeline(default), &[message, "in pipeline.toml:6"]);
    }
}

#[test]
fn a_source_without_a_format_is_told_so() {
    let project = in_parts();
    project.file("sources/orders.toml", ORDERS.replace("format = \"csv\"\n", ""));
    reports_once(project.run(&[]), &["format", "sources/orders.toml"]);
}

#[test]
fn paths_begin_at_the_project_wherever_the_command_is_run() {
    let elsewhere = tempfile::tempdir().unwrap();
    let project = project("");
    fs::remove_file(project.path().join("pipeline.toml")).unwrap();
    project.file("sources/orders.toml", ORDERS);
    project.file("pipelines/night.toml", "name = \"p\"\nas_of = \"2026-07-01\"\nmodels = \"sql\"\nsources = \"sources\"\nwarehouse = \"kept/here\"\n");
    let run = |folder: &Path, pipeline: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.current_dir(folder).arg("run").arg(pipeline);
        CommandResult::of(command.output().unwrap()).published();
    };
    let root = project.path();
    run(root, Path::new("pipelines/night.toml"));
    run(&root.join("pipelines"), Path::new("night.toml"));
    run(&root.join("sql"), Path::new("../pipelines/night.toml"));
    run(elsewhere.path(), &root.join("pipelines/night.toml"));
    let warehouse = root.join("kept/here");
    assert_eq!(query(&warehouse, "select count(*) as runs from ops.runs"), "runs\n4\n");
    // A file is the same file from everywhere: its rows were read once.
    assert_eq!(query(&warehouse, "select count(*) as orders from raw.orders"), "orders\n2\n");
    for folder in [&root.join("pipelines"), &root.join("sql"), elsewhere.path()] {
        let left: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name == "kept" || name == "warehouse"), "{left:?}");
    }
}

#[test]
fn models_stand_below_sql_by_the_name_of_the_pipeline() {
    let project = project("");
    project.file("sources/orders.toml", ORDERS);
    project.file("night.toml", "name = \"nightly\"\nas_of = \"2026-07-01\"\nsources = \"sources\"\n");
    project.file("sql/nightly/core/nets.sql", "select net from raw.orders");
    let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
    command.current_dir(project.path()).args(["run", "night.toml"]);
    CommandResult::of(command.output().unwrap()).published();
    assert_eq!(project.query("select sum(net) from core.nets"), ["50"]);
}

#[test]
fn a_key_says_that_no_value_is_missing_and_none_comes_twice() {
    for (rows, check) in [("o1,cleo,5\n", "unique id"), (",cleo,5\n", "not_null id")] {
        let project = in_parts();
        project.properties("core.orders", "key = [\"id\"]\n");
        project.run(&[]).published();
        project.file("exports/orders_2.csv", format!("id,customer_id,net\n{rows}"));
        project.run(&[]).refused(1, &[&format!("the check {check} of core.orders is broken by 1 row")]);
        assert_eq!(project.query("select count(*) from core.orders"), ["2"], "{check}");
    }
}

#[test]
fn of_a_key_of_two_columns_the_pair_comes_once() {
    let project = in_parts();
    project.properties("core.orders", "key = [\"customer_id\", \"net\"]\n");
    project.file("exports/orders_2.csv", "id,customer_id,net\no3,ada,31\no4,bea,30\n");
    project.run(&[]).published();
    project.file("exports/orders_3.csv", "id,customer_id,net\no5,ada,30\n");
    project.run(&[]).refused(1, &["the check unique customer_id, net of core.orders is broken by 1 row"]);
}

#[test]
fn a_key_that_is_no_column_is_one_error_however_many_checks_follow_from_it() {
    let project = in_parts();
    project.properties("core.orders", "description = \"Orders\"\nkey = [\"customer_id\", \"idd\"]\n");
    reports_once(
        project.run(&[]),
        &[
            "core.orders has no column `idd`, which is declared as its key",
            "sql/core/orders.toml:2",
            "did you mean `id`?",
        ],
    );
}

#[test]
fn a_check_of_a_raw_table_is_reported_in_its_source() {
    let project = in_parts();
    let checked = |column: &str| format!("checks = [{{ not_null = \"{column}\" }}]\n");
    // The same text stands in the source before, where it is right.
    project.file(
        "sources/calls.toml",
        format!("{}{}", checked("score"), ORDERS.replace("orders*", "calls").replace("net = ", "score = ")),
    );
    project.file("exports/calls.csv", "id,customer_id,score\nc1,ada,3\n");
    project.file("sources/orders.toml", format!("{}{ORDERS}", checked("score")));
    reports_once(project.run(&[]), &["there is no column `score`", "sources/orders.toml:1"]);
}

#[test]
fn a_described_column_is_one_of_the_table() {
    let project = in_parts();
    project.properties(
        "core.orders",
        "key = [\"id\"]\n[columns]\nid = \"The order's number\"\nnett = \"In euros\"\n",
    );
    reports_once(
        project.run(&[]),
        &["core.orders has no column `nett`", "sql/core/orders.toml:4", "did you mean `net`?"],
    );
}

#[test]
fn properties_are_those_of_a_table_that_is_made() {
    let project = in_parts();
    project.properties("core.order", "key = [\"id\"]\n");
    reports_once(
        project.run(&[]),
        &[
            "core.order has properties, but nothing makes it",
            "in sql/core/order.toml",
            "did you mean `core.orders`?",
        ],
    );
}

#[test]
fn properties_of_raw_tables_stand_in_their_source() {
    let project = in_parts();
    project.properties("raw.orders", "time = \"ordered_at\"\n");
    reports_once(project.run(&[]), &["in sql/raw/orders.toml", "declare it in the source: time, valid_from"]);
    let project = in_parts();
    project.properties("ops.runs", "key = [\"run\"]\n");
    reports_once(project.run(&[]), &["in sql/ops/runs.toml", "tables of the history are what they are"]);
}

#[test]
fn whoever_declares_tables_in_the_pipeline_file_is_told_where_it_goes() {
    let project = project(
        "sources = \"sources\"\n[tables.\"core.orders\"]\nkey = [\"id\"]\n[tables.\"raw.orders\"]\nstatic = true\n",
    );
    project.file("sources/orders.toml", ORDERS);
    reports_once(
        project.run(&[]),
        &[
            "`tables` is not a part of the pipeline file",
            "in pipeline.toml:5",
            "[tables.\"core.orders\"] goes to core/orders.toml",
            "of a raw table go to its source",
        ],
    );
}

/// What the last metadata in a table's Delta log say of it.
#[derive(Debug, Default, PartialEq)]
struct Described {
    table: Option<String>,
    /// By column.
    comments: BTreeMap<String, String>,
}

impl Described {
    fn of(project: &Project, table: &str) -> Described {
        let log = project.path().join("warehouse").join(table.replace('.', "/")).join("_delta_log");
        let mut files: Vec<_> = fs::read_dir(log).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "json"));
        files.sort();
        let mut described = Described::default();
        for line in files.iter().flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            text.lines().map(str::to_owned).collect::<Vec<_>>()
        }) {
            let action: serde_json::Value = serde_json::from_str(&line).unwrap();
            let Some(metadata) = action.get("metaData") else { continue };
            let schema: serde_json::Value =
                serde_json::from_str(metadata["schemaString"].as_str().unwrap()).unwrap();
            let comments = schema["fields"].as_array().unwrap().iter().filter_map(|field| {
                let comment = field["metadata"].get("comment")?.as_str().unwrap();
                Some((field["name"].as_str().unwrap().to_owned(), comment.to_owned()))
            });
            let text = metadata.get("description").and_then(serde_json::Value::as_str);
            described = Described {
                table: text.filter(|text| !text.is_empty()).map(str::to_owned),
                comments: comments.collect(),
            };
        }
        described
    }

    fn as_said(table: &str, comments: &[(&str, &str)]) -> Described {
        let owned = |(column, text): &(&str, &str)| ((*column).to_owned(), (*text).to_owned());
        Described { table: Some(table.to_owned()), comments: comments.iter().map(owned).collect() }
    }
}

const SPENT: &str = "description = \"One row per customer\"\nkey = [\"customer_id\"]\n\
                     [columns]\ncustomer_id = \"Who\"\nnet = \"What they spent, in euros\"\n";

/// Orders and what customers spent, both described.
fn described() -> Project {
    let project = in_parts();
    project.file(
        "sources/orders.toml",
        ORDERS
            .replace("static", "description = \"The till's orders\"\nstatic")
            .replace("net = \"integer\"", "net = { type = \"integer\", description = \"In euros\" }"),
    );
    project.model("mart.spent", "select customer_id, sum(net) as net from core.orders group by 1");
    project.properties("mart.spent", SPENT);
    project.run(&[]).published();
    project
}

#[test]
fn readers_see_what_tables_and_columns_contain() {
    let project = described();
    let shown = |table: &str| project.verb(&["show", table, "--all"]).published().stdout;
    let spent = shown("mart.spent");
    for text in ["One row per customer", "Who", "What they spent, in euros"] {
        assert!(spent.contains(text), "{spent}");
    }
    let orders = shown("raw.orders");
    assert!(orders.contains("The till's orders") && orders.contains("In euros"), "{orders}");
    assert_eq!(
        Described::of(&project, "mart.spent"),
        Described::as_said(
            "One row per customer",
            &[("customer_id", "Who"), ("net", "What they spent, in euros")]
        )
    );
    assert_eq!(
        Described::of(&project, "raw.orders"),
        Described::as_said("The till's orders", &[("net", "In euros")])
    );
    let file = File::open(project.path().join("warehouse/bi/mart/spent.parquet")).unwrap();
    let schema = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().schema().clone();
    let comment = |column: &str| schema.field_with_name(column).unwrap().metadata().get("comment").cloned();
    assert_eq!(comment("customer_id").as_deref(), Some("Who"));
    assert_eq!(comment("net").as_deref(), Some("What they spent, in euros"));
}

#[test]
fn tables_that_the_engine_makes_are_described_too() {
    let project = described();
    project.file("pipeline.toml", "name = \"p\"\nmodels = \"sql\"\nas_of = \"2026-07-01\"\nsources = \"sources\"\naudiences = \"audiences\"\n");
    project.file(
        "audiences/best.toml",
        "from = [\"mart.spent\"]\nwhere = \"true\"\nrank_by = \"net\"\nchannel = \"post\"\nconsent = false\n",
    );
    project.properties(
        "mart.target_lists",
        "description = \"Who gets what\"\n[columns]\nrank = \"The best is 1\"\n",
    );
    project.run(&[]).published();
    assert_eq!(
        Described::of(&project, "mart.target_lists"),
        Described::as_said("Who gets what", &[("rank", "The best is 1")])
    );
}

#[test]
fn a_changed_description_is_there_after_the_next_run_and_a_removed_one_is_gone() {
    let project = described();
    let source = fs::read_to_string(project.path().join("sources/orders.toml")).unwrap();
    let again = |rows: &str| {
        project.file(&format!("exports/orders_{rows}.csv"), format!("id,customer_id,net\n{rows},ada,1\n"));
        project.run(&[]).published();
    };
    project.properties(
        "mart.spent",
        &SPENT.replace("One row per customer", "A customer a row").replace("Who", "Whose"),
    );
    project.file(
        "sources/orders.toml",
        source.replace("The till's orders", "Orders of all tills").replace("In euros", "In cents"),
    );
    again("o3");
    assert_eq!(
        Described::of(&project, "mart.spent"),
        Described::as_said(
            "A customer a row",
            &[("customer_id", "Whose"), ("net", "What they spent, in euros")]
        )
    );
    assert_eq!(
        Described::of(&project, "raw.orders"),
        Described::as_said("Orders of all tills", &[("net", "In cents")])
    );
    project.properties("mart.spent", "key = [\"customer_id\"]\n");
    project.file("sources/orders.toml", ORDERS);
    again("o4");
    assert_eq!(Described::of(&project, "mart.spent"), Described::default());
    assert_eq!(Described::of(&project, "raw.orders"), Described::default());
    assert_eq!(project.query("select count(*) from raw.orders"), ["4"]);
}

#[test]
fn steps_are_selected_by_a_tag_and_older_inputs_are_said() {
    let project = two_nights();
    project.run(&["--as-of", "2026-02-01"]).published();
    let run = project.run(&["--as-of", "2026-03-01", "--select", "tag:sales"]).published();
    let told = format!("{}{}", run.stdout, run.stderr);
    assert!(told.contains("core.orders"), "{told}");
    assert!(
        told.contains("core.orders: reads raw.orders as of 2026-02-01T00:00:00Z, which was not selected"),
        "{told}"
    );
    let whole = project.run(&["--as-of", "2026-03-02", "--select", "+tag:sales"]).published();
    assert!(!format!("{}{}", whole.stdout, whole.stderr).contains("was not selected"));
    project
        .run(&["--select", "tag:sale"])
        .refused(2, &["`tag:sale` selects no step", "did you mean `tag:sales`"]);
}

#[test]
fn the_manifest_has_what_is_declared_of_tables() {
    let project = two_nights();
    project.run(&["--as-of", "2026-02-01"]).published();
    let folder = project.path().join("warehouse/_sillage/artifacts");
    let run = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(run.join("manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let tables = manifest["tables"].as_array().unwrap();
    let orders = tables.iter().find(|table| table["table"] == "core.orders").unwrap();
    assert_eq!(orders["description"], "One row per order");
    assert_eq!(orders["columns"]["order_id"], "What the till prints");
    assert_eq!(orders["tags"][0], "sales");
    assert_eq!(orders["owner"], "shop team");
}

/// A source of orders and a model with all that may be declared of it.
fn two_nights() -> Project {
    let project = Project::new(
        "[sources.orders]\npath = \"orders.csv\"\nformat = \"csv\"\nstatic = true\n\
         [sources.orders.columns]\norder_id = \"text\"\n",
    );
    project.file("orders.csv", "order_id\no1\n");
    project.model("core.orders", "select order_id from raw.orders");
    project.file(
        "sql/core/orders.toml",
        "description = \"One row per order\"\nkey = [\"order_id\"]\nstatic = true\ntags = [\"sales\"]\n\
         owner = \"shop team\"\n[columns]\norder_id = \"What the till prints\"\n",
    );
    project
}

#[test]
fn defaults_that_cannot_be_read_are_one_error() {
    let project = Project::new(
        "[source_defaults]\nformat = \"csv\"\ntolerance = \"1%\"\n\
         [sources.a]\npath = \"a.csv\"\n[sources.a.columns]\nid = \"text\"\n\
         [sources.b]\npath = \"b.csv\"\n[sources.b.columns]\nid = \"text\"\n",
    );
    let refused = project.run(&[]).refused(2, &["source_defaults", "expected a number"]);
    assert!(!refused.stderr.contains("missing key `format`"), "{}", refused.stderr);
}

#[test]
fn a_source_that_finds_nothing_says_where_its_path_stands_and_which_folder_is_missing() {
    let project = Project::new(
        "[sources.a]\npath = \"export/a.csv\"\nformat = \"csv\"\n[sources.a.columns]\nid = \"text\"\n",
    );
    project.file("exports/a.csv", "id\n1\n");
    project.run(&[]).refused(
        1,
        &["there is no file at", "pipeline.toml:4", "export does not exist; did you mean `exports`"],
    );
}

#[test]
fn a_key_of_the_source_below_its_columns_is_not_taken_for_a_column_without_a_word() {
    let project = Project::new(
        "[sources.a]\npath = \"a.csv\"\nformat = \"csv\"\n[sources.a.columns]\nid = \"text\"\n\
         owner = \"web team\"\n",
    );
    project.run(&[]).refused(
        2,
        &["`web team` is not a type", "`owner` is a key of the source: write it above [columns]"],
    );
}
