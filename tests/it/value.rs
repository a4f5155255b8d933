//! What customers will bring: scored for everyone, judged at a cut-off, promised and held to it.

use crate::project::Project;
use crate::shop::shelf;

pub const PIPELINE: &str = r#"
timezone = "Europe/Paris"
as_of = "2026-07-01"

[sources.people]
path = "people.csv"
format = "csv"
static = true
null = [""]
columns = { customer_id = "text", came_by = "text", cost = "integer" }

[sources.orders]
path = "orders/*.csv"
format = "csv"
time = "day"
columns = { customer_id = "text", day = "date", margin = "decimal(12,2)" }

[value.customer]
purchases = { events = "core.orders", amount = "margin" }
customers = "mart.people"
group = "came_by"
cost_to_serve = "cost"
horizon_days = 180
cutoffs = ["2026-01-01"]

[forecasts]
every = "month"
"#;

/// 400 people, every eighth of whom has not bought by 2026; the higher the number, the rarer and the dearer. Every third
/// stops one day.
pub fn project(pipeline: &str) -> Project {
    let project = Project::new(pipeline);
    let mut random = 20_260_701_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as u32
    };
    let (mut people, mut orders) =
        (String::from("customer_id,came_by,cost\n"), String::from("customer_id,day,margin\n"));
    for n in 0..400_u32 {
        let came_by = if n % 2 == 0 { "letter" } else { "" };
        people.push_str(&format!("c{n:03},{came_by},{}\n", n % 5));
        let is_late = n % 8 == 0;
        let mut day = if is_late { 366 + next() % 400 } else { next() % 120 };
        let stops = if n % 3 == 0 { day + next() % 300 } else { 10_000 };
        while day < 546 && day <= stops {
            let at = chrono::NaiveDate::from_ymd_opt(2025, 1, 1).unwrap() + chrono::Days::new(day.into());
            orders.push_str(&format!("c{n:03},{at},{}.{:02}\n", 10 + n / 10 + next() % 20, next() % 100));
            day += 1 + next() % (20 + n / 4);
        }
    }
    project.file("people.csv", people);
    project.file("orders/1.csv", orders);
    project.model("core.orders", "select customer_id, day, margin from raw.orders");
    project.properties("core.orders", "time = \"day\"\n");
    project.model("mart.people", "select customer_id, came_by, cost from raw.people");
    project.properties("mart.people", "key = [\"customer_id\"]\n");
    project
}

#[test]
fn everyone_has_a_value_and_the_model_a_track_record() {
    let project = project(PIPELINE);
    project.run(&[]).published();
    assert_eq!(
        project.query(
            "select basis, count(*) > 0, count(value) = count(*), min(margin_low) >= 0,
               min(margin_high - margin_low) >= 0, count(probability_alive) > 0
             from mart.customer_value group by 1 order by 1"
        ),
        [
            "no purchase,true,true,true,true,false",
            "one purchase,true,true,true,true,true",
            "several purchases,true,true,true,true,true"
        ]
    );
    // What is bought on one day is one purchase; who stopped long ago is hardly still there.
    assert_eq!(
        project.query(
            "select count(*) from mart.customer_value v
             join (select customer_id, count(distinct day) as days from core.orders group by 1) d using (customer_id)
             where v.purchases <> d.days"
        ),
        ["0"]
    );
    let alive = |condition: &str| -> f64 {
        project.query(&format!("select avg(probability_alive) from mart.customer_value where {condition}"))[0]
            .parse()
            .unwrap()
    };
    assert!(alive("days_since_purchase > 300 and purchases > 4") < 0.2);
    assert!(alive("days_since_purchase < 10 and purchases > 4") > 0.8);
    // Deciles, vintages and the two groups add up to the total.
    assert_eq!(
        project
            .query(
                "select slice, sum(customers), round(sum(expected_margin)), round(sum(actual_margin))
             from mart.customer_value_accuracy where slice in ('decile', 'vintage')
             group by 1
             union all
             select 'none', customers, round(expected_margin), round(actual_margin)
             from mart.customer_value_accuracy where slice = 'total'"
            )
            .iter()
            .map(|row| row.split_once(',').unwrap().1.to_owned())
            .collect::<std::collections::BTreeSet<_>>()
            .len(),
        1
    );
    let came = "select cast(sum(margin) as double) from core.orders where day between date '2026-01-01' and date '2026-06-29'
                and customer_id in (select customer_id from core.orders where day < date '2026-01-01')";
    let judged = "select round(actual_margin, 2) from mart.customer_value_accuracy where slice = 'total'";
    assert_eq!(project.query(judged), project.query(came));
}

