//! What the commands print on the small shop, and their help.

use crate::broken_shop::Shop;

const SNAPSHOTS: &str = "tests/errors/snapshots/cli";

fn shows(shop: &Shop, name: &str, args: &[&str]) {
    let output = shop.sillage(args);
    assert_eq!(output.code, Some(0), "{}", output.err);
    assert!(!output.err.contains("panicked"), "{}", output.err);
    output.shown(name, SNAPSHOTS);
}

#[test]
fn every_verb_explains_itself() {
    let shop = Shop::new();
    shows(&shop, "help", &["--help"]);
    for verb in [
        "demo", "init", "plan", "run", "test", "check", "schedule", "ls", "show", "query", "history",
        "releases", "report", "why", "migrate", "forget", "identity", "audience", "manual",
    ] {
        shows(&shop, &format!("help_{verb}"), &[verb, "--help"]);
    }
    for verb in ["waterfall", "export", "explain"] {
        shows(&shop, &format!("help_audience_{verb}"), &["audience", verb, "--help"]);
    }
    shows(&shop, "help_identity_explain", &["identity", "explain", "--help"]);
}

#[test]
fn tables_and_their_rows() {
    let shop = Shop::published();
    shows(&shop, "show", &["show", "core.orders", "-n", "3"]);
    shows(&shop, "show_csv", &["show", "mart.segment_profiles", "--format", "csv"]);
    shows(
        &shop,
        "query_table",
        &[
            "query",
            "select channel, count(*) as orders, sum(net_amount) as amount from core.orders group by channel order by channel",
        ],
    );
    shows(
        &shop,
        "query_csv",
        &["query", "select * from mart.segments order by customer_id limit 3", "--format", "csv"],
    );
    shows(
        &shop,
        "query_json",
        &["query", "select * from mart.segments order by customer_id limit 3", "--format", "json"],
    );
    shows(&shop, "query_nothing", &["query", "select * from mart.segments where false", "--format", "csv"]);
    // Sizes of Parquet files differ a little with the version of its writer.
    let output = shop.sillage(&["ls"]);
    insta::with_settings!({filters => vec![(r" +\d+ +(\| \d+ +\|)\n", " [KB] $1\n")]}, {
        output.shown("ls", SNAPSHOTS)
    });
}

#[test]
fn runs_and_releases() {
    let shop = Shop::published();
    shows(&shop, "releases", &["releases"]);
    shows(&shop, "history", &["history", "--format", "json"]);
    let steps = shop.sillage(&["history", "1", "--format", "csv"]);
    assert_eq!(steps.out.lines().count(), 1 + 11, "{}", steps.out);
    shows(&shop, "plan", &["plan"]);
    shows(&shop, "plan_select", &["plan", "--select", "+mart.customer_360", "--exclude", "kind:ingest"]);
    shows(&shop, "run_dry", &["run", "--dry-run", "--as-of", "2026-03-02"]);
}

#[test]
fn what_lists_does_so_in_every_format() {
    let shop = Shop::published();
    shows(&shop, "releases_json", &["releases", "--format", "json"]);
    shows(&shop, "plan_csv", &["plan", "--format", "csv"]);
    let next = shop.sillage(&["schedule", "--dry-run", "--format", "json"]).out;
    assert!(
        next.starts_with("{\"next\":\"20") && next.trim_end().ends_with("\"pipeline\":\"shop\"}"),
        "{next}"
    );
    shows(&shop, "show_columns", &["show", "mart.customer_360", "--columns"]);
    shows(&shop, "show_columns_json", &["show", "mart.customer_360", "--columns", "--format", "json"]);
    let tables = shop.sillage(&["ls", "--format", "json"]).out;
    assert!(tables.lines().all(|line| line.starts_with("{\"table\":\"")), "{tables}");
    assert_eq!(shop.sillage(&["ls", "-o", "tables.parquet"]).code, Some(0));
    assert!(shop.path("tables.parquet").is_file());
    assert_eq!(shop.sillage(&["ls", "--format", "parquet"]).code, Some(2));
    // What is said beside a list is not among its rows.
    let none = shop.sillage(&["quarantine", "ls", "--format", "json"]);
    assert_eq!((none.out.as_str(), none.code), ("", Some(0)), "{}", none.err);
}

#[test]
fn shells_complete_verbs_and_options() {
    let shop = Shop::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = shop.sillage(&["completions", shell]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(said.out.contains("quarantine") && said.out.contains("exclude"), "{shell}: {}", said.out);
    }
    shows(&shop, "help_completions", &["completions", "--help"]);
}

#[test]
fn lists_and_their_reasons() {
    let shop = Shop::published();
    shows(&shop, "audience_waterfall", &["audience", "waterfall"]);
    shows(&shop, "audience_waterfall_csv", &["audience", "waterfall", "win_back", "--format", "csv"]);
    shows(&shop, "audience_explain", &["audience", "explain", "c04"]);
    shows(&shop, "audience_export", &["audience", "export", "win_back", "--format", "csv"]);
    shows(
        &shop,
        "audience_export_with_control",
        &["audience", "export", "win_back", "--with-control", "--format", "csv"],
    );
    shows(&shop, "audience_export_file", &["audience", "export", "win_back", "-o", "list.csv"]);
    assert!(
        std::fs::read_to_string(shop.path("list.csv"))
            .unwrap()
            .starts_with("audience,customer_id,channel,rank")
    );
}

#[test]
fn a_run_told_as_json_is_one_object_a_line() {
    let shop = Shop::new();
    let output = shop.run(&["--log-format", "json"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    for line in output.err.lines() {
        let object: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(object["event"].is_string() && object["at"].is_string(), "{line}");
    }
    output.shown("run_json", SNAPSHOTS);
}

#[test]
fn a_run_told_to_people() {
    let shop = Shop::new();
    let output = shop.run(&[]);
    output.shown("run_text", SNAPSHOTS);
    shop.run(&[]).shown("run_again", SNAPSHOTS);
}

#[test]
fn a_new_project_runs_as_it_is() {
    let shop = Shop::new();
    shows(&shop, "init", &["init", "fresh"]);
    let run = |args: &[&str]| {
        let output = shop.command().current_dir(shop.path("fresh")).args(args).output().unwrap();
        shop.captured(args, &output)
    };
    let output = run(&["run", "--threads", "1", "--as-of", "2026-03-01"]);
    assert_eq!(output.code, Some(0), "{}", output.err);
    output.shown("init_run", SNAPSHOTS);
    run(&["show", "mart.customer_360"]).shown("init_show", SNAPSHOTS);
}

#[test]
fn results_go_to_stdout_and_progress_to_stderr() {
    let shop = Shop::new();
    let output = shop.run(&[]);
    assert!(output.out.is_empty(), "{}", output.out);
    let output = shop.sillage(&["query", "select 1 as x", "--format", "csv"]);
    assert_eq!((output.out.as_str(), output.err.as_str()), ("x\n1\n", ""));
}

#[test]
fn the_manual_is_in_the_binary() {
    let shop = Shop::new();
    shows(&shop, "manual", &["manual"]);
    shop.sillage(&["manual", "sorces"]).shown("manual_unknown", SNAPSHOTS);
    let chapter = shop.sillage(&["manual", "mining"]);
    assert!(chapter.out.contains("# Segments, propensities, uplift"), "{}", chapter.out);
}
