//! What a contact changes: learnt from campaigns with a control group, refused where there is none, and what lists rank by.

use crate::project::Project;
use crate::shop::shelf;

const PIPELINE: &str = r#"
timezone = "Europe/Paris"
as_of = "2026-07-01"

[sources.people]
path = "people.csv"
format = "csv"
static = true
columns = { customer_id = "text", bargains = "integer" }

[sources.orders]
path = "orders/*.csv"
format = "csv"
time = "day"
columns = { customer_id = "text", day = "date" }

[sources.letters]
path = "letters/*.csv"
format = "csv"
time = "day"
null = [""]
columns = { customer_id = "text", campaign = "text", cell = "text", day = "date", answered = "boolean" }

[uplift.letter]
features = "mart.features"
columns = ["bargains", { column = "orders", log = true }]
contacts = { table = "core.letters", campaign = "campaign", treated = "cell = 'sent'", where = "cell <> 'test'", treated_share = 0.6 }
outcome = { event = "core.orders", window_days = 20 }
margin = 20.0
cost = 1.0

[audiences.worth_a_letter]
from = ["mart.features", "mart.letter_uplift"]
where = "letter_incremental_profit > 0"
rank_by = "letter_incremental_profit"
limit = 300
channel = "post"
consent = false
reachable = false
"#;

const CAMPAIGNS: [(&str, &str); 4] =
    [("C1", "2026-02-01"), ("C2", "2026-03-01"), ("C3", "2026-04-01"), ("C4", "2026-05-01")];

/// 2,000 customers; of `bargains` they are fond from 0 to 9. A letter, sent to 60 of 100, brings those an order who are
/// fond of them, and keeps one from those who are not.
fn project(pipeline: &str) -> Project {
    let project = Project::new(pipeline);
    let mut random = 42_u64;
    let mut below = move |most: u32| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((random >> 33) as u32) % most
    };
    let (mut people, mut orders, mut letters) = (
        String::from("customer_id,bargains\n"),
        String::from("customer_id,day\n"),
        String::from("customer_id,campaign,cell,day,answered\n"),
    );
    for n in 0..2000_u32 {
        let bargains = below(10);
        people.push_str(&format!("c{n:04},{bargains}\n"));
        for _ in 0..below(4) {
            orders.push_str(&format!("c{n:04},2026-01-{:02}\n", 1 + below(28)));
        }
        for (campaign, day) in CAMPAIGNS {
            let is_sent = below(100) < 60;
            // Of the letter of test nobody is learnt from.
            let cell = if n % 50 == 0 {
                "test"
            } else if is_sent {
                "sent"
            } else {
                "kept"
            };
            let chance = if is_sent { 15 + 6 * bargains } else { 40 };
            let buys = below(100) < chance;
            letters.push_str(&format!("c{n:04},{campaign},{cell},{day},{buys}\n"));
            if buys {
                orders.push_str(&format!("c{n:04},{}{:02}\n", &day[..8], 3 + below(18)));
            }
        }
    }
    project.file("people.csv", people);
    project.file("orders/1.csv", orders);
    project.file("letters/1.csv", letters);
    project.model("core.orders", "select customer_id, day from raw.orders");
    project.properties("core.orders", "time = \"day\"\n");
    project.model("core.letters", "select customer_id, campaign, cell, day, answered from raw.letters");
    project.properties("core.letters", "time = \"day\"\n");
    project.model(
        "mart.features",
        "select p.customer_id, p.bargains, count(o.day) as orders
         from raw.people p left join core.orders o on o.customer_id = p.customer_id group by 1, 2",
    );
    project.properties("mart.features", "key = [\"customer_id\"]\n");
    project
}

fn metric(project: &Project, name: &str) -> f64 {
    let sql =
        format!("select value from ops.models where model = 'letter' and name = '{name}' and position = 0");
    project.query(&sql)[0].parse().unwrap()
}

