//! What contracts will bring: each gets a value, renewals are promised and held against those that came.

use chrono::{Days, Months, NaiveDate};

use crate::project::Project;
use crate::shop::shelf;

const PIPELINE: &str = r#"
timezone = "Europe/Paris"
as_of = "2026-07-01"

[sources.contracts]
path = "contracts.csv"
format = "csv"
time = "started_on"
null = [""]
columns = { contract_id = "text", customer_id = "text", plan = "text", started_on = "date", ended_on = "date", fee = "decimal(8,2)" }

[value.subscription]
contracts = { table = "raw.contracts", id = "contract_id", start = "started_on", end = "ended_on", period = "month", margin = "fee" }
group = "plan"
horizon_days = 180
cutoffs = ["2026-01-01"]

[forecasts]
every = "month"
"#;

struct Contract {
    start: NaiveDate,
    /// The last day.
    end: Option<NaiveDate>,
    cents: i64,
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// 1,200 contracts of two plans that begin in three years. Each ends with a chance of its own, half of them within a
/// period.
fn contracts() -> Vec<Contract> {
    let mut random = 20_260_701_u64;
    let mut next = move || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 40) as f64 / (1_u64 << 24) as f64
    };
    let of_one = |n: u64| {
        let start = day("2023-07-01") + Days::new((next() * 1080.0) as u64);
        let leaves = next().powi(3) * if n.is_multiple_of(2) { 0.5 } else { 0.2 };
        let mut periods = 1;
        while next() >= leaves && periods < 60 {
            periods += 1;
        }
        let renewal = start + Months::new(periods);
        let early = if next() < 0.5 { 1 } else { 12 };
        let end = (renewal < day("2026-07-20")).then(|| renewal - Days::new(early));
        Contract { start, end, cents: 500 + (next() * 2000.0) as i64 }
    };
    (0..1200).map(of_one).collect()
}

fn project(pipeline: &str) -> Project {
    let project = Project::new(pipeline);
    let mut rows = String::from("contract_id,customer_id,plan,started_on,ended_on,fee\n");
    for (n, Contract { start, end, cents }) in contracts().iter().enumerate() {
        let plan = if n % 2 == 0 { "basic" } else { "family" };
        let end = end.map_or_else(String::new, |end| end.to_string());
        rows.push_str(&format!(
            "k{n:04},c{:04},{plan},{start},{end},{}.{:02}\n",
            n / 2,
            cents / 100,
            cents % 100
        ));
    }
    project.file("contracts.csv", rows);
    project
}

/// What renewals brought between two days to contracts that ran on the first, day by day.
fn came(from: &str, to: &str) -> f64 {
    let (from, to) = (day(from), day(to));
    let of_one = |of: &Contract| {
        // On the day before it had begun, and had not ended.
        if of.start >= from || of.end.is_some_and(|end| end < from) {
            return 0;
        }
        let renewals = (1..100).map(|period| {
            let same_day = of.start + Months::new(period);
            // What began on the 31st is renewed on the 1st after a shorter month.
            let missing = chrono::Datelike::day(&same_day) < chrono::Datelike::day(&of.start);
            same_day + Days::new(u64::from(missing))
        });
        let within = renewals.filter(|renewal| *renewal > from && *renewal <= to);
        within.filter(|renewal| of.end.is_none_or(|end| end >= *renewal)).count() as i64 * of.cents
    };
    contracts().iter().map(of_one).sum::<i64>() as f64 / 100.0
}

#[test]
fn every_contract_has_a_value_and_the_model_a_track_record() {
    let project = project(PIPELINE);
    project.run(&[]).published();
    assert_eq!(
        project.query(
            "select count(*), count(distinct contract_id), count(customer_id) from mart.subscription_value"
        ),
        ["1200,1200,1200"]
    );
    // One row each; what is over brings nothing, and what runs something between its bounds.
    assert_eq!(
        project.query(
            "select basis, min(value) > 0, max(value) > 0, max(probability_active) < 1, min(margin_low) >= 0,
               min(margin_high - margin_low) >= 0, min(residual_value - value) >= 0, min(expected_margin - value) >= 0
             from mart.subscription_value group by 1 order by 1"
        ),
        ["ended,false,false,true,true,true,true,true", "running,true,true,true,true,true,true,true"]
    );
    // By the days in the file, and by nothing after the instant.
    let ended = contracts().iter().filter(|of| of.end.is_some_and(|end| end < day("2026-07-01"))).count();
    let counted = "select count(*) from mart.subscription_value where basis = 'ended'";
    assert_eq!(project.query(counted), [ended.to_string()]);
    // Those who leave easily left long ago: the longer it runs, the surer it is, in each plan.
    let sure = "select value_group, avg(probability_active) filter (where renewals >= 18)
                  > avg(probability_active) filter (where renewals between 1 and 3)
                from mart.subscription_value where basis = 'running' group by 1 order by 1";
    assert_eq!(project.query(sure), ["basic,true", "family,true"]);
    // What came is counted contract by contract.
    let judged = "select round(actual_margin, 2), is_in_band from mart.subscription_value_accuracy where slice = 'total'";
    assert_eq!(project.query(judged), [format!("{:?},true", came("2026-01-01", "2026-06-30"))]);
    let coverage =
        "select interval_coverage > 0.75 from mart.subscription_value_accuracy where slice = 'total'";
    assert_eq!(project.query(coverage), ["true"]);
    let distance =
        "select value < 0.08 from ops.models where model = 'subscription' and name = 'pit_distance'";
    assert_eq!(project.query(distance), ["true"]);
}

