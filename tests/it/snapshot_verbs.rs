//! Snapshots and the other commands: plan, query, optimize, restore, forget, test, and a run that is stopped
//! anywhere.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;

use crate::project::Project;
use crate::shop::{CommandResult, copy_folder};

const STATE: &str = "select email, points from raw.members order by email";
const HISTORY: &str =
    "select email, points, cast(valid_from as date), cast(valid_to as date) from raw.members order by 1, 3";

fn members(source: &str) -> Project {
    let project = Project::new(&format!(
        "timezone = \"UTC\"\n[sources.members]\npath = \"in/*\"\nkey = [\"email\"]\nsnapshot = {{ min_share = 0 }}\n\
         date_in_name = \"%Y-%m-%d\"\n{source}\ncolumns = {{ email = \"text\", points = \"integer\" }}\n\
         [sources.members.person]\nkeys = {{ email = \"email\" }}\n"
    ));
    project.model("mart.on_the_list", "select email, points from raw.members");
    project.properties("mart.on_the_list", "key = [\"email\"]\n");
    project
}

fn day(project: &Project, day: &str, rows: &[&str]) {
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    project.file(&format!("in/m_{day}.csv"), format!("email,points\n{rows}"));
}

/// Ann changes, bob goes and comes back, cleo stays.
fn three_days() -> Project {
    let project = members("format = \"csv\"");
    day(&project, "2026-06-01", &["ann,1", "bob,1", "cleo,1"]);
    project.run(&["--as-of", "2026-06-02"]).published();
    day(&project, "2026-06-02", &["ann,2", "cleo,1"]);
    project.run(&["--as-of", "2026-06-03"]).published();
    day(&project, "2026-06-03", &["ann,2", "bob,1", "cleo,1"]);
    project.run(&["--as-of", "2026-06-04"]).published();
    project
}

const THREE_DAYS: [&str; 5] = [
    "ann,1,2026-06-01,2026-06-02",
    "ann,2,2026-06-02,",
    "bob,1,2026-06-01,2026-06-02",
    "bob,1,2026-06-03,",
    "cleo,1,2026-06-01,",
];

#[test]
fn a_query_shows_the_list_and_with_all_versions_its_history() {
    let project = three_days();
    assert_eq!(project.query(STATE), ["ann,2", "bob,1", "cleo,1"]);
    assert_eq!(project.query("select * from mart.on_the_list order by 1"), ["ann,2", "bob,1", "cleo,1"]);
    assert_eq!(project.query_with(HISTORY, &["--all-versions"]), THREE_DAYS);
    assert_eq!(project.query_with(STATE, &["--release", "2"]), ["ann,2", "cleo,1"]);
}

#[test]
fn a_list_holds_from_the_first_instant_of_its_local_day() {
    let starts = "select distinct valid_from from raw.members order by 1";
    for (pipeline, source, begins) in [
        ("Asia/Tokyo", "", "2026-05-31T15:00:00Z"),
        ("Asia/Tokyo", "timezone = \"America/Los_Angeles\"", "2026-06-01T07:00:00Z"),
        ("UTC", "", "2026-06-01T00:00:00Z"),
    ] {
        let project = members(&format!("format = \"csv\"\n{source}"));
        let toml = fs::read_to_string(project.path().join("pipeline.toml")).unwrap();
        let toml = toml.replacen("timezone = \"UTC\"", &format!("timezone = \"{pipeline}\""), 1);
        project.file("pipeline.toml", toml);
        day(&project, "2026-06-01", &["ann,1"]);
        project.run(&["--as-of", begins]).published();
        assert_eq!(project.query(STATE), [""; 0], "known from its first instant on, not before");
        project.run(&["--as-of", &begins.replace(":00Z", ":01Z")]).published();
        assert_eq!(project.query(STATE), ["ann,1"]);
        assert_eq!(project.query(starts), [begins]);
    }
}

