//! Numbers in SQL are exact: a number that does not fit is an error that names the model.

use crate::project::Project;

fn points(model: &str) -> Project {
    let project = Project::new(
        r#"
        as_of = "2026-07-01"
        [sources.t]
        path = "t.csv"
        format = "csv"
        static = true
        [sources.t.columns]
        id = "text"
        points = "integer"
        big = "decimal(38,0)"
        clicks = "float"
        "#,
    );
    project.file("t.csv", format!("id,points,big,clicks\n1,{},{},0\n2,1,1,2\n", i64::MAX, "9".repeat(38)));
    project.model("mart.m", model);
    project.properties("mart.m", "key = [\"id\"]\n");
    project
}

#[test]
fn a_number_that_does_not_fit_stops_the_run_and_names_model_expression_and_way_out() {
    for (model, expression) in [
        (
            "select 'all' as id, sum(points) as s from raw.t",
            "sum(raw.t.points) is out of the range of bigint",
        ),
        (
            "select 'all' as id, sum(big) as s from raw.t",
            "sum(raw.t.big) is out of the range of decimal(38, 0)",
        ),
        ("select id, sum(points) over (order by id) as s from raw.t", "is out of the range of bigint"),
        ("select id, points * 100 as s from raw.t", "`raw.t.points * 100` is out of the range of bigint"),
        (
            "select id, big + big as s from raw.t",
            "`raw.t.big + raw.t.big` is out of the range of decimal(38, 0)",
        ),
        ("select id, points / (points - points) as s from raw.t", "divides by zero"),
        (
            "select id, arrow_cast(points, 'UInt64') * arrow_cast(2, 'UInt64') as s from raw.t",
            "column `s` holds a value of type integer from 0",
        ),
        ("select id, 1.0 / clicks as s from raw.t", "column `s` holds infinity or NaN"),
        ("select id, row_number() over (order by 1.0 / clicks desc) as s from raw.t", "rows are ordered by"),
    ] {
        let ran = points(model).run(&[]);
        let ran = ran.refused(1, &["sql/mart/m.sql", expression, "hint: "]);
        assert!(!ran.stderr.contains("9223372036854775807"), "{}", ran.stderr);
    }
}

#[test]
fn the_way_out_that_is_reported_works() {
    for (model, expected) in [
        ("select 'all' as id, sum(cast(points as decimal(38, 0))) as s from raw.t", "9223372036854775808"),
        ("select id, 1.0 / nullif(clicks, 0) as s from raw.t where id = '2'", "0.5"),
        (
            "select id, row_number() over (order by 1.0 / nullif(clicks, 0) desc nulls last) as s from raw.t where id = '2'",
            "1",
        ),
        (
            "select id, coalesce(case when clicks > 0 then 1.0 / clicks end, -1) as s from raw.t where id = '1'",
            "-1.0",
        ),
        (
            "select id, cast(arrow_cast(points, 'UInt64') * arrow_cast(2, 'UInt64') as decimal(20, 0)) as s from raw.t where id = '1'",
            "18446744073709551614",
        ),
    ] {
        let project = points(model);
        project.run(&[]).published();
        assert_eq!(
            project.query("select coalesce(cast(s as varchar), '') from mart.m"),
            [expected],
            "{model}"
        );
    }
}

#[test]
fn a_query_and_a_check_are_held_to_the_same() {
    let project = points("select id, points from raw.t");
    project.run(&[]).published();
    project
        .verb(&["query", "select sum(points) from raw.t"])
        .refused(1, &["sum(raw.t.points) is out of the range"]);
    let checked = "key = [\"id\"]\nchecks = [{ expression = \"points + 1 > 0\" }]\n";
    project.properties("mart.m", checked);
    project.run(&[]).refused(1, &["is out of the range of bigint"]);
}

#[test]
fn what_is_valid_permanently_does_not_stop_the_night() {
    let project = Project::new(
        r#"
        timezone = "Europe/Paris"
        as_of = "2026-07-01"
        [sources.prices]
        path = "prices.csv"
        format = "csv"
        static = true
        [sources.prices.columns]
        sku = "text"
        valid_from = "date"
        valid_to = "date"
        until = "timestamp"
        "#,
    );
    project.file(
        "prices.csv",
        "sku,valid_from,valid_to,until\nA,2025-01-01,2026-06-30,2026-06-30T22:00:00Z\n\
         B,2026-07-01,9999-12-31,9999-12-31T23:59:59Z\nC,2026-07-02,9999-12-31,\nD,0001-01-01,2262-04-12,2262-04-12T00:00:00Z\n",
    );
    project.model(
        "mart.m",
        "select sku, date_trunc('month', valid_to) as month, coalesce(until, timestamp '9999-12-31') as until from raw.prices \
         where $as_of between valid_from and coalesce(valid_to, date '9999-12-31') and valid_to > $as_of",
    );
    project.properties("mart.m", "key = [\"sku\"]\n");
    project.run(&[]).published();
    // In Paris it is midnight, the first instant of 1 July: B begins, the last day of A is over.
    assert_eq!(
        project.query("select sku, month, until from mart.m order by sku"),
        ["B,9999-12-01T00:00:00Z,9999-12-31T23:59:59Z", "D,2262-04-01T00:00:00Z,2262-04-12T00:00:00Z"]
    );
}
