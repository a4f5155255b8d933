//! Of rows with the same key, the latest version known at the instant is used, in whatever order the files
//! came.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::project::Project;

/// Orders that are delivered again when they change.
fn orders(source: &str, dated: &str) -> Project {
    let project = Project::new(&format!(
        r#"
        timezone = "UTC"
        [sources.orders]
        path = "orders/*.csv"
        format = "csv"
        key = ["order_id"]
        {source}
        {dated}
        [sources.orders.columns]
        order_id = "text"
        status = "text"
        edition = "integer"
        ordered_at = "timestamp"
        updated_at = "timestamp"
        "#
    ));
    project.model("mart.orders", "select order_id, status, _file as file from raw.orders");
    project.properties("mart.orders", "key = [\"order_id\"]\n");
    project
}

const HEADER: &str = "order_id,status,edition,ordered_at,updated_at\n";

/// Two nights: order 2 is paid, then shipped after midnight; order 3 comes in the second.
fn two_nights(project: &Project) {
    project.file(
        "orders/orders_2026-07-01.csv",
        format!(
            "{HEADER}1,shipped,1,2026-06-29T10:00:00Z,2026-06-30T09:00:00Z\n\
             2,paid,1,2026-06-30T15:00:00Z,2026-06-30T15:00:00Z\n"
        ),
    );
    project.file(
        "orders/orders_2026-07-02.csv",
        format!(
            "{HEADER}2,shipped,2,2026-06-30T15:00:00Z,2026-07-02T00:20:00Z\n\
             3,paid,1,2026-07-01T08:00:00Z,2026-07-01T08:00:00Z\n"
        ),
    );
}

fn statuses(project: &Project) -> Vec<String> {
    project.query("select order_id, status from mart.orders order by 1")
}

#[test]
fn a_row_that_changed_after_the_instant_is_seen_as_it_was() {
    for (source, dated) in [
        ("version = \"updated_at\"", "time = \"ordered_at\""),
        ("version = \"updated_at\"", "time = \"updated_at\""),
        ("version = \"updated_at\"", ""),
        // A state's own time is its version.
        ("", "valid_from = \"updated_at\""),
    ] {
        let project = orders(source, dated);
        two_nights(&project);
        project.run(&["--as-of", "2026-07-02"]).published();
        assert_eq!(statuses(&project), ["1,shipped", "2,paid", "3,paid"], "{source} {dated}");
        project.run(&["--as-of", "2026-07-03"]).published();
        assert_eq!(statuses(&project), ["1,shipped", "2,shipped", "3,paid"], "{source} {dated}");
    }
}

#[test]
fn the_events_own_time_is_looked_at_once_its_version_is_known() {
    // Booked for June, then moved to August: in July the booking is no longer one of June.
    let project = orders("version = \"updated_at\"", "time = \"ordered_at\"");
    project.file(
        "orders/a.csv",
        format!(
            "{HEADER}7,booked,1,2026-06-20T10:00:00Z,2026-06-01T00:00:00Z\n\
             7,moved,2,2026-08-20T10:00:00Z,2026-06-10T00:00:00Z\n"
        ),
    );
    project.run(&["--as-of", "2026-07-01"]).published();
    assert!(statuses(&project).is_empty());
    project.run(&["--as-of", "2026-09-01"]).published();
    assert_eq!(statuses(&project), ["7,moved"]);
}

#[test]
fn a_date_in_the_names_orders_and_hides() {
    let project = orders("date_in_name = \"%d-%m-%Y\"", "");
    for (name, status) in [("15-01-2026", "new"), ("01-02-2026", "paid"), ("10-03-2026", "shipped")] {
        let row = format!("{HEADER}1,{status},1,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n");
        project.file(&format!("orders/orders_{name}.csv"), row);
    }
    project.run(&["--as-of", "2026-02-15"]).published();
    assert_eq!(statuses(&project), ["1,paid"]);
    project.run(&["--as-of", "2026-03-11"]).published();
    assert_eq!(statuses(&project), ["1,shipped"]);
}

#[test]
fn a_file_from_after_the_instant_waits_and_the_run_says_so() {
    let project = orders("date_in_name = \"%Y-%m-%d\"", "");
    two_nights(&project);
    let ran = project.run(&["--as-of", "2026-07-02"]).published();
    assert!(
        ran.stderr.contains("orders_2026-07-02.csv is dated at or after the run's instant")
            || ran.stdout.contains("orders_2026-07-02.csv is dated at or after the run's instant"),
        "{} {}",
        ran.stdout,
        ran.stderr
    );
    assert_eq!(statuses(&project), ["1,shipped", "2,paid"]);
}

#[test]
fn a_number_orders_and_hides_nothing() {
    let project = orders("version = \"edition\"", "time = \"ordered_at\"");
    two_nights(&project);
    project.run(&["--as-of", "2026-07-02"]).published();
    assert_eq!(statuses(&project), ["1,shipped", "2,shipped", "3,paid"]);
}