#[test]
fn a_plan_tells_of_lists_in_the_order_of_their_days() {
    let project = three_days();
    day(&project, "2026-06-02 (1)", &["ann,2", "cleo,1"]);
    day(&project, "2026-06-04", &["ann,2"]);
    let pipeline = project.path().join("pipeline.toml");
    let plan = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.current_dir(project.path()).arg("plan").arg(&pipeline).args(["--as-of", "2026-06-05"]);
        CommandResult::of(command.output().unwrap())
    };
    let messages = plan().published().stdout;
    assert!(
        messages.contains(
            "1 new file of 5; adds nothing, the same content again: m_2026-06-02 (1).csv is m_2026-06-02.csv"
        ),
        "{messages}"
    );
    day(&project, "2026-05-01", &["ann,2"]);
    plan().refused(
        1,
        &["m_2026-05-01.csv", "not newer than the last list, of 2026-06-03T00:00:00Z", "--full-refresh"],
    );
}

#[test]
fn upkeep_keeps_the_history() {
    let project = three_days();
    for (points, date) in [(3, "2026-06-04"), (4, "2026-06-05"), (5, "2026-06-06")] {
        day(&project, date, &[&format!("ann,{points}"), "bob,1"]);
        project.run(&["--as-of", "2026-06-07"]).published();
    }
    let history = || project.query_with(HISTORY, &["--all-versions"]);
    let before = history();
    let optimized = project.verb(&["optimize"]).published().stdout;
    assert!(optimized.contains("raw.members"), "{optimized}");
    assert_eq!(history(), before);
    // Closed and open rows are in one file now; the next list tells them apart.
    day(&project, "2026-06-07", &["ann,5"]);
    project.run(&["--as-of", "2026-06-08"]).published();
    let after = history();
    assert_eq!(after.len(), before.len());
    assert!(after.contains(&"bob,1,2026-06-03,2026-06-07".to_owned()), "{after:?}");
    // An earlier release comes back, and the lists since can come again.
    project.verb(&["restore", "3"]).published();
    assert_eq!(history(), THREE_DAYS);
    project.run(&["--as-of", "2026-06-08"]).published();
    assert_eq!(history(), after);
    let anew = project.run(&["--as-of", "2026-06-08", "--full-refresh"]).published();
    assert!(anew.stderr.contains("7 lists, of 2026-06-01 to 2026-06-07"), "{}", anew.stderr);
    assert_eq!(history(), after);
}

#[test]
fn a_forgotten_person_is_in_no_state_and_no_list_brings_them_back() {
    let project = three_days();
    let forget = |id: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command
            .current_dir(project.path())
            .env("SILLAGE_SUPPRESSION_KEY", "0123456789abcdef0123456789abcdef");
        command.args(["forget", "pipeline.toml", "--warehouse", "warehouse", "--yes", "--id", id]);
        CommandResult::of(command.output().unwrap()).published()
    };
    forget("email=bob");
    let others: Vec<&str> = THREE_DAYS.into_iter().filter(|row| !row.starts_with("bob")).collect();
    assert_eq!(project.query_with(HISTORY, &["--all-versions"]), others);
    day(&project, "2026-06-04", &["ann,2", "bob,7", "cleo,1"]);
    let mut night = Command::new(env!("CARGO_BIN_EXE_sillage"));
    night.current_dir(project.path()).env("SILLAGE_SUPPRESSION_KEY", "0123456789abcdef0123456789abcdef");
    night.args(["run", "pipeline.toml", "--warehouse", "warehouse", "--as-of", "2026-06-05"]);
    let ran = CommandResult::of(night.output().unwrap()).published();
    assert!(ran.stderr.contains("1 rows of forgotten persons"), "{}", ran.stderr);
    assert_eq!(project.query_with(HISTORY, &["--all-versions"]), others);
}

#[test]
fn lists_come_in_every_format() {
    let rows = |rows: &[(&str, Option<i64>)]| -> RecordBatch {
        let emails: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)));
        let points: ArrayRef = Arc::new(Int64Array::from_iter(rows.iter().map(|row| row.1)));
        RecordBatch::try_from_iter_with_nullable([("email", emails, false), ("points", points, true)])
            .unwrap()
    };
    let first = [("ann", Some(1)), ("bob", None)];
    let second = [("bob", None), ("cleo", Some(3))];
    let expected = ["ann,1,2026-06-01,2026-06-02", "bob,,2026-06-01,", "cleo,3,2026-06-02,"];
    for format in ["jsonl", "parquet", "csv"] {
        let project = members(&format!("format = \"{format}\""));
        for (date, list) in [("2026-06-01", &first), ("2026-06-02", &second)] {
            let batch = rows(list);
            let mut bytes = Vec::new();
            match format {
                "jsonl" => arrow::json::LineDelimitedWriter::new(&mut bytes).write(&batch).unwrap(),
                "csv" => arrow::csv::Writer::new(&mut bytes).write(&batch).unwrap(),
                _ => {
                    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
                    writer.write(&batch).unwrap();
                    writer.close().unwrap();
                }
            }
            project.file(&format!("in/m_{date}.{format}"), bytes);
        }
        project.run(&["--as-of", "2026-06-03"]).published();
        assert_eq!(project.query_with(HISTORY, &["--all-versions"]), expected, "{format}");
    }
}

