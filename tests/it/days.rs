//! Days are days of the pipeline's zone: which of them a night sees, in SQL and out of it.

use crate::project::Project;

/// A pipeline with the totals of each day, as of the first instant of 1 July.
fn daily_totals(zone: &str, declared: &str) -> Project {
    let project = Project::new(&format!(
        r#"
        timezone = "{zone}"
        as_of = "2026-07-01"
        [sources.totals]
        path = "totals.csv"
        format = "csv"
        timezone = "{zone}"
        {declared}
        [sources.totals.columns]
        day = "date"
        net_amount = "decimal(12,2)"
        "#
    ));
    project.file(
        "totals.csv",
        "day,net_amount\n2026-06-28,100.00\n2026-06-29,20.00\n2026-06-30,3.00\n2026-07-01,7000.00\n",
    );
    project.model("mart.totals", "select 1 as n, sum(net_amount) as net, max(day) as last from raw.totals");
    project.properties("mart.totals", "key = [\"n\"]\n");
    project
}

const ZONES: [&str; 6] =
    ["UTC", "Europe/Paris", "Asia/Tokyo", "Pacific/Auckland", "America/Los_Angeles", "America/New_York"];

#[test]
fn of_a_date_the_days_that_are_over_are_seen_whatever_the_zone() {
    for zone in ZONES {
        for declared in ["time = \"day\"", "valid_from = \"day\""] {
            let project = daily_totals(zone, declared);
            project.run(&[]).published();
            assert_eq!(
                project.query("select net, last from mart.totals"),
                ["123.00,2026-06-30"],
                "{zone} {declared}"
            );
        }
    }
}

#[test]
fn an_event_of_the_day_is_seen_when_its_day_is_over_a_state_from_its_beginning() {
    for (instant, of_event, of_state) in [
        ("2026-06-30T23:59:59", "120.00", "123.00"),
        ("2026-07-01T00:00:00", "123.00", "123.00"),
        ("2026-07-01T00:00:01", "123.00", "7123.00"),
    ] {
        for (declared, net) in [("time = \"day\"", of_event), ("valid_from = \"day\"", of_state)] {
            let project = daily_totals("America/Los_Angeles", declared);
            project.run(&["--as-of", instant]).published();
            assert_eq!(project.query("select net from mart.totals"), [net], "{instant} {declared}");
        }
    }
}

#[test]
fn a_row_without_its_time_is_refused_or_as_declared_always_known() {
    let project = daily_totals("Europe/Paris", "time = \"day\"");
    project.file("totals.csv", "day,net_amount\n2026-06-29,20.00\n,5.00\n");
    project.run(&[]).refused(1, &["totals.csv:3 column day", "no value in a required column"]);
    let pipeline = std::fs::read_to_string(project.path().join("pipeline.toml")).unwrap();
    project
        .file("pipeline.toml", pipeline.replace("format = \"csv\"", "format = \"csv\"\nundated = \"known\""));
    project.run(&[]).published();
    assert_eq!(project.query("select net from mart.totals"), ["25.00"]);
}

#[test]
fn a_model_without_its_time_in_a_row_breaks_a_check_that_nobody_declared() {
    let project = daily_totals("Europe/Paris", "time = \"day\"");
    project.model("core.days", "select nullif(day, date '2026-06-29') as day, net_amount from raw.totals");
    project.properties("core.days", "time = \"day\"\n");
    project.run(&[]).refused(1, &["not_null day of core.days is broken by 1 row"]);
}