#[test]
fn a_promise_of_contracts_is_kept_and_judged() {
    let project = project(PIPELINE);
    project.run(&["--as-of", "2025-12-15"]).published();
    let promised =
        "select * from core.forecasts where made_as_of < timestamp '2025-12-31T00:00:00Z' order by vintage";
    let first = project.query(promised);
    let ran = project.run(&["--as-of", "2026-07-01"]).published();
    assert_eq!(project.query(promised), first);
    let judged = "select round(actual_margin, 2), is_in_band, is_flagged from mart.forecast_accuracy where vintage = 'all'";
    assert_eq!(project.query(judged), [format!("{:?},true,false", came("2025-12-15", "2026-06-13"))]);
    assert!(!ran.stderr.contains("flagged"), "{}", ran.stderr);
    let parts = "select round(sum(actual_margin), 2) from mart.forecast_accuracy where vintage <> 'all'";
    assert_eq!(project.query(parts), [format!("{:?}", came("2025-12-15", "2026-06-13"))]);
}

#[test]
fn the_same_night_values_contracts_the_same_whatever_the_threads() {
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
fn contracts_that_say_nothing_are_refused_with_the_reason() {
    // None has ended by the summer of 2023, and few have begun.
    let young = project(&PIPELINE.replace("cutoffs = [\"2026-01-01\"]", "min_customers = 5"));
    let ran = young.run(&["--as-of", "2023-08-20"]).published();
    assert!(ran.stderr.contains("not fitted: "), "{}", ran.stderr);
    assert_eq!(young.query("select count(*) > 0, count(value) from mart.subscription_value"), ["true,0"]);

    let wrong = |from: &str, to: &str, said: &[&str]| {
        project(&PIPELINE.replace(from, to)).run(&[]).refused(2, said);
    };
    wrong(
        "start = \"started_on\"",
        "start = \"plan\"",
        &["`plan` of a contract is text, a day or an instant was expected"],
    );
    wrong("id = \"contract_id\"", "id = \"contract\"", &["raw.contracts has no column `contract`"]);
    wrong("margin = \"fee\"", "margin = \"fees\"", &["read the contracts of raw.contracts", "fees"]);
    wrong("end = \"ended_on\", ", "", &["by `start` and `end`, or else by `tenure` and `ended`"]);
    wrong(
        "time = \"started_on\"\n",
        "",
        &[
            "the past of raw.contracts is asked about",
            "declare time, valid_from or static in the source contracts",
        ],
    );
    wrong("period = \"month\"", "period = \"week\"", &["week", "month"]);
}

/// Subscribers of a telecom: no days, but how long they have been customers and whether they left.
#[test]
fn a_telecom_is_valued_by_tenure_alone() {
    let Some(data) = std::env::var_os("SILLAGE_DATA") else { return };
    let text = std::fs::read_to_string(std::path::Path::new(&data).join("churn/mlc_churn.csv")).unwrap();
    let mut rows = String::from("subscriber,months,plan,charge,churn\n");
    for (n, line) in text.lines().skip(1).enumerate() {
        let fields: Vec<&str> = line.split(',').collect();
        rows.push_str(&format!("{n},{},{},{},{}\n", fields[1], fields[3], fields[8], fields[19]));
    }
    let project = Project::new(
        r#"timezone = "UTC"
           as_of = "2026-07-01"
           [sources.subscribers]
           path = "subscribers.csv"
           format = "csv"
           static = true
           columns = { subscriber = "integer", months = "integer", plan = "text", charge = "decimal(8,2)", churn = "text" }
           [value.telecom]
           contracts = { table = "raw.subscribers", id = "subscriber", tenure = "months", ended = "churn = 'yes'", period = "month", margin = "charge" }
           group = "plan""#,
    );
    project.file("subscribers.csv", rows);
    let ran = project.run(&[]).published();
    assert!(ran.stderr.contains("contracts hardly differ from each other"), "{}", ran.stderr);
    // scipy: 0.141% leave at each renewal, so that 98.3% are there after twelve; with the international plan 0.41%.
    assert_eq!(
        project.query(
            "select basis, count(*), round(avg(probability_active) filter (where value_group = 'no'), 2),
               round(avg(probability_active) filter (where value_group = 'yes'), 2)
             from mart.telecom_value group by 1 order by 1"
        ),
        ["ended,707,0.0,0.0", "running,4293,0.99,0.95"]
    );
}