#[test]
fn the_same_night_has_the_same_values_whatever_the_threads() {
    let project = project(PIPELINE);
    project.run(&["--threads", "1"]).published();
    let first = shelf(&project.path().join("warehouse"));
    let again = project.run(&["--threads", "4"]).published();
    assert!(again.stderr.contains("the model of 2026-06-30T22:00:00Z is kept"), "{}", again.stderr);
    assert!(shelf(&project.path().join("warehouse")) == first);
    project.run(&["--threads", "3", "--full-refresh"]).published();
    assert!(shelf(&project.path().join("warehouse")) == first);
}

#[test]
fn a_promise_is_kept_as_it_was_made_and_judged_when_its_horizon_ends() {
    let project = project(PIPELINE);
    project.run(&["--as-of", "2025-12-15"]).published();
    project.run(&["--as-of", "2025-12-20"]).published();
    let promised =
        "select * from core.forecasts where made_as_of < timestamp '2025-12-31T00:00:00Z' order by vintage";
    let first = project.query(promised);
    assert_eq!(project.query("select count(distinct made_as_of) from core.forecasts"), ["1"]);
    assert_eq!(project.query("select count(*) from mart.forecast_accuracy"), ["0"]);
    project.run(&["--as-of", "2026-07-01"]).published();
    assert_eq!(project.query(promised), first);
    assert_eq!(project.query("select count(distinct made_as_of) from core.forecasts"), ["2"]);
    let came = "select cast(sum(margin) as double) from core.orders
                where day between date '2025-12-15' and date '2026-06-12'
                and customer_id in (select customer_id from core.orders where day < date '2025-12-15')";
    let judged = "select round(actual_margin, 2) from mart.forecast_accuracy where vintage = 'all'";
    assert_eq!(project.query(judged), project.query(came));
    let parts = "select round(sum(actual_margin), 2) from mart.forecast_accuracy where vintage <> 'all'";
    assert_eq!(project.query(parts), project.query(came));
    // The same night again promises the same; an earlier one knows nothing of later promises.
    project.run(&["--as-of", "2026-07-01"]).published();
    assert_eq!(project.query("select count(distinct made_as_of) from core.forecasts"), ["2"]);
}

#[test]
fn what_cannot_be_learnt_is_said_and_nobody_gets_a_number() {
    let few = project(&PIPELINE.replace("horizon_days = 180", "horizon_days = 180\nmin_customers = 1000"));
    let ran = few.run(&[]).published();
    assert!(ran.stderr.contains("bought again, at least 1000 and 200 were asked for"), "{}", ran.stderr);
    assert_eq!(
        few.query("select count(*), count(value), count(expected_margin) from mart.customer_value"),
        ["400,0,0"]
    );

    let inexact = project(&PIPELINE.replace("amount = \"margin\"", "amount = \"cast(margin as double)\""));
    inexact.run(&[]).refused(
        2,
        &[
            "the amount of a purchase is float, a decimal or a whole number was expected",
            "pipeline.toml:",
            "decimal(18, 2)",
        ],
    );

    let wrong = project(&PIPELINE.replace("group = \"came_by\"", "group = \"came_bye\""));
    wrong.run(&[]).refused(2, &["`group` does not fit the customers", "came_bye"]);

    let nothing = project(&PIPELINE.replace("[value.customer]", "[value.\"no name\"]"));
    nothing.run(&[]).refused(2, &["`no name` cannot be a part of the name of a table"]);
}