#[test]
fn sql_turns_instants_into_local_days_and_back() {
    let project = daily_totals("Europe/Paris", "time = \"day\"");
    project.model(
        "mart.totals",
        "select 1 as n, local_day(timestamp '2026-06-29T22:30:00Z') as local,
           day_start(date '2026-03-29') as begins, day_end(date '2026-03-29') as ends,
           day_start(local_day($as_of)) = $as_of as as_of_is_midnight",
    );
    project.run(&[]).published();
    let mart = "select local, begins, ends, as_of_is_midnight from mart.totals";
    let expected = "2026-06-30,2026-03-28T23:00:00Z,2026-03-29T21:59:59.999999Z,true";
    assert_eq!(project.query(mart), [expected]);
    // A reader who has no pipeline at hand counts in the same days.
    let asked = project.query("select local_day(timestamp '2026-06-29T22:30:00Z')");
    assert_eq!(asked, ["2026-06-30"]);
    let message = project.verb(&["query", "select local_day(date '2026-06-29')"]);
    message.refused(2, &["local_day takes a timestamp, found a date"]);
    let message = project.verb(&["query", "select day_end(now())"]);
    message.refused(2, &["day_end takes a date, found a timestamp", "day_end(local_day(…))"]);
}

#[test]
fn no_model_asks_the_clock() {
    let project = daily_totals("Europe/Paris", "time = \"day\"");
    for clock in ["now()", "current_timestamp", "current_date", "today()", "current_time"] {
        project
            .model("core.days", &format!("select day, {clock} as at from raw.totals where net_amount > 1"));
        project.run(&[]).refused(2, &["core/days.sql", "depends on when the run takes place", "$as_of"]);
    }
}

#[test]
fn the_day_of_the_as_of_instant_is_the_local_one_under_any_name() {
    for (zone, today) in [("Europe/Paris", "2026-07-01"), ("America/Los_Angeles", "2026-07-01")] {
        let project = daily_totals(zone, "time = \"day\"");
        project.model(
            "mart.totals",
            "with now as (select $as_of as at), later as (select at as asked from now)
             select 1 as n, cast($as_of as date) as direct, cast(asked as date) as renamed,
               $as_of::date as short, date_part('hour', $as_of) as hour,
               cast(date_trunc('day', asked) = $as_of as varchar) as truncated
             from later",
        );
        project.run(&[]).published();
        let row = format!("{today},{today},{today},0,true");
        let asked = project.query("select direct, renamed, short, hour, truncated from mart.totals");
        assert_eq!(asked, [row], "{zone}");
    }
}

/// A model whose time column is made by an expression of `day`.
fn dated_by(expression: &str, declared: &str) -> Project {
    let project = daily_totals("Europe/Paris", "time = \"day\"");
    project.model("channel.totals", &format!("select {expression} as at, net_amount from raw.totals"));
    project.model("core.totals", "select t.at as happened_at, net_amount from channel.totals t where true");
    project.model("mart.totals", "select 1 as n, sum(net_amount) as net from core.totals");
    project.properties("core.totals", &format!("{declared} = \"happened_at\"\n"));
    project
}

#[test]
fn a_date_made_an_instant_is_no_time_of_an_event() {
    for made in [
        "cast(cast(day_end(day) as date) as timestamp)",
        "day_end(day)::date::timestamp",
        "cast(day as timestamp)",
        "arrow_cast(day, 'Timestamp(Microsecond, Some(\"UTC\"))')",
        "coalesce(cast(day as timestamp), timestamp '2026-01-01')",
        "case when net_amount > 1 then cast(day as timestamp) end",
        "cast(day as timestamp) + interval '8 hours'",
        "date_trunc('day', day_end(day))",
        "day_start(day)",
    ] {
        let message = dated_by(made, "time").run(&[]);
        assert_eq!(message.code, Some(2), "{made}: {}", message.stderr);
        message.refused(
            2,
            &["core/totals.sql", "`happened_at` says when the rows of core.totals happened", "day_end(…)"],
        );
    }
    for kept in ["day_end(day)", "day"] {
        let project = dated_by(kept, "time");
        project.run(&[]).published();
        assert_eq!(project.query("select net from mart.totals"), ["123.00"], "{kept}");
    }
    dated_by("cast(day as timestamp)", "valid_from").run(&[]).refused(2, &["day_start(…)"]);
    dated_by("day_start(day)", "valid_from").run(&[]).published();
}

