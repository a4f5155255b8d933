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
fn a_model_that_cannot_be_fitted_any_more_keeps_its_track_record() {
    let project = project(PIPELINE);
    project.run(&[]).published();
    let record = "select * from mart.customer_value_accuracy order by cutoff, slice, label";
    let first = project.query(record);
    assert!(!first.is_empty());
    let pipeline = std::fs::read_to_string(project.path().join("pipeline.toml")).unwrap();
    project.file(
        "pipeline.toml",
        pipeline.replace("horizon_days = 180", "horizon_days = 180\nmin_customers = 1000"),
    );
    for _ in 0..2 {
        let ran = project.run(&["--full-refresh"]).published();
        assert!(ran.stderr.contains("the track record of 2026-06-30T22:00:00Z is kept"), "{}", ran.stderr);
        assert_eq!(project.query(record), first);
        assert_eq!(project.query("select count(value) from mart.customer_value"), ["0"]);
    }
}

#[test]
fn a_sum_outside_its_own_band_is_flagged_and_the_model_stays() {
    let project = project(PIPELINE);
    project.run(&["--as-of", "2025-12-15"]).published();
    let mut windfall = String::from("customer_id,day,margin\n");
    for n in 1..400 {
        windfall.push_str(&format!("c{n:03},2026-02-03,900.00\n"));
    }
    project.file("orders/2.csv", windfall);
    let ran = project.run(&["--as-of", "2026-07-01"]).published();
    assert!(
        ran.stderr.contains("flagged, and in force as before: customer_value promised"),
        "{}",
        ran.stderr
    );
    assert_eq!(
        project.query(
            "select forecast, vintage, actual_margin > margin_high from mart.forecast_accuracy where is_flagged"
        ),
        ["customer_value,all,true"]
    );
    assert_eq!(
        project.query("select count(*) > 0 from mart.customer_value where value is not null"),
        ["true"]
    );
}

/// Who will not order within two months, by how often and how lately they did.
const CHURN: &str = r#"
[propensity.churn]
features = "mart.features"
columns = ["orders", "recency_days"]
scored = "recency_days < 200"
outcome = { absence_of = "core.orders", window_days = 60 }
cutoffs = { count = 3, every_days = 60 }
min_rows = 50
min_positives = 5
"#;

#[test]
fn a_propensity_promises_for_how_many_the_outcome_comes() {
    let pipeline = PIPELINE.replace("every = \"month\"", "every = \"run\"") + CHURN;
    let project = project(&pipeline);
    project.model(
        "mart.features",
        "select customer_id, count(*) as orders, cast(local_day($as_of) as int) - cast(max(day) as int) as recency_days
         from core.orders group by customer_id",
    );
    project.properties("mart.features", "key = [\"customer_id\"]\n");
    project.run(&["--as-of", "2026-02-01"]).published();
    let promised = "select vintage, customers, round(expected_outcomes, 6), outcomes_low < expected_outcomes,
                      expected_outcomes < outcomes_high
                    from core.forecasts where forecast = 'churn_scores' order by vintage";
    let kept = project.query(promised);
    let sum = "select 'all', count(*), round(sum(churn_probability), 6), true as above, true as below
               from mart.churn_scores where churn_probability is not null";
    assert!(kept.contains(&project.query(sum)[0]), "{kept:?}");
    let customers = "select sum(customers) filter (where vintage <> 'all') = max(customers)
                     from core.forecasts where forecast = 'churn_scores'";
    assert_eq!(project.query(customers), ["true"]);
    // Whom the scores were of, and who did not order in the sixty days from then.
    project.run(&["--as-of", "2026-04-10"]).published();
    let came = "select cast(count(*) as double) from (
                  select customer_id, max(day) as last from core.orders where day < date '2026-02-01' group by 1
                ) where cast(date '2026-02-01' as int) - cast(last as int) < 200 and customer_id not in (
                  select customer_id from core.orders where day >= date '2026-02-01' and day < date '2026-04-02')";
    let judged = "select actual_outcomes from mart.forecast_accuracy where forecast = 'churn_scores' and vintage = 'all'";
    assert_eq!(project.query(judged), project.query(came));
    let parts = "select sum(actual_outcomes) from mart.forecast_accuracy
                 where forecast = 'churn_scores' and vintage <> 'all'";
    assert_eq!(project.query(parts), project.query(came));
    let first = project
        .query("select * from mart.forecast_accuracy where forecast = 'churn_scores' order by vintage");
    // Found once, and found the same when everything is looked at anew.
    for arguments in [&["--as-of", "2026-04-10"][..], &["--as-of", "2026-04-10", "--full-refresh"]] {
        project.run(arguments).published();
        assert_eq!(
            project.query(
                "select * from mart.forecast_accuracy where forecast = 'churn_scores' order by vintage"
            ),
            first
        );
    }
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