#[test]
fn the_keys_of_refused_rows_are_read_in_every_format() {
    for (format, first, second) in [
        ("csv", "email,points\nann,1\nbob,2\n", "email,points\nann,1\nbob,x\n"),
        (
            "jsonl",
            "{\"email\":\"ann\",\"points\":1}\n{\"email\":\"bob\",\"points\":2}\n",
            "{\"email\":\"ann\",\"points\":1}\n{\"email\":\"bob\",\"points\":\"x\"}\n",
        ),
        ("csv\"\nheader = false\ndelimiter = \";", "ann;1\nbob;2\n", "ann;1\nbob;x\n"),
    ] {
        let project = members(&format!("format = \"{format}\"\ntolerance = 0.9"));
        if format.contains("header") {
            let toml = fs::read_to_string(project.path().join("pipeline.toml")).unwrap();
            let columns = "columns = { email = { type = \"text\", from = 1 }, points = { type = \"integer\", from = 2 } }";
            let toml = toml.replace("columns = { email = \"text\", points = \"integer\" }", columns);
            project.file("pipeline.toml", toml);
        }
        project.file("in/m_2026-06-01.txt", first);
        project.file("in/m_2026-06-02.txt", second);
        let ran = project.run(&["--as-of", "2026-06-03"]).published();
        assert!(
            ran.stderr.contains("1 refused row: what it said before still holds"),
            "{format}: {}",
            ran.stderr
        );
        assert_eq!(project.query(STATE), ["ann,1", "bob,2"], "{format}");
    }
}

#[test]
fn a_column_that_comes_is_taken_into_the_history() {
    let project = members("format = \"csv\"\non_drift = \"evolve\"");
    day(&project, "2026-06-01", &["ann,1", "bob,1"]);
    project.run(&["--as-of", "2026-06-02"]).published();
    project.file("in/m_2026-06-02.csv", "email,points,City\nann,1,Lyon\nbob,1,\n");
    project.run(&["--as-of", "2026-06-03"]).published();
    let all = "select email, city, valid_to is null from raw.members order by 1, valid_from";
    assert_eq!(project.query_with(all, &["--all-versions"]), ["ann,,false", "ann,Lyon,true", "bob,,true"]);
    project.file("in/m_2026-06-03.csv", "email,points,valid_from\nann,1,2026\n");
    let messages = ["would be named `valid_from`", "ignore_columns"];
    project.run(&["--as-of", "2026-06-04"]).refused(1, &messages);
}

#[test]
fn what_a_list_cannot_be_declared_with_is_reported_at_once() {
    let project = Project::new(
        "[sources.members]\npath = \"in/*\"\nformat = \"csv\"\nsnapshot = { min_share = 8 }\nsame_content = \"read\"\n\
         replaces = \"m_{version}\"\nversion = \"points\"\nlate = { max_share = 0.1 }\nkeep = { for = \"1 year\", by = \"valid_from\" }\n\
         [sources.members.columns]\nemail = \"text\"\npoints = \"integer\"\nvalid_from = \"date\"\n",
    );
    project.run(&[]).refused(
        2,
        &[
            "min_share is 8, but it must be between 0 and 1",
            "key = [",
            "the column `valid_from` is reserved",
            "`same_content` cannot be used with a snapshot",
            "`replaces` cannot be used with a snapshot",
            "`version` cannot be used with a snapshot",
            "`late` cannot be used with a snapshot",
            "kept by the time at which they left",
        ],
    );
    let project = members("format = \"csv\"");
    let toml = fs::read_to_string(project.path().join("pipeline.toml")).unwrap();
    project.file(
        "pipeline.toml",
        toml.replace("keys = { email = \"email\" }", "keys = { email = \"email\" }\nanonymise = [\"email\"]"),
    );
    project.run(&[]).refused(2, &["`email` is part of the key"]);
    let project = Project::new(
        "[sources.sales]\npath = \"in/*\"\nformat = \"csv\"\nreplaces = \"s_{month}.csv\"\nsame_content = \"perhaps\"\ncolumns = { a = \"text\" }\n",
    );
    project.run(&[]).refused(2, &["found `perhaps`, expected `read` or `skip`", "sources.sales"]);
    let toml = fs::read_to_string(project.path().join("pipeline.toml")).unwrap();
    project.file("pipeline.toml", toml.replace("\"perhaps\"", "\"read\""));
    project.run(&[]).refused(2, &["pattern `s_{month}.csv` has no {version}"]);
}