#[test]
fn outcomes_are_counted_by_the_days_that_features_do_not_know() {
    // Whoever bought on the day of a cut-off bought after it: 900 on the days before, 100 on the days
    // themselves.
    let project = Project::new(
        r#"
        timezone = "Europe/Paris"
        as_of = "2026-07-01"
        [sources.orders]
        path = "orders.csv"
        format = "csv"
        time = "day"
        [sources.orders.columns]
        customer_id = "text"
        day = "date"
        [propensity.churn]
        features = "mart.features"
        columns = ["orders"]
        scored = "orders > 0"
        outcome = { absence_of = "core.orders", window_days = 30 }
        cutoffs = ["2026-05-01", "2026-06-01"]
        "#,
    );
    let orders: String = (0..1000)
        .map(|n| {
            let (may, june) = if n < 900 { ("04-30", "05-31") } else { ("05-01", "06-01") };
            format!("c{n},2026-03-{:02}\nc{n},2026-{may}\nc{n},2026-{june}\n", 1 + n % 28)
        })
        .collect();
    project.file("orders.csv", format!("customer_id,day\n{orders}"));
    project.model("core.orders", "select customer_id, day from raw.orders");
    project.model("mart.features", "select customer_id, count(*) as orders from core.orders group by 1");
    project.properties("core.orders", "time = \"day\"\n");
    project.properties("mart.features", "key = [\"customer_id\"]\n");
    project.run(&[]).published();
    let asked = "select name, value from ops.models where model = 'churn' and part = 'metric' \
                 and name in ('rows_holdout', 'positives_holdout') order by 1";
    assert_eq!(project.query(asked), ["positives_holdout,900.0", "rows_holdout,1000.0"]);
}

/// The same day, and the same instant, as the three formats write them.
fn in_every_format(project: &Project) {
    use arrow::array::{ArrayRef, Date32Array, RecordBatch, TimestampMicrosecondArray};
    use std::sync::Arc;
    project.file("e.csv", "day,day_as_instant,instant_as_day\n2026-06-30,2026-06-30,2026-06-30T22:30:00Z\n");
    project.file(
        "e.jsonl",
        "{\"day\":\"2026-06-30\",\"day_as_instant\":\"2026-06-30\",\"instant_as_day\":\"2026-06-30T22:30:00Z\"}\n",
    );
    let day: ArrayRef = Arc::new(Date32Array::from(vec![20_634]));
    let instant = TimestampMicrosecondArray::from(vec![1_782_858_600_000_000]).with_timezone("UTC");
    let columns =
        [("day", day.clone()), ("day_as_instant", day), ("instant_as_day", Arc::new(instant) as ArrayRef)];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let file = std::fs::File::create(project.path().join("e.parquet")).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

#[test]
fn a_day_and_an_instant_mean_the_same_whatever_the_format() {
    for (declared, instant_of_day) in
        [("time", "2026-06-30T21:59:59.999999Z"), ("valid_from", "2026-06-29T22:00:00Z")]
    {
        let sources: String = ["csv", "jsonl", "parquet"]
            .iter()
            .map(|format| {
                format!(
                    "[sources.{format}]\npath = \"e.{format}\"\nformat = \"{format}\"\ntimezone = \"Europe/Paris\"\n\
                     {declared} = \"day_as_instant\"\n[sources.{format}.columns]\nday = \"date\"\nday_as_instant = \"timestamp\"\n\
                     instant_as_day = \"date\"\n"
                )
            })
            .collect();
        let project =
            Project::new(&format!("timezone = \"Europe/Paris\"\nas_of = \"2026-08-01\"\n{sources}"));
        in_every_format(&project);
        project.run(&[]).published();
        for format in ["csv", "jsonl", "parquet"] {
            let row = project.query(&format!("select day, day_as_instant, instant_as_day from raw.{format}"));
            assert_eq!(row, [format!("2026-06-30,{instant_of_day},2026-07-01")], "{format}");
        }
    }
}