#[test]
fn whom_a_letter_wins_comes_first_and_whom_it_drives_away_is_on_no_list() {
    let project = project(PIPELINE);
    project.run(&[]).published();
    // The planted effect is 6 points for each step of bargains, from -25 on.
    assert_eq!(
        project.query(
            "select bargains, abs(avg(letter_uplift) - (bargains * 6 - 25) / 100.0) < 0.06
             from mart.letter_uplift join mart.features using (customer_id) group by 1 order by 1"
        ),
        (0..10).map(|n| format!("{n},true")).collect::<Vec<_>>()
    );
    assert_eq!(
        project.query(
            "select count(*), count(letter_decile), min(letter_decile), max(letter_decile),
               round(max(abs(letter_treated_probability - letter_untreated_probability - letter_uplift)), 9),
               round(max(abs(20.0 * letter_uplift - 1.0 - letter_incremental_profit)), 9)
             from mart.letter_uplift"
        ),
        ["2000,2000,1,10,0.0,0.0"]
    );
    let (low, qini, high) =
        (metric(&project, "qini_low"), metric(&project, "qini"), metric(&project, "qini_high"));
    assert!(0.0 < low && low < qini && qini < high, "{low} {qini} {high}");
    // Sent and kept back of the judged campaign, without the letter of test.
    assert_eq!(metric(&project, "treated_judged") + metric(&project, "controls_judged"), 1960.0);
    let choice = "select count(*), count(distinct note) from ops.models where name = 'qini_of_choice'";
    assert_eq!(project.query(choice), ["2,2"]);
    // The tenths of the judged campaign add up to it, and the first gains more than the last.
    assert_eq!(
        project.query(
            "select sum(treated + controls), count(*), bool_and(uplift between uplift_low and uplift_high),
               max(case when decile = 1 then uplift_low end) > max(case when decile = 10 then uplift_high end)
             from mart.letter_uplift_deciles"
        ),
        ["1960,10,true,true"]
    );
    assert_eq!(
        project.query(
            "select count(*), min(contacted_percent), max(contacted_percent),
               max(profit_per_customer) > max(case when contacted_percent = 100 then profit_per_customer end)
             from mart.letter_uplift_curve"
        ),
        ["101,0,100,true"]
    );
    assert_eq!(
        project.query(
            "select count(*), min(letter_incremental_profit) > 0, min(bargains) >= 4
             from mart.target_lists join mart.letter_uplift using (customer_id) join mart.features using (customer_id)
             where audience = 'worth_a_letter'"
        ),
        ["300,true,true"]
    );
}

#[test]
fn an_outcome_may_be_a_column_of_the_contacts() {
    let event = "outcome = { event = \"core.orders\", window_days = 20 }";
    assert!(PIPELINE.contains(event));
    let (by_event, by_column) =
        (project(PIPELINE), project(&PIPELINE.replace(event, "outcome = { column = \"answered\" }")));
    by_event.run(&[]).published();
    by_column.run(&[]).published();
    // The letters say themselves what the orders say.
    let scores = "select * from mart.letter_uplift order by 1";
    assert_eq!(by_event.query(scores), by_column.query(scores));
}

#[test]
fn what_comes_after_the_window_or_tonight_changes_nothing() {
    let (as_it_is, later) = (project(PIPELINE), project(PIPELINE));
    // Between the windows, long after the last one, and after tonight.
    let orders: String = ["2026-02-22", "2026-06-10", "2026-08-01"]
        .iter()
        .flat_map(|day| (0..2000).step_by(3).map(move |n| format!("c{n:04},{day}\n")))
        .collect();
    later.file("orders/2.csv", format!("customer_id,day\n{}", orders.replace("2026-02-22", "2026-08-02")));
    for project in [&as_it_is, &later] {
        // Features that know no orders: what is left is the outcome.
        project
            .model("mart.features", "select customer_id, bargains, bargains % 3 as orders from raw.people");
        project.run(&[]).published();
    }
    let scores = "select * from mart.letter_uplift order by 1";
    assert_eq!(as_it_is.query(scores), later.query(scores));
}

#[test]
fn a_night_without_news_keeps_the_model_until_a_campaign_is_over() {
    let project = project(PIPELINE);
    let fitted = |run: u32| {
        project.query(&format!("select note from ops.models where name = 'fitted_as_of' and run = {run}"))
    };
    let judged = |run: u32| {
        project.query(&format!("select note from ops.models where name = 'judged_on' and run = {run}"))
    };
    // The window of the fourth is still open.
    let first = project.run(&["--as-of", "2026-05-15"]).published();
    assert!(first.stderr.contains("the campaign C4 is not learnt from yet"), "{}", first.stderr);
    assert_eq!(judged(1), ["the campaign C3"]);
    project.run(&["--as-of", "2026-07-01"]).published();
    assert_eq!(judged(2), ["the campaign C4"]);
    let (marts, parameters) = (shelf(&project.path().join("warehouse")), fitted(2));
    let kept = project.run(&["--as-of", "2026-07-02"]).published();
    assert!(kept.stderr.contains("is kept: nothing that it is made of has changed"), "{}", kept.stderr);
    assert_eq!(fitted(3), parameters);
    let again = shelf(&project.path().join("warehouse"));
    for mart in ["letter_uplift", "letter_uplift_curve", "letter_uplift_deciles"] {
        assert_eq!(marts[mart], again[mart], "{mart}");
    }
}