#[test]
fn a_test_of_a_model_gives_rows_that_are_on_the_list() {
    let project = members("format = \"csv\"");
    project.file(
        "sql/mart/on_the_list.test.toml",
        "as_of = \"2026-07-01\"\n[[test]]\nname = \"who is on it\"\n\
         given.\"raw.members\" = [{ email = \"ann\", points = 1 }, { email = \"bob\", points = 2, valid_to = \"2026-06-01\" },\n\
         { email = \"cleo\", points = 3, valid_to = \"2026-07-02\" }, { email = \"dan\", points = 4, valid_from = \"2026-07-01\" }]\n\
         expect = [{ email = \"ann\", points = 1 }, { email = \"cleo\", points = 3 }]\n",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
    let ran = CommandResult::of(
        command.current_dir(project.path()).args(["test", "pipeline.toml"]).output().unwrap(),
    );
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn a_night_of_lists_ends_the_same_wherever_it_is_stopped() {
    let project = three_days();
    for (date, points) in [("2026-06-04", 3), ("2026-06-05", 4)] {
        day(&project, date, &[&format!("ann,{points}"), "dan,1", "eve,x"]);
    }
    let toml = fs::read_to_string(project.path().join("pipeline.toml")).unwrap();
    project.file("pipeline.toml", toml.replace("format = \"csv\"", "format = \"csv\"\ntolerance = 0.9"));
    let night = |warehouse: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.current_dir(project.path()).args([
            "run",
            "pipeline.toml",
            "--as-of",
            "2026-06-06",
            "--warehouse",
        ]);
        command.arg(warehouse);
        command
    };
    let rows = |warehouse: &str, sql: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
        command.current_dir(project.path()).args([
            "query",
            sql,
            "--all-versions",
            "--format",
            "csv",
            "--warehouse",
        ]);
        CommandResult::of(command.arg(warehouse).output().unwrap()).published().stdout
    };
    copy_folder(&project.path().join("warehouse"), &project.path().join("whole"));
    let listed = project.path().join("points");
    assert!(night("whole").env("SILLAGE_FAULT_POINTS", &listed).output().unwrap().status.success());
    let points = fs::read_to_string(&listed).unwrap().lines().count();
    let ledger = "select file, rows, refused, snapshot_at from ops.sources order by file";
    let (history, files) = (rows("whole", HISTORY), rows("whole", ledger));
    assert!(history.contains("ann,4,2026-06-05,\n") && files.lines().count() == 6, "{history}{files}");
    for n in 0..6 {
        let point = 1 + points * n / 6 + 3 * n;
        let warehouse = format!("stopped_{n}");
        copy_folder(&project.path().join("warehouse"), &project.path().join(&warehouse));
        night(&warehouse).env("SILLAGE_FAULT_STOP", point.to_string()).output().unwrap();
        let state = project.path().join(&warehouse).join("_sillage");
        let released = state.join(format!("releases/{:020}.json", 4)).exists();
        if !released || !crate::nights::journal_entries(&project.path().join(&warehouse), 4).is_empty() {
            CommandResult::of(night(&warehouse).output().unwrap()).published();
        }
        assert_eq!(rows(&warehouse, HISTORY), history, "stopped at point {point} of {points}");
        assert_eq!(rows(&warehouse, ledger), files, "stopped at point {point} of {points}");
    }
}