#[test]
fn names_follow_one_another_as_people_count() {
    let project = orders("", "");
    for n in [1, 2, 9, 10, 11] {
        let row = format!("{HEADER}1,number {n},1,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n");
        project.file(&format!("orders/export{n}.csv"), row);
    }
    project.run(&[]).published();
    assert_eq!(statuses(&project), ["1,number 11"]);
    // An older one that is delivered later does not win, and that is said.
    project
        .file("orders/export8.csv", format!("{HEADER}1,late,1,2026-01-01T00:00:00Z,2026-01-01T00:00:00Z\n"));
    let ran = project.run(&[]).published();
    let message = "export8.csv comes by its name before files that were read already";
    assert!(ran.stderr.contains(message) || ran.stdout.contains(message), "{} {}", ran.stdout, ran.stderr);
    assert_eq!(statuses(&project), ["1,number 11"]);
    project.run(&["--full-refresh"]).published();
    assert_eq!(statuses(&project), ["1,number 11"]);
}

#[test]
fn a_query_shows_of_a_raw_table_what_models_see() {
    let project = orders("version = \"updated_at\"", "time = \"ordered_at\"");
    two_nights(&project);
    project.run(&["--as-of", "2026-07-02"]).published();
    let seen = "select order_id, status from raw.orders order by 1, 2";
    assert_eq!(project.query(seen), ["1,shipped", "2,paid", "3,paid"]);
    assert_eq!(project.query_with(seen, &["--all-versions"]), ["1,shipped", "2,paid", "2,shipped", "3,paid"]);
    let shown = project.verb(&["show", "raw.orders", "--format", "csv"]).published().stdout;
    assert_eq!(shown.lines().count(), 4, "{shown}");
}

#[test]
fn a_version_that_cannot_order_is_refused_at_once() {
    let message = orders("version = \"status\"", "").run(&[]);
    message.refused(2, &["`version` names `status`, which is text"]);
    let message = orders("version = \"nothing\"", "").run(&[]);
    message.refused(2, &["`version` names `nothing`, which is not a declared column"]);
    let project = orders("version = \"updated_at\"", "");
    project.file("orders/a.csv", format!("{HEADER}1,new,1,2026-01-01T00:00:00Z,\n"));
    project.run(&[]).refused(1, &["a.csv:2 column updated_at", "no value in a required column"]);
}

/// Deliveries in any order and over any number of nights end in the same rows, those that a plain
/// reading of the rule gives.
#[test]
fn the_order_of_deliveries_changes_nothing() {
    let trials: u64 = std::env::var("SILLAGE_DELIVERIES").ok().and_then(|n| n.parse().ok()).unwrap_or(6);
    for seed in 0..trials {
        let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
        let dated = chance.gen_bool(0.5);
        let versioned = chance.gen_bool(0.5);
        let source = format!(
            "{}\n{}",
            if dated { "date_in_name = \"%d-%m-%Y\"" } else { "" },
            if versioned { "version = \"updated_at\"" } else { "" }
        );
        let project = orders(&source, "time = \"ordered_at\"");
        let mut files = Vec::new();
        let mut rows = Vec::new();
        for n in 0..chance.gen_range(2..7_usize) {
            let day = chrono::NaiveDate::from_ymd_opt(2026, 1, 1).unwrap()
                + chrono::Days::new(chance.gen_range(0..60));
            let name = if dated {
                format!("e_{}_{n}.csv", day.format("%d-%m-%Y"))
            } else {
                format!("e{}.csv", n * 3 + 8)
            };
            let mut text = HEADER.to_owned();
            for line in 0..chance.gen_range(0..5) {
                let at = |chance: &mut Xoshiro256PlusPlus| {
                    format!(
                        "2026-0{}-{:02}T{:02}:00:00Z",
                        chance.gen_range(1..4),
                        chance.gen_range(1..29),
                        chance.gen_range(0..24)
                    )
                };
                let (key, ordered, updated) = (chance.gen_range(0..4), at(&mut chance), at(&mut chance));
                let status = format!("{n}/{line}");
                text.push_str(&format!("{key},{status},1,{ordered},{updated}\n"));
                rows.push((key, updated, dated.then_some(day), n, line, ordered, status));
            }
            files.push((name, text));
        }
        let instant = "2026-02-15T12:00:00Z";
        let begun = |day: &chrono::NaiveDate| {
            day.and_hms_opt(0, 0, 0).unwrap().and_utc()
                < instant.parse::<chrono::DateTime<chrono::Utc>>().unwrap()
        };
        let mut expected = Vec::new();
        for key in 0..4 {
            let known = rows.iter().filter(|row| row.0 == key).filter(|row| {
                if versioned { row.1.as_str() < instant } else { row.2.as_ref().is_none_or(begun) }
            });
            let order = |row: &&(i32, String, Option<chrono::NaiveDate>, usize, i32, String, String)| {
                (versioned.then(|| row.1.clone()), row.2, row.3, row.4)
            };
            if let Some(latest) = known.max_by_key(order)
                && latest.5.as_str() < instant
            {
                expected.push(format!("{key},{}", latest.6));
            }
        }
        files.shuffle(&mut chance);
        while !files.is_empty() {
            for (name, text) in files.split_off(files.len() - chance.gen_range(1..=files.len())) {
                project.file(&format!("orders/{name}"), text);
            }
            project.run(&["--as-of", instant]).published();
        }
        assert_eq!(statuses(&project), expected, "seed {seed} {source}");
        project.run(&["--as-of", instant, "--full-refresh"]).published();
        assert_eq!(statuses(&project), expected, "seed {seed} {source}, all anew");
    }
}