#[test]
fn where_nobody_was_kept_back_an_experiment_is_proposed() {
    let project = project(PIPELINE);
    project.model(
        "core.letters",
        "select customer_id, campaign, 'sent' as cell, day, answered from raw.letters where cell = 'sent'",
    );
    let run = project.run(&[]).published();
    let why = "select note from ops.models where model = 'letter' and name = 'not_fitted'";
    let why = project.query(why).concat();
    for said in [
        "no experiment: of",
        "contacts of 4 campaigns in core.letters nobody was kept back",
        "an experiment that sees an effect of 5.0 points",
        "in 80 of 100 cases (two-sided test at 5%) needs",
        "(60% contacted)",
    ] {
        assert!(why.contains(said), "{said} is missing: {why}");
    }
    assert!(run.stderr.contains("mart.letter_uplift: not fitted: no experiment"), "{}", run.stderr);
    assert_eq!(project.query("select count(*), count(letter_uplift) from mart.letter_uplift"), ["2000,0"]);
    assert_eq!(project.query("select count(*) from mart.letter_uplift_curve"), ["0"]);
    // By the rate of those who got the letter, and the share that is declared: 60 of 100.
    let (treated, controls) =
        (metric(&project, "experiment_treated"), metric(&project, "experiment_controls"));
    assert!((treated / controls - 1.5).abs() < 0.01 && controls > 500.0, "{treated} {controls}");
}

#[test]
fn who_was_sent_a_letter_by_a_feature_was_in_no_experiment() {
    let project = project(PIPELINE);
    project.model(
        "core.letters",
        "select l.customer_id, l.campaign, case when p.bargains > 3 then 'sent' else 'kept' end as cell, l.day, l.answered
         from raw.letters l join raw.people p on p.customer_id = l.customer_id",
    );
    project.run(&[]).published();
    let why = "select note from ops.models where model = 'letter' and name = 'not_fitted'";
    let why = project.query(why).concat();
    for said in ["the campaign C1:", "this was no experiment", "`bargains` differs by"] {
        assert!(why.contains(said), "{said} is missing: {why}");
    }
}

#[test]
fn who_was_in_both_groups_is_left_out_and_counted() {
    let project = project(PIPELINE);
    project.file(
        "letters/2.csv",
        "customer_id,campaign,cell,day,answered\nc0001,C4,sent,2026-05-01,false\nc0001,C4,kept,2026-05-01,false\nc9999,C4,sent,2026-05-01,false\n",
    );
    let run = project.run(&[]).published();
    for said in [
        "campaign C4: 1 customers were contacted and kept back, they are left out",
        "campaign C4: 1 of 1961 customers had no features then, they are left out",
    ] {
        assert!(run.stderr.contains(said), "{said} is missing: {}", run.stderr);
    }
}

#[test]
fn what_is_wrong_with_a_section_is_told_at_its_line() {
    for (right, wrong, expected) in [
        ("[uplift.letter]", "[uplift.Letter]", "`Letter` cannot be a part of the name of a table"),
        ("campaign = \"campaign\"", "campaign = \"a b\"", "`a b` is not a column name"),
        ("treated = \"cell = 'sent'\"", "treated = \"cell =\"", "the condition is not a SQL expression"),
        ("treated_share = 0.6", "treated_share = 1.5", "`treated_share` is 1.5"),
        (
            "outcome = { event = \"core.orders\", window_days = 20 }",
            "outcome = {}",
            "neither `event` nor `column`",
        ),
        ("window_days = 20", "window_days = 0", "0 days were found"),
        ("margin = 20.0", "margin = 0", "`margin` is 0, an amount above 0 was expected"),
        (
            "table = \"core.letters\"",
            "table = \"core.people\"",
            "core.people does not declare when its events happened",
        ),
        ("[uplift.letter]\n", "[uplift.letter]\npenalty = 2\n", "unknown key `penalty`"),
    ] {
        assert!(PIPELINE.contains(right), "{right}");
        project(&PIPELINE.replacen(right, wrong, 1)).run(&[]).refused(2, &[expected, "pipeline.toml:"]);
    }
    // All at once.
    let wrong = PIPELINE.replace("margin = 20.0", "margin = 0").replace("cost = 1.0", "cost = -1.0");
    project(&wrong).run(&[]).refused(2, &["`margin` is 0", "`cost` is -1"]);
    // A condition that does not fit the contacts shows itself when they are read.
    let wrong = PIPELINE.replace("cell <> 'test'", "cel <> 'test'");
    project(&wrong)
        .run(&[])
        .refused(2, &["there is no column `cel`", "did you mean `cell`?", "[uplift.letter]"]);
}
